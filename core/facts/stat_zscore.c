/*
 * stat_zscore - how far a value is from the median of the last D, in robust standard deviations.
 *
 * Design.  A score wants precision relative to the spread, which a sketch of values does not
 * have: that of 100 ms +- 0.1 ms is one bucket.  So samples are kept as they are, one of each
 * D / STAT_PARTS_ZSCORE at most, once in the order of time and once sorted; median and median
 * absolute deviation are then found by bisection.  Single precision does, for distances from a
 * reference that follows the median.
 *
 * The median absolute deviation is 0 when half of the samples are equal, as those of a coarse
 * clock are; then the mean deviation takes its place (Iglewicz and Hoaglin 1993).
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "facts/stat.h"

#define MAD_TO_SIGMA  1.4826 /* of a normal distribution */
#define MEAN_TO_SIGMA 1.2533 /* sqrt(pi / 2) */
#define REFERENCE_OFF 4096.0 /* spreads that the median may be away from it */

struct zscore {
	uint64_t first_us;
	double reference;
	float *sorted; /* 'room', and behind them as many in the order of time, and their slots */
	uint32_t n, room, head;
	uint32_t slot; /* newest */
};

size_t zscore_size(void)
{
	return sizeof(struct zscore);
}

static float *ring(const struct zscore *z)
{
	return z->sorted + z->room;
}

static uint32_t *slots(const struct zscore *z)
{
	return (void *) (z->sorted + 2 * (size_t) z->room);
}

static size_t bytes(uint32_t room)
{
	return room * (2 * sizeof(float) + sizeof(uint32_t));
}

static int grow(struct zscore *z, struct stat_memory *m)
{
	struct zscore to = *z;

	to.room = z->room ? 2 * z->room : 16;
	if (m->used - bytes(z->room) + bytes(to.room) > m->max) {
		m->n_refused++;
		return -ENOMEM;
	}
	to.sorted = malloc(bytes(to.room));
	if (!to.sorted)
		return -ENOMEM;
	if (z->n > 0)
		memcpy(to.sorted, z->sorted, z->n * sizeof(float));
	for (uint32_t k = 0; k < z->n; k++) {
		uint32_t at = (z->head + k) & (z->room - 1);

		ring(&to)[k] = ring(z)[at];
		slots(&to)[k] = slots(z)[at];
	}
	to.head = 0;
	m->used += bytes(to.room) - bytes(z->room);
	free(z->sorted);
	*z = to;
	return 0;
}

/* Single precision has an end; what is beyond it is as far as can be. */
static float narrow(double d)
{
	const double most = (double) FLT_MAX / 4;

	return (float) MAX_OF(-most, MIN_OF(d, most));
}

/* The first that is not less. */
static uint32_t find(const struct zscore *z, float d)
{
	uint32_t low = 0, n = z->n;

	while (n > 0) {
		uint32_t half = n / 2;

		if (z->sorted[low + half] < d) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

static void forget_oldest(struct zscore *z)
{
	uint32_t at = find(z, ring(z)[z->head]);

	z->n--;
	memmove(z->sorted + at, z->sorted + at + 1, (z->n - at) * sizeof(float));
	z->head = (z->head + 1) & (z->room - 1);
}

static int add(struct zscore *z, float d, uint32_t slot, struct stat_memory *m)
{
	uint32_t at;
	int r = z->n == z->room ? grow(z, m) : 0;

	if (r < 0)
		return r;
	at = find(z, d);
	memmove(z->sorted + at + 1, z->sorted + at, (z->n - at) * sizeof(float));
	z->sorted[at] = d;
	at = (z->head + z->n++) & (z->room - 1);
	ring(z)[at] = d;
	slots(z)[at] = slot;
	z->slot = slot;
	return 0;
}

/* The k-th least distance from 'm' is that of k + 1 neighbours in the sorted order which lie as
 * evenly around it as can be. */
static double mad(const struct zscore *z, double m)
{
	uint32_t k = (z->n - 1) / 2, low = 0, high = z->n - k;
	double best = (double) INFINITY;

	while (low < high) {
		uint32_t half = low + (high - low) / 2;
		double left = m - (double) z->sorted[half];
		double right = (double) z->sorted[half + k] - m;

		best = MIN_OF(best, MAX_OF(left, right));
		if (right < left)
			low = half + 1;
		else
			high = half;
	}
	return best;
}

static double sigma(const struct zscore *z, double m)
{
	double d = mad(z, m), sum = 0;

	if (d > 0)
		return MAD_TO_SIGMA * d;
	for (uint32_t k = 0; k < z->n; k++)
		sum += fabs((double) z->sorted[k] - m);
	return MEAN_TO_SIGMA * sum / z->n;
}

/* Take the reference to the median, where single precision is best. */
static void refer_to(struct zscore *z, double m)
{
	z->reference += m;
	for (uint32_t k = 0; k < z->n; k++) {
		float *d = &ring(z)[(z->head + k) & (z->room - 1)];

		z->sorted[k] = narrow((double) z->sorted[k] - m);
		*d = narrow((double) *d - m);
	}
}

double zscore_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct zscore *z = state;
	uint32_t slot = stat_part(w, s->time_us), oldest = stat_part_oldest(w, s->time_us);
	double m, spread;
	float d;

	if (z->n == 0) {
		z->first_us = s->time_us;
		z->reference = s->value;
	}
	while (z->n > 0 && (int32_t) (slots(z)[z->head] - oldest) < 0)
		forget_oldest(z);
	d = narrow(s->value - z->reference);
	if ((z->n == 0 || z->slot != slot) && add(z, d, slot, w->memory) < 0) {
		zscore_done(z, w);
		return (double) NAN;
	}
	m = (double) z->sorted[(z->n - 1) / 2];
	spread = sigma(z, m);
	if (fabs(m) > REFERENCE_OFF * spread && m != 0) {
		refer_to(z, m);
		m = 0;
		d = narrow(s->value - z->reference);
	}
	if (!stat_covered(w, z->first_us, s->time_us))
		return (double) NAN;
	return spread > 0 ? ((double) d - m) / spread : 0.0;
}

void zscore_done(void *state, const struct stat_window *w)
{
	struct zscore *z = state;

	w->memory->used -= bytes(z->room);
	free(z->sorted);
	*z = (struct zscore){ 0 };
}
