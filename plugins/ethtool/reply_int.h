/*
 * reply_int - what the two halves of the reader of ethtool messages share.
 */
#ifndef ETHTOOL_REPLY_INT_H
#define ETHTOOL_REPLY_INT_H

#include "reply.h"

#include <string.h>

#include <netlink/attr.h>

#define ATTRS 32 /* no nest that is read here has a higher attribute number */

/* The attributes of 'size' bytes by number. */
static inline void split(const void *data, int size, const struct nlattr *tb[ATTRS])
{
	const struct nlattr *a = data;

	memset(tb, 0, ATTRS * sizeof(tb[0]));
	for (; size > 0 && nla_ok(a, size); a = nla_next(a, &size))
		if (nla_type(a) < ATTRS)
			tb[nla_type(a)] = a;
}

static inline void split_nest(const struct nlattr *nest, const struct nlattr *tb[ATTRS])
{
	if (nest)
		split(nla_data(nest), nla_len(nest), tb);
	else
		memset(tb, 0, ATTRS * sizeof(tb[0]));
}

/* A number of exactly this size. */
static inline bool number(const struct nlattr *a, size_t size, uint64_t *ret)
{
	*ret = 0;
	if (!a || (size_t) nla_len(a) != size)
		return false;
	/* The kernel's byte order is ours; only the size differs. */
	if (size == 1)
		*ret = *(const uint8_t *) nla_data(a);
	else if (size == 4)
		*ret = nla_get_u32(a);
	else
		memcpy(ret, nla_data(a), sizeof(*ret));
	return true;
}

static inline void set(struct reply *r, enum number n, uint64_t value)
{
	/* More than half of 64 bits is no count: some drivers hand on an error as a number. */
	if (value >> 63)
		return;
	r->number[n] = (int64_t) value;
	r->known |= UINT64_C(1) << n;
}

/* The counters of an answer to STATS_GET: 'size' bytes of attributes. */
void take_stats(struct reply *r, const void *data, int size);

#endif
