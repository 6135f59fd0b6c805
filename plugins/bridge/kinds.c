/*
 * kinds - the facts that this sensor publishes, and how they are made; docs/facts.md in C.
 *
 * Design.  The kernel has no counters of what a rule asks for (how often the topology, the root or
 * the state of a port changed, how often addresses move), so they are counted here, from readings
 * and events, since the sensor has started.
 */
#include "kinds.h"

#include <linux/if_bridge.h>
#include <stdio.h>
#include <string.h>

#define MAX_AGE_MS 100000 /* three readings of the longest period */

#define FACT(n, t, text)                                                                           \
	{                                                                                          \
		.name = n, .type = t, .max_age_ms = MAX_AGE_MS, .help = text                       \
	}
#define COUNT(n, text) FACT(n, ANOD_INT, text)
#define TRUTH(n, text) FACT(n, ANOD_BOOL, text)
#define WORD(n, text)  FACT(n, ANOD_TEXT, text)

static const struct anod_attr bridge_attrs[BR_FACTS + 1] = {
	[BR_PORTS] = COUNT("ports", "links that belong to it"),
	[BR_FORWARDING] = COUNT("forwarding", "of them in the state forwarding"),
	[BR_STP] = TRUTH("stp", "it speaks the spanning tree protocol"),
	[BR_IS_ROOT] = TRUTH("is_root", "it is the root of the spanning tree"),
	[BR_ROOT_COST] = COUNT("root_cost", "of the path to the root"),
	[BR_ROOT_CHANGES] = COUNT("root_changes", "times that the root was another, as seen at "
						  "readings"),
	[BR_TOPOLOGY_CHANGE] = TRUTH("topology_change", "the root says that the topology changes, "
							"so addresses age fast (802.1D 8.3.5)"),
	[BR_TOPOLOGY_DETECTED] = TRUTH("topology_detected", "this bridge has detected a change"),
	[BR_TOPOLOGY_CHANGES] =
		COUNT("topology_changes", "beginnings of a change seen at readings"),
	[BR_VLAN_FILTERING] = TRUTH("vlan_filtering", "it tells VLANs apart"),
	[BR_SNOOPING] = TRUTH("mcast_snooping", "multicast goes where it was asked for"),
	[BR_QUERIER] = TRUTH("mcast_querier", "it asks for that itself"),
	[BR_FDB_MOVES] = COUNT("fdb_moves", "times that a learned address appeared behind another "
					    "port; at least, in a storm"),
	[BR_ROOT] = { .name = "root",
		      .type = ANOD_TEXT,
		      .flags = ANOD_VALUE_OUTSIDE,
		      .max_age_ms = MAX_AGE_MS,
		      .help = "priority and address of the root bridge" },
	[BR_ROOT_PORT] = WORD("root_port", "port towards the root; empty: it is the root"),
};

static const struct anod_attr port_attrs[PORT_FACTS + 1] = {
	[PORT_FORWARDING] = TRUTH("forwarding", "its state is forwarding"),
	[PORT_CHANGES] = COUNT("changes", "of its state, as seen at readings"),
	[PORT_COST] = COUNT("cost", "of the path (IFLA_BRPORT_COST)"),
	[PORT_PRIORITY] = COUNT("priority", "of the port, the lower one wins"),
	[PORT_GUARD] = TRUTH("guard", "a BPDU disables it (IFLA_BRPORT_GUARD)"),
	[PORT_ROOT_BLOCK] =
		TRUTH("root_block", "the root is never behind it (IFLA_BRPORT_PROTECT)"),
	[PORT_LEARNING] = TRUTH("learning", "addresses are learned from it"),
	[PORT_FLOOD] = TRUTH("flood", "it gets what nobody knows the way for"),
	[PORT_ISOLATED] = TRUTH("isolated", "it does not reach other isolated ports"),
	[PORT_LOCKED] = TRUTH("locked", "only known addresses may send (802.1X)"),
	[PORT_VLANS] = COUNT("vlans", "that it is in; unknown where VLANs are not filtered"),
	[PORT_PVID] = COUNT("pvid", "VLAN of untagged packets; 0: dropped"),
	[PORT_FDB_MOVES] = COUNT("fdb_moves", "times that an address came here from another port, "
					      "or went"),
	[PORT_STATE] = WORD("state", "disabled listening learning forwarding blocking (802.1D)"),
	[PORT_BRIDGE] = WORD("bridge", "that it belongs to"),
	[PORT_VLAN_LIST] = WORD("vlan_list", "as 1,5,10-20; ends with ... when there are more"),
};

const struct anod_kind bridge_kinds[] = {
	{ "bridge", "a bridge", bridge_attrs },
	{ "bridge_port", "a link that belongs to a bridge, by the link's name", port_attrs },
	{ 0 },
};

uint64_t bridge_fill(const struct bridge *b, struct bridge_seen *seen, bool first, int64_t *raw)
{
	if (!first && memcmp(seen->root, b->root, sizeof(seen->root)) != 0)
		seen->root_changes++;
	if (!first && b->topology_change && !seen->topology_change)
		seen->topology_changes++;
	memcpy(seen->root, b->root, sizeof(seen->root));
	seen->topology_change = b->topology_change;

	raw[BR_PORTS] = seen->ports;
	raw[BR_FORWARDING] = seen->forwarding;
	raw[BR_STP] = b->stp;
	raw[BR_IS_ROOT] = memcmp(b->root, b->id, sizeof(b->root)) == 0;
	raw[BR_ROOT_COST] = b->root_cost;
	raw[BR_ROOT_CHANGES] = seen->root_changes;
	raw[BR_TOPOLOGY_CHANGE] = b->topology_change;
	raw[BR_TOPOLOGY_DETECTED] = b->topology_detected;
	raw[BR_TOPOLOGY_CHANGES] = seen->topology_changes;
	raw[BR_VLAN_FILTERING] = b->vlan_filtering;
	raw[BR_SNOOPING] = b->snooping;
	raw[BR_QUERIER] = b->querier;
	raw[BR_FDB_MOVES] = seen->moves;
	return (UINT64_C(1) << BR_NUMBERS) - 1;
}

uint64_t port_fill(const struct bridge_port *p, const struct port_vlans *vlans,
		   struct port_seen *seen, bool first, int64_t *raw)
{
	uint64_t all = (UINT64_C(1) << PORT_NUMBERS) - 1;

	if (!first && seen->state != p->state)
		seen->changes++;
	seen->state = p->state;

	raw[PORT_FORWARDING] = p->state == BR_STATE_FORWARDING;
	raw[PORT_CHANGES] = seen->changes;
	raw[PORT_COST] = p->cost;
	raw[PORT_PRIORITY] = p->priority;
	raw[PORT_GUARD] = p->guard;
	raw[PORT_ROOT_BLOCK] = p->root_block;
	raw[PORT_LEARNING] = p->learning;
	raw[PORT_FLOOD] = p->flood;
	raw[PORT_ISOLATED] = p->isolated;
	raw[PORT_LOCKED] = p->locked;
	raw[PORT_VLANS] = vlans ? vlans->n : 0;
	raw[PORT_PVID] = vlans ? vlans->pvid : 0;
	raw[PORT_FDB_MOVES] = seen->moves;
	return vlans ? all : all & ~(UINT64_C(1) << PORT_VLANS | UINT64_C(1) << PORT_PVID);
}

void bridge_id_text(const uint8_t *id, char *text)
{
	(void) snprintf(text, 24, "%02x%02x.%02x:%02x:%02x:%02x:%02x:%02x", id[0], id[1], id[2],
			id[3], id[4], id[5], id[6], id[7]);
}
