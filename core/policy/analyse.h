/*
 * analyse - what is strange about a policy that loads.
 *
 * Looks for rules that can never count, permits that another rule swallows, invariants that say
 * nothing or can never hold, budgets and terms that cannot work, agents and actions that nobody
 * thought of.  All of it from the texts alone, by the regions of box.h: what is said is so for every
 * state of the network; what is not decided within the limits is said to be that.
 *
 * Pure.  Errors: -ENOMEM.
 */
#ifndef POLICY_ANALYSE_H
#define POLICY_ANALYSE_H

#include "policy/config.h"

#define ANALYSE_PAIRS_LOAD 2048	   /* pairs of rules that are compared when a policy is loaded */
#define ANALYSE_PAIRS_MAX  1000000 /* and when it is checked */
#define FINDINGS_MAX	   500

enum finding_level { FINDING_WARNING = 1, FINDING_NOTE };

struct finding {
	enum finding_level level;
	const char *check; /* "never-counts"; static; listed in docs/policy.md */
	struct lex_place place;
	char *text; /* what and why; owned */
	char *cure; /* what to do; owned; "" when nothing need be done */
};

struct findings {
	unsigned n, n_dropped;
	struct finding *item; /* by file, line, column */
	bool no_memory;
};
void findings_done(struct findings *l);

struct analyse_in {
	const struct config *config;
	const struct config_env *env; /* the same that it was loaded with */
	uint64_t wall_us;	      /* for windows that are over; 0: not looked at */
	unsigned max_pairs;
	bool notes; /* also what is worth knowing and nothing to mend */
};
int analyse(const struct analyse_in *in, struct findings *ret);

/* The warnings that loading gives, without notes, as messages. */
int analyse_load(const struct config *c, const struct config_env *env, struct diag_list *diags);

#endif
