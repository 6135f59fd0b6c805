/*
 * steady - a gauge or ratio that normally keeps still: has it left its usual place?
 *
 * For what has no days and no trend over an hour or two: the packet rate of a trunk in a quiet
 * core, the load of a processor, prefixes received, and above all steady_balance(): what one end
 * of a link sent against what the other received.  Usual is the median of the last STEADY_RING
 * samples that were not odd, its noise their median absolute deviation; both are learned while all
 * is well.
 *
 * A rate or a load that comes back from a fault does so over some samples, because routers average
 * them: a sample less than four fifths as far off as the one before is recovering, not odd.
 *
 *   False alarms  beyond STEADY_SPREADS robust standard deviations: less than one in 1e6 samples
 *                 with Gaussian noise, and never for less than the caller's 'least'.
 *   Delay         none: each sample is judged alone.
 */
#ifndef DETECT_STEADY_H
#define DETECT_STEADY_H

#include <stdbool.h>
#include <stdint.h>

#define STEADY_RING    61
#define STEADY_SPREADS 8.0
#define STEADY_GIVE_UP 30 /* odd samples in a row after which they are the usual */

struct steady {
	double x[STEADY_RING];	    /* the last that were learned, by number modulo STEADY_RING */
	double sorted[STEADY_RING]; /* the same, smallest first */
	uint64_t n;		    /* samples learned */
	double off;		    /* how far the last sample was */
	unsigned n_odd;		    /* odd samples in a row */
};

struct steady_view {
	double usual, spread; /* robust standard deviation */
	double off;	      /* x - usual */
	bool odd;
};

/*
 * Take a sample; 'least' >= 0 is the share of the usual value below which nothing is odd (0.03:
 * three per cent).  False: not finite, or too few samples; '*ret' is not written then.
 */
bool steady_feed(struct steady *s, double x, double least, struct steady_view *ret);

/* The share of what one end sent that the other received, to be fed to steady_feed(): 1 is all.
 * Rates below 'quiet' are too small to compare: NaN. */
double steady_balance(double sent, double received, double quiet);

/*
 * The balances of both directions of a link as one: 1 less what is lost there and back.  A router
 * that was read late seems to send more than arrives and to receive more than was sent; in the sum
 * that cancels.  One that is NaN leaves the other.
 */
double steady_balance_both(double there, double back);

#endif
