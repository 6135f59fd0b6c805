/*
 * outlier - how unusual is this sample for this series, whatever the series is?
 *
 * Design.  Two forecasts, each good where the other is not: the season (slow, knows days) and the
 * level of the last samples (fast, knows nothing).  The distance from each goes through its own
 * tail, which turns it into a probability without asking what the distribution is, and the rarer
 * one counts (Tippett 1931).  The distance from the season is taken twice, in spreads and in
 * units: some series vary more when they are high and some do not.
 */
#include "detect/outlier.h"

#include <math.h>

#define LEVEL_GAIN 0.05 /* of the level of the last samples */
#define YOUNG	   20	/* samples over which it is a plain mean */
#define HOLD_US	   (UINT64_C(3600) * OUTLIER_HOLD_H * 1000000)
#define HUGE_X	   1e30

static bool holds(const struct outlier *o, uint64_t time_us, double score)
{
	return score <= o->held &&
	       (time_us - o->held_us < HOLD_US || o->n - o->held_n < OUTLIER_HOLD);
}

/* What a series of this age has to be ahead of a young one, in decades. */
static double discount(uint64_t n)
{
	double age = fmin((double) n, TAIL_MEMORY) / OUTLIER_SETTLED;

	return age > 1 ? OUTLIER_AGE * log10(age) : 0;
}

double outlier_feed(struct outlier *o, uint64_t time_us, double x)
{
	struct season_view v;
	double far, score;

	if (!isfinite(x))
		return 0;
	x = fmin(fmax(x, -HUGE_X), HUGE_X);
	if (o->n == 0)
		o->level = o->last = x;
	far = x - o->level;
	o->level += fmax(LEVEL_GAIN, 1.0 / (double) (o->n + 1)) * far;
	o->n++;
	score = tail_feed(&o->far, fabs(far));
	score = fmax(score, tail_feed(&o->step, fabs(x - o->last)));
	o->last = x;
	if (season_feed(&o->season, time_us, x, &v))
		score = fmax(score, tail_feed(&o->off, fabs(v.z) * sqrt(v.spread)));
	score = fmin((score - discount(o->n)) / OUTLIER_DECADES, 1);
	if (score <= 0 || holds(o, time_us, score))
		return 0;
	o->held = score;
	o->held_us = time_us;
	o->held_n = o->n;
	return score;
}
