/*
 * candidates - routes that a RIB has and the kernel has not, for horizon.h.
 *
 * Design.  An array sorted by preference and then by key, so that the best of a destination comes
 * first; it is searched by key only when it is changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/horizon.h"
#include "model/state.h"

static int compare(const struct candidate *a, const struct anod_object *route, uint8_t preference)
{
	const struct anod_route *x = &a->route.u.route, *y = &route->u.route;
	int r;

	if (a->preference != preference)
		return (int) a->preference - (int) preference;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	r = memcmp(&x->dst, &y->dst, sizeof(x->dst));
	if (r != 0)
		return r;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static unsigned place(const struct candidates *c, const struct anod_object *route,
		      uint8_t preference, bool *ret_found)
{
	unsigned lo = 0, hi = c->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (compare(&c->at[mid], route, preference) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_found = lo < c->n && compare(&c->at[lo], route, preference) == 0;
	return lo;
}

int model_put_candidate(struct model *m, const struct anod_object *route, uint8_t preference)
{
	struct candidates *c = &m->candidates;
	bool found;
	unsigned i;

	/* One that is not a daemon's would be installed for ever: none of a daemon takes its place. */
	if (route->type != ANOD_OBJ_ROUTE || !horizon_is_daemon(route->u.route.protocol) ||
	    !route->u.route.n_legs || route->u.route.n_legs > ANOD_LEGS_MAX || route->u.route.nhid)
		return -EINVAL;

	i = place(c, route, preference, &found);
	if (!found) {
		if (c->n == MODEL_CANDIDATES_MAX)
			return -ENOSPC;
		if (c->n == c->max) {
			unsigned max = c->max ? c->max * 2 : 16;
			struct candidate *at = realloc(c->at, max * sizeof(*at));

			if (!at)
				return -ENOMEM;
			c->at = at;
			c->max = max;
		}
		memmove(&c->at[i + 1], &c->at[i], (c->n - i) * sizeof(c->at[0]));
		c->n++;
	}
	c->at[i] = (struct candidate){ .route = *route, .preference = preference };
	m->generation++;
	return 0;
}

int model_del_candidate(struct model *m, const struct anod_object *route, uint8_t preference)
{
	struct candidates *c = &m->candidates;
	bool found;
	unsigned i = place(c, route, preference, &found);

	if (!found)
		return 0;
	memmove(&c->at[i], &c->at[i + 1], (c->n - i - 1) * sizeof(c->at[0]));
	c->n--;
	m->generation++;
	return 0;
}

unsigned model_candidates(const struct model *m)
{
	return m->candidates.n;
}
