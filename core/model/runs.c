/*
 * runs - an arena of short arrays.
 *
 * Design.  The capacity of a run is the power of two that its length needs, so it is nowhere
 * written down.  A run that outgrows its capacity moves to one of the next; one that shrinks to
 * half gives back its second half where it stands, which needs no memory.  Free runs are lists by
 * capacity, their first bytes are the link; a run is cut out of a larger free one before a chunk is
 * asked for.
 */
#include "model/runs.h"

#include <errno.h>
#include <string.h>

#define CHUNK (1u << RUNS_CHUNK_BITS)

static unsigned class_of(unsigned n)
{
	return n <= 1 ? 0 : 32 - (unsigned) __builtin_clz(n - 1);
}

static void give(struct runs *r, uint32_t run, unsigned class)
{
	memcpy(runs_at(r, run), &r->free[class], sizeof(run));
	r->free[class] = run;
}

static int new_chunk(struct runs *r)
{
	uint8_t *chunk;

	if ((r->n_chunks & (r->n_chunks - 1)) == 0) {
		uint32_t max = r->n_chunks ? r->n_chunks * 2 : 1;
		uint8_t **list = realloc(r->chunk, max * sizeof(*list));

		if (!list)
			return -ENOMEM;
		r->chunk = list;
	}
	chunk = malloc((size_t) CHUNK * r->unit);
	if (!chunk)
		return -ENOMEM;

	/* Unit 0 of the first is left out, so that no run has the number 0. */
	r->used = r->n_chunks ? 0 : 1;
	r->chunk[r->n_chunks++] = chunk;
	return 0;
}

/* What is left of the last chunk goes to the free lists. */
static void give_rest(struct runs *r)
{
	while (r->n_chunks && r->used < CHUNK) {
		unsigned left = CHUNK - r->used, class = 31 - (unsigned) __builtin_clz(left);

		class = MIN_OF(class, RUNS_CLASSES - 1u);
		give(r, (r->n_chunks - 1) << RUNS_CHUNK_BITS | r->used, class);
		r->used += 1u << class;
	}
}

static int take(struct runs *r, unsigned class, uint32_t *ret)
{
	for (unsigned c = class; c < RUNS_CLASSES; c++) {
		uint32_t run = r->free[c];

		if (!run)
			continue;
		memcpy(&r->free[c], runs_at(r, run), sizeof(run));
		while (c > class) {
			c--;
			give(r, run + (1u << c), c);
		}
		*ret = run;
		return 0;
	}

	if (!r->n_chunks || CHUNK - r->used < 1u << class) {
		give_rest(r);
		if (new_chunk(r) < 0)
			return -ENOMEM;
	}
	*ret = (r->n_chunks - 1) << RUNS_CHUNK_BITS | r->used;
	r->used += 1u << class;
	return 0;
}

int runs_insert(struct runs *r, uint32_t *run, unsigned n, unsigned at)
{
	unsigned class = class_of(n + 1);
	uint8_t *from, *to;
	uint32_t new;

	if (n && class_of(n) == class) {
		from = runs_at(r, *run);
		memmove(from + (at + 1) * (size_t) r->unit, from + at * (size_t) r->unit,
			(n - at) * (size_t) r->unit);
		return 0;
	}

	if (take(r, class, &new) < 0)
		return -ENOMEM;
	if (n) {
		from = runs_at(r, *run);
		to = runs_at(r, new);
		memcpy(to, from, at * (size_t) r->unit);
		memcpy(to + (at + 1) * (size_t) r->unit, from + at * (size_t) r->unit,
		       (n - at) * (size_t) r->unit);
		give(r, *run, class_of(n));
	}
	*run = new;
	return 0;
}

void runs_remove(struct runs *r, uint32_t *run, unsigned n, unsigned at)
{
	unsigned class = class_of(n);
	uint8_t *from = runs_at(r, *run);

	if (n == 1) {
		give(r, *run, class);
		*run = 0;
		return;
	}

	memmove(from + at * (size_t) r->unit, from + (at + 1) * (size_t) r->unit,
		(n - at - 1) * (size_t) r->unit);
	if (class_of(n - 1) < class)
		give(r, *run + (1u << (class - 1)), class - 1);
}

void runs_reset(struct runs *r)
{
	while (r->n_chunks > 1)
		free(r->chunk[--r->n_chunks]);
	r->used = 1;
	memset(r->free, 0, sizeof(r->free));
}

void runs_done(struct runs *r)
{
	for (uint32_t i = 0; i < r->n_chunks; i++)
		free(r->chunk[i]);
	free(r->chunk);
	*r = (struct runs){ .unit = r->unit };
}
