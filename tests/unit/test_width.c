/* Columns of text, in a UTF-8 locale and in C. */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "cli/width.h"

Test(width, columns_are_those_of_the_terminal)
{
	static const struct {
		const char *text;
		unsigned columns;
	} c[] = {
		{ "", 0 },
		{ "wan0", 4 },
		{ "grün", 4 },
		{ "日本", 4 },
		{ "e\xcc\x81", 1 },
		{ "\033[31m", 5 },
		{ "a\xff\xfe", 3 },
		{ "\xe6\x97", 2 },
		{ "\xed\xa0\x80", 3 },
		{ "\xc0\xaf", 2 },
		{ "\xf4\x90\x80\x80", 4 },
		{ "\n\t", 2 },
	};

	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	for (size_t k = 0; k < ARRAY_SIZE(c); k++)
		cr_expect_eq(text_columns(c[k].text), c[k].columns, "%zu: %u", k,
			     text_columns(c[k].text));
}

Test(width, a_cut_never_splits_a_character_nor_takes_half_a_wide_one)
{
	unsigned used;

	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	cr_expect_eq(text_clip("grün", 3, &used), 4);
	cr_expect_eq(used, 3);
	cr_expect_eq(text_clip("日本", 3, &used), 3);
	cr_expect_eq(used, 2);
	cr_expect_eq(text_clip("e\xcc\x81x", 1, &used), 3, "what joins stays with its letter");
	cr_expect_eq(text_clip("abc", 0, &used), 0);
}

Test(width, the_c_locale_shows_a_question_mark_for_each_character)
{
	int width;

	cr_assert(setlocale(LC_ALL, "C"));
	cr_expect_not(utf8_locale());
	cr_expect_eq(text_columns("grün"), 4);
	cr_expect_eq(text_next("ü", 2, &width), 2);
	cr_expect_eq(width, -1);
}
