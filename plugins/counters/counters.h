/*
 * counters - what the files of the sensor share.
 *
 * counters.c decides when links are read, sweep.c reads them, stats.c takes the messages apart,
 * rows.c knows the links and stores, rates.c calculates, attrs.c is what is published.
 *
 * Thread: the host's loop.  Memory: 'struct counters' is the host's; rows are malloc()ed and
 * freed in fini().
 */
#ifndef PLUGIN_COUNTERS_H
#define PLUGIN_COUNTERS_H

#include <sys/socket.h>

#include <anod/plugin.h>

#include "rates.h"
#include "stats.h"

#define BUF_SIZE   (32u << 10) /* the kernel fills up to this much of a dump at once */
#define WANTED_MAX 64	       /* links that are wanted by name; more: all links are read */
#define SLICE_SIZE 1024	       /* of the buffer, for one answer to a request for one link */
#define SLICES	   (BUF_SIZE / SLICE_SIZE)

/* In the order of link_counters[].  Those before RX_BPS are the kernel's. */
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
	RX_MISSED,
	RX_FIFO_ERRORS,
	RX_FRAME_ERRORS,
	RX_LENGTH_ERRORS,
	TX_CARRIER_ERRORS,
	MULTICAST,
	COLLISIONS,
	RX_BPS,
	TX_BPS,
	RX_PPS,
	TX_PPS,
	UTIL,
	FACTS
};
#define COUNTERS RX_BPS

/* A link, as the hot path needs it. */
struct row {
	uint32_t ifindex; /* 0: free */
	uint32_t entity;  /* 0: not known yet */
	uint32_t next;	  /* the row that was read after this one */
	uint32_t round;	  /* sweep that read it last */
	struct reading last;
	int64_t capacity; /* bits per second; 0: unknown */
	bool has_util;	  /* was published */
};

/* The rest of it. */
struct row_name {
	char name[ANOD_IFNAME_SIZE];
	uint32_t wait, tries; /* sweeps until its entity is looked for again */
};

struct wanted { /* a link to be read more often than the others */
	char name[ANOD_NAME_SIZE];
	uint32_t row; /* a guess */
	uint64_t every_us;
};

struct nl_sock;

struct counters {
	struct anod_ctx *ctx;
	struct nl_sock *sock;
	int fd;
	int first_fact; /* handle of the first of link_counters[] */
	uint64_t io, timer;

	/* when: counters.c */
	uint64_t idle_us;  /* option */
	uint64_t every_us; /* what others want of all links; 0: nothing */
	struct wanted wanted[WANTED_MAX];
	unsigned n_wanted;
	uint64_t crowd_us;    /* more are wanted than have room: all links so often; 0: no */
	uint64_t tick_us;     /* between two ticks of the timer */
	uint64_t due_us;      /* when the next tick should be */
	uint64_t full_due_us; /* the next sweep over all links */
	uint64_t paced_us;    /* what the observation budget made of the full period */
	uint64_t good_us;     /* when the last such sweep had ended well; 0: never */
	bool lost;	      /* said so */
	bool failing;	      /* already reported */

	/* reading: sweep.c */
	uint32_t seq;	       /* of the last request */
	uint64_t sent_us;      /* when the kernel filled what will be received next */
	bool sweeping;	       /* a dump is being read */
	bool interrupted;      /* this dump is not consistent */
	unsigned n_retries;    /* dumps in a row that were not */
	uint32_t round;	       /* number of the sweep */
	unsigned n_expected;   /* answers that are still to come, to requests for one link each */
	uint32_t expected;     /* sequence number of the first of them */
	unsigned n_unexpected; /* how many of these did not come */

	/* links: rows.c */
	struct row *row; /* row 0 is before the first */
	struct row_name *row_name;
	uint32_t *by_ifindex; /* row numbers in the order of ifindex */
	uint32_t n_rows, rows_size, n_links;
	uint32_t at; /* row that was read last */

	struct mmsghdr answer[SLICES];
	struct iovec slice[SLICES];
	uint8_t buf[BUF_SIZE] __attribute__((aligned(8)));
};

extern const struct anod_kind counters_kinds[];

/* ---- sweep.c ----------------------------------------------------------------------------- */

int sweep_open(struct counters *c);
void sweep_close(struct counters *c);
/* Ask for all links and read as far as one turn allows. */
void sweep_all(struct counters *c);
/* Ask for the links that are wanted by name, and read the answers. */
void sweep_wanted(struct counters *c);
anod_io_fn sweep_io;

/* ---- counters.c --------------------------------------------------------------------------- */

/* A sweep over all links ended: 0 or -errno. */
void swept(struct counters *c, int error);

/* ---- rows.c ------------------------------------------------------------------------------- */

int rows_init(struct counters *c);
void rows_free(struct counters *c);
/* A link was read at 'time_us'. */
void row_take(struct counters *c, const struct stats *s, uint64_t time_us);
/* The same out of the order of a dump. */
void row_take_one(struct counters *c, const struct stats *s, uint64_t time_us);
/* Begin at the first link again. */
void rows_begin(struct counters *c);
/* Forget links that this sweep did not find. */
void rows_end(struct counters *c);
/* Capacities may have changed. */
void rows_refresh(struct counters *c);
/* The ifindex of a link that is wanted by name, 0: not known (yet). */
uint32_t row_wanted(const struct counters *c, struct wanted *w);

#endif
