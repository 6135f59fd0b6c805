/*
 * plan - the plans and parameters of this actuator; all of it is pure.
 */
#ifndef ACT_RTNL_PLAN_H
#define ACT_RTNL_PLAN_H

#include <stdbool.h>
#include <sys/socket.h>

#include <anod/plan.h>
#include <anod/rtnl.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

typedef int plan_fn(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret);

plan_fn plan_link_set, plan_link_up, plan_link_down;
plan_fn plan_route_add, plan_route_replace, plan_route_del, plan_route_metric;
plan_fn plan_nexthop_replace, plan_nexthop_weight;
plan_fn plan_rule_add, plan_rule_del;
plan_fn plan_neigh_flush, plan_neigh_replace;

/* The route that the arguments of route.add or route.replace describe, all but the legs. */
int route_key(struct anod_job *j, struct anod_object *ret);
/* Its legs or next-hop object; 'pre' (NULL: none) helps where a device is not named. */
int route_legs(struct anod_job *j, const struct anod_object *pre, struct anod_route *t);

/* Parameters for checking and for the model's schema; each ended by a NULL name. */
extern const struct anod_param params_link_set[], params_dev[], params_route[], params_route_del[],
	params_route_metric[], params_nexthop_replace[], params_nexthop_weight[], params_rule[],
	params_neigh_flush[], params_neigh_replace[];

#endif
