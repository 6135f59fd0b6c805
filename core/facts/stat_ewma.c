/*
 * stat_ewma - an exponentially weighted mean with the time constant D.
 *
 * Design.  A sample counts 1 - exp(-dt / D) for the time since the one before, so the mean does
 * not depend on how regularly the source reports (Eckner 2012).  The weight given so far is kept
 * and divided by, which makes the mean unbiased from the start; of the first sample nobody knows
 * for how long it stands, so it has none.
 */
#include <math.h>

#include "facts/stat.h"

struct ewma {
	uint64_t first_us, last_us;
	double sum, weight;
	bool begun;
};

size_t ewma_size(void)
{
	return sizeof(struct ewma);
}

double ewma_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct ewma *e = state;
	double share;

	if (!e->begun) {
		*e = (struct ewma){ .first_us = s->time_us, .last_us = s->time_us, .begun = true };
		return (double) NAN;
	}
	share = -expm1(-(double) (s->time_us - e->last_us) / (double) w->span_us);
	e->sum += share * (s->value - e->sum);
	e->weight += share * (1 - e->weight);
	e->last_us = s->time_us;
	if (!isfinite(e->sum)) { /* it would never be finite again */
		*e = (struct ewma){ 0 };
		return (double) NAN;
	}
	return stat_covered(w, e->first_us, s->time_us) ? e->sum / e->weight : (double) NAN;
}
