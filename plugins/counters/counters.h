/*
 * counters - what the files of the sensor share.
 *
 * Thread: the host's loop.  Memory: 'struct counters' is the host's; rows are malloc()ed and
 * freed in fini().
 */
#ifndef PLUGIN_COUNTERS_H
#define PLUGIN_COUNTERS_H

#include <uthash.h>

#include <anod/plugin.h>

#include "rates.h"

#define BUF_SIZE (32u << 10)

enum fact {
	RX_BYTES,
	TX_BYTES,
	RX_PACKETS,
	TX_PACKETS,
	RX_ERRORS,
	TX_ERRORS,
	RX_DROPPED,
	TX_DROPPED,
	RX_CRC_ERRORS,
	RX_BPS,
	TX_BPS,
	RX_PPS,
	TX_PPS,
	UTIL,
	FACTS
};

struct row {
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	struct reading last;
	uint64_t sweep; /* in which it was read last */
	UT_hash_handle hh;
};

struct nl_sock;

struct counters {
	struct anod_ctx *ctx;
	struct nl_sock *sock;
	uint64_t io, timer;
	uint64_t sweep; /* number of the request that is answered, or was */
	bool sweeping;
	bool failing; /* already reported */
	int fact[FACTS];
	struct row *rows;
	uint8_t buf[BUF_SIZE] __attribute__((aligned(8)));
};

extern const struct anod_attr link_counters[]; /* FACTS of them, in that order */

/* A link's counters were read. */
void row_take(struct counters *c, uint32_t ifindex, const struct reading *now);
/* Forget links that this sweep did not find. */
void rows_sweep(struct counters *c);
void rows_free(struct counters *c);

#endif
