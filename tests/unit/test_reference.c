/* docs/reference.md is what the manifests say. */
#include <criterion/criterion.h>
#include <string.h>

#include "host/policy_cmd.h"

static char *written(void)
{
	const struct host_options o = { .plugin_dir = BUILD_DIR "/plugins",
					.agent_dirs = BUILD_DIR "/agents" };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert_not_null(f);
	cr_assert_eq(reference_write(&o, f, stderr), 0);
	cr_assert_eq(fclose(f), 0);
	return text;
}

static unsigned line_of(const char *a, const char *b)
{
	unsigned line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

Test(reference, is_what_the_manifests_say)
{
	_cleanup_(freep) char *now = written(), *kept = NULL;
	size_t size;

	cr_assert_eq(config_read_file(NULL, SOURCE_DIR "/docs/reference.md", &kept, &size), 0);
	cr_expect(strcmp(now, kept) == 0,
		  "docs/reference.md is out of date from line %u on: make docs",
		  line_of(now, kept));
}

Test(reference, has_each_thing_with_what_an_engineer_asks)
{
	_cleanup_(freep) char *now = written();
	static const char *const parts[] = {
		"### rtnl\n",
		"| `link.carrier` | true or false | event |",
		"### counters\n",
		"| `link.rx_crc_errors` | a number of packets |",
		"### route.metric",
		"| `to` * |",
		"### flap\n",
		"Written in C.",
		"### crc-watch\n",
		"Declared, without C.",
		"| `lowered` | a number, 1 to 100000 | 4000 |",
		"Finds: `dirty-fibre` on each link",
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_expect(strstr(now, parts[i]), "'%s' is not there", parts[i]);
}
