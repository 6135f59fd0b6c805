/*
 * flight - the outcome of each probe.
 *
 * Design.  Flights are numbered and lie in a ring; deadlines are in the order of the numbers, so
 * the oldest one open is the next due.  A flight that is over stays until its slot is taken
 * again, to tell a duplicate from an overdue answer.  The kernel stamps arrivals in wall time,
 * which may step; the difference to CLOCK_BOOTTIME is kept with each send, and a stamp is used
 * only while that has not moved.
 */
#include "flight.h"

#include <stddef.h>
#include <string.h>

#define WALL_STEP_NS 1000000 /* a clock that is slewed moves less in ten seconds */

static struct flight *slot(struct flights *s, uint64_t number)
{
	return &s->f[number % FLIGHTS_MAX];
}

static void skip_over(struct flights *s)
{
	while (s->oldest < s->next && slot(s, s->oldest)->state != FLIGHT_UP)
		s->oldest++;
}

struct flight *flights_take(struct flights *s)
{
	struct flight *f;

	skip_over(s);
	if (s->next - s->oldest >= FLIGHTS_MAX)
		return NULL;
	f = slot(s, s->next);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->state = FLIGHT_UP;
	f->number = s->next++;
	return f;
}

struct flight *flights_find(struct flights *s, uint64_t number)
{
	struct flight *f = slot(s, number);

	return f->state != FLIGHT_FREE && f->number == number ? f : NULL;
}

static bool too_late(const struct flights *s, uint64_t late_us)
{
	return (double) late_us > (double) s->timeout_us * FLIGHT_LATE_SHARE;
}

/* How long the answer took, by the best clock there is; *ret_sure is false when it is only an
 * upper bound, because reading it was up to us. */
static uint64_t travel_us(const struct flight *f, const struct arrival *a, bool *ret_sure)
{
	int64_t step = a->read_wall_offset - f->wall_offset;
	uint64_t bound = a->read_us > f->sent_us ? a->read_us - f->sent_us : 0;
	int64_t ns = a->stamp_wall - f->sent_wall;

	*ret_sure = true;
	if (a->rtt_us)
		return a->rtt_us;
	if (a->stamp_wall && step < WALL_STEP_NS && step > -WALL_STEP_NS)
		return ns > 0 ? (uint64_t) ns / 1000 : 0;
	*ret_sure = false;
	return bound;
}

enum flight_state flight_answer(struct flights *s, struct flight *f, const struct arrival *a,
				uint32_t *ret_rtt_us)
{
	uint64_t us;
	bool sure;

	if (f->state == FLIGHT_LOST)
		return f->state = FLIGHT_OVERDUE;
	if (f->state != FLIGHT_UP)
		return FLIGHT_FREE;

	us = travel_us(f, a, &sure);
	if (us <= s->timeout_us) {
		*ret_rtt_us = (uint32_t) us;
		return f->state = FLIGHT_ANSWERED;
	}
	if (f->doubtful || (!sure && too_late(s, us - s->timeout_us)))
		return f->state = FLIGHT_VOID;
	return f->state = FLIGHT_LOST;
}

enum flight_state flight_expire(struct flights *s, struct flight *f, uint64_t now_us)
{
	uint64_t deadline = f->sent_us + s->timeout_us;
	bool late = now_us > deadline && too_late(s, now_us - deadline);

	return f->state = f->doubtful || late ? FLIGHT_VOID : FLIGHT_LOST;
}

struct flight *flights_due(struct flights *s, uint64_t now_us)
{
	skip_over(s);
	if (s->oldest == s->next || slot(s, s->oldest)->sent_us + s->timeout_us > now_us)
		return NULL;
	return slot(s, s->oldest);
}

uint64_t flights_deadline(struct flights *s)
{
	skip_over(s);
	return s->oldest == s->next ? UINT64_MAX : slot(s, s->oldest)->sent_us + s->timeout_us;
}

void flights_doubt(struct flights *s)
{
	for (uint64_t n = s->oldest; n < s->next; n++)
		slot(s, n)->doubtful = true;
}
