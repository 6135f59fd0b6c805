/*
 * moved - how much finished and open transactions have moved, for "moved ... in DUR".
 *
 * Remembered with the budgets, so that a restart does not forget it, from the moment a change
 * begins; what is rolled back has moved all the same, and twice.
 *
 * Threads: one.  Errors: negative errno.
 */
#ifndef POLICY_MOVED_H
#define POLICY_MOVED_H

#include "policy/decide.h"

enum moved_what { MOVED_PREFIXES, MOVED_TRAFFIC };

/* Write what the proposal moves into the decision. */
void moved_note(const struct decide_in *in, struct decision *d);
/* Remember it; called when the change begins.  -ENOSPC, -ENOMEM. */
int moved_charge(struct budgets *b, const struct decision *d, uint64_t now_us);
/* Prefixes, or bit/s, in the window that ends now; false: some of it was not measured. */
bool moved_within(const struct budgets *b, enum moved_what what, uint64_t window_us,
		  uint64_t now_us, double *ret);

#endif
