#include "detect/loss.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static double nats(double p, double q)
{
	return p * log(p / q) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

Test(loss, is_found_about_as_early_as_any_test_can)
{
	static const double ratio[] = { 0.01, 0.05, 0.1 };
	unsigned short seed[3] = { 1, 2, 3 };

	for (int k = 0; k < 3; k++) {
		double sum = 0, limit = log(LOSS_ALARM_EVERY) / nats(ratio[k], LOSS_HEALTHY_MAX);

		for (int run = 0; run < 200; run++) {
			struct loss l = { 0 };
			struct loss_news news;
			uint64_t n = 0;

			do
				n++;
			while (!loss_feed(&l, n * SECOND, 1, erand48(seed) < ratio[k], &news));
			cr_assert(news.lossy && loss_now(&l));
			sum += (double) n;
		}
		cr_assert(lt(dbl, sum / 200 / limit, 1.25), "%g: %g of %g", ratio[k], sum / 200,
			  limit);
	}
}

Test(loss, raises_no_alarm_on_healthy_paths)
{
	unsigned short seed[3] = { 4, 5, 6 };
	struct loss probes = { 0 }, bursts = { 0 };
	bool lost = false;

	for (uint64_t i = 0; i < 1000000; i++) {
		lost = erand48(seed) < (lost ? 0.3 : 0.001);
		cr_assert(not(loss_feed(&probes, i * SECOND, 1, lost, NULL)));
	}
	/* 10000 packets a second, bursts of five, and a fresh start now and then. */
	for (uint64_t i = 0; i < 200000; i++)
		cr_assert(not(
			loss_feed(&bursts, i * SECOND, 10000, erand48(seed) < 0.1 ? 5 : 0, NULL)));
}

/* Length of a burst, geometric. */
static uint64_t burst(unsigned short *seed, double mean)
{
	return 1 + (uint64_t) (log(erand48(seed) + 1e-12) / log1p(-1 / mean));
}

Test(loss, learns_bursts_of_any_length_and_still_finds_loss)
{
	static const double mean[] = { 3, 7, 20 };
	unsigned short seed[3] = { 6, 5, 4 };

	for (size_t k = 0; k < sizeof(mean) / sizeof(mean[0]); k++) {
		struct loss l = { 0 };
		uint64_t i = 0, lost;

		for (; i < 60000; i++) {
			lost = erand48(seed) < 0.1 ? burst(seed, mean[k]) : 0;
			cr_assert(not(loss_feed(&l, i * SECOND, 10000, lost, NULL)), "%zu", k);
			/* Fresh starts are where it knows least. */
			if (i < 30000 && i % 50 == 0)
				l = (struct loss){ 0 };
		}
		for (lost = 0; !loss_now(&l) && lost < 100; lost++)
			(void) loss_feed(&l, i++ * SECOND, 10000, 100, NULL);
		cr_assert(le(u64, lost, 10), "%zu: %llu", k, (unsigned long long) lost);
	}
}

Test(loss, tells_when_it_began_how_bad_it_is_and_when_it_is_over)
{
	unsigned short seed[3] = { 7, 8, 9 };
	struct loss l = { 0 };
	struct loss_news news;
	uint64_t i = 0;

	for (; i < 1000; i++)
		cr_assert(not(loss_feed(&l, i * SECOND, 1000, 0, NULL)));
	while (!loss_feed(&l, i * SECOND, 1000, (uint64_t) (40 + 20 * erand48(seed)), &news))
		i++;
	cr_assert(news.lossy && loss_now(&l));
	cr_assert(eq(u64, news.since_us, 1000 * SECOND));
	cr_assert(lt(dbl, fabs(news.ratio - 0.05), 0.02));
	cr_assert(le(u64, i, 1003));
	for (int k = 0; k < 1000; k++)
		cr_assert(not(loss_feed(&l, i++ * SECOND, 1000, 50, &news)));
	while (!loss_feed(&l, i++ * SECOND, 1000, 0, &news))
		cr_assert(lt(u64, i, 2100));
	cr_assert(not(news.lossy));
	cr_assert(not(loss_now(&l)));
}

Test(loss, learns_a_path_that_never_loses_and_then_needs_little)
{
	struct loss l = { 0 };
	struct loss_news news;
	uint64_t i = 0;

	/* One in ten thousand is nothing on a fresh path, and something after 1e8 clean packets. */
	for (; i < 10000; i++)
		cr_assert(not(loss_feed(&l, i * SECOND, 10000, 0, NULL)));
	while (!loss_feed(&l, i * SECOND, 10000, 1, &news))
		i++;
	cr_assert(lt(u64, i, 10200));
	cr_assert(lt(dbl, news.ratio, 2e-4));
}

Test(loss, survives_anything)
{
	static struct loss l, zero;
	struct loss_news news;

	cr_assert(not(loss_feed(&l, 1, 0, 5, &news)));
	cr_assert(eq(int, memcmp(&l, &zero, sizeof(l)), 0));
	for (uint64_t i = 0; i < 10000; i++) {
		(void) loss_feed(&l, i, i % 3 ? UINT64_MAX : 1, i % 5 ? i : UINT64_MAX, &news);
		cr_assert(isfinite(l.ratio) && l.ratio >= 0 && l.ratio <= 1);
		cr_assert(isfinite(l.healthy_sent) && isfinite(l.clumps));
	}
	loss_reset(&l);
	cr_assert(not(loss_now(&l)));
	/* Dead at once. */
	l = zero;
	for (uint64_t i = 0; i < 40 && !loss_now(&l); i++)
		(void) loss_feed(&l, i, 1, 1, &news);
	cr_assert(loss_now(&l));
}
