/*
 * nexthop - next-hop objects and groups of them.
 *
 * Design.  Replacing an object moves every route that names it at once (a few microseconds for
 * any number of prefixes).  The kernel refuses to turn a group into a plain next hop or back.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <string.h>

/* Linux 6.9 and 6.13: flags of the answer, always there for groups; they say nothing of state. */
#define NHA_OP_FLAGS_ATTR 14

static const struct nla_policy policy[NHA_MAX + 1] = {
	[NHA_ID] = { .type = NLA_U32 },
	[NHA_GROUP_TYPE] = { .type = NLA_U16 },
	[NHA_OIF] = { .type = NLA_U32 },
};

/* resvd1 is the weight's high byte since Linux 6.12. */
static bool group_decode(const struct nlattr *a, struct anod_nexthop *ret)
{
	size_t n = (size_t) nla_len(a) / sizeof(struct nexthop_grp);
	bool whole = n <= ANOD_LEGS_MAX;

	for (size_t i = 0; i < MIN_OF(n, (size_t) ANOD_LEGS_MAX); i++) {
		const uint8_t *at = (const uint8_t *) nla_data(a) + i * sizeof(struct nexthop_grp);
		struct nexthop_grp g;

		memcpy(&g, at, sizeof(g));
		ret->member[i] = (struct anod_member){ g.id, g.weight + 1u };
		/* High bits of the weight: "resvd1" in older headers, "weight_high" in newer ones. */
		if (at[offsetof(struct nexthop_grp, weight) + 1])
			whole = false;
	}
	ret->n_members = (uint8_t) MIN_OF(n, (size_t) ANOD_LEGS_MAX);
	return whole;
}

int codec_nexthop_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held = HELD(NHA_ID) | HELD(NHA_GROUP) | HELD(NHA_GROUP_TYPE) |
			      HELD(NHA_BLACKHOLE) | HELD(NHA_OIF) | HELD(NHA_GATEWAY) |
			      HELD(NHA_OP_FLAGS_ATTR);
	const struct nhmsg *h = wire_head(m);
	struct anod_nexthop *n = &ret->u.nexthop;
	struct nlattr *tb[NHA_MAX + 1];
	bool more = false;
	int r;

	r = wire_parse(m, sizeof(*h), tb, NHA_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if (!tb[NHA_ID])
		return -EBADMSG;

	n->id = nla_get_u32(tb[NHA_ID]);
	n->flags = h->nh_flags;
	n->family = h->nh_family;
	n->protocol = h->nh_protocol;
	n->ifindex = wire_get_u32(tb[NHA_OIF], 0);
	n->blackhole = tb[NHA_BLACKHOLE] != NULL;
	if (tb[NHA_GATEWAY]) {
		r = wire_get_address(tb[NHA_GATEWAY], h->nh_family, &n->via);
		if (r < 0)
			return r;
	}
	if (tb[NHA_GROUP] && !group_decode(tb[NHA_GROUP], n))
		more = true;
	if (more ||
	    (tb[NHA_GROUP_TYPE] && nla_get_u16(tb[NHA_GROUP_TYPE]) != NEXTHOP_GRP_TYPE_MPATH))
		ret->flags |= ANOD_OBJ_LOSSY;
	return 1;
}

static void put_group(struct put *p, const struct anod_nexthop *n)
{
	struct nexthop_grp g[ANOD_LEGS_MAX] = { 0 };
	size_t n_members = MIN_OF(n->n_members, (size_t) ANOD_LEGS_MAX);

	for (size_t i = 0; i < n_members; i++) {
		g[i].id = n->member[i].id;
		g[i].weight = (uint8_t) (n->member[i].weight - 1);
	}
	put_attr(p, NHA_GROUP, g, n_members * sizeof(g[0]));
	put_u16(p, NHA_GROUP_TYPE, NEXTHOP_GRP_TYPE_MPATH);
}

int codec_nexthop_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
			 const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_nexthop *n = &o->u.nexthop;
	struct nhmsg *h;

	(void) from;
	if (verb != ANOD_RTNL_SET) {
		if (verb == ANOD_RTNL_GET)
			(void) put_begin(p, buf, RTM_GETNEXTHOP, 0, sizeof(*h));
		else
			(void) put_begin(p, buf, RTM_DELNEXTHOP, NLM_F_ACK, sizeof(*h));
		put_u32(p, NHA_ID, n->id);
		return 0;
	}

	h = put_begin(p, buf, RTM_NEWNEXTHOP, SET_FLAGS, sizeof(*h));
	h->nh_protocol = n->protocol;
	put_u32(p, NHA_ID, n->id);
	if (n->n_members) {
		put_group(p, n);
		return 0;
	}
	h->nh_family = n->family;
	h->nh_flags = n->flags & RTNH_F_ONLINK;
	if (n->blackhole) {
		put_attr(p, NHA_BLACKHOLE, NULL, 0);
		return 0;
	}
	put_u32(p, NHA_OIF, n->ifindex);
	put_address(p, NHA_GATEWAY, &n->via);
	return 0;
}
