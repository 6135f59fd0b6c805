/*
 * rank - order statistics of a few samples.
 *
 * Design.  Hoare's FIND (1961) with the pivot at the wanted place, which for the short and nearly
 * unordered arrays of detectors beats sorting networks and heaps alike.
 */
#include "detect/rank.h"

double rank_nth(double *v, unsigned n, unsigned k)
{
	int lo = 0, hi = (int) n - 1, at = (int) k;

	while (lo < hi) {
		double pivot = v[at];
		int i = lo, j = hi;

		do {
			while (v[i] < pivot)
				i++;
			while (pivot < v[j])
				j--;
			if (i <= j) {
				double t = v[i];

				v[i++] = v[j];
				v[j--] = t;
			}
		} while (i <= j);
		if (j < at)
			lo = i;
		if (at < i)
			hi = j;
	}
	return v[at];
}
