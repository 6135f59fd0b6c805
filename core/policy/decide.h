/*
 * decide - may this proposal be carried out, and on what terms?
 *
 * A pure function of the policy, the facts, the predicted state and the past use of budgets.  It
 * consumes nothing: budgets and cooldowns are charged by decide_charge() at INTENT, which may
 * refuse what an earlier decision allowed.  The record of a decision is complete: replaying it
 * with the same inputs gives the same bytes.
 *
 * Threads: one.  Memory: a decision owns all that it points to.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "facts/watch.h"
#include "model/whatif.h"
#include "policy/config.h"

struct cJSON;
struct budgets; /* use of budgets, cooldowns and cap timers; serialisable */

struct budgets *budgets_new(void);
struct budgets *budgets_free(struct budgets *b);
DEFINE_CLEANUP(struct budgets *, budgets_free);

struct decide_in {
	const struct config *config;
	const struct store *store;
	const struct watches *watches; /* history of "for"; may be NULL (doubt) */
	const struct whatif *whatif;   /* of this proposal; NULL when it could not be planned */
	const char *whatif_error;      /* then: why */
	bool in_sync;		       /* model and facts may be believed */
	const struct budgets *budgets;
	action_find_fn *find;
	void *find_data;
	const char *agent;
	const struct anod_proposal *proposal;
	unsigned evidence; /* references of its finding */
	uint64_t now_us;   /* boottime */
	uint64_t wall_us;  /* for windows */
	bool paused;	   /* the operator's: ceiling observe */
};

struct decided_rule {
	const struct policy_rule *rule;
	unsigned action; /* index in the proposal */
	enum anod_tri truth;
	bool counted; /* permit proven, or cap/forbid in force */
	enum level level;
	char *why; /* "rx_loss 5% (age 2s) held 90s": the facts that made it; owned */
};

struct decided_invariant {
	const struct policy_invariant *invariant;
	const struct policy_require *failed; /* NULL: holds */
	enum anod_tri holds;
	bool excused; /* broken before and not worse */
	char *why;    /* "count(uplinks up) after = 0, need >= 1"; owned */
};

struct decision {
	enum level level;	    /* of the whole proposal: the least of its actions */
	struct policy_rule *permit; /* that gave the level and the obligations; borrowed; or NULL */
	unsigned n_rules, n_invariants;
	struct decided_rule *rule; /* every rule that names this agent and action kind */
	struct decided_invariant *invariant;
	char *reason;	     /* one sentence naming the rule, invariant or unknown fact; owned */
	char *flip;	     /* what would flip it, or NULL; owned */
	uint64_t generation; /* of the model it was made on */
	uint64_t wall_us;
	char resource[ANOD_NAME_SIZE]; /* "link wan0": what budgets, leases and cooldowns count */
};

int decide(const struct decide_in *in, struct decision **ret);
struct decision *decision_free(struct decision *d);
DEFINE_CLEANUP(struct decision *, decision_free);

/* Charge the permit's budget and start its cooldown.  0, -EBUSY: used up in between (*ret_why,
 * static buffer). */
int decide_charge(struct budgets *b, const struct decision *d, const char *agent, uint64_t now_us,
		  const char **ret_why);

/* The whole record: level, reason, rules with facts and ages, invariants, flip. */
struct cJSON *decision_json(const struct decision *d);

/* The line of policy that would have allowed it, for an engineer to copy:
 *   permit "uplink steers" { agent uplink  action route.replace  on link wan1  level approve ... }
 * malloc()ed. */
char *decision_suggest(const struct decide_in *in);

#endif
