/*
 * params - the parameters of each action kind; docs/actions.md in C.
 *
 * Design.  Host and executor check actions against these tables, the policy takes its types from
 * them, and the schema that a model has to follow is made from them.
 */
#include "plan.h"

#define NUMBER(n, need_it, lo, hi, text)                                                           \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .required = need_it, .min = lo, .max = hi,            \
		.help = text                                                                       \
	}
#define BYTES(n, lo, hi, text)                                                                     \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .min = lo, .max = hi,        \
		.help = text                                                                       \
	}
#define PREFIX(n, need_it, text)                                                                   \
	{                                                                                          \
		.name = n, .type = ANOD_PREFIX, .required = need_it, .help = text                  \
	}
#define LINK(n, need_it, text)                                                                     \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .required = need_it, .entity = "link", .help = text  \
	}
#define WORD(n, need_it, list, text)                                                               \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .required = need_it, .words = list, .help = text     \
	}
#define LEG(n)                                                                                     \
	PREFIX("via" n, 0, "gateway, an address"), LINK("dev" n, 0, "link of this leg"),           \
		NUMBER("weight" n, 0, 1, 256, "share of this leg among the legs")
#define MEMBER(n)                                                                                  \
	NUMBER("member" n, 0, 1, UINT32_MAX, "next hop in the group"),                             \
		NUMBER("weight" n, 0, 1, 256, "its share")
#define TABLE	    NUMBER("table", 0, 1, UINT32_MAX, "routing table; 254 is main")
#define DST	    PREFIX("dst", 1, "destination")
#define METRIC(req) NUMBER("metric", req, 0, UINT32_MAX, "the lower one wins; IPv6: 0 is 1024")

static const char *const admin_words[] = { "up", "down", NULL };
static const char *const type_words[] = { "unicast", "blackhole", "unreachable", "prohibit", NULL };
static const char *const family_words[] = { "inet", "inet6", NULL };

const struct anod_param params_link_set[] = {
	LINK("dev", 1, "the link"),
	WORD("admin", 0, admin_words, "administrative state"),
	BYTES("mtu", 68, 65535, "largest packet"),
	{ .name = "ignore_linkdown",
	  .type = ANOD_BOOL,
	  .help = "IPv4 passes over routes by it while it has no carrier" },
	{ 0 },
};

const struct anod_param params_dev[] = { LINK("dev", 1, "the link"), { 0 } };

const struct anod_param params_route[] = {
	DST,
	LEG(""),
	LEG("2"),
	LEG("3"),
	LEG("4"),
	NUMBER("nhid", 0, 1, UINT32_MAX, "next-hop object instead of legs"),
	TABLE,
	METRIC(0),
	BYTES("mtu", 68, 65520, "path mtu for this route"),
	PREFIX("src", 0, "preferred source address"),
	WORD("type", 0, type_words, "unicast, or how to drop"),
	{ 0 },
};

const struct anod_param params_route_del[] = { DST, TABLE, METRIC(0), { 0 } };

const struct anod_param params_route_metric[] = {
	DST,   TABLE, METRIC(1), NUMBER("to", 1, 0, UINT32_MAX, "the metric that it shall have"),
	{ 0 },
};

const struct anod_param params_nexthop_replace[] = {
	NUMBER("id", 1, 1, UINT32_MAX, "of the next-hop object"),
	PREFIX("via", 0, "gateway, an address"),
	LINK("dev", 0, "link"),
	MEMBER("1"),
	MEMBER("2"),
	MEMBER("3"),
	MEMBER("4"),
	{ 0 },
};

const struct anod_param params_nexthop_weight[] = {
	NUMBER("id", 1, 1, UINT32_MAX, "of the group"),
	NUMBER("member", 1, 1, UINT32_MAX, "next hop in the group"),
	NUMBER("weight", 1, 1, 256, "its share"),
	{ 0 },
};

const struct anod_param params_rule[] = {
	NUMBER("priority", 1, 1, UINT32_MAX, "the lower one is asked first"),
	NUMBER("table", 1, 1, UINT32_MAX, "table to look up in"),
	WORD("family", 0, family_words, "of the packets; inet unless src or dst say otherwise"),
	PREFIX("src", 0, "source of the packet"),
	PREFIX("dst", 0, "destination of the packet"),
	WORD("iif", 0, NULL, "name of the link by which it came"),
	WORD("oif", 0, NULL, "name of the link to which its socket is bound"),
	NUMBER("fwmark", 0, 1, UINT32_MAX, "its firewall mark"),
	{ 0 },
};

const struct anod_param params_neigh_flush[] = {
	LINK("dev", 1, "the link"),
	PREFIX("dst", 1, "address of the neighbour"),
	{ 0 },
};

const struct anod_param params_neigh_replace[] = {
	LINK("dev", 1, "the link"),
	PREFIX("dst", 1, "address of the neighbour"),
	WORD("lladdr", 1, NULL, "its link-layer address, like 02:00:00:00:00:01"),
	{ 0 },
};
