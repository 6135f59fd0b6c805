/*
 * flows - prefixes by where their packets go, before and after a change.
 *
 * The answer to "what moves where": every destination of a unicast route (any table but local) is in
 * exactly one group, and all destinations of a group had the same usable legs before and have the
 * same after.  Cost follows the number of groups, not of prefixes.
 *
 * Pure.  Threads: one.
 */
#ifndef MODEL_FLOWS_H
#define MODEL_FLOWS_H

#include "model/model.h"

struct flow_group {
	uint32_t prefixes;
	const struct flow_path *was, *is; /* route, fate and usable legs; borrowed for the call */
	/* One of them, for messages; of an edited prefix that one. */
	uint32_t table;
	struct anod_prefix example;
};

/* Non-zero from 'fn' ends it and is returned.  -ENOMEM. */
int flows_each(const struct overlay *before, const struct overlay *after,
	       int (*fn)(const struct flow_group *, void *), void *data);

/* Do they take packets to the same neighbour, in the same share? */
bool flow_same_leg(const struct anod_leg *a, const struct anod_leg *b);
/* The same legs, weights included? */
bool flow_same_legs(const struct flow_path *a, const struct flow_path *b);

#endif
