/*
 * lock - what nobody may change for now, and the end of that.
 *
 * Design.  A resource has a space in its name ("link wan0"), so the words are put together again.
 */
#include <string.h>

#include "cli/cli.h"

static void show_locks(const struct cli *c, const cJSON *d)
{
	const cJSON *o;

	(void) c;
	if (!get(d, "locks")->child)
		(void) puts("nothing is locked");
	cJSON_ArrayForEach(o, get(d, "locks"))
	{
		bool stuck = cJSON_IsNull(get(o, "until_us"));

		(void) printf("%s is locked: T%.0f %s\n", get_text(o, "resource"),
			      cJSON_GetNumberValue(get(o, "tx")),
			      stuck ? "is stuck; when you have looked at the router, unlock it"
				    : "was changed by somebody else; left alone for a minute");
	}
}

int unlock_command(struct cli *c, int argc, char **argv)
{
	cJSON *args = cJSON_CreateObject();
	char resource[128] = "";

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(resource);

		if (snprintf(resource + n, sizeof(resource) - n, "%s%s", i ? " " : "", argv[i]) >=
		    (int) (sizeof(resource) - n)) {
			cJSON_Delete(args);
			return EXIT_USE;
		}
	}
	if (argc)
		cJSON_AddStringToObject(args, "resource", resource);
	return cli_page(c, "unlock", args, show_locks);
}
