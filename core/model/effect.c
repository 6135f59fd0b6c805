/*
 * effect - what a change does to destinations.
 *
 * Design.  Classes tell what links and next hops do; they know nothing of edited routes.  An edited
 * route matters to its own destination, and to those inside it that no route of their own
 * carries: these are few, they are taken back from their classes and looked up one by one.  The
 * routes to everything are no exception: classes ask the overlay for them.
 *
 * A destination has a route of its own that carries it when the first way of its class decides in
 * both states.  As long as all first ways do - the usual case - nothing inside an edited route
 * is visited at all.
 */
#include "model/effect.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "facts/value.h"

#define SPOTS_HERE 8

/* A destination that an overlay has routes for. */
struct spot {
	struct anod_prefix dst;
	uint32_t table;
};

struct spots {
	struct spot *at, here[SPOTS_HERE];
	unsigned n, max;
};

struct effects {
	struct scene *s;
	struct spots spots;
	effect_fn *fn;
	void *data;
	unsigned n;
	bool all, some_pass; /* a first way that does not decide was met */
};

/* ---- edited destinations ---------------------------------------------------------------- */

static int spot_order(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int d = (int) x->dst.family - (int) y->dst.family;

	if (!d)
		d = memcmp(x->dst.addr, y->dst.addr, sizeof(x->dst.addr));
	if (!d)
		d = (int) x->dst.len - (int) y->dst.len;
	return d ? d : (x->table > y->table) - (x->table < y->table);
}

static int add_spot(struct spots *l, const struct spot *spot)
{
	for (unsigned i = l->n; i > 0 && l->n - i < SPOTS_HERE; i--)
		if (spot_order(&l->at[i - 1], spot) == 0)
			return 0;
	if (l->n == l->max) {
		unsigned max = l->max * 2;
		struct spot *at = realloc(l->at == l->here ? NULL : l->at, max * sizeof(*at));

		if (!at)
			return -ENOMEM;
		if (l->at == l->here)
			memcpy(at, l->here, sizeof(l->here));
		l->at = at;
		l->max = max;
	}
	l->at[l->n++] = *spot;
	return 0;
}

static int add_spots(struct spots *l, const struct rtab *t)
{
	for (uint32_t i = 0; i < t->n_used; i++) {
		const struct route *r = rtab_at(t, i);
		struct spot spot;

		if (!r || r->table == RT_TABLE_LOCAL || r->table == RT_TABLE_UNSPEC)
			continue;
		spot.table = r->table;
		route_dst(r, &spot.dst);
		if (add_spot(l, &spot) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void spots_done(struct spots *l)
{
	if (l->at != l->here)
		free(l->at);
}

static int spots_of(struct spots *l, const struct overlay *before, const struct overlay *after)
{
	unsigned kept = 0;

	l->at = l->here;
	l->max = SPOTS_HERE;
	l->n = 0;
	if (add_spots(l, &before->edit.routes) < 0 ||
	    (after != before && add_spots(l, &after->edit.routes) < 0)) {
		spots_done(l);
		return -ENOMEM;
	}
	if (l->n < 2)
		return 0;

	qsort(l->at, l->n, sizeof(l->at[0]), spot_order);
	for (unsigned i = 0; i < l->n; i++)
		if (!kept || spot_order(&l->at[kept - 1], &l->at[i]) != 0)
			l->at[kept++] = l->at[i];
	l->n = kept;
	return 0;
}

static bool is_spot(const struct spots *l, uint32_t table, const struct anod_prefix *dst)
{
	struct spot key = { .dst = *dst, .table = table };

	return bsearch(&key, l->at, l->n, sizeof(key), spot_order);
}

/* Is it a destination of its own, in the model or in an overlay (also one whose route is deleted
 * there)?  *ret_base: its first route in the model. */
static bool spot_counts(const struct overlay *before, const struct overlay *after,
			const struct spot *spot, const struct route **ret_base)
{
	const struct rtab *base = &before->model->base.routes, *edit = &after->edit.routes;

	*ret_base = rtab_chain(base, spot->table, &spot->dst);
	if (route_leads(base, *ret_base))
		return true;
	*ret_base = NULL;
	if (route_leads(edit, rtab_chain(edit, spot->table, &spot->dst)))
		return true;
	edit = &before->edit.routes;
	return route_leads(edit, rtab_chain(edit, spot->table, &spot->dst));
}

/* ---- one by one ------------------------------------------------------------------------- */

static void tell_class(const struct effects *e, int32_t n, uint32_t class)
{
	struct effect effect = { .n = n, .class = class };

	effect.was = scene_of_class(e->s, 0, class);
	effect.is = scene_of_class(e->s, 1, class);
	e->fn(&effect, e->data);
}

static void tell_dst(const struct effects *e, uint32_t table, const struct anod_prefix *dst,
		     bool edited)
{
	struct effect effect = { .n = 1, .table = table, .dst = *dst, .edited = edited };

	effect.was = scene_of_dst(e->s, 0, table, dst);
	effect.is = scene_of_dst(e->s, 1, table, dst);
	e->fn(&effect, e->data);
}

static void tell_spots(struct effects *e)
{
	const struct rtab *base = e->s->t;

	for (unsigned i = 0; i < e->spots.n; i++) {
		const struct spot *spot = &e->spots.at[i];
		const struct route *r;

		if (!spot_counts(e->s->o[0], e->s->o[1], spot, &r))
			continue;
		e->n += !r;
		if (r && fib_classed(rtab_fib(base, r->table, r->family)))
			tell_class(e, -1, r->class);
		tell_dst(e, spot->table, &spot->dst, true);
	}
}

static int tell_if_open(uint32_t id, uint32_t cover, void *data)
{
	struct effects *e = data;
	const struct route *r = rtab_route(e->s->t, id);
	uint32_t way = e->s->t->classes->at[r->class].way;
	struct anod_prefix dst;

	(void) cover;
	if (!route_leads(e->s->t, r) || (scene_of_way(e->s, 0, way) >= OUT_NOTHING &&
					 scene_of_way(e->s, 1, way) >= OUT_NOTHING))
		return 0;
	route_dst(r, &dst);
	if (is_spot(&e->spots, r->table, &dst))
		return 0;
	tell_class(e, -1, r->class);
	tell_dst(e, r->table, &dst, false);
	return 0;
}

/* What lies inside edited routes of a table, or of those that are asked after it. */
static void tell_inside(struct effects *e, const struct fib *f)
{
	const struct spot *outer = NULL;

	for (unsigned i = 0; i < e->spots.n; i++) {
		const struct spot *spot = &e->spots.at[i];
		struct bits bits;

		if (spot->dst.family != f->family || !spot->dst.len ||
		    (spot->table != f->table && spot->table != RT_TABLE_MAIN &&
		     spot->table != RT_TABLE_DEFAULT) ||
		    (outer && prefix_contains(&outer->dst, &spot->dst)))
			continue;
		outer = spot;
		bits = trie_bits(&spot->dst);
		(void) trie_walk(e->s->t, f, &bits, spot->dst.len, tell_if_open, e);
	}
}

static int tell_last(uint32_t id, uint32_t cover, void *data)
{
	struct effects *e = data;
	const struct route *r = rtab_route(e->s->t, id);
	struct anod_prefix dst;

	(void) cover;
	route_dst(r, &dst);
	if (route_leads(e->s->t, r) && !is_spot(&e->spots, r->table, &dst))
		tell_dst(e, r->table, &dst, false);
	return 0;
}

/* ---- by classes ------------------------------------------------------------------------- */

static void tell_way(struct effects *e, uint32_t id)
{
	const struct way *w = e->s->t->way[id];
	const struct class *at = e->s->t->classes->at;
	struct effect effect = { .n = (int32_t) w->heads, .class = w->classes, .head = true };

	if (!e->all && e->s->calm && !scene_touches(e->s, id))
		return;
	effect.was = scene_of_way(e->s, 0, id);
	effect.is = scene_of_way(e->s, 1, id);
	if (effect.was >= OUT_NOTHING && effect.is >= OUT_NOTHING) {
		e->fn(&effect, e->data);
		return;
	}
	e->some_pass = true;
	for (uint32_t c = w->classes; c; c = at[c].next)
		if (at[c].count)
			tell_class(e, (int32_t) at[c].count, c);
}

static void tell_table(struct effects *e, const struct fib *f)
{
	const struct route *zero = f->zero == RTAB_NONE ? NULL : rtab_route(e->s->t, f->zero);

	if (!fib_measured(f))
		return;
	if (!fib_classed(f)) {
		if (zero)
			(void) tell_last(f->zero, RTAB_NONE, e);
		(void) trie_walk(e->s->t, f, &(struct bits){ 0 }, 0, tell_last, e);
		return;
	}
	if (zero && route_leads(e->s->t, zero))
		tell_class(e, 1, zero->class);
	if (e->some_pass)
		tell_inside(e, f);
}

int effects(struct scene *s, bool all, effect_fn *fn, void *data, unsigned *ret_n)
{
	struct effects e = { .s = s, .fn = fn, .data = data, .all = all };

	if (spots_of(&e.spots, s->o[0], s->o[1]) < 0)
		return -ENOMEM;

	e.n = s->t->classes->n_dests;
	for (uint32_t i = 0; i < s->t->n_ways; i++)
		if (s->t->way[i] && s->t->way[i]->heads)
			tell_way(&e, i);
	tell_spots(&e);
	for (unsigned i = 0; i < s->t->n_fibs; i++)
		tell_table(&e, s->t->fib[i]);
	spots_done(&e.spots);
	*ret_n = e.n;
	return s->failed ? -ENOMEM : 0;
}

/* ---- routes alone ----------------------------------------------------------------------- */

static bool only_routes(const struct overlay *o)
{
	return !o->edit.tab[ANOD_OBJ_LINK].n && !o->edit.tab[ANOD_OBJ_NEXTHOP].n &&
	       !o->n_lost_links && !o->n_lost4_links && !o->lost_nh.n && !o->converged;
}

/* Has the table "default" destinations of its own? */
static bool last_is_used(const struct rtab *t)
{
	for (unsigned i = 0; i < t->n_fibs; i++)
		if (t->fib[i]->table == RT_TABLE_DEFAULT &&
		    (t->fib[i]->n_long || t->fib[i]->zero != RTAB_NONE))
			return true;
	return false;
}

bool effects_of_routes(const struct overlay *before, const struct overlay *after,
		       void (*fn)(const struct flow_path *was, const struct flow_path *is, void *),
		       void *data, unsigned *ret_n)
{
	const struct rtab *base = &before->model->base.routes;
	struct flow_path was, is;
	struct spots spots;

	if (!only_routes(before) || !only_routes(after) || last_is_used(base) ||
	    !model_is_calm(before->model) || spots_of(&spots, before, after) < 0)
		return false;

	*ret_n = base->classes->n_dests;
	for (unsigned i = 0; i < spots.n; i++) {
		const struct spot *spot = &spots.at[i];
		const struct route *r;

		if (!spot_counts(before, after, spot, &r))
			continue;
		*ret_n += !r;
		path_legs(before, spot->table, &spot->dst, NULL, 0, &was);
		path_legs(after, spot->table, &spot->dst, NULL, 0, &is);
		fn(&was, &is, data);
	}
	spots_done(&spots);
	return true;
}
