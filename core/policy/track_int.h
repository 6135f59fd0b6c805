/*
 * track_int - what the two halves of the track share; private to them.
 *
 *   track.c      entries, chains, what became of them
 *   track_ask.c  standing, formerly, reversals
 */
#ifndef POLICY_TRACK_INT_H
#define POLICY_TRACK_INT_H

#include "base/util.h"
#include "policy/track.h"

#define TRACK_BUCKETS 1024 /* of each chain; a power of two */
#define TRACK_NOBODY  UINT32_MAX

enum chain { CHAIN_GROUP, CHAIN_RESOURCE, CHAIN_KEY, CHAINS };

struct track_item {
	struct track_entry e;
	uint32_t hash[CHAINS];
	uint32_t older[CHAINS]; /* the one before in the bucket; TRACK_NOBODY: none */
	bool turned;		/* it turned round a change that was made at: */
	int64_t turned_us;
};

struct track {
	struct track_item *item;
	uint32_t n, max;
	int64_t lost_us;    /* nothing is known of the time before */
	int64_t dropped_us; /* successes of the time before may be forgotten */
	uint32_t newest[CHAINS][TRACK_BUCKETS];
};

uint32_t track_hash(uint32_t hash, const char *text);
uint32_t track_group(const char *permit, const char *agent, const char *role);
/* The newest entry of a chain with this hash, or the next older one than 'x'; NULL: none. */
const struct track_item *chain_first(const struct track *t, enum chain c, uint32_t hash);
const struct track_item *chain_next(const struct track *t, enum chain c,
				    const struct track_item *x);

static inline bool is_failure(enum outcome o)
{
	return o == OUTCOME_ROLLED_BACK || o == OUTCOME_STUCK;
}

#endif
