/*
 * policy_parse_objective - intents: what the network has to be like, and how much of the time.
 */
#include "policy/parse.h"

/* "RATIO per DUR": the share of time in which it must hold */
static int parse_error_budget(struct parse *p, struct policy_objective *o)
{
	struct token t = *parse_ahead(p);
	int r;

	if (t.type != TOKEN_VALUE || t.value.unit != ANOD_UNIT_RATIO ||
	    !(t.value.u.r > 0 && t.value.u.r <= 1))
		return parse_wants(p, "budget", "a share such as 99.9%");
	lex_next(&p->lexer, &t);
	o->target = t.value.u.r;
	r = parse_expect(p, "per", "'per' and a duration");
	return r < 0 ? r : parse_duration(p, "per", &o->period_us);
}

static int objective_clause(struct parse *p, void *target, unsigned index)
{
	struct policy_objective *o = target;
	struct expr **slot;

	if (index == 1)
		return parse_error_budget(p, o);
	slot = ARRAY_APPEND(o->require, o->n_requires);
	return slot ? parse_expr(p, slot) : parse_no_memory(p);
}

int parse_objective(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "require", "budget", NULL };
	static const struct block b = { .what = "objective",
					.words = words,
					.many = 1,
					.clause = objective_clause,
					.noun = "a clause",
					.required = 1 };
	struct policy_objective o = { .place = *place }, *slot;
	struct policy *policy = p->config->policy;
	int r;

	r = parse_name(p, "the name of the objective", &o.name);
	if (r == 0)
		r = parse_block(p, &b, &o);
	slot = r == 0 ? ARRAY_APPEND(policy->objective, policy->n_objectives) : NULL;
	if (!slot) {
		objective_done(&o);
		return r < 0 ? r : parse_no_memory(p);
	}
	*slot = o;
	return 0;
}
