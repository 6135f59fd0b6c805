/*
 * ptest_clause - the clauses of a policy test but for its expectations.
 *
 * Design.  A clause writes into one step and knows nothing of the others.  Names of the policy and
 * types of facts are checked here, so that a test that asks for something that is not there says so
 * and does not fail for another reason.
 */
#include "policy/action_text.h"
#include "policy/ptest_int.h"

/* ---- values -------------------------------------------------------------------------------- */

/* "2026-11-24 12:00" */
int ptest_moment(struct parse *p, uint64_t *ret_us)
{
	struct token date, t;

	if (parse_ahead(p)->type != TOKEN_DATE)
		return parse_expected(p, "a date and a time such as 2026-11-24 12:00");
	lex_next(&p->lexer, &date);
	if (parse_ahead(p)->type != TOKEN_TIME)
		return parse_expected(p, "a time such as 12:00");
	lex_next(&p->lexer, &t);
	*ret_us = (uint64_t) date.value.u.i * 86400u * 1000000u + (uint64_t) t.value.u.i;
	return 0;
}

int ptest_value(struct parse *p, struct anod_value *ret)
{
	struct token t = *parse_ahead(p);
	_cleanup_(freep) char *text = NULL;

	if (t.type != TOKEN_VALUE && t.type != TOKEN_WORD && t.type != TOKEN_STRING)
		return parse_expected(p, "a value");
	lex_next(&p->lexer, &t);
	if (t.type == TOKEN_VALUE) {
		*ret = t.value;
		return 0;
	}
	text = token_dup(&t);
	if (!text)
		return parse_no_memory(p);
	*ret = t.type == TOKEN_WORD && strcmp(text, "unknown") == 0 ? value_unknown()
								    : value_text(text);
	return 0;
}

static const char *nth_name(const struct policy *p, enum ptest_thing what, unsigned i)
{
	switch (what) {
	case PTEST_RULES:
		return i < p->n_rules ? p->rule[i].name : NULL;
	case PTEST_INVARIANTS:
		return i < p->n_invariants ? p->invariant[i].name : NULL;
	case PTEST_OBJECTIVES:
		return i < p->n_objectives ? p->objective[i].name : NULL;
	case PTEST_BUDGETS:
		return i < p->n_budgets ? p->budget[i].name : NULL;
	}
	return NULL;
}

int ptest_known(struct parse *p, enum ptest_thing what, const char *name,
		const struct lex_place *place)
{
	static const char *const things[] = { "rule", "invariant", "objective", "budget" };
	const char *list[256] = { 0 }, *one, *near;
	unsigned n = 0;

	for (unsigned i = 0; (one = nth_name(p->config->policy, what, i)); i++) {
		if (strcmp(one, name) == 0)
			return 0;
		if (n < ARRAY_SIZE(list) - 1)
			list[n++] = one;
	}
	near = nearest_word(name, list);
	if (near)
		return parse_error(p, place, "the policy has no %s \"%s\"; did you mean \"%s\"?",
				   things[what], name, near);
	return parse_error(p, place, "the policy has no %s \"%s\"", things[what], name);
}

/* ---- given ---------------------------------------------------------------------------------- */

/* The fact that a function over time is about: rate(p95(FACT, 1m), 5m) -> FACT. */
static const struct expr *fact_of(const struct expr *e)
{
	while (e && e->op == EXPR_CALL && !e->entity)
		e = e->a;
	return e;
}

static int check_fact(struct parse *p, const struct ptest_step *s, const struct lex_place *place)
{
	const struct expr *e = s->expr, *f = fact_of(e);

	if (!f || (f->op != EXPR_FACT && f->op != EXPR_CALL))
		return parse_error(
			p, place,
			"given wants a fact such as link.wan0.carrier, or a function over "
			"time of one");
	if (!f->entity)
		return parse_error(
			p, place, "given wants to know whose fact it is: write %s.NAME.%s",
			f->kind_name ? f->kind_name : "KIND", f->attr ? f->attr : "ATTR");
	return 0;
}

static int check_type(struct parse *p, const struct ptest_step *s, const struct lex_place *place)
{
	const struct anod_value *v = &s->value;
	const struct expr *e = s->expr;
	bool number = v->type == ANOD_INT || v->type == ANOD_REAL;

	if (v->type == ANOD_UNKNOWN)
		return 0;
	if (number && (e->type == ANOD_REAL || e->type == v->type) &&
	    (v->unit == e->unit || (v->unit == ANOD_UNIT_NONE && expr_plain_fits(e->unit))))
		return 0;
	if (!number && e->type == v->type)
		return 0;
	return parse_error(p, place, "this fact is %s, not %s", expr_type_text(e->type, e->unit),
			   expr_type_text(v->type, v->unit));
}

/* "FACT VALUE [age DUR] [for DUR]" */
static int given_fact(struct parse *p, struct ptest_step *s)
{
	struct lex_place place = parse_ahead(p)->place, value;
	struct ptest_reader *r = ptest_reader_of(p);
	int k = parse_expr(p, &s->expr);

	if (k < 0)
		return k;
	r->scope.rule = NULL;
	k = expr_check(s->expr, &r->scope.expr, false, p->diags);
	if (k == 0)
		k = check_fact(p, s, &place);
	value = parse_ahead(p)->place;
	if (k == 0)
		k = ptest_value(p, &s->value);
	if (k == 0)
		k = check_type(p, s, &value);
	if (k == 0 && parse_accept(p, "age"))
		k = parse_duration(p, "age", &s->age_us);
	if (k == 0 && parse_accept(p, "for"))
		k = parse_duration(p, "for", &s->for_us);
	return k;
}

/* "3 times", "1 time"; once when nothing is written. */
static int take_times(struct parse *p, struct ptest_step *s, bool must)
{
	int64_t n = 1;
	int k = 0;

	s->n = 1;
	if (!must && (parse_at_end(p) || parse_ahead(p)->type != TOKEN_VALUE ||
		      parse_ahead(p)->value.unit != ANOD_UNIT_NONE))
		return 0;
	k = parse_number(p, "times", 1, 10000, &n);
	s->n = (unsigned) n;
	return k < 0 || parse_accept(p, "time") ? k : parse_expect(p, "times", "'times'");
}

static int take_ago(struct parse *p, struct ptest_step *s)
{
	int k;

	if (parse_at_end(p))
		return 0;
	k = parse_duration(p, "ago", &s->age_us);
	return k < 0 ? k : parse_expect(p, "ago", "'ago'");
}

/* "link wan0", or a text as decisions have it: "prefix 10.0.0.0/8" */
static int take_resource(struct parse *p, char **ret)
{
	_cleanup_(freep) char *name = NULL;
	int k;

	if (!parse_accept(p, "link"))
		return parse_name(p, "'link' and its name, or a resource in quotes", ret);
	k = parse_name(p, "the name of a link", &name);
	if (k == 0 && asprintf(ret, "link %s", name) < 0) {
		*ret = NULL;
		return parse_no_memory(p);
	}
	return k;
}

static int known_action(struct parse *p, const char *kind, const struct lex_place *place)
{
	const char *list[128] = { 0 }, *near;

	for (unsigned i = 0; i < ARRAY_SIZE(list) - 1 && p->env->actions[i]; i++)
		list[i] = p->env->actions[i]->kind;
	if (find_action(p, kind))
		return 0;
	near = nearest_word(kind, list);
	if (near)
		return parse_error(p, place, "there is no action '%s'; did you mean '%s'?", kind,
				   near);
	return parse_error(p, place, "there is no action '%s'; docs/actions.md lists them", kind);
}

/* "PERMIT" AGENT ACTION on link NAME verified|rolled-back [N times] [DUR ago] */
static int given_outcome(struct parse *p, struct ptest_step *s)
{
	static const char *const words[] = { "verified", "rolled-back", "stuck", NULL };
	static const enum outcome outcomes[] = { OUTCOME_VERIFIED, OUTCOME_ROLLED_BACK,
						 OUTCOME_STUCK };
	struct lex_place place = parse_ahead(p)->place, kind;
	unsigned index = 0;
	char *action = NULL;
	int k = parse_string(p, "outcome", &s->text);

	s->kind = PTEST_OUTCOME;
	s->age_us = UINT64_C(3600) * 1000000;
	if (k == 0)
		k = ptest_known(p, PTEST_RULES, s->text, &place);
	if (k == 0)
		k = parse_name(p, "the name of an agent", &s->agent);
	kind = parse_ahead(p)->place;
	if (k == 0)
		k = parse_name(p, "an action such as route.replace", &action);
	if (k == 0)
		s->name = calloc(1, sizeof(*s->name));
	if (!s->name) {
		free(action);
		return k < 0 ? k : parse_no_memory(p);
	}
	s->name[s->n_names++] = action;
	k = known_action(p, action, &kind);
	if (k == 0)
		k = parse_expect(p, "on", "'on' and what it was done to");
	if (k == 0)
		k = take_resource(p, &s->resource);
	if (k == 0)
		k = parse_choice(p, "outcome", words, &index);
	s->want = (int) outcomes[index];
	if (k == 0)
		k = take_times(p, s, false);
	return k < 0 ? k : take_ago(p, s);
}

/* BUDGET N times [for KEY] [DUR ago] */
static int given_used(struct parse *p, struct ptest_step *s)
{
	struct lex_place place = parse_ahead(p)->place;
	const struct policy_budget *b;
	int k = parse_word(p, "the name of a budget", &s->text);

	s->kind = PTEST_USED;
	if (k == 0)
		k = ptest_known(p, PTEST_BUDGETS, s->text, &place);
	if (k == 0)
		k = take_times(p, s, true);
	if (k < 0)
		return k;
	place = parse_ahead(p)->place;
	if (parse_accept(p, "for"))
		k = take_resource(p, &s->resource);
	b = policy_find_budget(p->config->policy, s->text);
	if (k == 0 && b && (b->per != BUDGET_PER_NONE) != (s->resource != NULL))
		return parse_error(p, &place,
				   s->resource ? "budget '%s' is one for all: leave out 'for'"
					       : "budget '%s' is counted for each: write 'for' and "
						 "the agent, or 'for link NAME'",
				   s->text);
	return k < 0 ? k : take_ago(p, s);
}

int ptest_clause_given(struct parse *p, struct ptest_step *s)
{
	if (parse_accept(p, "outcome"))
		return given_outcome(p, s);
	if (parse_accept(p, "used"))
		return given_used(p, s);
	if (parse_accept(p, "history")) {
		s->kind = PTEST_FORGET;
		return parse_expect(p, "unknown", "'unknown'");
	}
	return given_fact(p, s);
}

/* "INVARIANT" by NAME, ... [for DUR] */
int ptest_clause_override(struct parse *p, struct ptest_step *s)
{
	struct lex_place place = parse_ahead(p)->place;
	int k = parse_string(p, "override", &s->text);

	if (k == 0)
		k = ptest_known(p, PTEST_INVARIANTS, s->text, &place);
	if (k == 0)
		k = parse_expect(p, "by", "'by' and who lifts it");
	if (k == 0)
		k = parse_names(p, "the name of a person", &s->name, &s->n_names);
	if (k == 0 && parse_accept(p, "for"))
		k = parse_duration(p, "for", &s->for_us);
	return k;
}

/* ---- actions -------------------------------------------------------------------------------- */

/* Actions up to the end of the line, joined by "then". */
static int take_actions(struct parse *p, struct ptest_step *s)
{
	int k;

	s->action = calloc(ANOD_ACTIONS_MAX, sizeof(*s->action));
	if (!s->action)
		return parse_no_memory(p);
	for (;;) {
		const char *end = parse_ahead(p)->text;
		struct lexer l = p->lexer;
		struct token t;

		if (s->n == ANOD_ACTIONS_MAX)
			return parse_error(p, &parse_ahead(p)->place, "at most %d actions",
					   ANOD_ACTIONS_MAX);
		/* The action's parser reads to the end of its text: give it what is before "then". */
		while (!parse_at_end(p) && !parse_is(p, "then")) {
			lex_next(&p->lexer, &t);
			end = t.text + t.len;
		}
		l.end = end;
		k = action_parse(&l, p->env->actions, p->diags, &s->action[s->n]);
		if (k < 0)
			return k;
		s->n++;
		if (!parse_accept(p, "then"))
			return 0;
	}
}

static int clause_propose(struct parse *p, struct ptest_step *s)
{
	int k = parse_name(p, "the name of an agent", &s->text);

	return k < 0 ? k : take_actions(p, s);
}

static int clause_in_flight(struct parse *p, struct ptest_step *s)
{
	int k = parse_expect(p, "flight", "'flight' and an action");

	return k < 0 ? k : take_actions(p, s);
}

/* "out [and roll back]" */
static int clause_carry(struct parse *p, struct ptest_step *s)
{
	int k = parse_expect(p, "out", "'out'");

	if (k < 0 || parse_at_end(p))
		return k;
	s->want = 1;
	k = parse_expect(p, "and", "'and roll back'");
	if (k == 0)
		k = parse_expect(p, "roll", "'roll back'");
	return k < 0 ? k : parse_expect(p, "back", "'back'");
}

static int clause_now(struct parse *p, struct ptest_step *s)
{
	return ptest_moment(p, &s->time_us);
}

static int clause_wait(struct parse *p, struct ptest_step *s)
{
	return parse_duration(p, "wait", &s->time_us);
}

static int clause_evidence(struct parse *p, struct ptest_step *s)
{
	int64_t n = 0;
	int k = parse_number(p, "evidence", 0, 1000, &n);

	s->n = (unsigned) n;
	return k;
}

static int clause_confidence(struct parse *p, struct ptest_step *s)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_VALUE || (t.value.type != ANOD_REAL && t.value.type != ANOD_INT))
		return parse_wants(p, "confidence", "a number from 0 to 1");
	lex_next(&p->lexer, &t);
	s->number = t.value.type == ANOD_REAL ? t.value.u.r : (double) t.value.u.i;
	return 0;
}

/* ---- all of them ---------------------------------------------------------------------------- */

const char *const ptest_words[] = { "given",   "now",	"wait",	  "evidence", "confidence", "in",
				    "propose", "carry", "expect", "override", NULL };
int (*const ptest_clause[])(struct parse *, struct ptest_step *) = {
	ptest_clause_given,    clause_now,	  clause_wait,
	clause_evidence,       clause_confidence, clause_in_flight,
	clause_propose,	       clause_carry,	  ptest_clause_expect,
	ptest_clause_override,
};
const enum ptest_kind ptest_kinds[] = { PTEST_GIVEN,	PTEST_NOW,	  PTEST_WAIT,
					PTEST_EVIDENCE, PTEST_CONFIDENCE, PTEST_IN_FLIGHT,
					PTEST_PROPOSE,	PTEST_CARRY_OUT,  PTEST_EXPECT,
					PTEST_OVERRIDE };
