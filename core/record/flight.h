/*
 * flight - what was measured around an incident, kept in a file.
 *
 * One file for each incident, "flight/NUMBER.rec" in the state folder: a header, then a record for
 * each series with the samples of its fine tier, compressed as in memory (history/codec.h).  All
 * numbers are little-endian; header and records have a CRC-32C each, so that what is whole of a
 * damaged file still reads.
 *
 * A file is written beside and renamed, so it is the old one or the new one.  It is not synced: it
 * explains, nothing is decided on it, and a flash should not pay for it twice.  A power cut may
 * take the last half minute of files; their CRC says so.
 *
 * Errors: negative errno.  Memory: what is returned is the caller's.
 */
#ifndef RECORD_FLIGHT_H
#define RECORD_FLIGHT_H

#include "history/history.h"

#define FLIGHT_DIR	  "flight"
#define FLIGHT_VERSION	  1
#define FLIGHT_FILE_MAX	  (1u << 20)  /* bytes of one; further series are left out and counted */
#define FLIGHT_BYTES_MAX  (16u << 20) /* of all; beyond it the oldest files go */
#define FLIGHT_SERIES_MAX 2048
#define FLIGHT_POINTS_MAX 1200 /* samples of a series: more would not be ten minutes */

struct flight_head {
	uint64_t incident;
	uint64_t opened_us, from_us, to_us; /* CLOCK_BOOTTIME of the boot that wrote it */
	int64_t wall_offset_us;		    /* add it for wall clock */
	uint32_t n_series, n_left_out;
	bool complete; /* with the minutes behind the opening */
	char title[ANOD_REASON_SIZE];
};

struct flight_series {
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE], attr[ANOD_NAME_SIZE];
	uint8_t type, unit;
	bool counter;
	unsigned n;
	struct history_point *point; /* owned; times of the file's boot */
};

/* ---- writing ----------------------------------------------------------------------------------- */

struct flight_writer;
struct flight_writer *flight_writer_new(const struct flight_head *head);
struct flight_writer *flight_writer_free(struct flight_writer *w);
DEFINE_CLEANUP(struct flight_writer *, flight_writer_free);
/* 0; 1: left out, the file is full; -EINVAL: points that are not in order. */
int flight_add(struct flight_writer *w, const struct flight_series *s);
/* Into 'dir' (the state folder); afterwards the oldest files go until all fit, this one never.
 * '*ret_bytes' were written, also when it failed. */
int flight_write(struct flight_writer *w, const char *dir, uint64_t *ret_bytes);
/* The bytes of the file; valid until the next flight_add(). */
const uint8_t *flight_image(struct flight_writer *w, size_t *ret_size);

/* ---- reading ----------------------------------------------------------------------------------- */

struct flight {
	struct flight_head head;
	unsigned n, n_damaged; /* series that read, and records that do not */
	struct flight_series *series;
};
/* -EBADMSG: the header is not one of a flight file, or of a version that we do not know. */
int flight_parse(const uint8_t *data, size_t size, struct flight *ret);
void flight_done(struct flight *f);
/* -ENOENT: there is none of this incident.  -EBADMSG: as above, or no plain file. */
int flight_read(const char *dir, uint64_t incident, struct flight *ret);

struct flight_entry {
	uint64_t incident;
	uint64_t bytes;
};
/* All files, those of the oldest incidents first; malloc()ed. */
int flight_list(const char *dir, struct flight_entry **ret, unsigned *ret_n);

#endif
