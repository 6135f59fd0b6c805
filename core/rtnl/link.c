/*
 * link - network interfaces.
 *
 * Design.  anod sets no more of a link than IFF_UP, the mtu and whether IPv4 ignores routes over it
 * while it has no carrier, and of these only what differs: a request that repeats the rest would
 * undo a change that somebody else made meanwhile.  The last needs no sysctl: the kernel takes
 * settings of IPv4 by number in IFLA_AF_SPEC (inet_set_link_af()), but none of IPv6.
 * Wireless drivers send RTM_NEWLINK messages that hold an event and nothing else; they would
 * read as a link without an mtu.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <string.h>
#include <sys/socket.h>

static const struct nla_policy policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = ANOD_IFNAME_SIZE },
	[IFLA_MTU] = { .type = NLA_U32 },
	[IFLA_LINK] = { .type = NLA_U32 },
	[IFLA_MASTER] = { .type = NLA_U32 },
	[IFLA_OPERSTATE] = { .type = NLA_U8 },
	[IFLA_CARRIER] = { .type = NLA_U8 },
	[IFLA_CARRIER_UP_COUNT] = { .type = NLA_U32 },
	[IFLA_CARRIER_DOWN_COUNT] = { .type = NLA_U32 },
};
static const struct nla_policy info_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { .type = NLA_STRING },
};

static const struct nla_policy vrf_policy[IFLA_VRF_MAX + 1] = {
	[IFLA_VRF_TABLE] = { .type = NLA_U32 },
};
static const struct nla_policy inet_policy[IFLA_INET_MAX + 1] = {
	[IFLA_INET_CONF] = { .minlen = sizeof(uint32_t) },
};
static const struct nla_policy inet6_policy[IFLA_INET6_MAX + 1] = {
	[IFLA_INET6_CONF] = { .minlen = sizeof(uint32_t) },
};

static int vrf_decode(const struct nlattr *data, struct anod_link *ret)
{
	struct nlattr *tb[IFLA_VRF_MAX + 1];
	bool more = false;
	int r;

	r = wire_parse_run(nla_data(data), (size_t) nla_len(data), tb, IFLA_VRF_MAX, vrf_policy,
			   UINT64_MAX, &more);
	if (r < 0)
		return r;

	ret->vrf_table = wire_get_u32(tb[IFLA_VRF_TABLE], 0);
	return 0;
}

/* The n-th of an array of 32-bit numbers; what an older kernel does not have is 0. */
static uint32_t conf_at(const struct nlattr *conf, unsigned n)
{
	uint32_t v = 0;

	if ((size_t) nla_len(conf) >= (n + 1) * sizeof(v))
		memcpy(&v, (const uint8_t *) nla_data(conf) + n * sizeof(v), sizeof(v));
	return v;
}

/* IPv4 counts its settings from 1, IPv6 from 0. */
static int conf4_decode(const struct nlattr *inet, struct anod_link *ret)
{
	struct nlattr *tb[IFLA_INET_MAX + 1], *conf;
	bool more = false;
	int r;

	r = wire_parse_run(nla_data(inet), (size_t) nla_len(inet), tb, IFLA_INET_MAX, inet_policy,
			   UINT64_MAX, &more);
	conf = r < 0 ? NULL : tb[IFLA_INET_CONF];
	if (!conf)
		return r;

	ret->conf |= ANOD_LINK_CONF4;
	ret->rp_filter = (uint8_t) MIN_OF(conf_at(conf, IPV4_DEVCONF_RP_FILTER - 1), 2u);
	if (conf_at(conf, IPV4_DEVCONF_FORWARDING - 1))
		ret->conf |= ANOD_LINK_FORWARDING4;
	if (conf_at(conf, IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN - 1))
		ret->conf |= ANOD_LINK_IGNORE_LINKDOWN4;
	return 0;
}

static int conf6_decode(const struct nlattr *inet6, struct anod_link *ret)
{
	struct nlattr *tb[IFLA_INET6_MAX + 1], *conf;
	bool more = false;
	int r;

	r = wire_parse_run(nla_data(inet6), (size_t) nla_len(inet6), tb, IFLA_INET6_MAX,
			   inet6_policy, UINT64_MAX, &more);
	conf = r < 0 ? NULL : tb[IFLA_INET6_CONF];
	if (!conf)
		return r;

	ret->conf |= ANOD_LINK_CONF6;
	if (conf_at(conf, DEVCONF_FORWARDING))
		ret->conf |= ANOD_LINK_FORWARDING6;
	if (conf_at(conf, DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN))
		ret->conf |= ANOD_LINK_IGNORE_LINKDOWN6;
	return 0;
}

/* IFLA_AF_SPEC: a nest for each family. */
static int conf_decode(const struct nlattr *spec, struct anod_link *ret)
{
	struct nlattr *tb[AF_INET6 + 1];
	bool more = false;
	int r;

	if (!spec)
		return 0;

	r = wire_parse_run(nla_data(spec), (size_t) nla_len(spec), tb, AF_INET6, NULL, UINT64_MAX,
			   &more);
	if (r == 0 && tb[AF_INET])
		r = conf4_decode(tb[AF_INET], ret);
	if (r == 0 && tb[AF_INET6])
		r = conf6_decode(tb[AF_INET6], ret);
	return r;
}

static int kind_decode(const struct nlattr *info, struct anod_link *ret)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	bool more = false;
	int r;

	if (!info)
		return 0;

	r = wire_parse_run(nla_data(info), (size_t) nla_len(info), tb, IFLA_INFO_MAX, info_policy,
			   UINT64_MAX, &more);
	if (r < 0)
		return r;

	wire_get_name(tb[IFLA_INFO_KIND], ret->kind);
	if (strcmp(ret->kind, "vrf") == 0 && tb[IFLA_INFO_DATA])
		return vrf_decode(tb[IFLA_INFO_DATA], ret);
	return 0;
}

int codec_link_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const struct ifinfomsg *h = wire_head(m);
	struct anod_link *l = &ret->u.link;
	struct nlattr *tb[IFLA_MAX + 1];
	bool more = false;
	size_t n;
	int r;

	r = wire_parse(m, sizeof(*h), tb, IFLA_MAX, policy, UINT64_MAX, &more);
	if (r < 0)
		return r;
	if (h->ifi_family != AF_UNSPEC || tb[IFLA_WIRELESS])
		return 0;
	if (h->ifi_index <= 0)
		return -EBADMSG;

	l->ifindex = (uint32_t) h->ifi_index;
	l->flags = h->ifi_flags;
	wire_get_name(tb[IFLA_IFNAME], l->name);
	l->mtu = wire_get_u32(tb[IFLA_MTU], 0);
	l->master = wire_get_u32(tb[IFLA_MASTER], 0);
	if (!tb[IFLA_LINK_NETNSID])
		l->lower = wire_get_u32(tb[IFLA_LINK], 0);
	l->carrier_up = wire_get_u32(tb[IFLA_CARRIER_UP_COUNT], 0);
	l->carrier_down = wire_get_u32(tb[IFLA_CARRIER_DOWN_COUNT], 0);
	l->operstate = tb[IFLA_OPERSTATE] ? nla_get_u8(tb[IFLA_OPERSTATE]) : IF_OPER_UNKNOWN;
	l->carrier = tb[IFLA_CARRIER] && nla_get_u8(tb[IFLA_CARRIER]);
	n = wire_get_bytes(tb[IFLA_PERM_ADDRESS] ? tb[IFLA_PERM_ADDRESS] : tb[IFLA_ADDRESS],
			   l->lladdr, sizeof(l->lladdr));
	l->lladdr_len = (uint8_t) MIN_OF(n, sizeof(l->lladdr));
	r = kind_decode(tb[IFLA_LINKINFO], l);
	if (r == 0)
		r = conf_decode(tb[IFLA_AF_SPEC], l);
	return r < 0 ? r : 1;
}

static void conf4_encode(bool ignore, struct put *p)
{
	size_t spec = put_nest(p, IFLA_AF_SPEC);
	size_t inet = put_nest(p, AF_INET);
	size_t conf = put_nest(p, IFLA_INET_CONF);

	put_u32(p, IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, ignore);
	put_nest_end(p, conf);
	put_nest_end(p, inet);
	put_nest_end(p, spec);
}

int codec_link_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		      const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_link *l = &o->u.link;
	struct ifinfomsg *h;

	if (verb == ANOD_RTNL_GET) {
		h = put_begin(p, buf, RTM_GETLINK, 0, sizeof(*h));
		h->ifi_index = (int) l->ifindex;
		put_u32(p, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		return 0;
	}
	/* Making or deleting a link has no undo in this form. */
	if (verb == ANOD_RTNL_DEL || !from)
		return -EOPNOTSUPP;

	h = put_begin(p, buf, RTM_SETLINK, NLM_F_ACK, sizeof(*h));
	h->ifi_index = (int) l->ifindex;
	if ((l->flags ^ from->u.link.flags) & IFF_UP) {
		h->ifi_change = IFF_UP;
		h->ifi_flags = l->flags & IFF_UP;
	}
	if (l->mtu != from->u.link.mtu)
		put_u32(p, IFLA_MTU, l->mtu);
	if ((l->conf ^ from->u.link.conf) & ANOD_LINK_IGNORE_LINKDOWN4)
		conf4_encode(l->conf & ANOD_LINK_IGNORE_LINKDOWN4, p);
	return 0;
}
