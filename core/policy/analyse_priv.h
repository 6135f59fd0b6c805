/*
 * analyse_priv - what the files of the analysis share.
 *
 * Private to core/policy/analyse*.c.
 */
#ifndef POLICY_ANALYSE_PRIV_H
#define POLICY_ANALYSE_PRIV_H

#include "policy/analyse.h"
#include "policy/witness.h"

struct analysis {
	const struct analyse_in *in;
	const struct policy *policy;
	struct findings *out;
	uint8_t *mute; /* of each rule: it never counts, so that nothing more need be said */
	unsigned n_pairs;
	bool pairs_left; /* not all were compared */
};

/* "text", "cure" as one string with a '|' between them; no '|': no cure. */
void find(struct analysis *a, enum finding_level level, const char *check,
	  const struct lex_place *place, const char *fmt, ...) _printf_(5, 6);

const char *rule_word(const struct policy_rule *r); /* "permit" */
/* The level that it can give at most. */
enum level rule_top(const struct policy_rule *r);

/* Two rules (or one, twice) with a space of their own. */
struct pair {
	struct space *space;
	const struct policy_rule *a, *b;
	bool by_kind; /* kinds of actions differ in what the rules ask */
};
int pair_open(struct analysis *x, const struct policy_rule *a, const struct policy_rule *b,
	      struct pair *ret);
void pair_done(struct pair *p);
/* The agents that both rules name: index of the next one from 'i', or -1.  Without agents in the
 * configuration there is one, number 0, without a name. */
int pair_agent(const struct analysis *x, const struct pair *p, unsigned i);
const char *agent_name(const struct analysis *x, unsigned i); /* or NULL */
/* The kinds of actions that both name; only the first when 'by_kind' is false. */
int pair_kind(const struct analysis *x, const struct pair *p, unsigned i);

/* Is 'b' at least as good for the agent as 'a' wherever both count? */
bool terms_not_weaker(const struct policy_rule *a, const struct policy_rule *b);

void analyse_rules(struct analysis *x);
void analyse_pairs(struct analysis *x);
void analyse_invariants(struct analysis *x);
void analyse_terms(struct analysis *x);
void analyse_sets(struct analysis *x);
void analyse_facts(struct analysis *x);
void analyse_agents(struct analysis *x);

/* Why the region of an expression is empty: "needs 'X' and 'Y'"; false: not told. */
bool explain_empty(struct space *s, const struct policy_rule *r, const struct expr *e, enum where w,
		   const struct anod_action_desc *kind, char *buf, size_t size);

#endif
