/*
 * arena - memory of one size of piece, within a budget.
 *
 * Design.  Series come and go for weeks; blocks of all sizes from malloc() would leave holes that
 * a budget does not see.  Slabs are taken one by one, so a small history stays small.
 */
#include "history/arena.h"

#define SLAB (1u << SLAB_SHIFT)

void arena_init(struct arena *a, size_t max_bytes)
{
	*a = (struct arena){ .max_bytes = max_bytes };
}

void arena_done(struct arena *a)
{
	for (unsigned i = 0; i < a->n_slabs; i++)
		free(a->slab[i]);
	free(a->slab);
	*a = (struct arena){ 0 };
}

/* Room for more chunks that were never used. */
static bool grow(struct arena *a)
{
	if (a->n_slabs == a->room_slabs) {
		unsigned room = MAX_OF(a->room_slabs * 2, 16u);
		struct chunk **slab = reallocarray(a->slab, room, sizeof(*slab));

		if (!slab)
			return false;
		a->slab = slab;
		a->room_slabs = room;
	}
	if (a->n_slabs >= UINT32_MAX >> SLAB_SHIFT)
		return false;
	a->slab[a->n_slabs] = aligned_alloc(CHUNK_SIZE, SLAB * sizeof(struct chunk));
	if (!a->slab[a->n_slabs])
		return false;
	for (; a->fresh < a->n_slabs * SLAB; a->fresh++) {
		arena_chunk(a, a->fresh)->next = a->free;
		a->free = a->fresh;
	}
	a->n_slabs++;
	a->fresh += a->fresh == 0; /* 0 is none */
	return true;
}

bool arena_has(struct arena *a, unsigned n)
{
	uint32_t spare;

	if (a->used + n * sizeof(struct chunk) > a->max_bytes)
		return false;
	spare = a->n_slabs * SLAB - (a->n_slabs > 0) - a->n_used;
	return spare >= n || grow(a);
}

uint32_t arena_take(struct arena *a)
{
	uint32_t n = a->free;

	if (a->used + sizeof(struct chunk) > a->max_bytes)
		return 0;
	if (n) {
		a->free = arena_chunk(a, n)->next;
	} else {
		if (a->fresh == a->n_slabs * SLAB && !grow(a))
			return 0;
		n = a->fresh++;
	}
	arena_chunk(a, n)->next = 0;
	a->n_used++;
	a->used += sizeof(struct chunk);
	return n;
}

void arena_give(struct arena *a, uint32_t chunk)
{
	arena_chunk(a, chunk)->next = a->free;
	a->free = chunk;
	a->n_used--;
	a->used -= sizeof(struct chunk);
}

bool arena_charge(struct arena *a, size_t bytes)
{
	if (a->used + bytes > a->max_bytes)
		return false;
	a->used += bytes;
	return true;
}

void arena_refund(struct arena *a, size_t bytes)
{
	a->used -= bytes;
}
