/* kinds - the facts that this sensor publishes, in the order of the manifest. */
#ifndef BRIDGE_KINDS_H
#define BRIDGE_KINDS_H

#include <anod/plugin.h>

#include "decode.h"

enum {
	BR_PORTS,
	BR_FORWARDING,
	BR_STP,
	BR_IS_ROOT,
	BR_ROOT_COST,
	BR_ROOT_CHANGES,
	BR_TOPOLOGY_CHANGE,
	BR_TOPOLOGY_DETECTED,
	BR_TOPOLOGY_CHANGES,
	BR_VLAN_FILTERING,
	BR_SNOOPING,
	BR_QUERIER,
	BR_FDB_MOVES,
	BR_NUMBERS,
	BR_ROOT = BR_NUMBERS,
	BR_ROOT_PORT,
	BR_FACTS
};

enum {
	PORT_FORWARDING,
	PORT_CHANGES,
	PORT_COST,
	PORT_PRIORITY,
	PORT_GUARD,
	PORT_ROOT_BLOCK,
	PORT_LEARNING,
	PORT_FLOOD,
	PORT_ISOLATED,
	PORT_LOCKED,
	PORT_VLANS,
	PORT_PVID,
	PORT_FDB_MOVES,
	PORT_NUMBERS,
	PORT_STATE = PORT_NUMBERS,
	PORT_BRIDGE,
	PORT_VLAN_LIST,
	PORT_FACTS
};

extern const struct anod_kind bridge_kinds[]; /* bridge, bridge_port */

struct bridge_seen { /* of a bridge, counted since the sensor sees it */
	uint8_t root[BRIDGE_ID_SIZE];
	uint8_t topology_change;
	uint32_t root_changes, topology_changes, moves;
	unsigned ports, forwarding;
	char root_port[ANOD_IFNAME_SIZE];
};

struct port_seen {
	uint8_t state;
	uint32_t changes, moves;
};

/* raw as put() takes it; which of it is known.  'first': nothing was seen of it before. */
uint64_t bridge_fill(const struct bridge *b, struct bridge_seen *seen, bool first, int64_t *raw);
/* 'vlans' NULL: the bridge does not filter. */
uint64_t port_fill(const struct bridge_port *p, const struct port_vlans *vlans,
		   struct port_seen *seen, bool first, int64_t *raw);
/* "8000.02:00:00:00:00:01", as ip(8) writes it; 'text' has 24 bytes. */
void bridge_id_text(const uint8_t *id, char *text);

#endif
