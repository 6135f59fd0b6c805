/*
 * tail - how rare is a value of this size, judged by the largest that were seen before?
 *
 * For non-negative statistics of any distribution.  Keeps the TAIL_TOP largest so far (one of each
 * burst) and extrapolates beyond them with a power law (Pareto), whose exponent is estimated from
 * them (Hill 1975) and held in check by a prior.  Heavy tails and light ones are told apart by
 * the data, so "one in a thousand" means about the same for every series; of light tails the
 * rarest values are told to be less rare than they are, up to tenfold.
 *
 * Plain data, zeroed is fresh.  About TAIL_MEMORY samples are remembered.
 */
#ifndef DETECT_TAIL_H
#define DETECT_TAIL_H

#include <stdint.h>

#define TAIL_TOP    9
#define TAIL_BURST  20 /* samples within which large values are one event */
#define TAIL_MEMORY 1e5

struct tail {
	double top[TAIL_TOP]; /* largest first */
	unsigned n_top;
	double n;	/* samples they are the largest of */
	double current; /* peak of the burst that is going on */
	unsigned left;	/* samples until it is over */
};

/* The rarity of 'v' >= 0 in decades, 3.0: one in a thousand samples is as large; then learn from
 * it.  0 for anything that is not among the largest, and at first. */
double tail_feed(struct tail *t, double v);

#endif
