/*
 * stat_detect - the detectors of core/detect as functions over time.
 *
 * Design.  Thin: the detectors decide, this keeps when they did.  They learn from reports only,
 * since a value that merely holds is no new evidence.
 */
#include <math.h>

#include "base/clock.h"
#include "detect/loss.h"
#include "detect/season.h"
#include "detect/shift.h"
#include "facts/stat.h"

/* Fewer packets say nothing about a loss of 5 %. */
#define LOSSY_SENT_MIN 150

struct stat_shift {
	struct shift shift;
	uint64_t first_us, seen_us;
	bool begun, seen;
};

struct stat_loss {
	struct loss loss;
	int64_t lost, sent; /* at the last sample that counted */
	uint64_t n_sent;
	bool begun;
};

size_t detect_size(enum stat_fn fn)
{
	switch (fn) {
	case STAT_SHIFT:
	case STAT_LEVEL:
		return sizeof(struct stat_shift);
	case STAT_UNUSUAL:
		return sizeof(struct season);
	case STAT_LOSSY:
		return sizeof(struct stat_loss);
	case STAT_RATE:
	case STAT_MEAN:
	case STAT_LOW:
	case STAT_HIGH:
	case STAT_P50:
	case STAT_P95:
	case STAT_P99:
	case STAT_TREND:
	case STAT_EWMA:
	case STAT_ZSCORE:
	case STAT_CHANGED:
		break;
	}
	return 0;
}

static double shift_truth(struct stat_shift *x, const struct stat_window *w,
			  const struct stat_sample *s)
{
	if (!x->begun) {
		x->begun = true;
		x->first_us = s->time_us;
	}
	if (s->report && shift_feed(&x->shift, s->time_us, s->value, NULL)) {
		x->seen = true;
		x->seen_us = s->time_us;
	}
	if (x->seen && s->time_us - x->seen_us < w->span_us)
		return 1;
	if (!isfinite(shift_level(&x->shift)) || !stat_covered(w, x->first_us, s->time_us))
		return (double) NAN;
	return 0;
}

static double lossy_truth(struct stat_loss *x, const struct stat_sample *s)
{
	if (x->begun && (s->count < x->lost || s->second < x->sent))
		detect_break(STAT_LOSSY, x);
	if (!x->begun) {
		x->begun = true;
		x->lost = s->count;
		x->sent = s->second;
		return (double) NAN;
	}
	if (s->second > x->sent) {
		uint64_t sent = (uint64_t) s->second - (uint64_t) x->sent;
		uint64_t lost = (uint64_t) s->count - (uint64_t) x->lost;

		(void) loss_feed(&x->loss, s->time_us, sent, lost, NULL);
		x->lost = s->count;
		x->sent = s->second;
		x->n_sent += MIN_OF(sent, (uint64_t) LOSSY_SENT_MIN);
	}
	if (loss_now(&x->loss))
		return 1;
	return x->n_sent < LOSSY_SENT_MIN ? (double) NAN : 0.0;
}

double detect_feed(enum stat_fn fn, void *state, const struct stat_window *w,
		   const struct stat_sample *s)
{
	struct season_view view;

	if (fn == STAT_SHIFT)
		return shift_truth(state, w, s);
	if (fn == STAT_LOSSY)
		return lossy_truth(state, s);
	if (fn == STAT_UNUSUAL)
		return season_feed(state, s->time_us, s->value, &view) ? view.z : (double) NAN;
	(void) shift_feed(state, s->time_us, s->value, NULL);
	return shift_level(state);
}

void detect_break(enum stat_fn fn, void *state)
{
	struct stat_loss *x = state;

	if (fn != STAT_LOSSY)
		return;
	loss_reset(&x->loss);
	x->begun = false;
	x->n_sent = 0;
}

uint64_t detect_due(enum stat_fn fn, const void *state, const struct stat_window *w)
{
	const struct stat_shift *x = state;
	uint64_t due;

	if (fn != STAT_SHIFT || !x->begun)
		return US_INFINITY;
	due = (x->seen ? x->seen_us : x->first_us) + w->span_us;
	return due;
}
