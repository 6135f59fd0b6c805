/* Tables of anodctl: columns of a terminal, and colours that can be switched off. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* What table_print() writes. */
static const char *printed(bool color)
{
	static const char *const heads[] = { "NAME", "STATE", NULL };
	static const char *const one[] = { "wan0", "up" }, *const two[] = { "große-änder", NULL };
	static char text[1024];
	struct cli c = { .color = color };
	struct table *t = table_new(&c, heads);
	FILE *f = tmpfile(), *was = stdout;
	size_t n;

	cr_assert_not_null(f);
	table_row(t, one);
	table_paint(t, 1, paint(&c, "green"));
	table_row(t, two);
	stdout = f;
	table_print(t);
	stdout = was;
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void) fclose(f);
	return text;
}

Test(table, columns_line_up_whatever_the_bytes)
{
	cr_expect_str_eq(printed(false), "NAME         STATE\n"
					 "wan0         up\n"
					 "große-änder  \n");
}

Test(table, colours_are_written_only_when_wanted)
{
	cr_expect_null(strchr(printed(false), '\033'));
	cr_expect_not_null(strstr(printed(true), "\033[32mup\033[0m"));
}
