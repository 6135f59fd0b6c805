/*
 * facts - "anodctl facts": a list, or the stream of changes.
 *
 * Design.  The daemon answers in pages, which are put together here.  With --watch the first page and the subscription are one question, so no change falls
 * between them; changes that come while further pages are fetched are printed at once.
 */
#include "cli/facts.h"

#include <string.h>

#define WATCH_EVERY_US UINT64_C(1000000)

static const char *const heads[] = { "FACT", "VALUE", "AGE", "SOURCE", NULL };

/* Nobody has ever known it: what the link's driver, say, does not tell. */
static bool never_seen(const cJSON *f)
{
	return strcmp(get_text(f, "why"), "never seen") == 0;
}

/* Facts that were never seen are left out where others were, unless 'all' are wanted. */
static void print_list(const struct cli *c, const cJSON *d, bool all)
{
	unsigned n_never = 0;
	struct table *t;
	const cJSON *f;

	if (cJSON_GetArraySize(get(d, "facts")) == 0) {
		(void) printf("no such fact; 'anodctl facts --schema' lists what there can be\n");
		return;
	}
	cJSON_ArrayForEach(f, get(d, "facts")) n_never += never_seen(f);
	if (all || n_never == (unsigned) cJSON_GetArraySize(get(d, "facts")))
		n_never = 0;
	t = table_new(c, heads);
	cJSON_ArrayForEach(f, get(d, "facts"))
	{
		char path[256], age[32] = "-", value[256];
		const char *cells[] = { fact_path(f, path, sizeof(path)),
					fact_value(f, value, sizeof(value)), age,
					get_text(f, "source") };

		if (n_never && never_seen(f))
			continue;
		if (cJSON_IsNumber(get(f, "age_us")))
			(void) duration_text(get_number(f, "age_us"), age, sizeof(age));
		table_row(t, cells);
		if (cJSON_IsNull(get(f, "raw")))
			table_paint(t, 1, paint(c, "yellow"));
	}
	table_print(t);
	if (n_never)
		(void) printf("%u more that nobody has ever known: --all\n", n_never);
}

static void print_change(const struct cli *c, const cJSON *e)
{
	char when[32], path[256], value[256];
	const char *yellow = cJSON_IsNull(get(e, "raw")) ? paint(c, "yellow") : "";

	(void) printf("%s%s%s  ", paint(c, "dim"), local_time(get_text(e, "t"), when, sizeof(when)),
		      paint(c, "off"));
	if (get(e, "lost"))
		(void) printf("%s%.0f changes lost%s: too many at once\n", paint(c, "yellow"),
			      get_number(e, "lost"), paint(c, "off"));
	else if (get_text(e, "event")[0])
		(void) printf("%s/%s %s%s%s", get_text(e, "kind"), get_text(e, "entity"),
			      paint(c, strcmp(get_text(e, "event"), "gone") == 0 ? "red" : "green"),
			      get_text(e, "event"), paint(c, "off"));
	else
		(void) printf("%s = %s%s%s", fact_path(e, path, sizeof(path)), yellow,
			      fact_value(e, value, sizeof(value)),
			      yellow[0] ? paint(c, "off") : "");
	if (get_number(e, "folded") > 0)
		(void) printf("  %s(and %.0f change%s before)%s", paint(c, "dim"),
			      get_number(e, "folded"), plural(get_number(e, "folded")),
			      paint(c, "off"));
	if (!get(e, "lost"))
		(void) putchar('\n');
}

/* With --json one object a line. */
static void on_event(struct cli *c, const cJSON *event)
{
	char *text;

	if (!c->json) {
		print_change(c, event);
		return;
	}
	text = cJSON_PrintUnformatted(event);
	(void) puts(text ? text : "null");
	free(text);
}

static cJSON *query(const cJSON *pattern, unsigned offset, bool watch)
{
	cJSON *args = cJSON_CreateObject();

	if (pattern)
		cJSON_AddItemToObject(args, "pattern", cJSON_Duplicate(pattern, true));
	cJSON_AddNumberToObject(args, "offset", offset);
	if (watch)
		cJSON_AddTrueToObject(args, "watch");
	return args;
}

static void append(cJSON *all, cJSON *page)
{
	cJSON *to = cJSON_GetObjectItemCaseSensitive(all, "facts"), *item;
	cJSON *from = cJSON_GetObjectItemCaseSensitive(page, "facts");

	while (cJSON_IsArray(to) && (item = cJSON_DetachItemFromArray(from, 0)))
		cJSON_AddItemToArray(to, item);
}

/* All pages, together. */
static int list(struct cli *c, const cJSON *pattern, bool watch, bool never)
{
	cJSON *all = NULL, *a, *d;
	unsigned at = 0, got;
	double total;
	char *text;

	do {
		a = cli_ask(c, "facts", query(pattern, at, watch && at == 0));
		if (!a || !get_bool(a, "ok")) {
			if (a)
				(void) fprintf(stderr, "anodctl: %s\n", get_text(a, "error"));
			cJSON_Delete(all);
			cJSON_Delete(a);
			return a ? EXIT_NO : EXIT_UNREACHABLE;
		}
		d = cJSON_DetachItemFromObjectCaseSensitive(a, "data");
		cJSON_Delete(a);
		got = (unsigned) cJSON_GetArraySize(get(d, "facts"));
		total = get_number(d, "total");
		if (all)
			append(all, d);
		else
			all = TAKE(d);
		cJSON_Delete(d);
		at += got;
	} while (got > 0 && at < total);

	if (c->json) {
		text = watch ? cJSON_PrintUnformatted(all) : cJSON_Print(all);
		(void) puts(text ? text : "null");
		free(text);
	} else {
		print_list(c, all, never);
	}
	cJSON_Delete(all);
	return EXIT_GOOD;
}

static int lines(struct cli *c, const cJSON *pattern)
{
	int status;

	/* Every line at once, also into a pipe; before the first one. */
	(void) setvbuf(stdout, NULL, _IOLBF, 0);
	c->on_event = on_event;
	status = list(c, pattern, true, false);
	return status == EXIT_GOOD ? cli_follow(c) : status;
}

static int screen(struct cli *c, const cJSON *pattern, const char *about)
{
	struct facts_view v = { .pattern = pattern };
	struct live l;
	int status = live_open(&l, c, WATCH_EVERY_US);

	if (status != EXIT_GOOD)
		return status;
	(void) copy_text(v.about, sizeof(v.about), about);
	facts_show(&l, &v);
	return live_close(&l);
}

static int schema(struct cli *c)
{
	cJSON *a = cli_ask(c, "schema", NULL);
	char *text;

	if (!a)
		return EXIT_UNREACHABLE;
	if (c->json) {
		text = cJSON_Print(get(a, "data"));
		(void) puts(text ? text : "null");
		free(text);
	} else {
		show_schema(c, get(a, "data"));
	}
	cJSON_Delete(a);
	return EXIT_GOOD;
}

int facts_command(struct cli *c, int argc, char **argv)
{
	bool watch = false, all = false,
	     as_lines = c->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	char about[96] = "";
	cJSON *pattern = NULL;
	int status = EXIT_GOOD;

	for (int k = 0; k < argc && status == EXIT_GOOD; k++) {
		if (strcmp(argv[k], "--watch") == 0) {
			watch = true;
		} else if (strcmp(argv[k], "--all") == 0) {
			all = true;
		} else if (strcmp(argv[k], "--lines") == 0) {
			watch = as_lines = true;
		} else if (strcmp(argv[k], "--schema") == 0 && argc == 1) {
			return schema(c);
		} else if (argv[k][0] != '-') {
			size_t n = strlen(about);

			pattern = pattern ? pattern : cJSON_CreateArray();
			cJSON_AddItemToArray(pattern, cJSON_CreateString(argv[k]));
			(void) snprintf(about + n, sizeof(about) - n, "%s%.90s", n ? " " : "",
					argv[k]);
		} else {
			status = EXIT_USE;
		}
	}
	if (status == EXIT_GOOD)
		status = !watch	    ? list(c, pattern, false, all)
			 : as_lines ? lines(c, pattern)
				    : screen(c, pattern, about);
	cJSON_Delete(pattern);
	return status;
}
