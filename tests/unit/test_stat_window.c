#include "stat_help.h"

static struct series x;

static void compare(enum stat_fn fn, uint64_t span_us, uint64_t seed)
{
	struct row r;

	series_make(&x, SERIES_MAX, seed);
	row_open(&r, fn, span_us, false);
	for (unsigned k = 0; k < x.n; k++) {
		double got = row_feed(&r, x.t[k], x.v[k]), want = 0;
		unsigned from = window_start(&x, k, &r.w);

		cr_assert_eq(isnan(got), x.t[k] - x.t[0] < span_us, "sample %u", k);
		if (isnan(got))
			continue;
		want = fn == STAT_MEAN ? 0 : x.v[k];
		for (unsigned i = from; i <= k; i++)
			want = fn == STAT_MEAN	? want + x.v[i] / (k - from + 1)
			       : fn == STAT_LOW ? fmin(want, x.v[i])
						: fmax(want, x.v[i]);
		cr_assert_float_eq(got, want, 1e-9 * (1 + fabs(want)), "%s, sample %u: %g, not %g",
				   stat_of(fn)->name, k, got, want);
	}
	row_close(&r);
}

Test(stat_window, mean_low_and_high_are_those_of_the_samples_in_the_window)
{
	static const uint64_t spans[] = { 2, 7, 30, 300 };

	for (unsigned s = 0; s < ARRAY_SIZE(spans); s++) {
		compare(STAT_MEAN, spans[s] * US_PER_S, 11 + s);
		compare(STAT_LOW, spans[s] * US_PER_S, 21 + s);
		compare(STAT_HIGH, spans[s] * US_PER_S, 31 + s);
	}
}

Test(stat_window, forgets_all_when_reports_are_farther_apart_than_the_window)
{
	struct row mean, low;

	row_open(&mean, STAT_MEAN, 2 * US_PER_S, false);
	row_open(&low, STAT_LOW, 2 * US_PER_S, false);
	for (uint64_t k = 1; k < 20; k++) {
		double a = row_feed(&mean, k * 9 * US_PER_S, (double) k);
		double b = row_feed(&low, k * 9 * US_PER_S, (double) k);

		if (k == 1)
			continue;
		cr_expect_float_eq(a, (double) k, 0);
		cr_expect_float_eq(b, (double) k, 0);
	}
	row_close(&mean);
	row_close(&low);
}

Test(stat_window, keeps_no_rest_of_what_has_left)
{
	struct row r;
	double got = 0;

	row_open(&r, STAT_MEAN, 2 * US_PER_S, false);
	for (uint64_t k = 0; k < 100; k++)
		got = row_feed(&r, k * US_PER_S, k < 50 ? 1e18 : 0.1);
	cr_expect_float_eq(got, 0.1, 1e-15);
	row_close(&r);
}
