/*
 * history - what watched facts were: 1 s for ten minutes, 10 s for a day, compressed.
 *
 * A series is one numeric attribute of one entity.  It is kept while somebody keeps it
 * (history_keep: watches, statistics, configuration, an open incident), and its past goes
 * HISTORY_LINGER_US after the last one let go.  All series together stay within a budget of bytes;
 * beyond it the coarse tiers that were not read for longest go first, then new series are refused,
 * then the fine tier gets shorter; each is counted (struct history_stats).
 *
 * Two tiers, each a chain of compressed blocks that drop off at the old end:
 *   fine    one sample a second for 10 minutes (a faster source: the last one of the second)
 *   coarse  one sample in 10 s for a day: for a counter its value, for anything else mean,
 *           least and greatest of the 10 s
 * Gaps (unknown, daemon not running) are stored as gaps and drawn as gaps.
 *
 * The fine tier is exact for INT, BOOL and counters; a REAL is kept to 2^-17 of itself.  In the
 * coarse tier a counter is behind by less than 1/256 of the increase of its last step and never
 * ahead, which does not add up; other values are kept to 1/512 (HISTORY_*_MANTISSA).
 *
 * Pure: no I/O, time is an argument.  Threads: the host's one.
 */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include "facts/table.h"

#define HISTORY_FINE_STEP_US   (UINT64_C(1) * 1000000)
#define HISTORY_FINE_SPAN_US   (UINT64_C(600) * 1000000)
#define HISTORY_COARSE_STEP_US (UINT64_C(10) * 1000000)
#define HISTORY_COARSE_SPAN_US (UINT64_C(86400) * 1000000)
#define HISTORY_LINGER_US      (UINT64_C(3600) * 1000000)
#define HISTORY_BYTES_DFLT     (8u << 20)
#define HISTORY_BYTES_MIN      (256u << 10)
#define HISTORY_BYTES_MAX      (1024u << 20)
/* A series is let in while so much of the budget is there for each: coder and ten minutes of
 * samples, or of an event-driven attribute a few changes.  What is kept because somebody watches
 * all of a kind leaves a quarter for what was chosen by name. */
#define HISTORY_SERIES_BYTES 2048
#define HISTORY_EVENT_BYTES  704

/* Leading bits kept of a REAL in the fine tier, and of anything in the coarse one; absolute
 * errors below 2^-SCALE units do not count. */
#define HISTORY_FINE_MANTISSA	16
#define HISTORY_COARSE_MANTISSA 8
#define HISTORY_REAL_SCALE	30
#define HISTORY_INT_SCALE	6

struct history;

struct history_stats {
	unsigned n_series;
	uint64_t n_refused; /* wished for and not kept: over the budget */
	uint64_t n_samples; /* stored now */
	size_t bytes;	    /* of compressed blocks and bookkeeping */
	size_t max_bytes;   /* the budget of them */
	uint64_t n_shed;    /* coarse tiers that were given up for want of memory */
	uint64_t n_lost;    /* samples that were not kept for want of memory */
	uint64_t n_late;    /* samples from before the last one, ignored */
};

struct history *history_new(struct store *store, size_t max_bytes);
struct history *history_free(struct history *h);
DEFINE_CLEANUP(struct history *, history_free);

/* Another budget; what is over it is given up at once. */
void history_set_memory(struct history *h, size_t max_bytes);

/* Keep the series of an attribute of one entity, or with entity 0 of all of its kind; counted. */
int history_keep(struct history *h, const struct schema_attr *a, uint32_t entity);
void history_drop(struct history *h, const struct schema_attr *a, uint32_t entity);

/* Take what was touched since the last store_settle(); entities that went lose their series
 * after HISTORY_LINGER_US. */
void history_run(struct history *h, uint64_t now_us);

struct history_point {
	uint64_t time_us; /* CLOCK_BOOTTIME, begin of the step */
	bool known;	  /* false: a gap */
	double value;	  /* of a counter: its value; else the mean of the step */
	int64_t exact;	  /* of a counter, and of an INT or BOOL in the fine tier: all 64 bits */
	double low, high; /* coarse steps of what is no counter; else equal to value */
};
/* Points of a series from 'from_us' to 'to_us' (inclusive), the finest tier that reaches back to
 * 'from_us' or, with 'step_us' > 0, not finer than that; oldest first.  malloc()ed.  -ENOENT: not
 * kept.  One gap is one point, however long.  What is read is the last to be given up. */
int history_read(struct history *h, const struct schema_attr *a, const char *entity,
		 uint64_t from_us, uint64_t to_us, uint64_t step_us, struct history_point **ret,
		 unsigned *ret_n, uint64_t *ret_step_us);
/* BYTES and PACKETS that are sampled: they only grow, until their source begins anew. */
bool history_is_counter(const struct schema_attr *a);

struct history_info {
	const struct schema_attr *attr;
	const char *entity; /* borrowed */
	bool alive;	    /* somebody keeps it, and its entity is there */
	uint32_t n_fine, n_coarse;
	size_t bytes;
};
/* Every series there is, in no order; the history is not to be changed meanwhile. */
void history_each(const struct history *h, void (*fn)(const struct history_info *i, void *data),
		  void *data);

void history_get_stats(const struct history *h, struct history_stats *ret);

#endif
