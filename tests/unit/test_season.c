#include "detect/season.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE UINT64_C(60000000)
#define DAY    (1440 * MINUTE)

static double load(uint64_t t)
{
	double hour = (double) (t % DAY) / (double) (60 * MINUTE);
	bool weekend = t / DAY % 7 >= 5;

	return 100 + (weekend ? 200 : 900) * exp(-(hour - 14) * (hour - 14) / 25);
}

Test(season, knows_the_hour_after_days_and_the_weekend_after_a_week)
{
	unsigned short seed[3] = { 1, 2, 3 };
	struct season s = { 0 };
	struct season_view v;
	double wrong[3] = { 0 }, n[3] = { 0 };

	cr_assert(not(season_expect(&s, 0, &v)));
	for (uint64_t t = 0; t < 21 * DAY; t += MINUTE) {
		double x = load(t) * (0.95 + 0.1 * erand48(seed));
		unsigned week = (unsigned) (t / (7 * DAY));

		if (!season_feed(&s, t, x, &v))
			continue;
		cr_assert(isfinite(v.z) && v.spread > 0 && v.low <= v.high);
		wrong[week] += fabs(v.expected - load(t)) / load(t);
		n[week]++;
	}
	cr_assert(eq(dbl, v.sure, 1));
	cr_assert(lt(dbl, wrong[2] / n[2], 0.05), "%g", wrong[2] / n[2]);
	cr_assert(lt(dbl, wrong[2] / n[2], wrong[0] / n[0] / 2));
	/* The afternoon to come, and an afternoon without traffic. */
	cr_assert(season_expect(&s, 21 * DAY + 840 * MINUTE, &v));
	cr_assert(lt(dbl, fabs(v.expected - 1000), 100));
	cr_assert(season_feed(&s, 21 * DAY + 840 * MINUTE, 100, &v));
	cr_assert(lt(dbl, v.z, -SEASON_UNUSUAL));
}

Test(season, works_from_the_first_minutes_and_says_how_sure_it_is)
{
	unsigned short seed[3] = { 4, 5, 6 };
	struct season s = { 0 };
	struct season_view v;
	uint64_t t = 0;

	for (; t < 60 * MINUTE; t += MINUTE)
		if (season_feed(&s, t, 50 + erand48(seed), &v))
			cr_assert(lt(dbl, fabs(v.z), SEASON_UNUSUAL));
	cr_assert(gt(dbl, v.sure, 0.2));
	cr_assert(lt(dbl, v.sure, 0.4));
	cr_assert(season_feed(&s, t, 80, &v));
	cr_assert(gt(dbl, v.z, SEASON_UNUSUAL));
	/* The spike has taught little. */
	cr_assert(season_feed(&s, t + MINUTE, 50.5, &v));
	cr_assert(lt(dbl, fabs(v.expected - 50.5), 0.5));
}

Test(season, learns_a_new_level_for_good)
{
	struct season s = { 0 };
	struct season_view v;

	for (uint64_t t = 0; t < 9 * DAY; t += 5 * MINUTE)
		(void) season_feed(&s, t, t < 4 * DAY ? 10 : 500, &v);
	cr_assert(lt(dbl, fabs(v.expected - 500), 25), "%g", v.expected);
}

Test(season, survives_anything_and_repeats_itself)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, 5e-324 };
	static struct season a, b;
	struct season_view x, y;

	for (uint64_t i = 0; i < 30000; i++) {
		double v = i % 5 ? (double) (i * 7919 % 1000) : odd[i / 5 % 7];
		/* Gaps of a minute to a month, and time that stands still or goes back. */
		uint64_t t = i * MINUTE + (i / 1000) * 30 * DAY - (i % 11 == 0 ? 5 * MINUTE : 0);
		bool known;

		t = i < 11 ? i : t;
		memset(&x, 0, sizeof(x));
		memset(&y, 0, sizeof(y));
		known = season_feed(&a, t, v, &x);
		cr_assert(eq(int, known, season_feed(&b, t, v, &y)));
		cr_assert(eq(int, memcmp(&x, &y, sizeof(x)), 0));
		if (known)
			cr_assert(isfinite(x.expected) && isfinite(x.z) && x.spread > 0);
	}
	memset(&a, 0, sizeof(a));
	for (uint64_t i = 0; i < 5000; i++)
		if (season_feed(&a, i * MINUTE, 3, &x))
			cr_assert(eq(dbl, x.z, 0));
}
