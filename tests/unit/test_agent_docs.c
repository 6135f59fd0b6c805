/* The examples of docs/agents.md load, and those that are shipped do. */
#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#include "base/util.h"
#include "declared.h"
#include "policy/config.h"

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t size;

	cr_assert_eq(config_read_file(NULL, path, &text, &size), 0, "%s", path);
	return text;
}

/* Each block between ``` that begins with "agent " is one agent. */
Test(agent_docs, every_example_of_the_manual_loads)
{
	_cleanup_(freep) char *text = read_text(SOURCE_DIR "/docs/agents.md");
	unsigned n = 0;

	for (char *at = text; (at = strstr(at, "```\nagent "));) {
		char *end = strstr(at + 4, "\n```");
		struct declared *d;

		cr_assert_not_null(end);
		*end = '\0';
		d = declared_text(at + 4, NULL); /* aborts with the reason */
		cr_assert_not_null(d);
		declared_free(d);
		at = end + 4;
		n++;
	}
	cr_expect_geq(n, 3, "only %u examples were found", n);
}

Test(agent_docs, every_shipped_agent_loads_and_says_what_it_is)
{
	glob_t g;

	cr_assert_eq(glob(SOURCE_DIR "/agents/*/*.agent", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char name[128], folder[256];
		const char *slash = strrchr(g.gl_pathv[i], '/');
		struct declared *d;

		cr_assert_eq(sscanf(slash, "/%127[^.].agent", name), 1);
		(void) snprintf(folder, sizeof(folder), "/agents/%s/", name);
		cr_expect(strstr(g.gl_pathv[i], folder), "%s lies in another folder",
			  g.gl_pathv[i]);
		d = declared_agent(name, NULL);
		cr_assert_not_null(d);
		cr_expect(declared_manifest(d)->summary[0], "%s has no summary", name);
		declared_free(d);
	}
	globfree(&g);
}
