#include "plugins/probe/window.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

Test(window, sorted_copy_follows_the_ring)
{
	static struct recent r = { .cap = 17 };
	uint32_t last[17];
	unsigned short seed[3] = { 1 };

	for (unsigned n = 0; n < 5000; n++) {
		unsigned have;

		recent_add(&r, (uint32_t) nrand48(seed) % 40);
		have = n + 1 < 17 ? n + 1 : 17;
		cr_assert(eq(uint, r.n, have));
		memcpy(last, r.ring, have * sizeof(last[0]));
		qsort(last, have, sizeof(last[0]), by_value);
		cr_assert(zero(memcmp(last, r.sorted, have * sizeof(last[0]))));
	}
	cr_expect(eq(u32, recent_quantile(&r, 0.5), last[8]));
	cr_expect(eq(u32, recent_quantile(&r, 0), last[0]));
	cr_expect(eq(u32, recent_quantile(&r, 1), last[16]));
}

Test(window, loss_is_of_the_last_outcomes_only)
{
	static struct window w;

	window_init(&w, 10);
	cr_expect(lt(dbl, window_loss(&w), 0), "no outcome, no loss");
	for (int i = 0; i < 5; i++)
		window_lost(&w);
	cr_expect(eq(dbl, window_loss(&w), 1));
	cr_expect(eq(uint, w.lost_in_row, 5));
	for (int i = 0; i < 5; i++)
		window_answered(&w, 1000);
	cr_expect(eq(dbl, window_loss(&w), 0.5));
	for (int i = 0; i < 4; i++)
		window_answered(&w, 1000);
	cr_expect(eq(dbl, window_loss(&w), 0.1));
	window_answered(&w, UINT32_MAX);
	cr_expect(eq(dbl, window_loss(&w), 0));
	cr_expect(eq(uint, w.rtt.n, 9), "an answer without a time is an answer");
}

Test(window, jitter_is_that_of_rfc_3550)
{
	static struct window w;

	window_init(&w, 10);
	window_answered(&w, 1000);
	cr_expect(eq(dbl, w.jitter, 0));
	window_answered(&w, 1160);
	cr_expect(epsilon_eq(dbl, w.jitter, 10, 1e-9));
	window_answered(&w, 1000);
	cr_expect(epsilon_eq(dbl, w.jitter, 10 + 150. / 16, 1e-9));
	window_late(&w, UINT64_MAX);
	cr_expect(eq(u32, recent_quantile(&w.late, 0.99), UINT32_MAX));
}
