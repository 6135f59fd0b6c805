/*
 * plan - what the plans of this actuator share: arguments, look-ups, changes, refusals.
 *
 * All of it is pure.  A function that refuses writes one sentence for the operator, what is
 * wrong and what to do, to plan->error and returns a negative errno to be handed on.
 */
#ifndef ACT_RTNL_PLAN_H
#define ACT_RTNL_PLAN_H

#include <stdbool.h>
#include <sys/socket.h>

#include <anod/plugin.h>
#include <anod/rtnl.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct job {
	const struct anod_action *a;
	const struct anod_view *v;
	struct anod_plan *plan;
};

int refuse(struct job *j, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* 1 and *ret: given.  0: not given, *ret untouched.  Refuses a wrong type and, for a number, a
 * value outside min..max. */
int arg_int(struct job *j, const char *name, int64_t min, int64_t max, uint32_t *ret);
int arg_bool(struct job *j, const char *name, bool *ret);
int arg_text(struct job *j, const char *name, const char **ret);
int arg_prefix(struct job *j, const char *name, struct anod_prefix *ret);
int arg_address(struct job *j, const char *name, struct anod_prefix *ret); /* full length */
/* An interface that must exist. */
int arg_link(struct job *j, const char *name, uint32_t *ret_ifindex);
/* Turns "not given" into a refusal: need(j, "dev", arg_link(...)). */
int need(struct job *j, const char *name, int given);

/* 1 and *ret, 0: not there.  Refuses what can be read but not restored. */
int look(struct job *j, const struct anod_object *key, struct anod_object *ret);

/* NULL 'pre' or 'post': not there.  Adds nothing when they are the same. */
int add_change(struct job *j, const struct anod_object *pre, const struct anod_object *post);

/* Text for messages, in one of four buffers that take turns. */
const char *prefix_text(const struct anod_prefix *p);
const char *protocol_text(const struct anod_object *o);

typedef int plan_fn(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret);

plan_fn plan_link_set, plan_link_up, plan_link_down;
plan_fn plan_route_add, plan_route_replace, plan_route_del, plan_route_metric;
plan_fn plan_nexthop_replace, plan_nexthop_weight;
plan_fn plan_rule_add, plan_rule_del;
plan_fn plan_neigh_flush, plan_neigh_replace;

/* The route that the arguments of route.add or route.replace describe, all but the legs. */
int route_key(struct job *j, struct anod_object *ret);
/* Its legs or next-hop object; 'pre' (NULL: none) helps where a device is not named. */
int route_legs(struct job *j, const struct anod_object *pre, struct anod_route *t);

/* Parameters for checking and for the model's schema; each ended by a NULL name. */
extern const struct anod_param params_link_set[], params_dev[], params_route[], params_route_del[],
	params_route_metric[], params_nexthop_replace[], params_nexthop_weight[], params_rule[],
	params_neigh_flush[], params_neigh_replace[];

#endif
