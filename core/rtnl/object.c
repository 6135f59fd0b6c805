/*
 * object - when two objects are the same thing, and when a thing is as it was asked to be.
 *
 * Design.  Comparing is done on copies from which state that the kernel changes by itself has
 * been taken out, so that "somebody else changed it" is never said of a carrier that came back.
 * The legs of a route with a next-hop object belong to that object and are not compared; other
 * legs are a set, because the order says nothing about where packets go.
 */
#include "rtnl/codec.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <string.h>

static bool same_prefix(const struct anod_prefix *a, const struct anod_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool same_rule(const struct anod_rule *a, const struct anod_rule *b)
{
	struct anod_rule x = *a;

	x.protocol = b->protocol;
	return memcmp(&x, b, sizeof(x)) == 0;
}

bool anod_object_same_key(const struct anod_object *a, const struct anod_object *b)
{
	if (a->type != b->type)
		return false;

	switch ((enum anod_obj_type) a->type) {
	case ANOD_OBJ_LINK:
		return a->u.link.ifindex == b->u.link.ifindex;
	case ANOD_OBJ_ADDR:
		return a->u.addr.ifindex == b->u.addr.ifindex &&
		       same_prefix(&a->u.addr.local, &b->u.addr.local);
	case ANOD_OBJ_ROUTE:
		return a->u.route.table == b->u.route.table &&
		       a->u.route.metric == b->u.route.metric && a->u.route.tos == b->u.route.tos &&
		       same_prefix(&a->u.route.dst, &b->u.route.dst);
	case ANOD_OBJ_NEXTHOP:
		return a->u.nexthop.id == b->u.nexthop.id;
	case ANOD_OBJ_RULE:
		return same_rule(&a->u.rule, &b->u.rule);
	case ANOD_OBJ_NEIGH:
		return a->u.neigh.ifindex == b->u.neigh.ifindex &&
		       same_prefix(&a->u.neigh.dst, &b->u.neigh.dst);
	case ANOD_OBJ_QDISC:
		return a->u.qdisc.ifindex == b->u.qdisc.ifindex;
	case ANOD_OBJ_SYSCTL:
		return strncmp(a->u.sysctl.name, b->u.sysctl.name, ANOD_SYSCTL_SIZE) == 0;
	case ANOD_OBJ_WGPEER:
		return a->u.wgpeer.ifindex == b->u.wgpeer.ifindex &&
		       memcmp(a->u.wgpeer.public_key, b->u.wgpeer.public_key,
			      sizeof(a->u.wgpeer.public_key)) == 0;
	case ANOD_OBJ_UNIT:
		return strncmp(a->u.unit.name, b->u.unit.name, ANOD_UNIT_SIZE) == 0;
	}
	return false;
}

static bool link_matches(const struct anod_link *now, const struct anod_link *want,
			 const struct anod_link *pre)
{
	bool same_thing = strcmp(now->name, want->name) == 0 &&
			  now->lladdr_len == want->lladdr_len &&
			  memcmp(now->lladdr, want->lladdr, sizeof(now->lladdr)) == 0;
	bool up_counts = !pre || ((pre->flags ^ want->flags) & IFF_UP);
	bool mtu_counts = !pre || pre->mtu != want->mtu;
	bool conf_counts = !pre || ((pre->conf ^ want->conf) & ANOD_LINK_IGNORE_LINKDOWN4);

	return same_thing &&
	       !(conf_counts && ((now->conf ^ want->conf) & ANOD_LINK_IGNORE_LINKDOWN4)) &&
	       !(up_counts && ((now->flags ^ want->flags) & IFF_UP)) &&
	       !(mtu_counts && now->mtu != want->mtu);
}

/* The kernel moves a neighbour about within a class by itself. */
enum neigh_class { NEIGH_UNRESOLVED, NEIGH_LEARNED, NEIGH_PERMANENT, NEIGH_NOARP };

static enum neigh_class neigh_class(const struct anod_neigh *n)
{
	if (n->state & NUD_PERMANENT)
		return NEIGH_PERMANENT;
	if (n->state & NUD_NOARP)
		return NEIGH_NOARP;
	if (n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE))
		return NEIGH_LEARNED;
	return NEIGH_UNRESOLVED;
}

static bool same_lladdr(const struct anod_neigh *a, const struct anod_neigh *b)
{
	return a->lladdr_len == b->lladdr_len &&
	       memcmp(a->lladdr, b->lladdr, sizeof(a->lladdr)) == 0;
}

static bool neigh_matches(const struct anod_neigh *now, const struct anod_neigh *want,
			  const struct anod_neigh *pre)
{
	bool class_counts = !pre || neigh_class(pre) != neigh_class(want);
	bool lladdr_counts = !pre || !same_lladdr(pre, want);

	if (class_counts && neigh_class(now) != neigh_class(want))
		return false;
	/* An address that is being asked for anew is still shown, or not. */
	return !lladdr_counts || neigh_class(want) == NEIGH_UNRESOLVED || same_lladdr(now, want);
}

static bool addr_matches(struct anod_addr now, struct anod_addr want)
{
	now.flags &= ~ADDR_STATE;
	want.flags &= ~ADDR_STATE;
	return memcmp(&now, &want, sizeof(now)) == 0;
}

static bool same_legs(const struct anod_route *a, const struct anod_route *b)
{
	unsigned n = MIN_OF(a->n_legs, ANOD_LEGS_MAX), taken = 0;

	if (a->n_legs != b->n_legs)
		return false;

	for (unsigned i = 0; i < n; i++) {
		struct anod_leg x = a->leg[i];
		unsigned k;

		x.flags &= ~(uint32_t) LEG_STATE;
		for (k = 0; k < n; k++) {
			struct anod_leg y = b->leg[k];

			y.flags &= ~(uint32_t) LEG_STATE;
			if (!(taken & (1u << k)) && memcmp(&x, &y, sizeof(x)) == 0)
				break;
		}
		if (k == n)
			return false;
		taken |= 1u << k;
	}
	return true;
}

static bool route_matches(struct anod_route now, struct anod_route want)
{
	bool legs_match = (now.nhid && now.nhid == want.nhid) || same_legs(&now, &want);

	if (now.nhid && (now.type == RTN_BLACKHOLE || want.type == RTN_BLACKHOLE))
		now.type = want.type; /* follows the next-hop object, see route_encode.c */
	now.n_legs = want.n_legs = 0;
	memset(now.leg, 0, sizeof(now.leg));
	memset(want.leg, 0, sizeof(want.leg));
	now.flags &= ~(uint32_t) ROUTE_STATE;
	want.flags &= ~(uint32_t) ROUTE_STATE;
	return legs_match && memcmp(&now, &want, sizeof(now)) == 0;
}

static bool nexthop_matches(struct anod_nexthop now, struct anod_nexthop want)
{
	now.flags &= RTNH_F_ONLINK;
	want.flags &= RTNH_F_ONLINK;
	return memcmp(&now, &want, sizeof(now)) == 0;
}

/* A peer that roams changes its endpoint by itself, which is nobody's business but of a change of
 * it. */
static bool wgpeer_matches(const struct anod_wgpeer *now, const struct anod_wgpeer *want,
			   const struct anod_wgpeer *pre)
{
	bool endpoint_counts =
		!pre || !same_prefix(&pre->endpoint, &want->endpoint) || pre->port != want->port;
	bool keepalive_counts = !pre || pre->keepalive_s != want->keepalive_s;

	return (!endpoint_counts ||
		(same_prefix(&now->endpoint, &want->endpoint) && now->port == want->port)) &&
	       (!keepalive_counts || now->keepalive_s == want->keepalive_s);
}

bool anod_object_matches(const struct anod_object *now, const struct anod_object *want,
			 const struct anod_object *pre)
{
	if (!want)
		return !now || (now->type == ANOD_OBJ_NEIGH &&
				neigh_class(&now->u.neigh) == NEIGH_UNRESOLVED);
	if (!now || !anod_object_same_key(now, want) ||
	    ((now->flags ^ want->flags) & ANOD_OBJ_LOSSY))
		return false;

	switch ((enum anod_obj_type) want->type) {
	case ANOD_OBJ_LINK:
		return link_matches(&now->u.link, &want->u.link, pre ? &pre->u.link : NULL);
	case ANOD_OBJ_ADDR:
		return addr_matches(now->u.addr, want->u.addr);
	case ANOD_OBJ_ROUTE:
		return route_matches(now->u.route, want->u.route);
	case ANOD_OBJ_NEXTHOP:
		return nexthop_matches(now->u.nexthop, want->u.nexthop);
	case ANOD_OBJ_RULE:
		return now->u.rule.protocol == want->u.rule.protocol;
	case ANOD_OBJ_NEIGH:
		return neigh_matches(&now->u.neigh, &want->u.neigh, pre ? &pre->u.neigh : NULL);
	case ANOD_OBJ_QDISC:
		return qdisc_matches(&now->u.qdisc, &want->u.qdisc);
	case ANOD_OBJ_SYSCTL:
		return now->u.sysctl.value == want->u.sysctl.value;
	case ANOD_OBJ_WGPEER:
		return wgpeer_matches(&now->u.wgpeer, &want->u.wgpeer, pre ? &pre->u.wgpeer : NULL);
	case ANOD_OBJ_UNIT:
		return now->u.unit.starts == want->u.unit.starts;
	}
	return false;
}

int anod_object_protocol(const struct anod_object *o)
{
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_ROUTE:
		return o->u.route.protocol;
	case ANOD_OBJ_NEXTHOP:
		return o->u.nexthop.protocol;
	case ANOD_OBJ_RULE:
		return o->u.rule.protocol;
	case ANOD_OBJ_LINK:
	case ANOD_OBJ_ADDR:
	case ANOD_OBJ_NEIGH:
	case ANOD_OBJ_QDISC:
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
	return -1;
}

bool anod_object_is_noise(const struct anod_object *o)
{
	const struct anod_prefix *p = &o->u.neigh.dst;

	if (o->type == ANOD_OBJ_ROUTE)
		return o->u.route.type == RTN_BROADCAST || o->u.route.type == RTN_MULTICAST;
	return o->type == ANOD_OBJ_NEIGH && (o->u.neigh.state & NUD_NOARP) &&
	       (p->family == AF_INET6 ? p->addr[0] == 0xff : p->addr[0] >> 4 == 0xe);
}

void anod_object_merge_twin(struct anod_object *route, const struct anod_object *twin)
{
	struct anod_route *t = &route->u.route;

	for (unsigned i = 0; i < twin->u.route.n_legs && t->n_legs < ANOD_LEGS_MAX; i++)
		t->leg[t->n_legs++] = twin->u.route.leg[i];
	route->flags |= ANOD_OBJ_LOSSY | ANOD_OBJ_UNSURE;
}
