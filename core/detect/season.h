/*
 * season - what a load usually is at this time of day and week, and how unusual this sample is.
 *
 * Three forecasts run side by side: the level of the last hour, the usual value at this time of
 * day, and at this time of this day of the week.  They are weighed by how wrong each has been
 * lately, so it works from the first minutes, gains from a whole day, and again from a whole week.
 * Updates are clipped: a spike hardly moves what is expected.
 *
 *   False alarms  |z| >= SEASON_UNUSUAL about once in 1e4 samples of a healthy diurnal load
 *                 (make bench-detect counts them).
 */
#ifndef DETECT_SEASON_H
#define DETECT_SEASON_H

#include <stdbool.h>
#include <stdint.h>

#define SEASON_UNUSUAL 6.0 /* a robust z-score that is worth a look */
#define SEASON_DAY     96  /* slots of a quarter of an hour */
#define SEASON_WEEK    168 /* slots of an hour */
#define SEASON_EXPERTS 3   /* level, day, week */

struct season_slot {
	float mean, dev; /* usual value and mean absolute deviation from what was expected */
	float weight;	 /* samples behind them, up to a limit; 0: none */
};

struct season {
	struct season_slot day[SEASON_DAY];
	struct season_slot week[SEASON_WEEK];
	double level;		      /* of the last hour */
	double error[SEASON_EXPERTS]; /* recent mean absolute error of each forecast */
	double trust[SEASON_EXPERTS]; /* samples behind 'error' */
	double spread;		      /* mean absolute error of the combined forecast */
	uint64_t first_us, last_us;
	uint64_t n;
};

/* What is expected at a time. */
struct season_view {
	double expected;
	double low, high; /* what is expected within a slot of that time: nobody is that punctual */
	double spread;	  /* standard deviation around it, robust; > 0 */
	double z;	  /* how far x is outside low..high, in spreads; of season_feed() only */
	double sure;	  /* 0: fresh, towards 1: the whole week is known */
};

/*
 * Take a sample and say how unusual it was, judged by what was known before it.  Times are of any
 * clock that runs evenly, and must not decrease.  False: x is not finite, or there are too few
 * samples yet; '*ret' is not written then.
 */
bool season_feed(struct season *s, uint64_t time_us, double x, struct season_view *ret);

/* What will be expected at 'time_us' (after the last sample); 'z' is 0.  False: nothing known. */
bool season_expect(const struct season *s, uint64_t time_us, struct season_view *ret);

#endif
