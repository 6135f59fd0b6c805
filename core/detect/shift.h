/*
 * shift - finds lasting changes in the level of a series (latency, above all) and dates them.
 *
 * Made for series with heavy tails: spikes are not shifts, and a change counts only when it
 * persists.  It is reported some samples late, but 'since_us' dates it to the sample.
 *
 *   False alarms  less than one in SHIFT_ALARM_EVERY samples of a steady series with Gaussian or
 *                 Student-t noise (make bench-detect counts them).
 *   Delay         SHIFT_PERSISTS samples for a change well outside the noise; see docs/detectors.md
 *                 for its distance from Lorden's bound.
 *
 * A change of less than SHIFT_LEAST of the level is none: nobody acts on half a percent.
 */
#ifndef DETECT_SHIFT_H
#define DETECT_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

#define SHIFT_ALARM_EVERY 1e6
#define SHIFT_LEAST	  0.005
#define SHIFT_PERSISTS	  5   /* samples that the new level has to last */
#define SHIFT_RING	  256 /* samples that are kept; a power of two */

struct shift {
	double x[SHIFT_RING];	      /* the last samples, by number modulo SHIFT_RING */
	uint64_t time_us[SHIFT_RING]; /* and when they were */
	uint64_t n;		      /* samples seen */
	uint64_t start;		      /* number of the first sample of the present level */
	uint64_t since_us;	      /* its time */
	double level;		      /* median of what is kept of the present level */
	double spread;		      /* mean absolute deviation from it */
	double usual;		      /* the same over many levels, slowly forgotten */
};

/* What shift_feed() found. */
struct shift_news {
	uint64_t since_us; /* time of the first sample on the new level */
	unsigned since_n;  /* how many samples ago that was; 0: the one just fed */
	double before;	   /* level until then (median) */
	double after;	   /* level since then (median) */
	double odds;	   /* log of the likelihood ratio of "changed" to "did not" */
};

/* Take one sample; one that is not finite is ignored.  Times must not decrease.  True: the level
 * has shifted; '*ret' says when and how far.  'ret' may be NULL. */
bool shift_feed(struct shift *s, uint64_t time_us, double x, struct shift_news *ret);

/* Where the level is since the last change (its median), and the robust standard deviation around
 * it; NaN before there are enough samples to say. */
double shift_level(const struct shift *s);
double shift_spread(const struct shift *s);

/* Since when it is there: the time of the last change, or of the first sample; 0 when fresh. */
static inline uint64_t shift_since(const struct shift *s)
{
	return s->since_us;
}

#endif
