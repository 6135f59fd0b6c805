#include "history/arena.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(arena, gives_each_chunk_once_and_stays_within_its_budget)
{
	static uint32_t taken[20000];
	struct arena a;
	unsigned n = 0, again;

	arena_init(&a, 20000 * CHUNK_SIZE - 1);
	cr_assert(arena_charge(&a, 1000));
	while ((taken[n] = arena_take(&a))) {
		/* A cache line each, and nobody else's. */
		cr_assert(eq(u64, (uintptr_t) arena_chunk(&a, taken[n]) % CHUNK_SIZE, 0));
		memset(arena_chunk(&a, taken[n])->data, (int) n & 0xff, CHUNK_DATA);
		n++;
	}
	cr_assert(eq(uint, n, (20000 * CHUNK_SIZE - 1 - 1000) / CHUNK_SIZE));
	for (unsigned i = 0; i < n; i++)
		cr_assert(eq(u8, arena_chunk(&a, taken[i])->data[CHUNK_DATA - 1], i & 0xff));
	cr_assert_not(arena_has(&a, 1));
	cr_assert_not(arena_charge(&a, CHUNK_SIZE));

	arena_give(&a, taken[5]);
	cr_assert(arena_has(&a, 1));
	cr_assert_not(arena_has(&a, 2));
	cr_assert(eq(u32, arena_take(&a), taken[5]));
	for (unsigned i = 0; i < n; i++)
		arena_give(&a, taken[i]);
	cr_assert(eq(u64, a.used, 1000));
	arena_refund(&a, 1000);
	again = 0;
	while (arena_take(&a))
		again++;
	cr_assert(eq(uint, again, (20000 * CHUNK_SIZE - 1) / CHUNK_SIZE));
	arena_done(&a);
}

/* What arena_has() promises, arena_take() gives: also across the end of a slab. */
Test(arena, has_what_it_says)
{
	struct arena a;

	arena_init(&a, 64u << 20);
	for (unsigned i = 0; i < 5000; i++) {
		cr_assert(arena_has(&a, 5));
		for (unsigned k = 0; k < 5; k++) {
			uint32_t c = arena_take(&a);

			cr_assert(c != 0);
			if (k % 2)
				arena_give(&a, c);
		}
	}
	cr_assert(eq(u32, a.n_used, 15000));
	arena_done(&a);
}
