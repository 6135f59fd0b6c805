/*
 * tail - how rare is a value of this size, judged by the largest that were seen before?
 *
 * Design.  Peaks over threshold (Pickands 1975; as a streaming detector Siffer et al. 2017, whose
 * fit of two parameters is replaced by Hill's estimator: one parameter, closed form, no root
 * finding).  The threshold is the smallest of the kept ones, so nothing has to be calibrated.
 * Values of one burst are not independent: only its peak is kept.
 */
#include "detect/tail.h"

#include <math.h>
#include <string.h>

#define YOUNG	 50	/* samples before anything is said */
#define EXPONENT 2.0	/* of the prior: finite mean, infinite variance */
#define PRIOR	 1.5	/* values that it is worth */
#define LEAST	 1e-150 /* the logarithm of 0 is no help */
#define MOST	 1e150	/* so that quotients are finite */

static double rarity(const struct tail *t, double v)
{
	double low = t->n_top ? t->top[t->n_top - 1] : INFINITY, sum = 0, exponent;

	if (t->n < YOUNG || !(v > low))
		return 0;
	for (unsigned i = 0; i + 1 < t->n_top; i++)
		sum += log(t->top[i] / low);
	exponent = (t->n_top - 1 + PRIOR) / (sum + PRIOR / EXPONENT);
	return log10(t->n / t->n_top) + exponent * log10(v / low);
}

static void drop(struct tail *t, unsigned i)
{
	memmove(&t->top[i], &t->top[i + 1], sizeof(t->top[0]) * (t->n_top - 1 - i));
	t->n_top--;
}

static void keep(struct tail *t, double v)
{
	unsigned i;

	if (t->left > 0) {
		t->left--;
		if (v <= t->current)
			return;
		/* A higher peak of the same burst takes its place. */
		for (i = 0; i < t->n_top; i++)
			if (!(t->top[i] > t->current)) {
				drop(t, i);
				break;
			}
	}
	if (t->n_top == TAIL_TOP) {
		if (v <= t->top[TAIL_TOP - 1])
			return;
		t->n_top--;
	}
	for (i = t->n_top++; i > 0 && t->top[i - 1] < v; i--)
		t->top[i] = t->top[i - 1];
	t->top[i] = v;
	t->current = v;
	t->left = TAIL_BURST;
}

double tail_feed(struct tail *t, double v)
{
	double decades;

	v = fmin(fmax(v, LEAST), MOST);
	decades = rarity(t, v);
	t->n++;
	keep(t, v);
	/* Forget the half: of the largest of n, every second one is among those of n / 2. */
	if (t->n >= TAIL_MEMORY) {
		t->n /= 2;
		for (unsigned i = t->n_top; i-- > 1;)
			if (i % 2 == 0)
				drop(t, i);
	}
	return decades;
}
