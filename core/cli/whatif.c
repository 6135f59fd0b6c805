/*
 * whatif - "anodctl whatif link wan0 down": what moves where, what is lost, who says no; and
 * "anodctl snapshot".
 *
 * Design.  The answer begins with what an engineer asked for: what is lost.  Then what moves, then what
 * the rules say to it.  Nothing is changed by asking.
 */
#include <string.h>

#include "cli/cli.h"

#define INDENT 13 /* of what stands behind a head */

static void head(const struct cli *c, const char *word)
{
	(void) printf("  %s%-10s%s ", paint(c, "dim"), word, paint(c, "off"));
}

/* "via 192.0.2.1 dev wan0", "wan0 weight 3 + wan1 weight 1", "no route" */
static const char *path_text(const cJSON *p, char *buf, size_t size)
{
	const cJSON *leg;
	size_t n = 0;

	buf[0] = '\0';
	cJSON_ArrayForEach(leg, get(p, "legs"))
	{
		if (n >= size)
			break;
		n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? " + " : "",
				       get_text(leg, "dev"));
		if (n < size && get_text(leg, "via")[0])
			n += (size_t) snprintf(buf + n, size - n, " via %s", get_text(leg, "via"));
		if (n < size && get_number(leg, "weight") > 0)
			n += (size_t) snprintf(buf + n, size - n, " weight %.0f",
					       get_number(leg, "weight"));
	}
	if (!n)
		(void) snprintf(buf, size, "%s", get_text(p, "fate"));
	return buf;
}

static bool forwarded(const cJSON *p)
{
	return cJSON_GetArraySize(get(p, "legs")) > 0 || strcmp(get_text(p, "fate"), "local") == 0;
}

static bool is_lost(const cJSON *move)
{
	return forwarded(get(move, "from")) && !forwarded(get(move, "to"));
}

static void show_moves(const struct cli *c, const cJSON *d, bool lost)
{
	static const char *const heads[] = { "", "PREFIXES", "SUCH AS", "FROM", "TO", NULL };
	struct table *t = NULL;
	const cJSON *m;

	cJSON_ArrayForEach(m, get(d, "moves"))
	{
		char n[24], from[256], to[256];
		const char *cells[] = { "           ", n, get_text(m, "example"), from, to };

		if (is_lost(m) != lost)
			continue;
		if (!t)
			t = table_new(c, heads);
		(void) snprintf(n, sizeof(n), "%.0f", get_number(m, "prefixes"));
		(void) path_text(get(m, "from"), from, sizeof(from));
		(void) path_text(get(m, "to"), to, sizeof(to));
		table_row(t, cells);
		if (lost)
			table_paint(t, 4, paint(c, "red"));
	}
	if (t)
		table_print(t);
}

static void show_effect(const struct cli *c, const cJSON *d)
{
	double lost = get_number(d, "lost"), moved = get_number(d, "moved") - lost;
	const cJSON *s;

	cJSON_ArrayForEach(s, get(d, "changes"))
	{
		const char *was = get_text(s, "before"), *is = get_text(s, "after");

		head(c, s == get(d, "changes")->child ? "changes" : "");
		if (was[0] && is[0])
			(void) printf("%s\n             -> %s\n", was, is);
		else
			(void) printf("%s %s\n", was[0] ? "-" : "+", was[0] ? was : is);
	}
	head(c, "lost");
	(void) printf("%s%.0f of %.0f prefixes%s\n", lost > 0 ? paint(c, "red") : "", lost,
		      get_number(d, "prefixes"), lost > 0 ? paint(c, "off") : "");
	show_moves(c, d, true);
	head(c, "moved");
	(void) printf("%.0f\n", moved < 0 ? 0 : moved);
	show_moves(c, d, false);
	if (get_number(d, "mended") > 0) {
		head(c, "mended");
		(void) printf("%.0f prefixes have a way again\n", get_number(d, "mended"));
	}
	if (get_number(d, "moves_left_out") > 0)
		(void) printf("             and %.0f more groups\n",
			      get_number(d, "moves_left_out"));
}

static void show_loads(const struct cli *c, const cJSON *d)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, get(d, "loads"))
	{
		head(c, l == get(d, "loads")->child ? "load" : "");
		(void) printf("%-10s %s -> %s%s%s\n", get_text(l, "link"), get_text(l, "now"),
			      get_text(l, "after"), get_text(l, "of")[0] ? " of " : "",
			      get_text(l, "of"));
	}
}

static void show_invariants(const struct cli *c, const cJSON *d)
{
	const cJSON *v, *list = get(get(d, "judged"), "invariants");

	cJSON_ArrayForEach(v, list)
	{
		bool excused = get_bool(v, "excused");
		bool holds = strcmp(get_text(v, "holds"), "true") == 0;
		const char *word = holds     ? "holds"
				   : excused ? "fails, but no worse than now"
				   : strcmp(get_text(v, "holds"), "false") == 0 ? "SAYS NO"
										: "NOT KNOWN";

		head(c, v == list->child ? "invariants" : "");
		(void) printf("%s%s%s \"%s\"", paint(c, holds || excused ? "green" : "red"), word,
			      paint(c, "off"), get_text(v, "name"));
		if (!holds && get_text(v, "why")[0])
			(void) printf(": %s", get_text(v, "why"));
		(void) putchar('\n');
	}
}

static void show_answers(const struct cli *c, const cJSON *d)
{
	const cJSON *a, *list = get(d, "answers");

	cJSON_ArrayForEach(a, list)
	{
		head(c, a == list->child ? "policy" : "");
		(void) printf("agent %s: %s%s%s\n", get_text(a, "agent"),
			      state_paint(c, get_text(a, "level")), get_text(a, "level"),
			      paint(c, "off"));
		(void) printf("%*s", INDENT, "");
		print_wrapped(get_text(a, "reason"), INDENT);
	}
	if (!cJSON_GetArraySize(list)) {
		head(c, "policy");
		(void) printf("no agent that runs here proposes this; --as AGENT asks for one\n");
	}
}

static void show_whatif(const struct cli *c, const cJSON *d)
{
	const cJSON *a;

	cJSON_ArrayForEach(a, get(d, "actions"))(void)
		printf("%s%s%s\n", paint(c, "bold"), item_text(a), paint(c, "off"));
	if (!get_bool(d, "in_sync"))
		(void) printf("  %sthe kernel's state is being read again: ask once more%s\n",
			      paint(c, "yellow"), paint(c, "off"));
	if (!get_bool(d, "possible")) {
		(void) printf("  %snot possible%s  %s\n", paint(c, "red"), paint(c, "off"),
			      get_text(d, "error"));
		return;
	}
	show_effect(c, d);
	show_loads(c, d);
	show_invariants(c, d);
	show_answers(c, d);
}

/* An invariant says no: 1, so that a script may ask before it acts. */
static int verdict(const cJSON *d)
{
	const cJSON *v;

	if (!get_bool(d, "possible"))
		return EXIT_NO;
	cJSON_ArrayForEach(v, get(get(d, "judged"),
				  "invariants")) if (strcmp(get_text(v, "holds"), "true") != 0 &&
						     !get_bool(v, "excused")) return EXIT_NO;
	return EXIT_GOOD;
}

int whatif_command(struct cli *c, int argc, char **argv)
{
	cJSON *args = cJSON_CreateObject(), *answer;
	char text[2048] = "";
	size_t n = 0;
	int status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--as") == 0 && i + 1 < argc) {
			cJSON_AddStringToObject(args, "agent", argv[++i]);
			continue;
		}
		if (n < sizeof(text))
			n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
					       argv[i]);
	}
	if (!n || n >= sizeof(text)) {
		cJSON_Delete(args);
		return EXIT_USE;
	}
	cJSON_AddStringToObject(args, "actions", text);
	answer = cli_ask(c, "whatif", args);
	if (!answer)
		return EXIT_UNREACHABLE;
	if (!get_bool(answer, "ok")) {
		(void) fprintf(stderr, "anodctl: %s\n", get_text(answer, "error"));
		status = EXIT_NO;
	} else if (c->json) {
		char *json = cJSON_Print(get(answer, "data"));

		(void) puts(json ? json : "null");
		free(json);
		status = verdict(get(answer, "data"));
	} else {
		show_whatif(c, get(answer, "data"));
		status = verdict(get(answer, "data"));
	}
	cJSON_Delete(answer);
	return status;
}

/* ---- snapshot -------------------------------------------------------------------------------- */

#define SNAPSHOT_TRIES 5

/* 1: complete, 0: the network changed meanwhile; negative exit status otherwise. */
static int read_snapshot(struct cli *c, char **ret, size_t *ret_size)
{
	FILE *f = open_memstream(ret, ret_size);
	double offset = 0, total = 1, generation = -1;
	int r = 1;

	while (f && r == 1 && offset < total) {
		cJSON *args = cJSON_CreateObject(), *answer;
		const cJSON *d, *line;

		cJSON_AddNumberToObject(args, "offset", offset);
		answer = cli_ask(c, "snapshot", args);
		if (!answer) {
			r = -EXIT_UNREACHABLE;
			break;
		}
		d = get(answer, "data");
		cJSON_ArrayForEach(line, get(d, "lines"))(void) fprintf(f, "%s\n", item_text(line));
		total = get_number(d, "total");
		offset += cJSON_GetArraySize(get(d, "lines"));
		if (!get_bool(d, "in_sync") || cJSON_GetArraySize(get(d, "lines")) == 0 ||
		    (generation >= 0 && generation != get_number(d, "generation")))
			r = 0;
		generation = get_number(d, "generation");
		cJSON_Delete(answer);
	}
	if (f)
		(void) fclose(f);
	return r;
}

int snapshot_command(struct cli *c, int argc, char **argv)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	int r = 0;

	(void) argv;
	if (argc)
		return EXIT_USE;
	for (unsigned i = 0; i < SNAPSHOT_TRIES && r == 0; i++) {
		free(text);
		text = NULL;
		r = read_snapshot(c, &text, &size);
	}
	if (r < 0)
		return -r;
	if (r == 0) {
		(void) fprintf(stderr, "anodctl: the network changes too fast for one picture; try "
				       "again\n");
		return EXIT_NO;
	}
	(void) printf("# anodctl snapshot: what is not written is the usual value, or unknown\n");
	(void) fwrite(text, 1, size, stdout);
	return EXIT_GOOD;
}
