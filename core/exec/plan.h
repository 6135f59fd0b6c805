/*
 * plan - from typed actions to steps that can be carried out and undone.
 *
 * Reads the kernel through 'k' and touches nothing.  Each action sees what the ones before it
 * will have done.  Also here: what the kernel changes on the side (side_plan()).
 *
 * Errors: negative errno with one sentence in ret->why, which names the action and the object.
 */
#ifndef EXEC_PLAN_H
#define EXEC_PLAN_H

#include "exec/kernel.h"

/* Room for steps; 'foreign' and 'why' are the request's and the reply's. */
struct steps {
	struct exec_step *step; /* borrowed; STEPS_MAX of them */
	uint32_t n;
	char *why; /* borrowed; EXEC_WHY_SIZE */
};

/* The view of 'below' with the planned steps in front. */
struct overlay {
	struct anod_view view;
	const struct anod_view *below;
	const struct steps *steps;
};
void overlay_init(struct overlay *o, const struct anod_view *below, const struct steps *steps);
/* The latest planned change of the object with this key, or NULL. */
const struct anod_change *overlay_find(const struct steps *steps, const struct anod_object *key);

/* Append one step with its requests.  'undo' false: it has none. */
int steps_add(struct steps *s, const struct anod_change *c, uint32_t action, bool undo,
	      uint32_t flags);

/*
 * Append as STEP_SIDE what the kernel will change by itself when 'link' is carried out: a link
 * that goes down loses routes, next hops, IPv6 addresses and permanent neighbours, and brings
 * none of them back when it comes up.  -E2BIG: more than STEPS_MAX; -EOPNOTSUPP: one of them
 * could not be put back.
 */
int side_plan(struct kernel *k, struct steps *s, const struct anod_change *link, uint32_t action);

/* Plan all; ret->head is left alone. */
int plan_prepare(struct kernel *k, const struct anod_action_desc *const *descs,
		 const struct exec_prepare *p, struct exec_steps *ret);

#endif
