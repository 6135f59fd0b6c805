#include <criterion/criterion.h>
#include <errno.h>
#include <sodium/crypto_hash_sha256.h>
#include <sys/stat.h>

#include "unit/config_help.h"

static struct config *load(const char *text)
{
	struct config_env env = env_make(schema, NULL);
	struct config *c = NULL;

	(void) config_load_text("t", text, &env, &diags, &c);
	for (unsigned i = 0; i < diags.n; i++)
		cr_log_info("%u:%u: %s", diags.item[i].place.line, diags.item[i].place.column,
			    diags.item[i].text);
	return c;
}

static const struct config_option *option(const struct config_block *b, const char *name)
{
	for (unsigned i = 0; i < b->n_options; i++) {
		if (strcmp(b->option[i].name, name) == 0)
			return &b->option[i];
	}
	return NULL;
}

Test(config, reads_blocks_of_an_agent_with_trailing_pairs_and_defaults, .init = setup,
     .fini = teardown)
{
	struct config *c = load("agent a plugin uplink { uplinks wan0, \"wan1.5\"  "
				"probe 192.0.2.1, 198.51.100.1 every 1s  proto tcp\n"
				"loss 3  offset -3 }");
	const struct config_block *b;
	const struct config_option *o;

	cr_assert_null(c, "loss 3 is 300 %%");
	diag_done(&diags);
	c = load("agent a plugin uplink { uplinks wan0, \"wan1.5\"  "
		 "probe 192.0.2.1, 198.51.100.1 every 1s  proto tcp\nloss 0.03  offset -3 }");
	cr_assert_not_null(c);
	cr_assert_eq(c->n_agents, 1);
	b = &c->agent[0];
	cr_expect_str_eq(b->name, "a");
	cr_expect_str_eq(b->plugin, "uplink");

	o = option(b, "uplinks");
	cr_assert_not_null(o);
	cr_expect_eq(o->n_values, 2);
	cr_expect_str_eq(o->value[1].u.text, "wan1.5");
	o = option(b, "probe");
	cr_expect_eq(o->n_values, 2);
	cr_expect_eq(o->value[0].type, ANOD_PREFIX);
	o = option(b, "probe.every");
	cr_expect_eq(o->value[0].u.i, 1000000);
	cr_expect_eq(o->value[0].unit, ANOD_UNIT_TIME);
	o = option(b, "loss");
	cr_expect_eq(o->value[0].type, ANOD_REAL);
	cr_expect_eq(o->value[0].unit, ANOD_UNIT_RATIO);
	cr_expect_float_eq(o->value[0].u.r, 0.03, 1e-12);
	cr_expect_eq(option(b, "offset")->value[0].u.i, -3);

	/* From the manifest. */
	cr_expect_eq(option(b, "table")->value[0].u.i, 254);
	cr_expect_eq(option(b, "sticky")->value[0].u.i, 1);
	cr_expect_str_eq(option(b, "proto")->value[0].u.text, "tcp");
	cr_expect_null(option(b, "floor"));
	config_free(c);
}

Test(config, reads_the_other_blocks, .init = setup, .fini = teardown)
{
	struct config *c =
		load("anod { state \"/s\"  run \"/r\"  plugins \"/p\"  group \"g\" }\n"
		     "link wan0 { role uplink  capacity 400Mbps }\n"
		     "link eth0.5 { }\n"
		     "group noc { a, b\n c }\n"
		     "endpoint e { provider openai  url \"http://x\"  model \"m\" }\n"
		     "endpoint f { provider anthropic  url \"https://x\"  model \"m\"  tier large\n"
		     "  timeout 2s  key file \"/k\"  budget 200k tokens per 24h  priority 3 }\n"
		     "sensor counters { }\n");

	cr_assert_not_null(c);
	cr_expect_str_eq(c->state_dir, "/s");
	cr_expect_str_eq(c->run_dir, "/r");
	cr_expect_str_eq(c->plugin_dir, "/p");
	cr_expect_str_eq(c->unix_group, "g");
	cr_expect_eq(c->n_links, 2);
	cr_expect_str_eq(c->link[0].role, "uplink");
	cr_expect_eq(c->link[0].capacity_bps, 400000000);
	cr_expect_str_eq(c->link[1].name, "eth0.5");
	cr_expect_null(c->link[1].role);
	cr_expect_eq(c->group[0].n_users, 3);
	cr_expect_eq(c->endpoint[0].timeout_us, 10000000);
	cr_expect_not(c->endpoint[0].large);
	cr_expect(c->endpoint[1].large);
	cr_expect_eq(c->endpoint[1].timeout_us, 2000000);
	cr_expect_str_eq(c->endpoint[1].key_file, "/k");
	cr_expect_eq(c->endpoint[1].budget_tokens, 200000);
	cr_expect_eq(c->endpoint[1].budget_per_us, UINT64_C(86400000000));
	cr_expect_eq(c->endpoint[1].priority, 3);
	cr_expect_eq(c->sensor[0].option[0].value[0].u.i, 1000000);
	cr_expect_str_eq(c->policy->name, "unnamed");
	config_free(c);
}

Test(config, hashes_all_texts_in_order, .init = setup, .fini = teardown)
{
	static const char text[] = "set a = link { wan0 }\n";
	struct config *c = load(text), *d = load("set a = link { wan1 }\n");
	uint8_t hash[32];

	cr_assert(c && d);
	crypto_hash_sha256(hash, (const unsigned char *) text, strlen(text));
	cr_expect_arr_eq(c->hash, hash, sizeof(hash));
	cr_expect_neq(memcmp(d->hash, hash, sizeof(hash)), 0);
	config_free(c);
	config_free(d);
}

Test(config, gives_all_or_nothing, .init = setup, .fini = teardown)
{
	struct config_env env = env_make(schema, NULL);
	struct config *c = (struct config *) &env; /* must stay as it is */

	cr_expect_eq(config_load_text("t", "set a = link { wan0 }\nsett b", &env, &diags, &c),
		     -EINVAL);
	cr_expect_eq((void *) c, (void *) &env);
	cr_expect_eq(diags.n_errors, 1);
	cr_expect_null(config_free(NULL));

	/* Errors that the list had before are not this text's. */
	c = NULL;
	cr_expect_eq(config_load_text("t", "set a = link { wan0 }", &env, &diags, &c), 0);
	config_free(c);
}

static int huge_file(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	(void) data;
	(void) path;
	*ret_size = CONFIG_FILE_SIZE + 1;
	*ret_text = calloc(1, *ret_size);
	return *ret_text ? 0 : -ENOMEM;
}

static int many_files(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	unsigned *n = data;

	(void) path;
	++*n;
	if (asprintf(ret_text, "# %u\n%s", *n, *n == 1 ? "include \"*\"\n" : "") < 0)
		return -ENOMEM;
	*ret_size = strlen(*ret_text);
	return 0;
}

static int many_paths(void *data, const char *pattern, char ***ret_paths)
{
	char **paths = calloc(CONFIG_FILES_MAX + 2, sizeof(*paths));

	(void) data;
	(void) pattern;
	for (int i = 0; paths && i < CONFIG_FILES_MAX + 1; i++) {
		if (asprintf(&paths[i], "%d.policy", i) < 0)
			paths[i] = NULL;
	}
	*ret_paths = paths;
	return CONFIG_FILES_MAX + 1;
}

Test(config, bounds_files_and_their_size, .init = setup, .fini = teardown)
{
	struct config_env env = env_make(schema, NULL);
	struct config *c = NULL;
	unsigned n = 0;

	env.read_file = huge_file;
	cr_expect_eq(config_load("/etc/x", &env, &diags, &c), -EINVAL);
	cr_expect_str_eq(diags.item[0].text, "cannot read '/etc/x': it is larger than 4 MiB");
	diag_done(&diags);

	env.read_file = many_files;
	env.glob = many_paths;
	env.data = &n;
	cr_expect_eq(config_load("first", &env, &diags, &c), -EINVAL);
	cr_expect_str_eq(diags.item[0].text, "more than 256 files");
	cr_expect_eq(diags.n_errors, 2);
}

Test(config, reads_files_relative_to_the_one_that_includes_them, .init = setup, .fini = teardown)
{
	struct config_env env = env_make(schema, NULL);
	char folder[] = "/tmp/anod-test-XXXXXX", path[128];
	struct config *c = NULL;
	FILE *f;

	env.read_file = config_read_file;
	env.glob = config_glob;
	cr_assert_not_null(mkdtemp(folder));
	(void) snprintf(path, sizeof(path), "%s/sub", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (int i = 0; i < 2; i++) {
		(void) snprintf(path, sizeof(path), "%s/sub/%d.policy", folder, i);
		f = fopen(path, "we");
		fprintf(f, "set s%d = link { wan%d }\n", i, i);
		(void) fclose(f);
	}
	(void) snprintf(path, sizeof(path), "%s/a.conf", folder);
	f = fopen(path, "we");
	fprintf(f, "include \"./sub/../sub/*.policy\"\n");
	(void) fclose(f);

	cr_expect_eq(config_load(path, &env, &diags, &c), 0);
	cr_assert_not_null(c);
	cr_expect_eq(c->n_files, 3);
	cr_expect_eq(c->policy->n_sets, 2);
	cr_expect_str_eq(c->policy->set[1].name, "s1");
	cr_expect_str_eq(c->policy->set[1].place.file, c->file[2]);
	config_free(c);

	c = NULL;
	cr_expect_eq(config_load(folder, &env, &diags, &c), -EINVAL);
	cr_expect_eq(config_load("/dev/zero", &env, &diags, &c), -EINVAL);
	cr_expect_eq(config_load("/nowhere/at/all", &env, &diags, &c), -EINVAL);
	cr_expect_null(c);
	cr_expect_eq(diags.n_errors, 3);

	(void) unlink(path);
	for (int i = 0; i < 2; i++) {
		(void) snprintf(path, sizeof(path), "%s/sub/%d.policy", folder, i);
		(void) unlink(path);
	}
	(void) snprintf(path, sizeof(path), "%s/sub", folder);
	(void) rmdir(path);
	(void) rmdir(folder);
}

Test(config, refuses_a_default_that_the_manifest_itself_forbids, .init = setup, .fini = teardown)
{
	static const struct anod_opt opts[] = {
		{ .name = "n", .type = ANOD_INT, .dflt = "500", .min = 1, .max = 100 },
		{ 0 },
	};
	static const struct anod_plugin odd = {
		.size = sizeof(odd), .name = "odd", .roles = ANOD_AGENT, .opts = opts
	};
	static const struct anod_plugin *const plugins[] = { &odd, NULL };
	struct config_env env = env_make(schema, NULL);
	struct config *c = NULL;

	env.plugins = plugins;
	cr_expect_eq(config_load_text("t", "agent odd { }", &env, &diags, &c), -EINVAL);
	cr_expect_not_null(strstr(diags.item[0].text, "plugin 'odd' declares a default of 'n'"));
	cr_expect_eq(config_load_text("t", "agent odd { n 5 }", &env, &diags, &c), 0);
	config_free(c);
}

Test(config, stays_fast_with_thousands_of_rules, .init = setup, .fini = teardown)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct config *c;

	for (int i = 0; i < 5000; i++)
		fprintf(f,
			"forbid \"r%d\" { action link.set  on link wan%d  when link.util > %d%% "
			"}\n",
			i, i, i % 100);
	(void) fclose(f);
	c = load(text);
	cr_assert_not_null(c);
	cr_expect_eq(c->policy->n_rules, 5000);
	cr_expect_eq(c->policy->n_expr, 5000);
	config_free(c);
	free(text);
}
