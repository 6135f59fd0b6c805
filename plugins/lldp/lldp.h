/*
 * lldp - the state of the sensor of neighbours.
 */
#ifndef LLDP_H
#define LLDP_H

#include <stdbool.h>

#include <anod/object.h>
#include <anod/plugin.h>
#include <anod/list.h>

#include "tlv.h"

#define NEIGHBORS_PER_LINK 4
#define NEIGHBORS_MAX	   512
#define LLDP_PORTS_MAX	   1024

enum { /* kind lldp_neighbor */
       LLDP_CHASSIS,
       LLDP_PORT,
       LLDP_PORT_DESCRIPTION,
       LLDP_SYSTEM,
       LLDP_DESCRIPTION,
       LLDP_CAPABILITIES,
       LLDP_ADDRESS,
       LLDP_VLAN,
       LLDP_AGGREGATED,
       LLDP_MTU,
       LLDP_TTL,
       LLDP_CHANGES,
       LLDP_ATTRS
};

struct neighbor {
	unsigned ifindex, slot;
	char dev[ANOD_IFNAME_SIZE];
	struct tlv_id chassis, port;
	uint64_t until_us;
};

struct port { /* a link of ours */
	unsigned ifindex;
	char dev[ANOD_IFNAME_SIZE];
	unsigned changes;
	bool seen, down;
};

struct lldp {
	struct anod_ctx *ctx;
	int fd;
	uint64_t io, timer;
	struct anod_list rows;
	struct port port[LLDP_PORTS_MAX];
	unsigned n_ports;
	struct neighbor neighbor[NEIGHBORS_MAX];
	unsigned n_neighbors;
	bool said_full;
};

#endif
