/*
 * route_decode - IPv4 and IPv6 routes from kernel messages.
 *
 * Design.  One leg comes as RTA_GATEWAY and RTA_OIF with its flags in the header, more of them as
 * RTA_MULTIPATH; a route with a next-hop object carries its expansion in the same attributes (or
 * none, with nexthop_compat_mode 0).  IPv6 shows a route that drops as one over "lo"; the leg is
 * left out, so that both families look alike and a request repeats what was asked for.  A route
 * that expires, or that has a metric other than the mtu, would come back without it: lossy.
 */
#include "rtnl/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/lwtunnel.h>
#include <linux/mpls.h>
#include <linux/mpls_iptunnel.h>
#include <string.h>
#include <sys/socket.h>

static const struct nla_policy policy[RTA_MAX + 1] = {
	[RTA_OIF] = { .type = NLA_U32 },
	[RTA_PRIORITY] = { .type = NLA_U32 },
	[RTA_TABLE] = { .type = NLA_U32 },
	[RTA_NH_ID] = { .type = NLA_U32 },
	[RTA_PREF] = { .type = NLA_U8 },
	[RTA_ENCAP_TYPE] = { .type = NLA_U16 },
	[RTA_CACHEINFO] = { .minlen = sizeof(struct rta_cacheinfo) },
};
static const struct nla_policy metrics_policy[RTAX_MAX + 1] = {
	[RTAX_MTU] = { .type = NLA_U32 },
};

/* What a leg may have, alone or within RTA_MULTIPATH. */
#define LEG_HELD                                                                                   \
	(HELD(RTA_GATEWAY) | HELD(RTA_VIA) | HELD(RTA_OIF) | HELD(RTA_NEWDST) | HELD(RTA_ENCAP) |  \
	 HELD(RTA_ENCAP_TYPE))

static const struct nla_policy mpls_policy[MPLS_IPTUNNEL_MAX + 1] = { 0 };

bool route_type_drops(uint8_t type)
{
	return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT ||
	       type == RTN_THROW;
}

static int via_decode(const struct nlattr *a, struct anod_prefix *ret)
{
	struct rtvia v;
	uint8_t bits;

	if ((size_t) nla_len(a) < sizeof(v))
		return -EBADMSG;

	memcpy(&v, nla_data(a), sizeof(v));
	bits = family_bits((uint8_t) v.rtvia_family);
	if (!bits || (size_t) nla_len(a) < sizeof(v) + bits / 8)
		return -EBADMSG;

	*ret = (struct anod_prefix){ .family = (uint8_t) v.rtvia_family, .len = bits };
	memcpy(ret->addr, (uint8_t *) nla_data(a) + sizeof(v), bits / 8);
	return 0;
}

static int gateway_decode(struct nlattr **tb, uint8_t family, struct anod_leg *ret)
{
	if (tb[RTA_VIA])
		return via_decode(tb[RTA_VIA], &ret->via);
	if (tb[RTA_GATEWAY])
		return wire_get_address(tb[RTA_GATEWAY], family, &ret->via);
	return 0;
}

/* The first entry of a label stack; others are lost. */
static void stack_decode(const struct nlattr *a, struct anod_leg *ret, bool *more)
{
	uint32_t entry;

	if (!a || (size_t) nla_len(a) < sizeof(entry))
		return;
	memcpy(&entry, nla_data(a), sizeof(entry));
	ret->label = (ntohl(entry) >> MPLS_LS_LABEL_SHIFT) + 1;
	*more |= (size_t) nla_len(a) > sizeof(entry);
}

static int label_decode(struct nlattr **tb, struct anod_leg *ret, bool *more)
{
	struct nlattr *encap[MPLS_IPTUNNEL_MAX + 1];
	int r;

	stack_decode(tb[RTA_NEWDST], ret, more);
	if (!tb[RTA_ENCAP])
		return 0;
	if (!tb[RTA_ENCAP_TYPE] || nla_get_u16(tb[RTA_ENCAP_TYPE]) != LWTUNNEL_ENCAP_MPLS) {
		*more = true;
		return 0;
	}
	r = wire_parse_run(nla_data(tb[RTA_ENCAP]), (size_t) nla_len(tb[RTA_ENCAP]), encap,
			   MPLS_IPTUNNEL_MAX, mpls_policy, HELD(MPLS_IPTUNNEL_DST), more);
	if (r == 0)
		stack_decode(encap[MPLS_IPTUNNEL_DST], ret, more);
	return r;
}

static int legs_decode(const struct nlattr *a, uint8_t family, struct anod_route *ret, bool *more,
		       bool *too_many)
{
	const uint8_t *at = nla_data(a);
	size_t left = (size_t) nla_len(a);

	while (left >= sizeof(struct rtnexthop)) {
		struct nlattr *tb[RTA_MAX + 1];
		struct anod_leg leg = { 0 };
		struct rtnexthop h;
		size_t step;
		int r;

		memcpy(&h, at, sizeof(h));
		if (h.rtnh_len < sizeof(h) || h.rtnh_len > left)
			return -EBADMSG;

		r = wire_parse_run(at + sizeof(h), h.rtnh_len - sizeof(h), tb, RTA_MAX, policy,
				   LEG_HELD, more);
		if (r < 0)
			return r;
		r = gateway_decode(tb, family, &leg);
		if (r == 0)
			r = label_decode(tb, &leg, more);
		if (r < 0)
			return r;

		leg.ifindex = (uint32_t) h.rtnh_ifindex;
		leg.flags = h.rtnh_flags & (RTNH_F_ONLINK | LEG_STATE);
		leg.weight = h.rtnh_hops + 1u;
		if (ret->n_legs < ANOD_LEGS_MAX)
			ret->leg[ret->n_legs++] = leg;
		else
			*too_many = true;

		step = MIN_OF((size_t) NLMSG_ALIGN(h.rtnh_len), left);
		at += step;
		left -= step;
	}
	return 0;
}

static int all_legs_decode(struct nlattr **tb, const struct rtmsg *h, struct anod_route *ret,
			   bool *more, bool *too_many)
{
	int r;

	if (route_type_drops(ret->type))
		return 0;
	if (tb[RTA_MULTIPATH])
		return legs_decode(tb[RTA_MULTIPATH], h->rtm_family, ret, more, too_many);
	if (!tb[RTA_OIF] && !tb[RTA_GATEWAY] && !tb[RTA_VIA])
		return 0;
	r = label_decode(tb, &ret->leg[0], more);
	if (r < 0)
		return r;

	ret->n_legs = 1;
	ret->leg[0].ifindex = wire_get_u32(tb[RTA_OIF], 0);
	ret->leg[0].flags = h->rtm_flags & (RTNH_F_ONLINK | LEG_STATE);
	ret->leg[0].weight = 1;
	return gateway_decode(tb, h->rtm_family, &ret->leg[0]);
}

static int metrics_decode(const struct nlattr *a, struct anod_route *ret, bool *more)
{
	struct nlattr *tb[RTAX_MAX + 1];
	int r;

	if (!a)
		return 0;

	r = wire_parse_run(nla_data(a), (size_t) nla_len(a), tb, RTAX_MAX, metrics_policy,
			   HELD(RTAX_MTU), more);
	if (r < 0)
		return r;

	ret->mtu = wire_get_u32(tb[RTAX_MTU], 0);
	return 0;
}

/* True for what a request could not give back. */
static bool has_more(struct nlattr **tb, const struct rtmsg *h)
{
	struct rta_cacheinfo c;

	if (h->rtm_src_len ||
	    (tb[RTA_PREF] && nla_get_u8(tb[RTA_PREF]) != ICMPV6_ROUTER_PREF_MEDIUM))
		return true;
	if (!tb[RTA_CACHEINFO])
		return false;
	memcpy(&c, nla_data(tb[RTA_CACHEINFO]), sizeof(c));
	return c.rta_expires != 0;
}

/* 20 bits at the front of four bytes, as anod/object.h has it. */
static int in_label_decode(const struct nlattr *a, struct anod_prefix *ret)
{
	uint32_t entry;

	if (!a || (size_t) nla_len(a) < sizeof(entry))
		return -EBADMSG;

	memcpy(&entry, nla_data(a), sizeof(entry));
	entry &= htonl(MPLS_LS_LABEL_MASK);
	*ret = (struct anod_prefix){ .family = AF_MPLS, .len = 20 };
	memcpy(ret->addr, &entry, sizeof(entry));
	return 0;
}

int codec_route_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held = LEG_HELD | HELD(RTA_DST) | HELD(RTA_PRIORITY) | HELD(RTA_PREFSRC) |
			      HELD(RTA_METRICS) | HELD(RTA_MULTIPATH) | HELD(RTA_CACHEINFO) |
			      HELD(RTA_TABLE) | HELD(RTA_PREF) | HELD(RTA_PAD) | HELD(RTA_NH_ID);
	const struct rtmsg *h = wire_head(m);
	struct anod_route *t = &ret->u.route;
	struct nlattr *tb[RTA_MAX + 1];
	bool more = false, too_many = false;
	int r;

	r = wire_parse(m, sizeof(*h), tb, RTA_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if ((!family_bits(h->rtm_family) && h->rtm_family != AF_MPLS) ||
	    (h->rtm_flags & RTM_F_CLONED))
		return 0;

	r = h->rtm_family == AF_MPLS
		    ? in_label_decode(tb[RTA_DST], &t->dst)
		    : wire_get_prefix(tb[RTA_DST], h->rtm_family, h->rtm_dst_len, &t->dst);
	if (r < 0)
		return r;
	/* Labels have one table, which rtm_table names (mpls_dump_route(), net/mpls/af_mpls.c). */
	t->table =
		h->rtm_family == AF_MPLS ? h->rtm_table : wire_get_u32(tb[RTA_TABLE], h->rtm_table);
	t->metric = wire_get_u32(tb[RTA_PRIORITY], 0);
	t->tos = h->rtm_tos;
	t->nhid = wire_get_u32(tb[RTA_NH_ID], 0);
	t->flags = h->rtm_flags & (RTM_F_PREFIX | ROUTE_STATE);
	t->protocol = h->rtm_protocol;
	t->type = h->rtm_type;
	t->scope = h->rtm_scope;
	if (tb[RTA_PREFSRC]) {
		r = wire_get_address(tb[RTA_PREFSRC], h->rtm_family, &t->prefsrc);
		if (r < 0)
			return r;
	}
	r = all_legs_decode(tb, h, t, &more, &too_many);
	if (r < 0)
		return r;
	r = metrics_decode(tb[RTA_METRICS], t, &more);
	if (r < 0)
		return r;
	if (more || has_more(tb, h))
		ret->flags |= ANOD_OBJ_LOSSY;
	if (h->rtm_src_len || too_many)
		ret->flags |= ANOD_OBJ_LOSSY | ANOD_OBJ_UNSURE;
	return 1;
}
