/*
 * policy_parse_invariant - what has to hold in the predicted state.
 *
 * Design.  The clauses of an invariant; what one requirement may say is long enough for a file of
 * its own (policy_parse_require.c).
 */
#include "policy/parse.h"

static int parse_require(struct parse *p, struct policy_invariant *inv)
{
	struct policy_require *q = ARRAY_APPEND(inv->require, inv->n_requires);
	const char *start = parse_ahead(p)->text;
	int r;

	if (!q)
		return parse_no_memory(p);
	q->place = parse_ahead(p)->place;
	r = parse_requirement(p, q);
	if (r < 0)
		return r;
	q->text = parse_text_since(p, start);
	return q->text ? 0 : parse_no_memory(p);
}

/* "if broken now allow when not worse" */
static int parse_if_broken(struct parse *p, struct policy_invariant *inv)
{
	static const char *const words[] = { "broken", "now", "allow", "when", "not", "worse" };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!parse_accept(p, words[i]))
			return parse_expected(p, "'if broken now allow when not worse'");
	}
	inv->not_worse = true;
	return 0;
}

static int invariant_clause(struct parse *p, void *target, unsigned index)
{
	if (index == 2)
		return parse_override(p, target);
	return index == 0 ? parse_require(p, target) : parse_if_broken(p, target);
}

int parse_invariant(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "require", "if", "override", NULL };
	static const struct block b = { .what = "invariant",
					.words = words,
					.many = 1,
					.clause = invariant_clause,
					.noun = "a clause",
					.required = 1 };
	struct policy *policy = p->config->policy;
	struct policy_invariant *inv;
	char *name = NULL;
	int r;

	r = parse_name(p, "the name of the invariant", &name);
	if (r < 0)
		return r;
	inv = ARRAY_APPEND(policy->invariant, policy->n_invariants);
	if (!inv) {
		free(name);
		return parse_no_memory(p);
	}
	inv->name = name;
	inv->place = *place;
	return parse_block(p, &b, inv);
}
