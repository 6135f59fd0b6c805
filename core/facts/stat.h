/*
 * stat - the functions over time, one row at a time: what stats.c feeds, testable alone.
 *
 * A function has a state per row, in zeroed memory that its owner provides (stat_size() bytes,
 * aligned to 8).  stat_feed() takes the next sample and answers with the value of the function,
 * NAN while it is unknown.  Where the owner cannot vouch for the time between two samples (the
 * fact was unknown, or nothing came for longer than its maximum age) it calls stat_break(), and
 * the function begins anew; so a family takes the samples it gets for the whole truth.
 * stat_done() frees what the state holds beside itself and zeroes it.
 *
 * Samples come with growing time, closer together than stat_window.gap_us.
 *
 * Windows.  A window of length D is cut into parts of D / STAT_PARTS; parts begin at multiples of
 * their length, and a part leaves the window when it ends D or more before the newest sample.  So
 * the samples of the last D are all in it, and at most those of one part more.  Only "rate" looks
 * at exactly D.
 *
 * Pure; no allocation but in the sketches, which draw on 'memory'.
 */
#ifndef FACTS_STAT_H
#define FACTS_STAT_H

#include <anod/value.h>

#include "base/util.h"

#define STAT_PARTS	  32
#define STAT_PARTS_SKETCH 16  /* of the quantiles */
#define STAT_PARTS_ZSCORE 240 /* with one sample each */

enum stat_fn {
	STAT_RATE = 1,
	STAT_MEAN,
	STAT_LOW,
	STAT_HIGH,
	STAT_P50,
	STAT_P95,
	STAT_P99,
	STAT_TREND,
	STAT_EWMA,
	STAT_ZSCORE,
	STAT_CHANGED,
	STAT_SHIFT,
	STAT_LEVEL,
	STAT_UNUSUAL,
	STAT_LOSSY,
};

enum stat_wants { STAT_NO = 0, STAT_YES, STAT_MAYBE };

/* What the language knows of a function. */
struct stat_desc {
	const char *name;
	enum stat_fn fn;
	enum stat_wants window;
	unsigned n_args; /* 1 or 2 */
	bool truth;	 /* the result is BOOL, else REAL */
	bool counter;	 /* the arguments must be counters */
	bool any;	 /* of any type, else numbers */
};
const struct stat_desc *stat_find(const char *name); /* NULL: no such function */
const struct stat_desc *stat_nth(unsigned n);	     /* NULL behind the last one */
const struct stat_desc *stat_of(enum stat_fn fn);

/* Unit of the result for an argument of a unit, and what one unit of the family's answer is in
 * it: a rate of bytes is a bit rate. */
uint8_t stat_unit(enum stat_fn fn, uint8_t unit);
double stat_scale(enum stat_fn fn, uint8_t unit);

/* What the sketches may take beside their states, together. */
struct stat_memory {
	size_t used, max;
	uint64_t n_refused;
};

struct stat_window {
	uint64_t span_us; /* D; 0: the function has none */
	uint64_t part_us;
	uint64_t gap_us; /* no two samples of a row are farther apart */
	unsigned shift;	 /* times in 32 bits count in 2^shift us */
	bool whole;	 /* the values are whole numbers */
	struct stat_memory *memory;
};
/* 'max_age_us' 0: event-driven, fed at least every stat_hold_us(). */
void stat_window_init(struct stat_window *w, enum stat_fn fn, uint64_t span_us, uint64_t max_age_us,
		      bool whole, struct stat_memory *memory);

/* The value of an event-driven fact holds between two reports: functions of its samples are fed
 * with it so often.  0: only reports are samples. */
uint64_t stat_hold_us(enum stat_fn fn, uint64_t span_us);

struct stat_sample {
	uint64_t time_us;
	int64_t count, second; /* of a counter, and of the second argument */
	double value;
	uint64_t changed_us; /* when the value last changed */
	bool report;	     /* false: the value of before, which still holds */
};

size_t stat_size(enum stat_fn fn, const struct stat_window *w);
double stat_feed(enum stat_fn fn, void *state, const struct stat_window *w,
		 const struct stat_sample *s);
void stat_break(enum stat_fn fn, void *state, const struct stat_window *w);
void stat_done(enum stat_fn fn, void *state, const struct stat_window *w);
/* When the answer may change without a sample, or US_INFINITY. */
uint64_t stat_due(enum stat_fn fn, const void *state, const struct stat_window *w);

/* ---- families; for stat.c, the tests and the bench ------------------------------------------ */

/* stat_rate.c */
size_t rate_size(const struct stat_window *w);
double rate_feed(void *state, const struct stat_window *w, const struct stat_sample *s);

/* stat_window.c */
size_t mean_size(void);
double mean_feed(void *state, const struct stat_window *w, const struct stat_sample *s);
size_t extreme_size(void);
double extreme_feed(void *state, const struct stat_window *w, const struct stat_sample *s,
		    bool high);

/* stat_trend.c */
size_t trend_size(void);
double trend_feed(void *state, const struct stat_window *w, const struct stat_sample *s);

/* stat_ewma.c */
size_t ewma_size(void);
double ewma_feed(void *state, const struct stat_window *w, const struct stat_sample *s);

/* stat_quantile.c */
size_t quantile_size(void);
double quantile_feed(void *state, const struct stat_window *w, const struct stat_sample *s,
		     double q);
void quantile_done(void *state, const struct stat_window *w);

/* stat_zscore.c */
size_t zscore_size(void);
double zscore_feed(void *state, const struct stat_window *w, const struct stat_sample *s);
void zscore_done(void *state, const struct stat_window *w);

/* stat_changed.c */
size_t changed_size(void);
double changed_feed(void *state, const struct stat_window *w, const struct stat_sample *s);
uint64_t changed_due(const void *state, const struct stat_window *w);

/* stat_detect.c */
size_t detect_size(enum stat_fn fn);
double detect_feed(enum stat_fn fn, void *state, const struct stat_window *w,
		   const struct stat_sample *s);
void detect_break(enum stat_fn fn, void *state);
uint64_t detect_due(enum stat_fn fn, const void *state, const struct stat_window *w);

/* Has the window been seen whole by 'now_us', for a row whose first sample was at 'first_us'? */
static inline bool stat_covered(const struct stat_window *w, uint64_t first_us, uint64_t now_us)
{
	return now_us - first_us >= w->span_us;
}

/* Number of the part that a time is in, and of the oldest part of the window that ends there. */
static inline uint32_t stat_part(const struct stat_window *w, uint64_t t_us)
{
	return (uint32_t) (t_us / w->part_us);
}

static inline uint32_t stat_part_oldest(const struct stat_window *w, uint64_t t_us)
{
	return t_us > w->span_us ? (uint32_t) ((t_us - w->span_us) / w->part_us) : 0;
}

#endif
