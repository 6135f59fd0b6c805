/*
 * decode - what the kernel says of bridges, ports, VLANs and learned addresses, taken apart.
 *
 * Pure.  Threads: any.  Memory: the caller's; nothing outside of the message is read.  Source:
 * uapi/linux/if_link.h (IFLA_BR_*, IFLA_BRPORT_*), if_bridge.h, neighbour.h; IEEE 802.1D for STP.
 */
#ifndef BRIDGE_DECODE_H
#define BRIDGE_DECODE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <anod/object.h>

#define BRIDGE_ID_SIZE 8 /* priority and address, 802.1D 9.2.5 */

struct bridge {
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	uint8_t stp, vlan_filtering, topology_change, topology_detected, snooping, querier;
	uint16_t root_port; /* number of the port; 0: it is the root itself */
	uint32_t root_cost;
	uint8_t root[BRIDGE_ID_SIZE], id[BRIDGE_ID_SIZE];
};

struct bridge_port {
	uint32_t ifindex, master;
	char name[ANOD_IFNAME_SIZE];
	uint8_t state; /* BR_STATE_* */
	uint8_t guard, root_block, learning, flood, isolated, locked;
	uint16_t priority, number;
	uint32_t cost;
};

#define VLAN_TEXT_SIZE 56

struct port_vlans { /* of one port; added to by each message about it */
	unsigned n;
	uint16_t pvid; /* 0: none */
	bool cut;      /* the list did not fit */
	char list[VLAN_TEXT_SIZE];
};

struct fdb_entry {
	uint32_t port, master;
	uint16_t vlan;
	uint8_t mac[6];
	bool fixed; /* not learned: local, static */
};

/* 'm' lies whole in the buffer.  1: *ret is whole, 0: of no interest, -EBADMSG. */
int decode_bridge(const struct nlmsghdr *m, struct bridge *ret);
int decode_port(const struct nlmsghdr *m, struct bridge_port *ret);
int decode_fdb(const struct nlmsghdr *m, struct fdb_entry *ret);
/* RTM_NEWVLAN: the port it is about; its VLANs are added to *add when that is not NULL. */
int decode_vlans(const struct nlmsghdr *m, uint32_t *ret_ifindex, struct port_vlans *add);

const char *port_state_word(uint8_t state);

#endif
