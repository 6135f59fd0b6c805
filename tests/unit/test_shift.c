#include "detect/shift.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static double noise(unsigned short *seed)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += erand48(seed);
	return sum - 6;
}

Test(shift, dates_a_step_to_the_sample_and_tells_both_levels)
{
	unsigned short seed[3] = { 1, 2, 3 };
	struct shift s = { 0 };
	struct shift_news news;
	int told = 0;

	for (uint64_t i = 0; i < 1000; i++)
		if (shift_feed(&s, i * SECOND, (i < 500 ? 100 : 110) + noise(seed), &news)) {
			told++;
			cr_assert(eq(u64, news.since_us, 500 * SECOND));
			cr_assert(eq(u64, shift_since(&s), 500 * SECOND));
			cr_assert(eq(u64, news.since_n, i - 500));
			cr_assert(lt(dbl, fabs(news.before - 100), 1));
			cr_assert(lt(dbl, fabs(news.after - 110), 2));
			cr_assert(le(u64, i, 510));
		}
	cr_assert(eq(int, told, 1));
	cr_assert(lt(dbl, fabs(shift_level(&s) - 110), 0.5));
	cr_assert(lt(dbl, fabs(shift_spread(&s) - 1), 0.4));
}

Test(shift, takes_no_spike_for_a_shift)
{
	unsigned short seed[3] = { 4, 5, 6 };
	struct shift s = { 0 };

	/* Four samples at most, ten times as high. */
	for (uint64_t i = 0; i < 20000; i++)
		cr_assert(not(shift_feed(&s, i * SECOND,
					 (i % 97 < 4 && i > 300 ? 200 : 20) + 0.1 * noise(seed),
					 NULL)));
}

Test(shift, keeps_still_on_a_steady_series_with_wild_noise)
{
	unsigned short seed[3] = { 7, 8, 9 };
	struct shift s = { 0 };
	int told = 0;

	/* Noise over a square root of another: tails without a variance. */
	for (uint64_t i = 0; i < 100000; i++)
		told += shift_feed(&s, i * SECOND, 50 + noise(seed) / (0.05 + fabs(noise(seed))),
				   NULL);
	cr_assert(le(int, told, 1));
	/* A constant, with and without a change of half of SHIFT_LEAST. */
	memset(&s, 0, sizeof(s));
	for (uint64_t i = 0; i < 2000; i++)
		cr_assert(not(shift_feed(&s, i * SECOND, i < 1000 ? 1000 : 1002, NULL)));
	cr_assert(eq(dbl, shift_level(&s), 1002));
}

Test(shift, follows_a_constant_that_steps_and_a_ramp)
{
	struct shift s = { 0 };
	struct shift_news news = { 0 };
	int told = 0;

	for (uint64_t i = 0; i < 200; i++)
		if (shift_feed(&s, i * SECOND, i < 100 ? 7 : 0, &news)) {
			told++;
			cr_assert(eq(u64, i, 100 + SHIFT_PERSISTS - 1));
			cr_assert(eq(dbl, news.before, 7));
			cr_assert(eq(dbl, news.after, 0));
		}
	cr_assert(eq(int, told, 1));
	memset(&s, 0, sizeof(s));
	for (uint64_t i = 0; i < 5000; i++)
		(void) shift_feed(&s, i * SECOND, 100 + 0.1 * (double) i, NULL);
	cr_assert(lt(dbl, fabs(shift_level(&s) - 600), 20));
}

Test(shift, survives_anything_and_repeats_itself)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, -0.0, 5e-324 };
	unsigned short seed[3] = { 3, 1, 4 }, again[3] = { 3, 1, 4 };
	static struct shift a, b;
	struct shift_news x, y;

	cr_assert(isnan(shift_level(&a)));
	cr_assert(isnan(shift_spread(&a)));
	cr_assert(not(shift_feed(&a, 0, NAN, NULL)));
	cr_assert(eq(u64, a.n, 0));
	memset(&a, 0, sizeof(a));
	memset(&x, 0, sizeof(x));
	memset(&y, 0, sizeof(y));
	for (uint64_t i = 0; i < 20000; i++) {
		double v = i % 7 == 0 ? odd[(i / 7) % 8]
				      : 10 * noise(seed) + (double) (i / 500 % 2) * 99;
		double w = i % 7 == 0 ? odd[(i / 7) % 8]
				      : 10 * noise(again) + (double) (i / 500 % 2) * 99;

		/* A gap in time is none in samples. */
		cr_assert(eq(int, shift_feed(&a, i * i, v, &x), shift_feed(&b, i * i, w, &y)));
		cr_assert(eq(int, memcmp(&x, &y, sizeof(x)), 0));
		cr_assert(i < 20 || isfinite(shift_level(&a)));
	}
	cr_assert(eq(int, memcmp(&a, &b, sizeof(a)), 0));
}
