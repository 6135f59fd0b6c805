/*
 * Policy tests themselves: what "anod policy test" says of every tests/ptest/NAME.test is exactly in
 * NAME.expected.  With ANOD_UPDATE=1 the expectations are written anew.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <unistd.h>

#include "host/policy_cmd.h"

#define FOLDER SOURCE_DIR "/tests/ptest"

static char *say(const struct policy_world *w, const char *path,
		 const struct policy_test_options *o, int *ret)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(out);
	*ret = policy_test_file(path, o, &w->env, w->schema, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

static char *expected(const char *name, const char *said)
{
	char path[256], *text = NULL;
	size_t size;

	(void) snprintf(path, sizeof(path), "%.*s.expected", (int) (strlen(name) - strlen(".test")),
			name);
	if (getenv("ANOD_UPDATE")) {
		FILE *f = fopen(path, "we");

		cr_assert_not_null(f);
		fputs(said, f);
		(void) fclose(f);
	}
	return config_read_file(NULL, path, &text, &size) < 0 ? strdup("") : text;
}

static struct policy_world open_world(void)
{
	struct policy_world w;

	cr_assert_eq(chdir(FOLDER), 0); /* so that messages name no folder */
	cr_assert_geq(policy_world_open(&w, BUILD_DIR "/plugins", stderr), 0);
	return w;
}

Test(ptest, every_file_says_exactly_what_is_expected)
{
	struct policy_test_options o = { .coverage = true, .mutate = true };
	struct policy_world w = open_world();
	glob_t g;

	cr_assert_eq(glob("*.test", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 30);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *name = g.gl_pathv[i];
		char *said, *want;
		int r;

		said = say(&w, name, &o, &r);
		want = expected(name, said);
		cr_expect(strcmp(said, want) == 0, "%s says\n%sand not\n%s", name, said, want);
		cr_expect_eq(r < 0, strncmp(name, "good", 4) != 0, "%s: %d", name, r);
		free(said);
		free(want);
	}
	globfree(&g);
	policy_world_close(&w);
}

/* One permit with one threshold: what is changed can be counted by hand. */
Test(ptest, a_tiny_policy_has_known_scores)
{
	struct policy_test_options all = { .coverage = true, .mutate = true, .json = true };
	struct policy_test_options some = { .coverage = true, .mutate = true, .only = "no such" };
	struct policy_test_options high = { .coverage = true, .min_cover = 100 };
	struct policy_world w = open_world();
	char *said;
	int r;

	said = say(&w, "good-tiny.test", &all, &r);
	cr_expect_eq(r, 0);
	cr_expect(strstr(said, "\"coverage\":\t100"), "%s", said);
	cr_expect(strstr(said, "\"mutation_score\":\t100"), "%s", said);
	free(said);

	/* No test was run, so nothing was seen; mutants are tried on all tests all the same. */
	said = say(&w, "good-tiny.test", &some, &r);
	cr_expect(strstr(said, "coverage 0%: 0 of 7 truths"), "%s", said);
	free(said);

	said = say(&w, "good-weak.test", &high, &r);
	cr_expect_lt(r, 0);
	cr_expect(strstr(said, "a score is lower than asked for"), "%s", said);
	free(said);
	policy_world_close(&w);
}
