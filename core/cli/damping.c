/*
 * damping - what was changed to and fro, and until when it is left alone.
 */
#include "cli/cli.h"

void show_damping(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "RESOURCE", "REVERSALS", "PENALTY", "STANDING", NULL };
	struct table *t;
	const cJSON *o;

	if (get_bool(d, "off")) {
		(void) puts("damping is off");
		return;
	}
	if (!get(d, "damping")->child) {
		(void) puts("nothing was changed lately");
		return;
	}
	t = table_new(c, heads);
	cJSON_ArrayForEach(o, get(d, "damping"))
	{
		char turns[16], penalty[16];
		const char *cells[] = { get_text(o, "resource"), turns, penalty,
					get_text(o, "text") };

		(void) snprintf(turns, sizeof(turns), "%.0f", get_number(o, "reversals"));
		(void) snprintf(penalty, sizeof(penalty), "%.0f", get_number(o, "penalty"));
		table_row(t, cells);
		if (get_bool(o, "damped"))
			table_paint(t, 3, paint(c, "red"));
	}
	table_print(t);
}
