/*
 * standing - what each permit gives now by what was done under it, and how far it is.
 */
#include <string.h>

#include "cli/cli.h"

static const char *or_dash(const cJSON *o, const char *name)
{
	return get_text(o, name)[0] ? get_text(o, name) : "-";
}

static const char *paint_of(const cJSON *o)
{
	if (get_bool(o, "demoted"))
		return "red";
	return get_bool(o, "promoted") ? "green" : "";
}

void show_standing(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "PERMIT", "AGENT", "ACTION",   "ON",
					     "LEVEL",  "BASE",	"STANDING", NULL };
	struct table *t;
	const cJSON *o;
	char text[32];

	if (!get(d, "standing")->child) {
		(void) puts("no permit has 'promote' or 'demote': levels are as they are written");
		return;
	}
	t = table_new(c, heads);
	cJSON_ArrayForEach(o, get(d, "standing"))
	{
		const char *cells[] = { get_text(o, "permit"), or_dash(o, "agent"),
					or_dash(o, "action"),  or_dash(o, "class"),
					get_text(o, "level"),  get_text(o, "base"),
					get_text(o, "text") };

		table_row(t, cells);
		if (paint_of(o)[0])
			table_paint(t, 4, paint(c, paint_of(o)));
	}
	table_print(t);
	if (get(d, "known_for_us"))
		(void) printf("what was done before the last %s is not known\n",
			      duration_text(get_number(d, "known_for_us"), text, sizeof(text)));
}
