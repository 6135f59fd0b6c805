#include "infer/retry.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct retry_facts plenty = { .left_us = 60000000,
					   .random = 12345678901,
					   .large_at = -1 };

Test(retry, backs_off_with_jitter_within_bounds)
{
	struct retry_facts f = plenty;
	uint64_t most = RETRY_FIRST_US, seen_max = 0;

	for (unsigned n = 0; n + 1 < RETRY_TRIES_MAX; n++, most *= 2) {
		seen_max = 0;
		for (f.random = 0; f.random < 1000000; f.random += 997) {
			struct retry r = { .n_endpoints = 1, .busy = n };
			struct retry_step s = retry_decide(&r, OUTCOME_BUSY, &f);

			cr_assert(eq(int, s.what, RETRY_AGAIN));
			cr_assert(le(u64, s.wait_us, most));
			seen_max = MAX_OF(seen_max, s.wait_us);
		}
		cr_expect(gt(u64, seen_max, most / 2));
	}
}

Test(retry, respects_retry_after_inside_the_deadline)
{
	struct retry r = { .n_endpoints = 2 };
	struct retry_facts f = plenty;
	struct retry_step s;

	f.asked_us = 3000000;
	s = retry_decide(&r, OUTCOME_BUSY, &f);
	cr_expect(eq(int, s.what, RETRY_AGAIN));
	cr_expect(ge(u64, s.wait_us, 3000000));
	f.left_us = 2000000;
	s = retry_decide(&r, OUTCOME_BUSY, &f);
	cr_expect(eq(int, s.what, RETRY_NEXT), "no time to wait for it: another may have some");
	cr_expect(eq(uint, r.at, 1));
	s = retry_decide(&r, OUTCOME_BUSY, &f);
	cr_expect(eq(int, s.what, RETRY_GIVE_UP));
}

Test(retry, falls_over_and_gives_up)
{
	struct retry r = { .n_endpoints = 2 };

	for (unsigned n = 1; n < RETRY_TRIES_MAX; n++)
		cr_expect(eq(int, retry_decide(&r, OUTCOME_BUSY, &plenty).what, RETRY_AGAIN));
	cr_expect(eq(int, retry_decide(&r, OUTCOME_BUSY, &plenty).what, RETRY_NEXT));
	cr_expect(eq(int, retry_decide(&r, OUTCOME_INVALID, &plenty).what, RETRY_AGAIN));
	cr_expect(eq(int, retry_decide(&r, OUTCOME_INVALID, &plenty).what, RETRY_GIVE_UP));

	r = (struct retry){ .n_endpoints = 2 };
	cr_expect(eq(int, retry_decide(&r, OUTCOME_FAILED, &plenty).what, RETRY_NEXT));
	cr_expect(eq(int, retry_decide(&r, OUTCOME_TIMEOUT, &plenty).what, RETRY_GIVE_UP));
	cr_expect(eq(int, retry_decide(&r, OUTCOME_VALID, &plenty).what, RETRY_DONE));
}

Test(retry, asks_a_larger_model_when_unsure)
{
	struct retry r = { .n_endpoints = 3 };
	struct retry_facts f = plenty;

	cr_expect(eq(int, retry_decide(&r, OUTCOME_UNSURE, &f).what, RETRY_DONE));
	f.large_at = 2;
	cr_expect(eq(int, retry_decide(&r, OUTCOME_UNSURE, &f).what, RETRY_NEXT));
	cr_expect(eq(uint, r.at, 2), "over the small one between them");
	f.left_us = 0;
	cr_expect(eq(int, retry_decide(&r, OUTCOME_UNSURE, &f).what, RETRY_DONE));
}
