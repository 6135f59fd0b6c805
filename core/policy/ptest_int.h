/*
 * ptest_int - the world of policy tests, shared by the files that run them.
 *
 * Private to core/policy.
 */
#ifndef POLICY_PTEST_INT_H
#define POLICY_PTEST_INT_H

#include "facts/stats.h"
#include "policy/judge.h"
#include "policy/parse.h"
#include "policy/ptest.h"

#define PTEST_BEGIN_US	 (UINT64_C(400) * 86400 * 1000000) /* boot time at which a test begins */
#define PTEST_BEFORE_MAX 32 /* facts of a condition to verify that "before" may ask for */

/* ---- reading ----------------------------------------------------------------------------------- */

struct ptest_reader {
	struct parse parse; /* first, so that a parser's pointer is also one to this */
	struct scope scope;
	struct ptest_file *file;
	bool loaded;
};
struct ptest_reader *ptest_reader_of(struct parse *p);

/* Clauses; each stands behind its word. */
int ptest_clause_given(struct parse *p, struct ptest_step *s);
int ptest_clause_override(struct parse *p, struct ptest_step *s);
int ptest_clause_expect(struct parse *p, struct ptest_step *s);
extern const char *const ptest_words[];
extern int (*const ptest_clause[])(struct parse *, struct ptest_step *);
extern const enum ptest_kind ptest_kinds[];
/* "2026-11-24 12:00" */
int ptest_moment(struct parse *p, uint64_t *ret_us);
int ptest_value(struct parse *p, struct anod_value *ret);
/* "the policy has no rule "x"; did you mean "y"?" */
enum ptest_thing { PTEST_RULES, PTEST_INVARIANTS, PTEST_OBJECTIVES, PTEST_BUDGETS };
int ptest_known(struct parse *p, enum ptest_thing what, const char *name,
		const struct lex_place *place);

/* ---- running ----------------------------------------------------------------------------------- */

struct ptest_before { /* what a fact was when the proposal was made */
	const struct expr *fact;
	struct anod_value value;
};

struct ptest_since { /* since when a fact has its value */
	uint16_t kind, slot;
	char entity[ANOD_NAME_SIZE];
	uint64_t since_us;
};

struct ptest_world {
	const struct ptest_run *run;
	struct store *store;
	struct stats *stats; /* so that functions over time have columns */
	struct model *model;
	/* of the test that runs */
	struct budgets *budgets;
	struct track *track;
	struct overrides *overrides;
	uint64_t n_tx; /* numbers of transactions that were given */
	bool moved;    /* the model is not the topology any more */
	unsigned n_since;
	struct ptest_since *since; /* owned */
	unsigned n_before;
	struct ptest_before before[PTEST_BEFORE_MAX];
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
/* What the actions of a step would do, on top of what is in flight; find_data is the caller's. */
struct whatif_in ptest_whatif_in(const struct ptest_world *w, const struct ptest_step *s);
int ptest_propose(struct ptest_world *w, const struct ptest_step *s);
void ptest_decide_in(const struct ptest_world *w, struct decide_in *ret);

int ptest_run_test(struct ptest_world *w, const struct ptest *t);
int ptest_run_all(struct ptest_world *w, bool stop);

/* The last proposal is carried out; false: it cannot be, *ret_why says why (static). */
bool ptest_carry_out(struct ptest_world *w, bool roll_back, const char **ret_why);
int ptest_outcome(struct ptest_world *w, const struct ptest_step *s);
int ptest_used(struct ptest_world *w, const struct ptest_step *s);
int ptest_forget(struct ptest_world *w);
/* -EPERM: these people may not; -ERANGE: not for so long; -EALREADY. */
int ptest_override(struct ptest_world *w, const struct ptest_step *s);
/* Remember what the condition of the permit that counts may ask for with "before". */
int ptest_remember(struct ptest_world *w);
/* On the facts as they are now; 'leaf' is a part of the permit's condition. */
enum anod_tri ptest_verifies(struct ptest_world *w, const struct expr *leaf);
enum anod_tri ptest_fulfilled(struct ptest_world *w, const struct expr *leaf);
/* The facts that follow from an object of the model. */
void ptest_world_derive(struct ptest_world *w, const struct anod_object *o);
void ptest_derive_all(struct ptest_world *w);
struct snapshot_fact;
int ptest_snapshot_fact(const struct snapshot_fact *f, void *data);

/* An expectation, true when met; else the reason was told. */
bool ptest_expectation(struct ptest_world *w, const struct ptest_step *s);
void ptest_miss(const struct ptest_world *w, const struct ptest_step *s, const char *fmt, ...)
	_printf_(3, 4);

/* ---- coverage, mutation ------------------------------------------------------------------------ */

/* What a decision looked at; what "verifies" and "objective" looked at. */
void ptest_cover_note(struct ptest_cover *c, const struct ptest_world *w);
void ptest_cover_verify(struct ptest_cover *c, struct ptest_world *w);
void ptest_cover_objective(struct ptest_cover *c, struct ptest_world *w,
			   const struct policy_objective *o);

struct mutation {
	struct ptest_world w;
	struct policy *policy;
	ptest_mutant_fn *fn;
	void *data;
	unsigned n, killed;
	int error;
};
/* The policy is as it shall be tried. */
void mutant_try(struct mutation *m, const struct lex_place *place, const char *fmt, ...)
	_printf_(3, 4);
/* Try with the variable set to another value, then put it back; the message sees the new value, and the
 * old one as old_. */
#define MUTANT(m, variable, value, place, ...)                                                     \
	do {                                                                                       \
		__typeof__(variable) old_ = (variable);                                            \
		(variable) = (value);                                                              \
		mutant_try(m, place, __VA_ARGS__);                                                 \
		(variable) = old_;                                                                 \
	} while (0)
void mutate_expr(struct mutation *m, struct expr *e, const char *whose);
void mutate_rule(struct mutation *m, struct policy_rule *r);
/* One in the last place in which the number was written. */
double mutant_real_step(double x);

const struct anod_action_desc *ptest_find(const char *kind, void *env);

#endif
