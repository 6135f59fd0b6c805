/*
 * uplink_rivals - likelihoods of the rival explanations of a loss.
 *
 * Design.  Three models with one free loss ratio each, so that their best likelihoods compare
 * as they stand: (uplink) the suspect loses and all else is healthy; (target) one target loses,
 * on whatever uplink; (shared) everything loses alike.  Outcomes right after a loss are left
 * out, as in the loss test, because bursts would make every model too sure.
 */
#include "uplink_rivals.h"

#include <math.h>
#include <string.h>

#define SHARE_MAX 0.99 /* no model of ours is surer than that */

struct tally {
	double sent, lost;
};

static void tally_history(const struct health *h, uint64_t since_us,
			  struct tally ret[HEALTH_TARGETS])
{
	unsigned n = h->n_history < HEALTH_HISTORY ? h->n_history : HEALTH_HISTORY;
	bool last_lost = false;

	memset(ret, 0, sizeof(struct tally) * HEALTH_TARGETS);
	for (unsigned i = h->n_history - n; i != h->n_history; i++) {
		const struct health_outcome *o = &h->history[i % HEALTH_HISTORY];

		if (o->time_us >= since_us && !last_lost) {
			ret[o->target % HEALTH_TARGETS].sent++;
			ret[o->target % HEALTH_TARGETS].lost += o->lost;
		}
		last_lost = o->lost;
	}
}

static void add(struct tally *to, const struct tally *t)
{
	to->sent += t->sent;
	to->lost += t->lost;
}

static double likelihood(const struct tally *t, double ratio)
{
	return t->lost * log(ratio) + (t->sent - t->lost) * log(1 - ratio);
}

/* What the tally gains by a loss ratio of its own instead of the healthy one; >= 0. */
static double gain(const struct tally *t, double healthy)
{
	double ratio = t->sent > 0 ? t->lost / t->sent : 0;

	if (ratio <= healthy)
		return 0;
	return likelihood(t, fmin(ratio, 0.9999)) - likelihood(t, healthy);
}

void rivals_judge(const struct health *const *h, unsigned n_uplinks, unsigned suspect,
		  unsigned n_targets, double healthy, uint64_t since_us, struct rivals *ret)
{
	struct tally one[HEALTH_TARGETS], by_target[HEALTH_TARGETS] = { 0 };
	struct tally own = { 0 }, all = { 0 };
	double uplink, shared, target = -INFINITY, top, sum;

	*ret = (struct rivals){ 0 };
	for (unsigned i = 0; i < n_uplinks; i++) {
		tally_history(h[i], since_us, one);
		for (unsigned t = 0; t < HEALTH_TARGETS; t++) {
			add(&by_target[t], &one[t]);
			add(&all, &one[t]);
			if (i == suspect)
				add(&own, &one[t]);
		}
	}

	uplink = gain(&own, healthy);
	shared = gain(&all, healthy);
	for (unsigned t = 0; n_targets > 1 && t < HEALTH_TARGETS; t++)
		if (gain(&by_target[t], healthy) > target) {
			target = gain(&by_target[t], healthy);
			ret->worst_target = t;
		}

	top = fmax(uplink, fmax(shared, target));
	uplink = exp(uplink - top);
	shared = exp(shared - top);
	target = exp(target - top);
	sum = uplink + shared + target;
	ret->uplink = fmin(uplink / sum, SHARE_MAX);
	ret->shared = fmin(shared / sum, SHARE_MAX);
	ret->target = fmin(target / sum, SHARE_MAX);
}
