/*
 * rule - policy routing rules.
 *
 * Design.  The kernel has no id for a rule and no replace.  A rule is made with NLM_F_EXCL, which
 * compares all selectors, so that a repeated request makes no twin.  Deleting takes the first
 * rule that has everything which is named and leaves open what is not: a rule without "iif" is
 * matched by its neighbour with one.  Naming priority, table and protocol keeps that apart for
 * the rules that anod makes.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <string.h>

/* Linux 6.15: a mask beside a range of one port, all ones unless asked for. */
#define FRA_SPORT_MASK_ATTR 28
#define FRA_DPORT_MASK_ATTR 29
#define ATTR_MAX	    FRA_DPORT_MASK_ATTR

static const struct nla_policy policy[ATTR_MAX + 1] = {
	[FRA_IIFNAME] = { .type = NLA_STRING, .maxlen = ANOD_IFNAME_SIZE },
	[FRA_OIFNAME] = { .type = NLA_STRING, .maxlen = ANOD_IFNAME_SIZE },
	[FRA_PRIORITY] = { .type = NLA_U32 },
	[FRA_FWMARK] = { .type = NLA_U32 },
	[FRA_FWMASK] = { .type = NLA_U32 },
	[FRA_TABLE] = { .type = NLA_U32 },
	[FRA_SUPPRESS_PREFIXLEN] = { .type = NLA_U32 },
	[FRA_L3MDEV] = { .type = NLA_U8 },
	[FRA_PROTOCOL] = { .type = NLA_U8 },
	[FRA_GOTO] = { .type = NLA_U32 },
	[FRA_IP_PROTO] = { .type = NLA_U8 },
	[FRA_UID_RANGE] = { .minlen = sizeof(struct fib_rule_uid_range) },
	[FRA_SPORT_RANGE] = { .minlen = sizeof(struct fib_rule_port_range) },
	[FRA_DPORT_RANGE] = { .minlen = sizeof(struct fib_rule_port_range) },
	[FRA_SPORT_MASK_ATTR] = { .type = NLA_U16 },
	[FRA_DPORT_MASK_ATTR] = { .type = NLA_U16 },
};

static int selectors_decode(const struct fib_rule_hdr *h, struct nlattr **tb, struct anod_rule *ret)
{
	int r;

	if (h->src_len) {
		r = wire_get_prefix(tb[FRA_SRC], h->family, h->src_len, &ret->src);
		if (r < 0)
			return r;
	}
	if (h->dst_len) {
		r = wire_get_prefix(tb[FRA_DST], h->family, h->dst_len, &ret->dst);
		if (r < 0)
			return r;
	}
	wire_get_name(tb[FRA_IIFNAME], ret->iif);
	wire_get_name(tb[FRA_OIFNAME], ret->oif);
	ret->fwmark = wire_get_u32(tb[FRA_FWMARK], 0);
	ret->fwmask = wire_get_u32(tb[FRA_FWMASK], ret->fwmark ? UINT32_MAX : 0);
	return 0;
}

static void port_range_decode(const struct nlattr *a, uint16_t *ret_first, uint16_t *ret_last)
{
	struct fib_rule_port_range range = { 0 };

	if (a)
		memcpy(&range, nla_data(a), sizeof(range));
	*ret_first = range.start;
	*ret_last = range.end;
}

static bool is_masked(const struct nlattr *mask)
{
	return mask && nla_get_u16(mask) != UINT16_MAX;
}

static void flow_decode(struct nlattr **tb, struct anod_rule *ret)
{
	struct fib_rule_uid_range uid;

	ret->ipproto = tb[FRA_IP_PROTO] ? nla_get_u8(tb[FRA_IP_PROTO]) : 0;
	port_range_decode(tb[FRA_SPORT_RANGE], &ret->sport_first, &ret->sport_last);
	port_range_decode(tb[FRA_DPORT_RANGE], &ret->dport_first, &ret->dport_last);
	if (!tb[FRA_UID_RANGE])
		return;
	memcpy(&uid, nla_data(tb[FRA_UID_RANGE]), sizeof(uid));
	ret->has_uid = 1;
	ret->uid_first = uid.start;
	ret->uid_last = uid.end;
}

int codec_rule_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held = HELD(FRA_DST) | HELD(FRA_SRC) | HELD(FRA_IIFNAME) |
			      HELD(FRA_OIFNAME) | HELD(FRA_PRIORITY) | HELD(FRA_FWMARK) |
			      HELD(FRA_FWMASK) | HELD(FRA_TABLE) | HELD(FRA_SUPPRESS_PREFIXLEN) |
			      HELD(FRA_L3MDEV) | HELD(FRA_PROTOCOL) | HELD(FRA_PAD) |
			      HELD(FRA_GOTO) | HELD(FRA_IP_PROTO) | HELD(FRA_UID_RANGE) |
			      HELD(FRA_SPORT_RANGE) | HELD(FRA_DPORT_RANGE) |
			      HELD(FRA_SPORT_MASK_ATTR) | HELD(FRA_DPORT_MASK_ATTR);
	const struct fib_rule_hdr *h = wire_head(m);
	struct anod_rule *u = &ret->u.rule;
	struct nlattr *tb[ATTR_MAX + 1];
	bool more = false;
	int r;

	r = wire_parse(m, sizeof(*h), tb, ATTR_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if (!family_bits(h->family))
		return 0;

	r = selectors_decode(h, tb, u);
	if (r < 0)
		return r;
	u->family = h->family;
	u->priority = wire_get_u32(tb[FRA_PRIORITY], 0);
	u->table = wire_get_u32(tb[FRA_TABLE], h->table);
	/* All ones is "none"; one more makes that zero. */
	u->suppress_len = wire_get_u32(tb[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX) + 1;
	u->flags = h->flags & FIB_RULE_INVERT;
	u->action = h->action;
	u->tos = h->tos;
	u->protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : 0;
	u->l3mdev = tb[FRA_L3MDEV] ? nla_get_u8(tb[FRA_L3MDEV]) : 0;
	u->target = wire_get_u32(tb[FRA_GOTO], 0);
	flow_decode(tb, u);
	if (more || is_masked(tb[FRA_SPORT_MASK_ATTR]) || is_masked(tb[FRA_DPORT_MASK_ATTR]))
		ret->flags |= ANOD_OBJ_LOSSY | ANOD_OBJ_UNSURE;
	return 1;
}

static void put_port_range(struct put *p, uint16_t type, uint16_t first, uint16_t last)
{
	struct fib_rule_port_range range = { first, last };

	if (first)
		put_attr(p, type, &range, sizeof(range));
}

static void put_flow(struct put *p, const struct anod_rule *u)
{
	struct fib_rule_uid_range uid = { u->uid_first, u->uid_last };

	if (u->ipproto)
		put_u8(p, FRA_IP_PROTO, u->ipproto);
	put_port_range(p, FRA_SPORT_RANGE, u->sport_first, u->sport_last);
	put_port_range(p, FRA_DPORT_RANGE, u->dport_first, u->dport_last);
	if (u->has_uid)
		put_attr(p, FRA_UID_RANGE, &uid, sizeof(uid));
}

static void put_rule(struct put *p, struct fib_rule_hdr *h, const struct anod_rule *u)
{
	h->src_len = u->src.family ? u->src.len : 0;
	h->dst_len = u->dst.family ? u->dst.len : 0;
	h->tos = u->tos;
	h->action = u->action;
	h->flags = u->flags & FIB_RULE_INVERT;
	h->table = u->table < 256 ? (uint8_t) u->table : RT_TABLE_COMPAT;
	put_u32(p, FRA_PRIORITY, u->priority);
	put_u8(p, FRA_PROTOCOL, u->protocol);
	/* A rule that asks the l3mdev has no table, and naming table 0 is refused. */
	if (u->table)
		put_u32(p, FRA_TABLE, u->table);
	if (h->src_len)
		put_address(p, FRA_SRC, &u->src);
	if (h->dst_len)
		put_address(p, FRA_DST, &u->dst);
	if (u->iif[0])
		put_name(p, FRA_IIFNAME, u->iif);
	if (u->oif[0])
		put_name(p, FRA_OIFNAME, u->oif);
	if (u->fwmark || u->fwmask) {
		put_u32(p, FRA_FWMARK, u->fwmark);
		put_u32(p, FRA_FWMASK, u->fwmask);
	}
	if (u->suppress_len)
		put_u32(p, FRA_SUPPRESS_PREFIXLEN, u->suppress_len - 1);
	if (u->l3mdev)
		put_u8(p, FRA_L3MDEV, u->l3mdev);
	if (u->action == FR_ACT_GOTO)
		put_u32(p, FRA_GOTO, u->target);
	put_flow(p, u);
}

int codec_rule_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		      const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_rule *u = &o->u.rule;
	struct fib_rule_hdr *h;

	/* All members but the protocol are the key, and the kernel cannot change that one. */
	if (verb == ANOD_RTNL_SET && from)
		return -EOPNOTSUPP;

	if (verb == ANOD_RTNL_GET) {
		h = put_begin(p, buf, RTM_GETRULE, NLM_F_DUMP, sizeof(*h));
	} else if (verb == ANOD_RTNL_SET) {
		h = put_begin(p, buf, RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
			      sizeof(*h));
		put_rule(p, h, u);
	} else {
		h = put_begin(p, buf, RTM_DELRULE, NLM_F_ACK, sizeof(*h));
		put_rule(p, h, u);
	}
	h->family = (uint8_t) u->family;
	return 0;
}
