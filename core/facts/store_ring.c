/*
 * store_ring - changes for other processes.
 *
 * Design.  A ring of fixed entries that the host fills and never waits for.  An entry bears the
 * number of its position while it is whole and 0 while it is written, so a reader that was
 * overtaken in the middle of one sees that it was.  An entry holds what fits a word; a reader
 * that hears of a text looks it up, and may then see an even newer one.
 */
#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

int ring_open(struct store *s)
{
	return shm_alloc(&s->shm, STORE_RING * sizeof(struct seg_change), &s->seg->ring);
}

static struct seg_change *entry_at(const struct store *s, uint64_t position)
{
	struct seg_change *ring = shm_at(&s->shm, s->seg->ring);

	return &ring[position % STORE_RING];
}

void ring_add(struct store *s, const struct store_news *n)
{
	uint64_t position = s->seg->ring_end;
	struct seg_change *e = entry_at(s, position);

	STORE(&e->number, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	STORE(&e->time_us, n->time_us);
	STORE(&e->raw, n->raw);
	STORE(&e->entity, n->entity);
	STORE(&e->attr, n->attr);
	STORE(&e->kind, (uint8_t) n->kind);
	STORE(&e->flags, (uint8_t) n->flags);
	__atomic_store_n(&e->number, position + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&s->seg->ring_end, position + 1, __ATOMIC_RELEASE);
}

void store_event(struct store *s, const struct schema_attr *a, bool want)
{
	if (want)
		s->event[a->id]++;
	else if (s->event[a->id] > 0)
		s->event[a->id]--;
	s->interest++;
}

uint64_t store_news_end(const struct store *s)
{
	return __atomic_load_n(&s->seg->ring_end, __ATOMIC_ACQUIRE);
}

int store_next_news(const struct store *s, uint64_t *position, struct store_news *ret)
{
	const struct seg_change *e = entry_at(s, *position);
	uint64_t end = store_news_end(s), number = *position + 1;
	struct store_news n = { .seq = number };
	bool whole;

	if (*position == end)
		return 0;

	whole = __atomic_load_n(&e->number, __ATOMIC_ACQUIRE) == number;
	n.time_us = LOAD(&e->time_us);
	n.raw = LOAD(&e->raw);
	n.entity = LOAD(&e->entity);
	n.attr = LOAD(&e->attr);
	n.kind = LOAD(&e->kind);
	n.flags = LOAD(&e->flags);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!whole || LOAD(&e->number) != number) {
		*position = store_news_end(s);
		return -EOVERFLOW;
	}

	++*position;
	*ret = n;
	return 1;
}
