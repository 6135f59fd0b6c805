/*
 * series - the samples of one attribute of one entity, in two tiers.
 *
 * Design.  A sample waits for the next one before it is written: a faster source replaces it
 * within its second, and only then does the coarse step see it.  Sources drift against our
 * seconds, so a sample that comes a second after the last one belongs to the next step, whatever
 * side of the border it falls on; otherwise jitter would read as gaps and doubles.
 *
 * The coarse tier of a counter holds the increase of each step rounded down to 1/256.  What was
 * rounded off goes into the next step, so the reconstructed value is never ahead, never goes
 * back, and does not drift.  A counter that falls (its source began anew) begins a block, whose
 * base is exact.
 */
#include "history/series.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "history/level.h"

#define SLACK_US      (HISTORY_FINE_STEP_US / 4)
#define COARSE_FACTOR ((uint32_t) (HISTORY_COARSE_STEP_US / HISTORY_FINE_STEP_US))

bool history_is_counter(const struct schema_attr *a)
{
	return a->type == ANOD_INT && a->max_age_us > 0 &&
	       (a->unit == ANOD_UNIT_BYTES || a->unit == ANOD_UNIT_PACKETS);
}

enum series_form series_form(const struct schema_attr *a)
{
	return a->type == ANOD_REAL    ? SERIES_REAL
	       : history_is_counter(a) ? SERIES_COUNTER
				       : SERIES_INT;
}

void series_shape(enum series_form form, bool coarse, struct tier_shape *ret)
{
	ret->n_block = coarse ? COARSE_BLOCK : FINE_BLOCK;
	ret->n_numbers = coarse && form != SERIES_COUNTER ? 3 : 1;
	ret->counter = form == SERIES_COUNTER;
}

static size_t n_channels(enum series_form form)
{
	return form == SERIES_COUNTER ? 2 : 3;
}

size_t series_size(enum series_form form, const char *name)
{
	return sizeof(struct series) + n_channels(form) * sizeof(struct codec_channel) +
	       strlen(name) + 1;
}

void series_init(struct series *s, const struct schema_attr *a, uint32_t entity, const char *name)
{
	enum series_form form = series_form(a);
	char *text = (char *) (s->channel + n_channels(form));

	memcpy(text, name, strlen(name) + 1);
	s->size = series_size(form, name);
	s->attr = a;
	s->entity = entity;
	s->form = (uint8_t) form;
	s->name = text;
}

void series_done(struct arena *a, struct series *s)
{
	tier_drop_all(a, &s->fine);
	tier_drop_all(a, &s->coarse);
}

static double real_of(int64_t raw)
{
	double r;

	memcpy(&r, &raw, sizeof(r));
	return r;
}

static int scale_of(enum series_form form)
{
	return form == SERIES_REAL ? HISTORY_REAL_SCALE : HISTORY_INT_SCALE;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int add_fine(struct arena *a, struct series *s)
{
	struct sample m = { .step = s->pend_step, .gap = s->pend_gap, .number = { s->pend_raw } };
	struct tier_shape shape;
	int64_t base = s->pend_raw;
	bool begin;
	int r;

	series_shape(s->form, false, &shape);
	begin = tier_full(a, &s->fine, &shape);
	if (s->form == SERIES_REAL)
		m.number[0] = base =
			level_of(real_of(s->pend_raw), HISTORY_FINE_MANTISSA, HISTORY_REAL_SCALE);
	if (s->form == SERIES_COUNTER)
		m.number[0] = (int64_t) ((uint64_t) s->pend_raw - (uint64_t) s->fine_last);
	r = tier_add(a, &s->fine, &shape, &s->channel[0], &m, begin, base);
	if (r < 0)
		return r;
	s->fine_last = s->pend_raw;
	if (begin && s->pend_step > HISTORY_FINE_SPAN_US / HISTORY_FINE_STEP_US)
		tier_drop_before(a, &s->fine,
				 s->pend_step -
					 (uint32_t) (HISTORY_FINE_SPAN_US / HISTORY_FINE_STEP_US));
	return 0;
}

/* The coarse step is over: 's->acc_*' goes into the coarse tier. */
static int add_coarse(struct arena *a, struct series *s)
{
	static const unsigned m = HISTORY_COARSE_MANTISSA;
	struct sample x = { .step = s->acc_step, .gap = s->acc_gap };
	int64_t base = s->acc_value, hat = base;
	struct tier_shape shape;
	bool begin;
	int r;

	series_shape(s->form, true, &shape);
	begin = tier_full(a, &s->coarse, &shape);
	if (s->form == SERIES_COUNTER) {
		begin = begin || s->acc_value < s->hat;
		if (!begin) {
			x.number[0] = level_floor((uint64_t) s->acc_value - (uint64_t) s->hat, m);
			hat = (int64_t) ((uint64_t) s->hat + level_floor_value(x.number[0], m));
		}
	} else {
		int scale = scale_of(s->form);

		base = level_of(s->acc_sum / s->acc_n, m, scale);
		x.number[0] = base;
		x.number[1] = base - level_of(s->acc_low, m, scale);
		x.number[2] = level_of(s->acc_high, m, scale) - base;
		/* The mean may be off by a rounding of its own. */
		x.number[1] = MAX_OF(x.number[1], 0);
		x.number[2] = MAX_OF(x.number[2], 0);
	}
	r = tier_add(a, &s->coarse, &shape, &s->channel[1], &x, begin, base);
	if (r < 0)
		return r;
	s->hat = hat;
	if (begin && s->acc_step > HISTORY_COARSE_SPAN_US / HISTORY_COARSE_STEP_US)
		tier_drop_before(
			a, &s->coarse,
			s->acc_step - (uint32_t) (HISTORY_COARSE_SPAN_US / HISTORY_COARSE_STEP_US));
	return 0;
}

static int feed_coarse(struct arena *a, struct series *s)
{
	uint32_t step = s->pend_step / COARSE_FACTOR;
	double v;
	int r = 0;

	if (s->coarse_off) {
		s->acc_n = 0;
		return 0;
	}
	if (s->acc_n && step != s->acc_step) {
		r = add_coarse(a, s);
		s->acc_n = 0;
	}
	v = s->form == SERIES_REAL ? real_of(s->pend_raw) : (double) s->pend_raw;
	if (s->acc_n == 0) {
		s->acc_step = step;
		s->acc_value = s->pend_raw;
		s->acc_sum = 0;
		s->acc_low = s->acc_high = v;
		s->acc_gap = s->pend_gap || r < 0;
	}
	s->acc_n++;
	s->acc_sum += v;
	s->acc_low = fmin(s->acc_low, v);
	s->acc_high = fmax(s->acc_high, v);
	s->acc_gap |= s->pend_gap;
	return r;
}

/* Which second a sample belongs to, given that of the one before. */
static uint32_t step_of(const struct series *s, uint64_t time_us)
{
	uint64_t next_us = (s->pend_step + UINT64_C(1)) * HISTORY_FINE_STEP_US;

	if (!s->fed)
		return (uint32_t) (time_us / HISTORY_FINE_STEP_US);
	if (time_us + SLACK_US < next_us)
		return s->pend_step;
	if (time_us < next_us + HISTORY_FINE_STEP_US + SLACK_US)
		return s->pend_step + 1;
	return (uint32_t) (time_us / HISTORY_FINE_STEP_US);
}

int series_feed(struct arena *a, struct series *s, uint64_t time_us, int64_t raw)
{
	uint64_t max_age = s->attr->max_age_us;
	uint32_t step;
	int r = 0;

	if (s->fed && time_us + HISTORY_FINE_STEP_US < s->last_us)
		return -ERANGE;
	time_us = MAX_OF(time_us, s->last_us); /* a source and we read the clock one by one */
	if (s->fed && max_age && time_us - s->last_us > max_age)
		s->gap = true;
	step = step_of(s, time_us);
	if (s->pending && step != s->pend_step) {
		if (!arena_has(a, 2 * TIER_CHUNKS_MAX))
			return -ENOSPC;
		r = add_fine(a, s);
		if (r >= 0)
			r = feed_coarse(a, s);
		s->gap |= r < 0;
		s->pend_gap = false;
	}
	s->pend_gap |= s->gap;
	s->gap = false;
	s->pending = s->fed = true;
	s->pend_step = step;
	s->pend_raw = raw;
	s->last_us = time_us;
	return 0;
}

void series_skip(struct series *s)
{
	s->pending = false;
	s->gap = true;
}

static void age(struct arena *a, struct tier *t, uint64_t now_us, uint64_t span_us,
		uint64_t step_us)
{
	if (now_us > span_us)
		tier_drop_before(a, t, (uint32_t) ((now_us - span_us) / step_us));
}

void series_age(struct arena *a, struct series *s, uint64_t now_us)
{
	age(a, &s->fine, now_us, HISTORY_FINE_SPAN_US, HISTORY_FINE_STEP_US);
	age(a, &s->coarse, now_us, HISTORY_COARSE_SPAN_US, HISTORY_COARSE_STEP_US);
}
