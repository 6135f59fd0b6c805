/*
 * loss_test - finds a rise in packet loss as early as the evidence allows.
 *
 * Fed with one probe outcome at a time.  Two promises, both tested:
 *
 *   False alarms  At least 'alarm_every' probes between them on average, on a path that is as
 *                 bad as the parameters call healthy.  This is proven, not tuned: see the .c.
 *   Delay         Within 10 % of the bound ln(alarm_every) / (evidence in one probe) that no test
 *                 can beat by much (Lorden 1971) for 1 to 30 % of loss.  5 % takes 143 probes on
 *                 average at one false alarm in 1e9; three losses in a row take 5400.
 *
 * Losses of a healthy path come in bursts, so outcomes are a two-state chain (Gilbert 1960):
 * only a loss after a delivered probe is evidence of gray loss, and only losses after losses are
 * evidence of a dead path.
 *
 * Threads: none; the caller serialises.  Memory: the caller's, without pointers.
 * Errors: loss_test_init() returns 0 or -EINVAL and then leaves *t alone; nothing else fails.
 */
#ifndef UPLINK_LOSS_TEST_H
#define UPLINK_LOSS_TEST_H

#include <stdbool.h>
#include <stdint.h>

#define LOSS_TEST_LEVELS 7

struct loss_test_params {
	double healthy;	    /* loss of a healthy path, ratio of probes, (0, 0.05] */
	double burst;	    /* its P(lost | the probe before was lost), [healthy, 0.9] */
	double alarm_every; /* mean probes between false alarms, [1e3, 1e15] */
};

struct loss_test {
	struct loss_level {
		double ratio[2][2]; /* likelihood ratio of [last lost][lost] */
		double odds;	    /* Shiryaev-Roberts sum: decides */
		double page;	    /* Page's product: dates the change */
		uint64_t since;	    /* number of the probe at which 'page' left 1 */
		uint64_t lost;	    /* lost probes since then */
	} level[LOSS_TEST_LEVELS];
	double alarm_every;
	unsigned n_levels;
	uint64_t probes; /* fed so far */
	bool last_lost;
};

struct loss_finding {
	double loss;	 /* estimated ratio since the change */
	uint64_t since;	 /* number of the first probe after the change, from 1 */
	uint64_t probes; /* probes since then */
};

/* Prepare *t for a path; 'p' is not kept. */
int loss_test_init(struct loss_test *t, const struct loss_test_params *p);

/* Take one probe's outcome.  True: the loss has risen; *ret says to what and since when, and
 * the test starts afresh. */
bool loss_test_feed(struct loss_test *t, bool lost, struct loss_finding *ret);

/* Forget the evidence, not the parameters: after a gap in the probes, or after a change that
 * we made ourselves. */
void loss_test_reset(struct loss_test *t);

#endif
