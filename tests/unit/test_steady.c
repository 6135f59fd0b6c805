#include "detect/steady.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Median and deviation the long way. */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static void plain(const struct steady *s, double *ret_median, double *ret_spread)
{
	unsigned n = (unsigned) (s->n < STEADY_RING ? s->n : STEADY_RING);
	double v[STEADY_RING];

	memcpy(v, s->x, sizeof(v));
	qsort(v, n, sizeof(v[0]), by_value);
	*ret_median = v[n / 2];
	for (unsigned i = 0; i < n; i++)
		v[i] = fabs(v[i] - *ret_median);
	qsort(v, n, sizeof(v[0]), by_value);
	*ret_spread = 1.4826 * v[n / 2];
}

Test(steady, equals_median_and_deviation_of_what_it_learned)
{
	unsigned short seed[3] = { 1, 2, 3 };
	struct steady s = { 0 };
	struct steady_view v;

	for (int i = 0; i < 20000; i++) {
		double x = (double) (nrand48(seed) % 50) * (i % 300 < 20 ? 100 : 1), m = 0, d = 0;

		if (s.n > 0)
			plain(&s, &m, &d);
		if (!steady_feed(&s, x, 0.01, &v))
			continue;
		cr_assert(eq(dbl, v.usual, m));
		cr_assert(lt(dbl, fabs(v.spread - d), 1e-9));
		cr_assert(eq(dbl, v.off, x - m));
	}
}

Test(steady, tells_a_fault_until_it_ends_but_not_its_recovery)
{
	static const struct {
		double x;
		bool odd;
	} step[] = { { 1001, false }, { 500, true },  { 400, true },
		     { 400, true },   { 560, false }, { 700, false },
		     { 900, false },  { 975, false }, { 1000, false } };
	struct steady s = { 0 };
	struct steady_view v;

	for (int i = 0; i < 100; i++)
		cr_assert(not(steady_feed(&s, 1000 + i % 3, 0.03, &v) && v.odd));
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		cr_assert(steady_feed(&s, step[i].x, 0.03, &v));
		cr_assert(eq(int, v.odd, step[i].odd), "step %zu", i);
	}
	/* Traffic that has moved for good is the usual after a while. */
	for (int i = 0; i < STEADY_GIVE_UP + STEADY_RING; i++)
		cr_assert(steady_feed(&s, 300, 0.03, &v));
	cr_assert(not(v.odd));
	cr_assert(eq(dbl, v.usual, 300));
}

Test(steady, compares_the_two_ends_of_a_link)
{
	cr_assert(eq(dbl, steady_balance(1000, 1000, 100), 1));
	cr_assert(lt(dbl, fabs(steady_balance(1000, 950, 100) - 0.95), 1e-12));
	cr_assert(gt(dbl, steady_balance(950, 1000, 100), 1));
	cr_assert(isnan(steady_balance(10, 5, 100)));
	cr_assert(isnan(steady_balance(NAN, 500, 100)));
	cr_assert(isnan(steady_balance(500, NAN, 100)));
}

Test(steady, is_not_misled_by_a_router_that_was_read_late)
{
	/* 10 % more seconds in its counters, none lost. */
	double there = steady_balance(1100, 1000, 100), back = steady_balance(1000, 1100, 100);

	cr_assert(gt(dbl, fabs(there - 1), 0.05));
	cr_assert(lt(dbl, fabs(steady_balance_both(there, back) - 1), 1e-12));
	/* Loss in either direction shows in full. */
	cr_assert(lt(dbl, fabs(steady_balance_both(0.9, 1) - 0.9), 1e-12));
	cr_assert(lt(dbl, fabs(steady_balance_both(1, 0.9) - 0.9), 1e-12));
	cr_assert(lt(dbl, fabs(steady_balance_both(0.9, 0.9) - 0.8), 1e-12));
	/* A silent direction leaves the other. */
	cr_assert(eq(dbl, steady_balance_both(NAN, 0.9), 0.9));
	cr_assert(eq(dbl, steady_balance_both(0.9, NAN), 0.9));
	cr_assert(isnan(steady_balance_both(NAN, NAN)));
}

Test(steady, survives_anything)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, 5e-324 };
	struct steady s = { 0 };
	struct steady_view v;

	for (int i = 0; i < 5000; i++)
		if (steady_feed(&s, i % 3 ? odd[i % 7] : i, 0, &v))
			cr_assert(isfinite(v.usual) && isfinite(v.spread) && isfinite(v.off));
}
