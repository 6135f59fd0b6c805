/*
 * sweep - what the loss of each single link would do.
 *
 * Pure.  Threads: one.  Source: N-1 security, as in policy.md 3.2; counts as in whatif.h.
 */
#ifndef MODEL_SWEEP_H
#define MODEL_SWEEP_H

#include "model/model.h"

struct nminus1 {
	uint32_t ifindex; /* of the link that is lost; set by the caller */
	/* Destinations of unicast routes whose packets then go another way, and of these the ones
	 * that had a usable leg and have none. */
	unsigned moved_prefixes, new_blackholes;
};

/* Fill each row: its link set down or gone, so that the kernel drops its routes at once, on top of
 * what the overlay has.  -ENOMEM: rows mean nothing. */
int sweep_links(const struct overlay *o, struct nminus1 *row, unsigned n);

#endif
