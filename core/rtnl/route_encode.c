/*
 * route_encode - requests for IPv4 and IPv6 routes.
 *
 * Design.  SET is NLM_F_CREATE | NLM_F_REPLACE.  IPv4 replaces the route of the same prefix, tos
 * and metric; IPv6 that of the same prefix and metric with all its legs, and prefers one that is
 * as able to be multipath as the new one.  DEL names everything that the kernel compares.  IPv4
 * takes metric 0 for "any", so there the legs and the protocol must keep the routes apart.
 * A route with a next-hop object is written by its id alone: its legs are the kernel's, and IPv4
 * shows such a route as a blackhole when the object is one, though it was made as unicast.
 */
#include "rtnl/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/mpls.h>
#include <linux/mpls_iptunnel.h>
#include <string.h>

static uint16_t leg_flags(const struct anod_leg *l)
{
	return l->flags & RTNH_F_ONLINK;
}

/* A label to push before an IP packet, or to swap in. */
static void put_label(struct put *p, uint8_t family, const struct anod_leg *l)
{
	uint32_t entry = htonl((l->label - 1) << MPLS_LS_LABEL_SHIFT | 1u << MPLS_LS_S_SHIFT);
	size_t nest;

	if (!l->label)
		return;
	if (family == AF_MPLS) {
		put_attr(p, RTA_NEWDST, &entry, sizeof(entry));
		return;
	}
	put_u16(p, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_MPLS);
	nest = put_nest(p, RTA_ENCAP);
	put_attr(p, MPLS_IPTUNNEL_DST, &entry, sizeof(entry));
	put_nest_end(p, nest);
}

static void put_gateway(struct put *p, uint8_t family, const struct anod_leg *l)
{
	uint8_t via[sizeof(struct rtvia) + sizeof(l->via.addr)] = { 0 };
	uint16_t gateway_family = l->via.family;

	if (l->via.family == family) {
		put_address(p, RTA_GATEWAY, &l->via);
	} else if (family_bits(l->via.family)) {
		memcpy(via, &gateway_family, sizeof(gateway_family));
		memcpy(via + sizeof(struct rtvia), l->via.addr, sizeof(l->via.addr));
		put_attr(p, RTA_VIA, via, sizeof(struct rtvia) + family_bits(l->via.family) / 8);
	}
}

static void put_legs(struct put *p, const struct anod_route *t)
{
	size_t nest = put_nest(p, RTA_MULTIPATH);

	for (unsigned i = 0; i < MIN_OF(t->n_legs, ANOD_LEGS_MAX); i++) {
		size_t at = p->len;
		struct rtnexthop *h = put_room(p, sizeof(*h));

		if (!h)
			return;
		h->rtnh_flags = (uint8_t) leg_flags(&t->leg[i]);
		h->rtnh_hops = (uint8_t) (t->leg[i].weight - 1);
		h->rtnh_ifindex = (int) t->leg[i].ifindex;
		put_gateway(p, t->dst.family, &t->leg[i]);
		put_label(p, t->dst.family, &t->leg[i]);
		h->rtnh_len = (uint16_t) (p->len - at);
	}
	put_nest_end(p, nest);
}

static void put_where(struct put *p, struct rtmsg *h, const struct anod_route *t)
{
	if (t->nhid) {
		put_u32(p, RTA_NH_ID, t->nhid);
	} else if (t->n_legs > 1) {
		put_legs(p, t);
	} else if (t->n_legs == 1) {
		h->rtm_flags = leg_flags(&t->leg[0]);
		put_gateway(p, t->dst.family, &t->leg[0]);
		put_label(p, t->dst.family, &t->leg[0]);
		if (t->leg[0].ifindex)
			put_u32(p, RTA_OIF, t->leg[0].ifindex);
	}
}

static void put_in_label(struct put *p, const struct anod_prefix *label)
{
	uint32_t entry;

	memcpy(&entry, label->addr, sizeof(entry));
	entry |= htonl(1u << MPLS_LS_S_SHIFT);
	put_attr(p, RTA_DST, &entry, sizeof(entry));
}

static void put_route(struct put *p, struct rtmsg *h, const struct anod_route *t)
{
	h->rtm_dst_len = t->dst.len;
	h->rtm_tos = (uint8_t) t->tos;
	h->rtm_table = t->table < 256 ? (uint8_t) t->table : RT_TABLE_COMPAT;
	h->rtm_protocol = t->protocol;
	h->rtm_scope = t->scope;
	h->rtm_type = t->type;
	if (t->dst.family == AF_MPLS)
		put_in_label(p, &t->dst);
	else if (t->dst.len)
		put_address(p, RTA_DST, &t->dst);
	if (t->metric)
		put_u32(p, RTA_PRIORITY, t->metric);
	put_address(p, RTA_PREFSRC, &t->prefsrc);
	put_where(p, h, t);
}

int codec_route_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		       const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_route *t = &o->u.route;
	struct rtmsg *h;
	size_t nest;

	(void) from;
	if (verb == ANOD_RTNL_GET) {
		h = put_begin(p, buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*h));
	} else if (verb == ANOD_RTNL_SET) {
		h = put_begin(p, buf, RTM_NEWROUTE, SET_FLAGS, sizeof(*h));
		put_route(p, h, t);
		if (t->nhid && t->type == RTN_BLACKHOLE)
			h->rtm_type = RTN_UNICAST;
		if (t->mtu) {
			nest = put_nest(p, RTA_METRICS);
			put_u32(p, RTAX_MTU, t->mtu);
			put_nest_end(p, nest);
		}
	} else {
		h = put_begin(p, buf, RTM_DELROUTE, NLM_F_ACK, sizeof(*h));
		put_route(p, h, t);
		if (t->nhid)
			h->rtm_type = RTN_UNSPEC;
	}
	h->rtm_family = t->dst.family;
	/* Labels have one table, and the kernel refuses to be told its name. */
	if (t->dst.family != AF_MPLS)
		put_u32(p, RTA_TABLE, t->table);
	return 0;
}
