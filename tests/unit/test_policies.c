/*
 * The policies of examples/ and their tests: all pass, every condition was seen, and small changes of
 * the policy are noticed.  "make policy-tests" prints the numbers.
 */
#include <criterion/criterion.h>
#include <glob.h>

#include "host/policy_cmd.h"

#define POLICIES     SOURCE_DIR "/examples/policies"
#define MIN_COVER    90
#define MIN_MUTATION 95

static struct policy_world open_world(void)
{
	struct policy_world w;

	cr_assert_geq(policy_world_open(&w, BUILD_DIR "/plugins", stderr), 0);
	return w;
}

Test(policies, every_example_has_tests_that_notice_small_changes)
{
	struct policy_test_options o = { .coverage = true,
					 .mutate = true,
					 .min_cover = MIN_COVER,
					 .min_mutants = MIN_MUTATION };
	struct policy_world w = open_world();
	glob_t g;

	cr_assert_eq(glob(POLICIES "/*.conf", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 8);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *name = strrchr(g.gl_pathv[i], '/') + 1;
		char path[512], *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		int r;

		(void) snprintf(path, sizeof(path), POLICIES "/tests/%.*s.test",
				(int) (strlen(name) - strlen(".conf")), name);
		r = policy_test_file(path, &o, &w.env, w.schema, out);
		cr_assert_eq(fclose(out), 0);
		cr_expect_eq(r, 0, "%s", text);
		free(text);
	}
	globfree(&g);
	policy_world_close(&w);
}
