/*
 * objective - accounts of objectives.
 *
 * Design.  A part of a ring is named by its number on the account's clock, so nothing moves when
 * time passes: parts between the last one and now are emptied when the clock reaches them, at most
 * a ring of them.  Everything is in whole milliseconds of that clock; a duration's fraction is kept
 * in the clock itself, so nothing is lost by rounding.
 */
#include "policy/objective.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define FINE_SHARE 43200 /* of the period */
#define MS_PER_DAY UINT64_C(86400000)

/* Windows of the burn rates as shares of the period: 1 h and 6 h of 30 days, and a twelfth. */
#define FAST_SHARE 720
#define SLOW_SHARE 120
#define SHORT	   12

static uint64_t coarse_ms(const struct account *a)
{
	return a->period_us / 1000 / ACCOUNT_COARSE;
}

static uint64_t fine_ms(const struct account *a)
{
	return MAX_OF(a->period_us / 1000 / FINE_SHARE, UINT64_C(1));
}

void account_init(struct account *a, double target, uint64_t period_us)
{
	memset(a, 0, sizeof(*a));
	a->period_us = period_us;
	a->target = target;
	a->coarse = (struct account_ring){ .n = ACCOUNT_COARSE, .part = a->coarse_part };
	a->fine = (struct account_ring){ .n = ACCOUNT_FINE, .part = a->fine_part };
}

static void book(struct account_part *p, uint64_t ms, enum anod_tri truth)
{
	uint32_t *to = truth == ANOD_TRUE ? &p->ok : truth == ANOD_FALSE ? &p->bad : &p->unknown;

	*to += (uint32_t) MIN_OF(ms, (uint64_t) UINT32_MAX - *to);
}

/* [from, to) on the account's clock, ms. */
static void ring_add(struct account_ring *r, uint64_t part_ms, uint64_t from, uint64_t to,
		     enum anod_tri truth)
{
	uint64_t newest = to / part_ms, oldest;

	/* What a part begins with is nothing, also one that was passed over a ring ago. */
	oldest = newest >= r->n ? newest - r->n + 1 : 0;
	for (uint64_t k = MAX_OF(r->last + 1, oldest); k <= newest; k++)
		r->part[k % r->n] = (struct account_part){ 0 };
	r->last = MAX_OF(r->last, newest);

	for (uint64_t k = MAX_OF(from / part_ms, oldest); k <= newest; k++) {
		uint64_t begin = MAX_OF(from, k * part_ms), end = MIN_OF(to, (k + 1) * part_ms);

		if (end > begin)
			book(&r->part[k % r->n], end - begin, truth);
	}
}

static void day_add(struct account *a, uint64_t day, uint64_t ms, enum anod_tri truth)
{
	struct account_day *d = &a->day[day % ACCOUNT_DAYS];

	if (d->day != (uint32_t) day)
		*d = (struct account_day){ .day = (uint32_t) day };
	book(&d->t, ms, truth);
}

/* Backwards from the end, midnight by midnight. */
static void days_add(struct account *a, uint64_t ms, uint64_t wall_ms, enum anod_tri truth)
{
	for (unsigned k = 0; k < ACCOUNT_DAYS && ms > 0 && wall_ms > 0; k++) {
		uint64_t day = (wall_ms - 1) / MS_PER_DAY, here = wall_ms - day * MS_PER_DAY;

		here = MIN_OF(here, ms);
		day_add(a, day, here, truth);
		ms -= here;
		wall_ms -= here;
	}
}

void account_add(struct account *a, uint64_t dur_us, enum anod_tri truth, uint64_t wall_us)
{
	uint64_t from = a->now_us / 1000, to;

	a->now_us += dur_us;
	to = a->now_us / 1000;
	ring_add(&a->coarse, coarse_ms(a), from, to, truth);
	ring_add(&a->fine, fine_ms(a), from, to, truth);
	days_add(a, to - from, wall_us / 1000, truth);
}

/* The newest 'n' parts, the one that has just begun among them. */
static void ring_sum(const struct account_ring *r, uint64_t n, struct account_sum *ret)
{
	*ret = (struct account_sum){ 0 };
	for (uint64_t k = 0; k < MIN_OF(n, (uint64_t) r->n) && k <= r->last; k++) {
		const struct account_part *p = &r->part[(r->last - k) % r->n];

		ret->ok += p->ok;
		ret->bad += p->bad;
		ret->unknown += p->unknown;
	}
}

void account_total(const struct account *a, struct account_sum *ret)
{
	ring_sum(&a->coarse, a->coarse.n, ret);
}

void account_window(const struct account *a, uint64_t window_us, struct account_sum *ret)
{
	uint64_t part = fine_ms(a);

	/* The newest part is a stump at its beginning, so one more is looked at. */
	ring_sum(&a->fine, (window_us / 1000 + part - 1) / part + 1, ret);
}

static bool has_budget(const struct account *a)
{
	return a->target > 0 && a->target < 1;
}

double account_left(const struct account *a)
{
	struct account_sum s;

	if (!has_budget(a))
		return NAN;
	account_total(a, &s);
	return 1 - (double) s.bad / ((1 - a->target) * ((double) a->period_us / 1000));
}

static double rate(const struct account *a, uint64_t window_us)
{
	struct account_sum s;

	account_window(a, window_us, &s);
	if (!has_budget(a) || s.ok + s.bad == 0)
		return NAN;
	return (double) s.bad / (double) (s.ok + s.bad) / (1 - a->target);
}

static double smaller(double x, double y)
{
	return isnan(x) || isnan(y) ? NAN : MIN_OF(x, y);
}

uint64_t account_burn_window(const struct account *a, bool slow)
{
	return a->period_us / (slow ? SLOW_SHARE : FAST_SHARE);
}

void account_burn(const struct account *a, struct account_burn *ret)
{
	uint64_t fast = account_burn_window(a, false), slow = account_burn_window(a, true);

	ret->fast = smaller(rate(a, fast), rate(a, fast / SHORT));
	ret->slow = smaller(rate(a, slow), rate(a, slow / SHORT));
}

uint64_t account_lasts_us(const struct account *a, double burn)
{
	double left = account_left(a), us;

	if (left <= 0)
		return 0;
	us = left * (double) a->period_us / burn;
	return isnan(us) || us > 1e17 ? UINT64_MAX : (uint64_t) us;
}
