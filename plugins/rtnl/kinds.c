/*
 * kinds - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  Everything here is event-driven, so nothing but lifetimes has a maximum age: a value is true until
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
/* What runs down by itself is told again every 20 s (life.c). */
#define LIFE(n, text)                                                                              \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .max_age_ms = 60000,          \
		.help = text                                                                       \
	}

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
	FACT("forwarding4", ANOD_BOOL, ANOD_UNIT_NONE,
	     "IPv4 packets that come in here are routed on "
	     "(net.ipv4.conf.IF.forwarding)"),
	FACT("forwarding6", ANOD_BOOL, ANOD_UNIT_NONE, "the same of IPv6"),
	COUNT("rp_filter", "net.ipv4.conf.IF.rp_filter: 0 off, 1 strict, 2 loose (RFC 3704); the "
			   "kernel goes by the greater of this and conf.all"),
	FACT("ignore_linkdown4", ANOD_BOOL, ANOD_UNIT_NONE,
	     "IPv4 routes over it are passed over without carrier "
	     "(net.ipv4.conf.IF.ignore_routes_with_linkdown)"),
	FACT("ignore_linkdown6", ANOD_BOOL, ANOD_UNIT_NONE, "the same of IPv6"),
	{ 0 },
};

static const struct anod_attr addr_attrs[] = {
	WORD("dev", "its link"),
	PREFIX("address", "the address with its prefix length"),
	FACT("tentative", ANOD_BOOL, ANOD_UNIT_NONE,
	     "IPv6: not yet known to be nobody else's (RFC 4862 5.4), so not used"),
	FACT("dad_failed", ANOD_BOOL, ANOD_UNIT_NONE,
	     "IPv6: somebody else on the link has it (IFA_F_DADFAILED)"),
	FACT("deprecated", ANOD_BOOL, ANOD_UNIT_NONE,
	     "its preferred lifetime is over: no source of new connections"),
	FACT("permanent", ANOD_BOOL, ANOD_UNIT_NONE, "it has no end of life"),
	LIFE("valid", "until it is taken away (IFA_CACHEINFO); unknown: permanent"),
	LIFE("preferred", "until it is deprecated; unknown: it is permanent"),
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
	[FACT_LINK_FORWARDING4] = "link.forwarding4",
	[FACT_LINK_FORWARDING6] = "link.forwarding6",
	[FACT_LINK_RP_FILTER] = "link.rp_filter",
	[FACT_LINK_IGNORE_LINKDOWN4] = "link.ignore_linkdown4",
	[FACT_LINK_IGNORE_LINKDOWN6] = "link.ignore_linkdown6",
	[FACT_ADDR_DEV] = "addr.dev",
	[FACT_ADDR_ADDRESS] = "addr.address",
	[FACT_ADDR_TENTATIVE] = "addr.tentative",
	[FACT_ADDR_DAD_FAILED] = "addr.dad_failed",
	[FACT_ADDR_DEPRECATED] = "addr.deprecated",
	[FACT_ADDR_PERMANENT] = "addr.permanent",
	[FACT_ADDR_VALID] = "addr.valid",
	[FACT_ADDR_PREFERRED] = "addr.preferred",
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
