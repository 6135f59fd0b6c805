/*
 * stat_quantile - quantiles of the samples of the last D.
 *
 * Design.  One sketch (sketch.h) a row, asked for one quantile only, which makes it cheap.
 */
#include <math.h>

#include "facts/sketch.h"

struct quantile {
	uint64_t first_us;
	struct sketch sketch;
};

size_t quantile_size(void)
{
	return sizeof(struct quantile);
}

double quantile_feed(void *state, const struct stat_window *w, const struct stat_sample *s,
		     double q)
{
	struct quantile *x = state;
	uint16_t bucket;

	if (x->sketch.total == 0)
		x->first_us = s->time_us;
	if (sketch_add(&x->sketch, stat_part(w, s->time_us), stat_part_oldest(w, s->time_us),
		       s->value, w->memory) < 0 ||
	    !stat_covered(w, x->first_us, s->time_us))
		return (double) NAN;
	bucket = sketch_quantile(&x->sketch, q);
	return w->whole ? sketch_whole(bucket) : sketch_value(bucket);
}

void quantile_done(void *state, const struct stat_window *w)
{
	struct quantile *x = state;

	sketch_done(&x->sketch, w->memory);
	x->first_us = 0;
}
