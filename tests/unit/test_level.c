#include "history/level.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <float.h>
#include <math.h>

static uint64_t seed = 88172645463325252;

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

Test(level, is_off_by_no_more_than_it_says_and_keeps_the_order)
{
	static const struct {
		unsigned mantissa;
		int scale;
	} as[] = { { 8, 6 }, { 8, 30 }, { 16, 30 } };

	for (unsigned round = 0; round < 100000; round++) {
		unsigned m = as[round % 3].mantissa;
		int scale = as[round % 3].scale;
		double v = ldexp((double) (int64_t) dice(), (int) (dice() % 100) - 90), w, u;
		int64_t l = level_of(v, m, scale);
		double share = ldexp(fabs(v), -(int) m - 1), floor = ldexp(1, -scale - 1);

		w = level_value(l, m, scale);
		cr_assert(fabs(w - v) <= fmax(share, floor), "%.17g became %.17g", v, w);
		cr_assert(eq(i64, level_of(w, m, scale), l), "%.17g", v);
		cr_assert(eq(i64, level_of(-v, m, scale), -l));
		u = ldexp((double) (int64_t) dice(), (int) (dice() % 100) - 90);
		cr_assert(v <= u ? l <= level_of(u, m, scale) : l >= level_of(u, m, scale));
	}
	cr_assert(eq(i64, level_of(0, 8, 6), 0));
	cr_assert(isfinite(level_value(level_of(DBL_MAX, 8, 30), 8, 30)));
	cr_assert(isfinite(level_value(INT64_MAX, 16, 30)));
	cr_assert(isfinite(level_value(INT64_MIN, 8, 6)));
	/* Small whole numbers are themselves. */
	for (int i = -512; i <= 512; i++)
		cr_assert(eq(dbl, level_value(level_of(i, 8, 6), 8, 6), i));
}

Test(level, the_floor_is_never_above_and_less_than_its_share_below)
{
	for (unsigned round = 0; round < 100000; round++) {
		uint64_t v = dice() >> (dice() % 64), w = level_floor_value(level_floor(v, 8), 8);

		cr_assert(le(u64, w, v));
		cr_assert(v < 512 ? w == v : v - w < v / 256 + 1, "%llu became %llu",
			  (unsigned long long) v, (unsigned long long) w);
	}
	cr_assert(
		eq(u64, level_floor_value(level_floor(UINT64_MAX, 8), 8), UINT64_MAX >> 55 << 55));
	cr_assert(eq(u64, level_floor_value(-5, 8), 0));
	cr_assert(eq(u64, level_floor_value(INT64_MAX, 8), UINT64_MAX));
}
