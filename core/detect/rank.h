/*
 * rank - order statistics of a few samples.
 *
 * Pure; v[] is reordered.  No NaN may be in it.
 */
#ifndef DETECT_RANK_H
#define DETECT_RANK_H

/* The k-th smallest of v[0..n), k < n, in linear time on average. */
double rank_nth(double *v, unsigned n, unsigned k);

/* The upper median; 0 when n is 0. */
static inline double rank_median(double *v, unsigned n)
{
	return n ? rank_nth(v, n, n / 2) : 0;
}

#endif
