/*
 * top - whose connections fill the table, and how many were never answered.
 *
 * Counts entries of a dump (IPCTNL_MSG_CT_GET) by source; an IPv6 source is its /64.  A source that
 * has more than a 256th of the entries is certainly among the counted ones; its count is at
 * most that much too low (Metwally, Agrawal, El Abbadi, Efficient computation of frequent and top-k
 * elements in data streams, 2005, "Space-Saving"; the lower bound is what is told).  Pure.
 */
#ifndef CONNTRACK_TOP_H
#define CONNTRACK_TOP_H

#include <anod/value.h>

#include <stdbool.h>
#include <stdint.h>

#define TOP_COUNTED 256
#define TOP_BITS    16384 /* of the estimate of how many sources there are: 1 % up to 20,000 */

struct nlmsghdr;

struct top_source {
	struct anod_prefix source;
	uint32_t n, over; /* counted, and of these at most so many of others */
};

struct top {
	uint32_t n, n_unreplied, n_counted;
	struct top_source counted[TOP_COUNTED];
	uint32_t bit[TOP_BITS / 32];
};

/* One entry of the table; false: another message, or cut. */
bool entry_parse(const struct nlmsghdr *msg, struct anod_prefix *ret_source, bool *ret_replied);

void top_begin(struct top *t);
void top_add(struct top *t, const struct anod_prefix *source, bool replied);
/* The source with the most entries; NULL: there was none. */
const struct top_source *top_first(const struct top *t);
uint32_t top_sources(const struct top *t); /* how many there are, about */

#endif
