/*
 * top_draw - the table of links as lines of text: summary, heading, rows, keys.
 *
 * Design.  Pure: an answer and a view in, a page out.  The cells are drawn by top_cells.c.
 */
#include <string.h>

#include "cli/live.h"
#include "cli/number.h"
#include "cli/top_cells.h"
#include "cli/width.h"

#define LINES_AROUND 4 /* two of summary, the heading, the keys */

/* The column that the daemon's name for a sort stands for. */
static const struct {
	const char *sort;
	enum cell cell;
} sorts[] = {
	{ "incident", CELL_MARK },   { "name", CELL_LINK },	{ "state", CELL_STATE },
	{ "role", CELL_ROLE },	     { "rx", CELL_RX },		{ "tx", CELL_TX },
	{ "packets", CELL_PACKETS }, { "errors", CELL_ERRORS }, { "drops", CELL_DROPS },
	{ "util", CELL_UTIL },	     { "rtt", CELL_RTT },	{ "loss", CELL_LOSS },
};
const char *const top_sorts[] = { "incident", "name",  "state", "role", "rx",	"tx", "packets",
				  "errors",   "drops", "util",	"rtt",	"loss", NULL };

static double total(const struct top_view *v, const char *name)
{
	return get_number(get(v->data, "totals"), name);
}

static void put_count_of(struct page *p, enum style s, double n, const char *what)
{
	if (n > 0)
		page_putf(p, s, ", %.0f %s", n, what);
}

/* Sensors that read less often than they want to. */
static void draw_slowed(struct page *p, const struct top_view *v)
{
	const cJSON *list = get(get(v->data, "totals"), "sensors_slowed"), *s;

	cJSON_ArrayForEach(s, list) if (get_number(s, "slowed") > 1)
		page_putf(p, STYLE_YELLOW, "   %s slowed %.1fx", get_text(s, "sensor"),
			  get_number(s, "slowed"));
	else page_putf(p, STYLE_YELLOW, "   %s takes %.1f %%", get_text(s, "sensor"),
		       get_number(s, "share") * 100);
}

static void draw_links(struct page *p, const struct top_view *v)
{
	double open = total(v, "incidents_open");
	char when[32];

	page_putf(p, STYLE_BOLD, "%.8s", local_time(get_text(v->data, "t"), when, sizeof(when)));
	page_putf(p, STYLE_PLAIN, "  %.0f link%s", total(v, "matched"),
		  plural(total(v, "matched")));
	if (v->match[0])
		page_putf(p, STYLE_CYAN, " like %s (of %.0f)", v->match, total(v, "links"));
	page_putf(p, STYLE_PLAIN, ": ");
	page_putf(p, STYLE_GREEN, "%.0f up", total(v, "up"));
	put_count_of(p, STYLE_RED, total(v, "down"), "down");
	put_count_of(p, STYLE_DIM, total(v, "disabled"), "disabled");
	put_count_of(p, STYLE_YELLOW, total(v, "unknown"), "unknown");
	if (open > 0)
		page_putf(p, STYLE_ALERT, "   %.0f open incident%s", open, plural(open));
	else
		page_put(p, STYLE_DIM, "   no open incident");
	draw_slowed(p, v);
	page_line(p);
}

static void draw_sums(struct page *p, const struct top_view *v)
{
	char rx[NUMBER_SIZE], tx[NUMBER_SIZE], e[NUMBER_SIZE], d[NUMBER_SIZE];
	double scale = v->bytes ? 0.125 : 1, links = total(v, "matched");

	page_put(p, STYLE_DIM, "sum rx ");
	page_putf(p, STYLE_BOLD, "%s", number_fixed(total(v, "rx_bps") * scale, 5, rx));
	page_put(p, STYLE_DIM, " tx ");
	page_putf(p, STYLE_BOLD, "%s", number_fixed(total(v, "tx_bps") * scale, 5, tx));
	page_put(p, STYLE_DIM, v->bytes ? " byte/s" : " bit/s");
	if (total(v, "rate_unknown") > 0)
		page_putf(p, STYLE_YELLOW, " (%.0f unknown)", total(v, "rate_unknown"));
	if (links > 0 && total(v, "error_unknown") >= links)
		page_put(p, STYLE_DIM, "  errors ? drops ?");
	else
		page_putf(p, STYLE_DIM, "  errors %s/s drops %s/s",
			  number_fixed(total(v, "errors_ps"), 5, e),
			  number_fixed(total(v, "drops_ps"), 5, d));
	if (!v->plain) {
		char right[64];

		(void) snprintf(right, sizeof(right), "%s  every %gs", v->paused ? "PAUSED" : "",
				v->every_s);
		page_tab(p, STYLE_PLAIN,
			 p->cols > text_columns(right) ? p->cols - text_columns(right) : 0);
		page_put(p, v->paused ? STYLE_YELLOW : STYLE_DIM, right);
	}
	page_line(p);
}

static bool to_the_left(enum cell c)
{
	switch (c) {
	case CELL_MARK:
	case CELL_LINK:
	case CELL_STATE:
	case CELL_ROLE:
	case CELL_KIND:
	case CELL_MASTER:
	case CELL_INCIDENT:
	case CELL_ALIAS:
		return true;
	default:
		return false;
	}
}

static void draw_heading(const struct drawing *d)
{
	enum cell sorted = CELLS;
	bool first = true;

	for (size_t k = 0; k < ARRAY_SIZE(sorts); k++)
		if (strcmp(sorts[k].sort, d->v->sort) == 0)
			sorted = sorts[k].cell;
	for (enum cell c = 0; c < CELLS; c++) {
		char head[32];

		if (d->col[c].width == 0)
			continue;
		if (!first)
			page_cell(d->p, STYLE_HEAD, 1, ALIGN_LEFT, "");
		first = false;
		(void) snprintf(head, sizeof(head), "%s%s", d->col[c].head,
				c != sorted || strlen(d->col[c].head) >= d->col[c].width ? ""
				: d->v->reverse						 ? "^"
											 : "v");
		page_cell(d->p, c == sorted ? STYLE_MARK : STYLE_HEAD, d->col[c].width,
			  to_the_left(c) ? ALIGN_LEFT : ALIGN_RIGHT, head);
	}
	page_tab(d->p, STYLE_HEAD, d->p->cols);
	page_line(d->p);
}

static void draw_row(struct drawing *d)
{
	bool first = true;

	for (enum cell c = 0; c < CELLS; c++) {
		if (d->col[c].width == 0)
			continue;
		if (!first)
			page_cell(d->p, STYLE_PLAIN, 1, ALIGN_LEFT, "");
		first = false;
		top_cell(d, c);
	}
	page_line(d->p);
}

static void draw_table(struct page *p, struct top_view *v)
{
	struct drawing d = { .p = p, .v = v };
	unsigned at = (unsigned) get_number(v->data, "offset"), room = top_room(p->rows);
	const cJSON *rows = get(v->data, "rows");

	memcpy(d.col, top_columns, sizeof(d.col));
	cJSON_ArrayForEach(d.row, rows) v->name_width =
		MAX_OF(v->name_width, text_columns(get_text(d.row, "name")));
	d.col[CELL_LINK].max = MIN_OF(MAX_OF(v->name_width, d.col[CELL_LINK].min), 24);
	layout(d.col, CELLS, p->cols);
	draw_heading(&d);
	if (cJSON_GetArraySize(rows) == 0) {
		page_put(p, STYLE_DIM,
			 v->match[0] ? "no link has a name like that" : "no link is known yet");
		page_line(p);
		return;
	}
	cJSON_ArrayForEach(d.row, rows)
	{
		if (p->rows && room-- == 0)
			break;
		p->chosen = p->rows && at == v->chosen;
		at++;
		draw_row(&d);
	}
}

static const char *const help[] = {
	"Keys",
	"  up down pgup pgdn home end   choose a row, scroll",
	"  Enter      every fact of the chosen link, with ages and reasons",
	"  < >        sort by the column to the left, to the right",
	"  r          the other way round",
	"  /          show links whose names match: a glob, or a part of the name",
	"  b          bits or bytes a second",
	"  + -        ask more often, less often",
	"  space      pause: the table stands still",
	"  q          quit",
	"",
	"Signs",
	"  !          an open incident is about this link: anodctl incidents",
	"  ?          unknown: Enter says why",
	"  -          nothing to be known: no probe goes there, no capacity is configured",
	"  ~1.2M      older than it should be",
	"",
	"RX TX in bits a second; ERR/s and DROP/s, both directions, over the last 5 to 10 s;",
	"UTIL: the busier direction's share of the capacity; RTT LOSS: medians of the path.",
	"Sorting leaves rows whose value is unknown at the end.",
	NULL
};

static void draw_help(struct page *p)
{
	for (int k = 0; help[k] && !page_full(p); k++) {
		page_put(p, help[k][0] == ' ' || !help[k][0] ? STYLE_PLAIN : STYLE_BOLD, help[k]);
		page_line(p);
	}
}

static void draw_foot(struct page *p, const struct top_view *v)
{
	const struct page_foot foot = {
		.what = "links",
		.edit = v->editing ? v->edit : NULL,
		.notice = v->notice,
		.age = v->age,
		.keys = "q quit  ? help  / find  <> sort  r reverse  enter details",
		.from = get_number(v->data, "offset"),
		.shown = cJSON_GetArraySize(get(v->data, "rows")),
		.total = total(v, "matched"),
	};

	page_foot(p, &foot);
}

unsigned top_room(unsigned lines)
{
	return lines > LINES_AROUND ? lines - LINES_AROUND : 0;
}

void top_draw(struct page *p, struct top_view *v)
{
	if (v->data && !v->help) {
		draw_links(p, v);
		draw_sums(p, v);
		draw_table(p, v);
	} else if (v->help) {
		draw_help(p);
	} else {
		page_put(p, STYLE_DIM, "asking the daemon ...");
		page_line(p);
	}
	if (p->rows)
		draw_foot(p, v);
}

const char *top_chosen(const struct top_view *v)
{
	double at = v->chosen - get_number(v->data, "offset");

	if (at < 0 || at > 100000)
		return "";
	return get_text(cJSON_GetArrayItem(get(v->data, "rows"), (int) at), "name");
}

void top_settle(struct top_view *v, unsigned room)
{
	settle_rows(&v->offset, &v->chosen, (unsigned) MIN_OF(total(v, "matched"), 1e6), room);
}
