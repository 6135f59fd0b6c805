/*
 * top - "anodctl top": the links, live.
 *
 * Design.  The daemon sorts, filters and cuts; here are the keys, and what they change in the next
 * question.  What is typed for '/' without a glob's signs means "has this in its name".
 */
#include "cli/top.h"

#include <string.h>

#include "base/clock.h"
#include "cli/facts.h"
#include "cli/width.h"

#define PAGE_ROWS 500 /* that --once asks for at a time */
#define EVERY_MIN 0.1
#define EVERY_MAX 10.0

static cJSON *query(const struct top_view *v, unsigned offset, unsigned limit)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "kind", "link");
	cJSON_AddStringToObject(args, "sort", v->sort);
	cJSON_AddBoolToObject(args, "reverse", v->reverse);
	if (v->match[0])
		cJSON_AddStringToObject(args, "match", v->match);
	cJSON_AddNumberToObject(args, "offset", offset);
	cJSON_AddNumberToObject(args, "limit", limit);
	return args;
}

/* ---- the screen --------------------------------------------------------------------------------- */

static const char *question(void *data, struct live *l, cJSON **ret_args)
{
	struct top_view *v = data;

	top_settle(v, top_room(l->term.rows));
	*ret_args = query(v, v->offset, MIN_OF(top_room(l->term.rows), PAGE_ROWS));
	return "top";
}

static void answer(void *data, struct live *l, cJSON *a)
{
	struct top_view *v = data;
	unsigned offset = v->offset;

	cJSON_Delete(v->data);
	v->data = a;
	/* Links went meanwhile, and the page is behind the end. */
	top_settle(v, top_room(l->term.rows));
	if (v->offset != offset)
		l->ask_now = true;
}

static void draw(void *data, struct live *l, struct page *p)
{
	struct top_view *v = data;
	char age[32];

	v->paused = l->paused;
	v->every_s = (double) l->every_us / 1e6;
	v->notice = l->notice;
	v->age = live_age(l, age, sizeof(age));
	top_draw(p, v);
	v->notice = v->age = "";
}

static void edit_key(struct top_view *v, struct live *l, int key)
{
	if (!line_key(v->edit, sizeof(v->edit) - 4, key))
		return;
	v->editing = false;
	if (key == KEY_ESC)
		return;
	if (!v->edit[0] || strpbrk(v->edit, "*?["))
		(void) copy_text(v->match, sizeof(v->match), v->edit);
	else
		(void) snprintf(v->match, sizeof(v->match), "*%.70s*", v->edit);
	v->chosen = v->offset = 0;
	l->ask_now = true;
}

static void move(struct top_view *v, struct live *l, long to)
{
	unsigned before = v->offset;

	v->chosen = (unsigned) MIN_OF(MAX_OF(to, 0), 1000000);
	top_settle(v, top_room(l->term.rows));
	l->ask_now = l->ask_now || v->offset != before;
}

static void sort_by_next(struct top_view *v, struct live *l, int step)
{
	int n = 0, at = 0;

	while (top_sorts[n]) {
		if (strcmp(top_sorts[n], v->sort) == 0)
			at = n;
		n++;
	}
	if (n == 0)
		return;
	v->sort = top_sorts[(at + step + n) % n];
	v->reverse = false;
	l->ask_now = true;
}

static bool key(void *data, struct live *l, int key)
{
	struct top_view *v = data;
	long to;

	if (v->editing) {
		edit_key(v, l, key);
		return true;
	}
	if (v->help) {
		v->help = false;
		return true;
	}
	if (scroll_key(key, (long) top_room(l->term.rows), (long) v->chosen, &to)) {
		move(v, l, to);
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case '?':
	case 'h':
		v->help = true;
		break;
	case '/':
		v->editing = true;
		v->edit[0] = '\0';
		break;
	case KEY_ESC:
		v->match[0] = '\0';
		l->ask_now = true;
		break;
	case '<':
	case KEY_LEFT:
		sort_by_next(v, l, -1);
		break;
	case '>':
	case KEY_RIGHT:
		sort_by_next(v, l, 1);
		break;
	case 'r':
	case 'R':
		v->reverse = !v->reverse;
		l->ask_now = true;
		break;
	case 'b':
		v->bytes = !v->bytes;
		break;
	case KEY_ENTER:
		if (top_chosen(v)[0])
			facts_of_link(l, top_chosen(v));
		break;
	default:
		live_key(l, key);
		break;
	}
	return true;
}

static int screen(struct cli *c, struct top_view *v, double every_s)
{
	static const struct live_screen s = { question, answer, draw, key };
	struct live l;
	int status = live_open(&l, c, (uint64_t) (every_s * 1e6));

	if (status != EXIT_GOOD)
		return status;
	live_show(&l, &s, v);
	return live_close(&l);
}

/* ---- once --------------------------------------------------------------------------------------- */

/* Every row, page by page. */
static int ask_all(struct cli *c, struct top_view *v, cJSON **ret)
{
	cJSON *all = NULL, *rows = NULL, *a, *d;
	unsigned n = 0, got;

	do {
		a = cli_ask(c, "top", query(v, n, PAGE_ROWS));
		d = get_bool(a, "ok") ? cJSON_DetachItemFromObjectCaseSensitive(a, "data") : NULL;
		if (!cJSON_IsObject(d)) {
			if (a && !get_bool(a, "ok"))
				(void) fprintf(stderr, "anodctl: %s\n", get_text(a, "error"));
			cJSON_Delete(d);
			cJSON_Delete(all);
			cJSON_Delete(a);
			return a ? EXIT_NO : EXIT_UNREACHABLE;
		}
		cJSON_Delete(a);
		got = (unsigned) cJSON_GetArraySize(get(d, "rows"));
		n += got;
		if (!all) {
			all = d;
			rows = cJSON_GetObjectItemCaseSensitive(all, "rows");
			continue;
		}
		for (cJSON *r; (r = cJSON_DetachItemFromArray(
					cJSON_GetObjectItemCaseSensitive(d, "rows"), 0));)
			cJSON_AddItemToArray(rows, r);
		cJSON_Delete(d);
	} while (got == PAGE_ROWS && rows);
	*ret = all;
	return EXIT_GOOD;
}

static int once(struct cli *c, struct top_view *v)
{
	struct page p = { 0 };
	int status = ask_all(c, v, &v->data);

	/* Errors a second take two readings: wait for the second one, as vmstat does. */
	if (status == EXIT_GOOD && get_number(get(v->data, "totals"), "error_unknown") > 0 &&
	    get_number(get(v->data, "totals"), "rate_unknown") == 0) {
		(void) usleep(1100000);
		cJSON_Delete(TAKE(v->data));
		status = ask_all(c, v, &v->data);
	}
	if (status != EXIT_GOOD)
		return status;
	if (c->json) {
		char *text = cJSON_Print(v->data);

		(void) puts(text ? text : "{}");
		free(text);
		return EXIT_GOOD;
	}
	v->plain = true;
	page_begin(&p, output_columns(), 0, false);
	top_draw(&p, v);
	page_end(&p);
	(void) fputs(p.text ? p.text : "", stdout);
	page_done(&p);
	return EXIT_GOOD;
}

static bool known_sort(struct top_view *v, const char *name)
{
	for (int k = 0; top_sorts[k]; k++)
		if (strcmp(top_sorts[k], name) == 0) {
			v->sort = top_sorts[k];
			return true;
		}
	return false;
}

int top_command(struct cli *c, int argc, char **argv)
{
	struct top_view v = { .sort = "name", .notice = "", .age = "" };
	double every_s = 1;
	bool one = c->json;
	int status;

	for (int k = 0; k < argc; k++) {
		const char *value = k + 1 < argc ? argv[k + 1] : NULL;
		char *end = NULL;

		if (strcmp(argv[k], "--once") == 0) {
			one = true;
		} else if (strcmp(argv[k], "--reverse") == 0) {
			v.reverse = true;
		} else if (strcmp(argv[k], "--bytes") == 0) {
			v.bytes = true;
		} else if (strcmp(argv[k], "--match") == 0 && value) {
			(void) copy_text(v.match, sizeof(v.match), argv[++k]);
		} else if (strcmp(argv[k], "--sort") == 0 && value) {
			if (!known_sort(&v, argv[++k])) {
				const char *near = nearest_word(value, top_sorts);

				(void) fprintf(stderr, "anodctl: no column '%s'%s%s%s\n", value,
					       near ? "; did you mean '" : "", near ? near : "",
					       near ? "'?" : "");
				return EXIT_USE;
			}
		} else if (strcmp(argv[k], "--every") == 0 && value) {
			every_s = strtod(argv[++k], &end);
			if (!end || (strcmp(end, "s") != 0 && *end) || !(every_s >= EVERY_MIN) ||
			    every_s > EVERY_MAX)
				return EXIT_USE;
		} else {
			return EXIT_USE;
		}
	}
	status = one ? once(c, &v) : screen(c, &v, every_s);
	cJSON_Delete(v.data);
	return status;
}
