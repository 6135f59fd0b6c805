/*
 * slot - a journal record as 512-byte slots, and back.
 *
 * A record is packed (only the used bytes of each step) and cut into slots.  Each slot has its
 * own head and CRC, so nothing inside a payload can be taken for the start of a record, and each
 * names the CRC of the whole record, so slots of two writes never make one.
 *
 * Pure functions on buffers; libc and base/util only.  Errors: negative errno.
 */
#ifndef TXN_SLOT_H
#define TXN_SLOT_H

#include "txn/journal.h"

#define SLOT_HEAD 32
#define SLOT_ROOM (JOURNAL_SLOT - SLOT_HEAD)
/* Slots of the longest record. */
#define SLOT_PARTS_MAX 160

/* Slots that 'r' takes; -EINVAL for one that is not well-formed (see slot_encode). */
int slot_count(const struct journal_record *r);

/* Write 'r' into 'buf' of slot_count() slots.  'seq' must grow from record to record; 'prev' is
 * *ret_crc of the record before.  The number of slots, or -EINVAL: unknown type, more than
 * STEPS_MAX steps, a message longer than ANOD_NLMSG_MAX. */
int slot_encode(const struct journal_record *r, uint64_t seq, uint32_t prev, uint8_t *buf,
		uint32_t *ret_crc);

struct slot_scan {
	uint64_t n_records;
	uint64_t n_bad;	 /* slots that are neither empty nor part of a whole record */
	uint64_t n_gaps; /* whole records whose predecessor is missing */
	uint64_t last_seq;
	uint32_t last_crc;
	size_t end; /* bytes up to the end of the last slot that is not empty */
};

/* Each whole record of 'buf' in order; 'r' and its steps die on return.  Slots are tried one by
 * one, so damage hides only the record that it lies in.  A record whose number is not above all
 * before it is an old copy and is left out.  Non-zero from 'fn' stops and is returned. */
int slot_scan(const uint8_t *buf, size_t size, journal_fn *fn, void *data, struct slot_scan *ret);

/* Without checking any CRC: the slots of the record that seems to begin here, and whose it is;
 * 0: none begins here.  To skip what slot_scan() need not look at. */
unsigned slot_peek(const uint8_t *slot, uint64_t *ret_tx);

#endif
