/*
 * stage - the states that a proposal leads through; for whatif.c only.
 */
#ifndef MODEL_STAGE_H
#define MODEL_STAGE_H

#include "model/whatif.h"

/* What is in flight, as carried out. */
int stage_fly(struct overlay *o, const struct whatif_in *in);

static inline uint64_t stage_tx(const struct whatif_in *in, unsigned i)
{
	return in->in_flight_tx ? in->in_flight_tx[i] : 1;
}

/* Fill w->flight and w->own.  -ENOMEM. */
int flights_list(struct whatif *w, const struct whatif_in *in);

/* All stages of w->step, measured; w->before and w->after are made.  -ENOMEM or what an overlay
 * refuses. */
int stages_make(struct whatif *w, const struct whatif_in *in);
void stages_free(struct whatif *w);

#endif
