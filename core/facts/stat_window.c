/*
 * stat_window - mean, least and greatest of the samples of the last D.
 *
 * Design.  A ring of parts (stat.h).  The mean keeps sum and number of each part and the sum over
 * the closed ones, which is added up anew whenever a part closes or leaves: no error creeps in
 * that way, as it would by taking away what was once added.  Least and greatest keep only parts
 * that can still become the answer (the monotonic queue of Lemire 2006, one element a part).
 */
#include <math.h>
#include <string.h>

#include "facts/stat.h"

#define RING (STAT_PARTS + 4)

/* ---- mean --------------------------------------------------------------------------------- */

struct mean_part {
	double sum;
	uint32_t n, part;
};

struct mean {
	uint64_t first_us;
	double closed_sum;
	uint64_t closed_n;
	uint32_t n, tail;
	struct mean_part ring[RING];
};

static struct mean_part *mean_at(struct mean *m, unsigned k)
{
	unsigned at = m->tail + k;

	return &m->ring[at < RING ? at : at - RING];
}

static void mean_add_up(struct mean *m)
{
	m->closed_sum = 0;
	m->closed_n = 0;
	for (unsigned k = 0; k + 1 < m->n; k++) {
		const struct mean_part *p = mean_at(m, k);

		m->closed_sum += p->sum;
		m->closed_n += p->n;
	}
}

size_t mean_size(void)
{
	return sizeof(struct mean);
}

double mean_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct mean *m = state;
	uint32_t part = stat_part(w, s->time_us), oldest = stat_part_oldest(w, s->time_us);
	unsigned before = m->n;
	struct mean_part *p;

	if (m->n == 0)
		m->first_us = s->time_us;
	while (m->n > 0 && (int32_t) (mean_at(m, 0)->part - oldest) < 0) {
		m->tail = m->tail + 1 < RING ? m->tail + 1 : 0;
		m->n--;
	}
	if (m->n == 0 || mean_at(m, m->n - 1)->part != part) {
		*mean_at(m, m->n++) = (struct mean_part){ .part = part };
		before = 0;
	}
	if (m->n != before)
		mean_add_up(m);
	p = mean_at(m, m->n - 1);
	p->sum += s->value;
	p->n++;
	if (!stat_covered(w, m->first_us, s->time_us))
		return (double) NAN;
	return (m->closed_sum + p->sum) / (double) (m->closed_n + p->n);
}

/* ---- least and greatest ------------------------------------------------------------------- */

struct extreme {
	uint64_t first_us;
	uint32_t n, tail;
	double value[RING];
	uint32_t part[RING];
};

static unsigned extreme_at(const struct extreme *x, unsigned k)
{
	unsigned at = x->tail + k;

	return at < RING ? at : at - RING;
}

size_t extreme_size(void)
{
	return sizeof(struct extreme);
}

double extreme_feed(void *state, const struct stat_window *w, const struct stat_sample *s,
		    bool high)
{
	struct extreme *x = state;
	uint32_t part = stat_part(w, s->time_us), oldest = stat_part_oldest(w, s->time_us);
	/* The least of negatives is the greatest, turned round. */
	double v = high ? -s->value : s->value;
	unsigned newest;

	if (x->n == 0)
		x->first_us = s->time_us;
	while (x->n > 0 && (int32_t) (x->part[x->tail] - oldest) < 0) {
		x->tail = x->tail + 1 < RING ? x->tail + 1 : 0;
		x->n--;
	}
	while (x->n > 0 && x->value[extreme_at(x, x->n - 1)] >= v)
		x->n--;
	/* What is left is less and, in the same part, will leave together with this. */
	newest = x->n > 0 ? extreme_at(x, x->n - 1) : 0;
	if (x->n == 0 || x->part[newest] != part) {
		newest = extreme_at(x, x->n++);
		x->value[newest] = v;
		x->part[newest] = part;
	}
	if (!stat_covered(w, x->first_us, s->time_us))
		return (double) NAN;
	return high ? -x->value[x->tail] : x->value[x->tail];
}
