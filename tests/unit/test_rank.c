#include "detect/rank.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

Test(rank, finds_what_sorting_finds)
{
	unsigned short seed[3] = { 1, 2, 3 };
	double v[64], sorted[64], copy[64];

	for (unsigned n = 1; n <= 64; n++)
		for (unsigned k = 0; k < n; k++) {
			/* Few different values: ties are the hard part. */
			for (unsigned i = 0; i < n; i++)
				v[i] = (double) (nrand48(seed) % (1 + n / 2));
			memcpy(sorted, v, sizeof(v));
			qsort(sorted, n, sizeof(v[0]), by_value);
			memcpy(copy, v, sizeof(v));
			cr_assert(eq(dbl, rank_nth(copy, n, k), sorted[k]));
		}
	cr_assert(eq(dbl, rank_median(v, 0), 0));
}
