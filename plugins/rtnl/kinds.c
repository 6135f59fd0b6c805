/*
 * kinds - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  Everything here is event-driven, so nothing has a maximum age: a value is true until
 * the kernel says otherwise or until events were lost.
 */
#include "rtnl.h"

#define FACT(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .help = text                                      \
	}
#define COUNT(n, text)	FACT(n, ANOD_INT, ANOD_UNIT_NONE, text)
#define WORD(n, text)	FACT(n, ANOD_TEXT, ANOD_UNIT_NONE, text)
#define PREFIX(n, text) FACT(n, ANOD_PREFIX, ANOD_UNIT_NONE, text)

static const struct anod_attr link_attrs[] = {
	COUNT("ifindex", "number of the interface"),
	FACT("admin_up", ANOD_BOOL, ANOD_UNIT_NONE, "set up by the operator (IFF_UP)"),
	FACT("carrier", ANOD_BOOL, ANOD_UNIT_NONE,
	     "the physical layer has a signal (IFLA_CARRIER)"),
	WORD("operstate", "RFC 2863: up, down, dormant, testing, unknown, lowerlayerdown or "
			  "notpresent"),
	FACT("mtu", ANOD_INT, ANOD_UNIT_BYTES, "largest packet"),
	WORD("kind", "veth, bridge, vlan ...; empty for hardware"),
	WORD("master", "bridge, bond or vrf that it belongs to; empty: none"),
	COUNT("carrier_up", "times that the carrier came (IFLA_CARRIER_UP_COUNT)"),
	COUNT("carrier_down", "times that the carrier went (IFLA_CARRIER_DOWN_COUNT)"),
	COUNT("carrier_changes_missed", "changes of the carrier that the kernel counted and no "
					"event told of: too short, or lost"),
	{ .name = "alias",
	  .type = ANOD_TEXT,
	  .flags = ANOD_VALUE_OUTSIDE,
	  .help = "free text that somebody gave the interface (IFLA_IFALIAS)" },
	{ 0 },
};

static const struct anod_attr addr_attrs[] = {
	WORD("dev", "its link"),
	PREFIX("address", "the address with its prefix length"),
	{ 0 },
};

static const struct anod_attr route_attrs[] = {
	COUNT("table", "number of the routing table; 254 is main"),
	PREFIX("dst", "destination"),
	COUNT("metric", "the lower one wins"),
	PREFIX("gateway", "of the first leg; unknown: on link"),
	WORD("dev", "link of the first leg; empty: the route drops"),
	COUNT("legs", "ways that it goes"),
	COUNT("protocol", "who made it (RTPROT_*); 173 is anod"),
	WORD("type", "unicast, blackhole, unreachable, prohibit ..."),
	{ 0 },
};

static const struct anod_attr rule_attrs[] = {
	COUNT("priority", "the lower one is asked first"),
	COUNT("table", "table that it looks up in"),
	{ 0 },
};

static const struct anod_attr nexthop_attrs[] = {
	COUNT("id", "number of the next-hop object"),
	WORD("dev", "its link; empty for a group or a blackhole"),
	PREFIX("gateway", "unknown: on link, or a group"),
	COUNT("members", "of a group; 0: not a group"),
	COUNT("protocol", "who made it (RTPROT_*)"),
	WORD("weights", "of a group: ID=WEIGHT of each member; unknown: too many for a text"),
	{ 0 },
};

static const struct anod_attr neigh_attrs[] = {
	WORD("dev", "its link"),
	PREFIX("dst", "its address"),
	WORD("state", "incomplete, reachable, stale, delay, probe, failed, noarp or permanent"),
	COUNT("probes", "questions that were asked without an answer"),
	{ 0 },
};

const struct anod_kind rtnl_kinds[] = {
	{ "link", "a network interface", link_attrs },
	{ "addr", "an address of an interface: DEV/ADDRESS/LEN", addr_attrs },
	{ "route", "a default route or one of anod's: TABLE/PREFIX/METRIC", route_attrs },
	{ "rule", "a policy routing rule: PRIORITY/FAMILY/N", rule_attrs },
	{ "nexthop", "a next-hop object", nexthop_attrs },
	{ "neigh", "an entry of the ARP or neighbour table: DEV/ADDRESS", neigh_attrs },
	{ 0 },
};

const char *const fact_names[FACTS] = {
	[FACT_LINK_IFINDEX] = "link.ifindex",
	[FACT_LINK_ADMIN_UP] = "link.admin_up",
	[FACT_LINK_CARRIER] = "link.carrier",
	[FACT_LINK_OPERSTATE] = "link.operstate",
	[FACT_LINK_MTU] = "link.mtu",
	[FACT_LINK_KIND] = "link.kind",
	[FACT_LINK_MASTER] = "link.master",
	[FACT_LINK_CARRIER_UP] = "link.carrier_up",
	[FACT_LINK_CARRIER_DOWN] = "link.carrier_down",
	[FACT_LINK_CARRIER_MISSED] = "link.carrier_changes_missed",
	[FACT_LINK_ALIAS] = "link.alias",
	[FACT_ADDR_DEV] = "addr.dev",
	[FACT_ADDR_ADDRESS] = "addr.address",
	[FACT_ROUTE_TABLE] = "route.table",
	[FACT_ROUTE_DST] = "route.dst",
	[FACT_ROUTE_METRIC] = "route.metric",
	[FACT_ROUTE_GATEWAY] = "route.gateway",
	[FACT_ROUTE_DEV] = "route.dev",
	[FACT_ROUTE_LEGS] = "route.legs",
	[FACT_ROUTE_PROTOCOL] = "route.protocol",
	[FACT_ROUTE_TYPE] = "route.type",
	[FACT_NEXTHOP_ID] = "nexthop.id",
	[FACT_NEXTHOP_DEV] = "nexthop.dev",
	[FACT_NEXTHOP_GATEWAY] = "nexthop.gateway",
	[FACT_NEXTHOP_MEMBERS] = "nexthop.members",
	[FACT_NEXTHOP_PROTOCOL] = "nexthop.protocol",
	[FACT_NEXTHOP_WEIGHTS] = "nexthop.weights",
	[FACT_RULE_PRIORITY] = "rule.priority",
	[FACT_RULE_TABLE] = "rule.table",
	[FACT_NEIGH_DEV] = "neigh.dev",
	[FACT_NEIGH_DST] = "neigh.dst",
	[FACT_NEIGH_STATE] = "neigh.state",
	[FACT_NEIGH_PROBES] = "neigh.probes",
};
