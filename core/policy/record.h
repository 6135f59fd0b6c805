/*
 * record - what one decision looked at: every rule's truth and the facts that made it.
 *
 * Filled while deciding, without words and without allocation once it has grown to its policy's
 * size (room.h); put into words by decision_tell() when somebody wants to read it.  It is part of a
 * decision and used again for the next one when that came from a pool.
 */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include "policy/guard.h"

struct record {
	struct room room; /* owned; holds what follows */
	unsigned n_actions;
	struct act act[ANOD_ACTIONS_MAX];
	struct guard_views views[ANOD_ACTIONS_MAX];
	struct judged *judged[ANOD_ACTIONS_MAX]; /* views[].guards->n of each */
	struct answer answer, each[ANOD_ACTIONS_MAX];
	unsigned n_invariants;
	struct invariant_result *invariant;
	struct text *invariant_why;
};

/* For decide.c. */
void decision_set_charges(struct decision *d, const struct decide_in *in);
char *decision_reason(const struct decide_in *in, const struct decision *d,
		      const struct answer *a); /* malloc()ed */

#endif
