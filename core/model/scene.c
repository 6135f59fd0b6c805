/*
 * scene - what becomes of packets in two states of the network, compared.
 *
 * Design.  Everything here costs by ways and classes, never by destinations.  What a way does is
 * asked of overlay_ask_way(), so that there is one place that knows the kernel's rules about
 * legs (lookup.c).
 */
#include "model/scene.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/flows.h"
#include "model/horizon.h"

/* ---- one destination -------------------------------------------------------------------- */

void path_legs(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
	       const uint32_t *cut, unsigned n_cut, struct flow_path *ret)
{
	const uint32_t tables[] = { table, RT_TABLE_MAIN, RT_TABLE_DEFAULT };
	struct lookup in = { .dst = *dst, .cut = cut, .n_cut = n_cut };
	struct route_ref by;

	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		if (i > 0 && tables[i] == table)
			continue;
		if (overlay_ask_table(o, tables[i], &in, ret, &by) == WAY_DECIDES)
			return;
	}
	ret->fate = 0;
	ret->n_legs = 0;
}

/* ---- outcomes --------------------------------------------------------------------------- */

static uint32_t hash_path(const struct flow_path *p)
{
	uint64_t h = p->fate, via[2];

	for (uint32_t i = 0; i < p->n_legs; i++) {
		memcpy(via, p->leg[i].via.addr, sizeof(via));
		h = (h ^ ((uint64_t) p->leg[i].ifindex << 32 | p->leg[i].weight)) *
		    UINT64_C(0x9e3779b97f4a7c15);
		h = (h ^ h >> 32 ^ via[0] ^ via[1] << 1) * UINT64_C(0xff51afd7ed558ccd);
	}
	return (uint32_t) (h ^ h >> 32);
}

static bool is_path(const struct scene *s, const struct scene_end *out, const struct flow_path *p)
{
	if (out->fate != p->fate || out->n_legs != p->n_legs)
		return false;
	for (uint32_t i = 0; i < p->n_legs; i++)
		if (!flow_same_leg(&s->leg[out->leg + i], &p->leg[i]))
			return false;
	return true;
}

static int make_room(struct scene *s, uint32_t legs)
{
	if (s->n_out == s->max_out) {
		uint32_t max = s->max_out * 2;
		struct scene_end *out = realloc(s->out, max * sizeof(*out));

		if (!out)
			return -ENOMEM;
		s->out = out;
		s->max_out = max;
	}
	if (s->n_legs + legs > s->max_legs) {
		uint32_t max = (s->max_legs + legs) * 2;
		struct anod_leg *leg = realloc(s->leg, max * sizeof(*leg));

		if (!leg)
			return -ENOMEM;
		s->leg = leg;
		s->max_legs = max;
	}
	return 0;
}

static uint32_t outcome_of(struct scene *s, const struct flow_path *p)
{
	uint32_t hash = hash_path(p), *bucket = &s->bucket[hash & (s->n_buckets - 1)];

	if (!p->fate)
		return OUT_NOTHING;
	for (uint32_t i = *bucket; i; i = s->out[i].next)
		if (s->out[i].hash == hash && is_path(s, &s->out[i], p))
			return i;

	if (make_room(s, p->n_legs) < 0) {
		s->failed = true;
		return OUT_NOTHING;
	}
	s->out[s->n_out] = (struct scene_end){ .fate = p->fate,
					       .n_legs = p->n_legs,
					       .leg = s->n_legs,
					       .hash = hash,
					       .next = *bucket };
	if (p->n_legs)
		memcpy(&s->leg[s->n_legs], p->leg, p->n_legs * sizeof(p->leg[0]));
	s->n_legs += p->n_legs;
	*bucket = s->n_out;
	return s->n_out++;
}

bool scene_same_legs(const struct scene *s, uint32_t a, uint32_t b)
{
	const struct scene_end *x = &s->out[a], *y = &s->out[b];

	if (a == b)
		return true;
	if (x->n_legs != y->n_legs)
		return false;
	for (uint32_t i = 0; i < x->n_legs; i++)
		if (!flow_same_leg(&s->leg[x->leg + i], &s->leg[y->leg + i]))
			return false;
	return true;
}

/* ---- scenes ----------------------------------------------------------------------------- */

static void note_link(struct scene *s, uint32_t ifindex)
{
	for (unsigned i = 0; i < MIN_OF(s->n_links, SCENE_LINKS); i++)
		if (s->link[i] == ifindex)
			return;
	if (s->n_links < SCENE_LINKS)
		s->link[s->n_links] = ifindex;
	s->n_links++;
}

static void note_edits(struct scene *s, const struct overlay *o)
{
	const struct otab *links = &o->edit.tab[ANOD_OBJ_LINK];

	for (unsigned i = 0; i < links->n_slots; i++)
		if (otab_at(links, i))
			note_link(s, ONODE_AS(link, otab_at(links, i))->ifindex);
	for (unsigned i = 0; i < o->n_lost_links; i++)
		note_link(s, o->lost_link[i]);
	for (unsigned i = 0; i < o->n_lost4_links; i++)
		note_link(s, o->lost4_link[i]);
	s->nexthops |= o->edit.tab[ANOD_OBJ_NEXTHOP].n || o->lost_nh.n;
	s->converged |= o->converged;
}

int scene_init(struct scene *s, const struct overlay *before, const struct overlay *after)
{
	const struct rtab *t = &before->model->base.routes;
	size_t n_ways = t->n_ways, n_fibs = t->n_fibs;

	*s = (struct scene){ .o = { before, after }, .t = t, .max_out = 16, .n_buckets = 16 };
	while (s->n_buckets < n_ways)
		s->n_buckets *= 2;
	note_edits(s, before);
	if (after != before)
		note_edits(s, after);
	s->way[0] = calloc((n_ways + n_fibs) * 2 + s->n_buckets, sizeof(*s->way[0]));
	s->out = malloc(s->max_out * sizeof(*s->out));
	if (!s->way[0] || !s->out) {
		scene_done(s);
		return -ENOMEM;
	}

	s->way[1] = s->way[0] + n_ways;
	s->zero[0] = s->way[1] + n_ways;
	s->zero[1] = s->zero[0] + n_fibs;
	s->bucket = s->zero[1] + n_fibs;
	memset(s->out, 0, OUT_FIRST * sizeof(*s->out));
	s->n_out = OUT_FIRST;
	s->calm = model_is_calm(before->model);
	return 0;
}

void scene_done(struct scene *s)
{
	free(s->way[0]);
	free(s->out);
	free(s->leg);
}

void scene_again(struct scene *s)
{
	memset(s->way[1], 0, s->t->n_ways * sizeof(*s->way[1]));
	memset(s->zero[1], 0, s->t->n_fibs * sizeof(*s->zero[1]));
}

static bool is_noted(const struct scene *s, uint32_t ifindex)
{
	for (unsigned k = 0; k < s->n_links; k++)
		if (s->link[k] == ifindex)
			return true;
	return false;
}

bool scene_touches(const struct scene *s, uint32_t way)
{
	const struct way *w = s->t->way[way];

	if (!s->n_links && !s->nexthops && !s->converged)
		return false;
	if (s->leg_from) {
		for (uint32_t i = s->leg_from[way]; i < s->leg_from[way + 1]; i++)
			if (is_noted(s, s->leg_link[i]))
				return true;
		return false;
	}
	if (w->nhid || s->n_links > SCENE_LINKS || (s->converged && horizon_is_daemon(w->protocol)))
		return true;
	for (unsigned i = 0; i < w->n_legs; i++)
		if (is_noted(s, w->leg[i].ifindex))
			return true;
	return false;
}

/* ---- ways and classes ------------------------------------------------------------------- */

static uint32_t judge_way(struct scene *s, unsigned state, const struct way *w)
{
	struct lookup in = { .dst.family = w->family,
			     .cut = s->cut[state],
			     .n_cut = s->n_cut[state] };
	struct flow_path p;

	if (overlay_way_lost(s->o[state], w))
		return OUT_PASSES;
	switch (overlay_ask_way(s->o[state], w, &in, &p)) {
	case WAY_PASSES:
		return OUT_PASSES;
	case WAY_SPOILS:
		return OUT_SPOILS;
	case WAY_THROWS:
		return OUT_THROWS;
	case WAY_DECIDES:
		break;
	}
	return outcome_of(s, &p);
}

uint32_t scene_of_way(struct scene *s, unsigned state, uint32_t way)
{
	uint32_t *known = &s->way[state][way];

	if (!*known && state == 1 && !scene_touches(s, way))
		*known = scene_of_way(s, 0, way);
	if (!*known)
		*known = judge_way(s, state, s->t->way[way]);
	return *known;
}

static const struct route *zero_of(const struct rtab *t, const struct fib *like)
{
	const struct fib *f = t->n ? rtab_fib(t, like->table, like->family) : NULL;

	return f && f->zero != RTAB_NONE ? rtab_route(t, f->zero) : NULL;
}

/* The routes to everything of a table. */
static uint32_t scene_of_zero(struct scene *s, unsigned state, uint32_t fib)
{
	const struct fib *f = s->t->fib[fib];
	const struct overlay *o = s->o[state];
	uint32_t *known = &s->zero[state][fib], out = *known;
	struct lookup in = { .dst.family = f->family,
			     .cut = s->cut[state],
			     .n_cut = s->n_cut[state] };
	struct route_ref by;
	struct flow_path p;

	if (out)
		return out;
	out = OUT_PASSES;
	/* A throw goes to the next table, and so does having no answer here. */
	if (overlay_ask_chain(o, zero_of(s->t, f), zero_of(&o->edit.routes, f), &in, &p, &by) ==
	    WAY_DECIDES)
		out = outcome_of(s, &p);
	*known = out;
	return out;
}

uint32_t scene_of_class(struct scene *s, unsigned state, uint32_t class)
{
	const struct class *at = s->t->classes->at;

	for (uint32_t c = class; c; c = at[c].parent) {
		uint32_t way = at[c].way, out;

		if (way & CLASS_ZERO)
			out = scene_of_zero(s, state, way & ~CLASS_ZERO);
		else
			out = scene_of_way(s, state, way);
		if (out >= OUT_NOTHING)
			return out;
		if (out == OUT_THROWS)
			while (!(at[c].way & CLASS_ZERO))
				c = at[c].parent;
		for (uint32_t n = out == OUT_SPOILS ? at[c].leaf : 0; n > 0; n--)
			c = at[c].parent;
	}
	return OUT_NOTHING;
}

uint32_t scene_of_dst(struct scene *s, unsigned state, uint32_t table,
		      const struct anod_prefix *dst)
{
	struct flow_path p;

	path_legs(s->o[state], table, dst, s->cut[state], s->n_cut[state], &p);
	return outcome_of(s, &p);
}

/* ---- calm ------------------------------------------------------------------------------- */

static bool all_heads_decide(const struct model *m)
{
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	const struct rtab *t = &m->base.routes;
	struct route_ref by;
	struct flow_path p;

	if (!o)
		return false;
	for (unsigned i = 0; i < t->n_fibs; i++) {
		const struct route *zero = zero_of(t, t->fib[i]);
		struct lookup in = { .dst.family = t->fib[i]->family };

		if (fib_measured(t->fib[i]) && route_leads(t, zero) &&
		    overlay_ask_chain(o, zero, NULL, &in, &p, &by) != WAY_DECIDES)
			return false;
	}
	for (uint32_t i = 0; i < t->n_ways; i++) {
		const struct way *w = t->way[i];
		struct lookup in = { .dst.family = w ? w->family : 0 };

		if (w && w->heads && overlay_ask_way(o, w, &in, &p) != WAY_DECIDES)
			return false;
	}
	return true;
}

bool model_is_calm(const struct model *m)
{
	struct calm *c = m->calm;
	uint64_t ways_gen = m->base.routes.classes->ways_gen;

	if (!c->known || c->env_gen != m->env_gen || c->ways_gen != ways_gen)
		*c = (struct calm){ .env_gen = m->env_gen,
				    .ways_gen = ways_gen,
				    .known = true,
				    .calm = all_heads_decide(m) };
	return c->calm;
}
