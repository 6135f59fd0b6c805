/*
 * objectives - the pages about intents: are they fulfilled, and how long does the budget last?
 */
#include <string.h>

#include "cli/cli.h"

static const char *share(const cJSON *o, const char *name, char *buf, size_t size)
{
	double x = get_number(o, name) * 100;

	if (!cJSON_IsNumber(get(o, name)))
		return "-";
	(void) snprintf(buf, size, x > -10 && x < 99.995 ? "%.2f%%" : "%.0f%%", x);
	return buf;
}

static const char *factor(const cJSON *o, const char *name, char *buf, size_t size)
{
	if (!cJSON_IsNumber(get(o, name)))
		return "-";
	(void) snprintf(buf, size, "%.*fx", get_number(o, name) < 10 ? 1 : 0, get_number(o, name));
	return buf;
}

static const char *fulfilment_paint(const struct cli *c, const char *state)
{
	return paint(c, strcmp(state, "fulfilled") == 0	      ? "green"
			: strcmp(state, "not fulfilled") == 0 ? "red"
							      : "yellow");
}

static const char *budget_paint(const struct cli *c, const cJSON *o)
{
	double left = get_number(o, "budget_left");

	return paint(c, !cJSON_IsNumber(get(o, "budget_left")) ? "dim"
			: left <= 0			       ? "red"
			: left < 0.25			       ? "yellow"
							       : "off");
}

static const char *lasts(const cJSON *o, char *buf, size_t size)
{
	if (!cJSON_IsNumber(get(o, "budget_left")))
		return "-";
	if (!cJSON_IsNumber(get(o, "lasts_us")))
		return "for ever";
	return get_number(o, "lasts_us") > 0 ? duration_text(get_number(o, "lasts_us"), buf, size)
					     : "spent";
}

/* "p95(path.rtt(voice), 5m) < 30ms: 12.3ms" */
static const char *requirement(const cJSON *r, char *buf, size_t size)
{
	const char *value = get_text(r, "value");

	(void) snprintf(buf, size, "%s: %s", get_text(r, "text"),
			value[0] ? value : get_text(r, "truth"));
	return buf;
}

static void row(const struct cli *c, struct table *t, const cJSON *o)
{
	const cJSON *first = get(o, "requirements") ? get(o, "requirements")->child : NULL, *r;
	char since[32], left[24], burn[24], how_long[32], text[256];
	const char *cells[] = { get_text(o, "name"),
				get_text(o, "state"),
				duration_text(get_number(o, "since_us"), since, sizeof(since)),
				share(o, "budget_left", left, sizeof(left)),
				factor(o, "burn", burn, sizeof(burn)),
				lasts(o, how_long, sizeof(how_long)),
				first ? requirement(first, text, sizeof(text)) : "" };

	table_row(t, cells);
	table_paint(t, 1, fulfilment_paint(c, get_text(o, "state")));
	table_paint(t, 3, budget_paint(c, o));
	for (r = first ? first->next : NULL; r; r = r->next) {
		const char *more[] = { "", "", "", "", "", "", requirement(r, text, sizeof(text)) };

		table_row(t, more);
	}
}

static void show_table(const struct cli *c, const cJSON *list)
{
	static const char *const heads[] = { "OBJECTIVE", "STATE", "SINCE",	    "BUDGET LEFT",
					     "BURN",	  "LASTS", "REQUIRES: NOW", NULL };
	struct table *t = table_new(c, heads);
	const cJSON *o;

	cJSON_ArrayForEach(o, list) row(c, t, o);
	table_print(t);
}

static void show_days(const struct cli *c, const cJSON *o)
{
	static const char *const heads[] = { "DAY", "FULFILLED", "NOT FULFILLED", "UNKNOWN", NULL };
	struct table *t = table_new(c, heads);
	const cJSON *d;

	cJSON_ArrayForEach(d, get(o, "days"))
	{
		char ok[32], bad[32], unknown[32];
		const char *cells[] = {
			get_text(d, "day"),
			duration_text(get_number(d, "fulfilled_us"), ok, sizeof(ok)),
			duration_text(get_number(d, "not_fulfilled_us"), bad, sizeof(bad)),
			duration_text(get_number(d, "unknown_us"), unknown, sizeof(unknown)),
		};

		table_row(t, cells);
		table_paint(t, 2, get_number(d, "not_fulfilled_us") > 0 ? paint(c, "red") : "");
	}
	(void) putchar('\n');
	table_print(t);
}

static void show_violations(const struct cli *c, const cJSON *o)
{
	static const char *const heads[] = { "NOT FULFILLED FROM", "FOR", "OF THE BUDGET",
					     "INCIDENT", NULL };
	struct table *t;
	const cJSON *v;

	if (!get(o, "violations") || !get(o, "violations")->child)
		return;
	t = table_new(c, heads);
	cJSON_ArrayForEach(v, get(o, "violations"))
	{
		char for_us[32], of[24], id[24] = "";
		const char *cells[] = { get_text(v, "from"),
					duration_text(get_number(v, "not_fulfilled_us"), for_us,
						      sizeof(for_us)),
					share(v, "share_of_budget", of, sizeof(of)), id };

		if (get(v, "incident"))
			(void) snprintf(id, sizeof(id), "I%.0f%s", get_number(v, "incident"),
					get_text(v, "to")[0] ? "" : " (now)");
		table_row(t, cells);
	}
	(void) putchar('\n');
	table_print(t);
}

static void show_one(const struct cli *c, const cJSON *o)
{
	char a[32], b[32], text[256];
	const cJSON *i, *time = get(o, "time");

	(void) printf("%s%s%s  %s%s%s for %s\n", paint(c, "bold"), get_text(o, "name"),
		      paint(c, "off"), fulfilment_paint(c, get_text(o, "state")),
		      get_text(o, "state"), paint(c, "off"),
		      duration_text(get_number(o, "since_us"), a, sizeof(a)));
	cJSON_ArrayForEach(i, get(o, "requirements"))
	{
		const cJSON *f;

		(void) printf("  require  %s  (%s)\n", requirement(i, text, sizeof(text)),
			      get_text(i, "truth"));
		cJSON_ArrayForEach(f, get(i, "facts"))(void)
			printf("    %s = %s%s%s\n", get_text(f, "fact"), get_text(f, "value"),
			       get(f, "why") ? ": " : "", get_text(f, "why"));
	}
	if (cJSON_IsNumber(get(o, "target")))
		(void) printf("  budget   %.6g%% per %s: %s of %s left, burns %s, lasts %s\n",
			      get_number(o, "target") * 100,
			      duration_text(get_number(o, "period_us"), a, sizeof(a)),
			      share(o, "budget_left", text, 24),
			      duration_text(get_number(o, "budget_us"), b, sizeof(b)),
			      factor(o, "burn", text + 32, 24), lasts(o, text + 64, 32));
	(void) printf("  time     fulfilled %s, ",
		      duration_text(get_number(time, "fulfilled_us"), a, sizeof(a)));
	(void) printf("not fulfilled %s, unknown %s\n",
		      duration_text(get_number(time, "not_fulfilled_us"), a, sizeof(a)),
		      duration_text(get_number(time, "unknown_us"), b, sizeof(b)));
	cJSON_ArrayForEach(i, get(o, "probes"))(void)
		printf("  probe    %s every %s%s\n", get_text(i, "probe"),
		       duration_text(get_number(i, "every_us"), a, sizeof(a)),
		       get_bool(i, "refused") ? ", refused by the sensor" : "");
	show_days(c, o);
	show_violations(c, o);
}

void show_objectives(const struct cli *c, const cJSON *d)
{
	const cJSON *list = get(d, "objectives");

	if (!list || !list->child)
		(void) puts("the policy has no objectives");
	else if (get(list->child, "days"))
		show_one(c, list->child);
	else
		show_table(c, list);
}
