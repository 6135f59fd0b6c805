/*
 * legs - the legs of a way, and whether packets can take them.
 *
 * Design.  A leg is judged by its link as the overlay has it; the marks of the kernel count only
 * where the link is still as the model has it.  What ignore_routes_with_linkdown and sockets bound
 * to links make of it is lookup.c's.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/horizon.h"
#include "model/state.h"

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

enum leg_state overlay_leg_state_of(const struct overlay *o, const struct anod_leg *leg,
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

enum leg_state overlay_leg_state(const struct overlay *o, const struct anod_leg *leg,
				 const uint32_t *cut, unsigned n_cut)
{
	return overlay_leg_state_of(o, leg, leg->via.family, cut, n_cut);
}
