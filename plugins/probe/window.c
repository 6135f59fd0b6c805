/*
 * window - sliding statistics.
 *
 * Design.  A sorted copy of the ring is kept by one memmove per number: with at most a thousand
 * numbers that is cheaper than sorting, and a median is then one look-up.
 */
#include "window.h"

#include <math.h>
#include <string.h>

/* Where 'value' stands in the sorted numbers, or would. */
static unsigned place(const struct recent *r, uint32_t value)
{
	unsigned lo = 0, hi = r->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (r->sorted[mid] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void recent_add(struct recent *r, uint32_t value)
{
	unsigned at;

	if (r->n == r->cap) {
		at = place(r, r->ring[r->head]);
		r->n--;
		memmove(&r->sorted[at], &r->sorted[at + 1], (r->n - at) * sizeof(value));
	}
	at = place(r, value);
	memmove(&r->sorted[at + 1], &r->sorted[at], (r->n - at) * sizeof(value));
	r->sorted[at] = value;
	r->n++;
	r->ring[r->head] = value;
	r->head = (uint16_t) ((r->head + 1) % r->cap);
}

uint32_t recent_quantile(const struct recent *r, double q)
{
	double rank = ceil(q * r->n);

	if (r->n == 0)
		return 0;
	return r->sorted[rank < 1 ? 0 : (unsigned) rank - 1];
}

void window_init(struct window *w, unsigned cap)
{
	memset(w, 0, sizeof(*w));
	w->cap = w->rtt.cap = w->late.cap = (uint16_t) cap;
}

static void outcome(struct window *w, bool lost)
{
	if (w->n == w->cap)
		w->n_lost = (uint16_t) (w->n_lost - w->lost[w->head]);
	else
		w->n++;
	w->lost[w->head] = lost;
	w->n_lost = (uint16_t) (w->n_lost + lost);
	w->head = (uint16_t) ((w->head + 1) % w->cap);
}

void window_answered(struct window *w, uint32_t rtt_us)
{
	outcome(w, false);
	w->lost_in_row = 0;
	if (rtt_us == UINT32_MAX)
		return;

	recent_add(&w->rtt, rtt_us);
	if (w->has_rtt)
		w->jitter += (fabs((double) rtt_us - w->last_rtt) - w->jitter) / 16;
	w->last_rtt = rtt_us;
	w->has_rtt = true;
}

void window_lost(struct window *w)
{
	outcome(w, true);
	w->lost_in_row++;
}

void window_late(struct window *w, uint64_t late_us)
{
	recent_add(&w->late, late_us < UINT32_MAX ? (uint32_t) late_us : UINT32_MAX);
}

double window_loss(const struct window *w)
{
	return w->n ? (double) w->n_lost / w->n : -1;
}
