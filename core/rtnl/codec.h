/*
 * codec - one pair of functions for each type of object; see anod/rtnl.h for the contract.
 *
 * A decoder fills an object that is all zero but for its type.  1, 0: of no interest, 2: the message
 * says that there is none, -EBADMSG.
 * An encoder begins and fills the request; 0, or -EOPNOTSUPP where the kernel has none.
 */
#ifndef RTNL_CODEC_H
#define RTNL_CODEC_H

#include <linux/if_addr.h>

#include "rtnl/wire.h"

typedef int codec_decode_fn(const struct nlmsghdr *m, struct anod_object *ret);
typedef int codec_encode_fn(enum anod_rtnl_verb verb, const struct anod_object *o,
			    const struct anod_object *from, void *buf, struct put *p);

codec_decode_fn codec_link_decode, codec_addr_decode, codec_route_decode, codec_nexthop_decode,
	codec_rule_decode, codec_neigh_decode, codec_qdisc_decode, codec_own_decode;
codec_encode_fn codec_link_encode, codec_addr_encode, codec_route_encode, codec_nexthop_encode,
	codec_rule_encode, codec_neigh_encode, codec_qdisc_encode, codec_sysctl_encode,
	codec_wgpeer_encode, codec_unit_encode;

#define SET_FLAGS (NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)

/* State that the kernel adds to a leg or a next hop by itself. */
#define LEG_STATE (RTNH_F_DEAD | RTNH_F_LINKDOWN)
/* Route flags that say what a driver did with the route. */
#define ROUTE_STATE (RTM_F_OFFLOAD | RTM_F_TRAP | RTM_F_OFFLOAD_FAILED)

/* What the kernel says of an address by itself (linux/if_addr.h). */
#define ADDR_STATE                                                                                 \
	(IFA_F_SECONDARY | IFA_F_OPTIMISTIC | IFA_F_DADFAILED | IFA_F_DEPRECATED |                 \
	 IFA_F_TENTATIVE | IFA_F_PERMANENT | IFA_F_STABLE_PRIVACY)

/* Is the one set up as the other, but for what the kernel rounds? */
bool qdisc_matches(const struct anod_qdisc *now, const struct anod_qdisc *want);

/* Routes of these types drop the packet: they have no legs. */
bool route_type_drops(uint8_t type);

#endif
