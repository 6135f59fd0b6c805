/*
 * uplink_plan - the choice among uplinks.
 *
 * Design.  Uplinks have a grade: usable, returning, gray, useless.  Traffic leaves an uplink
 * when it is useless for anything better, and when it is gray for a usable one; it goes back up
 * to a preferred uplink only when that is healthy, which includes the refractory time.  In all
 * other cases it stays, so no sequence of states makes it swing.  An unknown state is never a
 * reason to go anywhere: not away from an uplink and not towards it.
 */
#include "uplink_plan.h"

#include <string.h>

enum grade { UNKNOWN = -1, USELESS = 0, GRAY = 1, RETURNING = 2, USABLE = 3 };

static enum grade grade(const struct plan_uplink *u)
{
	switch (u->state) {
	case HEALTH_UNKNOWN:
		return UNKNOWN;
	case HEALTH_HEALTHY:
	case HEALTH_ELSEWHERE:
		return USABLE;
	case HEALTH_RETURNING:
		return RETURNING;
	case HEALTH_GRAY:
		return GRAY;
	case HEALTH_DEAD:
	case HEALTH_GATEWAY:
	case HEALTH_DOWN:
		return USELESS;
	}
	return UNKNOWN;
}

/* True when 'a' is preferred to 'b' as the operator ranked them. */
static bool outranks(const struct plan_uplink *u, unsigned a, unsigned b)
{
	return u[a].weight > u[b].weight || (a < b && u[a].weight == u[b].weight);
}

/* The best uplink with a way and at least grade 'min', or -1. */
static int best(const struct plan_uplink *u, unsigned n, enum grade min)
{
	int found = -1;

	for (unsigned i = 0; i < n; i++) {
		if (!u[i].has_way || grade(&u[i]) < min)
			continue;
		if (found < 0 || grade(&u[i]) > grade(&u[found]) ||
		    (grade(&u[i]) == grade(&u[found]) && outranks(u, i, (unsigned) found)))
			found = (int) i;
	}
	return found;
}

/* The uplink that should carry what 'cur' (-1: none) carries now; -1: none is any better. */
static int choose(const struct plan_uplink *u, unsigned n, int cur)
{
	enum grade g = cur < 0 ? USELESS : grade(&u[cur]);
	int up = -1;

	if (g == USELESS)
		return best(u, n, GRAY);
	if (g == GRAY)
		return best(u, n, USABLE);

	for (unsigned i = 0; i < n; i++)
		if (u[i].has_way && u[i].state == HEALTH_HEALTHY &&
		    outranks(u, i, (unsigned) cur) && (up < 0 || outranks(u, i, (unsigned) up)))
			up = (int) i;
	return up < 0 ? cur : up;
}

static bool single(const struct plan_now *now, unsigned uplink)
{
	return now->steering && now->n_legs == 1 && now->first == (int) uplink;
}

static void plan_single(const struct plan_uplink *u, unsigned n, const struct plan_now *now,
			struct plan *ret)
{
	int cur = now->steering ? now->first : now->natural;
	int to;

	if (cur >= 0 && grade(&u[cur]) == UNKNOWN)
		return;

	to = choose(u, n, cur);
	if (to < 0)
		ret->verb = PLAN_NO_CURE;
	else if (to == now->natural)
		ret->verb = now->steering ? PLAN_DEL : PLAN_KEEP;
	else if (!single(now, (unsigned) to)) {
		ret->verb = PLAN_SET;
		ret->n_legs = 1;
		ret->leg[0] = (unsigned) to;
	}
}

void plan_make(const struct plan_uplink *u, unsigned n, bool balance, const struct plan_now *now,
	       struct plan *ret)
{
	uint32_t mask = 0, left;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; balance && i < n; i++)
		if (u[i].has_way && grade(&u[i]) == USABLE)
			mask |= 1u << i;
		else if (grade(&u[i]) == UNKNOWN)
			return; /* neither add nor drop a leg on a guess */

	while (ret->n_legs < PLAN_LEGS && (left = mask) != 0) {
		unsigned top = n;

		for (unsigned i = 0; i < n; i++)
			if ((left & 1u << i) && (top == n || outranks(u, i, top)))
				top = i;
		if (top == n)
			break;

		ret->leg[ret->n_legs++] = top;
		mask &= ~(1u << top);
	}
	if (ret->n_legs < 2) {
		ret->n_legs = 0;
		plan_single(u, n, now, ret);
		return;
	}

	mask = 0;
	for (unsigned i = 0; i < ret->n_legs; i++)
		mask |= 1u << ret->leg[i];
	if (now->steering && now->n_legs == ret->n_legs &&
	    (now->legs_mask ? now->legs_mask == mask : now->first == (int) ret->leg[0]))
		ret->n_legs = 0;
	else
		ret->verb = PLAN_SET;
}
