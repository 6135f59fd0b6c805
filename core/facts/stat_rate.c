/*
 * stat_rate - the increase a second of a counter over exactly the last D.
 *
 * Design.  A ring of points, each D / STAT_PARTS or more after the one before, so that it never
 * overflows however often the counter is read.  The window's start lies between two of them and
 * the counter's value there is interpolated: exact where a point stands there, which is so for a
 * counter that is read every D / STAT_PARTS or more slowly and regularly, and otherwise off by at
 * most the increase within that one step.  Times are kept in 32 bits, as ages.
 *
 * A counter that goes backwards was reset, since 64 bits do not wrap in the life of a router; what
 * was counted before is lost, so the window begins anew.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stat.h"

#define RATE_POINTS (STAT_PARTS + 4)

struct rate {
	uint64_t first_us, last_us;
	int64_t last;
	uint16_t n, tail; /* points, and the oldest of them */
	uint16_t room;
	int64_t point[]; /* 'room' values, then as many times in 32 bits */
};

/* Few points do for a short window: nothing is read more often than ten times a second. */
static unsigned rate_room(const struct stat_window *w)
{
	uint64_t n = w->span_us / (100 * US_PER_MS) + 4;

	return (unsigned) MIN_OF(n, (uint64_t) RATE_POINTS);
}

static uint32_t *rate_times(struct rate *r)
{
	return (uint32_t *) (r->point + r->room);
}

size_t rate_size(const struct stat_window *w)
{
	size_t room = rate_room(w);

	return (sizeof(struct rate) + room * (sizeof(int64_t) + sizeof(uint32_t)) + 7) &
	       ~(size_t) 7;
}

static void rate_push(struct rate *r, const struct stat_window *w, const struct stat_sample *s)
{
	uint32_t now = (uint32_t) (s->time_us >> w->shift), *t = rate_times(r);
	uint32_t step = (uint32_t) (w->span_us / (MAX_OF(r->room, 4) - 3u) >> w->shift);
	unsigned newest = (r->tail + r->n - 1u) % r->room, at;

	if (r->n > 0 && now - t[newest] < step)
		return;
	if (r->n == r->room) {
		r->tail = (uint16_t) ((r->tail + 1u) % r->room);
		r->n--;
	}
	at = (r->tail + r->n) % r->room;
	r->point[at] = s->count;
	t[at] = now;
	r->n++;
}

/* Let go of points that a newer one at or before the window's start makes useless. */
static void rate_forget(struct rate *r, uint32_t now, uint32_t span)
{
	const uint32_t *t = rate_times(r);

	while (r->n > 1) {
		unsigned next = r->tail + 1u == r->room ? 0 : r->tail + 1u;

		if (now - t[next] < span)
			break;
		r->tail = (uint16_t) next;
		r->n--;
	}
}

static double increase(int64_t from, int64_t to)
{
	return (double) ((uint64_t) to - (uint64_t) from);
}

double rate_feed(void *state, const struct stat_window *w, const struct stat_sample *s)
{
	struct rate *r = state;
	uint32_t now = (uint32_t) (s->time_us >> w->shift);
	uint32_t span = (uint32_t) (w->span_us >> w->shift), from, to;
	uint64_t last_us = r->last_us;
	int64_t last = r->last, from_value, to_value;
	double share = 0;
	unsigned next;

	if (r->n > 0 && s->count < r->last)
		r->n = 0;
	if (r->n == 0) {
		r->room = (uint16_t) rate_room(w);
		r->tail = 0;
		r->first_us = s->time_us;
	}
	r->last_us = s->time_us;
	r->last = s->count;
	if (!stat_covered(w, r->first_us, s->time_us)) {
		rate_push(r, w, s);
		return (double) NAN;
	}

	rate_forget(r, now, span);
	/* The start lies between the tail and what comes next: a point, or the sample before this
	 * one, or with a window shorter than the step between two samples, this one. */
	next = r->tail + 1u == r->room ? 0 : r->tail + 1u;
	from = now - rate_times(r)[r->tail];
	from_value = r->point[r->tail];
	if (r->n > 1) {
		to = now - rate_times(r)[next];
		to_value = r->point[next];
	} else {
		to = now - (uint32_t) (last_us >> w->shift);
		to_value = last;
	}
	if (to >= span) {
		from = to;
		from_value = to_value;
		to = 0;
		to_value = s->count;
	}
	if (from > to)
		share = (double) (span - to) / (double) (from - to);
	rate_push(r, w, s);
	return (increase(to_value, s->count) + increase(from_value, to_value) * share) /
	       ((double) w->span_us / (double) US_PER_S);
}
