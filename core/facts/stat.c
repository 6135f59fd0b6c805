/*
 * stat - the table of the functions over time, and the way to their families.
 *
 * Design.  The parser, the checker and stats.c read one table, so a function that parses is one
 * that is kept.  The families differ in their states only; a switch picks them, because the
 * compiler then finds the one that was forgotten.
 */
#include "facts/stat.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static const struct stat_desc descs[] = {
	{ "rate", STAT_RATE, STAT_YES, 1, false, true, false },
	{ "mean", STAT_MEAN, STAT_YES, 1, false, false, false },
	{ "low", STAT_LOW, STAT_YES, 1, false, false, false },
	{ "high", STAT_HIGH, STAT_YES, 1, false, false, false },
	{ "p50", STAT_P50, STAT_YES, 1, false, false, false },
	{ "p95", STAT_P95, STAT_YES, 1, false, false, false },
	{ "p99", STAT_P99, STAT_YES, 1, false, false, false },
	{ "trend", STAT_TREND, STAT_YES, 1, false, false, false },
	{ "ewma", STAT_EWMA, STAT_YES, 1, false, false, false },
	{ "zscore", STAT_ZSCORE, STAT_YES, 1, false, false, false },
	{ "changed", STAT_CHANGED, STAT_MAYBE, 1, true, false, true },
	{ "shift", STAT_SHIFT, STAT_YES, 1, true, false, false },
	{ "level", STAT_LEVEL, STAT_NO, 1, false, false, false },
	{ "unusual", STAT_UNUSUAL, STAT_NO, 1, false, false, false },
	{ "lossy", STAT_LOSSY, STAT_NO, 2, true, true, false },
};

const struct stat_desc *stat_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(descs); i++)
		if (strcmp(descs[i].name, name) == 0)
			return &descs[i];
	return NULL;
}

const struct stat_desc *stat_nth(unsigned n)
{
	return n < ARRAY_SIZE(descs) ? &descs[n] : NULL;
}

const struct stat_desc *stat_of(enum stat_fn fn)
{
	return &descs[fn - STAT_RATE];
}

uint8_t stat_unit(enum stat_fn fn, uint8_t unit)
{
	if (stat_of(fn)->truth || fn == STAT_ZSCORE || fn == STAT_UNUSUAL)
		return ANOD_UNIT_NONE;
	if (fn != STAT_RATE)
		return unit;
	return unit == ANOD_UNIT_BYTES	   ? ANOD_UNIT_BPS
	       : unit == ANOD_UNIT_PACKETS ? ANOD_UNIT_PPS
					   : ANOD_UNIT_NONE;
}

double stat_scale(enum stat_fn fn, uint8_t unit)
{
	return fn == STAT_RATE && unit == ANOD_UNIT_BYTES ? 8.0 : 1.0;
}

static bool is_quantile(enum stat_fn fn)
{
	return fn == STAT_P50 || fn == STAT_P95 || fn == STAT_P99;
}

uint64_t stat_hold_us(enum stat_fn fn, uint64_t span_us)
{
	switch (fn) {
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
		return MAX_OF(span_us / STAT_PARTS, US_PER_S);
	case STAT_CHANGED: /* tells itself when it is due */
	case STAT_SHIFT:
	case STAT_LEVEL:
	case STAT_UNUSUAL:
	case STAT_LOSSY:
		break;
	}
	return 0;
}

void stat_window_init(struct stat_window *w, enum stat_fn fn, uint64_t span_us, uint64_t max_age_us,
		      bool whole, struct stat_memory *memory)
{
	uint64_t parts = is_quantile(fn)     ? STAT_PARTS_SKETCH
			 : fn == STAT_ZSCORE ? STAT_PARTS_ZSCORE
					     : STAT_PARTS;

	*w = (struct stat_window){
		.span_us = span_us,
		.part_us = MAX_OF(span_us / parts, UINT64_C(1)),
		.gap_us = max_age_us,
		.whole = whole,
		.memory = memory,
	};
	/* Two reports of an event may be as far apart as they like, where nothing is held. */
	if (max_age_us == 0)
		w->gap_us =
			stat_hold_us(fn, span_us) ? MAX_OF(span_us, 10 * US_PER_S) : US_INFINITY;
	/* Ages stay below a quarter of what 32 bits hold. */
	for (uint64_t longest = MAX_OF(span_us, MIN_OF(w->gap_us, UINT64_C(1) << 50));
	     longest >> w->shift >= UINT64_C(1) << 29;)
		w->shift++;
}

size_t stat_size(enum stat_fn fn, const struct stat_window *w)
{
	switch (fn) {
	case STAT_RATE:
		return rate_size(w);
	case STAT_MEAN:
		return mean_size();
	case STAT_LOW:
	case STAT_HIGH:
		return extreme_size();
	case STAT_P50:
	case STAT_P95:
	case STAT_P99:
		return quantile_size();
	case STAT_TREND:
		return trend_size();
	case STAT_EWMA:
		return ewma_size();
	case STAT_ZSCORE:
		return zscore_size();
	case STAT_CHANGED:
		return changed_size();
	case STAT_SHIFT:
	case STAT_LEVEL:
	case STAT_UNUSUAL:
	case STAT_LOSSY:
		return detect_size(fn);
	}
	return 0;
}

double stat_feed(enum stat_fn fn, void *state, const struct stat_window *w,
		 const struct stat_sample *s)
{
	switch (fn) {
	case STAT_RATE:
		return rate_feed(state, w, s);
	case STAT_MEAN:
		return mean_feed(state, w, s);
	case STAT_LOW:
		return extreme_feed(state, w, s, false);
	case STAT_HIGH:
		return extreme_feed(state, w, s, true);
	case STAT_P50:
		return quantile_feed(state, w, s, 0.50);
	case STAT_P95:
		return quantile_feed(state, w, s, 0.95);
	case STAT_P99:
		return quantile_feed(state, w, s, 0.99);
	case STAT_TREND:
		return trend_feed(state, w, s);
	case STAT_EWMA:
		return ewma_feed(state, w, s);
	case STAT_ZSCORE:
		return zscore_feed(state, w, s);
	case STAT_CHANGED:
		return changed_feed(state, w, s);
	case STAT_SHIFT:
	case STAT_LEVEL:
	case STAT_UNUSUAL:
	case STAT_LOSSY:
		return detect_feed(fn, state, w, s);
	}
	return (double) NAN;
}

void stat_done(enum stat_fn fn, void *state, const struct stat_window *w)
{
	if (fn == STAT_ZSCORE)
		zscore_done(state, w);
	else if (is_quantile(fn))
		quantile_done(state, w);
	else
		memset(state, 0, stat_size(fn, w));
}

/* What a detector has learned of the series outlives a gap in it. */
void stat_break(enum stat_fn fn, void *state, const struct stat_window *w)
{
	if (fn == STAT_UNUSUAL || fn == STAT_LOSSY)
		detect_break(fn, state);
	else
		stat_done(fn, state, w);
}

uint64_t stat_due(enum stat_fn fn, const void *state, const struct stat_window *w)
{
	if (fn == STAT_CHANGED)
		return changed_due(state, w);
	return fn == STAT_SHIFT ? detect_due(fn, state, w) : US_INFINITY;
}
