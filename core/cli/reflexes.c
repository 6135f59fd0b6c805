/*
 * reflexes - the page about what is ready before its trigger.
 *
 * Design.  One paragraph for each: what an engineer asks at night comes first (is it armed, and if
 * not, why), then what it would do, then how it did.
 */
#include <string.h>

#include "cli/cli.h"

#define INDENT	      12
#define FIRINGS_SHOWN 5

static void line(const char *what, const char *text)
{
	(void) printf("  %-*s", INDENT - 2, what);
	print_wrapped(text, INDENT);
}

static const char *phase_paint(const struct cli *c, const char *state)
{
	return paint(c, strcmp(state, "armed") == 0	? "green"
			: strcmp(state, "waiting") == 0 ? "red"
							: "yellow");
}

static void show_head(const struct cli *c, const cJSON *o)
{
	const char *state = get_text(o, "state");
	char t[32];

	(void) printf("%s%s%s  %s%s%s for %s", paint(c, "bold"), get_text(o, "name"),
		      paint(c, "off"), phase_paint(c, state), state, paint(c, "off"),
		      duration_text(get_number(o, "since_us"), t, sizeof(t)));
	if (get(o, "tx"))
		(void) printf(", T%.0f", get_number(o, "tx"));
	(void) putchar('\n');
}

static void show_trigger(const cJSON *o)
{
	const cJSON *t = get(o, "trigger");
	char text[512], rest[32];
	int n;

	if (get_text(t, "link")[0])
		n = snprintf(text, sizeof(text), "link %s is lost", get_text(t, "link"));
	else
		n = snprintf(text, sizeof(text), "%.400s", get_text(t, "when"));
	(void) snprintf(text + n, sizeof(text) - (size_t) n, "; refractory %s",
			duration_text(get_number(o, "refractory_us"), rest, sizeof(rest)));
	line("trigger", text);
	if (!get_text(o, "standby")[0])
		return;
	(void) snprintf(text, sizeof(text), "%s, for %s: %.0f route%s go%s over the link",
			get_text(o, "standby"),
			get_text(o, "for")[0] ? get_text(o, "for") : "every route",
			get_number(o, "routes"), plural(get_number(o, "routes")),
			get_number(o, "routes") == 1 ? "es" : "");
	line("standby", text);
}

static const char *kind_text(const char *kind)
{
	return strcmp(kind, "kernel") == 0   ? "the kernel itself"
	       : strcmp(kind, "bridge") == 0 ? "a bridge"
					     : "ready bytes";
}

static void show_kind(const cJSON *o)
{
	char text[700];

	if (!get_text(o, "kind")[0])
		return;
	(void) snprintf(text, sizeof(text), "%s: %s", kind_text(get_text(o, "kind")),
			get_text(o, "chosen"));
	line("by", text);
}

static void show_effect(const cJSON *o)
{
	const cJSON *e = get(o, "effect");
	char text[256];
	int n;

	if (!e)
		return;
	n = snprintf(text, sizeof(text),
		     "%.0f of %.0f prefixes move%s%s, %.0f get a way again, "
		     "%.0f lose theirs",
		     get_number(e, "moved"), get_number(e, "prefixes"),
		     get_text(o, "standby")[0] ? " to " : "", get_text(o, "standby"),
		     get_number(e, "mended"), get_number(e, "lost"));
	if (get(e, "traffic_bps"))
		(void) snprintf(text + n, sizeof(text) - (size_t) n, "; %.3g Mbps move",
				get_number(e, "traffic_bps") / 1e6);
	line("effect", text);
}

static void show_sentinel(const cJSON *o)
{
	const cJSON *s = get(o, "sentinel");
	char text[160], t[32];

	if (get_number(s, "period_us") > 0)
		(void) snprintf(text, sizeof(text), "every %s, %.2g %% of one processor",
				duration_text(get_number(s, "period_us"), t, sizeof(t)),
				get_number(s, "cpu_share") * 100);
	else if (get_text(s, "why")[0])
		(void) snprintf(text, sizeof(text), "none: %s", get_text(s, "why"));
	else
		return;
	line("sentinel", text);
}

static void show_bridge(const cJSON *o)
{
	const cJSON *b = get(o, "bridge");
	double behind = get_number(b, "behind"), entries = get_number(b, "entries");
	char text[256], todo[64] = "", lag[64] = "", t[32];

	if (!b)
		return;
	if (get_number(b, "unwritten") > 0)
		(void) snprintf(todo, sizeof(todo), ", %.0f change%s not written yet",
				get_number(b, "unwritten"), plural(get_number(b, "unwritten")));
	if (get_number(b, "lag_us") > 0)
		(void) snprintf(lag, sizeof(lag), ", at most %s late in the last minute",
				duration_text(get_number(b, "lag_us"), t, sizeof(t)));
	(void) snprintf(text, sizeof(text),
			"%.0f destination%s over the link, %.0f %s in table %.0f%s%s, %.1f MB",
			behind, plural(behind), entries, entries == 1 ? "entry" : "entries",
			get_number(b, "table"), todo, lag, get_number(b, "memory") / 1e6);
	line("bridge", text);
}

static void show_firing(const char *what, const cJSON *f)
{
	char text[512], after[32];
	int n = snprintf(text, sizeof(text), "%s, %s", get_text(f, "t"), get_text(f, "cause"));

	if (get(f, "took_us"))
		n += snprintf(text + n, sizeof(text) - (size_t) n, ", %.0f us to the kernel",
			      get_number(f, "took_us"));
	n += snprintf(text + n, sizeof(text) - (size_t) n, ": %s", get_text(f, "end"));
	if (get(f, "settled_us"))
		n += snprintf(text + n, sizeof(text) - (size_t) n, " after %s",
			      duration_text(get_number(f, "settled_us"), after, sizeof(after)));
	if (get_text(f, "why")[0] && (size_t) n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - (size_t) n, ", %s", get_text(f, "why"));
	if ((size_t) n < sizeof(text))
		(void) snprintf(text + n, sizeof(text) - (size_t) n, " (T%.0f)",
				get_number(f, "tx"));
	line(what, text);
}

static void show_firings(const cJSON *o)
{
	const cJSON *f;
	char text[96];
	int n = 0;

	if (get_number(o, "fired") == 0)
		return;
	(void) snprintf(text, sizeof(text), "%.0f time%s: %.0f verified, %.0f undone",
			get_number(o, "fired"), plural(get_number(o, "fired")),
			get_number(o, "verified"), get_number(o, "undone"));
	line("fired", text);
	cJSON_ArrayForEach(f, get(o, "firings"))
	{
		if (n++ < FIRINGS_SHOWN)
			show_firing("", f);
	}
}

static void show_one(const struct cli *c, const cJSON *o)
{
	const cJSON *a;
	bool first = true;

	show_head(c, o);
	if (get_text(o, "why")[0])
		line(strcmp(get_text(o, "state"), "waiting") == 0 ? "not armed" : "waits",
		     get_text(o, "why"));
	show_trigger(o);
	show_kind(o);
	cJSON_ArrayForEach(a, get(o, "actions"))
	{
		line(first ? "does" : "", item_text(a));
		first = false;
	}
	show_effect(o);
	if (get_text(o, "note")[0])
		line("but", get_text(o, "note"));
	show_sentinel(o);
	show_bridge(o);
	show_firings(o);
}

void show_reflexes(const struct cli *c, const cJSON *d)
{
	const cJSON *o, *list = get(d, "reflexes");

	cJSON_ArrayForEach(o, list)
	{
		if (o != list->child)
			(void) putchar('\n');
		show_one(c, o);
	}
	if (!cJSON_GetArraySize(list))
		(void) printf("no permit has a reflex; docs/reflexes.md shows how\n");
	if (get_text(d, "too_many")[0])
		(void) printf("\nnot looked at: %s\n", get_text(d, "too_many"));
}
