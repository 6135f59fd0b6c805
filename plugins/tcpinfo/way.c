/*
 * way - by which link does a socket's traffic leave?
 *
 * Design.  The kernel is asked, once for each socket: facts hold default routes only, and the model
 * would have to repeat the kernel's hash to say which member of an equal-cost group a flow takes.
 * With the source, both ports, the protocol, the user and the bound device, RTM_GETROUTE picks the
 * member that the socket itself was given.  What it cannot be told is a mark that the program has
 * set: sock_diag shows marks to CAP_NET_ADMIN only, so a socket that a rule steers by fwmark counts
 * where it would go without.
 *
 * An answer holds until a route, rule, next hop, address or link changes.  One such event says
 * all that we want to know, and there may be 100,000 of them in a second: the socket that hears
 * the first one is closed there and then, and opened again by the next reading before it asks.  So a
 * storm costs one wake-up a reading, and what is asked anew is bounded by the reading.
 */
#include "way.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <string.h>

const void *way_request(struct anod_nl_put *p, const struct sample *s)
{
	struct rtmsg *rtm = anod_nl_begin(p, RTM_GETROUTE, 0, sizeof(*rtm));
	uint16_t sport = htons(s->sport), dport = htons(s->dport);
	size_t size = s->dst.family == AF_INET ? 4 : 16;

	rtm->rtm_family = s->dst.family;
	rtm->rtm_dst_len = s->dst.len;
	rtm->rtm_src_len = s->src.len;
	anod_nl_attr(p, RTA_DST, s->dst.addr, size);
	anod_nl_attr(p, RTA_SRC, s->src.addr, size);
	anod_nl_u32(p, RTA_UID, s->uid);
	anod_nl_u8(p, RTA_IP_PROTO, IPPROTO_TCP);
	anod_nl_u16(p, RTA_SPORT, sport);
	anod_nl_u16(p, RTA_DPORT, dport);
	if (s->ifindex)
		anod_nl_u32(p, RTA_OIF, s->ifindex);
	return anod_nl_end(p);
}

/* RTA_GATEWAY is of the route's family, RTA_VIA (RFC 5549) says its own. */
static void take_gateway(struct nlattr *const *tb, uint8_t family, struct anod_prefix *ret)
{
	const struct nlattr *a = tb[RTA_VIA] ? tb[RTA_VIA] : tb[RTA_GATEWAY];
	const uint8_t *at = a ? nla_data(a) : NULL;
	int len = a ? nla_len(a) : 0;

	if (tb[RTA_VIA]) {
		uint16_t of;

		if (len < (int) sizeof(of))
			return;
		memcpy(&of, at, sizeof(of));
		family = (uint8_t) of;
		at += sizeof(of);
		len -= (int) sizeof(of);
	}
	if (!at || len != (family == AF_INET ? 4 : 16) || (family != AF_INET && family != AF_INET6))
		return;
	ret->family = family;
	ret->len = (uint8_t) (8 * len);
	memcpy(ret->addr, at, (size_t) len);
}

bool way_parse(const struct nlmsghdr *msg, struct way *ret)
{
	struct nlattr *tb[RTA_MAX + 1] = { 0 };
	struct rtmsg rtm;

	if (msg->nlmsg_type != RTM_NEWROUTE || msg->nlmsg_len < NLMSG_LENGTH(sizeof(rtm)))
		return false;
	memcpy(&rtm, (const uint8_t *) msg + NLMSG_HDRLEN, sizeof(rtm));
	if (nla_parse(tb, RTA_MAX,
		      (struct nlattr *) ((uint8_t *) (uintptr_t) msg + NLMSG_SPACE(sizeof(rtm))),
		      (int) (msg->nlmsg_len - NLMSG_LENGTH(sizeof(rtm))), NULL) < 0)
		return false;
	*ret = (struct way){ 0 };
	if (rtm.rtm_type != RTN_UNICAST || !tb[RTA_OIF] || nla_len(tb[RTA_OIF]) < 4)
		return true;
	ret->ifindex = nla_get_u32(tb[RTA_OIF]);
	take_gateway(tb, rtm.rtm_family, &ret->gateway);
	return true;
}

static void on_change(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct ways *w = data;

	(void) ctx, (void) msg;
	w->gen++;
	ways_close(w);
}

int ways_listen(struct anod_ctx *ctx, struct ways *w)
{
	static const unsigned groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
					   RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,
					   RTNLGRP_NEXTHOP,    RTNLGRP_LINK };
	int r;

	if (w->listener)
		return 0;
	r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &w->listener);
	for (unsigned i = 0; r >= 0 && i < sizeof(groups) / sizeof(*groups); i++)
		r = anod_nl_listen(w->listener, groups[i], on_change, w);
	if (r < 0) {
		ways_close(w);
		w->gen++;
	}
	return r;
}

void ways_close(struct ways *w)
{
	anod_nl_close(w->listener);
	w->listener = NULL;
}
