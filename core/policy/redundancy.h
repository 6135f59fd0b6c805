/*
 * redundancy - does a proposal leave more ways than there were, or fewer?
 *
 * By the what-if: prefixes that lose their only way or get one; then ways that share nothing
 * (link, device, SRLG) to the addresses of the policy's sets of flows; then usable legs of the
 * objects that it changes.  The first of these that differs says it.
 *
 * Pure.  It orders those that want the same, and permits nothing.
 */
#ifndef POLICY_REDUNDANCY_H
#define POLICY_REDUNDANCY_H

#include "model/whatif.h"
#include "policy/config.h"

#define REDUNDANCY_FLOWS_MAX 16 /* of all sets that are looked at */
#define REDUNDANCY_WAYS_MAX  4	/* more are as good */

/* 1: it restores redundancy, 0: neither, -1: it reduces it.  'w' may be NULL: 0. */
int redundancy_of(const struct config *c, const struct whatif *w);

#endif
