/*
 * bench_row - one line of JSON about many measurements, as tests/bench/report.py reads it.
 */
#ifndef BENCH_BENCH_ROW_H
#define BENCH_BENCH_ROW_H

#include <stdio.h>
#include <stdlib.h>

static inline int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts the 'n' values. */
static inline void print_row(const char *work, const char *name, const char *who, const char *unit,
			     double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	(void) printf("{\"work\":\"%s\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":%u,"
		      "\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n",
		      work, name, who, unit, n, v[0], v[n / 2], v[n * 9 / 10], v[n * 99 / 100],
		      v[n - 1]);
	(void) fflush(stdout);
}

#endif
