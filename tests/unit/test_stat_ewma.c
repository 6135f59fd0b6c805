#include "stat_help.h"

Test(stat_ewma, weighs_by_time_and_not_by_report)
{
	uint64_t seed = 5, t = 1;
	struct row r;
	double sum = 0, weight = 0, got = 0;
	uint64_t last = 0;

	row_open(&r, STAT_EWMA, 10 * US_PER_S, false);
	cr_expect(isnan(row_feed(&r, t, 1e9)));
	last = t;
	for (unsigned k = 0; k < 2000; k++) {
		double v = dice_real(&seed) * 100, a;

		t += 1 + dice(&seed) % (2 * US_PER_S);
		a = exp(-(double) (t - last) / 1e7);
		sum = sum * a + v * (1 - a);
		weight = weight * a + (1 - a);
		last = t;
		got = row_feed(&r, t, v);
		cr_assert_eq(isnan(got), t - 1 < 10 * US_PER_S);
		if (!isnan(got))
			cr_assert_float_eq(got, sum / weight, 1e-9 * 100, "sample %u", k);
	}
	row_close(&r);
}

Test(stat_ewma, goes_63_percent_of_the_way_in_one_time_constant)
{
	struct row r;
	double got = 0;

	row_open(&r, STAT_EWMA, 10 * US_PER_S, false);
	for (uint64_t k = 0; k <= 1000; k++)
		got = row_feed(&r, k * US_PER_S, 0);
	cr_expect_float_eq(got, 0, 0);
	for (uint64_t k = 1001; k <= 1010; k++)
		got = row_feed(&r, k * US_PER_S, 1);
	cr_expect_float_eq(got, 1 - exp(-1), 1e-9);
	row_close(&r);
}
