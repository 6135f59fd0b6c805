/*
 * stage - a router in memory on which a request is really decided.
 *
 * Two ways to set it: from a snapshot, with facts by hand, and then the action is planned and its
 * effect predicted as always; or from a point of a region (witness.h), to see whether the point
 * keeps what the region promised.  Of a point only rules are asked: the action is taken to be
 * possible, the object to be anod's own, budgets to be free, invariants to hold.
 *
 * Pure.  Errors: negative errno.  Threads: one.
 */
#ifndef POLICY_STAGE_H
#define POLICY_STAGE_H

#include "facts/stats.h"
#include "policy/judge.h"
#include "policy/witness.h"

#define STAGE_STEPS_MAX 5000			/* in which time passes */
#define STAGE_NOW_US	UINT64_C(8640000000000) /* boot time at the beginning: 100 days */

struct stage {
	struct schema *schema; /* borrowed; statistics are added to it */
	const struct anod_action_desc *const *actions;
	struct store *store;
	struct stats *stats;
	struct watches *watches;
	struct model *model;
	struct budgets *budgets;
	struct anod_proposal proposal;
	unsigned evidence, n_links;
	unsigned n_put, n_counted; /* in this round */
	struct stage_put {
		uint32_t entity;
		uint16_t slot;
	} * put;
	uint64_t now_us, wall_us;
	struct whatif *whatif; /* of the last decision */
};

/* Within a round the first value of a fact counts, so that it does not go to and fro while
 * everything is published once more; stage_round() begins another one. */
void stage_round(struct stage *s);
/* Of a column of an entity that there is. */
int stage_put(struct stage *s, uint32_t entity, uint16_t slot, const struct anod_value *v);

/* Configurations whose rules will be asked: functions over time are bound to columns, which
 * changes 'c' for as long as it lives. */
struct stage *stage_new(struct schema *schema, const struct anod_action_desc *const *actions);
int stage_bind(struct stage *s, struct config *c);
struct stage *stage_free(struct stage *s);
DEFINE_CLEANUP(struct stage *, stage_free);

int stage_snapshot(struct stage *s, const struct config *c, const char *name, const char *text,
		   size_t size, struct diag_list *diags);
/* What is known of the links that the model has: role and capacity, and with 'state' how they are. */
int stage_links(struct stage *s, const struct config *c, bool state);
int stage_link(struct stage *s, const char *name);
int stage_fact(struct stage *s, const char *kind, const char *entity, const char *attr,
	       const struct anod_value *v);
/* "link.wan0.rx_loss=5%", or "= unknown"; -EINVAL: '*ret_why' says what is wrong, static. */
int stage_fact_text(struct stage *s, const char *text, const char **ret_why);

/* Let so much time pass, publishing by 'again' as often as the facts that 'step_us' was made for
 * want it, so that none of them grows too old meanwhile.  -ENOTSUP: that is too often. */
int stage_pass(struct stage *s, uint64_t us, uint64_t step_us,
	       int (*again)(struct stage *s, void *data), void *data);
/* The step for the facts of an expression, at most 'step_us'. */
uint64_t stage_step(const struct stage *s, const struct expr *e, uint64_t step_us);

/* The proposal on the stage, by an agent; 'plan': predict its effect, else it has none. */
int stage_decide(struct stage *s, struct config *c, const char *agent, bool plan,
		 struct decision **ret);

/* Of the last decision: what its first action is about, and what an expression of a rule was. */
void stage_act(struct stage *s, struct config *c, const char *agent, struct act *ret);
void stage_value(struct stage *s, struct config *c, const char *agent, const struct expr *e,
		 struct anod_value *ret);
/* The invariants as the network is, without a change; arrays as for invariants_judge(). */
int stage_invariants(struct stage *s, struct config *c, struct invariant_result *ret,
		     struct text *why);

/* A fact or a statistic that is bound; 'entity' where the expression names none. */
int stage_publish(struct stage *s, const struct expr *e, const char *entity,
		  const struct anod_value *v);
/* 'n' more entities that the count counts. */
int stage_count(struct stage *s, const struct config *c, const struct expr *e, unsigned n);

/* Facts, arguments and time as the point has them.  -ENOTSUP: what it wants cannot be made here (a
 * history that broke, an order of two calculations); '*ret_key' is the variable. */
int stage_point(struct stage *s, const struct space *space, const uint64_t *box,
		const struct point *p, const struct anod_action_desc *kind, const char **ret_key);

#endif
