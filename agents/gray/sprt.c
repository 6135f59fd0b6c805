/*
 * sprt - is a path as lossy as suspected, or is it healthy?
 *
 * Design.  The two counters of a probe come in steps of a few outcomes, whose order is not known and
 * does not matter: the sum is the same.
 */
#include "sprt.h"

#include <math.h>

#define SUSPECT_MIN (3 * SPRT_HEALTHY)
#define SUSPECT_MAX 0.5

void sprt_init(struct sprt *t, double suspected)
{
	/* Written so that a NaN is the least. */
	if (!(suspected > SUSPECT_MIN))
		suspected = SUSPECT_MIN;
	if (suspected > SUSPECT_MAX)
		suspected = SUSPECT_MAX;
	t->lost = log(suspected / SPRT_HEALTHY);
	t->kept = log((1 - suspected) / (1 - SPRT_HEALTHY));
	t->sum = 0;
}

void sprt_reset(struct sprt *t)
{
	t->sum = 0;
}

enum sprt_word sprt_word(const struct sprt *t)
{
	return t->sum >= SPRT_SURE ? SPRT_LOSSY : t->sum <= -SPRT_SURE ? SPRT_WELL : SPRT_OPEN;
}

enum sprt_word sprt_feed(struct sprt *t, double n, double lost)
{
	t->sum += lost * t->lost + (n - lost) * t->kept;
	return sprt_word(t);
}

enum sprt_word sprt_feed_back(struct sprt *t, double n, double lost)
{
	(void) sprt_feed(t, n, lost);
	if (t->sum > 0)
		t->sum = 0;
	return sprt_word(t);
}
