/*
 * codec - from kernel messages to objects and back: the entry points.
 *
 * Design.  A message type names an object type and a direction; a table leads to the file that
 * knows the type.  Decoding works on an object on the stack, so the caller's is written only
 * when the whole message was good.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <string.h>

/* Journals hold objects as bytes: new types must fit into the room that was left for them. */
_Static_assert(sizeof(struct anod_object) == 8 + 88 * sizeof(uint64_t), "the journal's format");

static const struct type {
	uint16_t new_msg, del_msg;
	codec_decode_fn *decode;
	codec_encode_fn *encode;
} types[ANOD_OBJ_TYPES] = {
	[ANOD_OBJ_LINK] = { RTM_NEWLINK, RTM_DELLINK, codec_link_decode, codec_link_encode },
	[ANOD_OBJ_ADDR] = { RTM_NEWADDR, RTM_DELADDR, codec_addr_decode, codec_addr_encode },
	[ANOD_OBJ_ROUTE] = { RTM_NEWROUTE, RTM_DELROUTE, codec_route_decode, codec_route_encode },
	[ANOD_OBJ_NEXTHOP] = { RTM_NEWNEXTHOP, RTM_DELNEXTHOP, codec_nexthop_decode,
			       codec_nexthop_encode },
	[ANOD_OBJ_RULE] = { RTM_NEWRULE, RTM_DELRULE, codec_rule_decode, codec_rule_encode },
	[ANOD_OBJ_NEIGH] = { RTM_NEWNEIGH, RTM_DELNEIGH, codec_neigh_decode, codec_neigh_encode },
	[ANOD_OBJ_QDISC] = { RTM_NEWQDISC, RTM_DELQDISC, codec_qdisc_decode, codec_qdisc_encode },
	/* No kernel message is one of these. */
	[ANOD_OBJ_SYSCTL] = { ANOD_OWN_SYSCTL_SET, ANOD_OWN_SYSCTL_SET, codec_own_decode,
			      codec_sysctl_encode },
	[ANOD_OBJ_WGPEER] = { ANOD_OWN_WGPEER_SET, ANOD_OWN_WGPEER_SET, codec_own_decode,
			      codec_wgpeer_encode },
	[ANOD_OBJ_UNIT] = { ANOD_OWN_UNIT_START, ANOD_OWN_UNIT_START, codec_own_decode,
			    codec_unit_encode },
};

int anod_rtnl_decode(const struct nlmsghdr *msg, struct anod_object *ret, bool *ret_gone)
{
	struct anod_object o;
	int r;

	if (msg->nlmsg_len < NLMSG_HDRLEN)
		return -EBADMSG;

	for (uint32_t i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++) {
		const struct type *t = &types[i];

		if (msg->nlmsg_type != t->new_msg && msg->nlmsg_type != t->del_msg)
			continue;

		memset(&o, 0, sizeof(o));
		o.type = i;
		r = t->decode(msg, &o);
		if (r <= 0)
			return r;

		*ret = o;
		*ret_gone = r == 2 || msg->nlmsg_type == t->del_msg;
		return 1;
	}
	return 0;
}

int anod_rtnl_encode(enum anod_rtnl_verb verb, const struct anod_object *obj,
		     const struct anod_object *from, void *buf)
{
	struct put p;
	int r;

	if (obj->type < ANOD_OBJ_LINK || obj->type >= ANOD_OBJ_TYPES ||
	    (verb != ANOD_RTNL_SET && verb != ANOD_RTNL_DEL && verb != ANOD_RTNL_GET))
		return -EINVAL;

	r = types[obj->type].encode(verb, obj, from, buf, &p);
	return r < 0 ? r : put_end(&p);
}
