/*
 * ask_way - what a way does with a packet, were it asked.
 *
 * Design.  It depends on links and next hops, but on no other route; what follows from the answer is
 * the table's matter (lookup.c), or that of classes (scene.c).  A way all of whose legs are dead
 * is passed over, one whose legs only lack carrier is taken and swallows the packet, unless
 * ignore_routes_with_linkdown is on for the link: then such a leg is passed over, too.
 *
 * A socket bound to a link sees the legs on that link only; but IPv6 with a source address takes
 * the link as a wish.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/horizon.h"
#include "model/state.h"

/* ---- legs ------------------------------------------------------------------------------- */

static struct anod_leg leg_of(const struct anod_nexthop *n, uint32_t weight)
{
	return (struct anod_leg){
		.via = n->via, .ifindex = n->ifindex, .flags = n->flags, .weight = weight
	};
}

unsigned overlay_legs(const struct overlay *o, const struct way *w, struct anod_leg *ret)
{
	const struct anod_nexthop *nh = w->nhid ? overlay_nexthop(o, w->nhid) : NULL;
	unsigned n = 0;

	if (!nh && o->converged && horizon_is_daemon(w->protocol)) {
		for (unsigned i = 0; i < w->n_legs; i++)
			if (!overlay_leg_withdrawn(o, &w->leg[i]))
				ret[n++] = w->leg[i];
		return n;
	}
	if (!nh) {
		memcpy(ret, w->leg, w->n_legs * sizeof(*ret));
		return w->n_legs;
	}
	if (nh->blackhole)
		return 0;
	if (!nh->n_members) {
		ret[0] = leg_of(nh, 1);
		return 1;
	}

	for (unsigned i = 0; i < nh->n_members && i < ANOD_LEGS_MAX; i++) {
		const struct anod_nexthop *member = overlay_nexthop(o, nh->member[i].id);

		if (member && !member->blackhole)
			ret[n++] = leg_of(member, nh->member[i].weight);
	}
	return n;
}

static int is_ipv4_of(const struct anod_object *obj, void *data)
{
	const uint32_t *ifindex = data;

	return obj->u.addr.ifindex == *ifindex && obj->u.addr.local.family == AF_INET;
}

bool overlay_has_ipv4(const struct overlay *o, uint32_t ifindex)
{
	return overlay_each(o, ANOD_OBJ_ADDR, is_ipv4_of, &ifindex);
}

/* The mark RTNH_F_DEAD is of the past.  IPv4 clears it when the link comes up, IPv6 when it has a
 * carrier, too (addrconf_link_ready()).  On a link that was up it says that IPv4 had no address
 * there, or only that there was no carrier and ignore_routes_with_linkdown is on. */
static bool is_revived(const struct overlay *o, const struct anod_leg *leg, uint8_t family)
{
	const struct onode *base = otab_find_id(&o->model->base.tab[ANOD_OBJ_LINK], leg->ifindex);
	const struct onode *now = otab_find_id(&o->edit.tab[ANOD_OBJ_LINK], leg->ifindex);
	bool was_up = base && (ONODE_AS(link, base)->flags & IFF_UP);

	if (!base || !now || now->gone)
		return false;
	if (family == AF_INET6)
		return was_up || ONODE_AS(link, now)->carrier;
	return !was_up || overlay_has_ipv4(o, leg->ifindex);
}

enum leg_state overlay_leg_state(const struct overlay *o, const struct anod_leg *leg,
				 uint8_t family, const uint32_t *cut, unsigned n_cut)
{
	const struct anod_link *l = overlay_link(o, leg->ifindex);

	for (unsigned i = 0; i < n_cut; i++)
		if (cut[i] == leg->ifindex)
			return LEG_DEAD;
	if (!l || !(l->flags & IFF_UP))
		return LEG_DEAD;
	if ((leg->flags & RTNH_F_DEAD) && !is_revived(o, leg, family))
		return LEG_DEAD;
	return l->carrier ? LEG_USABLE : LEG_NO_CARRIER;
}

bool overlay_nexthop_drops(const struct overlay *o, uint32_t id)
{
	const struct anod_nexthop *n = overlay_nexthop(o, id);

	if (n && n->n_members == 1)
		n = overlay_nexthop(o, n->member[0].id);
	return n && n->blackhole;
}

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
	enum leg_state s = overlay_leg_state(o, leg, in->dst.family, in->cut, in->n_cut);

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
	if (!w->nhid || in->dst.family != AF_INET)
		return WAY_PASSES;
	if (in->n_cut && overlay_nexthop(o, w->nhid) && goes_with_cut(o, in, leg, n))
		return WAY_PASSES;
	return WAY_SPOILS;
}

static enum way_answer ask_unicast(const struct overlay *o, const struct lookup *in,
				   const struct way *w, struct flow_path *ret)
{
	bool plain = !w->nhid && !o->converged;
	struct anod_leg buf[ANOD_LEGS_MAX];
	const struct anod_leg *leg = plain ? w->leg : buf;
	unsigned n = plain ? w->n_legs : overlay_legs(o, w, buf), n_dead = 0;
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

bool overlay_way_wished(const struct overlay *o, const struct way *w, const struct lookup *in)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = overlay_legs(o, w, leg);

	for (unsigned i = 0; i < n; i++)
		if (leg[i].ifindex == in->wish && leg_state(o, in, in->oif, w, &leg[i]) != LEG_DEAD)
			return true;
	return false;
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
