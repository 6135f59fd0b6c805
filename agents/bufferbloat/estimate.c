/*
 * estimate - how much a far box lets through, from what is sent and how round trips change.
 *
 * Design.  A ring of the last samples and an insertion sort of fifteen numbers.  Growth is bounded:
 * a round trip that jumps (an answer that was lost and sent again) says nothing of the box.
 */
#include "estimate.h"

#include <string.h>

#define RATE_MOST    INT64_C(1000000000000000) /* nothing sends faster */
#define GROWTH_LEAST (-0.5)
#define GROWTH_MOST  1.0

void estimate_forget(struct estimate *e)
{
	memset(e, 0, sizeof(*e));
}

void estimate_add(struct estimate *e, uint64_t now_us, int64_t sent_bps, uint64_t rtt_us)
{
	double growth;

	if (e->time_us && now_us > e->time_us && sent_bps > 0 && sent_bps <= RATE_MOST) {
		growth = ((double) rtt_us - (double) e->rtt_us) / (double) (now_us - e->time_us);
		if (growth < GROWTH_LEAST)
			growth = GROWTH_LEAST;
		if (growth > GROWTH_MOST)
			growth = GROWTH_MOST;
		e->bps[e->at] = (int64_t) ((double) sent_bps / (1 + growth));
		e->at = (e->at + 1) % ESTIMATE_SAMPLES;
		e->n += e->n < ESTIMATE_SAMPLES;
	}
	e->time_us = now_us;
	e->rtt_us = rtt_us;
}

bool estimate_rate(const struct estimate *e, int64_t *ret_bps)
{
	int64_t sorted[ESTIMATE_SAMPLES] = { 0 };

	if (e->n < ESTIMATE_LEAST)
		return false;
	for (unsigned i = 0; i < e->n; i++) {
		unsigned k = i;

		for (; k > 0 && sorted[k - 1] > e->bps[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = e->bps[i];
	}
	*ret_bps = sorted[(e->n - 1) / 2];
	return true;
}
