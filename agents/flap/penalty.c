/*
 * penalty - exponential decay with two thresholds.
 *
 * Design.  As RFC 2439 section 4.5, without its tables: one exp2() per look is nothing today.
 */
#include "penalty.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

static double ceiling(const struct penalty_params *p)
{
	return p->reuse * exp2((double) p->max_us / (double) p->half_life_us);
}

int penalty_check(const struct penalty_params *p, const char **ret_why)
{
	*ret_why = NULL;
	if (!(p->flap > 0 && p->reuse > 0 && p->half_life_us > 0))
		*ret_why = "penalty, reuse and half-life must be above 0";
	else if (!(p->reuse < p->suppress))
		*ret_why = "reuse must be less than suppress";
	else if (!(ceiling(p) > p->suppress))
		*ret_why = "max-suppress is too short to reach suppress: raise it, or lower "
			   "half-life or suppress";
	return *ret_why ? -EINVAL : 0;
}

double penalty_now(const struct penalty *x, const struct penalty_params *p, uint64_t now_us)
{
	if (now_us <= x->at_us)
		return x->value;
	return x->value * exp2(-(double) (now_us - x->at_us) / (double) p->half_life_us);
}

bool penalty_charge(struct penalty *x, const struct penalty_params *p, unsigned n, uint64_t now_us)
{
	bool was = x->suppressed;

	x->value = fmin(penalty_now(x, p, now_us) + n * p->flap, ceiling(p));
	x->at_us = now_us;
	x->suppressed = was || x->value >= p->suppress;
	return x->suppressed && !was;
}

bool penalty_release(struct penalty *x, const struct penalty_params *p, uint64_t now_us)
{
	if (!x->suppressed || now_us < penalty_reuse_us(x, p))
		return false;
	x->suppressed = false;
	return true;
}

uint64_t penalty_reuse_us(const struct penalty *x, const struct penalty_params *p)
{
	if (!x->suppressed)
		return UINT64_MAX;
	if (x->value <= p->reuse)
		return x->at_us;
	return x->at_us + (uint64_t) ceil(log2(x->value / p->reuse) * (double) p->half_life_us);
}
