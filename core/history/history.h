/*
 * history - what watched facts were: 1 s for ten minutes, 10 s for a day, compressed.
 *
 * A series is one numeric attribute of one entity.  It is kept while somebody keeps it
 * (history_keep: watches, statistics, configuration, an open incident), and its past goes
 * HISTORY_LINGER_US after the last one let go.  All series together stay within a budget of bytes;
 * beyond it new ones are refused and counted, and history_stats() says so.
 *
 * Two tiers, each a chain of compressed blocks that drop off at the old end:
 *   fine    one sample a second for 10 minutes (a faster source: the last one of the second)
 *   coarse  one sample in 10 s for a day: for a counter its value, for anything else mean,
 *           least and greatest of the 10 s
 * Gaps (unknown, daemon not running) are stored as gaps and drawn as gaps.
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

struct history;

struct history_stats {
	unsigned n_series;
	uint64_t n_refused; /* wished for and not kept: over the budget */
	uint64_t n_samples; /* stored now */
	size_t bytes;	    /* of compressed blocks and bookkeeping */
};

struct history *history_new(struct store *store, size_t max_bytes);
struct history *history_free(struct history *h);
DEFINE_CLEANUP(struct history *, history_free);

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
	double low, high; /* coarse steps of what is no counter; else equal to value */
};
/* Points of a series from 'from_us' to 'to_us' (inclusive), the finest tier that reaches back to
 * 'from_us' or, with 'step_us' > 0, not finer than that; oldest first.  malloc()ed.  -ENOENT: not
 * kept. */
int history_read(const struct history *h, const struct schema_attr *a, const char *entity,
		 uint64_t from_us, uint64_t to_us, uint64_t step_us, struct history_point **ret,
		 unsigned *ret_n, uint64_t *ret_step_us);
void history_get_stats(const struct history *h, struct history_stats *ret);

#endif
