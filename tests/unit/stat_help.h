/* stat_help - series for the tests of functions over time, and slow answers to compare with. */
#ifndef TESTS_STAT_HELP_H
#define TESTS_STAT_HELP_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stat.h"

#define SERIES_MAX 4000

/* A random number that is the same in every run. */
static inline uint64_t dice(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline double dice_real(uint64_t *seed) /* 0..1 */
{
	return (double) (dice(seed) >> 11) / 9007199254740992.0;
}

/* One row of a function. */
struct row {
	enum stat_fn fn;
	struct stat_window w;
	struct stat_memory memory;
	void *state;
};

static inline void row_open(struct row *r, enum stat_fn fn, uint64_t span_us, bool whole)
{
	r->fn = fn;
	r->memory = (struct stat_memory){ .max = 1 << 20 };
	stat_window_init(&r->w, fn, span_us, 10 * US_PER_S, whole, &r->memory);
	r->state = calloc(1, stat_size(fn, &r->w));
	cr_assert_not_null(r->state);
}

static inline void row_close(struct row *r)
{
	stat_done(r->fn, r->state, &r->w);
	cr_expect_eq(r->memory.used, 0, "%s keeps memory", stat_of(r->fn)->name);
	free(r->state);
}

static inline double row_feed(struct row *r, uint64_t t_us, double v)
{
	struct stat_sample s = {
		.time_us = t_us, .count = (int64_t) v, .value = v, .report = true
	};

	return stat_feed(r->fn, r->state, &r->w, &s);
}

static inline double row_count(struct row *r, uint64_t t_us, int64_t count)
{
	struct stat_sample s = {
		.time_us = t_us, .count = count, .value = (double) count, .report = true
	};

	return stat_feed(r->fn, r->state, &r->w, &s);
}

/* A series at irregular times, some of them bursts and pauses. */
struct series {
	unsigned n;
	uint64_t t[SERIES_MAX];
	double v[SERIES_MAX];
};

/* The first sample that is in the window of the last: all of D, and the rest of the part that its
 * start is in (stat.h). */
static inline unsigned window_start(const struct series *x, unsigned last,
				    const struct stat_window *w)
{
	uint64_t oldest = x->t[last] > w->span_us ? (x->t[last] - w->span_us) / w->part_us : 0;
	unsigned k = last;

	while (k > 0 && x->t[k - 1] / w->part_us >= oldest)
		k--;
	return k;
}

static inline void series_make(struct series *x, unsigned n, uint64_t seed)
{
	uint64_t t = 1000 * US_PER_S + dice(&seed) % US_PER_S;
	double level = 1000;

	x->n = n;
	for (unsigned k = 0; k < n; k++) {
		uint64_t kind = dice(&seed) % 20;

		t += kind == 0	? 5 * US_PER_S
		     : kind < 4 ? 1 + dice(&seed) % 50000
				: 200000 + dice(&seed) % US_PER_S;
		if (dice(&seed) % 50 == 0)
			level = exp(dice_real(&seed) * 12);
		x->t[k] = t;
		x->v[k] = level * (0.5 + dice_real(&seed));
		if (dice(&seed) % 30 == 0)
			x->v[k] = dice(&seed) % 2 ? 0 : -x->v[k];
	}
}

#endif
