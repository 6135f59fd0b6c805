/*
 * stage - the states that a proposal leads through; for whatif.c only.
 */
#ifndef MODEL_STAGE_H
#define MODEL_STAGE_H

#include "model/whatif.h"

/* What is in flight, as carried out. */
int stage_fly(struct overlay *o, const struct whatif_in *in);
/* The same, and what 'made' names taken back: the state that the plan starts from. */
int stage_base(struct overlay *o, const struct whatif_in *in);
/* What stands already, taken back, last first. */
int stage_unmake(struct overlay *o, const struct whatif_in *in);

/* whatif_trigger.c: let the trigger come; make a change when it has come before. */
int stage_trigger(struct overlay *o, uint32_t ifindex, enum trigger_kind k);
int stage_late(struct overlay *o, const struct anod_change *c);

static inline uint64_t stage_tx(const struct whatif_in *in, unsigned i)
{
	return in->in_flight_tx ? in->in_flight_tx[i] : 1;
}

/* Fill w->flight and w->own.  -ENOMEM. */
int flights_list(struct whatif *w, const struct whatif_in *in);

/* The inverse change. */
int stage_take_back(struct overlay *o, const struct anod_change *c);
/* Does the undo of this change lead to another state than the one it came from? */
int undo_leaves_trace(const struct whatif *w, unsigned step, bool *ret);
/* What the undo of the steps from 'from' on leaves behind. */
int undo_leave_traces(struct overlay *o, const struct whatif *w, unsigned from);

/* All stages of w->step, measured; w->before and w->after are made.  -ENOMEM or what an overlay
 * refuses. */
int stages_make(struct whatif *w, const struct whatif_in *in);
void stages_free(struct whatif *w);

#endif
