/*
 * wire - attributes in and out of a caller's buffer.
 *
 * Design.  Reading is libnl's nla_parse() with a policy, which checks every length; what it
 * leaves out, attributes above 'max', is found by a second walk, because an attribute that we do
 * not know may be the one that a before-image would lose.  Writing does without libnl, whose
 * messages are on the heap: requests are made on the reflex path.
 */
#include "rtnl/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

uint8_t family_bits(uint8_t family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

int wire_parse_run(const void *data, size_t size, struct nlattr **tb, int max,
		   const struct nla_policy *policy, uint64_t held, bool *ret_more)
{
	/* libnl takes what it only reads as not const. */
	struct nlattr *head = (struct nlattr *) (uintptr_t) data, *a;
	int rest;

	if (nla_parse(tb, max, head, (int) size, policy) < 0)
		return -EBADMSG;

	nla_for_each_attr(a, head, (int) size, rest)
	{
		unsigned type = (unsigned) nla_type(a);

		if (type > 63 || !(held & HELD(type)))
			*ret_more = true;
	}
	return 0;
}

int wire_parse(const struct nlmsghdr *m, size_t head, struct nlattr **tb, int max,
	       const struct nla_policy *policy, uint64_t held, bool *ret_more)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(head);

	if (m->nlmsg_len < NLMSG_HDRLEN + head)
		return -EBADMSG;
	if (m->nlmsg_len < skip)
		skip = m->nlmsg_len;

	return wire_parse_run((const uint8_t *) m + skip, m->nlmsg_len - skip, tb, max, policy,
			      held, ret_more);
}

int wire_get_address(const struct nlattr *a, uint8_t family, struct anod_prefix *ret)
{
	uint8_t bits = family_bits(family);

	if (!bits || (a && nla_len(a) < bits / 8))
		return -EBADMSG;

	*ret = (struct anod_prefix){ .family = family, .len = bits };
	if (a)
		memcpy(ret->addr, nla_data(a), bits / 8);
	return 0;
}

int wire_get_prefix(const struct nlattr *a, uint8_t family, uint8_t bits, struct anod_prefix *ret)
{
	struct anod_prefix p;
	int r;

	r = wire_get_address(a, family, &p);
	if (r < 0)
		return r;
	if (bits > p.len)
		return -EBADMSG;

	p.len = bits;
	for (unsigned i = 0; i < sizeof(p.addr); i++) {
		unsigned kept = bits > 8 * i ? MIN_OF(bits - 8 * i, 8u) : 0;

		p.addr[i] &= (uint8_t) (0xff00u >> kept);
	}
	*ret = p;
	return 0;
}

uint32_t wire_get_u32(const struct nlattr *a, uint32_t absent)
{
	return a ? nla_get_u32(a) : absent;
}

size_t wire_get_bytes(const struct nlattr *a, void *ret, size_t size)
{
	size_t n = a ? (size_t) nla_len(a) : 0;

	memset(ret, 0, size);
	if (n)
		memcpy(ret, nla_data(a), MIN_OF(n, size));
	return n;
}

void wire_get_name(const struct nlattr *a, char ret[ANOD_IFNAME_SIZE])
{
	memset(ret, 0, ANOD_IFNAME_SIZE);
	if (a)
		memcpy(ret, nla_data(a),
		       strnlen(nla_data(a), MIN_OF((size_t) nla_len(a), ANOD_IFNAME_SIZE - 1u)));
}

/* ---- writing ---------------------------------------------------------------------------- */

void *put_room(struct put *p, size_t size)
{
	size_t whole = NLMSG_ALIGN(size);
	void *at = p->buf + p->len;

	if (p->full || whole > ANOD_NLMSG_MAX - p->len) {
		p->full = true;
		return NULL;
	}
	memset(at, 0, whole);
	p->len += whole;
	return at;
}

void *put_begin(struct put *p, void *buf, uint16_t type, uint16_t flags, size_t size)
{
	struct nlmsghdr *m;

	*p = (struct put){ .buf = buf };
	m = put_room(p, NLMSG_HDRLEN);
	m->nlmsg_type = type;
	m->nlmsg_flags = flags | NLM_F_REQUEST;
	return put_room(p, size);
}

void put_attr(struct put *p, uint16_t type, const void *data, size_t size)
{
	struct nlattr *a = put_room(p, NLA_HDRLEN + size);

	if (!a)
		return;

	a->nla_type = type;
	a->nla_len = (uint16_t) (NLA_HDRLEN + size);
	if (size)
		memcpy((uint8_t *) a + NLA_HDRLEN, data, size);
}

void put_u8(struct put *p, uint16_t type, uint8_t v)
{
	put_attr(p, type, &v, sizeof(v));
}

void put_u16(struct put *p, uint16_t type, uint16_t v)
{
	put_attr(p, type, &v, sizeof(v));
}

void put_u32(struct put *p, uint16_t type, uint32_t v)
{
	put_attr(p, type, &v, sizeof(v));
}

void put_name(struct put *p, uint16_t type, const char *name)
{
	char copy[ANOD_IFNAME_SIZE] = "";

	memcpy(copy, name, strnlen(name, sizeof(copy) - 1));
	put_attr(p, type, copy, strlen(copy) + 1);
}

void put_address(struct put *p, uint16_t type, const struct anod_prefix *a)
{
	if (family_bits(a->family))
		put_attr(p, type, a->addr, family_bits(a->family) / 8);
}

size_t put_nest(struct put *p, uint16_t type)
{
	size_t at = p->len;

	put_attr(p, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void put_nest_end(struct put *p, size_t nest)
{
	if (!p->full)
		((struct nlattr *) (p->buf + nest))->nla_len = (uint16_t) (p->len - nest);
}

int put_end(struct put *p)
{
	if (p->full)
		return -E2BIG;

	((struct nlmsghdr *) p->buf)->nlmsg_len = (uint32_t) p->len;
	return (int) p->len;
}
