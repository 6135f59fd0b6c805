#include "stat_help.h"

static double feed(struct row *r, uint64_t t_us, uint64_t changed_us, bool report)
{
	struct stat_sample s = { .time_us = t_us, .changed_us = changed_us, .report = report };

	return stat_feed(r->fn, r->state, &r->w, &s);
}

Test(stat_changed, tells_of_the_last_report)
{
	struct row r;

	row_open(&r, STAT_CHANGED, 0, false);
	cr_expect(isnan(feed(&r, 10, 10, true)));
	cr_expect_eq(feed(&r, 20, 10, true), 0.0);
	cr_expect_eq(feed(&r, 30, 30, true), 1.0);
	cr_expect_eq(feed(&r, 31, 30, false), 1.0); /* it holds until the next report */
	cr_expect_eq(feed(&r, 40, 30, true), 0.0);
	/* It changed and was confirmed before anybody looked. */
	cr_expect_eq(feed(&r, 60, 50, true), 1.0);
	cr_expect_eq(stat_due(r.fn, r.state, &r.w), US_INFINITY);
	row_close(&r);
}

Test(stat_changed, is_true_at_once_and_false_after_a_whole_window)
{
	uint64_t s = US_PER_S;
	struct row r;

	row_open(&r, STAT_CHANGED, 10 * s, false);
	cr_expect_eq(stat_due(r.fn, r.state, &r.w), US_INFINITY);
	cr_expect(isnan(feed(&r, 100 * s, 100 * s, true)));
	cr_expect_eq(stat_due(r.fn, r.state, &r.w), 110 * s);
	cr_expect(isnan(feed(&r, 102 * s, 100 * s, true)));
	cr_expect_eq(feed(&r, 104 * s, 104 * s, true), 1.0);
	cr_expect_eq(stat_due(r.fn, r.state, &r.w), 114 * s);
	cr_expect_eq(feed(&r, 114 * s - 1, 104 * s, true), 1.0);
	cr_expect_eq(feed(&r, 114 * s, 104 * s, false), 0.0);
	cr_expect_eq(stat_due(r.fn, r.state, &r.w), US_INFINITY);
	row_close(&r);

	row_open(&r, STAT_CHANGED, 10 * s, false);
	(void) feed(&r, 100 * s, 100 * s, true);
	cr_expect_eq(feed(&r, 110 * s, 100 * s, false), 0.0);
	row_close(&r);
}
