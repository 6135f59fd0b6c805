/* Also of series_walk.c: what was fed is walked again. */
#include "history/series.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <math.h>

#include "base/clock.h"

#define S HISTORY_FINE_STEP_US

static const struct schema_attr counter = { .type = ANOD_INT,
					    .unit = ANOD_UNIT_BYTES,
					    .max_age_us = 3 * S };
static const struct schema_attr gauge = { .type = ANOD_INT,
					  .unit = ANOD_UNIT_BPS,
					  .max_age_us = 3 * S };
static const struct schema_attr real = { .type = ANOD_REAL,
					 .unit = ANOD_UNIT_RATIO,
					 .max_age_us = 3 * S };
static uint64_t seed = 88172645463325252;

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

struct seen {
	unsigned n, n_gaps;
	uint64_t first_us, last_us;
	struct history_point point[10000];
};

static void see(void *data, const struct history_point *p, bool gap)
{
	struct seen *s = data;

	if (s->n == 0)
		s->first_us = p->time_us;
	else
		cr_assert(gt(u64, p->time_us, s->last_us));
	s->last_us = p->time_us;
	s->n_gaps += gap;
	s->point[s->n++] = *p;
}

static struct seen *walk(struct arena *a, const struct series *s, bool coarse)
{
	static struct seen seen;
	struct series_walk w = { .to_us = UINT64_MAX, .fn = see, .data = &seen };

	seen.n = seen.n_gaps = 0;
	cr_assert(eq(int, series_walk(a, s, coarse, &w), 0));
	return &seen;
}

static struct series *begin(struct arena *a, const struct schema_attr *attr)
{
	struct series *s = calloc(1, series_size(series_form(attr), "eth0"));

	arena_init(a, 8 << 20);
	series_init(s, attr, 1, "eth0");
	return s;
}

static void end(struct arena *a, struct series *s)
{
	series_done(a, s);
	cr_assert(eq(u64, a->used, 0));
	arena_done(a);
	free(s);
}

static int64_t bits_of(double v)
{
	union {
		double r;
		int64_t i;
	} u = { .r = v };

	return u.i;
}

Test(series, a_day_of_a_counter_never_drifts_and_never_goes_back)
{
	static int64_t at[90001]; /* by second */
	int64_t v = INT64_C(1) << 60, last = 0;
	struct seen *seen;
	struct arena a;
	struct series *s = begin(&a, &counter);

	for (unsigned i = 1; i <= 90000; i++) {
		/* Bursts over six decades, and silence between. */
		if (i % 500 < 300)
			v += (int64_t) (dice() % (1000u << (i / 500 % 20)));
		at[i] = v;
		cr_assert(eq(int, series_feed(&a, s, i * S, v), 0));
	}
	seen = walk(&a, s, false);
	cr_assert(ge(uint, seen->n, 600));
	cr_assert(le(uint, seen->n, 600 + FINE_BLOCK + 1));
	for (unsigned i = 0; i < seen->n; i++)
		cr_assert(eq(i64, seen->point[i].exact, at[seen->point[i].time_us / S]));

	seen = walk(&a, s, true);
	cr_assert(ge(uint, seen->n, 8640));
	cr_assert(eq(uint, seen->n_gaps, 0));
	for (unsigned i = 0; i < seen->n; i++) {
		int64_t true_value = at[MAX_OF(seen->point[i].time_us / S, 1)], is;
		int64_t step = i ? true_value - last : 0;

		is = seen->point[i].exact;
		cr_assert(le(i64, is, true_value));
		cr_assert(le(i64, true_value - is, step / 256 + 1), "at %u: %lld of %lld", i,
			  (long long) (true_value - is), (long long) step);
		if (i > 0)
			cr_assert(ge(i64, is, seen->point[i - 1].exact));
		last = is;
	}
	end(&a, s);
}

Test(series, a_counter_that_begins_anew_is_right_at_once)
{
	struct seen *seen;
	struct arena a;
	struct series *s = begin(&a, &counter);

	for (unsigned i = 1; i <= 400; i++)
		cr_assert(eq(int,
			     series_feed(&a, s, i * S,
					 i < 205 ? INT64_C(1000000007) * i : 1013 * (i - 205)),
			     0));
	seen = walk(&a, s, true);
	for (unsigned i = 0; i < seen->n; i++) {
		int64_t t = (int64_t) (seen->point[i].time_us / S);
		int64_t is = seen->point[i].exact;

		if (t >= 210)
			cr_assert(is <= 1013 * (t - 205) && is >= 1013 * (t - 205) - 40,
				  "at %lld: %lld", (long long) t, (long long) is);
	}
	end(&a, s);
}

Test(series, gauges_and_reals_keep_mean_low_and_high)
{
	static double v[6001];
	const struct schema_attr *attr[] = { &gauge, &real };

	for (unsigned x = 0; x < 2; x++) {
		struct arena a;
		struct series *s = begin(&a, attr[x]);
		struct seen *seen;

		for (unsigned i = 1; i <= 6000; i++) {
			v[i] = x ? (double) (dice() % 1000000) * 1e-6
				 : -5000.0 + (double) (dice() % 100000);
			cr_assert(eq(int,
				     series_feed(&a, s, i * S, x ? bits_of(v[i]) : (int64_t) v[i]),
				     0));
		}
		seen = walk(&a, s, false);
		for (unsigned i = 0; i < seen->n; i++) {
			double w = v[seen->point[i].time_us / S];

			cr_assert(fabs(seen->point[i].value - w) <=
				  (x ? fabs(w) * 0x1p-17 + 1e-9 : 0));
		}
		seen = walk(&a, s, true);
		cr_assert(eq(uint, seen->n, 600));
		for (unsigned i = 1; i + 1 < seen->n; i++) {
			const struct history_point *p = &seen->point[i];
			double sum = 0, low = 1e300, high = -1e300, off;

			for (unsigned k = 0; k < 10; k++) {
				double w = v[p->time_us / S + k];

				sum += w / 10;
				low = fmin(low, w);
				high = fmax(high, w);
			}
			off = fmax(fabs(low), fabs(high)) / 512 + 0.01;
			cr_assert(fabs(p->value - sum) <= off && fabs(p->low - low) <= off &&
				  fabs(p->high - high) <= off);
			cr_assert(p->low <= p->value && p->value <= p->high);
		}
		end(&a, s);
	}
}

Test(series, sources_of_any_pace_make_one_sample_a_second_and_no_false_gap)
{
	static const struct {
		uint64_t period, jitter;
		unsigned low, high; /* samples of 200 s */
	} as[] = { { S, 0, 200, 201 },		 { S, S / 5, 198, 203 },
		   { S / 10, 0, 199, 202 },	 { S * 9 / 10, 0, 198, 202 },
		   { S * 11 / 10, 0, 180, 183 }, { 2 * S, S / 8, 99, 102 } };

	for (size_t x = 0; x < ARRAY_SIZE(as); x++) {
		for (uint64_t phase = 0; phase < S; phase += S / 7) {
			struct arena a;
			struct series *s = begin(&a, &counter);
			struct seen *seen;

			for (uint64_t t = 100 * S + phase; t < 300 * S; t += as[x].period)
				cr_assert(eq(
					int,
					series_feed(&a, s,
						    t + (as[x].jitter ? dice() % as[x].jitter : 0),
						    (int64_t) t),
					0));
			seen = walk(&a, s, false);
			cr_assert(ge(uint, seen->n, as[x].low), "%zu: %u", x, seen->n);
			cr_assert(le(uint, seen->n, as[x].high), "%zu: %u", x, seen->n);
			cr_assert(eq(uint, seen->n_gaps, 0));
			end(&a, s);
		}
	}
}

Test(series, silence_beyond_the_maximum_age_and_jumps_of_the_clock_are_gaps)
{
	struct arena a;
	struct series *s = begin(&a, &gauge);
	uint64_t t = 100 * S;
	struct seen *seen;

	for (unsigned i = 0; i < 50; i++, t += S)
		cr_assert(eq(int, series_feed(&a, s, t, 1), 0));
	t += 4 * S; /* too old meanwhile */
	for (unsigned i = 0; i < 50; i++, t += S)
		cr_assert(eq(int, series_feed(&a, s, t, 2), 0));
	cr_assert(eq(int, series_feed(&a, s, t - 10 * S, 9), -ERANGE));
	s->gap = true; /* withdrawn and back */
	cr_assert(eq(int, series_feed(&a, s, t, 3), 0));
	t += 3600 * S;
	cr_assert(eq(int, series_feed(&a, s, t, 4), 0));
	cr_assert(eq(int, series_feed(&a, s, t + S, 4), 0));
	seen = walk(&a, s, false);
	cr_assert(eq(uint, seen->n_gaps, 3));
	cr_assert(eq(uint, seen->n, 103));
	seen = walk(&a, s, true);
	cr_assert(eq(uint, seen->n_gaps, 3));

	series_age(&a, s, t + HISTORY_COARSE_SPAN_US * 2);
	cr_assert(eq(u32, s->fine.n + s->coarse.n, 0));
	end(&a, s);
}

Test(series, without_memory_it_says_so_and_goes_on_later)
{
	struct arena a;
	struct series *s = begin(&a, &counter);
	struct seen *seen;
	unsigned i = 1;
	int r = 0;

	a.max_bytes = 30 * CHUNK_SIZE;
	for (; r == 0; i++)
		r = series_feed(&a, s, i * S, (int64_t) dice() >> 20);
	cr_assert(eq(int, r, -ENOSPC));
	seen = walk(&a, s, false);
	cr_assert(eq(uint, seen->n, i - 2));
	a.max_bytes = 1 << 20;
	cr_assert(eq(int, series_feed(&a, s, i * S, 1), 0));
	series_skip(s);
	cr_assert(eq(int, series_feed(&a, s, (i + 1) * S, 2), 0));
	seen = walk(&a, s, false);
	cr_assert(eq(uint, seen->n_gaps, 1));
	end(&a, s);
}
