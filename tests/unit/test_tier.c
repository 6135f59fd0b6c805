#include "history/tier.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

static const struct tier_shape counter = { .n_block = 50, .n_numbers = 1, .counter = true };
static const struct tier_shape triple = { .n_block = 60, .n_numbers = 3 };

/* Sample i of a series that the tests know. */
static struct sample sample_of(unsigned i, unsigned n_numbers)
{
	struct sample s = { .step = 1000 + i + i / 7, .gap = i % 7 == 0 };

	s.number[0] = n_numbers == 1 ? i * 37 % 1000 : 5000 - (int64_t) (i * i % 300);
	s.number[1] = i % 5;
	s.number[2] = i % 3 * 100;
	return s;
}

static void check_block(const struct arena *a, const struct tier *t, uint32_t block,
			const struct tier_shape *shape, unsigned *i)
{
	const struct block_head *head = tier_block(a, block);
	struct block_reader r;
	struct sample s, w;
	uint8_t *bytes;
	size_t size;

	cr_assert(eq(int, tier_bytes(a, t, block, &bytes, &size), 0));
	block_reader_init(&r, head, shape, bytes, size);
	for (unsigned k = 0; block_reader_next(&r, &s); k++, (*i)++) {
		w = sample_of(*i, shape->n_numbers);
		cr_assert(eq(u32, s.step, w.step));
		cr_assert(eq(int, s.gap, w.gap));
		if (shape->counter && k == 0)
			cr_assert(eq(i64, head->base, 100 + *i));
		else
			cr_assert(eq(i64, s.number[0], w.number[0]));
		for (unsigned n = 1; n < shape->n_numbers; n++)
			cr_assert(eq(i64, s.number[n], w.number[n]));
	}
	free(bytes);
}

static void fill(struct arena *a, struct tier *t, const struct tier_shape *shape, unsigned n)
{
	struct codec_channel channel[2] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		struct sample s = sample_of(i, shape->n_numbers);
		bool begin = tier_full(a, t, shape) || i % 41 == 40;

		cr_assert(eq(int,
			     tier_add(a, t, shape, channel, &s, begin,
				      shape->counter ? 100 + i : s.number[0]),
			     0));
		/* Readable at any moment, the block that is being written, too. */
		if (i % 97 == 0 && i < 500) {
			unsigned k = 0;

			for (uint32_t b = t->oldest; b; b = tier_block(a, b)->next)
				check_block(a, t, b, shape, &k);
			cr_assert(eq(uint, k, i + 1));
		}
	}
}

Test(tier, gives_back_what_was_added_block_by_block)
{
	const struct tier_shape *shape[] = { &counter, &triple };

	for (unsigned x = 0; x < 2; x++) {
		struct tier t = { 0 };
		struct arena a;
		unsigned i = 0, dropped;

		arena_init(&a, 1 << 20);
		fill(&a, &t, shape[x], 1000);
		cr_assert(eq(u32, t.n, 1000));
		/* Old blocks go; the others still read. */
		tier_drop_before(&a, &t, 1300);
		dropped = 1000 - t.n;
		cr_assert(gt(uint, dropped, 200));
		cr_assert(lt(uint, dropped, 280));
		cr_assert(ge(u32, tier_block(&a, t.oldest)->last_step, 1300));
		i = dropped;
		for (uint32_t b = t.oldest; b; b = tier_block(&a, b)->next)
			check_block(&a, &t, b, shape[x], &i);
		cr_assert(eq(uint, i, 1000));
		tier_drop_all(&a, &t);
		cr_assert(eq(u64, a.used, 0));
		cr_assert(eq(u32, t.n + t.n_chunks, 0));
		arena_done(&a);
	}
}

Test(tier, a_full_arena_refuses_whole_samples)
{
	struct codec_channel channel[2] = { 0 };
	struct tier t = { 0 };
	struct arena a;
	unsigned n = 0, k = 0;
	int r = 0;

	arena_init(&a, 40 * CHUNK_SIZE);
	for (;; n++) {
		struct sample s = sample_of(n, 1);

		r = tier_add(&a, &t, &counter, channel, &s, tier_full(&a, &t, &counter), 100 + n);
		if (r < 0)
			break;
	}
	cr_assert(eq(int, r, -ENOSPC));
	cr_assert(gt(uint, n, 100));
	for (uint32_t b = t.oldest; b; b = tier_block(&a, b)->next)
		check_block(&a, &t, b, &counter, &k);
	cr_assert(eq(uint, k, n));
	tier_drop_oldest(&a, &t);
	cr_assert(arena_has(&a, 1));
	arena_done(&a);
}
