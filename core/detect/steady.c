/*
 * steady - a gauge or ratio that normally keeps still: has it left its usual place?
 *
 * Design.  The median and the median absolute deviation of a short ring (Hampel 1974), the most
 * robust pair there is: up to half of what was learned may be wrong.  Odd samples are not learned,
 * so a fault of any length up to STEADY_GIVE_UP samples stays visible until it ends; after that it
 * is taken for the new usual, or a move of traffic would be odd for ever.
 */
#include "detect/steady.h"

#include <math.h>
#include <string.h>

#include "base/util.h"

#define HUGE_X	  1e150	 /* larger samples are cut */
#define FEW	  16	 /* samples before anything is said */
#define MAD_TO_SD 1.4826 /* of a Gaussian */
#define RECOVERY  0.8	 /* of the distance before */

static void learn(struct steady *s, double x)
{
	unsigned n = (unsigned) MIN_OF(s->n, STEADY_RING), i;
	double *oldest = &s->x[s->n % STEADY_RING];

	if (n == STEADY_RING) {
		for (i = 0; s->sorted[i] < *oldest; i++)
			;
		memmove(&s->sorted[i], &s->sorted[i + 1], sizeof(double) * (n - 1 - i));
		n--;
	}
	for (i = n; i > 0 && s->sorted[i - 1] > x; i--)
		s->sorted[i] = s->sorted[i - 1];
	s->sorted[i] = x;
	*oldest = x;
	s->n++;
}

/* Median absolute deviation from the median sorted[n / 2]: walk outwards from it. */
static double deviation(const double *sorted, unsigned n)
{
	unsigned low = n / 2, high = n / 2 + 1;
	double m = sorted[n / 2], d = 0;

	/* sorted[low - 1] and sorted[high] are the nearest that are left. */
	for (unsigned k = 0; k < n / 2; k++) {
		if (high >= n || (low > 0 && m - sorted[low - 1] <= sorted[high] - m))
			d = m - sorted[--low];
		else
			d = sorted[high++] - m;
	}
	return d;
}

bool steady_feed(struct steady *s, double x, double least, struct steady_view *ret)
{
	unsigned n = (unsigned) MIN_OF(s->n, STEADY_RING);
	struct steady_view r;
	double limit;
	bool far;

	if (!isfinite(x))
		return false;
	x = fmin(fmax(x, -HUGE_X), HUGE_X);
	if (n < FEW) {
		learn(s, x);
		return false;
	}
	r.usual = s->sorted[n / 2];
	r.spread = MAD_TO_SD * deviation(s->sorted, n);
	r.off = x - r.usual;
	limit = fmax(STEADY_SPREADS * r.spread, least * fabs(r.usual));
	far = fabs(r.off) > limit;
	r.odd = far && fabs(r.off) > RECOVERY * fabs(s->off);
	s->n_odd = far ? s->n_odd + 1 : 0;
	if (!far || s->n_odd > STEADY_GIVE_UP)
		learn(s, x);
	s->off = r.off;
	*ret = r;
	return true;
}

double steady_balance(double sent, double received, double quiet)
{
	double most = fmax(sent, received);

	/* Written so that a NaN gives a NaN. */
	if (!(most >= quiet && sent >= 0 && received >= 0))
		return NAN;
	return 1 - (sent - received) / most;
}

double steady_balance_both(double there, double back)
{
	return isnan(there) ? back : isnan(back) ? there : there + back - 1;
}
