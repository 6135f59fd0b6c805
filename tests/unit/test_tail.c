#include "detect/tail.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>

Test(tail, says_how_rare_a_value_is_whatever_the_distribution)
{
	/* Exponential, and its exponential: a power law.  About one in a thousand should look
	 * like one in a thousand, within a factor of three. */
	for (int heavy = 0; heavy < 2; heavy++) {
		unsigned short seed[3] = { 7, 8, 9 };
		struct tail t = { 0 };
		double n = 300000, rare = 0;

		for (int i = 0; i < n; i++) {
			double e = -log(1 - erand48(seed));

			rare += tail_feed(&t, heavy ? exp(e / 2) : e) >= 3;
		}
		cr_assert(rare > n / 3000 && rare < n * 3 / 1000, "heavy %d: %g in %g", heavy, rare,
			  n);
	}
}

Test(tail, ranks_a_new_record_above_the_old_and_survives_anything)
{
	struct tail t = { 0 };
	unsigned short seed[3] = { 1, 1, 1 };
	double ten, hundred;
	struct tail copy;

	for (int i = 0; i < 5000; i++)
		(void) tail_feed(&t, erand48(seed));
	copy = t;
	ten = tail_feed(&copy, 10);
	copy = t;
	hundred = tail_feed(&copy, 100);
	cr_assert(gt(dbl, ten, 3));
	cr_assert(gt(dbl, hundred, ten));
	cr_assert(eq(dbl, tail_feed(&t, 0), 0));

	/* Nothing but zeroes, then anything; infinity and more than memory holds. */
	t = (struct tail){ 0 };
	for (int i = 0; i < 1000; i++)
		cr_assert(eq(dbl, tail_feed(&t, 0), 0));
	cr_assert(gt(dbl, tail_feed(&t, 1), 10));
	for (double v = 1e-320; v < 1e308; v *= 1e3)
		cr_assert(isfinite(tail_feed(&t, v)));
	cr_assert(isfinite(tail_feed(&t, INFINITY)));
	for (int i = 0; i < 300000; i++)
		cr_assert(isfinite(tail_feed(&t, erand48(seed))));
	cr_assert(le(dbl, t.n, TAIL_MEMORY));
	cr_assert(t.n_top > 1 && t.n_top <= TAIL_TOP);
}
