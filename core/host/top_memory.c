/*
 * top_memory - what the error counters of all links were some seconds ago.
 *
 * Design.  Two memories, TOP_STEP_US apart, so that a rate is always over one to two steps and
 * never over a moment: one error in 30 ms is not 33 a second.  A sample lies where its link has its
 * row; the handle in it says whether it is still the same link.
 */
#include <errno.h>

#include "base/clock.h"
#include "host/top.h"

#define SPAN_MIN_US (500 * US_PER_MS) /* less says nothing */

struct memory {
	uint64_t time_us; /* 0: empty */
	unsigned size;
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

int top_memory_begin(struct top_memory *m, unsigned n_rows, uint64_t now_us)
{
	struct memory next = { .time_us = now_us, .size = n_rows };

	next.sample = calloc(n_rows + 1, sizeof(*next.sample));
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

void top_memory_add(struct top_memory *m, const struct top_sample *s)
{
	if (s->row < m->recent.size)
		m->recent.sample[s->row] = *s;
}

const char *top_memory_rate(const struct top_memory *m, const struct top_sample *now,
			    enum top_count c, double *ret)
{
	const struct memory *past = m->old.time_us ? &m->old : &m->recent;
	const struct top_sample *then = now->row < past->size ? &past->sample[now->row] : NULL;
	unsigned bit = 1u << c;

	if (!(now->known & bit))
		return "the counter is unknown";
	if (!then || then->entity != now->entity || !(then->known & bit))
		return "not known some seconds ago";
	if (now->time_us < then->time_us + SPAN_MIN_US)
		return "wait: it takes two readings";
	if (now->count[c] < then->count[c])
		return "the counter went backwards";

	*ret = (double) (now->count[c] - then->count[c]) * (double) US_PER_S /
	       (double) (now->time_us - then->time_us);
	return NULL;
}
