/*
 * arena - memory of one size of piece, within a budget.
 *
 * Chunks of 64 bytes, named by a number (0: none) so that a chain costs four bytes a link.  What
 * is freed is used again; nothing goes back to the system before arena_done().
 *
 * Pure.  Threads: the host's one.
 */
#ifndef HISTORY_ARENA_H
#define HISTORY_ARENA_H

#include "base/util.h"

#define CHUNK_SIZE 64
#define CHUNK_DATA (CHUNK_SIZE - 4)
#define SLAB_SHIFT 10 /* chunks of one slab: 64 KiB */

struct chunk { /* a cache line */
	_Alignas(8) uint8_t data[CHUNK_DATA];
	uint32_t next;
};

struct arena {
	struct chunk **slab; /* owned; each of 1 << SLAB_SHIFT chunks */
	unsigned n_slabs, room_slabs;
	uint32_t fresh; /* never used so far: this one and those behind it in the last slab */
	uint32_t free;	/* chain */
	uint32_t n_used;
	size_t used;	  /* bytes of chunks and of what arena_charge() was told */
	size_t max_bytes; /* of 'used' */
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);
/* 0: over the budget, or no memory. */
uint32_t arena_take(struct arena *a);
void arena_give(struct arena *a, uint32_t chunk);
/* Can 'n' chunks be taken now? */
bool arena_has(struct arena *a, unsigned n);
/* Memory beside the chunks: false when it does not fit into the budget (nothing is charged). */
bool arena_charge(struct arena *a, size_t bytes);
void arena_refund(struct arena *a, size_t bytes);

static inline struct chunk *arena_chunk(const struct arena *a, uint32_t n)
{
	return &a->slab[n >> SLAB_SHIFT][n & ((1u << SLAB_SHIFT) - 1)];
}

#endif
