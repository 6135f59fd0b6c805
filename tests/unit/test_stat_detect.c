#include "stat_help.h"

/* Roughly normal, around 0, of spread 1. */
static double noise(uint64_t *seed)
{
	double sum = -6;

	for (unsigned k = 0; k < 12; k++)
		sum += dice_real(seed);
	return sum;
}

Test(stat_detect, shift_is_true_for_its_window_after_the_level_moved)
{
	struct row shift, level;
	uint64_t seed = 4, t = 1000 * US_PER_S;
	unsigned found = 0;
	double at = NAN;

	row_open(&shift, STAT_SHIFT, 60 * US_PER_S, false);
	row_open(&level, STAT_LEVEL, 0, false);
	for (unsigned k = 0; k < 400; k++, t += US_PER_S) {
		double v = (k < 200 ? 20000 : 30000) + 100 * noise(&seed);
		double truth = row_feed(&shift, t, v);

		at = row_feed(&level, t, v);
		if (k < 60)
			cr_expect(isnan(truth) != 0, "at %u", k);
		else if (k < 200 || k > 290)
			cr_expect_eq(truth, 0, "at %u", k);
		if (k >= 60 && truth == 1 && !found)
			found = k;
		if (k == 199)
			cr_expect_float_eq(at, 20000, 100, "%g", at);
	}
	cr_expect(found >= 200 && found < 230, "found at %u", found);
	cr_expect_float_eq(at, 30000, 100, "%g", at);
	row_close(&shift);
	row_close(&level);
}

Test(stat_detect, a_value_that_merely_holds_is_no_new_sample)
{
	struct row r;
	uint64_t seed = 4;
	struct stat_sample s = { .time_us = US_PER_S };
	double truth = NAN;

	row_open(&r, STAT_SHIFT, 5 * US_PER_S, false);
	for (unsigned k = 0; k < 100; k++, s.time_us += US_PER_S) {
		s.report = true;
		s.value = 100 + noise(&seed);
		truth = stat_feed(r.fn, r.state, &r.w, &s);
	}
	cr_expect_eq(truth, 0);
	for (unsigned k = 0; k < 100; k++, s.time_us += US_PER_S) {
		s.report = false;
		s.value = 900;
		truth = stat_feed(r.fn, r.state, &r.w, &s);
	}
	cr_expect_eq(truth, 0);
	row_close(&r);
}

static double feed_loss(struct row *r, uint64_t t, int64_t lost, int64_t sent)
{
	struct stat_sample s = { .time_us = t, .count = lost, .second = sent, .report = true };

	return stat_feed(r->fn, r->state, &r->w, &s);
}

Test(stat_detect, lossy_waits_for_evidence_and_starts_again_with_its_counters)
{
	struct row r;
	int64_t sent = 0, lost = 100;
	unsigned n = 0;

	row_open(&r, STAT_LOSSY, 0, true);
	for (unsigned k = 0; k <= 200; k++) {
		double truth = feed_loss(&r, k * US_PER_S, 0, sent++);

		cr_expect_eq(isnan(truth) != 0, k < 150, "after %u", k);
	}
	/* Losses that come before what was sent are kept until it does. */
	cr_expect_eq(feed_loss(&r, 201 * US_PER_S, 100, sent - 1), 0);
	/* A path that is known for 200 probes only needs some dead batches. */
	sent += 99;
	while (n < 10 && feed_loss(&r, (202 + n) * US_PER_S, lost, sent) != 1) {
		lost += 100;
		sent += 100;
		n++;
	}
	cr_expect(n < 10, "%u", n);
	for (unsigned k = 0; k < 100; k++)
		(void) feed_loss(&r, (220 + k) * US_PER_S, lost, sent += 100000);
	cr_expect_eq(feed_loss(&r, 399 * US_PER_S, lost, sent += 100000), 0);
	for (unsigned k = 0; k < 100; k++)
		(void) feed_loss(&r, (400 + k) * US_PER_S, lost + k * 5, sent += 10);
	cr_expect_eq(feed_loss(&r, 500 * US_PER_S, lost + 500, sent += 10), 1);
	cr_expect(isnan(feed_loss(&r, 501 * US_PER_S, 0, 10)) != 0);
	row_close(&r);
}

Test(stat_detect, unusual_keeps_what_it_learned_over_a_gap)
{
	struct row r;
	uint64_t seed = 8, t = US_PER_S;
	double z = NAN;

	row_open(&r, STAT_UNUSUAL, 0, false);
	for (unsigned k = 0; k < 2000; k++, t += 60 * US_PER_S)
		z = row_feed(&r, t, 1000 + 10 * noise(&seed));
	cr_expect_lt(fabs(z), 6);
	stat_break(r.fn, r.state, &r.w);
	z = row_feed(&r, t, 5000);
	cr_expect_gt(z, 6, "%g", z);
	row_close(&r);
}
