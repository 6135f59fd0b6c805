/*
 * uplink_plan - which way the default route should go.
 *
 * Pure.  Called once per address family: the uplinks' states and the routes as they are go in,
 * what to do with the own steering route comes out.
 */
#ifndef UPLINK_PLAN_H
#define UPLINK_PLAN_H

#include <anod/value.h>

#include "uplink_health.h"

#define UPLINKS_MAX 8
#define PLAN_LEGS   4 /* via, via2, via3, via4 of route.replace */

/* One uplink, in the order of the configuration. */
struct plan_uplink {
	enum health_state state;
	unsigned weight;
	bool has_way; /* somebody has a default route over it: the way is known */
};

/* The routes of one family as they are. */
struct plan_now {
	int natural;	    /* uplink of the best default route of others; -1: none */
	bool steering;	    /* the own steering route is there */
	int first;	    /* uplink of its first leg; -1: none of ours */
	unsigned n_legs;    /* of it */
	uint32_t legs_mask; /* uplinks of its legs where known (0: not known) */
};

enum plan_verb {
	PLAN_KEEP = 0,
	PLAN_SET,     /* make or change the steering route to 'leg' */
	PLAN_DEL,     /* it is not needed any more */
	PLAN_NO_CURE, /* the uplink in use is at fault and there is nothing better */
};

struct plan {
	enum plan_verb verb;
	unsigned n_legs;
	unsigned leg[PLAN_LEGS]; /* uplinks */
};

void plan_make(const struct plan_uplink *u, unsigned n, bool balance, const struct plan_now *now,
	       struct plan *ret);

#endif
