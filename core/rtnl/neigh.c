/*
 * neigh - entries of the ARP and neighbour-discovery tables.
 *
 * Design.  Bridge forwarding entries (AF_BRIDGE) and proxy entries share the message but not the
 * key; they are left out.  Age and confirmation times change with every packet and are dropped.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/neighbour.h>

static const struct nla_policy policy[NDA_MAX + 1] = {
	[NDA_PROBES] = { .type = NLA_U32 },
};

int codec_neigh_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held =
		HELD(NDA_DST) | HELD(NDA_LLADDR) | HELD(NDA_CACHEINFO) | HELD(NDA_PROBES);
	const struct ndmsg *h = wire_head(m);
	struct anod_neigh *n = &ret->u.neigh;
	struct nlattr *tb[NDA_MAX + 1];
	bool more = false;
	size_t size;
	int r;

	r = wire_parse(m, sizeof(*h), tb, NDA_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if (!family_bits(h->ndm_family) || (h->ndm_flags & NTF_PROXY))
		return 0;
	if (!tb[NDA_DST] || h->ndm_ifindex <= 0)
		return -EBADMSG;

	r = wire_get_address(tb[NDA_DST], h->ndm_family, &n->dst);
	if (r < 0)
		return r;
	n->ifindex = (uint32_t) h->ndm_ifindex;
	n->state = h->ndm_state;
	n->flags = h->ndm_flags;
	n->probes = wire_get_u32(tb[NDA_PROBES], 0);
	size = wire_get_bytes(tb[NDA_LLADDR], n->lladdr, sizeof(n->lladdr));
	n->lladdr_len = (uint8_t) MIN_OF(size, sizeof(n->lladdr));
	if (more || size > sizeof(n->lladdr))
		ret->flags |= ANOD_OBJ_LOSSY;
	return 1;
}

int codec_neigh_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		       const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_neigh *n = &o->u.neigh;
	struct ndmsg *h;

	(void) from;
	if (verb == ANOD_RTNL_SET) {
		h = put_begin(p, buf, RTM_NEWNEIGH, SET_FLAGS, sizeof(*h));
		h->ndm_state = n->state;
		h->ndm_flags = n->flags;
	} else if (verb == ANOD_RTNL_DEL) {
		h = put_begin(p, buf, RTM_DELNEIGH, NLM_F_ACK, sizeof(*h));
	} else {
		h = put_begin(p, buf, RTM_GETNEIGH, 0, sizeof(*h));
	}
	h->ndm_family = n->dst.family;
	h->ndm_ifindex = (int) n->ifindex;
	put_address(p, NDA_DST, &n->dst);
	if (verb == ANOD_RTNL_SET && n->lladdr_len)
		put_attr(p, NDA_LLADDR, n->lladdr, MIN_OF(n->lladdr_len, sizeof(n->lladdr)));
	return 0;
}
