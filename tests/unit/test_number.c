/* Numbers of a fixed width. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "cli/number.h"

Test(number, three_digits_tell_and_the_width_is_kept)
{
	static const struct {
		double v;
		unsigned width;
		const char *text;
	} c[] = {
		{ 0, 5, "0" },		 { 999, 5, "999" },	 { 1000, 5, "1.00k" },
		{ 1234, 5, "1.23k" },	 { 12345, 5, "12.3k" },	 { 123456, 5, "123k" },
		{ 999499, 5, "999k" },	 { 999960, 5, "1.00M" }, { 418560, 5, "419k" },
		{ 1e18, 5, "1.00E" },	 { 1e30, 5, "****" },	 { 0.25, 5, "0.25" },
		{ 0.333, 4, "0.33" },	 { 0.001, 5, "<.01" },	 { -7, 5, "-7" },
		{ -12345, 6, "-12.3k" }, { 1234, 4, "1.2k" },	 { 99.96, 5, "100" },
		{ NAN, 5, "?" },	 { INFINITY, 5, "?" },
	};
	char buf[NUMBER_SIZE];

	for (size_t k = 0; k < ARRAY_SIZE(c); k++)
		cr_expect_str_eq(number_fixed(c[k].v, c[k].width, buf), c[k].text, "%g: %s", c[k].v,
				 buf);
	cr_expect_str_eq(number_whole(1500, 5, buf), "1500");
	cr_expect_str_eq(number_whole(65536, 5, buf), "65536");
	cr_expect_str_eq(number_whole(123456, 5, buf), "123k");
}

Test(number, no_value_is_ever_wider_than_its_column)
{
	char buf[NUMBER_SIZE];

	for (int e = -3; e < 22; e++)
		for (double m = 1; m < 10; m += 0.0937) {
			double v = m * pow(10, e);

			for (unsigned width = 4; width < 9; width++) {
				cr_assert_leq(strlen(number_fixed(v, width, buf)), width, "%g", v);
				cr_assert_leq(strlen(number_time(v, width, buf)), width, "%g", v);
				cr_assert_leq(strlen(number_percent(v, width, buf)), width, "%g",
					      v);
			}
		}
}

Test(number, shares_and_times_are_as_people_write_them)
{
	static const struct {
		double v;
		const char *percent, *time;
	} c[] = {
		{ 0, "0%", "0" },	   { 0.0001, "<.1%", NULL },   { 0.056, "5.6%", NULL },
		{ 0.354, "35%", NULL },	   { 1, "100%", "1us" },       { 49, NULL, "49us" },
		{ 1234, NULL, "1.23ms" },  { 12345, NULL, "12.3ms" },  { 350000, NULL, "350ms" },
		{ 999960, NULL, "1.00s" }, { 12.34e6, NULL, "12.3s" }, { 125e6, NULL, "2m5s" },
	};
	char buf[NUMBER_SIZE];

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		if (c[k].percent)
			cr_expect_str_eq(number_percent(c[k].v, 4, buf), c[k].percent, "%s", buf);
		if (c[k].time)
			cr_expect_str_eq(number_time(c[k].v, 6, buf), c[k].time, "%s", buf);
	}
}
