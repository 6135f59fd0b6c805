/*
 * parse - /proc/net/netlink as numbers.
 *
 * Pure.  Columns are found by their heading, so new ones do no harm (net/netlink/af_netlink.c,
 * netlink_native_seq_show()).
 */
#ifndef PLUGIN_SOCKETS_PARSE_H
#define PLUGIN_SOCKETS_PARSE_H

#include <anod/reading.h>

enum column { COL_PROTOCOL, COL_PORT, COL_GROUPS, COL_RMEM, COL_DROPS, COL_INODE, COLUMNS };
#define COLUMNS_SEEN 32

struct nl_heading {
	uint8_t at[COLUMNS]; /* which word of a line */
};
/* The heading, which '*at' moves behind; false: it lacks a column. */
bool nl_heading(const char **at, struct nl_heading *ret);

struct nl_line {
	unsigned protocol; /* NETLINK_* */
	uint32_t port;	   /* the address: often the pid, see owner.c */
	uint32_t groups;   /* the first 32 */
	uint64_t rmem, drops, inode;
};
/* The next line that has all of it. */
bool nl_next(const char **at, const struct nl_heading *h, struct nl_line *ret);

/* "ROUTE", "NETFILTER", or "17" of one without a name, to buf. */
const char *nl_protocol(unsigned protocol, char *buf, size_t size);

#endif
