/*
 * overlay_copy - one more overlay with the same edits.
 *
 * Design.  Edits are put again one by one: an overlay holds a few.  The order of rules of one
 * priority is the order in which they were added, so rules are put in that order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/horizon.h"
#include "model/state.h"

/* The next node in order of insertion, or NULL. */
static const struct onode *next_node(const struct otab *t, const struct onode *last)
{
	const struct onode *next = NULL;

	for (unsigned i = 0; i < t->n_slots; i++) {
		const struct onode *n = otab_at(t, i);

		if (n && (!last || n->seq > last->seq) && (!next || n->seq < next->seq))
			next = n;
	}
	return next;
}

static int copy_tab(struct otab *to, const struct otab *from)
{
	bool ordered = from->type == ANOD_OBJ_RULE;
	const struct onode *n = NULL;
	struct anod_object obj;
	int r = 0;

	if (ordered) {
		while (r >= 0 && (n = next_node(from, n))) {
			onode_object(from, n, &obj);
			r = otab_put(to, &obj, n->gone, n->mark);
		}
		return r;
	}
	for (unsigned i = 0; i < from->n_slots && r >= 0; i++) {
		n = otab_at(from, i);
		if (!n)
			continue;
		onode_object(from, n, &obj);
		r = otab_put(to, &obj, n->gone, n->mark);
	}
	return r;
}

static int copy_routes(struct rtab *to, const struct rtab *from)
{
	struct anod_object obj;
	int r = 0;

	for (uint32_t i = 0; i < from->n_used && r >= 0; i++) {
		const struct route *route = rtab_at(from, i);

		if (!route)
			continue;
		rtab_object(from, route, &obj);
		r = rtab_put(to, &obj, route->gone, route->mark);
	}
	return r;
}

static int copy_into(struct overlay *to, const struct overlay *o)
{
	int r = copy_routes(&to->edit.routes, &o->edit.routes);

	for (unsigned t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES && r >= 0; t++)
		r = copy_tab(&to->edit.tab[t], &o->edit.tab[t]);
	if (r >= 0)
		r = copy_tab(&to->lost_nh, &o->lost_nh);
	if (r < 0)
		return r;

	memcpy(to->lost_link, o->lost_link, o->n_lost_links * sizeof(o->lost_link[0]));
	to->n_lost_links = o->n_lost_links;
	memcpy(to->lost4_link, o->lost4_link, o->n_lost4_links * sizeof(o->lost4_link[0]));
	to->n_lost4_links = o->n_lost4_links;
	to->converged = o->converged;
	if (o->n_dead_gateways) {
		to->dead_gateway = malloc(o->n_dead_gateways * sizeof(*to->dead_gateway));
		if (!to->dead_gateway)
			return -ENOMEM;
		memcpy(to->dead_gateway, o->dead_gateway,
		       o->n_dead_gateways * sizeof(*to->dead_gateway));
		to->n_dead_gateways = o->n_dead_gateways;
	}
	return o->own_rules ? overlay_order_rules(to) : 0;
}

struct overlay *overlay_copy(const struct overlay *o)
{
	struct overlay *copy = overlay_new(o->model);

	if (copy && copy_into(copy, o) < 0)
		return overlay_free(copy);
	return copy;
}
