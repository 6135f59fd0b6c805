/*
 * top_memory - what the error counters of all links were some seconds ago.
 *
 * Design.  Two memories, TOP_STEP_US apart, so that a rate is always over one to two steps and
 * never over a moment: one error in 30 ms is not 33 a second.  Each is a table of samples, found
 * by entity with open addressing; a handle is never used again while a memory lives, so what is
 * found is the same link.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/top.h"

#define SPAN_MIN_US (500 * US_PER_MS) /* less says nothing */

struct memory {
	uint64_t time_us; /* 0: empty */
	uint32_t size;	  /* a power of two */
	struct top_sample *sample;
};

struct top_memory {
	struct memory old, recent;
};

struct top_memory *top_memory_new(void)
{
	return calloc(1, sizeof(struct top_memory));
}

struct top_memory *top_memory_free(struct top_memory *m)
{
	if (!m)
		return NULL;

	free(m->old.sample);
	free(m->recent.sample);
	free(m);
	return NULL;
}

bool top_memory_due(const struct top_memory *m, uint64_t now_us)
{
	return m->recent.time_us == 0 || now_us - m->recent.time_us >= TOP_STEP_US;
}

int top_memory_begin(struct top_memory *m, unsigned n_links, uint64_t now_us)
{
	struct memory next = { .time_us = now_us, .size = 16 };

	while (next.size < 2 * n_links)
		next.size *= 2;
	next.sample = calloc(next.size, sizeof(*next.sample));
	if (!next.sample)
		return -ENOMEM;

	free(m->old.sample);
	m->old = m->recent;
	m->recent = next;
	/* After a pause the older one is of too long ago. */
	if (m->old.time_us && now_us - m->old.time_us > 2 * TOP_STEP_US) {
		free(m->old.sample);
		m->old = (struct memory){ 0 };
	}
	return 0;
}

/* The place of an entity, or the empty one where it would be. */
static struct top_sample *place(const struct memory *m, uint32_t entity)
{
	uint32_t at = entity * UINT32_C(2654435761) & (m->size - 1);

	while (m->sample[at].entity && m->sample[at].entity != entity)
		at = (at + 1) & (m->size - 1);
	return &m->sample[at];
}

void top_memory_add(struct top_memory *m, const struct top_sample *s)
{
	*place(&m->recent, s->entity) = *s;
}

const char *top_memory_rate(const struct top_memory *m, const struct top_sample *now,
			    enum top_count c, double *ret)
{
	const struct memory *past = m->old.time_us ? &m->old : &m->recent;
	const struct top_sample *then = past->size ? place(past, now->entity) : NULL;
	uint32_t bit = UINT32_C(1) << c;

	if (!(now->known & bit))
		return "the counter is unknown";
	if (!then || then->entity == 0 || !(then->known & bit))
		return "not known some seconds ago";
	if (now->time_us < then->time_us + SPAN_MIN_US)
		return "wait: it takes two readings";
	if (now->count[c] < then->count[c])
		return "the counter went backwards";

	*ret = (double) (now->count[c] - then->count[c]) * (double) US_PER_S /
	       (double) (now->time_us - then->time_us);
	return NULL;
}
