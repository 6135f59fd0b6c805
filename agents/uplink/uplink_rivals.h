/*
 * uplink_rivals - whose loss is it?
 *
 * A rise of the loss on one uplink has rival explanations: the uplink, one target that loses on
 * every uplink, or something that all uplinks share (the targets together, or what lies before
 * them).  Each is a model of the outcomes that every uplink saw since the rise; their
 * likelihoods give each a share of the confidence.
 *
 * Pure.
 */
#ifndef UPLINK_RIVALS_H
#define UPLINK_RIVALS_H

#include "uplink_health.h"

struct rivals {
	double uplink, target, shared; /* shares, sum 1; 'target' 0 when there is but one */
	unsigned worst_target;	       /* the one that 'target' speaks of */
};

/* 'h' holds 'n_uplinks' healths, 'suspect' is the one whose loss rose at 'since_us'; 'healthy'
 * is the loss ratio of a healthy path. */
void rivals_judge(const struct health *const *h, unsigned n_uplinks, unsigned suspect,
		  unsigned n_targets, double healthy, uint64_t since_us, struct rivals *ret);

#endif
