/*
 * anod/rtnl.h - between kernel messages and anod objects.
 *
 * Pure functions on buffers: they open nothing and keep nothing.  Linked statically into the
 * sensor 'rtnl', the actuator 'act_rtnl', the executor and the guardian, so that all four see
 * the same object in the same bytes.  Uses libnl's attribute layer only.
 *
 * Threads: any.  Errors: negative errno.  Memory: the caller's.
 */
#ifndef ANOD_RTNL_H
#define ANOD_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anod/object.h>

struct nlmsghdr;

#define ANOD_NLMSG_MAX 1536 /* bytes; the longest message that anod_rtnl_encode() makes */

/*
 * Decode a kernel message of RTM_NEW... or RTM_DEL... LINK, ADDR, ROUTE, NEXTHOP, RULE or NEIGH.
 * 1: *ret is an object; *ret_gone says that it was deleted.  0: a message of no interest (a
 * cached route, AF_BRIDGE).  -EBADMSG: malformed; nothing is read outside the message.
 * Volatile members (cache information, expiry, RTM_F_CLONED) are dropped; link state bits of a
 * leg (RTNH_F_DEAD, RTNH_F_LINKDOWN) are kept.
 */
int anod_rtnl_decode(const struct nlmsghdr *msg, struct anod_object *ret, bool *ret_gone);

enum anod_rtnl_verb {
	ANOD_RTNL_SET = 1, /* create or replace: the object is then as given */
	ANOD_RTNL_DEL = 2, /* delete exactly this object */
	ANOD_RTNL_GET = 3, /* ask for it: the answer, or one message of a dump, has its key */
};

/*
 * Write the request into 'buf' (ANOD_NLMSG_MAX bytes, 4-aligned).  Returns its length, or
 * -EOPNOTSUPP where the kernel has no such request or the object could not be put back (making or
 * deleting a link, changing a rule), -E2BIG.  nlmsg_seq is 0 and nlmsg_pid is 0; NLM_F_ACK is
 * set for SET and DEL.  A GET may be a dump (NLM_F_DUMP set):
 * then every answer must be decoded and compared by anod_object_same_key(); dumps filter by
 * table (the socket needs NETLINK_GET_STRICT_CHK), and -ENOENT or -ENODEV says that the table or
 * the link is not there.  More than one answer may have the key of a route (twins: connected
 * prefixes on two links): such a route cannot be restored by one SET.
 *
 * 'from' is what is there now (NULL: nothing) and may shorten a SET to what differs: for a link
 * only the flags and the mtu that differ are sent, so nothing else is touched.
 */
int anod_rtnl_encode(enum anod_rtnl_verb verb, const struct anod_object *obj,
		     const struct anod_object *from, void *buf);

/*
 * What of a dump is no part of the picture: broadcast and multicast routes, which follow from
 * addresses, and the neighbours of group addresses, which come without an event.
 */
bool anod_object_is_noise(const struct anod_object *o);

/* The kernel can hold two routes of one key (connected prefixes on two links); in a dump they
 * follow one another.  They become one object with the legs of both, which is lossy. */
void anod_object_merge_twin(struct anod_object *route, const struct anod_object *twin);

/* True when both name the same thing (type and key members are equal). */
bool anod_object_same_key(const struct anod_object *a, const struct anod_object *b);

/*
 * True when 'now' has the state that 'want' asks for, seen from a change 'pre' -> 'want':
 * members that the change did not alter, and volatile ones (operstate, carrier, counters,
 * neighbour probes, leg link state), do not count for a link or a neighbour; routes, rules and
 * next hops are compared whole but for leg link state.  A NULL 'now' or 'want' means "not there";
 * a neighbour without a usable address counts as not there.
 */
bool anod_object_matches(const struct anod_object *now, const struct anod_object *want,
			 const struct anod_object *pre);

/* Take out or order what anod_object_matches() does not compare (counters, carrier, link state of
 * legs, a neighbour's walk between states), so that equal bytes mean the same set-up. */
void anod_object_canon(struct anod_object *o);

/* The protocol of the object (RTPROT_*), or -1 where its type has none (link, neigh). */
int anod_object_protocol(const struct anod_object *o);

/* Its name as ip(8) prints it, "static", or the number.  Returns buf. */
const char *anod_protocol_text(int protocol, char *buf, size_t size);

/* RTN_* of a route as ip(8) says it, "blackhole"; NULL: no such type. */
const char *anod_route_type_text(uint8_t type);

/* One line for people: "route main 0.0.0.0/0 metric 5 via 10.1.0.1 dev 3 proto anod".
 * Returns buf. */
const char *anod_object_text(const struct anod_object *o, char *buf, size_t size);

#endif /* ANOD_RTNL_H */
