/*
 * ptest_parse - test files of policies.
 *
 * Design.  The parsers of policy statements are used, so that words, units, expressions and messages
 * are those of the policy.  The policy that is tested is loaded first, because facts and conditions are
 * checked against it.
 */
#include "policy/action_text.h"
#include "policy/parse.h"
#include "policy/ptest.h"

struct reader {
	struct parse parse;
	struct scope scope;
	struct ptest_file *file;
	bool loaded;
};

/* 'p' is the first member of a reader. */
static struct reader *reader_of(struct parse *p)
{
	return (struct reader *) p;
}

/* ---- values -------------------------------------------------------------------------------- */

/* A relative path is one from the folder of the test file. */
static int beside(struct parse *p, const char *clause, char **ret)
{
	const char *own = reader_of(p)->file->path, *slash = strrchr(own, '/');
	_cleanup_(freep) char *path = NULL;
	int k = parse_string(p, clause, &path);
	const char *rest = path;

	if (k < 0)
		return k;
	if (path[0] == '/' || !slash) {
		*ret = TAKE(path);
		return 0;
	}
	/* "tests/" and "../x.conf" are "x.conf": what people would have written. */
	if (strncmp(path, "../", 3) == 0) {
		const char *up = memrchr(own, '/', (size_t) (slash - own));

		if (up && strncmp(up, "/..", 3) != 0) {
			slash = up;
			rest += 3;
		} else if (!up && own[0] != '.') {
			*ret = strdup(path + 3);
			return *ret ? 0 : parse_no_memory(p);
		}
	}
	if (asprintf(ret, "%.*s/%s", (int) (slash - own), own, rest) < 0)
		*ret = NULL;
	return *ret ? 0 : parse_no_memory(p);
}

/* "2026-11-24 12:00" */
static int moment(struct parse *p, uint64_t *ret_us)
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

static int take_value(struct parse *p, struct anod_value *ret)
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

/* ---- clauses -------------------------------------------------------------------------------- */

/* "FACT VALUE [age DUR] [for DUR]" */
static int clause_given(struct parse *p, struct ptest_step *s)
{
	struct lex_place place = parse_ahead(p)->place;
	struct reader *r = reader_of(p);
	int k = parse_expr(p, &s->expr);

	if (k < 0)
		return k;
	r->scope.rule = NULL;
	k = expr_check(s->expr, &r->scope.expr, false, p->diags);
	if (k < 0)
		return k;
	if ((s->expr->op != EXPR_FACT || !s->expr->entity) && s->expr->op != EXPR_CALL)
		return parse_error(
			p, &place,
			"given wants a fact with its entity such as link.wan0.carrier, or a "
			"function over time");
	k = take_value(p, &s->value);
	if (k == 0 && parse_accept(p, "age"))
		k = parse_duration(p, "age", &s->age_us);
	if (k == 0 && parse_accept(p, "for"))
		k = parse_duration(p, "for", &s->for_us);
	return k;
}

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

static int clause_carry(struct parse *p, struct ptest_step *s)
{
	(void) s;
	return parse_expect(p, "out", "'out'");
}

static int clause_now(struct parse *p, struct ptest_step *s)
{
	return moment(p, &s->time_us);
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

/* ---- expect ---------------------------------------------------------------------------------- */

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

static bool known_rule(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (strcmp(p->rule[i].name, name) == 0)
			return true;
	return false;
}

static bool known_invariant(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_invariants; i++)
		if (strcmp(p->invariant[i].name, name) == 0)
			return true;
	return false;
}

static int check_name(struct parse *p, const struct ptest_step *s, const struct lex_place *place)
{
	const struct policy *policy = p->config->policy;
	bool rule = s->expect == EXPECT_PERMIT || s->expect == EXPECT_RULE ||
		    s->expect == EXPECT_COUNTS;

	if (rule && s->text[0] && !known_rule(policy, s->text))
		return parse_error(p, place, "the policy has no rule \"%s\"", s->text);
	if (s->expect == EXPECT_INVARIANT && !known_invariant(policy, s->text))
		return parse_error(p, place, "the policy has no invariant \"%s\"", s->text);
	return 0;
}

/* "within 10s", "budget drains", "approvals 2" */
static int expect_term(struct parse *p, struct ptest_step *s, const char *term)
{
	struct token t;

	s->expect = EXPECT_TERM;
	(void) copy_text(s->term, sizeof(s->term), term);
	lex_next(&p->lexer, &t);
	return take_value(p, &s->value);
}

/* true and false are values, not words. */
static int expect_truth(struct parse *p, struct ptest_step *s)
{
	struct token t;
	int k = expect_choice(p, s, EXPECT_RULE, "rule", NULL);

	if (k < 0)
		return k;
	t = *parse_ahead(p);
	if (t.type == TOKEN_VALUE && t.value.type == ANOD_BOOL)
		s->want = t.value.u.i ? ANOD_TRUE : ANOD_FALSE;
	else if (token_is(&t, "unknown"))
		s->want = ANOD_DOUBT;
	else
		return parse_wants(p, "rule", "true, false or unknown");
	lex_next(&p->lexer, &t);
	return 0;
}

static int clause_expect(struct parse *p, struct ptest_step *s)
{
	static const char *const levels[] = {
		"deny", "observe", "propose", "approve", "auto", NULL
	};
	static const char *const states[] = { "fails", "unknown", "holds", "excused", NULL };
	static const char *const terms[] = { "approvals", "budget", "cooldown", "verify",
					     "confirm",	  "undo",   "within" };
	struct lex_place place = parse_ahead(p)->place;
	unsigned index;
	int k = 0;

	for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
		if (parse_is(p, terms[i]))
			return expect_term(p, s, terms[i]);
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
	else if (parse_accept(p, "no")) {
		s->expect = EXPECT_PERMIT;
		s->text = strdup("");
		return s->text ? parse_expect(p, "permit", "'permit'") : parse_no_memory(p);
	} else if (parse_accept(p, "possible") || parse_is(p, "not")) {
		s->expect = EXPECT_POSSIBLE;
		s->want = !parse_accept(p, "not");
		return s->want ? 0 : parse_expect(p, "possible", "'possible'");
	} else if (parse_accept(p, "after")) {
		s->expect = EXPECT_AFTER;
		k = parse_expr(p, &s->expr);
		return k < 0 ? k : scope_check(&reader_of(p)->scope, s->expr, NULL, false);
	} else {
		s->expect = EXPECT_LEVEL;
		k = parse_choice(p, "expect", levels, &index);
		s->want = k < 0 ? 0 : (int) index;
		return k;
	}
	return k < 0 ? k : check_name(p, s, &place);
}

static const char *const test_words[] = { "given", "now",     "wait",  "evidence", "confidence",
					  "in",	   "propose", "carry", "expect",   NULL };
static int (*const test_clause[])(struct parse *, struct ptest_step *) = {
	clause_given,	  clause_now,	  clause_wait,	clause_evidence, clause_confidence,
	clause_in_flight, clause_propose, clause_carry, clause_expect,
};

static int add_step(struct parse *p, void *target, unsigned index)
{
	struct ptest *t = target;
	struct ptest_step *s;

	if (t->n_steps == PTEST_STEPS_MAX)
		return parse_error(p, &parse_ahead(p)->place, "at most %d lines in a test",
				   PTEST_STEPS_MAX);
	s = ARRAY_APPEND(t->step, t->n_steps);
	if (!s)
		return parse_no_memory(p);
	*s = (struct ptest_step){ .kind = (enum ptest_kind)(index + 1),
				  .place = parse_ahead(p)->place };
	return test_clause[index](p, s);
}

/* ---- statements ------------------------------------------------------------------------------ */

/* An expectation needs something that was proposed. */
static int check_order(struct parse *p, const struct ptest *t)
{
	bool proposed = false, expected = false;

	for (unsigned i = 0; i < t->n_steps; i++) {
		const struct ptest_step *s = &t->step[i];

		proposed |= s->kind == PTEST_PROPOSE;
		expected |= s->kind == PTEST_EXPECT;
		if (!proposed && (s->kind == PTEST_EXPECT || s->kind == PTEST_CARRY_OUT))
			return parse_error(p, &s->place, "nothing has been proposed before this");
	}
	if (!expected)
		return parse_error(p, &t->place, "test \"%s\" expects nothing, so it cannot fail",
				   t->name);
	return 0;
}

static int statement_test(struct parse *p)
{
	static const struct block b = { .what = "test",
					.words = test_words,
					.many = UINT64_MAX,
					.clause = add_step,
					.noun = "a clause",
					.not_empty = true };
	struct ptest_file *f = reader_of(p)->file;
	struct lex_place place = parse_ahead(p)->place;
	struct ptest *t = ARRAY_APPEND(f->test, f->n_tests);
	int k;

	if (!t)
		return parse_no_memory(p);
	*t = (struct ptest){ .place = place };
	k = parse_string(p, "test", &t->name);
	for (unsigned i = 0; k == 0 && i + 1 < f->n_tests; i++)
		if (strcmp(f->test[i].name, t->name) == 0)
			k = parse_error(p, &place, "there are two tests \"%s\"", t->name);
	if (k == 0)
		k = parse_block(p, &b, t);
	return k < 0 ? k : check_order(p, t);
}

static int statement_policy(struct parse *p)
{
	struct reader *r = reader_of(p);
	struct lex_place place = parse_ahead(p)->place;
	struct config *c = NULL;
	int k;

	if (r->loaded)
		return parse_error(p, &place, "one policy for each file");
	k = beside(p, "policy", &r->file->policy_path);
	if (k < 0)
		return k;
	k = config_load(r->file->policy_path, p->env, p->diags, &c);
	if (k < 0)
		return parse_error(p, &place, "the policy %s does not load", r->file->policy_path);
	p->config = c;
	r->loaded = true;
	k = scope_init(&r->scope, p);
	return k < 0 ? parse_no_memory(p) : 0;
}

/* The text is read into a model when the world is made. */
static int statement_topology(struct parse *p)
{
	struct ptest_file *f = reader_of(p)->file;
	struct lex_place place = parse_ahead(p)->place;
	size_t size;
	int k;

	if (f->topology)
		return parse_error(p, &place, "one topology for each file");
	k = beside(p, "topology", &f->topology_name);
	if (k < 0)
		return k;
	k = p->env->read_file(p->env->data, f->topology_name, &f->topology, &size);
	if (k < 0)
		return parse_error(p, &place, "%s: %s", f->topology_name, strerror(-k));
	return 0;
}

static int statement_given(struct parse *p)
{
	struct ptest_file *f = reader_of(p)->file;
	struct ptest_step *s = ARRAY_APPEND(f->given, f->n_given);

	if (!s)
		return parse_no_memory(p);
	*s = (struct ptest_step){ .kind = PTEST_GIVEN, .place = parse_ahead(p)->place };
	return clause_given(p, s);
}

static int statement(struct parse *p)
{
	struct reader *r = reader_of(p);
	int k;

	if (parse_accept(p, "policy"))
		return statement_policy(p);
	if (!r->loaded)
		return parse_expected(p, "'policy' and the file that is tested");
	if (parse_accept(p, "topology"))
		k = statement_topology(p);
	else if (parse_accept(p, "now"))
		k = moment(p, &r->file->now_us);
	else if (parse_accept(p, "given"))
		k = statement_given(p);
	else if (parse_accept(p, "test"))
		return statement_test(p);
	else
		return parse_expected(p, "policy, topology, now, given or test");
	if (k == 0 && !parse_at_end(p))
		k = parse_expected(p, "the end of the line");
	return k;
}

static int statements(struct parse *p)
{
	int k = 0;

	parse_skip_newlines(p);
	while (k == 0 && parse_ahead(p)->type != TOKEN_END) {
		k = statement(p);
		parse_skip_newlines(p);
	}
	if (k == 0 && !reader_of(p)->file->n_tests)
		k = parse_error(p, &parse_ahead(p)->place, "the file has no test");
	return k;
}

int ptest_load(const char *path, const struct config_env *env, struct diag_list *diags,
	       struct ptest_file **ret, struct config **ret_config)
{
	_cleanup_(ptest_freep) struct ptest_file *f = calloc(1, sizeof(*f));
	_cleanup_(freep) char *text = NULL;
	struct reader r = { .parse = { .env = env, .diags = diags }, .file = f };
	size_t size;
	int k;

	if (!f)
		return -ENOMEM;
	f->path = strdup(path);
	f->now_us = UINT64_C(1767268800000000); /* 2026-01-01 12:00 UTC */
	if (!f->path)
		return -ENOMEM;
	k = env->read_file(env->data, path, &text, &size);
	if (k < 0) {
		struct lex_place place = { path, 1, 1 };

		diag_add(diags, DIAG_ERROR, &place, "%s", strerror(-k));
		return k;
	}
	lex_init(&r.parse.lexer, f->path, text, size);
	k = statements(&r.parse);
	scope_done(&r.scope);
	parse_forget_places(&r.parse);
	if (k < 0) {
		config_free(r.parse.config);
		return k;
	}
	*ret_config = r.parse.config;
	*ret = TAKE(f);
	return 0;
}

static void step_done(struct ptest_step *s)
{
	free(s->text);
	expr_free(s->expr);
	free(s->action);
}

struct ptest_file *ptest_free(struct ptest_file *f)
{
	if (!f)
		return NULL;
	for (unsigned i = 0; i < f->n_given; i++)
		step_done(&f->given[i]);
	for (unsigned i = 0; i < f->n_tests; i++) {
		for (unsigned k = 0; k < f->test[i].n_steps; k++)
			step_done(&f->test[i].step[k]);
		free(f->test[i].step);
		free(f->test[i].name);
	}
	free(f->given);
	free(f->test);
	free(f->path);
	free(f->policy_path);
	free(f->topology_name);
	free(f->topology);
	free(f);
	return NULL;
}
