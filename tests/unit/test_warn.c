/*
 * Every tests/warn/NAME.conf loads, and the analysis says of it exactly what NAME.expected says.
 * With ANOD_UPDATE=1 the expectations are written anew.
 */
#include <criterion/criterion.h>
#include <glob.h>

#include "config_env.h"
#include "policy/analyse.h"

#define WARN	    SOURCE_DIR "/tests/warn"
#define WALL_NOW_US UINT64_C(1795359600000000) /* November 2026 */

static const struct anod_attr optic_attrs[] = {
	{ .name = "power", .type = ANOD_REAL, .max_age_ms = 5000, .help = "received" },
	{ 0 },
};
static const struct anod_kind optic[] = { { "optic", "a transceiver", optic_attrs }, { 0 } };
static const char *const proposes[] = { "route.replace", "link.down", NULL };

static struct anod_plugin uplink;
static const struct anod_plugin *plugins[8];

/* The same as tests/bad has, a sensor with a period, and an agent that says what it proposes. */
static struct config_env make_env(struct schema **ret)
{
	struct config_env env;
	const char *why;

	*ret = env_schema();
	cr_assert(*ret && schema_declare(*ret, "counters", optic, &why) == 0);
	env = env_make(*ret, WARN);
	uplink = *env.plugins[0];
	uplink.proposes = proposes;
	plugins[0] = &uplink;
	for (unsigned i = 1; env.plugins[i]; i++)
		plugins[i] = env.plugins[i];
	env.plugins = plugins;
	return env;
}

static char *messages(const struct config_env *env, const char *path)
{
	struct analyse_in in = {
		.env = env, .wall_us = WALL_NOW_US, .max_pairs = ANALYSE_PAIRS_MAX, .notes = true
	};
	struct diag_list diags = { 0 };
	struct findings found;
	struct config *c = NULL;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int r = config_load(path, env, &diags, &c);

	cr_assert_not_null(f);
	if (r < 0)
		diag_print(&diags, stderr);
	cr_assert(r == 0, "%s does not load", path);
	diag_done(&diags);
	in.config = c;
	cr_assert_eq(analyse(&in, &found), 0);
	for (unsigned i = 0; i < found.n; i++) {
		const struct finding *m = &found.item[i];

		fprintf(f, "%s:%u:%u: %s: %s%s%s [%s]\n", m->place.file, m->place.line,
			m->place.column, m->level == FINDING_WARNING ? "warning" : "note", m->text,
			m->cure[0] ? "; " : "", m->cure, m->check);
	}
	cr_assert_eq(fclose(f), 0);
	findings_done(&found);
	config_free(c);
	return text;
}

static void check_file(const struct config_env *env, const char *file)
{
	const char *name = strrchr(file, '/') + 1;
	char *said = messages(env, name), *expected = NULL, path[512];
	size_t size;

	(void) snprintf(path, sizeof(path), "%.*s.expected", (int) (strlen(file) - strlen(".conf")),
			file);
	if (getenv("ANOD_UPDATE")) {
		FILE *f = fopen(path, "we");

		cr_assert_not_null(f);
		fputs(said, f);
		(void) fclose(f);
	}
	cr_assert(config_read_file(NULL, path, &expected, &size) == 0, "%s", path);
	cr_expect(strcmp(said, expected) == 0, "%s:\n--- expected\n%s--- said\n%s", name, expected,
		  said);
	free(said);
	free(expected);
}

Test(warn, every_strange_file_gives_exactly_its_messages)
{
	struct schema *schema;
	struct config_env env = make_env(&schema);
	glob_t g;

	cr_assert_eq(glob(WARN "/*.conf", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 10);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_file(&env, g.gl_pathv[i]);
	globfree(&g);
	schema_free(schema);
}
