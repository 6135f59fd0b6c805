/*
 * series_walk - read the samples of a series again.
 *
 * Design.  The inverse of series.c, for blocks in memory and for those of a file, which may hold
 * any bytes: numbers are then wrong, but always numbers.
 */
#include <math.h>

#include "base/clock.h"
#include "history/level.h"
#include "history/series.h"

static uint64_t step_us(bool coarse)
{
	return coarse ? HISTORY_COARSE_STEP_US : HISTORY_FINE_STEP_US;
}

uint64_t series_begin(const struct arena *a, const struct series *s, bool coarse)
{
	const struct block_head *head = tier_block(a, coarse ? s->coarse.oldest : s->fine.oldest);

	if (head)
		return head->step * step_us(coarse);
	if (coarse)
		return s->acc_n ? s->acc_step * step_us(coarse) : US_INFINITY;
	return s->pending ? s->pend_step * step_us(coarse) : US_INFINITY;
}

static void emit(const struct series_walk *w, uint64_t time_us, bool gap, double value, double low,
		 double high, int64_t exact)
{
	struct history_point p = { .time_us = time_us,
				   .known = true,
				   .value = value,
				   .low = fmin(low, value),
				   .high = fmax(high, value),
				   .exact = exact };

	if (time_us >= w->from_us && time_us <= w->to_us)
		w->fn(w->data, &p, gap);
}

static void emit_sample(enum series_form form, bool coarse, const struct sample *m, int64_t value,
			const struct series_walk *w)
{
	uint64_t time_us = m->step * step_us(coarse);
	unsigned mantissa = coarse ? HISTORY_COARSE_MANTISSA : HISTORY_FINE_MANTISSA;
	int scale = form == SERIES_REAL ? HISTORY_REAL_SCALE : HISTORY_INT_SCALE;
	double v = (double) value, low, high;

	if (form == SERIES_COUNTER || (form == SERIES_INT && !coarse)) {
		emit(w, time_us, m->gap, v, v, v, value);
		return;
	}
	low = high = v = level_value(value, mantissa, scale);
	if (coarse) {
		low = level_value((int64_t) ((uint64_t) value - (uint64_t) m->number[1]), mantissa,
				  scale);
		high = level_value((int64_t) ((uint64_t) value + (uint64_t) m->number[2]), mantissa,
				   scale);
	}
	emit(w, time_us, m->gap, v, low, high, 0);
}

void series_walk_block(enum series_form form, bool coarse, struct block_reader *r,
		       const struct series_walk *w)
{
	uint64_t sum = (uint64_t) r->head.base;
	struct sample m;

	while (block_reader_next(r, &m)) {
		if (form == SERIES_COUNTER && coarse)
			sum += level_floor_value(m.number[0], HISTORY_COARSE_MANTISSA);
		else if (form == SERIES_COUNTER)
			sum += (uint64_t) m.number[0];
		else
			sum = (uint64_t) m.number[0];
		emit_sample(form, coarse, &m, (int64_t) sum, w);
	}
}

static int walk_tier(const struct arena *a, const struct series *s, bool coarse,
		     const struct series_walk *w)
{
	const struct tier *t = coarse ? &s->coarse : &s->fine;
	const struct block_head *head;
	struct tier_shape shape;

	series_shape(s->form, coarse, &shape);
	for (uint32_t b = t->oldest; b; b = head->next) {
		_cleanup_(freep) uint8_t *bytes = NULL;
		struct block_reader reader;
		size_t size;
		int r;

		head = tier_block(a, b);
		if (head->last_step * step_us(coarse) < w->from_us)
			continue;
		if (head->step * step_us(coarse) > w->to_us)
			break;
		r = tier_bytes(a, t, b, &bytes, &size);
		if (r < 0)
			return r;
		block_reader_init(&reader, head, &shape, bytes, size);
		series_walk_block(s->form, coarse, &reader, w);
	}
	return 0;
}

static double real_value(const struct series *s, int64_t raw)
{
	union {
		int64_t i;
		double r;
	} u = { .i = raw };

	return s->form == SERIES_REAL ? u.r : (double) raw;
}

int series_walk(const struct arena *a, const struct series *s, bool coarse,
		const struct series_walk *w)
{
	double v = real_value(s, s->pend_raw);
	int r = walk_tier(a, s, coarse, w);

	if (r < 0)
		return r;
	if (coarse && s->acc_n && s->form == SERIES_COUNTER)
		emit(w, s->acc_step * step_us(true), s->acc_gap, (double) s->acc_value,
		     (double) s->acc_value, (double) s->acc_value, s->acc_value);
	else if (coarse && s->acc_n)
		emit(w, s->acc_step * step_us(true), s->acc_gap, s->acc_sum / s->acc_n, s->acc_low,
		     s->acc_high, 0);
	else if (!coarse && s->pending)
		emit(w, s->pend_step * step_us(false), s->pend_gap, v, v, v,
		     s->form == SERIES_REAL ? 0 : s->pend_raw);
	return 0;
}
