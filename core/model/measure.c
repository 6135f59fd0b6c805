/*
 * measure - what a change does to the prefixes of the routing tables.
 *
 * Design.  Every destination is met once.  Whether its packets can be affected is read off its
 * first route: when no edit hides it and its way has the same usable legs in both overlays, it
 * is not; ways are few, so this is a byte per way, and 100,000 routes cost a walk through memory.
 * Only what may be affected is looked up, in both overlays: in its own table first and, where
 * that has no answer, in main and default, as the usual rules do.
 *
 * A later version may visit only what depends on the changed objects; the caller sees numbers.
 */
#include "model/measure.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/state.h"

enum way_verdict { WAY_UNKNOWN = 0, WAY_STAYS, WAY_MAY_MOVE };

struct measure {
	const struct overlay *before, *after;
	uint8_t *verdict; /* by way of the model */
	unsigned prefixes, moved, lost, mended;
};

static bool measured(const struct route *r, const struct way *w)
{
	return r->table != RT_TABLE_LOCAL && r->table != RT_TABLE_UNSPEC && r->tos == 0 &&
	       w->type == RTN_UNICAST;
}

/* The usable legs, without what does not steer a packet. */
static unsigned usable_legs(const struct overlay *o, const struct way *w, struct anod_leg *ret)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = overlay_legs(o, w, leg), usable = 0;

	for (unsigned i = 0; i < n; i++) {
		if (overlay_leg_state(o, &leg[i], NULL, 0) != LEG_USABLE)
			continue;
		ret[usable] = leg[i];
		ret[usable++].flags = 0;
	}
	return usable;
}

static uint8_t judge_way(const struct measure *m, const struct way *w)
{
	struct anod_leg was[ANOD_LEGS_MAX], is[ANOD_LEGS_MAX];
	unsigned n = usable_legs(m->before, w, was);

	if (n == 0 || n != usable_legs(m->after, w, is) || memcmp(was, is, n * sizeof(was[0])) != 0)
		return WAY_MAY_MOVE;
	return WAY_STAYS;
}

static bool is_edited(const struct overlay *o, const struct route *r)
{
	struct anod_prefix dst;

	if (!rtab_may_have(&o->edit.routes, r))
		return false;
	route_dst(r, &dst);
	return rtab_chain(&o->edit.routes, r->table, &dst);
}

/* False when the packets to this destination surely go where they went. */
static bool may_move(const struct measure *m, const struct route *first)
{
	const struct rtab *base = &m->before->model->base.routes;
	uint8_t *verdict = &m->verdict[first->way];

	if (*verdict == WAY_UNKNOWN)
		*verdict = judge_way(m, rtab_way(base, first));
	return *verdict == WAY_MAY_MOVE || is_edited(m->before, first) ||
	       is_edited(m->after, first) || overlay_hides(m->before, first) ||
	       overlay_hides(m->after, first);
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

static bool same_legs(const struct flow_path *a, const struct flow_path *b)
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

static void compare(struct measure *m, uint32_t table, const struct anod_prefix *dst)
{
	struct flow_path was, is;

	find_path(m->before, table, dst, &was);
	find_path(m->after, table, dst, &is);
	m->moved += !same_legs(&was, &is);
	m->lost += was.fate == FLOW_FORWARDED && is.fate != FLOW_FORWARDED && is.fate != FLOW_LOCAL;
	m->mended +=
		was.fate != FLOW_FORWARDED && was.fate != FLOW_LOCAL && is.fate == FLOW_FORWARDED;
}

/* First unicast route of a chain, as far as it is measured; NULL: none. */
static const struct route *first_of(const struct rtab *t, const struct route *r, bool gone_too)
{
	for (; r; r = rtab_next(t, r))
		if (measured(r, rtab_way(t, r)) && (gone_too || !r->gone))
			return r;
	return NULL;
}

static void measure_base(struct measure *m)
{
	const struct rtab *base = &m->before->model->base.routes;

	for (uint32_t i = 0; i < base->n_slots; i++) {
		const struct route *r = first_of(base, rtab_chain_at(base, i), true);
		struct anod_prefix dst;

		if (!r)
			continue;
		m->prefixes++;
		if (!may_move(m, r))
			continue;
		route_dst(r, &dst);
		compare(m, r->table, &dst);
	}
}

/* Destinations that only an overlay has; those of 'seen' have been met. */
static void measure_edits(struct measure *m, const struct overlay *o, const struct overlay *seen)
{
	const struct rtab *base = &o->model->base.routes, *edit = &o->edit.routes;

	for (uint32_t i = 0; i < edit->n_used; i++) {
		const struct route *r = rtab_at(edit, i);
		struct anod_prefix dst;

		if (!r || !measured(r, rtab_way(edit, r)))
			continue;
		route_dst(r, &dst);
		if (first_of(edit, rtab_chain(edit, r->table, &dst), true) != r ||
		    first_of(base, rtab_chain(base, r->table, &dst), true))
			continue;
		if (seen && first_of(&seen->edit.routes,
				     rtab_chain(&seen->edit.routes, r->table, &dst), true))
			continue;
		m->prefixes++;
		compare(m, r->table, &dst);
	}
}

int measure(const struct overlay *before, const struct overlay *after, struct measured *ret)
{
	struct measure m = { .before = before, .after = after };

	m.verdict = calloc(before->model->base.routes.n_ways + 1u, 1);
	if (!m.verdict)
		return -ENOMEM;

	measure_base(&m);
	measure_edits(&m, before, NULL);
	measure_edits(&m, after, before);
	free(m.verdict);

	*ret = (struct measured){
		.prefixes = m.prefixes, .moved = m.moved, .lost = m.lost, .mended = m.mended
	};
	return 0;
}
