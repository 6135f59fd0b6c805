/*
 * safe - the safe profile: what to try when an undo has failed and the router is in between.
 *
 * A transaction that ends STUCK leaves the router in a state that nobody wanted (policy.md 5.3,
 * C20).  Then the actions of "anod { safe ... }" - uplinks set up, the known way to the
 * management - are proposed one after the other by the agent "safe".  Each is an ordinary proposal: it
 * needs a permit ("agent safe"), is decided, journaled, verified and undone like any other, and
 * one that is refused does not keep the next from being tried.
 *
 * Everything runs on the host's loop.
 */
#ifndef HOST_SAFE_H
#define HOST_SAFE_H

#include "host/host.h"

/* Every transition of a transaction: one that is stuck begins the profile. */
void safe_txn(struct host *h, const struct txn *t);
/* At the end of a turn; when to come again. */
uint64_t safe_turn(struct host *h, uint64_t now_us);

#endif
