#include "stat_help.h"

Test(stat, knows_every_function_by_name_and_number)
{
	unsigned n = 0;

	for (const struct stat_desc *d; (d = stat_nth(n)); n++) {
		struct stat_memory m = { .max = 1 << 20 };
		struct stat_window w;

		cr_expect_eq(d->fn, STAT_RATE + n, "%s", d->name);
		cr_expect_eq(stat_find(d->name), d);
		cr_expect_eq(stat_of(d->fn), d);
		stat_window_init(&w, d->fn, d->window == STAT_NO ? 0 : 30 * US_PER_S, 0, false, &m);
		cr_expect_gt(stat_size(d->fn, &w), 0, "%s", d->name);
		cr_expect_eq(stat_size(d->fn, &w) % 8, 0, "%s", d->name);
	}
	cr_expect_eq(n, STAT_LOSSY);
	cr_expect_null(stat_find("rat"));
}

Test(stat, gives_each_function_its_unit)
{
	cr_expect_eq(stat_unit(STAT_RATE, ANOD_UNIT_BYTES), ANOD_UNIT_BPS);
	cr_expect_eq(stat_scale(STAT_RATE, ANOD_UNIT_BYTES), 8);
	cr_expect_eq(stat_unit(STAT_RATE, ANOD_UNIT_PACKETS), ANOD_UNIT_PPS);
	cr_expect_eq(stat_scale(STAT_RATE, ANOD_UNIT_PACKETS), 1);
	cr_expect_eq(stat_unit(STAT_RATE, ANOD_UNIT_NONE), ANOD_UNIT_NONE);
	cr_expect_eq(stat_unit(STAT_P95, ANOD_UNIT_TIME), ANOD_UNIT_TIME);
	cr_expect_eq(stat_scale(STAT_MEAN, ANOD_UNIT_BYTES), 1);
	cr_expect_eq(stat_unit(STAT_ZSCORE, ANOD_UNIT_TIME), ANOD_UNIT_NONE);
	cr_expect_eq(stat_unit(STAT_CHANGED, ANOD_UNIT_BYTES), ANOD_UNIT_NONE);
}

/* Ages of 32 bits never wrap within what a row may see. */
Test(stat, counts_ages_in_32_bits_whatever_the_window)
{
	static const uint64_t spans[] = { 2, 30, 900, 86400, 7 * 86400 };
	static const uint64_t ages[] = { 0, 1, 15, 3600, 30 * 86400 };

	for (unsigned k = 0; k < ARRAY_SIZE(spans) * ARRAY_SIZE(ages); k++) {
		uint64_t span = spans[k % ARRAY_SIZE(spans)] * US_PER_S;
		uint64_t age = ages[k / ARRAY_SIZE(spans)] * US_PER_S;
		struct stat_memory m = { .max = 1 << 20 };
		struct stat_window w;

		stat_window_init(&w, STAT_RATE, span, age, true, &m);
		cr_expect_lt(span >> w.shift, UINT64_C(1) << 29);
		cr_expect_lt(w.gap_us >> w.shift, UINT64_C(1) << 30);
		cr_expect(w.shift == 0 || MAX_OF(span, w.gap_us) >> (w.shift - 1) >= 1u << 29);
	}
}

/* Whatever comes, an answer is a number or unknown, and nothing is kept in the end. */
Test(stat, survives_every_value)
{
	static const double odd[] = { 0,      -0.0,   1e300, -1e300,
				      5e-324, 0x1p63, 1e-40, 9007199254740993.0 };
	uint64_t seed = 99;

	for (unsigned n = 0; stat_nth(n); n++) {
		const struct stat_desc *d = stat_nth(n);
		uint64_t t = 1;
		struct row r;

		row_open(&r, d->fn, d->window == STAT_NO ? 0 : 5 * US_PER_S, false);
		for (unsigned k = 0; k < 3000; k++) {
			struct stat_sample s = { .report = dice(&seed) % 8 > 0 };
			double got;

			t += 1 + dice(&seed) % (dice(&seed) % 2 ? 10 : 3 * US_PER_S);
			s.time_us = t;
			s.value = odd[dice(&seed) % ARRAY_SIZE(odd)];
			s.count = (int64_t) dice(&seed);
			s.second = (int64_t) dice(&seed);
			s.changed_us = t - dice(&seed) % 3;
			got = stat_feed(r.fn, r.state, &r.w, &s);
			if (d->truth)
				cr_assert(isnan(got) || got == 0 || got == 1, "%s: %g", d->name,
					  got);
			if (dice(&seed) % 200 == 0)
				stat_break(r.fn, r.state, &r.w);
			(void) stat_due(r.fn, r.state, &r.w);
		}
		row_close(&r);
	}
}
