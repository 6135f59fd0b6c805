/*
 * decide - may this proposal be carried out, and on what terms?
 *
 * A pure function of the policy, the facts, the predicted state and the past use of budgets.  It
 * consumes nothing: budgets and cooldowns are charged by decide_charge() at INTENT, which may
 * refuse what an earlier decision allowed.  The record of a decision is complete: replaying it
 * with the same inputs gives the same bytes.
 *
 * Deciding and telling are two things.  decide_quietly() finds the answer and keeps, for every rule
 * that names this agent and action, its truth and the facts that made it, as they were read;
 * with a pool it allocates nothing once the pool has seen a decision of that size.
 * decision_tell() makes the words from what was kept, decision_advise() those about what would
 * change the answer.  decide() is all three.
 *
 * Threads: one.  Memory: a decision owns all that it points to.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "facts/watch.h"
#include "model/whatif.h"
#include "policy/config.h"
#include "policy/override.h"
#include "policy/track.h"

struct cJSON;
struct budgets; /* use of budgets, cooldowns and cap timers; serialisable */

struct budgets *budgets_new(void);
struct budgets *budgets_free(struct budgets *b);
DEFINE_CLEANUP(struct budgets *, budgets_free);
/* For the state folder: ages, not times, so that it outlives a reboot.  NULL: no memory. */
struct cJSON *budgets_json(const struct budgets *b, uint64_t now_us);
/* Add what was saved 'away_us' ago (by the wall clock, when the boot time began anew). */
int budgets_load(struct budgets *b, const struct cJSON *list, uint64_t now_us, uint64_t away_us);

/* Decisions that were freed, to be used again with the memory that they have.  It must outlive the
 * decisions made with it. */
struct decisions;
struct decisions *decisions_new(void);
struct decisions *decisions_free(struct decisions *pool);
DEFINE_CLEANUP(struct decisions *, decisions_free);

struct decide_in {
	struct decisions *pool; /* or NULL: memory from the system */
	const struct config *config;
	const struct store *store;
	const struct watches *watches; /* history of "for"; may be NULL (doubt) */
	/* In the place of 'watches': truth of an EXPR_FOR or EXPR_WITHIN node.  NULL: not. */
	enum anod_tri (*held)(const struct expr_env *env, const struct expr *node);
	const void *held_data;	     /* of the one who gave it */
	const struct whatif *whatif; /* of this proposal; NULL when it could not be planned */
	const char *whatif_error;    /* then: why */
	bool in_sync;		     /* model and facts may be believed */
	const struct budgets *budgets;
	const struct track *track;	   /* NULL: nothing is remembered, nobody is promoted */
	const struct overrides *overrides; /* NULL: none is in force */
	action_find_fn *find;
	void *find_data;
	const char *agent;
	const struct anod_proposal *proposal;
	unsigned evidence; /* references of its finding */
	uint64_t now_us;   /* boottime */
	uint64_t wall_us;  /* for windows */
	/* From where people are logged in who may approve; for "keeps approvers". */
	const struct anod_prefix *approver;
	unsigned n_approvers;
	bool paused; /* the operator's: ceiling observe */
	bool capped; /* journal or ledger failed: ceiling observe */
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
	/* Overridden: it fails, or nobody knows, and people have lifted it. */
	char *lifted_by;	  /* "alice, bob"; NULL: not; owned */
	uint64_t lifted_until_us; /* wall clock */
	char *why;		  /* "count(uplinks up) after = 0, need >= 1"; owned */
};

struct decided_charge { /* what decide_charge() uses up, once for each budget and key */
	const struct policy_rule *permit;   /* borrowed */
	const struct policy_budget *budget; /* borrowed; NULL: none */
	char budget_key[ANOD_NAME_SIZE], cooldown_key[ANOD_NAME_SIZE];
};

/* Rules, invariants and permits are borrowed from the configuration that it was made with, which
 * must live as long as the decision. */
struct decision {
	enum level level;	    /* of the whole proposal: the least of its actions */
	struct policy_rule *permit; /* that gave the level and the obligations; borrowed; or NULL */
	char permit_name[ANOD_NAME_SIZE]; /* "": none; still good when the configuration is gone */
	/* From here to 'policy': made by decision_tell() and decision_advise(). */
	unsigned n_rules, n_invariants;
	struct decided_rule *rule; /* every rule that names this agent and action kind */
	struct decided_invariant *invariant;
	char *reason;  /* one sentence naming the rule, invariant or unknown fact; owned */
	char *flip;    /* what would flip it, or NULL; owned */
	char *suggest; /* see decision_suggest(); NULL: permits are not what is missing */
	/* Of a reflex: what was assumed beside what is so now; "": nothing. */
	char assuming[128];
	char policy[128]; /* "pe1 edge revision 7 (sha256 41c0...)" */
	unsigned n_charges;
	struct decided_charge charge[ANOD_ACTIONS_MAX];
	/* What it moves, for "moved ... in DUR"; remembered so long, 0: not at all. */
	unsigned moved_prefixes;
	double moved_bps;
	bool moved_known; /* all of moved_bps is measured */
	uint64_t moved_keep_us;
	/* Of approve and auto: what it leaves in the track, without number and times; owned. */
	unsigned n_entries;
	struct track_entry *entry;
	bool damped;	     /* level auto was held back, damp.h; the reason says so */
	uint64_t generation; /* of the model it was made on */
	uint64_t wall_us;
	char resource[ANOD_NAME_SIZE]; /* "link wan0": what budgets, leases and cooldowns count */
	char action_resource[ANOD_ACTIONS_MAX][ANOD_NAME_SIZE]; /* the same of each action */
	struct record *record;	/* owned: what was looked at, see record.h */
	struct decisions *pool; /* where it goes when it is freed, or NULL */
	struct decision *next;	/* in the pool */
};

/* All of it.  -EINVAL: no actions, or too many; -ENOMEM. */
int decide(const struct decide_in *in, struct decision **ret);
/* Without what would change the answer ('flip' and 'suggest'). */
int decide_and_tell(const struct decide_in *in, struct decision **ret);
/* The answer and the record; no words: of the texts only 'permit_name' and resources are there. */
int decide_quietly(const struct decide_in *in, struct decision **ret);
/* The words, from the record; 'in' is the one that it was decided with, its facts may have moved.
 * Once; then it does nothing.  -ENOMEM. */
int decision_tell(struct decision *d, const struct decide_in *in);
/* 'flip' and 'suggest', if it is not auto; before anything of 'in' has moved. */
void decision_advise(struct decision *d, const struct decide_in *in);
struct decision *decision_free(struct decision *d);
/* Drop what is borrowed, so that the configuration may go; level, texts and resource stay. */
void decision_detach(struct decision *d);
DEFINE_CLEANUP(struct decision *, decision_free);

/* A mark of what the answer depended on: the truth of every rule and invariant, budgets, damping.
 * The same answer for the same reasons has the same mark.  Not of one that was detached. */
uint64_t decision_mark(const struct decision *d);

/* Charge the permit's budget and start its cooldown.  0, -EBUSY: used up in between (*ret_why,
 * static buffer). */
int decide_charge(struct budgets *b, const struct decision *d, const char *agent, uint64_t now_us,
		  const char **ret_why);

/* Would that be taken now?  Charges nothing; else as decide_charge(). */
int decide_room(const struct budgets *b, const struct decision *d, uint64_t now_us,
		const char **ret_why);

/* For a transaction of the last run, of which only permit, agent and resource are known: level auto
 * under the permit of that name, with what it charges.  -ENOENT: there is none, -ENOMEM. */
int decision_recall(const struct config *c, const char *permit, const char *agent,
		    const char *resource, uint64_t wall_us, struct decision **ret);

/* Remember the caps with "for DUR" that this decision found in force.  After every decide(), before
 * it is detached. */
int decide_remember(struct budgets *b, const struct decision *d, uint64_t now_us);

/* Is the entity in the set of the policy?  For expressions outside decisions (watches, verify). */
enum anod_tri set_has(const struct config *c, const struct store *s, uint64_t now_us,
		      const char *set, uint16_t kind, const char *entity);

/* The whole record: level, reason, rules with facts and ages, invariants, flip.  Of one that was
 * told. */
struct cJSON *decision_json(const struct decision *d);

/* The permit that would have allowed it, for an engineer to copy:
 *   permit "uplink route.replace" { ... level approve by 1 of noc within 10m }
 * It never names more than approve.  malloc()ed; NULL: no permit would help (a forbid, a cap or an
 * invariant stands in the way, or it is allowed already), or no memory. */
char *decision_suggest(const struct decide_in *in);

#endif
