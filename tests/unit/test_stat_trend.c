#include "stat_help.h"

static struct series x;

/* Least squares in the plainest way. */
static double slope(unsigned from, unsigned to)
{
	long double t = 0, v = 0, tt = 0, tv = 0;
	unsigned n = to - from + 1;

	for (unsigned k = from; k <= to; k++) {
		t += (long double) (x.t[k] - x.t[0]) / 1e6L / n;
		v += (long double) x.v[k] / n;
	}
	for (unsigned k = from; k <= to; k++) {
		long double d = (long double) (x.t[k] - x.t[0]) / 1e6L - t;

		tt += d * d;
		tv += d * ((long double) x.v[k] - v);
	}
	return (double) (tv / tt);
}

Test(stat_trend, is_the_least_squares_slope_of_the_window)
{
	static const uint64_t spans[] = { 6, 30, 300 };

	for (unsigned s = 0; s < ARRAY_SIZE(spans); s++) {
		struct row r;

		series_make(&x, SERIES_MAX, 41 + s);
		row_open(&r, STAT_TREND, spans[s] * US_PER_S, false);
		for (unsigned k = 0; k < x.n; k++) {
			double got = row_feed(&r, x.t[k], x.v[k]), want;
			unsigned from = window_start(&x, k, &r.w);

			if (x.t[k] - x.t[0] < r.w.span_us || from == k) {
				cr_assert(isnan(got), "sample %u", k);
				continue;
			}
			want = slope(from, k);
			cr_assert_float_eq(got, want, 1e-6 * (1 + fabs(want)), "%u: %g, not %g", k,
					   got, want);
		}
		row_close(&r);
	}
}

Test(stat_trend, sees_a_millionth_a_second_on_a_large_value)
{
	struct row r;
	double got = 0;

	row_open(&r, STAT_TREND, 3600 * US_PER_S, false);
	for (uint64_t k = 0; k < 5000; k++)
		got = row_feed(&r, k * US_PER_S, 1e6 + 1e-6 * (double) k);
	cr_expect_float_eq(got, 1e-6, 1e-8, "%g", got);
	row_close(&r);
}
