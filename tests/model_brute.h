/*
 * model_brute - what happens to every destination, looked up one by one: slow and simple.
 *
 * The oracle of core/model's classes and the contender of their benchmark.  brute_path() goes through
 * all routes there are and shares only the judgement of a single way with what it is compared to;
 * brute_measure() uses the model's own look-up for each destination.
 */
#ifndef TESTS_MODEL_BRUTE_H
#define TESTS_MODEL_BRUTE_H

#include <linux/rtnetlink.h>
#include <string.h>

#include "facts/value.h"
#include "model/flows.h"
#include "model/scene.h"

struct brute_sum {
	unsigned prefixes, moved, lost, mended;
};

static inline bool brute_counts(const struct rtab *t, const struct route *r)
{
	return r->table != RT_TABLE_LOCAL && r->table != RT_TABLE_UNSPEC && r->tos == 0 &&
	       rtab_way(t, r)->type == RTN_UNICAST;
}

/* Does 'a' come before 'b' in the look-up of one table? */
static inline bool brute_first(const struct route *a, const struct route *b)
{
	return a->len != b->len ? a->len > b->len : route_order(a, b) < 0;
}

static inline bool brute_after(const struct route *r, const struct route *last)
{
	return !last || brute_first(last, r);
}

/* The next route of one table that contains 'dst', from all routes of the overlay. */
static inline bool brute_next(const struct overlay *o, uint32_t table,
			      const struct anod_prefix *dst, const struct route *last,
			      struct route_ref *ret)
{
	const struct rtab *tabs[2] = { &o->model->base.routes, &o->edit.routes };
	const struct route *best = NULL;

	for (unsigned k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < tabs[k]->n_used; i++) {
			const struct route *r = rtab_at(tabs[k], i);
			struct anod_prefix net;

			if (!r || r->table != table || r->gone || r->tos)
				continue;
			route_dst(r, &net);
			if (net.len > dst->len || !prefix_contains(&net, dst) ||
			    !brute_after(r, last) || (best && brute_first(best, r)) ||
			    (k == 0 && overlay_hides(o, r)))
				continue;
			best = r;
			*ret = (struct route_ref){ tabs[k], r };
		}
	}
	return best;
}

static inline void brute_path(const struct overlay *o, uint32_t table,
			      const struct anod_prefix *dst, const uint32_t *cut, unsigned n_cut,
			      struct flow_path *ret)
{
	const uint32_t tables[] = { table, RT_TABLE_MAIN, RT_TABLE_DEFAULT };
	struct lookup in = { .dst = *dst, .cut = cut, .n_cut = n_cut };
	struct route_ref at;

	for (unsigned i = 0; i < 3; i++) {
		const struct route *last = NULL, *spoilt = NULL;

		if (i > 0 && tables[i] == table)
			continue;
		for (; brute_next(o, tables[i], dst, last, &at); last = at.route) {
			enum way_answer a;

			if (spoilt && memcmp(spoilt->addr, at.route->addr, 4) == 0)
				continue;
			a = overlay_ask_way(o, rtab_way(at.tab, at.route), &in, ret);
			if (a == WAY_SPOILS)
				spoilt = at.route;
			if (a == WAY_DECIDES)
				return;
			if (a == WAY_THROWS)
				break;
		}
	}
	ret->fate = 0;
	ret->n_legs = 0;
}

static inline bool brute_is_first(const struct rtab *t, const struct route *r)
{
	struct anod_prefix dst;

	route_dst(r, &dst);
	for (const struct route *c = rtab_chain(t, r->table, &dst); c; c = rtab_next(t, c))
		if (brute_counts(t, c))
			return c == r;
	return false;
}

static inline bool brute_has(const struct rtab *t, const struct route *like)
{
	struct anod_prefix dst;

	route_dst(like, &dst);
	for (const struct route *c = rtab_chain(t, like->table, &dst); c; c = rtab_next(t, c))
		if (brute_counts(t, c))
			return true;
	return false;
}

/* Every destination that counts, once. */
static inline void brute_each(const struct overlay *before, const struct overlay *after,
			      void (*fn)(uint32_t table, const struct anod_prefix *dst, void *data),
			      void *data)
{
	const struct rtab *tabs[3] = { &before->model->base.routes, &before->edit.routes,
				       &after->edit.routes };

	for (unsigned k = 0; k < 3; k++) {
		for (uint32_t i = 0; i < tabs[k]->n_used; i++) {
			const struct route *r = rtab_at(tabs[k], i);
			struct anod_prefix dst;
			bool seen = false;

			if (!r || !brute_counts(tabs[k], r) || !brute_is_first(tabs[k], r))
				continue;
			for (unsigned j = 0; j < k && !seen; j++)
				seen = brute_has(tabs[j], r);
			if (seen)
				continue;
			route_dst(r, &dst);
			fn(r->table, &dst, data);
		}
	}
}

static inline void brute_add(struct brute_sum *s, const struct flow_path *was,
			     const struct flow_path *is)
{
	s->prefixes++;
	s->moved += !flow_same_legs(was, is);
	s->lost +=
		was->fate == FLOW_FORWARDED && is->fate != FLOW_FORWARDED && is->fate != FLOW_LOCAL;
	s->mended += was->fate != FLOW_FORWARDED && was->fate != FLOW_LOCAL &&
		     is->fate == FLOW_FORWARDED;
}

#endif
