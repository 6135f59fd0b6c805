/*
 * ptest_expect - what a policy test may expect.
 *
 * Design.  One function for each form; names are those of the policy, or it is an error here.
 */
#include "policy/ptest_int.h"

static int expect_choice(struct parse *p, struct ptest_step *s, enum ptest_expect what,
			 const char *clause, const char *const *words)
{
	unsigned index = 0;
	int k = parse_string(p, clause, &s->text);

	s->expect = what;
	if (k == 0 && words)
		k = parse_choice(p, clause, words, &index);
	s->want = (int) index;
	return k;
}

static int check_name(struct parse *p, const struct ptest_step *s, const struct lex_place *place)
{
	if (!s->text[0])
		return 0;
	if (s->expect == EXPECT_PERMIT || s->expect == EXPECT_RULE || s->expect == EXPECT_COUNTS)
		return ptest_known(p, PTEST_RULES, s->text, place);
	if (s->expect == EXPECT_INVARIANT)
		return ptest_known(p, PTEST_INVARIANTS, s->text, place);
	return 0;
}

/* "within 10s", "budget drains", "approvals 2" */
static int expect_term(struct parse *p, struct ptest_step *s, const char *term)
{
	struct token t;

	s->expect = EXPECT_TERM;
	(void) copy_text(s->term, sizeof(s->term), term);
	lex_next(&p->lexer, &t);
	return ptest_value(p, &s->value);
}

/* true and false are values, not words. */
static int take_truth(struct parse *p, const char *clause, int *ret)
{
	struct token t = *parse_ahead(p);

	if (t.type == TOKEN_VALUE && t.value.type == ANOD_BOOL)
		*ret = t.value.u.i ? ANOD_TRUE : ANOD_FALSE;
	else if (token_is(&t, "unknown"))
		*ret = ANOD_DOUBT;
	else
		return parse_wants(p, clause, "true, false or unknown");
	lex_next(&p->lexer, &t);
	return 0;
}

static int expect_truth(struct parse *p, struct ptest_step *s)
{
	int k = expect_choice(p, s, EXPECT_RULE, "rule", NULL);

	return k < 0 ? k : take_truth(p, "rule", &s->want);
}

static int expect_verifies(struct parse *p, struct ptest_step *s)
{
	s->expect = EXPECT_VERIFIES;
	return take_truth(p, "verifies", &s->want);
}

/* fulfilled|violated|unknown, or "budget SHARE per DUR" */
static int expect_objective(struct parse *p, struct ptest_step *s)
{
	static const char *const states[] = { "violated", "unknown", "fulfilled", NULL };
	struct lex_place place = parse_ahead(p)->place;
	struct anod_value v;
	unsigned index = 0;
	int k = parse_string(p, "objective", &s->text);

	s->expect = EXPECT_OBJECTIVE;
	if (k == 0)
		k = ptest_known(p, PTEST_OBJECTIVES, s->text, &place);
	if (k < 0)
		return k;
	if (!parse_accept(p, "budget")) {
		k = parse_choice(p, "objective", states, &index);
		s->want = (int) index;
		return k;
	}
	s->expect = EXPECT_ACCOUNT;
	if (parse_ahead(p)->type != TOKEN_VALUE || parse_ahead(p)->value.unit != ANOD_UNIT_RATIO)
		return parse_wants(p, "budget", "a share such as 99.9%");
	k = ptest_value(p, &v);
	s->number = v.type == ANOD_REAL ? v.u.r : (double) v.u.i;
	if (k == 0)
		k = parse_expect(p, "per", "'per' and a duration");
	return k < 0 ? k : parse_duration(p, "per", &s->time_us);
}

static int expect_severity(struct parse *p, struct ptest_step *s)
{
	static const char *const words[] = {
		"none", "warning", "minor", "major", "critical", NULL
	};
	unsigned index = 0;
	int k = parse_choice(p, "severity", words, &index);

	s->expect = EXPECT_SEVERITY;
	s->want = (int) index;
	return k;
}

static int expect_approvers(struct parse *p, struct ptest_step *s)
{
	s->expect = EXPECT_APPROVERS;
	return parse_names(p, "the name of a group", &s->name, &s->n_names);
}

static int expect_notify(struct parse *p, struct ptest_step *s)
{
	s->expect = EXPECT_NOTIFY;
	return parse_name(p, "who is told", &s->text);
}

/* "no permit", or 'no rule "NAME"': it is not about this agent and action */
static int expect_no(struct parse *p, struct ptest_step *s)
{
	struct lex_place place;
	int k;

	if (parse_accept(p, "rule")) {
		place = parse_ahead(p)->place;
		k = parse_string(p, "rule", &s->text);
		s->expect = EXPECT_RULE;
		s->want = PTEST_NO_RULE;
		return k < 0 ? k : ptest_known(p, PTEST_RULES, s->text, &place);
	}
	s->expect = EXPECT_PERMIT;
	s->text = strdup("");
	return s->text ? parse_expect(p, "permit", "'permit', or 'rule' and its name")
		       : parse_no_memory(p);
}

static int expect_after(struct parse *p, struct ptest_step *s)
{
	int k = parse_expr(p, &s->expr);

	s->expect = EXPECT_AFTER;
	return k < 0 ? k : scope_check(&ptest_reader_of(p)->scope, s->expr, NULL, false);
}

/* What has a word of its own; 1: none of these. */
static int expect_worded(struct parse *p, struct ptest_step *s)
{
	static const struct {
		const char *word;
		int (*fn)(struct parse *, struct ptest_step *);
	} list[] = { { "verifies", expect_verifies },	{ "objective", expect_objective },
		     { "severity", expect_severity },	{ "notify", expect_notify },
		     { "approvers", expect_approvers }, { "no", expect_no },
		     { "after", expect_after } };
	static const char *const terms[] = { "approvals", "budget", "cooldown", "verify",
					     "confirm",	  "undo",   "within" };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (parse_accept(p, list[i].word))
			return list[i].fn(p, s);
	for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
		if (parse_is(p, terms[i]))
			return expect_term(p, s, terms[i]);
	return 1;
}

static int expect_level(struct parse *p, struct ptest_step *s)
{
	static const char *const levels[] = {
		"deny", "observe", "propose", "approve", "auto", NULL
	};
	unsigned index;

	s->expect = EXPECT_LEVEL;
	if (parse_ahead(p)->type != TOKEN_WORD)
		return parse_expected(p, "a level, or one of permit, rule, counts, invariant, "
					 "objective, reason, possible, after, or a term");
	for (index = 0; levels[index]; index++)
		if (parse_accept(p, levels[index])) {
			s->want = (int) index;
			return 0;
		}
	return parse_error(
		p, &parse_ahead(p)->place,
		"'%.*s' cannot be expected; there are deny, observe, propose, approve, auto, "
		"permit, no permit, rule, no rule, counts, invariant, objective, reason, possible, "
		"not possible, after, verifies, approvals, approvers, severity, notify, "
		"budget, cooldown, verify, confirm, undo, within",
		(int) MIN_OF(parse_ahead(p)->len, 60), parse_ahead(p)->text);
}

int ptest_clause_expect(struct parse *p, struct ptest_step *s)
{
	static const char *const states[] = { "fails",	 "unknown",    "holds",
					      "excused", "overridden", NULL };
	struct lex_place place = parse_ahead(p)->place;
	int k = expect_worded(p, s);

	if (k <= 0)
		return k;
	if (parse_accept(p, "permit"))
		k = expect_choice(p, s, EXPECT_PERMIT, "permit", NULL);
	else if (parse_accept(p, "rule"))
		k = expect_truth(p, s);
	else if (parse_accept(p, "counts"))
		k = expect_choice(p, s, EXPECT_COUNTS, "counts", NULL);
	else if (parse_accept(p, "invariant"))
		k = expect_choice(p, s, EXPECT_INVARIANT, "invariant", states);
	else if (parse_accept(p, "reason"))
		k = expect_choice(p, s, EXPECT_REASON, "reason", NULL);
	else if (parse_accept(p, "possible") || parse_is(p, "not")) {
		s->expect = EXPECT_POSSIBLE;
		s->want = !parse_accept(p, "not");
		return s->want ? 0 : parse_expect(p, "possible", "'possible'");
	} else
		return expect_level(p, s);
	return k < 0 ? k : check_name(p, s, &place);
}
