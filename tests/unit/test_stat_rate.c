#include "stat_help.h"

Test(stat_rate, is_exact_where_a_point_stands_at_the_start)
{
	struct row r;
	double got = 0;

	row_open(&r, STAT_RATE, 30 * US_PER_S, true);
	for (unsigned k = 0; k < 30; k++)
		cr_expect(isnan(row_count(&r, (100 + k) * US_PER_S, 1000 * k * k)), "at %u s", k);
	for (int64_t k = 30; k < 200; k++) {
		int64_t was = (k - 30) * (k - 30);

		got = row_count(&r, (uint64_t) (100 + k) * US_PER_S, 1000 * k * k);
		cr_expect_float_eq(got, 1000.0 * (double) (k * k - was) / 30, 1e-6, "at %lld s",
				   (long long) k);
	}
	row_close(&r);
}

Test(stat_rate, keeps_all_digits_of_a_counter_beyond_53_bits)
{
	struct row r;
	int64_t base = INT64_MAX - 1000;
	double got = 0;

	row_open(&r, STAT_RATE, 2 * US_PER_S, true);
	for (int64_t k = 0; k < 10; k++)
		got = row_count(&r, (uint64_t) k * US_PER_S, base + k);
	cr_expect_float_eq(got, 1.0, 1e-12);
	row_close(&r);

	/* And the widest step that there is. */
	row_open(&r, STAT_RATE, 2 * US_PER_S, true);
	(void) row_count(&r, 0, INT64_MIN);
	got = row_count(&r, 2 * US_PER_S, INT64_MAX);
	cr_expect_float_eq(got, 9223372036854775808.0, 1e6);
	row_close(&r);
}

Test(stat_rate, begins_anew_when_the_counter_goes_backwards)
{
	struct row r;

	row_open(&r, STAT_RATE, 4 * US_PER_S, true);
	for (uint64_t k = 0; k < 5; k++)
		(void) row_count(&r, k * US_PER_S, 500 + (int64_t) k);
	for (uint64_t k = 5; k < 9; k++)
		cr_expect(isnan(row_count(&r, k * US_PER_S, (int64_t) k - 5)), "%d", (int) k);
	cr_expect_float_eq(row_count(&r, 9 * US_PER_S, 4), 1.0, 1e-12);
	row_close(&r);
}

Test(stat_rate, averages_over_the_gap_when_reports_are_farther_apart_than_the_window)
{
	struct row r;

	row_open(&r, STAT_RATE, 2 * US_PER_S, true);
	cr_expect(isnan(row_count(&r, 10 * US_PER_S, 0)));
	cr_expect_float_eq(row_count(&r, 20 * US_PER_S, 100), 10, 1e-9);
	cr_expect_float_eq(row_count(&r, 25 * US_PER_S, 200), 20, 1e-9);
	row_close(&r);
}

/* The counter's value at any time is what a straight line between its reports says. */
static double value_at(const uint64_t *t, const int64_t *v, unsigned n, uint64_t at)
{
	unsigned k = 1;

	while (k + 1 < n && t[k] < at)
		k++;
	return (double) v[k - 1] +
	       (double) (v[k] - v[k - 1]) * (double) (at - t[k - 1]) / (double) (t[k] - t[k - 1]);
}

/* With irregular reads, the start may be off by what was counted in one step of the ring. */
Test(stat_rate, stays_within_one_step_of_the_window_at_irregular_times)
{
	static const uint64_t spans[] = { 2, 5, 30, 60, 900, 86400 };
	uint64_t t[SERIES_MAX], seed = 7;
	int64_t v[SERIES_MAX];

	for (unsigned s = 0; s < ARRAY_SIZE(spans); s++) {
		uint64_t span = spans[s] * US_PER_S, now = 50 * US_PER_S;
		int64_t count = 0, steepest = 1;
		struct row r;
		unsigned known = 0;

		row_open(&r, STAT_RATE, span, true);
		for (unsigned k = 0; k < SERIES_MAX; k++) {
			uint64_t gap = 1 + dice(&seed) % (span / 20);
			int64_t more = (int64_t) (gap * (dice(&seed) % 100)) / 1000;
			double got, want, slack;

			gap = MIN_OF(gap, 9 * US_PER_S);
			now += gap;
			count += more;
			t[k] = now;
			v[k] = count;
			got = row_count(&r, now, count);
			steepest = MAX_OF(steepest, more * 1000 / (int64_t) gap);
			cr_assert_eq(isnan(got), now - t[0] < span, "span %d, sample %u",
				     (int) spans[s], k);
			if (isnan(got))
				continue;
			known++;
			want = ((double) count - value_at(t, v, k + 1, now - span)) /
			       (double) spans[s];
			/* Bytes a second at the steepest, for two steps of D / 32 of the window. */
			slack = (double) steepest * 1000 * 2 / 32 + 1e-6;
			cr_assert_float_eq(got, want, slack, "span %d, sample %u: %f, not %f",
					   (int) spans[s], k, got, want);
		}
		if (span < 3600 * US_PER_S)
			cr_expect_gt(known, 100, "span %d", (int) spans[s]);
		row_close(&r);
	}
}
