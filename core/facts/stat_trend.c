/*
 * stat_trend - the slope of the least-squares line through the samples of the last D.
 *
 * Design.  Each part of the window keeps the moments of its samples about their own centre, and
 * moments of disjoint sets are put together by the formulas of Chan, Golub and LeVeque (1979).
 * Sums of squares about a far origin would lose all digits of a slope of 1 us an hour.  The closed
 * parts are put together when one closes or leaves; between that, one merge a sample.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stat.h"

#define RING (STAT_PARTS + 4)

struct moments {
	double n, t, v; /* number and centre; time in seconds since 'first_us' */
	double tt, tv;	/* about the centre */
};

struct trend {
	uint64_t first_us;
	uint32_t n, tail;
	struct moments closed;
	struct moments ring[RING];
	uint32_t part[RING];
};

static void merge(struct moments *to, const struct moments *a)
{
	double n = to->n + a->n, dt = a->t - to->t, dv = a->v - to->v;
	double share = n > 0 ? a->n / n : 0;

	to->tt += a->tt + dt * dt * to->n * share;
	to->tv += a->tv + dt * dv * to->n * share;
	to->t += dt * share;
	to->v += dv * share;
	to->n = n;
}

static unsigned trend_at(const struct trend *r, unsigned k)
{
	unsigned at = r->tail + k;

	return at < RING ? at : at - RING;
}

static void trend_put_together(struct trend *r)
{
	r->closed = (struct moments){ 0 };
	for (unsigned k = 0; k + 1 < r->n; k++)
		merge(&r->closed, &r->ring[trend_at(r, k)]);
}

size_t trend_size(void)
{
	return sizeof(struct trend);
}

double trend_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct trend *r = state;
	uint32_t part = stat_part(w, s->time_us), oldest = stat_part_oldest(w, s->time_us);
	struct moments all, one = { .n = 1, .v = s->value };
	unsigned before = r->n, newest;

	if (r->n == 0)
		r->first_us = s->time_us;
	while (r->n > 0 && (int32_t) (r->part[r->tail] - oldest) < 0) {
		r->tail = r->tail + 1 < RING ? r->tail + 1 : 0;
		r->n--;
	}
	if (r->n == 0 || r->part[trend_at(r, r->n - 1)] != part) {
		newest = trend_at(r, r->n++);
		r->ring[newest] = (struct moments){ 0 };
		r->part[newest] = part;
		before = 0;
	}
	if (r->n != before)
		trend_put_together(r);
	newest = trend_at(r, r->n - 1);
	one.t = (double) (s->time_us - r->first_us) / (double) US_PER_S;
	merge(&r->ring[newest], &one);
	if (!stat_covered(w, r->first_us, s->time_us))
		return (double) NAN;
	all = r->closed;
	merge(&all, &r->ring[newest]);
	return all.tt > 0 ? all.tv / all.tt : (double) NAN;
}
