#include "detect/outlier.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE UINT64_C(60000000)

static double noise(unsigned short *seed)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += erand48(seed);
	return sum - 6;
}

Test(outlier, scores_a_spike_once_and_little_else)
{
	unsigned short seed[3] = { 1, 2, 3 };
	static struct outlier o;
	int alarms = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		bool spike = i >= 8000 && i < 8010;
		double score =
			outlier_feed(&o, i * 5 * MINUTE, 100 + noise(seed) + (spike ? 60 : 0));

		cr_assert(score >= 0 && score <= 1);
		if (i == 8000)
			cr_assert(gt(dbl, score, 2 * OUTLIER_ALARM));
		else if (spike)
			cr_assert(lt(dbl, score, OUTLIER_ALARM));
		else if (i > 1000)
			alarms += score >= OUTLIER_ALARM;
	}
	/* One in a thousand of each of three statistics. */
	cr_assert(le(int, alarms, 30), "%d", alarms);
}

Test(outlier, asks_more_of_a_series_that_is_old)
{
	unsigned short seed[3] = { 7, 8, 9 };
	static struct outlier young, old;
	double a, b;

	for (uint64_t i = 0; i < OUTLIER_SETTLED - 1; i++)
		(void) outlier_feed(&young, i * 5 * MINUTE, noise(seed));
	old = young;
	old.n *= 10; /* as if all it knows were ten times as old */
	a = outlier_feed(&young, OUTLIER_SETTLED * 5 * MINUTE, 20);
	b = outlier_feed(&old, OUTLIER_SETTLED * 5 * MINUTE, 20);
	cr_assert(gt(dbl, b, OUTLIER_ALARM));
	cr_assert(lt(dbl, fabs((a - b) * OUTLIER_DECADES - OUTLIER_AGE), 0.01));
}

Test(outlier, sees_a_day_that_is_missing)
{
	unsigned short seed[3] = { 4, 5, 6 };
	static struct outlier o;
	double best = 0;

	for (uint64_t i = 0; i < 12 * 288; i++) {
		bool noon = i % 288 > 110 && i % 288 < 200, missing = i / 288 == 10;
		double x = (noon && !missing ? 80 : 20) + noise(seed);
		double score = outlier_feed(&o, i * 5 * MINUTE, x);

		if (missing)
			best = fmax(best, score);
	}
	cr_assert(gt(dbl, best, OUTLIER_ALARM));
}

Test(outlier, survives_anything_and_repeats_itself)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, 5e-324 };
	static struct outlier a, b;

	for (uint64_t i = 0; i < 20000; i++) {
		double x = i % 5 ? (double) (i * 7919 % 1000) : odd[i / 5 % 7];
		double score = outlier_feed(&a, i * MINUTE, x);

		cr_assert(score >= 0 && score <= 1);
		cr_assert(eq(dbl, outlier_feed(&b, i * MINUTE, x), score));
	}
	memset(&a, 0, sizeof(a));
	for (uint64_t i = 0; i < 5000; i++)
		cr_assert(eq(dbl, outlier_feed(&a, i * MINUTE, 42), 0));
}
