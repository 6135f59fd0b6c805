/*
 * decode - what the kernel says of the sizes of its tables, taken apart.
 *
 * Pure.  Threads: any.  Memory: the caller's; nothing outside of the message or behind the final
 * NUL of the text is read.  Source: uapi/linux/neighbour.h, nexthop.h; net/ipv4/fib_trie.c,
 * net/ipv6/route.c for the texts.
 */
#ifndef TABLES_DECODE_H
#define TABLES_DECODE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#define TABLE_NAME_SIZE 24

struct neigh_table {
	uint8_t family;
	char name[TABLE_NAME_SIZE]; /* "arp_cache" */
	uint32_t entries, thresh[3];
	bool has_stats;
	uint64_t lookups, hits, res_failed, forced_gc, table_fulls;
};

/* RTM_NEWNEIGHTBL.  1: a table, 0: the parameters of one interface, or another message; -EBADMSG. */
int decode_neigh_table(const struct nlmsghdr *m, struct neigh_table *ret);

#define GROUP_MEMBERS_MAX 64 /* more are counted, and not looked at */

struct nexthop {
	uint32_t id;
	uint32_t flags;	    /* RTNH_F_* */
	uint32_t n_members; /* 0: no group */
	uint32_t member[GROUP_MEMBERS_MAX];
	uint32_t buckets; /* of a resilient group; 0: not one */
	uint64_t unbalanced_us;
};

/* RTM_NEWNEXTHOP.  1, 0, -EBADMSG. */
int decode_nexthop(const struct nlmsghdr *m, struct nexthop *ret);

struct fib_table {
	uint32_t id;		    /* RT_TABLE_* */
	char name[TABLE_NAME_SIZE]; /* "main", "local", "100" */
	uint64_t routes, nodes, bytes;
};

/* The next table of the text of /proc/net/fib_triestat; *at moves on.  False: no more. */
bool decode_trie(const char **at, struct fib_table *ret);

struct fib6 {
	uint64_t routes, nodes, cache;
};

/* The text of /proc/net/rt6_stats. */
bool decode_fib6(const char *text, struct fib6 *ret);

#endif
