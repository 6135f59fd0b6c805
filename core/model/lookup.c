/*
 * lookup - where a packet goes in one table.
 *
 * Design.  fib_table_lookup() and fib6_table_lookup(): the longest prefix first, among routes of
 * one prefix the kernel's order, until a way does not pass (ask_way.c).  IPv4 compares the tos of a
 * route with that of the packet (a route without one takes all), IPv6 has none.
 *
 * Look-ups ask whole tables, classes (scene.c) ask ways and follow the same answers.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/state.h"

/* ---- one destination -------------------------------------------------------------------- */

/* RT_TOS() of <linux/in_route.h>, without the bits of ECN: what of a tos selects routes. */
#define IPTOS_RT_MASK 0x1c

static bool tos_fits(const struct lookup *in, const struct route *r)
{
	return !r->tos || (in->dst.family == AF_INET && r->tos == (in->tos & IPTOS_RT_MASK));
}

/* find_rr_leaf() of IPv6: the first route has been passed over; now of all the others, whatever
 * their metric, one over the link that the packet came from or that its socket is bound to. */
static enum way_answer ask_by_wish(const struct overlay *o, const struct route *base,
				   const struct route *edit, const struct lookup *in,
				   const struct route *after, struct flow_path *ret,
				   struct route_ref *ret_at)
{
	struct route_ref at, best = { 0 };
	bool unsure = false;

	for (; overlay_next_of(o, base, edit, after, &at); after = at.route) {
		const struct way *w = rtab_way(at.tab, at.route);
		enum way_answer a = overlay_ask_way(o, w, in, ret);

		if (!tos_fits(in, at.route) || a == WAY_PASSES)
			continue;
		unsure |= (w->obj_flags & ANOD_OBJ_UNSURE) != 0;
		if ((w->nhid && overlay_nexthop_drops(o, w->nhid)) ||
		    overlay_way_wished(o, w, in)) {
			*ret_at = at;
			ret_at->unsure = unsure;
			return a;
		}
		if (!best.route)
			best = at;
	}
	if (!best.route)
		return WAY_PASSES;
	*ret_at = best;
	ret_at->unsure = unsure;
	return overlay_ask_way(o, rtab_way(best.tab, best.route), in, ret);
}

enum way_answer overlay_ask_chain(const struct overlay *o, const struct route *base,
				  const struct route *edit, const struct lookup *in,
				  struct flow_path *ret, struct route_ref *ret_at)
{
	const struct route *after = NULL;

	for (; overlay_next_of(o, base, edit, after, ret_at); after = ret_at->route) {
		const struct way *w = rtab_way(ret_at->tab, ret_at->route);
		enum way_answer a;

		if (!tos_fits(in, ret_at->route))
			continue;
		a = overlay_ask_way(o, w, in, ret);
		ret_at->unsure = (w->obj_flags & ANOD_OBJ_UNSURE) != 0;
		if (a != WAY_PASSES)
			return a;
		if (in->wish && in->dst.family == AF_INET6)
			return ask_by_wish(o, base, edit, in, ret_at->route, ret, ret_at);
	}
	return WAY_PASSES;
}

/* ---- one table -------------------------------------------------------------------------- */

/* Do two destinations of IPv4 begin at the same address?  The kernel has them in one leaf then. */
static bool same_leaf(const struct route *a, const struct route *b)
{
	return memcmp(a->addr, b->addr, 4) == 0;
}

enum way_answer overlay_ask_table(const struct overlay *o, uint32_t table, const struct lookup *in,
				  struct flow_path *ret, struct route_ref *ret_at)
{
	const struct route *spoilt = NULL;
	struct both_covers at;

	overlay_covers(o, table, &in->dst, &at);
	while (overlay_next_cover(&at)) {
		const struct route *here = at.base ? at.base : at.edit;
		enum way_answer a;

		if (spoilt && same_leaf(spoilt, here))
			continue;
		a = overlay_ask_chain(o, at.base, at.edit, in, ret, ret_at);
		if (a == WAY_DECIDES || a == WAY_THROWS)
			return a;
		if (a == WAY_SPOILS)
			spoilt = here;
	}
	return WAY_PASSES;
}

void overlay_lookup_in(const struct overlay *o, uint32_t table, const struct lookup *in,
		       struct flow_path *ret)
{
	struct route_ref by;
	enum way_answer a = overlay_ask_table(o, table, in, ret, &by);

	if (a != WAY_PASSES) {
		/* A throw is left in ret->route, so that the caller may tell why. */
		rtab_object(by.tab, by.route, &ret->route);
		ret->doubt |= by.unsure;
	}
	if (a != WAY_DECIDES) {
		ret->fate = 0;
		ret->n_legs = 0;
	}
}

void overlay_lookup_table(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
			  const uint32_t *cut, unsigned n_cut, struct flow_path *ret)
{
	struct lookup in = { .dst = *dst, .cut = cut, .n_cut = n_cut };

	overlay_lookup_in(o, table, &in, ret);
}
