#include "facts/diag.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static char *printed(const struct diag_list *l)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	diag_print(l, f);
	(void) fclose(f);
	return text;
}

static void add(struct diag_list *l, const char *file, uint32_t line, uint32_t column,
		const char *text)
{
	struct lex_place p = { .file = file, .line = line, .column = column };

	diag_add(l, strstr(text, "warn") ? DIAG_WARNING : DIAG_ERROR, &p, "%s", text);
}

Test(diag, messages_come_in_the_order_of_places)
{
	_cleanup_(freep) char *text = NULL;
	struct diag_list l = { 0 };

	add(&l, "a.conf", 9, 1, "nine");
	add(&l, "b.policy", 1, 1, "other file");
	add(&l, "a.conf", 2, 7, "two\nlines");
	add(&l, "a.conf", 2, 5, "warn first");
	add(&l, "a.conf", 9, 1, "nine again");
	add(&l, NULL, 0, 0, "nowhere");
	text = printed(&l);
	cr_expect(eq(str, text,
		     "a.conf:2:5: warning: warn first\n"
		     "a.conf:2:7: error: two?lines\n"
		     "a.conf:9:1: error: nine\n"
		     "a.conf:9:1: error: nine again\n"
		     "b.policy:1:1: error: other file\n"
		     "error: nowhere\n"));
	cr_expect(eq(uint, l.n_errors, 5));
	diag_done(&l);
	cr_expect(eq(uint, l.n, 0));
}

Test(diag, more_than_the_limit_are_counted)
{
	_cleanup_(freep) char *text = NULL;
	struct diag_list l = { 0 };

	for (uint32_t i = 0; i < DIAG_MAX + 7; i++)
		add(&l, "a.conf", i + 1, 1, "wrong");
	text = printed(&l);
	cr_expect(eq(uint, l.n, DIAG_MAX));
	cr_expect(eq(uint, l.n_errors, DIAG_MAX + 7));
	cr_expect(strstr(text, "\n7 more not shown\n") != NULL);
	diag_done(&l);
}
