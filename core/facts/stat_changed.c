/*
 * stat_changed - did a value change, in its last report or in the last D?
 *
 * Design.  The store knows when a value last changed, so any type does.  "In the last D" is true
 * as soon as a change was seen, even if less than D was watched; false takes a watch of D.
 */
#include <math.h>

#include "base/clock.h"
#include "facts/stat.h"

struct changed {
	uint64_t first_us;   /* 0: nothing seen yet */
	uint64_t changed_us; /* as the store says, at the last sample */
	uint64_t seen_us;    /* when we saw it change; 0: not yet */
	bool truth;
};

size_t changed_size(void)
{
	return sizeof(struct changed);
}

double changed_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct changed *c = state;
	bool fresh = c->first_us > 0 && s->changed_us != c->changed_us, first = c->first_us == 0;

	if (first)
		c->first_us = MAX_OF(s->time_us, UINT64_C(1));
	c->changed_us = s->changed_us;
	if (fresh)
		c->seen_us = s->time_us;

	if (w->span_us == 0) {
		if (s->report)
			c->truth = fresh;
		return first ? (double) NAN : (double) c->truth;
	}
	c->truth = c->seen_us > 0 && s->time_us - c->seen_us < w->span_us;
	return c->truth || stat_covered(w, c->first_us, s->time_us) ? (double) c->truth
								    : (double) NAN;
}

uint64_t changed_due(const void *state, const struct stat_window *w)
{
	const struct changed *c = state;

	if (w->span_us == 0 || c->first_us == 0)
		return US_INFINITY;
	if (c->truth)
		return c->seen_us + w->span_us;
	return c->seen_us > 0 ? US_INFINITY : c->first_us + w->span_us;
}
