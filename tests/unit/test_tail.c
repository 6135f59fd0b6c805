#include "detect/tail.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* How many of n samples look at least as rare as 'decades', in many series of 2000 of which the
 * second half counts, over how many should. */
static double excess(double decades, bool heavy)
{
	unsigned short seed[3] = { 7, 8, 9 };
	double rare = 0, n = 0;

	for (int run = 0; run < 600; run++) {
		struct tail t = { 0 };

		for (int i = 0; i < 2000; i++) {
			double e = -log(1 - erand48(seed));
			double r = tail_feed(&t, heavy ? exp(e / 2) : e);

			rare += i >= 1000 && r >= decades;
			n += i >= 1000;
		}
	}
	return rare / (n * pow(10, -decades));
}

Test(tail, says_how_rare_a_value_is_whatever_the_distribution)
{
	/* A power law and an exponential: never much too often, though a light tail is told less
	 * often than it could be, because the extrapolation expects a heavier one. */
	for (int heavy = 0; heavy < 2; heavy++)
		for (double decades = 2.5; decades <= 3.5; decades += 0.5) {
			double x = excess(decades, heavy);

			cr_assert(x > 0.1 && x < 2, "heavy %d, %g decades: %g", heavy, decades, x);
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
