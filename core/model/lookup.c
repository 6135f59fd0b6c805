/*
 * lookup - where a packet goes in one table.
 *
 * Design.  fib_table_lookup() and fib6_table_lookup(): the longest prefix first, among routes of
 * one prefix the kernel's order; a route all of whose legs are dead is passed over, one whose
 * legs only lack carrier is taken and swallows the packet, unless ignore_routes_with_linkdown is
 * on for the link: then such a leg is passed over, too.  IPv4 compares the tos of a route with
 * that of the packet (a route without one takes all), IPv6 has none.
 *
 * What one way does (overlay_ask_way()) depends on links and next hops, but on no other route;
 * what follows from its answer is the chain's matter and the table's.  Look-ups ask whole tables,
 * classes (scene.c) ask ways and follow the same answers.
 *
 * A socket bound to a link sees the legs on that link only; but IPv6 with a source address takes
 * the link as a wish.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/state.h"

/* ---- one way ---------------------------------------------------------------------------- */

static bool ignores_linkdown(const struct overlay *o, uint32_t ifindex, uint8_t family)
{
	const struct anod_link *l = overlay_link(o, ifindex);

	return l && (l->conf & (family == AF_INET6 ? ANOD_LINK_IGNORE_LINKDOWN6
						   : ANOD_LINK_IGNORE_LINKDOWN4));
}

/* The kernel goes by its mark.  It forgets to mark an IPv4 leg with an IPv6 gateway that is made
 * while there is no carrier (fib_check_nh_v6_gw()). */
static bool is_marked(const struct overlay *o, const struct lookup *in, const struct anod_leg *leg)
{
	return leg->via.family != AF_INET6 || in->dst.family == AF_INET6 ||
	       (leg->flags & RTNH_F_LINKDOWN) ||
	       otab_find_id(&o->edit.tab[ANOD_OBJ_LINK], leg->ifindex);
}

static enum leg_state leg_state(const struct overlay *o, const struct lookup *in, uint32_t oif,
				const struct way *w, const struct anod_leg *leg)
{
	enum leg_state s = overlay_leg_state_of(o, leg, in->dst.family, in->cut, in->n_cut);

	if (oif && oif != leg->ifindex)
		return LEG_DEAD;
	if (o->n_lost4_links && in->dst.family == AF_INET && !w->nhid &&
	    overlay_lost_ipv4(o, leg->ifindex))
		return LEG_DEAD;
	if (s == LEG_NO_CARRIER && is_marked(o, in, leg) &&
	    ignores_linkdown(o, leg->ifindex, in->dst.family))
		return LEG_DEAD;
	return s;
}

/* IPv6 asks a next-hop group whether it has a leg on the link, and then takes any of its legs. */
static bool has_leg_on(const struct anod_leg *leg, unsigned n, uint32_t oif)
{
	for (unsigned i = 0; i < n; i++)
		if (leg[i].ifindex == oif)
			return true;
	return false;
}

/* A link that is lost takes its next-hop objects along, while it has a carrier; a group without
 * members goes, too, and so do the routes that use them. */
static bool goes_with_cut(const struct overlay *o, const struct lookup *in,
			  const struct anod_leg *leg, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct anod_link *l = overlay_link(o, leg[i].ifindex);
		bool cut = false;

		for (unsigned k = 0; k < in->n_cut && !cut; k++)
			cut = in->cut[k] == leg[i].ifindex;
		if (!cut || !l || !link_usable(l))
			return false;
	}
	return true;
}

/* All legs are dead.  fib_table_lookup() gives up a whole leaf of its trie when a route of it has a
 * next-hop object without a usable leg. */
static enum way_answer pass_over(const struct overlay *o, const struct lookup *in,
				 const struct way *w, const struct anod_leg *leg, unsigned n)
{
	if (!w->nhid || in->dst.family != AF_INET || (in->n_cut && goes_with_cut(o, in, leg, n)))
		return WAY_PASSES;
	return WAY_SPOILS;
}

static enum way_answer ask_unicast(const struct overlay *o, const struct lookup *in,
				   const struct way *w, struct flow_path *ret)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = overlay_legs(o, w, leg), n_dead = 0;
	uint32_t oif = in->oif;

	if (oif && w->nhid && in->dst.family == AF_INET6 && has_leg_on(leg, n, oif))
		oif = 0;
	ret->n_legs = 0;
	for (unsigned i = 0; i < n; i++) {
		enum leg_state s = leg_state(o, in, oif, w, &leg[i]);

		n_dead += s == LEG_DEAD;
		if (s == LEG_USABLE)
			ret->leg[ret->n_legs++] = leg[i];
	}

	ret->fate = ret->n_legs ? FLOW_FORWARDED : FLOW_BLACKHOLE;
	return !n || n_dead < n ? WAY_DECIDES : pass_over(o, in, w, leg, n);
}

/* Is the route one for a socket that is bound to a link?  Routes that drop have no link in IPv4 and
 * that of "lo" in IPv6; those of own addresses have the link of the address. */
static bool is_for(const struct lookup *in, const struct way *w)
{
	switch (w->type) {
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return in->dst.family == AF_INET || w->nhid;
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		return w->n_legs && w->leg[0].ifindex == in->oif;
	default:
		return true; /* by its legs */
	}
}

enum way_answer overlay_ask_way(const struct overlay *o, const struct way *w,
				const struct lookup *in, struct flow_path *ret)
{
	ret->n_legs = 0;
	if (in->oif && !is_for(in, w))
		return WAY_PASSES;

	/* The kernel shows a route as a blackhole when its next-hop object is one. */
	switch (w->nhid && w->type == RTN_BLACKHOLE ? RTN_UNICAST : w->type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		ret->fate = FLOW_LOCAL;
		return WAY_DECIDES;
	case RTN_BLACKHOLE:
		ret->fate = FLOW_BLACKHOLE;
		return WAY_DECIDES;
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		ret->fate = FLOW_PROHIBITED;
		return WAY_DECIDES;
	case RTN_THROW:
		return WAY_THROWS;
	default:
		return ask_unicast(o, in, w, ret);
	}
}

/* ---- one destination -------------------------------------------------------------------- */

/* RT_TOS() of <linux/in_route.h>, without the bits of ECN: what of a tos selects routes. */
#define IPTOS_RT_MASK 0x1c

static bool tos_fits(const struct lookup *in, const struct route *r)
{
	return !r->tos || (in->dst.family == AF_INET && r->tos == (in->tos & IPTOS_RT_MASK));
}

static bool has_wished_leg(const struct overlay *o, const struct lookup *in, const struct way *w)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = overlay_legs(o, w, leg);

	for (unsigned i = 0; i < n; i++)
		if (leg[i].ifindex == in->wish &&
		    leg_state(o, in, in->oif, w, &leg[i]) != LEG_DEAD)
			return true;
	return false;
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
		if ((w->nhid && overlay_nexthop_drops(o, w->nhid)) || has_wished_leg(o, in, w)) {
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
