/*
 * facts_live - a live table of facts.
 *
 * Design.  Asks for the page on the screen and no more; "total" tells how many there are.  A fact
 * whose value is of the last seconds is marked, by what the daemon says of its last change, so a
 * change between two questions is not missed.
 */
#include <string.h>

#include "cli/facts.h"
#include "cli/layout.h"
#include "cli/number.h"
#include "cli/width.h"

#define LINES_AROUND 3	 /* summary, heading, keys */
#define FRESH_US     3e6 /* a change this young is marked */

enum { COL_MARK, COL_FACT, COL_VALUE, COL_AGE, COL_SINCE, COL_SOURCE, COLS };

static const struct column columns[COLS] = {
	[COL_MARK] = { "", 1, 1, 0, 0 },	 [COL_FACT] = { "FACT", 24, 24, 0, 0 },
	[COL_VALUE] = { "VALUE", 18, 60, 1, 0 }, [COL_AGE] = { "AGE", 6, 6, 2, 0 },
	[COL_SINCE] = { "SINCE", 6, 7, 3, 0 },	 [COL_SOURCE] = { "SOURCE", 8, 10, 4, 0 },
};

const char *fact_path(const cJSON *f, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s/%s.%s", get_text(f, "kind"), get_text(f, "entity"),
			get_text(f, "attr"));
	return buf;
}

const char *fact_value(const cJSON *f, char *buf, size_t size)
{
	bool unknown = cJSON_IsNull(get(f, "raw"));
	/* Text from outside is shown as a quotation; an empty one comes quoted. */
	bool quote = get_bool(f, "outside") && !unknown && get_text(f, "raw")[0];

	(void) snprintf(buf, size, "%s%s%s%s%s", quote ? "\"" : "", get_text(f, "value"),
			quote ? "\"" : "", unknown ? ": " : "", unknown ? get_text(f, "why") : "");
	return buf;
}

/* ---- the picture -------------------------------------------------------------------------------- */

static void draw_age(struct page *p, const cJSON *f, const char *name, unsigned width,
		     bool may_be_late)
{
	double max = get_number(f, "max_age_us"), age = get_number(f, name);
	bool late = may_be_late && max > 0 && age > max / 2;
	char text[NUMBER_SIZE], marked[NUMBER_SIZE + 1];

	if (!cJSON_IsNumber(get(f, name))) {
		page_cell(p, STYLE_DIM, width, ALIGN_RIGHT, "-");
		return;
	}
	(void) number_time(age, width - late, text);
	(void) snprintf(marked, sizeof(marked), "%s%s", late ? "~" : "", text);
	page_cell(p, late ? STYLE_YELLOW : STYLE_DIM, width, ALIGN_RIGHT, marked);
}

static void draw_fact(struct page *p, const struct column *col, const cJSON *f)
{
	bool unknown = cJSON_IsNull(get(f, "raw"));
	bool fresh = cJSON_IsNumber(get(f, "since_us")) && get_number(f, "since_us") < FRESH_US;
	char path[256], value[256];

	page_cell(p, STYLE_CYAN, col[COL_MARK].width, ALIGN_LEFT, fresh ? "*" : "");
	page_put(p, STYLE_PLAIN, " ");
	page_cell(p, STYLE_PLAIN, col[COL_FACT].width, ALIGN_LEFT,
		  fact_path(f, path, sizeof(path)));
	page_put(p, STYLE_PLAIN, " ");
	page_cell(p,
		  unknown ? STYLE_YELLOW
		  : fresh ? STYLE_BOLD
			  : STYLE_PLAIN,
		  col[COL_VALUE].width, ALIGN_LEFT, fact_value(f, value, sizeof(value)));
	for (int c = COL_AGE; c <= COL_SINCE; c++) {
		if (col[c].width == 0)
			continue;
		page_put(p, STYLE_PLAIN, " ");
		draw_age(p, f, c == COL_AGE ? "age_us" : "since_us", col[c].width, c == COL_AGE);
	}
	if (col[COL_SOURCE].width) {
		page_put(p, STYLE_PLAIN, " ");
		page_cell(p, STYLE_DIM, col[COL_SOURCE].width, ALIGN_LEFT, get_text(f, "source"));
	}
	page_line(p);
}

static void draw_heading(struct page *p, const struct column *col)
{
	for (int c = 0; c < COLS; c++) {
		if (col[c].width == 0)
			continue;
		if (c > 0)
			page_cell(p, STYLE_HEAD, 1, ALIGN_LEFT, "");
		page_cell(p, STYLE_HEAD, col[c].width,
			  c == COL_AGE || c == COL_SINCE ? ALIGN_RIGHT : ALIGN_LEFT, col[c].head);
	}
	page_tab(p, STYLE_HEAD, p->cols);
	page_line(p);
}

static void draw_summary(struct page *p, const struct facts_view *v)
{
	double total = get_number(v->data, "total");
	char right[64];

	page_putf(p, STYLE_BOLD, "%.0f fact%s", total, plural(total));
	page_putf(p, STYLE_CYAN, "%s%s",
		  !v->about[0] ? ""
		  : v->of_link ? " of "
			       : " like ",
		  v->about);
	(void) snprintf(right, sizeof(right), "%s  every %gs", v->paused ? "PAUSED" : "",
			v->every_s);
	page_tab(p, STYLE_PLAIN, p->cols > text_columns(right) ? p->cols - text_columns(right) : 0);
	page_put(p, v->paused ? STYLE_YELLOW : STYLE_DIM, right);
	page_line(p);
}

static void draw_table(struct page *p, struct facts_view *v)
{
	struct column col[COLS];
	unsigned at = (unsigned) get_number(v->data, "offset"), room = facts_room(p->rows);
	const cJSON *facts = get(v->data, "facts"), *f;
	char path[256];

	cJSON_ArrayForEach(f, facts) v->name_width =
		MAX_OF(v->name_width, text_columns(fact_path(f, path, sizeof(path))));
	memcpy(col, columns, sizeof(col));
	/* Rather the end of a long name is cut than the value. */
	col[COL_FACT].max = MAX_OF(MIN_OF(v->name_width, 90), col[COL_FACT].min);
	layout(col, COLS, p->cols);
	draw_heading(p, col);
	if (cJSON_GetArraySize(facts) == 0) {
		page_put(p, STYLE_DIM,
			 "no such fact; 'anodctl facts --schema' lists what there can be");
		page_line(p);
	}
	cJSON_ArrayForEach(f, facts)
	{
		if (room-- == 0)
			break;
		p->chosen = at++ == v->chosen;
		draw_fact(p, col, f);
	}
}

static const char *const help[] = {
	"Keys",
	"  up down pgup pgdn home end   choose a line, scroll",
	"  /          other facts: a glob over KIND/NAME.ATTR, as in link/wan*.rx_*",
	"  + -        ask more often, less often",
	"  space      pause",
	"  q          leave",
	"",
	"Signs",
	"  *          the value changed in the last 3 s",
	"  ~2.6s      older than it should be: past half of its maximum age",
	"  AGE        since its source last confirmed the value",
	"  SINCE      since the value last changed",
	NULL
};

static void draw_foot(struct page *p, const struct facts_view *v)
{
	const struct page_foot foot = {
		.what = "facts",
		.edit = v->editing ? v->edit : NULL,
		.notice = v->notice,
		.age = v->age,
		.keys = "q leave  ? help  / find  space pause",
		.from = get_number(v->data, "offset"),
		.shown = cJSON_GetArraySize(get(v->data, "facts")),
		.total = get_number(v->data, "total"),
	};

	page_foot(p, &foot);
}

unsigned facts_room(unsigned lines)
{
	return lines > LINES_AROUND ? lines - LINES_AROUND : 0;
}

void facts_draw(struct page *p, struct facts_view *v)
{
	if (v->help) {
		for (int k = 0; help[k]; k++) {
			page_put(p, help[k][0] == ' ' ? STYLE_PLAIN : STYLE_BOLD, help[k]);
			page_line(p);
		}
	} else if (v->data) {
		draw_summary(p, v);
		draw_table(p, v);
	} else {
		page_put(p, STYLE_DIM, "asking the daemon ...");
		page_line(p);
	}
	draw_foot(p, v);
}

/* ---- the screen --------------------------------------------------------------------------------- */

static void settle(struct facts_view *v, unsigned room)
{
	settle_rows(&v->offset, &v->chosen, (unsigned) MIN_OF(get_number(v->data, "total"), 1e8),
		    room);
}

static const char *question(void *data, struct live *l, cJSON **ret_args)
{
	struct facts_view *v = data;
	cJSON *args = cJSON_CreateObject();

	settle(v, facts_room(l->term.rows));
	if (v->pattern)
		cJSON_AddItemToObject(args, "pattern", cJSON_Duplicate(v->pattern, true));
	cJSON_AddNumberToObject(args, "offset", v->offset);
	cJSON_AddNumberToObject(args, "limit", facts_room(l->term.rows));
	*ret_args = args;
	return "facts";
}

static void answer(void *data, struct live *l, cJSON *a)
{
	struct facts_view *v = data;
	unsigned offset = v->offset;

	cJSON_Delete(v->data);
	v->data = a;
	settle(v, facts_room(l->term.rows));
	l->ask_now = l->ask_now || v->offset != offset;
}

static void draw(void *data, struct live *l, struct page *p)
{
	struct facts_view *v = data;
	char age[32];

	v->paused = l->paused;
	v->every_s = (double) l->every_us / 1e6;
	v->notice = l->notice;
	v->age = live_age(l, age, sizeof(age));
	facts_draw(p, v);
	v->notice = v->age = "";
}

static void use_typed(struct facts_view *v, struct live *l)
{
	cJSON_Delete(v->typed);
	v->typed = v->edit[0] ? cJSON_CreateString(v->edit) : NULL;
	v->pattern = v->typed;
	(void) copy_text(v->about, sizeof(v->about), v->edit);
	v->chosen = v->offset = v->name_width = 0;
	v->of_link = false;
	l->ask_now = true;
}

static bool key(void *data, struct live *l, int key)
{
	struct facts_view *v = data;
	unsigned before = v->offset;
	long to;

	if (v->editing) {
		v->editing = !line_key(v->edit, sizeof(v->edit), key);
		if (key == KEY_ENTER)
			use_typed(v, l);
		return true;
	}
	if (v->help) {
		v->help = false;
		return true;
	}
	if (scroll_key(key, (long) facts_room(l->term.rows), (long) v->chosen, &to)) {
		v->chosen = (unsigned) MIN_OF(MAX_OF(to, 0), 100000000);
		settle(v, facts_room(l->term.rows));
		l->ask_now = l->ask_now || v->offset != before;
		return true;
	}
	if (key == '?' || key == 'h') {
		v->help = true;
	} else if (key == '/') {
		v->editing = true;
		v->edit[0] = '\0';
	} else {
		live_key(l, key);
	}
	return key != 'q' && key != KEY_ESC && key != KEY_BACKSPACE;
}

void facts_show(struct live *l, struct facts_view *v)
{
	static const struct live_screen s = { question, answer, draw, key };

	v->notice = v->age = "";
	live_show(l, &s, v);
	cJSON_Delete(TAKE(v->data));
	cJSON_Delete(TAKE(v->typed));
}

/* A glob that means this name and no other. */
static void escape(const char *name, char *buf, size_t size)
{
	size_t n = 0;

	for (; *name && n + 3 < size; name++) {
		if (strchr("*?[\\", *name))
			buf[n++] = '\\';
		buf[n++] = *name;
	}
	buf[n] = '\0';
}

void facts_of_link(struct live *l, const char *link)
{
	static const char *const about[] = { "link/%s", "path/%s", "probe/%s/*", "addr/%s/*",
					     "neigh/%s/*" };
	struct facts_view v = { .notice = "" };
	cJSON *list = cJSON_CreateArray();
	char name[160], pattern[192];

	escape(link, name, sizeof(name));
	for (size_t k = 0; k < ARRAY_SIZE(about); k++) {
		const char *slash = strchr(about[k], '/');

		(void) snprintf(pattern, sizeof(pattern), "%.*s/%s%s", (int) (slash - about[k]),
				about[k], name, slash[3] ? "/*" : "");
		cJSON_AddItemToArray(list, cJSON_CreateString(pattern));
	}
	(void) snprintf(v.about, sizeof(v.about), "%.60s", link);
	v.pattern = list;
	v.of_link = true;
	facts_show(l, &v);
	cJSON_Delete(list);
}
