/* Keys that all screens share. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/live.h"

Test(live_keys, a_line_is_typed_and_taken_back_by_characters)
{
	char line[8] = "";

	for (const char *s = "w\xc3\xbcst"; *s; s++)
		cr_expect_not(line_key(line, sizeof(line), (unsigned char) *s));
	cr_expect_str_eq(line, "wüst");
	for (int k = 0; k < 3; k++)
		(void) line_key(line, sizeof(line), KEY_BACKSPACE);
	cr_expect_str_eq(line, "w");
	for (int k = 0; k < 20; k++)
		(void) line_key(line, sizeof(line), 'x');
	cr_expect_str_eq(line, "wxxxxxx", "full");
	(void) line_key(line, sizeof(line), KEY_UP);
	(void) line_key(line, sizeof(line), 'U' - '@');
	cr_expect_str_eq(line, "");
	(void) line_key(line, sizeof(line), KEY_BACKSPACE);
	cr_expect(line_key(line, sizeof(line), KEY_ENTER));
	cr_expect(line_key(line, sizeof(line), KEY_ESC));
}

Test(live_keys, the_chosen_row_stays_in_the_table_and_on_the_screen)
{
	static const struct {
		unsigned offset, chosen, n, room, want_offset, want_chosen;
	} c[] = {
		{ 0, 0, 0, 20, 0, 0 },	     { 0, 5, 3, 20, 0, 2 },
		{ 0, 25, 100, 20, 6, 25 },   { 50, 10, 100, 20, 10, 10 },
		{ 90, 95, 100, 20, 80, 95 }, { 90, 95, 40, 20, 20, 39 },
		{ 3, 3, 10, 0, 3, 3 },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		unsigned offset = c[k].offset, chosen = c[k].chosen;

		settle_rows(&offset, &chosen, c[k].n, c[k].room);
		cr_expect_eq(offset, c[k].want_offset, "%zu: %u", k, offset);
		cr_expect_eq(chosen, c[k].want_chosen, "%zu: %u", k, chosen);
	}
}

Test(live_keys, moving_and_the_period_have_their_keys)
{
	struct live l = { .every_us = 1000000 };
	long to;

	cr_expect(scroll_key(KEY_PAGE_DOWN, 20, 5, &to) && to == 25);
	cr_expect(scroll_key('k', 20, 5, &to) && to == 4);
	cr_expect(scroll_key(KEY_END, 20, 5, &to) && to > 1000000);
	cr_expect_not(scroll_key('x', 20, 5, &to));
	live_key(&l, '+');
	cr_expect_eq(l.every_us, 500000);
	for (int k = 0; k < 20; k++)
		live_key(&l, '+');
	cr_expect_eq(l.every_us, 100000);
	for (int k = 0; k < 20; k++)
		live_key(&l, '-');
	cr_expect_eq(l.every_us, 10000000);
	live_key(&l, ' ');
	cr_expect(l.paused);
}
