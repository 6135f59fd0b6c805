/*
 * policy_test - "anod policy test": the results of test files, for people and for scripts.
 *
 * Design.  Quiet when all is well: a line for each file, with its coverage and mutation score when they
 * are asked for.  What failed is told with its place, and what no test has seen with what to write.
 */
#include "host/policy_test.h"

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "host/policy_cmd.h"
#include "policy/ptest.h"

struct telling {
	const struct policy_test_options *o;
	FILE *out;
	const struct ptest *test;
	cJSON *list; /* of what was not met, or of mutants, or of conditions; with --json */
	bool named;
	int mutants; /* how many there were, and were noticed */
	unsigned killed;
};

static void tell_failure(const struct lex_place *place, const char *text, void *data)
{
	struct telling *t = data;
	char where[300];

	(void) snprintf(where, sizeof(where), "%s:%u:%u", place->file ? place->file : "",
			place->line, place->column);
	if (t->o->json) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "place", where);
		cJSON_AddStringToObject(o, "test", t->test ? t->test->name : "");
		cJSON_AddStringToObject(o, "text", text);
		cJSON_AddItemToArray(t->list, o);
		return;
	}
	if (!t->named && t->test)
		(void) fprintf(t->out, "FAIL  %s\n", t->test->name);
	t->named = true;
	(void) fprintf(t->out, "      %s: %s\n", where, text);
}

static void truth_words(unsigned bits, char *buf, size_t size)
{
	static const char *const words[] = { "false", "unknown", "true" };
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < 3; i++)
		if (bits & 1u << i && n < size)
			n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? ", " : "", words[i]);
}

static void tell_condition(const struct lex_place *place, const char *what, unsigned seen,
			   unsigned can, void *data)
{
	struct telling *t = data;
	char missing[48];

	if (!(can & ~seen) || t->o->table)
		return;
	truth_words(can & ~seen, missing, sizeof(missing));
	if (t->o->json) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddNumberToObject(o, "line", place->line);
		cJSON_AddStringToObject(o, "condition", what);
		cJSON_AddStringToObject(o, "never", missing);
		cJSON_AddItemToArray(t->list, o);
		return;
	}
	(void) fprintf(t->out, "      %s:%u: never %s: %s\n", place->file ? place->file : "",
		       place->line, missing, what);
}

static void tell_mutant(const struct lex_place *place, const char *what, bool killed, void *data)
{
	struct telling *t = data;

	if (killed || t->o->table)
		return;
	if (t->o->json) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddNumberToObject(o, "line", place->line);
		cJSON_AddStringToObject(o, "mutant", what);
		cJSON_AddItemToArray(t->list, o);
		return;
	}
	(void) fprintf(t->out, "      %s:%u: no test notices: %s\n", place->file ? place->file : "",
		       place->line, what);
}

static unsigned percent(unsigned part, unsigned whole)
{
	return whole ? part * 100 / whole : 100;
}

static int run_tests(struct ptest_run *run, struct telling *t)
{
	int failed = 0;

	for (unsigned i = 0; i < run->file->n_tests; i++) {
		int k;

		t->test = &run->file->test[i];
		t->named = false;
		if (t->o->only && !strstr(t->test->name, t->o->only))
			continue;
		k = ptest_one(run, t->test);
		if (k < 0)
			return k;
		failed += k > 0;
		if (t->o->verbose && k == 0 && !t->o->json)
			(void) fprintf(t->out, "good  %s\n", t->test->name);
	}
	return failed;
}

static cJSON *list_in(cJSON *o, const struct telling *t, const char *name)
{
	return t->o->json ? cJSON_AddArrayToObject(o, name) : NULL;
}

/* Coverage and mutation score, in percent; -1: not asked for. */
static int scores(struct ptest_run *run, struct telling *t, cJSON *o, int failed, int *ret_cover,
		  int *ret_mutants)
{
	unsigned seen, all, killed;
	int n;

	*ret_cover = *ret_mutants = -1;
	if (run->cover) {
		t->list = list_in(o, t, "never_seen");
		ptest_cover_score(run->cover, &seen, &all);
		*ret_cover = (int) percent(seen, all);
		if (!t->o->json && !t->o->table)
			(void) fprintf(t->out,
				       "      coverage %u%%: %u of %u truths of conditions seen\n",
				       percent(seen, all), seen, all);
		ptest_cover_each(run->cover, tell_condition, t);
	}
	/* A mutant is noticed by a test that fails because of it, so all must be good before. */
	if (!t->o->mutate || failed)
		return 0;
	t->list = list_in(o, t, "survivors");
	n = ptest_mutate(run, tell_mutant, t, &killed);
	if (n < 0)
		return n;
	*ret_mutants = (int) percent(killed, (unsigned) n);
	t->mutants = n;
	t->killed = killed;
	if (!t->o->json && !t->o->table)
		(void) fprintf(t->out, "      mutation score %u%%: tests notice %u of %d changes\n",
			       percent(killed, (unsigned) n), killed, n);
	return 0;
}

static int report(const struct ptest_file *f, struct telling *t, cJSON *o, int failed, int cover,
		  int mutants)
{
	bool low = (cover >= 0 && cover < t->o->min_cover) ||
		   (mutants >= 0 && mutants < t->o->min_mutants);
	char *text;

	if (t->o->table && !t->o->json && cover >= 0 && mutants >= 0) {
		(void) fprintf(t->out, "%-44s %6u %9d%% %9d%%  %u of %d%s\n", f->path, f->n_tests,
			       cover, mutants, t->killed, t->mutants, low ? "  too low" : "");
		return low ? -EINVAL : 0;
	}
	if (!t->o->json) {
		(void) fprintf(t->out, "%s: %u tests, %d failed%s\n", f->path, f->n_tests, failed,
			       low ? "; a score is lower than asked for" : "");
		return failed || low ? -EINVAL : 0;
	}
	cJSON_AddStringToObject(o, "file", f->path);
	cJSON_AddNumberToObject(o, "tests", f->n_tests);
	cJSON_AddNumberToObject(o, "failed", failed);
	if (cover >= 0)
		cJSON_AddNumberToObject(o, "coverage", cover);
	if (mutants >= 0)
		cJSON_AddNumberToObject(o, "mutation_score", mutants);
	text = cJSON_Print(o);
	(void) fprintf(t->out, "%s\n", text ? text : "null");
	free(text);
	return failed || low ? -EINVAL : 0;
}

int policy_test_file(const char *path, const struct policy_test_options *o,
		     const struct config_env *env, struct schema *schema, FILE *out)
{
	_cleanup_(ptest_freep) struct ptest_file *f = NULL;
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(ptest_cover_freep) struct ptest_cover *cover = NULL;
	struct telling t = { .o = o, .out = out };
	struct diag_list diags = { 0 };
	struct ptest_run run;
	cJSON *json = o->json ? cJSON_CreateObject() : NULL;
	int k, failed, covered, mutants;

	k = ptest_load(path, env, &diags, &f, &c);
	if (k < 0)
		diag_print(&diags, out);
	diag_done(&diags);
	if (k < 0) {
		cJSON_Delete(json);
		return k;
	}
	cover = o->coverage ? ptest_cover_new(c) : NULL;
	run = (struct ptest_run){ .config = c,
				  .file = f,
				  .env = env,
				  .schema = schema,
				  .cover = cover,
				  .fail = tell_failure,
				  .data = &t };
	t.list = list_in(json, &t, "failures");
	failed = k = run_tests(&run, &t);
	if (k >= 0)
		k = scores(&run, &t, json, failed, &covered, &mutants);
	if (k >= 0)
		k = report(f, &t, json, failed, covered, mutants);
	else
		(void) fprintf(out, "%s: cannot be run: %s\n", path, strerror(-k));
	cJSON_Delete(json);
	return k;
}

int policy_test_command(const struct policy_options *o, struct policy_world *w, int argc,
			char **argv)
{
	struct policy_test_options t = o->test;
	bool failed = false;

	t.json = o->json;
	if (t.table && !t.json)
		(void) printf("%-44s %6s %10s %10s  %s\n", "POLICY TESTS", "TESTS", "COVERAGE",
			      "MUTATION", "CHANGES NOTICED");
	for (int i = 0; i < argc; i++)
		failed |= policy_test_file(argv[i], &t, &w->env, w->schema, stdout) < 0;
	return failed ? POLICY_NO : POLICY_GOOD;
}
