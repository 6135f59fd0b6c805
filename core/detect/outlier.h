/*
 * outlier - how unusual is this sample for this series, whatever the series is?
 *
 * One number in [0, 1] for telemetry of unknown kind: spikes, level shifts, broken daily patterns.
 * For "show me the odd ones": where the kind of a series is known, shift, season and loss say
 * more.
 *
 * A score of s means that at most about one sample in 10^(OUTLIER_DECADES x s) of this series is
 * as far off, so it means the same for every series; of a series that has been watched for more
 * than OUTLIER_SETTLED samples it takes more and more (the power OUTLIER_AGE of its age), because
 * nobody wants as many alarms in the second year as in the first week.  One event is one alarm:
 * for OUTLIER_HOLD_H hours (but at least OUTLIER_HOLD samples) after a score only higher ones are
 * told: a little more than a day, or what comes every day at this time would be told every day.
 */
#ifndef DETECT_OUTLIER_H
#define DETECT_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/season.h"
#include "detect/tail.h"

#define OUTLIER_DECADES 20.0
#define OUTLIER_ALARM	0.14 /* one in six hundred: worth a look */
#define OUTLIER_HOLD	50
#define OUTLIER_HOLD_H	28
#define OUTLIER_SETTLED 1500 /* five days of five minutes */
#define OUTLIER_AGE	0.6

struct outlier {
	struct season season;
	struct tail off;  /* of distances from the season */
	struct tail far;  /* of distances from the level of the last samples */
	struct tail step; /* of distances from the sample before */
	double level;	  /* of the last 20 samples */
	double last;
	double held;	  /* the score that lower ones hide behind */
	uint64_t held_us; /* since when */
	uint64_t held_n;
	uint64_t n;
};

/* Take a sample; the score of it, 0 while the series is too young, while a higher one holds, and
 * for a sample that is not finite. */
double outlier_feed(struct outlier *o, uint64_t time_us, double x);

#endif
