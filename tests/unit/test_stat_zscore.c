#include "stat_help.h"

static double window[SERIES_MAX], distance[SERIES_MAX];

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[(n - 1) / 2];
}

/* The score of the last of 'n' values, in the plainest way. */
static double score(const double *v, unsigned n)
{
	double m, sigma;

	memcpy(window, v, n * sizeof(*v));
	m = median(window, n);
	for (unsigned k = 0; k < n; k++)
		distance[k] = fabs(v[k] - m);
	sigma = 1.4826 * median(distance, n);
	return (v[n - 1] - m) / sigma;
}

/* A normal variate, roughly: the sum of twelve. */
static double noise(uint64_t *seed)
{
	double sum = -6;

	for (unsigned k = 0; k < 12; k++)
		sum += dice_real(seed);
	return sum;
}

static struct series x;

/* The level steps and drifts; the spread is a thousandth of it, as that of a quiet path is. */
Test(stat_zscore, is_the_exact_one_though_the_level_moves)
{
	uint64_t seed = 77;
	struct row r;
	double level = 50000, worst = 0;
	unsigned n = 0;

	row_open(&r, STAT_ZSCORE, 100 * US_PER_S, false);
	x.n = SERIES_MAX;
	for (unsigned k = 0; k < x.n; k++) {
		double got, want;
		unsigned from;

		if (k % 700 == 699)
			level *= 1.3;
		level += 1;
		x.t[k] = (1000 + k) * US_PER_S;
		x.v[k] = level + 50 * noise(&seed);
		got = row_feed(&r, x.t[k], x.v[k]);
		cr_assert_eq(isnan(got), k < 100, "sample %u", k);
		if (isnan(got) || k % 3)
			continue;
		from = window_start(&x, k, &r.w);
		want = score(x.v + from, k - from + 1);
		/* While a window holds two levels, its spread is anybody's guess. */
		if (k % 700 >= 699 - 1 || (k > 700 && k % 700 < 110))
			continue;
		n++;
		worst = fmax(worst, fabs(got - want) / (1 + fabs(want)));
	}
	cr_expect_gt(n, 500);
	cr_expect_lt(worst, 1e-3, "off by %g", worst);
	row_close(&r);
}

Test(stat_zscore, is_large_for_a_spike_and_0_for_nothing_new)
{
	struct row r;
	double got = NAN;

	row_open(&r, STAT_ZSCORE, 20 * US_PER_S, false);
	for (uint64_t k = 0; k < 50; k++)
		got = row_feed(&r, k * US_PER_S, 30000);
	cr_expect_eq(got, 0.0);
	got = row_feed(&r, 50 * US_PER_S, 90000);
	cr_expect_gt(got, 6, "%g", got); /* more than half are equal: the mean deviation counts */
	row_close(&r);

	row_open(&r, STAT_ZSCORE, 20 * US_PER_S, false);
	for (uint64_t k = 0; k < 50; k++)
		got = row_feed(&r, k * US_PER_S, 30000 + (double) (k * 7 % 11));
	cr_expect_lt(fabs(got), 3);
	got = row_feed(&r, 50 * US_PER_S, 30500);
	cr_expect_gt(got, 50, "%g", got);
	row_close(&r);
}
