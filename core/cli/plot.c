/*
 * plot - series drawn with characters.
 *
 * Design.  First each column of dots learns the range of values that its time saw, from the lines
 * between neighbouring points; then the range is a vertical run of dots.  Neighbouring columns
 * share the value at their border, so a line has no holes; across a gap there is no line.
 */
#include "cli/plot.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/number.h"
#include "cli/width.h"

#define LABEL_WIDTH 7
#define WIDTH_MAX   1000
#define TICKS_MAX   100

struct canvas {
	unsigned cols, rows;	 /* characters */
	unsigned dots_x, dots_y; /* of one */
	uint8_t *bits, *owner;	 /* by row * cols + col; owner: series that drew last, from 1 */
	struct axis axis;
	double from, to;
};

static const enum style palette[PLOT_SERIES_MAX] = { STYLE_CYAN, STYLE_YELLOW, STYLE_GREEN,
						     STYLE_RED,	 STYLE_BLUE,   STYLE_BOLD };

/* ---- dots --------------------------------------------------------------------------------------- */

static void set_dot(struct canvas *c, unsigned x, unsigned y, unsigned owner)
{
	static const uint8_t braille[4][2] = {
		{ 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
	};
	unsigned at = y / c->dots_y * c->cols + x / c->dots_x;

	if (c->dots_x == 2)
		c->bits[at] |= braille[y % 4][x % 2];
	else
		c->bits[at] |= (uint8_t) (1u << y % 2);
	c->owner[at] = (uint8_t) owner;
}

static unsigned row_of(const struct canvas *c, double v)
{
	unsigned n = c->rows * c->dots_y - 1;
	double part = (c->axis.high - v) / (c->axis.high - c->axis.low);

	return (unsigned) lround(MIN_OF(MAX_OF(part, 0), 1) * n);
}

struct range {
	double low, high; /* low > high: nothing known */
};

static void widen(struct range *r, double v)
{
	r->low = MIN_OF(r->low, v);
	r->high = MAX_OF(r->high, v);
}

/* The line between two points; of a rate the step of the second's height, of a value that holds the
 * first's. */
static void add_line(const struct canvas *c, struct range *col, unsigned n_cols,
		     const struct past *s, unsigned k)
{
	const struct past_point *a = &s->point[k - 1], *b = &s->point[k];
	double scale = n_cols / (c->to - c->from);
	bool step = s->is_rate || s->holds;
	double level = s->holds ? a->value : step ? b->value : a->value;
	double x0 = (a->t - c->from) * scale, x1 = (b->t - c->from) * scale;
	double slope = step || x1 <= x0 ? 0 : (b->value - a->value) / (x1 - x0);
	double first = MAX_OF(x0, 0), last = MIN_OF(x1, n_cols - 1e-6);

	for (double x = first; x <= last; x = floor(x) + 1) {
		struct range *r = &col[(unsigned) x];
		double end = MIN_OF(floor(x) + 1, x1);

		widen(r, level + slope * (x - x0));
		widen(r, level + slope * (end - x0));
	}
	/* The edge of the step. */
	if (s->is_rate && x0 >= 0 && x0 < n_cols)
		widen(&col[(unsigned) x0], a->value);
	if (s->holds && x1 >= 0 && x1 < n_cols)
		widen(&col[(unsigned) x1], a->value);
}

static void add_point(const struct canvas *c, struct range *col, unsigned n_cols,
		      const struct past_point *p)
{
	double x = (p->t - c->from) * n_cols / (c->to - c->from);

	if (x < 0 || x > n_cols)
		return;
	widen(&col[MIN_OF((unsigned) x, n_cols - 1)], p->low);
	widen(&col[MIN_OF((unsigned) x, n_cols - 1)], p->high);
}

static void draw_series(struct canvas *c, const struct past *s, unsigned owner)
{
	unsigned n_cols = c->cols * c->dots_x;
	struct range *col = calloc(n_cols, sizeof(*col));

	for (unsigned x = 0; col && x < n_cols; x++)
		col[x] = (struct range){ INFINITY, -INFINITY };
	for (unsigned k = 0; col && k < s->n; k++) {
		add_point(c, col, n_cols, &s->point[k]);
		if (k > 0 && !s->point[k].gap)
			add_line(c, col, n_cols, s, k);
	}
	for (unsigned x = 0; col && x < n_cols; x++)
		if (col[x].low <= col[x].high)
			for (unsigned y = row_of(c, col[x].high); y <= row_of(c, col[x].low); y++)
				set_dot(c, x, y, owner);
	free(col);
}

/* ---- lines of text ------------------------------------------------------------------------------- */

static void put_dots(struct page *p, const struct canvas *c, unsigned at, bool several)
{
	static const char *const plain[] = { " ", "'", ".", ":" };
	static const char marks[] = " *+xo#@";
	uint8_t bits = c->bits[at];
	enum style s = c->owner[at] ? palette[(c->owner[at] - 1) % PLOT_SERIES_MAX] : STYLE_PLAIN;
	char text[5] = " ";

	if (c->dots_x == 2 && bits) {
		text[0] = (char) 0xe2;
		text[1] = (char) (0xa0 | bits >> 6);
		text[2] = (char) (0x80 | (bits & 0x3f));
		text[3] = '\0';
	} else if (c->dots_x == 1) {
		/* Without dots small enough to keep series apart each has its sign. */
		(void) snprintf(text, sizeof(text), "%s", plain[bits & 3]);
		if (several && bits)
			text[0] = marks[MIN_OF(c->owner[at], PLOT_SERIES_MAX)];
	}
	page_put(p, s, text);
}

/* The value that stands beside a line of the picture: the tick that falls on it. */
static bool tick_of(const struct canvas *c, unsigned row, double *ret)
{
	double first = ceil(c->axis.low / c->axis.step - 1e-9) * c->axis.step;

	for (int k = 0; k <= TICKS_MAX; k++) {
		*ret = first + k * c->axis.step;
		if (*ret > c->axis.high + 1e-9 * c->axis.step)
			break;
		if (row_of(c, *ret) / c->dots_y == row)
			return true;
	}
	return false;
}

/* "80.0M" is "80M" where it stands alone. */
static void tidy(char *number)
{
	char *dot = strchr(number, '.'), *end, *rest;

	if (!dot || number[0] == '<')
		return;
	rest = dot + 1 + strspn(dot + 1, "0123456789");
	for (end = rest; end[-1] == '0';)
		end--;
	if (end[-1] == '.')
		end--;
	memmove(end, rest, strlen(rest) + 1);
}

static void put_rows(struct page *p, const struct canvas *c, enum scale scale, bool several)
{
	bool utf8 = c->dots_x == 2;

	for (unsigned row = 0; row < c->rows; row++) {
		char label[NUMBER_SIZE] = "", text[NUMBER_SIZE];
		double v;
		bool tick = tick_of(c, row, &v);

		if (tick)
			tidy(strcpy(label, past_number(scale, v, LABEL_WIDTH, text)));
		page_cell(p, STYLE_DIM, LABEL_WIDTH, ALIGN_RIGHT, label);
		page_put(p, STYLE_DIM, utf8 ? (tick ? "┤" : "│") : tick ? "+" : "|");
		for (unsigned x = 0; x < c->cols; x++)
			put_dots(p, c, row * c->cols + x, several);
		page_line(p);
	}
}

/* The column of a time, or -1. */
static int column_of(const struct canvas *c, double t)
{
	double x = (t - c->from) / (c->to - c->from) * c->cols;

	return x >= 0 && x < c->cols ? (int) x : -1;
}

static void time_label(double t, double step, char *buf, size_t size)
{
	time_t s = (time_t) (t / 1e6);
	struct tm tm;

	if (!localtime_r(&s, &tm) || !strftime(buf, size,
					       step >= 86400		     ? "%d %b"
					       : step < 60		     ? "%H:%M:%S"
					       : tm.tm_hour + tm.tm_min == 0 ? "%d %b"
									     : "%H:%M",
					       &tm))
		buf[0] = '\0';
}

/* Marks at round local times, and what they are under them. */
static void put_times(struct page *p, const struct canvas *c)
{
	bool utf8 = c->dots_x == 2;
	double span = (c->to - c->from) / 1e6, step = axis_seconds(span, c->cols / 14), first;
	time_t at = (time_t) (c->from / 1e6);
	char marks[WIDTH_MAX + 1], label[32];
	struct tm tm;

	memset(marks, '-', c->cols);
	first = localtime_r(&at, &tm) ? (double) tm.tm_gmtoff : 0;
	first = ceil((c->from / 1e6 + first) / step) * step - first;
	for (double t = first; column_of(c, t * 1e6) >= 0; t += step)
		marks[column_of(c, t * 1e6)] = '+';
	page_cell(p, STYLE_DIM, LABEL_WIDTH, ALIGN_LEFT, "");
	page_put(p, STYLE_DIM, utf8 ? "└" : "+");
	for (unsigned x = 0; x < c->cols; x++)
		page_put(p, STYLE_DIM, marks[x] == '+' ? (utf8 ? "┬" : "+") : utf8 ? "─" : "-");
	page_line(p);

	for (double t = first; column_of(c, t * 1e6) >= 0; t += step) {
		unsigned where, n;

		time_label(t * 1e6, step, label, sizeof(label));
		n = (unsigned) strlen(label);
		where = LABEL_WIDTH + 1 + (unsigned) column_of(c, t * 1e6);
		where -= MIN_OF(n / 2, where);
		if (where + n > LABEL_WIDTH + 1 + c->cols || (p->at > 0 && where <= p->at))
			continue;
		page_tab(p, STYLE_PLAIN, where);
		page_put(p, STYLE_DIM, label);
	}
	page_line(p);
}

static void put_title(struct page *p, const struct past *s, unsigned n)
{
	static const char marks[] = "*+xo#@";

	for (unsigned k = 0; k < n; k++) {
		if (k > 0)
			page_put(p, STYLE_PLAIN, "   ");
		if (n > 1)
			page_putf(p, palette[k % PLOT_SERIES_MAX], "%s ",
				  utf8_locale() ? "━" : (const char[]){ marks[k], '\0' });
		page_put(p, n > 1 ? palette[k % PLOT_SERIES_MAX] : STYLE_BOLD, s[k].name);
	}
	if (past_unit(s)[0])
		page_putf(p, STYLE_DIM, "  %s", past_unit(s));
	page_line(p);
}

static void put_figures(struct page *p, const struct past *s, bool several, unsigned number)
{
	struct past_stats f = past_stats(s);
	char min[NUMBER_SIZE], mean[NUMBER_SIZE], max[NUMBER_SIZE], last[NUMBER_SIZE], step[32];

	page_cell(p, STYLE_PLAIN, LABEL_WIDTH + 1, ALIGN_LEFT, "");
	if (several)
		page_putf(p, palette[number % PLOT_SERIES_MAX], "%s  ", s->name);
	if (!f.known) {
		page_putf(p, STYLE_YELLOW, "nothing is known of this time%s%s",
			  s->kept || !s->why[0] ? "" : ": ", s->kept ? "" : s->why);
		page_line(p);
		return;
	}
	if (s->scale == SCALE_BOOL)
		page_putf(p, STYLE_PLAIN, "yes for %s of the time, now %s",
			  number_percent(f.mean, 7, mean), f.last > 0 ? "yes" : "no");
	else
		page_putf(p, STYLE_PLAIN, "min %s  mean %s  max %s  last %s",
			  past_number(s->scale, f.min, 7, min),
			  past_number(s->scale, f.mean, 7, mean),
			  past_number(s->scale, f.max, 7, max),
			  past_number(s->scale, f.last, 7, last));
	if (s->n_gaps)
		page_putf(p, STYLE_YELLOW, "  %u gap%s", s->n_gaps, plural(s->n_gaps));
	if (s->note[0])
		page_putf(p, STYLE_YELLOW, "  %s", s->note);
	if (s->step_us > 0 && !s->holds)
		page_putf(p, STYLE_DIM, "  in steps of %s",
			  duration_text(s->step_us, step, sizeof(step)));
	page_line(p);
}

/* ---- the picture --------------------------------------------------------------------------------- */

unsigned plot_lines_around(unsigned n)
{
	return 3 + n;
}

static bool canvas_open(struct canvas *c, const struct page *p, const struct past *s, unsigned n,
			unsigned height)
{
	unsigned cols = p->cols ? p->cols : 80;
	double low = INFINITY, high = -INFINITY;

	*c = (struct canvas){
		.cols = cols > LABEL_WIDTH + 11 ? MIN_OF(cols - LABEL_WIDTH - 1, WIDTH_MAX) : 10,
		.rows = MAX_OF(height, 2),
		.dots_x = utf8_locale() ? 2 : 1,
		.dots_y = utf8_locale() ? 4 : 2,
		.from = s[0].from,
		.to = s[0].to,
	};
	for (unsigned k = 0; k < n; k++) {
		struct past_stats f = past_stats(&s[k]);

		c->from = MIN_OF(c->from, s[k].from);
		c->to = MAX_OF(c->to, s[k].to);
		low = f.known ? MIN_OF(low, f.min) : low;
		high = f.known ? MAX_OF(high, f.max) : high;
	}
	if (low > high)
		low = high = 0;
	c->axis = axis_values(low, high, MAX_OF(c->rows / 3, 1));
	/* Of what is counted there are no halves. */
	if (s[0].scale == SCALE_COUNT && c->axis.step < 1 && low == floor(low) &&
	    high == floor(high))
		c->axis.step = 1;
	if (s[0].scale == SCALE_BOOL)
		c->axis = (struct axis){ 0, 1, 1 };
	if (!(c->to > c->from))
		c->to = c->from + 1e6;
	c->bits = calloc(c->rows, c->cols);
	c->owner = calloc(c->rows, c->cols);
	return c->bits && c->owner;
}

void plot_draw(struct page *p, const struct past *s, unsigned n, unsigned height)
{
	unsigned points = 0;
	struct canvas c;

	if (n == 0)
		return;
	n = MIN_OF(n, PLOT_SERIES_MAX);
	put_title(p, s, n);
	for (unsigned k = 0; k < n; k++)
		points += s[k].n;
	c = (struct canvas){ 0 };
	if (points > 0 && canvas_open(&c, p, s, n, height)) {
		for (unsigned k = 0; k < n; k++)
			draw_series(&c, &s[k], k + 1);
		put_rows(p, &c, s[0].scale, n > 1);
		put_times(p, &c);
	}
	for (unsigned k = 0; k < n; k++)
		put_figures(p, &s[k], n > 1, k);
	free(c.bits);
	free(c.owner);
}
