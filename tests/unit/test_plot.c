/* Known data drawn to known text. */
#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/plot.h"

static struct page p;

static void done(void)
{
	page_done(&p);
}

TestSuite(plot, .fini = done);

/* 'n' points a second apart from 14:00:00 UTC on; NAN is a gap. */
static struct past series_of(const double *v, unsigned n, enum scale scale)
{
	struct past s = { .name = "link/wan0 rx", .scale = scale, .step_us = 1e6 };
	bool gap = true;

	s.point = calloc(n, sizeof(*s.point));
	s.from = 1795356000e6;
	s.to = s.from + (n - 1) * 1e6;
	for (unsigned k = 0; k < n; k++) {
		if (isnan(v[k])) {
			gap = true;
			continue;
		}
		s.point[s.n++] = (struct past_point){ s.from + k * 1e6, v[k], v[k], v[k], gap };
		s.n_gaps += gap && s.n > 1;
		gap = false;
	}
	return s;
}

static const char *draw(const double *v, unsigned n, enum scale scale, unsigned cols,
			unsigned height)
{
	struct past s = series_of(v, n, scale);

	(void) setenv("TZ", "UTC", 1);
	tzset();
	page_begin(&p, cols, 0, false);
	plot_draw(&p, &s, 1, height);
	page_end(&p);
	past_done(&s);
	return p.text;
}

Test(plot, a_ramp_and_a_gap_in_ascii)
{
	static const double v[] = { 0, 1e6, 2e6, 3e6, NAN, NAN, 6e6, 6e6, 6e6, 0, 0 };

	cr_assert(setlocale(LC_ALL, "C"));
	cr_expect_str_eq(draw(v, ARRAY_SIZE(v), SCALE_BITS, 48, 6),
			 "link/wan0 rx  bit/s\n"
			 "       |                        '''''''':\n"
			 "     5M+                                :.\n"
			 "       |                                 :\n"
			 "       |       ..:'''                    ':\n"
			 "       |   ..:''                          ':\n"
			 "      0+.:''                               :....\n"
			 "       ++-------------------+-------------------\n"
			 "    14:00:00            14:00:05\n"
			 "        min 0  mean 2.79M  max 6.00M  last 0  1~\n",
			 "%s", p.text);
}

Test(plot, the_same_in_braille)
{
	static const double v[] = { 0, 1e6, 2e6, 3e6, NAN, NAN, 6e6, 6e6, 6e6, 0, 0 };

	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	cr_expect_str_eq(draw(v, ARRAY_SIZE(v), SCALE_BITS, 48, 6),
			 "link/wan0 rx  bit/s\n"
			 "       │                        ⠉⠉⠉⠉⠉⠉⠉⠉⣇\n"
			 "     5M┤                                ⠸⡄\n"
			 "       │                                 ⢳\n"
			 "       │       ⢀⣠⠴⠚⠉⠁                    ⠈⢧\n"
			 "       │   ⢀⣠⠴⠚⠉                          ⠘⡆\n"
			 "      0┤⣠⠴⠚⠉                               ⢹⣀⣀⣀⣀\n"
			 "       └┬───────────────────┬───────────────────\n"
			 "    14:00:00            14:00:05\n"
			 "        min 0  mean 2.79M  max 6.00M  last 0  1~\n",
			 "%s", p.text);
}

Test(plot, one_sample_out_of_thousands_is_seen)
{
	static double v[5000];

	v[2500] = 1000;
	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	(void) draw(v, 5000, SCALE_COUNT, 60, 4);
	cr_expect_not_null(strstr(p.text, "1k┤  "), "%s", p.text);
	cr_expect_not_null(strstr(p.text, "max 1.00k"), "%s", p.text);
	cr_expect_not_null(strstr(p.text, "⡇\n"), "%s", p.text);
}

Test(plot, nothing_known_says_so_and_draws_nothing)
{
	struct past s = { .name = "link/wan0 rx", .why = "not watched", .from = 0, .to = 1e6 };

	cr_assert(setlocale(LC_ALL, "C"));
	page_begin(&p, 60, 0, false);
	plot_draw(&p, &s, 1, 3);
	cr_expect_not_null(strstr(p.text, "nothing is known of this time: not watched"), "%s",
			   p.text);
}

Test(plot, no_data_and_no_size_makes_it_fall)
{
	static const double wild[] = { -1e300, 1e300, 0, 1e-300, NAN, -5 };

	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	for (unsigned cols = 1; cols < 40; cols += 3)
		for (unsigned height = 0; height < 9; height += 2)
			for (unsigned n = 1; n <= ARRAY_SIZE(wild); n++)
				(void) draw(wild, n, n % 7, cols, height);
	cr_expect_not_null(p.text);
}

Test(plot, axes_have_round_numbers_and_times)
{
	static const struct {
		double low, high;
		unsigned n;
		struct axis a;
	} c[] = {
		{ 0, 77e6, 6, { 0, 77e6, 20e6 } }, { 9, 10, 5, { 9, 10, 0.2 } },
		{ 3, 10, 5, { 0, 10, 2 } },	   { 0, 0, 5, { 0, 1, 0.2 } },
		{ 5, 5, 4, { 2.5, 7.5, 1 } },	   { -3, 7, 4, { -3, 7, 2 } },
		{ 0, 0.05, 2, { 0, 0.05, 0.02 } },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		struct axis a = axis_values(c[k].low, c[k].high, c[k].n);

		cr_expect_float_eq(a.low, c[k].a.low, 1e-9, "%zu: %g", k, a.low);
		cr_expect_float_eq(a.high, c[k].a.high, 1e-9, "%zu: %g", k, a.high);
		cr_expect_float_eq(a.step, c[k].a.step, 1e-9, "%zu: %g", k, a.step);
	}
	cr_expect_eq(axis_seconds(3600, 5), 900);
	cr_expect_eq(axis_seconds(600, 5), 120);
	cr_expect_eq(axis_seconds(86400, 4), 21600);
	cr_expect_eq(axis_seconds(0, 5), 1);
	cr_expect_eq(axis_seconds(86400 * 365, 5), 604800 * 11);
}
