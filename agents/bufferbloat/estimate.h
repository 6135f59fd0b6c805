/*
 * estimate - how much a far box lets through, from what is sent and how round trips change.
 *
 * While more is sent than a box lets through, its queue grows, and with it the round trip: sent at
 * rate s through a box of rate c, the round trip grows by (s - c) / c seconds a second.  So
 * c = s / (1 + growth) at each sample, whether the queue grows, stands or falls; what is sent alone
 * is too much while it grows.  The median of the samples is robust against single late answers.
 *
 * Pure.  Threads: any.  Memory: the caller's; zero-initialised is empty.
 */
#ifndef BUFFERBLOAT_ESTIMATE_H
#define BUFFERBLOAT_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#define ESTIMATE_SAMPLES 15
#define ESTIMATE_LEAST	 4 /* fewer samples are no estimate */

struct estimate {
	unsigned n; /* samples so far, at most ESTIMATE_SAMPLES */
	unsigned at;
	uint64_t time_us, rtt_us; /* of the last sample; 0: none */
	int64_t bps[ESTIMATE_SAMPLES];
};

/* Sent at 'sent_bps' since the last sample, and the round trip now. */
void estimate_add(struct estimate *e, uint64_t now_us, int64_t sent_bps, uint64_t rtt_us);
/* False: too few samples. */
bool estimate_rate(const struct estimate *e, int64_t *ret_bps);
void estimate_forget(struct estimate *e);

#endif
