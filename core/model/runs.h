/*
 * runs - an arena of short arrays, of 1 to 64 equal units each, named by 32-bit numbers.
 *
 * Threads: one.  Memory: all of it goes with runs_done(); units never move by themselves, pointers
 * into a run are good until the run is changed.  A number is never 0.
 */
#ifndef MODEL_RUNS_H
#define MODEL_RUNS_H

#include "base/util.h"

#define RUNS_CHUNK_BITS 8 /* units in a chunk; at least the longest run */
#define RUNS_CLASSES	7 /* capacities 1, 2, 4 .. 64 */

struct runs {
	uint8_t **chunk;
	uint32_t n_chunks, used; /* units of the last chunk */
	uint32_t free[RUNS_CLASSES];
	uint32_t unit; /* bytes, at least 4; set by the owner before first use */
};

void runs_done(struct runs *r);
/* Forget all runs, but keep the memory; of one chunk at most. */
void runs_reset(struct runs *r);
/* Make room for a unit at place 'at' of the run '*run', which has 'n' units (0: none yet, *run is
 * ignored).  The unit's bytes are not set.  -ENOMEM: nothing has changed. */
int runs_insert(struct runs *r, uint32_t *run, unsigned n, unsigned at);
/* Take the unit at place 'at' out of a run of 'n'.  Cannot fail. */
void runs_remove(struct runs *r, uint32_t *run, unsigned n, unsigned at);

static inline void *runs_at(const struct runs *r, uint32_t i)
{
	return r->chunk[i >> RUNS_CHUNK_BITS] +
	       (size_t) (i & ((1u << RUNS_CHUNK_BITS) - 1)) * r->unit;
}

#endif
