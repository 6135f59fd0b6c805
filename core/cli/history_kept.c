/*
 * history_kept - "anodctl history" without a fact: what is kept of the past, and what it costs.
 */
#include "cli/history.h"

#include <string.h>

int history_refused(const cJSON *answer)
{
	if (!answer)
		return EXIT_UNREACHABLE;
	if (get_bool(answer, "ok"))
		return EXIT_GOOD;
	(void) fprintf(stderr, "anodctl: %s\n", get_text(answer, "error"));
	return EXIT_NO;
}

static const char *bytes_text(double n, char *buf, size_t size)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB" };
	size_t k = 0;

	for (; n >= 1024 && k + 1 < ARRAY_SIZE(unit); k++)
		n /= 1024;
	(void) snprintf(buf, size, n < 10 && k ? "%.1f %s" : "%.0f %s", n, unit[k]);
	return buf;
}

static int by_name(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;
	int r = strverscmp(get_text(*x, "entity"), get_text(*y, "entity"));

	return r ? r : strcmp(get_text(*x, "attr"), get_text(*y, "attr"));
}

static void show_series(const struct cli *c, const cJSON *list)
{
	static const char *const heads[] = {
		"SERIES", "FINE", "COARSE", "MEMORY", "KEPT FOR", NULL
	};
	int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0, k = 0;
	const cJSON **sorted = calloc((size_t) n + 1, sizeof(cJSON *)), *s;
	struct table *t = sorted && n > 0 ? table_new(c, heads) : NULL;

	cJSON_ArrayForEach(s, list) if (t) sorted[k++] = s;
	if (t)
		qsort(sorted, (size_t) n, sizeof(cJSON *), by_name);
	for (k = 0; t && k < n; k++) {
		char name[200], fine[24], coarse[24], bytes[32];
		const char *cells[] = { name, fine, coarse, bytes, get_text(sorted[k], "why") };

		(void) snprintf(name, sizeof(name), "%.100s %.90s", get_text(sorted[k], "entity"),
				get_text(sorted[k], "attr"));
		(void) snprintf(fine, sizeof(fine), "%.0f", get_number(sorted[k], "fine"));
		(void) snprintf(coarse, sizeof(coarse), "%.0f", get_number(sorted[k], "coarse"));
		(void) bytes_text(get_number(sorted[k], "bytes"), bytes, sizeof(bytes));
		table_row(t, cells);
	}
	if (t)
		table_print(t);
	free(sorted);
}

static void show_flights(const cJSON *f)
{
	char used[32], most[32], today[32];
	const cJSON *s;

	(void) printf("flight recorder: %.0f file%s, %s of at most %s, %s written today",
		      get_number(f, "files"), plural(get_number(f, "files")),
		      bytes_text(get_number(f, "bytes"), used, sizeof(used)),
		      bytes_text(get_number(f, "bytes_max"), most, sizeof(most)),
		      bytes_text(get_number(f, "written_today"), today, sizeof(today)));
	if (cJSON_GetArraySize(get(f, "incidents")) > 0)
		(void) printf("\nincidents with a file:");
	cJSON_ArrayForEach(s, get(f, "incidents")) if (cJSON_IsNumber(s))(void)
		printf(" I%.0f", s->valuedouble);
	(void) putchar('\n');
}

static void show_kept(const struct cli *c, const cJSON *d)
{
	int n = cJSON_GetArraySize(get(d, "series"));
	char used[32], most[32];

	show_series(c, get(d, "series"));
	if (cJSON_IsNumber(get(d, "incident"))) {
		(void) printf("I%.0f %s: %d series recorded%s\n", get_number(d, "incident"),
			      get_text(d, "title"), n,
			      get_bool(d, "complete") ? "" : "; not yet, or never, to its end");
		return;
	}
	(void) printf("%d series, %.0f samples in %s of at most %s", n, get_number(d, "samples"),
		      bytes_text(get_number(d, "bytes"), used, sizeof(used)),
		      bytes_text(get_number(d, "bytes_max"), most, sizeof(most)));
	if (get_number(d, "refused") > 0)
		(void) printf("; %s%.0f refused: no room%s", paint(c, "yellow"),
			      get_number(d, "refused"), paint(c, "off"));
	(void) putchar('\n');
	if (cJSON_IsObject(get(d, "flight")))
		show_flights(get(d, "flight"));
}

/* Of all, or what was recorded of an incident. */
int history_kept(struct cli *c, const char *incident)
{
	cJSON *args = incident ? cJSON_CreateObject() : NULL, *a;
	int status;
	char *text;

	if (args)
		cJSON_AddStringToObject(args, "incident", incident);
	a = cli_ask(c, "history", args);
	status = history_refused(a);
	if (status == EXIT_GOOD && c->json) {
		text = cJSON_Print(get(a, "data"));
		(void) puts(text ? text : "null");
		free(text);
	} else if (status == EXIT_GOOD) {
		show_kept(c, get(a, "data"));
	}
	cJSON_Delete(a);
	return status;
}
