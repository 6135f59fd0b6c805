/*
 * anod/plan.h - what the plans of actuators share: arguments, look-ups, changes, refusals.
 *
 * A plan (anod_action_desc.plan) is a pure function from an action and a view to changes; the same
 * one simulates in the host on the model and plans in the executor on the kernel.  A function that
 * refuses writes one sentence for the operator, what is wrong and what to do, to plan->error and
 * returns a negative errno to be handed on.
 *
 * Linked statically into the plugins that include it.  Threads: any.  Memory: the caller's.
 */
#ifndef ANOD_PLAN_H
#define ANOD_PLAN_H

#include <stdbool.h>
#include <sys/socket.h>

#include <anod/plugin.h>

struct anod_job {
	const struct anod_action *a;
	const struct anod_view *v;
	struct anod_plan *plan;
};

int anod_refuse(struct anod_job *j, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* 1 and *ret: given.  0: not given, *ret untouched.  Refuses a wrong type and, for a number, a
 * value outside min..max. */
int anod_arg_int(struct anod_job *j, const char *name, int64_t min, int64_t max, uint32_t *ret);
int anod_arg_int64(struct anod_job *j, const char *name, int64_t min, int64_t max, int64_t *ret);
int anod_arg_bool(struct anod_job *j, const char *name, bool *ret);
int anod_arg_text(struct anod_job *j, const char *name, const char **ret);
int anod_arg_prefix(struct anod_job *j, const char *name, struct anod_prefix *ret);
int anod_arg_address(struct anod_job *j, const char *name,
		     struct anod_prefix *ret); /* full length */
/* An interface that must exist. */
int anod_arg_link(struct anod_job *j, const char *name, uint32_t *ret_ifindex);
/* Turns "not given" into a refusal: anod_need(j, "dev", anod_arg_link(...)). */
int anod_need(struct anod_job *j, const char *name, int given);

/* 1 and *ret, 0: not there.  Refuses what can be read but not restored. */
int anod_look(struct anod_job *j, const struct anod_object *key, struct anod_object *ret);

/* NULL 'pre' or 'post': not there.  Adds nothing when they are the same. */
int anod_add_change(struct anod_job *j, const struct anod_object *pre,
		    const struct anod_object *post);

/* Text for messages, in one of four buffers that take turns. */
const char *anod_prefix_text(const struct anod_prefix *p);
const char *anod_owner_text(const struct anod_object *o);

#endif /* ANOD_PLAN_H */
