/*
 * stats - the kernel's message of link counters, taken apart.
 *
 * Pure.  Threads: any.  Memory: the result points into the message.  Nothing outside of the
 * message is read, whatever its lengths say.
 */
#ifndef COUNTERS_STATS_H
#define COUNTERS_STATS_H

#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>

struct stats {
	uint32_t ifindex;
	uint32_t n;	     /* counters that this kernel has, 64 bits each */
	const uint8_t *data; /* struct rtnl_link_stats64, or the beginning of it; unaligned */
};

/* 'm' lies whole in the buffer, header and all (nlmsg_ok()).  1, or 0: not a message of type
 * RTM_NEWSTATS with 64-bit link counters in it. */
int stats_parse(const struct nlmsghdr *m, struct stats *ret);

/* The k-th counter, in the order of struct rtnl_link_stats64; k < n. */
static inline uint64_t stats_at(const struct stats *s, unsigned k)
{
	uint64_t v;

	memcpy(&v, s->data + k * sizeof(v), sizeof(v));
	return v;
}

#endif
