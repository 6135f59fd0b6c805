/*
 * act_rtnl - the actuator for what rtnetlink holds: links, routes, next hops, rules, neighbours.
 *
 * Design.  Nothing but tables and pure functions; the executor reads and writes the kernel.  The
 * same plans run in the host on the model (what if) and in the executor on the kernel.
 */
#include "plan.h"

#define BOTH (ANOD_ACT_UNDO | ANOD_ACT_FOREIGN)

static const struct anod_action_desc actions[] = {
	{ "link.set", "set a link up or down, its mtu, or what it means without carrier",
	  params_link_set, ANOD_ACT_UNDO, plan_link_set },
	{ "link.up", "set a link up", params_dev, ANOD_ACT_UNDO, plan_link_up },
	{ "link.down", "set a link down", params_dev, ANOD_ACT_UNDO, plan_link_down },
	{ "route.add", "make a route that does not exist yet", params_route, ANOD_ACT_UNDO,
	  plan_route_add },
	{ "route.replace", "make a route, or change where it goes", params_route, BOTH,
	  plan_route_replace },
	{ "route.del", "delete a route", params_route_del, BOTH, plan_route_del },
	{ "route.metric", "give a route another metric, without a gap", params_route_metric, BOTH,
	  plan_route_metric },
	{ "nexthop.replace", "make or change a next-hop object or a group", params_nexthop_replace,
	  BOTH, plan_nexthop_replace },
	{ "nexthop.weight", "change the share of one member of a group", params_nexthop_weight,
	  BOTH, plan_nexthop_weight },
	{ "rule.add", "make a policy routing rule", params_rule, ANOD_ACT_UNDO, plan_rule_add },
	{ "rule.del", "delete a policy routing rule", params_rule, BOTH, plan_rule_del },
	{ "neigh.flush", "forget a neighbour, so that it is asked for again", params_neigh_flush,
	  ANOD_ACT_FOREIGN, plan_neigh_flush },
	{ "neigh.replace", "fix the link-layer address of a neighbour", params_neigh_replace, BOTH,
	  plan_neigh_replace },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_ACTUATOR,
	.name = "act_rtnl",
	.version = "1",
	.summary = "links, routes, next hops, rules and neighbours through rtnetlink",
	.actions = actions,
};
