/*
 * Every configuration that the documentation offers loads with the plugins that are built, and
 * says nothing: an example with a warning teaches the warning.
 */
#include <criterion/criterion.h>
#include <glob.h>

#include "host/host.h"

#define POLICIES SOURCE_DIR "/examples/policies"

/* The same kinds, actions and manifests as "anod check" has. */
static void open_world(struct schema **ret_schema, struct plugins **ret_plugins)
{
	struct schema *s = schema_new();
	struct plugins *p = NULL;
	const char *why;

	cr_assert_not_null(s);
	cr_assert_geq(plugins_open(BUILD_DIR "/plugins", 0, &p), 0);
	cr_assert_eq(p->n_refused, 0);
	cr_assert_geq(record_schema(s), 0);
	for (unsigned i = 0; i < p->n; i++)
		if (p->item[i].desc->kinds)
			cr_assert_geq(schema_declare(s, p->item[i].desc->name,
						     p->item[i].desc->kinds, &why),
				      0);
	*ret_schema = s;
	*ret_plugins = p;
}

static struct config *load(const struct schema *s, const struct plugins *p, const char *path)
{
	struct config_env env = {
		.schema = s,
		.actions = (const struct anod_action_desc *const *) p->actions,
		.plugins = (const struct anod_plugin *const *) p->list,
		.read_file = config_read_file,
		.glob = config_glob,
	};
	struct diag_list diags = { 0 };
	struct config *c = NULL;

	(void) config_load(path, &env, &diags, &c);
	diag_print(&diags, stderr);
	cr_expect_not_null(c, "%s does not load", path);
	cr_expect_eq(diags.n, 0, "%s has something to mend", path);
	diag_done(&diags);
	return c;
}

Test(examples, every_policy_loads_without_a_message)
{
	struct plugins *p;
	struct schema *s;
	glob_t g;

	open_world(&s, &p);
	cr_assert_eq(glob(POLICIES "/*.conf", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 4);
	for (size_t i = 0; i < g.gl_pathc; i++)
		config_free(load(s, p, g.gl_pathv[i]));
	globfree(&g);
	schema_free(s);
	plugins_close(p);
}

Test(examples, observe_only_permits_nothing)
{
	struct plugins *p;
	struct config *c;
	struct schema *s;

	open_world(&s, &p);
	c = load(s, p, POLICIES "/observe-only.conf");
	cr_assert_not_null(c);
	cr_expect_eq(c->policy->n_rules, 0);
	config_free(c);
	schema_free(s);
	plugins_close(p);
}

static int check(FILE *out, const char *path)
{
	struct host_options o = { .plugin_dir = BUILD_DIR "/plugins" };
	char *files[] = { (char *) (uintptr_t) path };

	return check_files(&o, files, 1, out);
}

Test(examples, check_knows_the_facts_of_the_core)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r = check(out, POLICIES "/home-multiwan.conf"); /* it counts findings */

	cr_assert_eq(fclose(out), 0);
	cr_expect_geq(r, 0, "%s", text);
	cr_expect(strstr(text, ": good: "), "%s", text);
	free(text);
}
