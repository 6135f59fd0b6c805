/*
 * decode - the kernel's message of the settings of IP on links, taken apart.
 *
 * Pure.  Threads: any.  Memory: the caller's; nothing outside of the message is read.  Source:
 * uapi/linux/netconf.h.
 */
#ifndef NETCONF_DECODE_H
#define NETCONF_DECODE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order of the manifest. */
enum {
	CONF_FORWARDING,
	CONF_MC_FORWARDING,
	CONF_PROXY_NEIGH,
	CONF_IGNORE_LINKDOWN,
	CONF_RP_FILTER,
	CONFS
};

struct netconf {
	uint8_t family;	 /* AF_INET, AF_INET6 */
	int32_t ifindex; /* NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT, or a link's */
	uint32_t known;	 /* bit n: value[n] was in the message */
	int32_t value[CONFS];
};

/* RTM_NEWNETCONF.  1, 0: of no interest (MPLS), -EBADMSG: malformed or without an index. */
int decode_netconf(const struct nlmsghdr *m, struct netconf *ret);

#endif
