/*
 * history - "anodctl history": what facts were, as a picture, as JSON or as CSV.
 *
 * Design.  Each series is a question of its own; a glob over entities is looked up with "facts"
 * first.  Series of one unit may lie over each other (--overlay); otherwise each has its picture,
 * and all together fit the terminal as long as that leaves them a few lines.
 */
#include <fnmatch.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "cli/history.h"
#include "cli/plot.h"
#include "cli/term.h"
#include "cli/when.h"

#define SERIES_MAX 32
#define HEIGHT_MIN 4
#define HEIGHT_MAX 24

struct wish {
	const char *entity, *attr[SERIES_MAX];
	unsigned n_attrs;
	double last_us, from_us, to_us, step_us; /* 0: not said */
	const char *incident;
	unsigned height;
	bool raw, csv, overlay;
	cJSON *answer[SERIES_MAX], *fact[SERIES_MAX]; /* owned; fact: of now, NULL: there is none */
	char note[SERIES_MAX][96];
	unsigned n;
};

/* ---- questions ----------------------------------------------------------------------------------- */

static void add_number(cJSON *o, const char *name, double v)
{
	if (v > 0)
		cJSON_AddNumberToObject(o, name, v);
}

/* The daemon's answer, or NULL after a message. */
static cJSON *ask_one(struct cli *c, const struct wish *w, const char *entity, const char *attr,
		      int *ret_status)
{
	cJSON *args = cJSON_CreateObject(), *a, *d = NULL;

	cJSON_AddStringToObject(args, "entity", entity);
	cJSON_AddStringToObject(args, "attr", attr);
	add_number(args, "last_us", w->last_us);
	add_number(args, "from_us", w->from_us);
	add_number(args, "to_us", w->to_us);
	add_number(args, "step_us", w->step_us);
	if (w->incident)
		cJSON_AddStringToObject(args, "incident", w->incident);
	a = cli_ask(c, "history", args);
	*ret_status = history_refused(a);
	if (*ret_status == EXIT_GOOD)
		d = cJSON_DetachItemFromObjectCaseSensitive(a, "data");
	cJSON_Delete(a);
	return d;
}

/* The rate that a sensor publishes beside a counter: "rx_bps" beside "rx_bytes". */
static bool rate_beside(const char *attr, char *buf, size_t size)
{
	static const char *const pair[][2] = { { "_bytes", "_bps" }, { "_packets", "_pps" } };

	for (size_t k = 0; k < ARRAY_SIZE(pair); k++) {
		size_t n = strlen(attr), end = strlen(pair[k][0]);

		if (n <= end || strcmp(attr + n - end, pair[k][0]) != 0)
			continue;
		(void) snprintf(buf, size, "%.*s%s", (int) (n - end), attr, pair[k][1]);
		return true;
	}
	return false;
}

static int ask_series(struct cli *c, struct wish *w, const char *entity, const char *attr,
		      const cJSON *fact)
{
	char rate[96];
	int status;
	cJSON *d = ask_one(c, w, entity, attr, &status), *other;

	if (status != EXIT_GOOD)
		return status;
	/* Nobody keeps the counter, but its rate, which is what would be drawn. */
	if (!c->json && !w->csv && !w->raw && !get_bool(d, "kept") &&
	    rate_beside(attr, rate, sizeof(rate))) {
		other = ask_one(c, w, entity, rate, &status);
		if (get_bool(other, "kept")) {
			cJSON_Delete(d);
			d = TAKE(other);
			(void) snprintf(w->note[w->n], sizeof(w->note[0]), "(%.40s is not kept)",
					attr);
		}
		cJSON_Delete(other);
		status = EXIT_GOOD;
	}
	w->fact[w->n] = fact ? cJSON_Duplicate(fact, true) : NULL;
	w->answer[w->n++] = d;
	return EXIT_GOOD;
}

/* One entity, which need not be there any more. */
static int ask_plain(struct cli *c, struct wish *w, const char *attr)
{
	cJSON *args = cJSON_CreateObject(), *a;
	char pattern[300];
	const cJSON *f;
	int status;

	(void) snprintf(pattern, sizeof(pattern), "%s.%s", w->entity, attr);
	cJSON_AddStringToObject(args, "pattern", pattern);
	a = cli_ask(c, "facts", args);
	status = history_refused(a);
	f = cJSON_GetArrayItem(get(get(a, "data"), "facts"), 0);
	if (status == EXIT_GOOD)
		status = ask_series(c, w, w->entity, attr, f);
	cJSON_Delete(a);
	return status;
}

/* Entities that a glob means, in the daemon's order. */
static int ask_glob(struct cli *c, struct wish *w, const char *attr)
{
	cJSON *args = cJSON_CreateObject(), *a;
	const cJSON *f;
	char pattern[300], entity[200];
	int status;

	(void) snprintf(pattern, sizeof(pattern), "%s.%s", w->entity, attr);
	cJSON_AddStringToObject(args, "pattern", pattern);
	a = cli_ask(c, "facts", args);
	status = history_refused(a);
	if (status == EXIT_GOOD && cJSON_GetArraySize(get(get(a, "data"), "facts")) == 0) {
		(void) fprintf(stderr, "anodctl: no fact is like %s\n", pattern);
		status = EXIT_NO;
	}
	cJSON_ArrayForEach(f, get(get(a, "data"), "facts"))
	{
		if (status != EXIT_GOOD || strcmp(get_text(f, "attr"), attr) != 0)
			continue;
		if (w->n == SERIES_MAX) {
			(void) fprintf(stderr, "anodctl: only the first %d of them\n", SERIES_MAX);
			break;
		}
		(void) snprintf(entity, sizeof(entity), "%s/%s", get_text(f, "kind"),
				get_text(f, "entity"));
		status = ask_series(c, w, entity, attr, f);
	}
	cJSON_Delete(a);
	return status;
}

static int ask_all(struct cli *c, struct wish *w)
{
	int status = EXIT_GOOD;

	for (unsigned k = 0; k < w->n_attrs && status == EXIT_GOOD && w->n < SERIES_MAX; k++)
		status = strpbrk(w->entity, "*?[") ? ask_glob(c, w, w->attr[k])
						   : ask_plain(c, w, w->attr[k]);
	return status;
}

/* ---- answers -------------------------------------------------------------------------------------- */

static void print_json(const struct wish *w)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "series");
	char *text;

	for (unsigned k = 0; k < w->n; k++)
		cJSON_AddItemReferenceToArray(list, w->answer[k]);
	text = w->n == 1 ? cJSON_Print(w->answer[0]) : cJSON_Print(o);
	(void) puts(text ? text : "null");
	free(text);
	cJSON_Delete(o);
}

static void print_csv(const struct past *s)
{
	const char *attr = strrchr(s->name, ' ');

	for (unsigned k = 0; k < s->n; k++) {
		const struct past_point *p = &s->point[k];
		char when[40];

		if (p->gap && k > 0) /* a line without a value: nothing is known from here on */
			(void) printf("%s,%.*s,%s,,,\n",
				      format_wall((uint64_t) p[-1].t, when, sizeof(when)),
				      attr ? (int) (attr - s->name) : 0, s->name,
				      attr ? attr + 1 : "");
		(void) printf("%s,%.*s,%s,%.10g,%.10g,%.10g\n",
			      format_wall((uint64_t) p->t, when, sizeof(when)),
			      attr ? (int) (attr - s->name) : 0, s->name, attr ? attr + 1 : "",
			      p->value, p->low, p->high);
	}
}

static unsigned output_lines(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row
		       ? w.ws_row
		       : 24;
}

/* Pictures with so many series each. */
static void print_plots(const struct cli *c, const struct wish *w, const struct past *s, unsigned n,
			unsigned each)
{
	unsigned n_plots = (n + each - 1) / each, lines = output_lines() - 1, height;
	struct page p = { 0 };

	height = lines / n_plots > plot_lines_around(each)
			 ? lines / n_plots - plot_lines_around(each)
			 : HEIGHT_MIN;
	height = MIN_OF(MAX_OF(height, HEIGHT_MIN), HEIGHT_MAX);
	page_begin(&p, output_columns() ? output_columns() : 80, 0, c->color);
	for (unsigned k = 0; k < n; k += each)
		plot_draw(&p, s + k, MIN_OF(each, n - k), w->height ? w->height : height);
	page_end(&p);
	(void) fputs(p.text ? p.text : "", stdout);
	page_done(&p);
}

static int print_all(const struct cli *c, const struct wish *w)
{
	struct past s[SERIES_MAX];
	unsigned n = 0, each = 1;
	int status = EXIT_GOOD;

	if (c->json) {
		print_json(w);
		return EXIT_GOOD;
	}
	for (unsigned k = 0; k < w->n; k++) {
		if (past_read(w->answer[k], w->fact[k], w->raw, &s[n]) == 0) {
			(void) copy_text(s[n].note, sizeof(s[n].note), w->note[k]);
			n++;
		} else {
			status = EXIT_NO;
		}
	}
	if (status != EXIT_GOOD)
		(void) fprintf(stderr, "anodctl: an answer without points\n");
	if (w->overlay) {
		each = MIN_OF(n, PLOT_SERIES_MAX);
		for (unsigned k = 1; k < n; k++)
			if (s[k].scale != s[0].scale)
				each = 1; /* one axis has one unit */
	}
	if (w->csv) {
		(void) puts("time,entity,attr,value,low,high");
		for (unsigned k = 0; k < n; k++)
			print_csv(&s[k]);
	} else if (n > 0) {
		print_plots(c, w, s, n, MAX_OF(each, 1));
	}
	for (unsigned k = 0; k < n; k++)
		past_done(&s[k]);
	return status;
}

/* ---- arguments ------------------------------------------------------------------------------------ */

static bool span_arg(const char *text, double *ret)
{
	uint64_t us;

	if (!text || parse_span(text, &us) < 0 || us == 0) {
		(void) fprintf(stderr, "anodctl: '%s' is no time span, as 90s, 10m or 1h30m\n",
			       text ? text : "");
		return false;
	}
	*ret = (double) us;
	return true;
}

static bool when_arg(const char *text, double *ret)
{
	uint64_t us;

	if (!text || parse_when(text, clock_wall_us(), &us) < 0) {
		(void) fprintf(stderr,
			       "anodctl: '%s' is no time, as 14:05, '2026-11-22 14:05' or -2h\n",
			       text ? text : "");
		return false;
	}
	*ret = (double) us;
	return true;
}

static bool option(struct wish *w, const char *name, const char *value)
{
	if (strcmp(name, "--last") == 0)
		return span_arg(value, &w->last_us);
	if (strcmp(name, "--step") == 0)
		return span_arg(value, &w->step_us);
	if (strcmp(name, "--from") == 0)
		return when_arg(value, &w->from_us);
	if (strcmp(name, "--to") == 0)
		return when_arg(value, &w->to_us);
	if (strcmp(name, "--incident") == 0)
		w->incident = value;
	if (strcmp(name, "--height") == 0)
		w->height = value ? (unsigned) MIN_OF(MAX_OF(atoi(value), 0), 500) : 0;
	return value && (strcmp(name, "--incident") == 0 || w->height > 0);
}

static bool flag(struct wish *w, const char *name)
{
	if (strcmp(name, "--raw") == 0)
		w->raw = true;
	else if (strcmp(name, "--csv") == 0)
		w->csv = true;
	else if (strcmp(name, "--overlay") == 0)
		w->overlay = true;
	else
		return false;
	return true;
}

int history_command(struct cli *c, int argc, char **argv)
{
	struct wish w = { 0 };
	int status = EXIT_GOOD;

	if (argc == 0)
		return history_kept(c, NULL);
	for (int k = 0; k < argc; k++) {
		if (strncmp(argv[k], "--", 2) == 0) {
			if (flag(&w, argv[k]))
				continue;
			if (!option(&w, argv[k], k + 1 < argc ? argv[k + 1] : NULL))
				return EXIT_USE;
			k++;
		} else if (!w.entity) {
			w.entity = argv[k];
		} else if (w.n_attrs < SERIES_MAX) {
			w.attr[w.n_attrs++] = argv[k];
		}
	}
	if (!w.entity && w.incident && argc == 2)
		return history_kept(c, w.incident);
	if (!w.entity || w.n_attrs == 0 || (w.last_us > 0 && w.from_us > 0))
		return EXIT_USE;

	status = ask_all(c, &w);
	if (status == EXIT_GOOD)
		status = print_all(c, &w);
	for (unsigned k = 0; k < w.n; k++) {
		cJSON_Delete(w.answer[k]);
		cJSON_Delete(w.fact[k]);
	}
	return status;
}
