/*
 * flows - prefixes by where their packets go, before and after a change.
 *
 * Design.  Every destination is looked up in both overlays and put into the group of those that
 * had the same legs and have the same legs.
 */
#include "model/flows.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/state.h"

struct group {
	struct flow_group g;
	struct flow_path was, is;
};

struct walk {
	const struct overlay *before, *after;
	struct group **group;
	unsigned n, max;
};

bool flow_same_legs(const struct flow_path *a, const struct flow_path *b)
{
	if (a->n_legs != b->n_legs)
		return false;
	for (uint32_t i = 0; i < a->n_legs; i++)
		if (a->leg[i].ifindex != b->leg[i].ifindex ||
		    a->leg[i].weight != b->leg[i].weight ||
		    memcmp(&a->leg[i].via, &b->leg[i].via, sizeof(a->leg[i].via)) != 0)
			return false;
	return true;
}

static void find_path(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
		      struct flow_path *ret)
{
	static const uint32_t later[] = { RT_TABLE_MAIN, RT_TABLE_DEFAULT };

	memset(ret, 0, sizeof(*ret));
	overlay_lookup_table(o, table, dst, NULL, 0, ret);
	for (unsigned i = 0; i < ARRAY_SIZE(later) && !ret->fate; i++)
		if (table != later[i])
			overlay_lookup_table(o, later[i], dst, NULL, 0, ret);
}

static bool same_fate(const struct flow_path *a, const struct flow_path *b)
{
	return a->fate == b->fate && flow_same_legs(a, b);
}

static int add(struct walk *w, uint32_t table, const struct anod_prefix *dst)
{
	struct flow_path was, is;
	struct group *g;

	find_path(w->before, table, dst, &was);
	find_path(w->after, table, dst, &is);
	for (unsigned i = 0; i < w->n; i++) {
		g = w->group[i];
		if (same_fate(&g->was, &was) && same_fate(&g->is, &is)) {
			g->g.prefixes++;
			return 0;
		}
	}

	if (w->n == w->max) {
		unsigned max = w->max ? w->max * 2 : 16;
		struct group **list = realloc(w->group, max * sizeof(struct group *));

		if (!list)
			return -ENOMEM;
		w->group = list;
		w->max = max;
	}
	g = malloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct group){ .was = was, .is = is };
	g->g = (struct flow_group){
		.prefixes = 1, .was = &g->was, .is = &g->is, .table = table, .example = *dst
	};
	w->group[w->n++] = g;
	return 0;
}

/* Is this the route that stands for its destination in the walk? */
static bool first_here(const struct rtab *t, const struct route *r)
{
	struct anod_prefix dst;
	const struct route *c;

	route_dst(r, &dst);
	for (c = rtab_chain(t, r->table, &dst); c; c = rtab_next(t, c))
		if (c->tos == 0 && rtab_way(t, c)->type == RTN_UNICAST)
			return c == r;
	return false;
}

static bool has(const struct rtab *t, const struct route *r)
{
	struct anod_prefix dst;

	route_dst(r, &dst);
	for (const struct route *c = rtab_chain(t, r->table, &dst); c; c = rtab_next(t, c))
		if (c->tos == 0 && rtab_way(t, c)->type == RTN_UNICAST)
			return true;
	return false;
}

static int walk_table(struct walk *w, const struct rtab *t, const struct rtab *seen,
		      const struct rtab *seen_too)
{
	for (uint32_t i = 0; i < t->n_used; i++) {
		const struct route *r = rtab_at(t, i);
		struct anod_prefix dst;
		int k;

		if (!r || r->table == RT_TABLE_LOCAL || !first_here(t, r) ||
		    (seen && has(seen, r)) || (seen_too && has(seen_too, r)))
			continue;
		route_dst(r, &dst);
		k = add(w, r->table, &dst);
		if (k < 0)
			return k;
	}
	return 0;
}

int flows_each(const struct overlay *before, const struct overlay *after,
	       int (*fn)(const struct flow_group *, void *), void *data)
{
	struct walk w = { .before = before, .after = after };
	const struct rtab *base = &before->model->base.routes;
	int r;

	r = walk_table(&w, base, NULL, NULL);
	if (r == 0)
		r = walk_table(&w, &before->edit.routes, base, NULL);
	if (r == 0)
		r = walk_table(&w, &after->edit.routes, base, &before->edit.routes);
	for (unsigned i = 0; i < w.n && r == 0; i++)
		r = fn(&w.group[i]->g, data);
	for (unsigned i = 0; i < w.n; i++)
		free(w.group[i]);
	free(w.group);
	return r;
}
