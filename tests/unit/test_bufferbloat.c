/* How fast a far box is, from what is sent and how round trips change. */
#include <criterion/criterion.h>

#include "agents/bufferbloat/estimate.c"

TestSuite(bufferbloat, .timeout = 20);

/* A box of 8 Mbit/s with a long buffer: sent_bps[i] for half a second each.  What it is said to let
 * through. */
static int64_t through_of(const double *sent_mbps, unsigned n, unsigned jumps)
{
	struct estimate e = { 0 };
	double queue = 0;
	int64_t bps = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t rtt_us;

		queue += (sent_mbps[i] - 8) * 1e6 * 0.5;
		if (queue < 0)
			queue = 0;
		rtt_us = 20000 + (uint64_t) (queue / 8);
		if (jumps && i % jumps == 0)
			rtt_us += 900000; /* an answer that was lost, and the next one */
		estimate_add(&e, 1000000 + i * 500000, (int64_t) (sent_mbps[i] * 1e6), rtt_us);
	}
	cr_assert(estimate_rate(&e, &bps));
	return bps;
}

Test(bufferbloat, a_queue_that_grows_or_falls_does_not_deceive)
{
	const double grows[] = { 10, 10, 10, 10, 10, 10, 10 };
	const double falls[] = { 16, 16, 16, 6, 6, 6, 6, 6 };
	const double swings[] = { 12, 6, 11, 5, 9, 8, 12, 6, 10, 7, 9, 8 };

	/* What is sent would be 10, and a shaper of 9 Mbit/s would change nothing. */
	cr_expect_float_eq((double) through_of(grows, 7, 0), 8e6, 1e5);
	cr_expect_float_eq((double) through_of(falls, 8, 0), 8e6, 2e5);
	cr_expect_float_eq((double) through_of(swings, 12, 0), 8e6, 3e5);
	cr_expect_float_eq((double) through_of(swings, 12, 6), 8e6, 8e5, "with late answers");
}

Test(bufferbloat, too_little_is_no_estimate)
{
	struct estimate e = { 0 };
	int64_t bps;

	cr_expect(!estimate_rate(&e, &bps));
	for (unsigned i = 0; i < ESTIMATE_LEAST; i++)
		estimate_add(&e, 1 + i, 1000, 10);
	cr_expect(!estimate_rate(&e, &bps), "the first one has none before it");
	estimate_add(&e, 100, 1000, 10);
	cr_expect(estimate_rate(&e, &bps));
	cr_expect_eq(bps, 1000);

	/* Time that stands, nothing sent: no samples. */
	estimate_forget(&e);
	for (unsigned i = 0; i < 10; i++)
		estimate_add(&e, 7, 1000, 10);
	cr_expect(!estimate_rate(&e, &bps));
	for (unsigned i = 0; i < 10; i++)
		estimate_add(&e, 8 + i, 0, 10);
	cr_expect(!estimate_rate(&e, &bps));
	for (unsigned i = 0; i < 100; i++)
		estimate_add(&e, 1000 + i, INT64_MAX, UINT64_MAX - i);
	cr_expect(!estimate_rate(&e, &bps), "nothing sends so fast");
}
