/*
 * wire - attributes in and out of a caller's buffer.
 *
 * Reading checks lengths against a policy and tells of attributes that nobody expects; writing
 * never passes the end of the buffer and remembers that it wanted to.
 *
 * Threads: any.  Errors: -EBADMSG for a malformed message.  Memory: the caller's.
 */
#ifndef RTNL_WIRE_H
#define RTNL_WIRE_H

#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <anod/rtnl.h>

#include "base/util.h"

#define HELD(attr) (UINT64_C(1) << (attr))

/* The family's header of a message. */
static inline const void *wire_head(const struct nlmsghdr *m)
{
	return (const uint8_t *) m + NLMSG_HDRLEN;
}

/* Parse the attributes behind the header of 'head' bytes into tb[0..max].  *ret_more becomes
 * true when there are attributes outside 'held', the set of those whose meaning the object
 * holds or that may be dropped; it is never set to false. */
int wire_parse(const struct nlmsghdr *m, size_t head, struct nlattr **tb, int max,
	       const struct nla_policy *policy, uint64_t held, bool *ret_more);
/* The same for a nest, or for any run of attributes. */
int wire_parse_run(const void *data, size_t size, struct nlattr **tb, int max,
		   const struct nla_policy *policy, uint64_t held, bool *ret_more);

/* An address of 'family' with a prefix length; bits behind it are cleared.  No attribute: all
 * zeros.  -EBADMSG: too short, or 'bits' is too many. */
int wire_get_prefix(const struct nlattr *a, uint8_t family, uint8_t bits, struct anod_prefix *ret);
/* A whole address, host bits kept. */
int wire_get_address(const struct nlattr *a, uint8_t family, struct anod_prefix *ret);

uint32_t wire_get_u32(const struct nlattr *a, uint32_t absent);
/* Copies at most 'size' bytes and returns how many there are in the message. */
size_t wire_get_bytes(const struct nlattr *a, void *ret, size_t size);
/* NUL-ended; the rest is zero. */
void wire_get_name(const struct nlattr *a, char ret[ANOD_IFNAME_SIZE]);

uint8_t family_bits(uint8_t family); /* 32, 128, or 0: neither IPv4 nor IPv6 */

/* A request under construction. */
struct put {
	uint8_t *buf;
	size_t len;
	bool full;
};

/* Begin with header and 'size' zero bytes, which are returned to be filled in. */
void *put_begin(struct put *p, void *buf, uint16_t type, uint16_t flags, size_t size);
void put_attr(struct put *p, uint16_t type, const void *data, size_t size);
void put_u8(struct put *p, uint16_t type, uint8_t v);
void put_u16(struct put *p, uint16_t type, uint16_t v);
void put_u32(struct put *p, uint16_t type, uint32_t v);
void put_name(struct put *p, uint16_t type, const char *name);
/* The address without its length; nothing for family 0. */
void put_address(struct put *p, uint16_t type, const struct anod_prefix *a);
/* Room for 'size' bytes, zeroed; NULL when full. */
void *put_room(struct put *p, size_t size);
/* A nest is closed with the offset that opening it returned. */
size_t put_nest(struct put *p, uint16_t type);
void put_nest_end(struct put *p, size_t nest);
/* The length of the message, or -E2BIG. */
int put_end(struct put *p);

#endif
