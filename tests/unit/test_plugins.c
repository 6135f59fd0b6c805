/* Which shared objects are refused, and that the reason is said. */
#include "host/plugins.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

static char folder[64];

static void open_folder(void)
{
	log_open("test", LOG_CRIT); /* refusals are the point here */
	(void) copy_text(folder, sizeof(folder), "/tmp/anod-plugins-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void close_folder(void)
{
	char command[96];

	(void) snprintf(command, sizeof(command), "rm -rf %s", folder);
	(void) !system(command);
}

TestSuite(plugins, .init = open_folder, .fini = close_folder);

static const char *in_folder(const char *name)
{
	static char path[96];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Compile a plugin of one line; its path. */
static const char *compiled(const char *name, const char *source)
{
	const char *path = in_folder(name);
	char command[1024];

	(void) snprintf(command, sizeof(command),
			"printf '#include <anod/plugin.h>\\n%%s\\n' '%s' | cc -shared -fPIC "
			"-I" SOURCE_DIR "/core/include -x c - -o %s 2>/dev/null",
			source, path);
	cr_assert_eq(system(command), 0, "%s", command);
	return path;
}

#define DESC "const struct anod_plugin anod_plugin_v1 = { .size = sizeof(anod_plugin_v1), "

Test(plugins, a_file_that_others_can_change_is_refused)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		const char *why;
	} c[] = {
		{ 0775, 0, "chmod go-w" },
		{ 0757, 0, "chmod go-w" },
		{ 01777, 0, "chmod go-w" },
		{ 0755, 65534, "chown root" },
	};
	const char *path =
		compiled("t.so", DESC ".name = \"t\", .version = \"1\", .summary = \"s\", "
				      ".roles = ANOD_AGENT };");
	struct loaded_plugin l;
	char why[256];

	if (geteuid() != 0)
		cr_skip_test("only root gives files away");
	cr_assert_eq(chmod(path, 0755), 0);
	cr_assert_eq(plugin_open(path, &l, why), 0, "%s", why);
	plugin_close(&l);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		cr_assert_eq(chown(path, c[i].owner, (gid_t) -1), 0);
		cr_assert_eq(chmod(path, c[i].mode), 0);
		cr_expect_eq(plugin_open(path, &l, why), -EPERM, "%zu", i);
		cr_expect_not_null(strstr(why, c[i].why), "%zu: %s", i, why);
	}
	cr_expect_eq(plugin_open(in_folder("none.so"), &l, why), -ENOENT);
	cr_expect_eq(plugin_open(folder, &l, why), -EPERM, "no regular file");
}

Test(plugins, a_descriptor_is_checked_as_a_whole)
{
	static const struct {
		const char *source, *why;
	} c[] = {
		{ "int nothing;", "exports no anod_plugin_v1" },
		{ "const unsigned anod_plugin_v1[4] = { 4 };", "exports no anod_plugin_v1" },
		{ DESC
		  ".name = \"T t\", .version = \"1\", .summary = \"s\", .roles = ANOD_AGENT };",
		  "its name" },
		{ DESC ".name = \"t\", .roles = ANOD_AGENT };", "no version or summary" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\" };", "its roles" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\", .roles = 1u << 30 };",
		  "its roles" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\", "
		       ".roles = ANOD_AGENT | ANOD_ACTUATOR };",
		  "an agent may not" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\", .roles = ANOD_SENSOR };",
		  "a sensor without facts" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\", "
		       ".roles = ANOD_ACTUATOR };",
		  "an actuator without actions" },
		{ DESC ".name = \"t\", .version = \"1\", .summary = \"s\", .roles = ANOD_MODEL };",
		  "without a dialect" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		struct loaded_plugin l;
		char name[16], why[256];

		/* glibc takes equal names for equal objects. */
		(void) snprintf(name, sizeof(name), "d%zu.so", i);
		cr_expect_lt(plugin_open(compiled(name, c[i].source), &l, why), 0, "%zu", i);
		cr_expect_not_null(strstr(why, c[i].why), "%zu: %s", i, why);
	}
}

/* Built against an older header: what it lacks is zero. */
Test(plugins, a_short_descriptor_is_filled_up)
{
	const char *path = compiled(
		"short.so", "const struct anod_plugin anod_plugin_v1 = { "
			    ".size = __builtin_offsetof(struct anod_plugin, init), "
			    ".name = \"t\", .version = \"1\", .summary = \"s\", "
			    ".roles = ANOD_AGENT, .init = (void *) 1, .stop = (void *) 1 };");
	struct loaded_plugin l;
	char why[256];

	cr_assert_eq(plugin_open(path, &l, why), 0, "%s", why);
	cr_expect_null(l.desc->init);
	cr_expect_null(l.desc->stop);
	plugin_close(&l);
}

Test(plugins, one_bad_object_does_not_keep_the_others_out)
{
	struct plugins *p = NULL;

	(void) compiled("a.so", DESC ".name = \"same\", .version = \"1\", .summary = \"s\", "
				     ".roles = ANOD_AGENT };");
	(void) compiled("b.so", DESC ".name = \"same\", .version = \"2\", .summary = \"s\", "
				     ".roles = ANOD_AGENT };");
	(void) compiled("c.so", "int nothing;");
	cr_assert_eq(plugins_open(folder, 0, &p), 0);
	cr_expect_eq(p->n, 1);
	cr_expect_eq(p->n_refused, 2);
	cr_expect_not_null(plugins_find(p, "same", ANOD_AGENT));
	cr_expect_null(plugins_find(p, "same", ANOD_SENSOR));
	plugins_close(p);
	cr_expect_eq(plugins_open("/nowhere", 0, &p), -ENOENT);
	cr_assert_eq(chmod(folder, 0777), 0);
	cr_expect_eq(plugins_open(folder, 0, &p), -EPERM, "others could add to it");
}
