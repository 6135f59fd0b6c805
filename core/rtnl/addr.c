/*
 * addr - interface addresses.
 *
 * Design.  IPv4 always sends the own address as IFA_LOCAL and the far end, or the same again,
 * as IFA_ADDRESS; IPv6 sends IFA_LOCAL only where there is a far end.  The prefix length belongs
 * to IFA_ADDRESS; the object shows it with the local one.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

#ifndef IFAPROT_UNSPEC
#define IFAPROT_UNSPEC 0 /* linux/if_addr.h of 5.18 */
#endif

/* What a request may set; the rest is state. */
#define ADDR_SETTABLE                                                                              \
	(IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |            \
	 IFA_F_MCAUTOJOIN)

static const struct nla_policy policy[IFA_MAX + 1] = {
	[IFA_FLAGS] = { .type = NLA_U32 },
	[IFA_LABEL] = { .type = NLA_STRING, .maxlen = ANOD_IFNAME_SIZE },
	[IFA_CACHEINFO] = { .minlen = sizeof(struct ifa_cacheinfo) },
	[IFA_PROTO] = { .type = NLA_U8 },
};

static bool label_is_own(const struct nlattr *label)
{
	return label && memchr(nla_data(label), ':', (size_t) nla_len(label));
}

static bool expires(const struct nlattr *cacheinfo)
{
	struct ifa_cacheinfo c;

	if (!cacheinfo)
		return false;
	memcpy(&c, nla_data(cacheinfo), sizeof(c));
	return c.ifa_valid != UINT32_MAX;
}

int codec_addr_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held = HELD(IFA_ADDRESS) | HELD(IFA_LOCAL) | HELD(IFA_LABEL) |
			      HELD(IFA_CACHEINFO) | HELD(IFA_FLAGS) | HELD(IFA_PROTO);
	const struct ifaddrmsg *h = wire_head(m);
	struct anod_addr *a = &ret->u.addr;
	struct nlattr *tb[IFA_MAX + 1], *own;
	struct anod_prefix far;
	bool more = false;
	int r;

	r = wire_parse(m, sizeof(*h), tb, IFA_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if (!family_bits(h->ifa_family))
		return 0;

	own = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!own || h->ifa_prefixlen > family_bits(h->ifa_family))
		return -EBADMSG;

	r = wire_get_address(own, h->ifa_family, &a->local);
	if (r < 0)
		return r;
	a->local.len = h->ifa_prefixlen;
	if (tb[IFA_ADDRESS]) {
		r = wire_get_address(tb[IFA_ADDRESS], h->ifa_family, &far);
		if (r < 0)
			return r;
		if (memcmp(far.addr, a->local.addr, sizeof(far.addr)) != 0)
			a->peer = far;
	}
	a->ifindex = h->ifa_index;
	a->scope = h->ifa_scope;
	a->flags = wire_get_u32(tb[IFA_FLAGS], h->ifa_flags);
	if (more || label_is_own(tb[IFA_LABEL]) || expires(tb[IFA_CACHEINFO]) ||
	    (tb[IFA_PROTO] && nla_get_u8(tb[IFA_PROTO]) != IFAPROT_UNSPEC))
		ret->flags |= ANOD_OBJ_LOSSY;
	return 1;
}

static void put_both(struct put *p, const struct anod_addr *a)
{
	put_address(p, IFA_LOCAL, &a->local);
	put_address(p, IFA_ADDRESS, a->peer.family ? &a->peer : &a->local);
}

int codec_addr_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		      const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_addr *a = &o->u.addr;
	struct ifaddrmsg *h;

	(void) from;
	if (verb == ANOD_RTNL_GET) {
		h = put_begin(p, buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*h));
	} else if (verb == ANOD_RTNL_SET) {
		h = put_begin(p, buf, RTM_NEWADDR, SET_FLAGS, sizeof(*h));
		h->ifa_scope = a->scope;
		put_u32(p, IFA_FLAGS, a->flags & ADDR_SETTABLE);
		put_both(p, a);
	} else {
		h = put_begin(p, buf, RTM_DELADDR, NLM_F_ACK, sizeof(*h));
		put_both(p, a);
	}
	h->ifa_family = a->local.family;
	h->ifa_index = a->ifindex;
	/* Strict checking refuses a dump request with a prefix length. */
	if (verb != ANOD_RTNL_GET)
		h->ifa_prefixlen = a->local.len;
	return 0;
}
