/*
 * kinds - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  Numbers only, so that each entity is one put().
 */
#include "kinds.h"

#define MAX_AGE_MS 100000 /* three readings of the longest period */

#define FACT(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}
#define COUNT(n, text) FACT(n, ANOD_INT, ANOD_UNIT_NONE, text)

static const struct anod_attr neigh_attrs[NEIGH_FACTS + 1] = {
	[NEIGH_ENTRIES] = COUNT("entries", "in the table, of all network namespaces together"),
	[NEIGH_THRESH1] = COUNT("gc_thresh1", "below it nothing is collected"),
	[NEIGH_THRESH2] = COUNT("gc_thresh2", "above it what is older than 5 s is collected"),
	[NEIGH_THRESH3] = COUNT("gc_thresh3", "the most; then new ones are refused"),
	[NEIGH_USED] = FACT("used", ANOD_REAL, ANOD_UNIT_RATIO, "entries of gc_thresh3"),
	[NEIGH_LOOKUPS] = COUNT("lookups", "since boot (struct ndt_stats)"),
	[NEIGH_HITS] = COUNT("hits", "of them, that found an entry"),
	[NEIGH_FAILED] = COUNT("res_failed", "addresses that did not answer"),
	[NEIGH_FORCED] = COUNT("forced_gc", "collections because the table was too full"),
	[NEIGH_FULLS] = COUNT("table_fulls", "entries refused because the table was full"),
};

static const struct anod_attr fib_attrs[FIB_FACTS + 1] = {
	[FIB_ROUTES] = COUNT("routes", "prefixes; of inet6 routes"),
	[FIB_NODES] = COUNT("nodes", "of the tree"),
	[FIB_BYTES] = FACT("size", ANOD_INT, ANOD_UNIT_BYTES, "memory of the tree; inet only"),
	[FIB_CACHE] = COUNT("cache", "exceptions, as path MTUs and redirects; inet6 only"),
};

static const struct anod_attr group_attrs[GROUP_FACTS + 1] = {
	[GROUP_MEMBERS] = COUNT("members", "next hops of the group"),
	[GROUP_MEMBERS_UP] = COUNT("members_up", "of them without RTNH_F_DEAD and "
						 "RTNH_F_LINKDOWN"),
	[GROUP_BUCKETS] = COUNT("buckets", "of a resilient group; 0: an ordinary one"),
	[GROUP_UNBALANCED] = FACT("unbalanced", ANOD_INT, ANOD_UNIT_TIME,
				  "how long a resilient group has not been as its weights say"),
};

const struct anod_kind tables_kinds[] = {
	[KIND_NEIGH] = { "neigh_table", "a table of neighbours: arp_cache, ndisc_cache",
			 neigh_attrs },
	[KIND_FIB] = { "fib", "a forwarding table: inet/main, inet/TABLE, inet6 for all of IPv6",
		       fib_attrs },
	[KIND_GROUP] = { "nexthop_group", "a group of next-hop objects: ID", group_attrs },
	{ 0 },
};
