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
 * Requests for what rtnetlink does not know.  They have the form of a netlink message, so that a
 * step holds them as any other, but a type outside what the kernel uses, and are carried out by
 * core/exec/kernel_own.c: a number of /proc/sys/net is written, a peer of WireGuard is set by
 * generic netlink, a unit is started over D-Bus.  The payload is the object's own struct, of a peer
 * behind struct anod_own_peer.
 */
enum {
	ANOD_OWN_FIRST = 0xfa00,
	ANOD_OWN_SYSCTL_SET = 0xfa00,
	ANOD_OWN_SYSCTL_GET = 0xfa02,
	ANOD_OWN_WGPEER_SET = 0xfa04,
	ANOD_OWN_WGPEER_GET = 0xfa06,
	ANOD_OWN_UNIT_START = 0xfa08,
	ANOD_OWN_UNIT_GET = 0xfa0a,
	ANOD_OWN_LAST = 0xfa0b,
};
struct anod_own_peer {
	uint32_t members; /* of SET: ANOD_WGPEER_*, which to change */
	uint32_t pad;
	struct anod_wgpeer peer;
};
enum { ANOD_WGPEER_ENDPOINT = 1, ANOD_WGPEER_KEEPALIVE = 2 };
/* Is it one of these? */
bool anod_own_is(const struct nlmsghdr *msg);
/* Is a message of 'len' bytes one of these, whole, with every member in its range, and for a sysctl
 * on the list?  'get': an asking one. */
bool anod_own_sound(const void *msg, size_t len, bool get);

/*
 * Decode a kernel message of RTM_NEW... or RTM_DEL... LINK, ADDR, ROUTE, NEXTHOP, RULE, NEIGH or
 * QDISC.
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
 * neighbour probes, leg link state), do not count for a link, a neighbour or a peer of WireGuard;
 * routes, rules, next hops and qdiscs are compared whole but for leg link state.  A NULL 'now' or 'want' means "not there";
 * a neighbour without a usable address counts as not there.
 */
bool anod_object_matches(const struct anod_object *now, const struct anod_object *want,
			 const struct anod_object *pre);

/* Take out or order what anod_object_matches() does not compare (counters, carrier, link state of
 * legs, a neighbour's walk between states), so that equal bytes mean the same set-up. */
void anod_object_canon(struct anod_object *o);

/* Can a qdisc of this kind be read, made and restored with all that its object holds? */
bool anod_qdisc_known(const char *kind);
/* A qdisc below the root was seen ('below' is ANOD_OBJ_BELOW) of the link whose root is 'root'. */
void anod_object_merge_below(struct anod_object *root, const struct anod_object *below);

/* ---- numbers of /proc/sys/net that may be written ----------------------------------------- */

enum anod_sysctl_scope {
	ANOD_SYSCTL_NETNS = 1, /* each network namespace has its own */
	ANOD_SYSCTL_MACHINE,   /* one for the machine; only its first namespace can write it */
};
struct anod_sysctl_rule {
	const char *name; /* '*' stands for the name of an interface */
	int64_t min, max;
	enum anod_sysctl_scope scope;
	const char *help;
};
/* The rule that a name falls under; NULL: it may not be written.  "all" and "default" are no
 * interfaces: they would change others on the side. */
const struct anod_sysctl_rule *anod_sysctl_find(const char *name);
/* The n-th rule, or NULL behind the last. */
const struct anod_sysctl_rule *anod_sysctl_nth(unsigned n);
/* May it be written?  0; -EPERM: not on the list, -ERANGE; with one sentence in 'why'. */
int anod_sysctl_check(const struct anod_sysctl *s, char *why, size_t why_size);
/* "ipv4/conf/eth0/rp_filter", below /proc/sys/net.  -EPERM: not on the list. */
int anod_sysctl_path(const char *name, char *ret, size_t size);
/* The interface that the name speaks of; false: of none. */
bool anod_sysctl_link(const char *name, char ret[ANOD_IFNAME_SIZE]);

/* ---- keys of WireGuard -------------------------------------------------------------------- */

#define ANOD_WGKEY_TEXT 45 /* base64 of 32 bytes with its NUL */
const char *anod_wgkey_text(const uint8_t key[32], char ret[ANOD_WGKEY_TEXT]);
/* -EINVAL: not 44 characters of base64 that stand for 32 bytes. */
int anod_wgkey_parse(const char *text, uint8_t ret[32]);
/* The peers of one message of WG_CMD_GET_DEVICE behind its header (uapi/linux/wireguard.h): 'each'
 * gets an object for each.  A long one goes on in the next message, which does not say of which
 * device: *ifindex is set by the first (it is 0 before) and used by the others.  -EBADMSG.  Keys that
 * are secret are not looked at. */
typedef void anod_wgpeer_fn(void *data, const struct anod_object *peer);
int anod_wgpeer_decode(const void *attrs, size_t size, uint32_t *ifindex, anod_wgpeer_fn *each,
		       void *data);

/* May a unit of this name be started by anod?  "bird.service": one of its own characters only, and
 * no part of anod itself, of D-Bus or of systemd. */
bool anod_unit_valid(const char *name);

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
