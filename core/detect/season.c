/*
 * season - what a load usually is at this time of day and week, and how unusual this sample is.
 *
 * Design.  Prediction with expert advice (Cesa-Bianchi and Lugosi 2006): each forecast is weighed
 * by the inverse fourth power of its recent mean absolute error, so that the best one leads.  The forecast from the level has a time constant of
 * an hour on purpose: one of minutes would always win, and an outage would be usual after minutes.
 * Forecasts of day and week are a usual value per slot, read with linear interpolation between
 * slots, so that a quarter of an hour is fine enough for a steep morning; they take part when the
 * whole cycle has been seen.
 *
 * An update moves by at most CLIP mean errors of that very forecast (Huber 1964): one outlier
 * teaches little, and after a lasting change, when the forecast is wrong for long, it learns fast.
 */
#include "detect/season.h"

#include <math.h>
#include <stddef.h>

#define US_DAY	     (UINT64_C(86400) * 1000000)
#define US_WEEK	     (7 * US_DAY)
#define HUGE_X	     1e30 /* slots are floats */
#define CLIP	     3.0
#define LEVEL_US     3600e6  /* time constant of the level */
#define ERROR_US     43200e6 /* of the judgement of forecasts */
#define SPREAD_US    86400e6 /* of their combined error */
#define VISITS	     3.0     /* a slot is learned anew in so many visits */
#define SLOT_WEIGHT  1e4     /* limit of its weight */
#define SLOT_TRUST   30.0    /* samples until its own deviation counts half */
#define FEW	     8	     /* samples before anything is said */
#define MAD_TO_SD    1.2533  /* of a Gaussian: standard over mean absolute deviation */
#define SPREAD_FLOOR 1e-6    /* of the level: nothing real is quieter */

enum { LEVEL, DAY, WEEK };

/* What is expected: 'low' to 'high' if what usually happens a slot earlier or later is fine too. */
struct forecast {
	double mean, low, high;
};

/* Two neighbours of a phase, 0..1, of a cycle of 'n' slots, and the share of the second. */
static void slots_at(double phase, unsigned n, unsigned *ret_a, unsigned *ret_b, double *ret_share)
{
	double at = phase * n - 0.5;
	double low = floor(at);

	*ret_a = (unsigned) (low + n) % n;
	*ret_b = (*ret_a + 1) % n;
	*ret_share = at - low;
}

/* Forecast of a profile at a phase; false where nothing is known. */
static bool profile_read(const struct season_slot *s, unsigned n, double phase,
			 struct forecast *ret)
{
	unsigned a, b, here = (unsigned) (phase * n);
	double share, mean;

	slots_at(phase, n, &a, &b, &share);
	if (!(s[a].weight > 0))
		a = b;
	if (!(s[b].weight > 0))
		b = a;
	if (!(s[a].weight > 0))
		return false;
	mean = (double) s[a].mean * (1 - share) + (double) s[b].mean * share;
	*ret = (struct forecast){ mean, mean, mean };
	for (unsigned i = n - 1; i <= n + 1; i++) {
		const struct season_slot *v = &s[(here + i) % n];

		if (v->weight > 0) {
			ret->low = fmin(ret->low, (double) v->mean);
			ret->high = fmax(ret->high, (double) v->mean);
		}
	}
	return true;
}

/* Weight of a new sample in a mean over the last 'memory_us', or over all while it is young. */
static double gain(double dt, double memory_us, double n)
{
	return fmax(1 - exp(-dt / memory_us), 1 / (n + 1));
}

static double clip(double v, double limit)
{
	return fmin(fmax(v, -limit), limit);
}

static double phase_of(uint64_t time_us, uint64_t cycle_us)
{
	return (double) (time_us % cycle_us) / (double) cycle_us;
}

/* The forecasts that there are: bit i of the result says whether ret[i] is one. */
static unsigned forecasts(const struct season *s, uint64_t time_us,
			  struct forecast ret[SEASON_EXPERTS])
{
	uint64_t age = s->last_us - s->first_us;
	unsigned have = 1u << LEVEL;

	ret[LEVEL] = (struct forecast){ s->level, s->level, s->level };
	if (age >= US_DAY && profile_read(s->day, SEASON_DAY, phase_of(time_us, US_DAY), &ret[DAY]))
		have |= 1u << DAY;
	if (age >= US_WEEK &&
	    profile_read(s->week, SEASON_WEEK, phase_of(time_us, US_WEEK), &ret[WEEK]))
		have |= 1u << WEEK;
	return have;
}

static double spread_at(const struct season *s, uint64_t time_us)
{
	unsigned a, b;
	double share, w, dev = s->spread;
	const struct season_slot *v;

	slots_at(phase_of(time_us, US_DAY), SEASON_DAY, &a, &b, &share);
	v = &s->day[share < 0.5 ? a : b];
	w = (double) v->weight;
	if (w > 0 && s->last_us - s->first_us >= US_DAY)
		dev = (dev * SLOT_TRUST + (double) v->dev * w) / (SLOT_TRUST + w);
	return fmax(dev * MAD_TO_SD, fmax(fabs(s->level) * SPREAD_FLOOR, 1e-12));
}

bool season_expect(const struct season *s, uint64_t time_us, struct season_view *ret)
{
	struct forecast f[SEASON_EXPERTS], sum = { 0 };
	double weights = 0, floor_error, w;
	double age = (double) (s->last_us - s->first_us);
	unsigned have;

	if (s->n < FEW)
		return false;
	floor_error = fmax(fabs(s->level) * SPREAD_FLOOR, 1e-12);
	have = forecasts(s, time_us, f);
	for (unsigned i = 0; i < SEASON_EXPERTS; i++) {
		double e = fmax(s->error[i], floor_error);

		/* A forecast that was never judged waits. */
		if (!(have & 1u << i) || (i != LEVEL && s->trust[i] < FEW))
			continue;
		w = 1 / (e * e * e * e);
		weights += w;
		sum.mean += f[i].mean * w;
		sum.low += f[i].low * w;
		sum.high += f[i].high * w;
	}
	*ret = (struct season_view){
		.expected = sum.mean / weights,
		.low = sum.low / weights,
		.high = sum.high / weights,
		.spread = spread_at(s, time_us),
		.sure = (fmin((double) s->n / 64, 1) + fmin(age / (double) US_DAY, 1) +
			 fmin(age / (double) US_WEEK, 1)) /
			3,
	};
	return true;
}

/* How far x is above (or below) all that is usual within a slot of now. */
static double outside(const struct season_view *v, double x)
{
	return x > v->high ? x - v->high : x < v->low ? x - v->low : 0;
}

static void slot_learn(struct season_slot *s, double x, double dt, double slot_us, double limit,
		       double off)
{
	double g = gain(dt, slot_us * VISITS, (double) s->weight);

	s->mean += (float) (s->weight > 0 ? g * clip(x - (double) s->mean, limit) : x);
	s->dev += (float) (g * (off - (double) s->dev));
	s->weight = (float) fmin((double) s->weight + 1, SLOT_WEIGHT);
}

static void learn(struct season *s, uint64_t time_us, double x, const struct season_view *v)
{
	double dt = s->n ? (double) (time_us - s->last_us) : 0, off = 0;
	struct forecast f[SEASON_EXPERTS];
	unsigned have = s->n ? forecasts(s, time_us, f) : 0;
	double limit[SEASON_EXPERTS] = { INFINITY, INFINITY, INFINITY };

	for (unsigned i = 0; i < SEASON_EXPERTS; i++) {
		double e;

		if (!(have & 1u << i))
			continue;
		/* The very first errors say how large errors are; later ones are clipped. */
		e = fabs(x - f[i].mean);
		if (s->trust[i] >= FEW) {
			limit[i] = fmax(CLIP * s->error[i], 1e-12);
			e = fmin(e, 2 * limit[i]);
		}
		s->error[i] += gain(dt, ERROR_US, s->trust[i]) * (e - s->error[i]);
		s->trust[i]++;
	}
	if (v) {
		off = fmin(fabs(x - v->expected), CLIP * v->spread);
		s->spread += gain(dt, SPREAD_US, (double) (s->n - FEW)) * (off - s->spread);
	} else if (s->n) {
		s->spread = fmax(s->spread, s->error[LEVEL]);
	}
	s->level += s->n ? gain(dt, LEVEL_US, (double) s->n) * clip(x - s->level, limit[LEVEL]) : x;
	slot_learn(&s->day[(unsigned) (phase_of(time_us, US_DAY) * SEASON_DAY)], x, dt,
		   (double) US_DAY / SEASON_DAY, limit[DAY], off);
	slot_learn(&s->week[(unsigned) (phase_of(time_us, US_WEEK) * SEASON_WEEK)], x, dt,
		   (double) US_WEEK / SEASON_WEEK, limit[WEEK], off);
}

bool season_feed(struct season *s, uint64_t time_us, double x, struct season_view *ret)
{
	struct season_view v;
	bool known;

	if (!isfinite(x))
		return false;
	x = clip(x, HUGE_X);
	if (s->n == 0)
		s->first_us = s->last_us = time_us;
	if (time_us < s->last_us)
		time_us = s->last_us;
	known = season_expect(s, time_us, &v);
	if (known)
		v.z = outside(&v, x) / v.spread;
	learn(s, time_us, x, known ? &v : NULL);
	s->last_us = time_us;
	s->n++;
	if (known)
		*ret = v;
	return known;
}
