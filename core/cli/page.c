/*
 * page - one frame of a terminal, line by line, written at once.
 *
 * Design.  The frame is built in memory and goes out in one write(), between the marks of a
 * synchronized update, which terminals that know them show as a whole and others ignore.
 */
#include "cli/page.h"

#include <stdarg.h>
#include <string.h>

#include "cli/width.h"

static const char *const codes[STYLES] = {
	[STYLE_PLAIN] = "",	    [STYLE_BOLD] = "\033[1m",	  [STYLE_DIM] = "\033[2m",
	[STYLE_RED] = "\033[31m",   [STYLE_GREEN] = "\033[32m",	  [STYLE_YELLOW] = "\033[33m",
	[STYLE_BLUE] = "\033[34m",  [STYLE_CYAN] = "\033[36m",	  [STYLE_HEAD] = "\033[7m",
	[STYLE_MARK] = "\033[7;1m", [STYLE_ALERT] = "\033[1;31m",
};

static void add(struct page *p, const char *text, size_t n)
{
	if (p->n + n + 1 > p->size) {
		size_t size = (p->n + n + 1) * 2;
		char *larger = realloc(p->text, size);

		if (!larger)
			return;
		p->text = larger;
		p->size = size;
	}
	memcpy(p->text + p->n, text, n);
	p->n += n;
	p->text[p->n] = '\0';
}

static void add_text(struct page *p, const char *text)
{
	add(p, text, strlen(text));
}

void page_begin(struct page *p, unsigned cols, unsigned rows, bool color)
{
	p->n = 0;
	p->cols = cols;
	p->rows = rows;
	p->color = color;
	p->at = p->line = 0;
	p->chosen = false;
	if (rows)
		add_text(p, "\033[?2026h\033[H");
}

bool page_full(const struct page *p)
{
	return p->rows && p->line >= p->rows;
}

/* Of a chosen line everything is in reverse, so that it is seen without colours, too. */
static void style_on(struct page *p, enum style s)
{
	if (p->rows && p->chosen)
		add_text(p, "\033[7m");
	if (!p->rows && !p->color)
		return;
	if (p->color || s == STYLE_HEAD || s == STYLE_MARK || s == STYLE_BOLD)
		add_text(p, codes[s]);
}

static void style_off(struct page *p)
{
	if (p->rows || p->color)
		add_text(p, "\033[0m");
}

/* Printable characters as they are, others as '?'. */
static void add_clean(struct page *p, const char *text, size_t n)
{
	size_t at = 0, len;
	int width;

	while ((len = text_next(text + at, n - at, &width)) > 0) {
		if (width < 0)
			add(p, "?", 1);
		else
			add(p, text + at, len);
		at += len;
	}
}

static void add_blanks(struct page *p, unsigned n)
{
	static const char blanks[] = "                                ";

	for (; n > 0; n -= MIN_OF(n, sizeof(blanks) - 1))
		add(p, blanks, MIN_OF(n, sizeof(blanks) - 1));
}

void page_cell(struct page *p, enum style s, unsigned width, enum align a, const char *text)
{
	unsigned room = p->cols == 0 ? UINT32_MAX : p->cols > p->at ? p->cols - p->at : 0;
	unsigned used, pad;
	size_t n;

	width = MIN_OF(width, room);
	if (width == 0 || page_full(p))
		return;

	n = text_clip(text, width, &used);
	style_on(p, s);
	if (text[n]) { /* cut: say so */
		n = text_clip(text, width - 1, &used);
		add_clean(p, text, n);
		add_text(p, "~");
		add_blanks(p, width - used - 1);
	} else {
		pad = width - used;
		add_blanks(p, a == ALIGN_RIGHT ? pad : 0);
		add_clean(p, text, n);
		add_blanks(p, a == ALIGN_RIGHT ? 0 : pad);
	}
	style_off(p);
	p->at += width;
}

void page_put(struct page *p, enum style s, const char *text)
{
	page_cell(p, s, text_columns(text), ALIGN_LEFT, text);
}

void page_putf(struct page *p, enum style s, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	page_put(p, s, text);
}

void page_tab(struct page *p, enum style s, unsigned column)
{
	if (column > p->at)
		page_cell(p, s, column - p->at, ALIGN_LEFT, "");
}

void page_line(struct page *p)
{
	if (page_full(p))
		return;
	if (p->chosen)
		page_tab(p, STYLE_PLAIN, p->cols);
	if (p->rows) {
		/* At the right border the cursor waits on the last column, which "erase" would
		 * take away. */
		if (p->at < p->cols)
			add_text(p, "\033[K");
		if (p->line + 1 < p->rows)
			add_text(p, "\r\n");
	} else {
		while (!p->color && p->n > 0 && p->text[p->n - 1] == ' ')
			p->n--;
		add_text(p, "\n");
	}
	p->line++;
	p->at = 0;
	p->chosen = false;
}

void page_end(struct page *p)
{
	if (p->rows)
		add_text(p, page_full(p) ? "\033[?2026l" : "\033[J\033[?2026l");
}

void page_done(struct page *p)
{
	free(p->text);
	*p = (struct page){ 0 };
}

void page_foot(struct page *p, const struct page_foot *f)
{
	while (p->line + 1 < p->rows)
		page_line(p);
	if (f->edit) {
		page_putf(p, STYLE_BOLD, "show %s like: %s_", f->what, f->edit);
		page_put(p, STYLE_DIM, "   Enter: yes   Esc: no");
	} else if (f->notice[0]) {
		page_putf(p, STYLE_ALERT, "%s", f->notice);
		if (f->age[0])
			page_putf(p, STYLE_YELLOW, "  (what you see is %s old)", f->age);
	} else {
		if (f->shown > 0)
			page_putf(p, STYLE_PLAIN, "%.0f-%.0f of %.0f  ", f->from + 1,
				  f->from + f->shown, f->total);
		page_put(p, STYLE_DIM, f->keys);
	}
	page_line(p);
}
