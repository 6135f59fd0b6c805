/* Frames: clipped, cleaned, written once. */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "cli/page.h"

static struct page p;

static void init(void)
{
	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
}

static void done(void)
{
	page_done(&p);
}

TestSuite(page, .init = init, .fini = done);

Test(page, a_plain_page_has_no_escapes_and_no_blanks_at_its_ends)
{
	page_begin(&p, 20, 0, false);
	page_cell(&p, STYLE_RED, 6, ALIGN_LEFT, "wan0");
	page_cell(&p, STYLE_HEAD, 6, ALIGN_RIGHT, "12k");
	page_tab(&p, STYLE_PLAIN, 19);
	page_line(&p);
	page_putf(&p, STYLE_BOLD, "%d links", 3);
	page_line(&p);
	page_end(&p);
	cr_expect_str_eq(p.text, "wan0     12k\n3 links\n");
}

Test(page, what_does_not_fit_is_cut_and_says_so)
{
	page_begin(&p, 10, 0, false);
	page_cell(&p, STYLE_PLAIN, 6, ALIGN_LEFT, "enp129s0f0");
	page_put(&p, STYLE_PLAIN, "abcdef");
	page_line(&p);
	page_cell(&p, STYLE_PLAIN, 4, ALIGN_LEFT, "日本語");
	page_put(&p, STYLE_PLAIN, "|");
	page_line(&p);
	cr_expect_str_eq(p.text, "enp12~abc~\n日~ |\n");
}

Test(page, nothing_that_is_shown_can_move_the_cursor)
{
	page_begin(&p, 40, 5, true);
	page_put(&p, STYLE_PLAIN,
		 "a\033[2Jb\r\nc\x9b"
		 "5n\xc2\x9b");
	page_line(&p);
	page_end(&p);
	cr_expect_null(strstr(p.text, "[2J\033"));
	cr_expect_null(strstr(p.text, "\033[2J"));
	cr_expect_not_null(strstr(p.text, "a?[2Jb??c?5n?"));
}

Test(page, a_screen_holds_as_many_lines_as_it_has)
{
	unsigned ends = 0;

	page_begin(&p, 10, 3, true);
	for (int k = 0; k < 9; k++) {
		page_putf(&p, STYLE_PLAIN, "line %d", k);
		page_line(&p);
	}
	page_end(&p);
	for (const char *s = p.text; (s = strstr(s, "\r\n")); s++)
		ends++;
	cr_expect_eq(ends, 2, "a last one would scroll");
	cr_expect_not_null(strstr(p.text, "line 2"));
	cr_expect_null(strstr(p.text, "line 3"));
	cr_expect(page_full(&p));
}
