/*
 * damp - a resource that is changed to and fro is left alone for a while.
 *
 * Two memories, both read from the track (track.h), so they survive what it survives:
 *
 *   the penalty   of RFC 2439, for each (resource, direction): 1000 for each change, halved every
 *                 'half_life_us'; at 'suppress' (RFC 7196: 6000 or more) the direction is
 *                 suppressed until it has fallen to 'reuse', at most 'max_us' later;
 *   the lock-out  two reversals (A to B to A to B is two) of a resource in 'window_us' lock it for
 *                 'lockout_us', the next time for twice as long and so on, up to 24 h; after 24 h
 *                 without a lock-out it begins anew.  A third reversal is critical: people are told.
 *
 * Only causes are charged: what a transaction takes back by itself is no change of its own and no
 * reversal, and what it changes several times is one.  Changes while a resource is locked were
 * people's: they are charged and are no reversals.
 *
 * What is damped is never auto.  A person may still be asked.
 *
 * While the history was lost less than 'lockout_us' ago, everything is locked: nobody knows better.
 * Pure; nothing is allocated.
 */
#ifndef POLICY_DAMP_H
#define POLICY_DAMP_H

#include "policy/track.h"

#define DAMP_CHANGE    1000
#define DAMP_REVERSALS 2   /* that lock */
#define DAMP_CRITICAL  3   /* that people are told of */
#define DAMP_LOOK      128 /* newest changes of a resource that are looked at */
#define DAMP_LOCK_MAX  (UINT64_C(24) * 3600 * 1000000)

struct damp_state {
	unsigned penalty; /* of the direction asked for, now */
	bool suppressed;
	uint64_t reuse_us;  /* then: when it may be used again, boot time */
	unsigned reversals; /* in the window; time under a lock-out is not counted */
	unsigned locks;	    /* lock-outs in this series */
	bool locked;	    /* now */
	uint64_t unlock_us; /* of the last lock-out; 0: there was none in the series */
	bool critical;	    /* the last reversal was the third or more */
	int64_t turned_us;  /* when that was */
	bool lost;	    /* locked, because the history was lost less than a lock-out ago */
	bool damped;	    /* suppressed or locked */
};

/* How 'resource' stands now.  'turn' is the change that is asked about (key 0, NULL: none, and then
 * 'penalty' is the greatest of all directions). */
void damp_look(const struct track *t, const struct policy_damping *p, const char *resource,
	       const struct track_turn *turn, uint64_t now_us, struct damp_state *ret);

/* "link wan0 was turned round 2 times in 30m; locked until 2026-11-23T14:05:00Z (58m)".  'ret' is
 * returned. */
const char *damp_text(const struct damp_state *s, const struct policy_damping *p,
		      const char *resource, uint64_t now_us, uint64_t wall_us, char *ret,
		      size_t size);

#endif
