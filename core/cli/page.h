/*
 * page - one frame of a terminal, line by line, written at once.
 *
 * Text is clipped at the right border and cleaned on its way (width.h), so nothing that the daemon
 * sends can move the cursor.  On a screen each line ends with "erase to the end" instead of the
 * screen being cleared first, which is what flickers; without a screen (rows 0) a page is plain
 * lines without escapes and without blanks at their ends.
 *
 * Memory: the page owns its text; page_done() frees it.  No memory: what does not fit is left out.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "base/util.h"

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_RED,
	STYLE_GREEN,
	STYLE_YELLOW,
	STYLE_BLUE,
	STYLE_CYAN,
	STYLE_HEAD, /* of a table: reverse */
	STYLE_MARK, /* a column of the heading that is sorted by */
	STYLE_ALERT,
	STYLES
};

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct page {
	char *text;
	size_t n, size;
	unsigned cols, rows; /* cols 0: no limit; rows 0: no screen, no limit */
	bool color;
	unsigned at, line; /* where the next text goes */
	bool chosen;	   /* this line is the chosen one: shown in reverse */
};

void page_begin(struct page *p, unsigned cols, unsigned rows, bool color);
void page_put(struct page *p, enum style s, const char *text);
void page_putf(struct page *p, enum style s, const char *fmt, ...) _printf_(3, 4);
/* Exactly 'width' columns: padded, or cut (with '~' where characters are missing). */
void page_cell(struct page *p, enum style s, unsigned width, enum align a, const char *text);
/* Blanks up to a column. */
void page_tab(struct page *p, enum style s, unsigned column);
void page_line(struct page *p); /* end of a line */
/* The last line of a live screen: what is being typed, what is wrong, or where in the list we are. */
struct page_foot {
	const char *what;   /* "links": of what the pattern is */
	const char *edit;   /* the pattern being typed; NULL: none is */
	const char *notice; /* why there is no news; "" when all is well */
	const char *age;    /* of what is shown, when it is old; "" */
	const char *keys;   /* what can be pressed */
	double from, shown, total;
};
void page_foot(struct page *p, const struct page_foot *f);
bool page_full(const struct page *p);
void page_end(struct page *p);
void page_done(struct page *p);

#endif
