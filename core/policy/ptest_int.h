/*
 * ptest_int - the world of policy tests, shared by the files that run them.
 *
 * Private to core/policy.
 */
#ifndef POLICY_PTEST_INT_H
#define POLICY_PTEST_INT_H

#include "facts/stats.h"
#include "policy/ptest.h"

#define PTEST_BEGIN_US (UINT64_C(400) * 86400 * 1000000) /* boot time at which a test begins */

struct ptest_world {
	const struct ptest_run *run;
	struct store *store;
	struct stats *stats; /* so that functions over time have columns */
	struct model *model;
	/* of the test that runs */
	struct budgets *budgets;
	uint64_t now_us, wall_us;
	unsigned evidence, n_in_flight;
	double confidence;
	struct anod_change in_flight[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX];
	uint64_t in_flight_tx[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX]; /* one for each line */
	struct whatif *whatif;					    /* of the last proposal */
	struct decision *decision;				    /* the same */
	struct anod_proposal proposal;
	char agent[ANOD_NAME_SIZE];
};

int ptest_world_init(struct ptest_world *w, const struct ptest_run *run);
void ptest_world_done(struct ptest_world *w);
/* Facts, budgets and clock as they are at the beginning of a test. */
int ptest_world_reset(struct ptest_world *w);
int ptest_given(struct ptest_world *w, const struct ptest_step *s);
/* Time has passed, and it is measured again as it was. */
int ptest_given_still(struct ptest_world *w, const struct ptest_step *s);
/* Plan and decide; w->whatif and w->decision are of it. */
int ptest_propose(struct ptest_world *w, const struct ptest_step *s);
void ptest_decide_in(const struct ptest_world *w, struct decide_in *ret);

int ptest_run_test(struct ptest_world *w, const struct ptest *t);
int ptest_run_all(struct ptest_world *w, bool stop);

/* What a decision looked at, for coverage. */
void ptest_cover_note(struct ptest_cover *c, const struct ptest_world *w);

const struct anod_action_desc *ptest_find(const char *kind, void *env);

#endif
