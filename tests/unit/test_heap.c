#include "facts/heap.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N 200

Test(heap, first_is_always_the_earliest)
{
	struct heap_node node[N];
	struct heap h = { 0 };
	unsigned short seed[3] = { 4, 5, 6 };

	cr_assert(eq(int, heap_room(&h, N), 0));
	for (unsigned i = 0; i < N; i++)
		node[i] = (struct heap_node){ .due_us = US_INFINITY };

	for (int step = 0; step < 20000; step++) {
		uint64_t due = nrand48(seed) % 4 ? (uint64_t) nrand48(seed) : US_INFINITY;
		uint64_t least = US_INFINITY;
		unsigned n = 0;

		heap_set(&h, &node[nrand48(seed) % N], due);
		for (unsigned i = 0; i < N; i++) {
			least = MIN_OF(least, node[i].due_us);
			n += node[i].due_us != US_INFINITY;
		}
		cr_assert(eq(uint, h.n, n));
		if (n > 0)
			cr_assert(eq(u64, heap_first(&h)->due_us, least));
		else
			cr_assert_eq(heap_first(&h), NULL);
	}
	heap_done(&h);
}
