/* Members of JSON that somebody else wrote. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/cli.h"

Test(text, members_of_any_type_are_asked_for_safely)
{
	cJSON *o = cJSON_Parse("{\"a\":7,\"b\":\"x\",\"c\":[1,\"y\"],\"d\":null}");

	cr_expect_str_eq(get_text(o, "a"), "");
	cr_expect_str_eq(get_text(o, "b"), "x");
	cr_expect_eq(get_number(o, "b"), 0);
	cr_expect_eq(get_number(o, "none"), 0);
	cr_expect_not(get_bool(o, "a"));
	cr_expect_str_eq(item_text(cJSON_GetArrayItem(get(o, "c"), 0)), "");
	cr_expect_str_eq(item_text(cJSON_GetArrayItem(get(o, "c"), 1)), "y");
	cr_expect_str_eq(get_text(NULL, "a"), "");
	cr_expect_str_eq(get_text(cJSON_GetArrayItem(get(o, "c"), 0), "a"), "");
	cJSON_Delete(o);
}

Test(text, what_would_move_the_cursor_is_cleaned_wherever_it_stands)
{
	cJSON *o = cJSON_Parse(
		"{\"a\\u001bb\":[{\"c\":\"x\\u001b[2Jy\\u009bz\\nnext\\tt\"}],\"n\":7}");
	char *text;

	clean_json(o);
	clean_json(NULL);
	text = cJSON_PrintUnformatted(o);
	cr_expect_str_eq(text, "{\"a?b\":[{\"c\":\"x?[2Jy?z\\nnext?t\"}],\"n\":7}", "%s", text);
	free(text);
	cJSON_Delete(o);
}

Test(text, a_time_that_is_none_is_shown_as_it_is)
{
	char buf[32];

	cr_expect_str_eq(local_time("soon", buf, sizeof(buf)), "soon");
	cr_expect_str_eq(local_time("", buf, sizeof(buf)), "");
}
