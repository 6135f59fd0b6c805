/*
 * counter - the smallest changes of facts that would turn a decision.
 *
 * The regions of each level (diff_priv.h) say where the answer would be another one; the distance of
 * a box is the number of facts that would have to change, then how far.  Each candidate is decided
 * again with the changed facts before it is told, invariants included.  What an action is about (its
 * arguments, its link, its agent) is not changed: that would be another request.
 *
 * Conditions "for D" are taken to have held (or not) for long, as the facts are now.
 * Pure.  Errors: negative errno.
 */
#ifndef POLICY_COUNTER_H
#define POLICY_COUNTER_H

#include "policy/stage.h"

#define COUNTER_FACTS_MAX 6  /* changed at once; more explains nothing */
#define COUNTER_TRIES	  64 /* decisions for one direction */
#define COUNTER_SHOWN	  3  /* of one direction */

struct counter {
	enum level level; /* as decided again */
	unsigned n_facts;
	char *text; /* "link.wan0.rx_loss = 0.9% (now 5%)"; owned */
};

struct counters {
	unsigned n_raise, n_lower;
	struct counter raise[COUNTER_SHOWN], lower[COUNTER_SHOWN];
	bool decided; /* false: the rules are too large */
};
void counters_done(struct counters *l);

struct counter_in {
	struct config *config;
	struct schema *schema;
	const struct config_env *env;
	const char *agent;
	const struct anod_proposal *proposal; /* one action */
	/* Publish everything that is known; the first value of a fact counts (stage_round()). */
	int (*set)(struct stage *s, void *data);
	void *data;
	uint64_t wall_us;
	bool plan; /* predict the effect, and ask the invariants */
};

/* The decision, and what would turn it. */
int counter_find(const struct counter_in *in, struct decision **ret, struct counters *ret_list);

#endif
