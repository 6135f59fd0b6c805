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
 *   last IPv4 address gone   as a link set down, for IPv4 alone
 */
#include <errno.h>
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
		if (!w->leg[i].ifindex ||
		    overlay_leg_state(o, &w->leg[i], r->family, NULL, 0) != LEG_DEAD)
			return false;
		on_it |= w->leg[i].ifindex == ifindex;
	}
	return on_it;
}

/* Of a link that has no IPv4 address any more. */
static bool has_only_dead_legs4(const struct overlay *o, const struct route *r, const struct way *w,
				uint32_t ifindex)
{
	bool on_it = false;

	if (w->nhid || r->family != AF_INET)
		return false;
	for (unsigned i = 0; i < w->n_legs; i++) {
		if (!w->leg[i].ifindex ||
		    (!overlay_lost_ipv4(o, w->leg[i].ifindex) &&
		     overlay_leg_state(o, &w->leg[i], r->family, NULL, 0) != LEG_DEAD))
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

static int went_up(struct overlay *o, uint32_t ifindex)
{
	_cleanup_(listing_done) struct listing all = { 0 };
	int r = overlay_each(o, ANOD_OBJ_ADDR, list_one, &all);

	for (unsigned i = 0; i < all.n && r == 0; i++)
		if (all.at[i].u.addr.ifindex == ifindex)
			r = overlay_addr_routes(o, &all.at[i].u.addr);
	return r;
}

/* fib_disable_ip() with force */
int overlay_no_ipv4(struct overlay *o, uint32_t ifindex)
{
	if (o->n_lost4_links == OVERLAY_LOST_MAX)
		return -ENOSPC;

	o->lost4_link[o->n_lost4_links++] = ifindex;
	return drop_edited_routes(o, has_only_dead_legs4, ifindex);
}

int overlay_link_changed(struct overlay *o, const struct anod_link *was)
{
	const struct anod_link *now;
	bool up;
	int r = overlay_own_carrier(o, was);

	now = overlay_link(o, was->ifindex);
	up = now && (now->flags & IFF_UP);
	if (r == 0 && (was->flags & IFF_UP) && !up)
		r = went_down(o, was->ifindex);
	if (r == 0 && link_usable(was) && !(now && link_usable(now)))
		r = flush_nexthops(o, was->ifindex);
	if (r == 0 && !(was->flags & IFF_UP) && up)
		r = went_up(o, was->ifindex);
	return r < 0 ? r : overlay_links_follow(o, was);
}
