/*
 * ptest_parse - test files of policies.
 *
 * Design.  The parsers of policy statements are used, so that words, units, expressions and messages
 * are those of the policy.  The policy that is tested is loaded first, because facts and conditions are
 * checked against it.  Clauses of tests are in ptest_clause.c and ptest_expect.c.
 */
#include "model/snapshot.h"
#include "policy/ptest_int.h"

struct ptest_reader *ptest_reader_of(struct parse *p)
{
	return (struct ptest_reader *) p;
}

/* A relative path is one from the folder of the test file. */
static int beside(struct parse *p, const char *clause, char **ret)
{
	const char *own = ptest_reader_of(p)->file->path, *slash = strrchr(own, '/');
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
	*s = (struct ptest_step){ .kind = ptest_kinds[index], .place = parse_ahead(p)->place };
	return ptest_clause[index](p, s);
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
					.words = ptest_words,
					.many = UINT64_MAX,
					.clause = add_step,
					.noun = "a clause" };
	struct ptest_file *f = ptest_reader_of(p)->file;
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
	struct ptest_reader *r = ptest_reader_of(p);
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

/* What is wrong with it is told with its place in the snapshot. */
static int check_topology(struct parse *p, const struct lex_place *place, size_t size)
{
	const struct ptest_file *f = ptest_reader_of(p)->file;
	_cleanup_(model_freep) struct model *m = model_new();

	if (!m)
		return parse_no_memory(p);
	if (snapshot_read(f->topology_name, f->topology, size, m, NULL, NULL, p->diags) < 0)
		return parse_error(p, place, "the topology %s cannot be read", f->topology_name);
	return 0;
}

/* The text is read into a model when the world is made. */
static int statement_topology(struct parse *p)
{
	struct ptest_file *f = ptest_reader_of(p)->file;
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
	return check_topology(p, &place, size);
}

static int statement_given(struct parse *p)
{
	struct ptest_file *f = ptest_reader_of(p)->file;
	struct ptest_step *s = ARRAY_APPEND(f->given, f->n_given);

	if (!s)
		return parse_no_memory(p);
	*s = (struct ptest_step){ .kind = PTEST_GIVEN, .place = parse_ahead(p)->place };
	return ptest_clause_given(p, s);
}

static int statement(struct parse *p)
{
	struct ptest_reader *r = ptest_reader_of(p);
	int k;

	if (parse_accept(p, "policy"))
		return statement_policy(p);
	if (!r->loaded)
		return parse_expected(p, "'policy' and the file that is tested");
	if (parse_accept(p, "topology"))
		k = statement_topology(p);
	else if (parse_accept(p, "now"))
		k = ptest_moment(p, &r->file->now_us);
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
	if (k == 0 && !ptest_reader_of(p)->file->n_tests)
		k = parse_error(p, &parse_ahead(p)->place, "the file has no test");
	return k;
}

int ptest_load(const char *path, const struct config_env *env, struct diag_list *diags,
	       struct ptest_file **ret, struct config **ret_config)
{
	_cleanup_(ptest_freep) struct ptest_file *f = calloc(1, sizeof(*f));
	_cleanup_(freep) char *text = NULL;
	struct ptest_reader r = { .parse = { .env = env, .diags = diags }, .file = f };
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
	free(s->agent);
	free(s->resource);
	for (unsigned i = 0; i < s->n_names; i++)
		free(s->name[i]);
	free(s->name);
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
