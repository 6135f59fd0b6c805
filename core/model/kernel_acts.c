/*
 * kernel_acts - what the kernel does by itself after a change, done to an overlay.
 *
 * Design.  As read in Linux 6.18: fib_sync_down_dev() and fib_flush() for IPv4, fib6_ifdown()
 * and addrconf_ifdown() for IPv6, nh_netdev_event() and remove_nexthop() for next-hop objects.
 *
 *   link set down   routes all of whose legs are on it go; of others the leg is dead; IPv6
 *                   addresses and all neighbours of the link go
 *   carrier lost    IPv4 and IPv6 routes stay and swallow packets; next-hop objects on the link
 *                   go, with the groups that they leave empty, with the routes that use them
 *   link set up     connected IPv4 routes of its addresses come back; static ones do not
 *
 * A VRF's own table is not known to the model, so the connected routes of its links do not come
 * back here: the prediction then shows less than there will be, never more.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/state.h"

/* Mark the edited routes that 'lost' says so of as gone. */
static int drop_edited_routes(struct overlay *o,
			      bool (*lost)(const struct overlay *, const struct route *,
					   const struct way *, uint32_t),
			      uint32_t what)
{
	const struct rtab *t = &o->edit.routes;
	struct anod_object obj;
	int r;

	for (uint32_t i = 0; i < t->n_used; i++) {
		const struct route *route = rtab_at(t, i);

		if (!route || route->gone || !lost(o, route, rtab_way(t, route), what))
			continue;
		rtab_object(t, route, &obj);
		r = overlay_edit(o, &obj, true);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool uses_nexthop(const struct overlay *o, const struct route *r, const struct way *w,
			 uint32_t id)
{
	(void) o;
	(void) r;
	return w->nhid == id;
}

static bool has_only_dead_legs(const struct overlay *o, const struct route *r, const struct way *w,
			       uint32_t ifindex)
{
	bool on_it = false;

	if (w->nhid || (r->family == AF_INET && w->scope == RT_SCOPE_HOST))
		return false;
	for (unsigned i = 0; i < w->n_legs; i++) {
		if (!w->leg[i].ifindex || overlay_leg_state(o, &w->leg[i], NULL, 0) != LEG_DEAD)
			return false;
		on_it |= w->leg[i].ifindex == ifindex;
	}
	return on_it;
}

/* ---- next hops -------------------------------------------------------------------------- */

/* Take 'id' out of a group; true when it was in. */
static bool leave_group(struct anod_nexthop *group, uint32_t id)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < group->n_members; i++)
		if (group->member[i].id != id)
			group->member[kept++] = group->member[i];
	if (kept == group->n_members)
		return false;

	memset(&group->member[kept], 0, (group->n_members - kept) * sizeof(group->member[0]));
	group->n_members = (uint8_t) kept;
	return true;
}

static int remove_nexthop(struct overlay *o, uint32_t id)
{
	struct anod_object obj = { .type = ANOD_OBJ_NEXTHOP, .u.nexthop.id = id };
	int r = overlay_edit(o, &obj, true);

	return r < 0 ? r : overlay_nexthop_gone(o, id);
}

/* A group that has lost its last member goes, too.  Groups of groups do not exist, so this is
 * one level deep. */
static int shrink_group(struct overlay *o, const struct anod_object *obj, uint32_t id)
{
	struct anod_object group = *obj;
	int r;

	if (!leave_group(&group.u.nexthop, id))
		return 0;
	if (!group.u.nexthop.n_members)
		return remove_nexthop(o, group.u.nexthop.id);
	r = overlay_edit(o, &group, false);
	return r < 0 ? r : 0;
}

/* Objects of a type as a list, because they are edited while they are gone through. */
struct listing {
	struct anod_object *at;
	unsigned n, max;
};

static int list_one(const struct anod_object *obj, void *data)
{
	struct listing *l = data;

	if (l->n == l->max) {
		unsigned max = l->max ? l->max * 2 : 16;
		struct anod_object *at = realloc(l->at, max * sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		l->max = max;
	}
	l->at[l->n++] = *obj;
	return 0;
}

static void listing_done(struct listing *l)
{
	free(l->at);
}

int overlay_nexthop_gone(struct overlay *o, uint32_t id)
{
	_cleanup_(listing_done) struct listing all = { 0 };
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP, .u.nexthop.id = id };
	int r = otab_put(&o->lost_nh, &key, true, 0);

	if (r >= 0)
		r = drop_edited_routes(o, uses_nexthop, id);
	if (r == 0)
		r = overlay_each(o, ANOD_OBJ_NEXTHOP, list_one, &all);
	for (unsigned i = 0; i < all.n && r == 0; i++)
		if (all.at[i].u.nexthop.n_members)
			r = shrink_group(o, &all.at[i], id);
	return r;
}

static int flush_nexthops(struct overlay *o, uint32_t ifindex)
{
	_cleanup_(listing_done) struct listing all = { 0 };
	int r = overlay_each(o, ANOD_OBJ_NEXTHOP, list_one, &all);

	for (unsigned i = 0; i < all.n && r == 0; i++) {
		const struct anod_nexthop *n = &all.at[i].u.nexthop;

		if (!n->n_members && n->ifindex == ifindex && !n->blackhole)
			r = remove_nexthop(o, n->id);
	}
	return r;
}

/* ---- links ------------------------------------------------------------------------------ */

static int drop_dependants(struct overlay *o, enum anod_obj_type type, uint32_t ifindex)
{
	_cleanup_(listing_done) struct listing all = { 0 };
	int r = overlay_each(o, type, list_one, &all);

	for (unsigned i = 0; i < all.n && r >= 0; i++) {
		const struct anod_object *obj = &all.at[i];
		bool goes = type == ANOD_OBJ_NEIGH ? obj->u.neigh.ifindex == ifindex
						   : obj->u.addr.ifindex == ifindex &&
							     obj->u.addr.local.family == AF_INET6;

		if (goes)
			r = overlay_edit(o, obj, true);
	}
	return r < 0 ? r : 0;
}

static int went_down(struct overlay *o, uint32_t ifindex)
{
	int r;

	if (o->n_lost_links == OVERLAY_LOST_MAX)
		return -ENOSPC;

	o->lost_link[o->n_lost_links++] = ifindex;
	r = drop_edited_routes(o, has_only_dead_legs, ifindex);
	if (r == 0)
		r = drop_dependants(o, ANOD_OBJ_ADDR, ifindex);
	if (r == 0)
		r = drop_dependants(o, ANOD_OBJ_NEIGH, ifindex);
	return r;
}

/* fib_add_ifaddr() */
static int add_connected(struct overlay *o, const struct anod_addr *a)
{
	const struct anod_prefix *net = a->peer.family ? &a->peer : &a->local;
	struct anod_object obj = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *route = &obj.u.route;
	int r;

	if (net->family != AF_INET || (a->flags & (IFA_F_NOPREFIXROUTE | IFA_F_SECONDARY)) ||
	    (net->len == 32 && !a->peer.family))
		return 0;

	route->dst = prefix_cut(net, net->len);
	route->table = RT_TABLE_MAIN;
	route->protocol = RTPROT_KERNEL;
	route->type = RTN_UNICAST;
	route->scope = RT_SCOPE_LINK;
	route->prefsrc = a->local;
	route->prefsrc.len = 32;
	route->n_legs = 1;
	route->leg[0] = (struct anod_leg){ .ifindex = a->ifindex, .weight = 1 };
	r = overlay_edit(o, &obj, false);
	return r < 0 ? r : 0;
}

static int went_up(struct overlay *o, const struct anod_link *l)
{
	const struct anod_link *master = l->master ? overlay_link(o, l->master) : NULL;
	_cleanup_(listing_done) struct listing all = { 0 };
	uint32_t ifindex = l->ifindex;
	int r;

	if (master && strcmp(master->kind, "vrf") == 0)
		return 0;

	r = overlay_each(o, ANOD_OBJ_ADDR, list_one, &all);
	for (unsigned i = 0; i < all.n && r == 0; i++)
		if (all.at[i].u.addr.ifindex == ifindex)
			r = add_connected(o, &all.at[i].u.addr);
	return r;
}

int overlay_link_changed(struct overlay *o, const struct anod_link *was)
{
	const struct anod_link *now = overlay_link(o, was->ifindex);
	bool up = now && (now->flags & IFF_UP);
	int r = 0;

	if ((was->flags & IFF_UP) && !up)
		r = went_down(o, was->ifindex);
	if (r == 0 && link_usable(was) && !(now && link_usable(now)))
		r = flush_nexthops(o, was->ifindex);
	if (r == 0 && !(was->flags & IFF_UP) && up)
		r = went_up(o, now);
	return r;
}
