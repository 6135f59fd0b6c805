/*
 * show - the pages about the daemon itself: status, facts, schema, agents, doctor, monitor.
 */
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"

static void line(const struct cli *c, const char *name, const char *fmt, ...) _printf_(3, 4);
static void line(const struct cli *c, const char *name, const char *fmt, ...)
{
	va_list ap;

	(void) printf("%s%-13s%s ", paint(c, "dim"), name, paint(c, "off"));
	va_start(ap, fmt);
	(void) vprintf(fmt, ap);
	va_end(ap);
	(void) putchar('\n');
}

/* Nothing when it holds nobody. */
static void show_brake(const struct cli *c, const cJSON *b)
{
	const cJSON *o;
	char left[32];

	if (get_text(b, "sick")[0])
		line(c, "brake", "%s%s%s", paint(c, "red"), get_text(b, "sick"), paint(c, "off"));
	cJSON_ArrayForEach(o, get(b, "rates")) if (get_number(o, "left") < 1)
		line(c, "brake", "%s%.0f changes per %s are used up%s", paint(c, "yellow"),
		     get_number(o, "count"),
		     duration_text(get_number(o, "per_us"), left, sizeof(left)), paint(c, "off"));
	cJSON_ArrayForEach(o, get(b, "agents"))
		line(c, "brake", "agent %s: denied %.0f time%s, %.0f muted, backs off for %s",
		     get_text(o, "agent"), get_number(o, "denied"), plural(get_number(o, "denied")),
		     get_number(o, "muted"),
		     duration_text(get_number(o, "left_us"), left, sizeof(left)));
}

void show_status(const struct cli *c, const cJSON *d)
{
	const cJSON *policy = get(d, "policy"), *ledger = get(d, "ledger"), *p,
		    *o = get(d, "objectives");
	bool observe = strcmp(get_text(d, "mode"), "observe") == 0;
	char up[32], late[32];
	double total = 0;

	cJSON_ArrayForEach(p, get(d, "processes")) total += get_number(p, "rss_kib");
	line(c, "anod", "%s%s%s, version %s, up %s, pid %.0f",
	     paint(c, get_bool(d, "paused") || observe ? "yellow" : "green"),
	     get_bool(d, "paused") ? "paused"
	     : observe		   ? "observing only"
				   : "acting by policy",
	     paint(c, "off"), get_text(d, "version"),
	     duration_text(get_number(d, "uptime_us"), up, sizeof(up)), get_number(d, "pid"));
	line(c, "policy", "\"%s\" revision %.0f, %.0f rule%s, from %s", get_text(policy, "name"),
	     get_number(policy, "revision"), get_number(policy, "rules"),
	     plural(get_number(policy, "rules")), get_text(d, "config"));
	line(c, "network", "%.0f entities, %.0f routes, %s", get_number(d, "entities"),
	     get_number(d, "routes"),
	     get_bool(d, "in_sync") ? "in sync with the kernel" : "being re-read");
	line(c, "open", "%.0f incident%s, %.0f transaction%s", get_number(d, "incidents_open"),
	     plural(get_number(d, "incidents_open")), get_number(d, "transactions_open"),
	     plural(get_number(d, "transactions_open")));
	if (get_number(get(d, "reflexes"), "all") > 0)
		line(c, "reflexes", "%.0f of %.0f armed", get_number(get(d, "reflexes"), "armed"),
		     get_number(get(d, "reflexes"), "all"));
	if (get_number(o, "fulfilled") + get_number(o, "not_fulfilled") + get_number(o, "unknown"))
		line(c, "objectives", "%.0f fulfilled, %s%.0f not%s, %.0f unknown%s",
		     get_number(o, "fulfilled"),
		     paint(c, get_number(o, "not_fulfilled") > 0 ? "red" : "off"),
		     get_number(o, "not_fulfilled"), paint(c, "off"), get_number(o, "unknown"),
		     get_number(o, "budgets_spent") > 0 ? "; a budget is spent" : "");
	show_brake(c, get(d, "brake"));
	line(c, "ledger", "%.0f lines, head %.16s...", get_number(ledger, "lines"),
	     get_text(ledger, "head"));
	line(c, "lateness", "%s at most in the last minute",
	     duration_text(get_number(d, "lateness_us"), late, sizeof(late)));
	cJSON_ArrayForEach(p, get(d, "processes"))
		line(c, p == get(d, "processes")->child ? "processes" : "",
		     "%-8s pid %-7.0f %6.1f MiB%s%s%s", get_text(p, "name"), get_number(p, "pid"),
		     get_number(p, "rss_kib") / 1024, get_text(p, "agent")[0] ? "  agent " : "",
		     get_text(p, "agent"), get_number(p, "restarts") > 0 ? "  restarted" : "");
	line(c, "", "%-20s %6.1f MiB", "together", total / 1024);
	cJSON_ArrayForEach(p, get(d, "warnings"))
		line(c, "note", "%s%s%s", paint(c, "yellow"), item_text(p), paint(c, "off"));
}

/* In the words of a table that has to fit. */
static const char *unit_text(const char *unit)
{
	static const char *const words[][2] = { { "count", "-" },
						{ "bits per second", "bit/s" },
						{ "packets per second", "packet/s" },
						{ "duration", "time" } };

	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		if (strcmp(unit, words[k][0]) == 0)
			return words[k][1];
	return unit;
}

void show_schema(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "FACT",   "TYPE",	  "UNIT", "MAX AGE",
					     "SOURCE", "MEANING", NULL };
	struct table *t = table_new(c, heads);
	const cJSON *k, *a;

	cJSON_ArrayForEach(k, get(d, "kinds"))
	{
		cJSON_ArrayForEach(a, get(k, "attrs"))
		{
			char name[64], age[32];
			const char *cells[] = {
				name,
				get_text(a, "type"),
				unit_text(get_text(a, "unit")),
				get_number(a, "max_age_us") > 0
					? duration_text(get_number(a, "max_age_us"), age,
							sizeof(age))
					: "event",
				get_text(a, "source"),
				get_text(a, "help"),
			};

			(void) snprintf(name, sizeof(name), "%s.%s", get_text(k, "kind"),
					get_text(a, "attr"));
			table_row(t, cells);
		}
	}
	table_print(t);
}

static const char *join(const cJSON *list, char *buf, size_t size)
{
	size_t n = 0;
	const cJSON *i;

	buf[0] = '\0';
	cJSON_ArrayForEach(i, list)
	{
		if (n < size)
			n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? " " : "",
					       item_text(i));
	}
	return buf;
}

void show_agents(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "AGENT",	  "STATE",	 "FINDINGS",
					     "PROPOSALS", "MAY PROPOSE", NULL };
	struct table *t = table_new(c, heads);
	const cJSON *a;

	cJSON_ArrayForEach(a, get(d, "agents"))
	{
		char findings[24], proposals[24], may[160];
		const char *cells[] = { get_text(a, "name"), get_text(a, "state"), findings,
					proposals, join(get(a, "proposes"), may, sizeof(may)) };

		(void) snprintf(findings, sizeof(findings), "%.0f", get_number(a, "findings"));
		(void) snprintf(proposals, sizeof(proposals), "%.0f", get_number(a, "proposals"));
		table_row(t, cells);
		table_paint(t, 1, state_paint(c, get_text(a, "state")));
	}
	table_print(t);
}

int show_doctor(const struct cli *c, const cJSON *d)
{
	const cJSON *k;
	int bad = 0, unsure = 0, n = 0, width = 0;

	cJSON_ArrayForEach(k, get(d, "checks")) width =
		MAX_OF(width, (int) strlen(get_text(k, "name")));
	cJSON_ArrayForEach(k, get(d, "checks"))
	{
		const cJSON *ok = get(k, "ok");
		bool note = get_bool(k, "note");
		const char *mark = note		       ? "note"
				   : cJSON_IsTrue(ok)  ? "ok  "
				   : cJSON_IsFalse(ok) ? "BAD "
						       : "?   ";

		(void) printf("%s%s%s %s%-*s%s ",
			      paint(c, cJSON_IsFalse(ok)	   ? "red"
				       : cJSON_IsTrue(ok) && !note ? "green"
								   : "yellow"),
			      mark, paint(c, "off"), paint(c, "bold"), width, get_text(k, "name"),
			      paint(c, "off"));
		print_wrapped(get_text(k, "text"), (unsigned) width + 6);
		if ((note || !cJSON_IsTrue(ok)) && get(k, "cure")) {
			char cure[600];

			(void) printf("     %*s %s", width, "", paint(c, "dim"));
			(void) snprintf(cure, sizeof(cure), "cure: %s", get_text(k, "cure"));
			print_wrapped(cure, (unsigned) width + 6);
			(void) fputs(paint(c, "off"), stdout);
		}
		unsure += !cJSON_IsBool(ok);
		n++;
		bad += cJSON_IsFalse(ok);
	}
	(void) printf("%s%d check%s: %d bad, %d not known%s\n", paint(c, "dim"), n, plural(n), bad,
		      unsure, paint(c, "off"));
	return bad ? EXIT_NO : EXIT_GOOD;
}

void show_monitor(const struct cli *c, const cJSON *e)
{
	char when[32], about[48] = "";

	if (get(e, "tx"))
		(void) snprintf(about, sizeof(about), "T%.0f ", get_number(e, "tx"));
	else if (get(e, "incident"))
		(void) snprintf(about, sizeof(about), "I%.0f ", get_number(e, "incident"));
	(void) printf("%s%s%s %-9s %s%s%s%s\n", paint(c, "dim"),
		      local_time(get_text(e, "t"), when, sizeof(when)), paint(c, "off"),
		      get_text(e, "kind"), about, get_text(e, "agent"),
		      get_text(e, "agent")[0] ? ": " : "", get_text(e, "text"));
}
