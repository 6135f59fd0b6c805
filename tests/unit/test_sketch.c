#include "facts/sketch.h"

#include <errno.h>

#include "stat_help.h"

#define BOUND (1.0 / 65 + 1e-12)

Test(sketch, represents_every_value_within_its_bound)
{
	uint64_t seed = 3;
	double last = -INFINITY;

	for (unsigned k = 0; k < 200000; k++) {
		double v = ldexp(1 + dice_real(&seed), (int) (dice(&seed) % 100) - 39);
		double got;

		v = dice(&seed) % 2 ? v : -v;
		got = sketch_value(sketch_bucket(v));
		cr_assert_leq(fabs(got - v), BOUND * fabs(v), "%g becomes %g", v, got);
		cr_assert_eq(sketch_bucket(got), sketch_bucket(v));
	}
	for (uint32_t b = 0x8000 - 4000; b <= 0x8000 + 4000; b++) {
		cr_assert_lt(last, sketch_value((uint16_t) b), "bucket %u", b);
		last = sketch_value((uint16_t) b);
	}
	cr_expect_eq(sketch_value(sketch_bucket(0)), 0);
	cr_expect_eq(sketch_value(sketch_bucket(-0.0)), 0);
	cr_expect_eq(sketch_value(sketch_bucket(1e-13)), 0);
	cr_expect(isfinite(sketch_value(sketch_bucket(1e308))));
	for (int v = -70; v <= 70; v++) {
		double got = sketch_whole(sketch_bucket(v));

		if (abs(v) < 64)
			cr_expect_eq(got, v, "%d becomes %g", v, got);
		else
			cr_expect_eq(got, floor(got), "%d becomes %g", v, got);
	}
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct series x;
static double sorted[SERIES_MAX];

static unsigned window_sorted(unsigned last, const struct stat_window *w)
{
	unsigned from = window_start(&x, last, w), n = last - from + 1;

	memcpy(sorted, x.v + from, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	return n;
}

Test(sketch, quantiles_of_random_series_keep_the_bound)
{
	static const struct {
		enum stat_fn fn;
		double q;
	} fns[] = { { STAT_P50, 0.5 }, { STAT_P95, 0.95 }, { STAT_P99, 0.99 } };
	static const uint64_t spans[] = { 2, 20, 200 };

	for (unsigned c = 0; c < ARRAY_SIZE(fns) * ARRAY_SIZE(spans); c++) {
		unsigned f = c % ARRAY_SIZE(fns);
		struct row r;

		series_make(&x, SERIES_MAX, 51 + c);
		row_open(&r, fns[f].fn, spans[c / ARRAY_SIZE(fns)] * US_PER_S, false);
		for (unsigned k = 0; k < x.n; k++) {
			double got = row_feed(&r, x.t[k], x.v[k]), want;
			unsigned n;

			cr_assert_eq(isnan(got), x.t[k] - x.t[0] < r.w.span_us, "sample %u", k);
			if (isnan(got) || k % 7)
				continue;
			n = window_sorted(k, &r.w);
			want = sorted[(unsigned) (fns[f].q * (n - 1))];
			cr_assert_leq(fabs(got - want), BOUND * fabs(want),
				      "%s, sample %u of %u: %g, not %g", stat_of(fns[f].fn)->name,
				      k, n, got, want);
		}
		row_close(&r);
	}
}

Test(sketch, small_whole_numbers_are_exact)
{
	struct row r;
	double got = 0;

	row_open(&r, STAT_P95, 20 * US_PER_S, true);
	for (uint64_t k = 0; k < 100; k++)
		got = row_feed(&r, k * US_PER_S, (double) (k % 20));
	cr_expect(got == 18 || got == 19, "%g", got);
	row_close(&r);
}

/* Very different values for longer than a fixed memory can tell apart part by part. */
Test(sketch, grows_coarser_in_time_and_not_in_value_when_memory_ends)
{
	struct stat_memory m = { .max = 1 << 20 };
	static double v[40000];
	struct sketch k = { 0 };
	uint64_t seed = 9;
	size_t most = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
		uint32_t part = 1000 + i / 1000;
		double got, near = INFINITY;
		unsigned from, below = 0;

		/* Some 370 buckets, and one that is fuller than an entry can count. */
		v[i] = i % 3 ? exp(dice_real(&seed) * 8) : 5;
		cr_assert_geq(sketch_add(&k, part, part - 16, v[i], &m), 0, "sample %u", i);
		most = MAX_OF(most, m.used);
		cr_assert_leq(k.coarse, SKETCH_COARSE_MAX);
		if (i < 16000 || i % 500)
			continue;
		/* The window is at most one part longer, as long as the parts are now. */
		from = ((part - 16) >> k.coarse << k.coarse) - 1000;
		from = from * 1000;
		got = sketch_value(sketch_quantile(&k, 0.5));
		for (unsigned j = from; j <= i; j++) {
			below += v[j] < got * (1 - BOUND);
			near = fmin(near, fabs(v[j] - got) / v[j]);
		}
		cr_expect_eq(k.total, i - from + 1, "sample %u: %u samples", i, k.total);
		cr_expect_leq(below, (i - from + 1) / 2);
		cr_expect_leq(near, BOUND);
	}
	cr_expect_gt(k.coarse, 0);
	cr_expect_lt(most, 16384, "%zu bytes", most);
	sketch_done(&k, &m);
	cr_expect_eq(m.used, 0);
}

Test(sketch, gives_up_where_even_a_quarter_of_the_parts_is_too_much)
{
	struct stat_memory m = { .max = 1 << 20 };
	struct sketch k = { 0 };
	uint64_t seed = 9;
	int r = 0;

	for (unsigned i = 0; i < 20000 && r >= 0; i++)
		r = sketch_add(&k, i / 1000, 0, exp(dice_real(&seed) * 60), &m);
	cr_expect_eq(r, -ENOSPC);
	cr_expect_eq(k.total, 0);
	cr_expect_geq(sketch_add(&k, 30, 14, 1, &m), 0);
	sketch_done(&k, &m);
	cr_expect_eq(m.used, 0);
}

Test(sketch, stops_at_the_limit_of_memory_and_counts)
{
	struct stat_memory m = { .max = 300 };
	struct sketch k = { 0 };
	int r = 0;

	for (unsigned i = 0; i < 1000 && r >= 0; i++)
		r = sketch_add(&k, 5, 0, i, &m);
	cr_expect_eq(r, -ENOMEM);
	cr_expect_eq(m.n_refused, 1);
	cr_expect_leq(m.used, 300);
	sketch_done(&k, &m);
	cr_expect_eq(m.used, 0);
}

Test(sketch, empties_after_a_gap_of_many_parts)
{
	struct stat_memory m = { .max = 1 << 20 };
	struct sketch k = { 0 };

	for (uint32_t gap = 1; gap < 1000; gap += 37) {
		uint32_t part = 5000 + gap * 40;

		(void) sketch_add(&k, part, part - 16, 1, &m);
		(void) sketch_add(&k, part + gap, part + gap - 16, 2, &m);
		cr_expect_eq(k.total, gap <= 16 ? 2 : 1, "gap %u: %u", gap, k.total);
	}
	sketch_done(&k, &m);
}
