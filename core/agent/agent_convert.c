/*
 * agent_convert - a value as an argument of an action.
 *
 * Design.  Types and units were compared when the text was checked; what is left is rounding,
 * and a range that is only met or not by the numbers of the day.  A number that is too large
 * becomes the largest, because "twice as much, or all there is" is what is meant by calculating
 * a limit.
 */
#include "agent/program.h"

#include <inttypes.h>
#include <math.h>

#include "facts/value.h"

static int64_t whole(const struct anod_value *v)
{
	if (v->type == ANOD_INT)
		return v->u.i;
	if (v->u.r >= 9.2e18)
		return INT64_MAX;
	if (v->u.r <= -9.2e18)
		return INT64_MIN;
	return (int64_t) llround(v->u.r);
}

int agent_convert(const struct anod_param *param, const struct anod_value *v,
		  struct anod_value *ret)
{
	bool number = v->type == ANOD_INT || v->type == ANOD_REAL;
	int64_t i;

	if (v->type == ANOD_UNKNOWN || (v->flags & ANOD_VALUE_OUTSIDE))
		return -EINVAL;
	if (param->type == ANOD_INT && number) {
		i = whole(v);
		if (param->min || param->max)
			i = MIN_OF(MAX_OF(i, param->min), param->max);
		*ret = value_int(i, (enum anod_unit) param->unit);
		return 0;
	}
	if (param->type == ANOD_REAL && number) {
		*ret = value_real(v->type == ANOD_INT ? (double) v->u.i : v->u.r,
				  (enum anod_unit) param->unit);
		return ret->type == ANOD_UNKNOWN ? -EINVAL : 0;
	}
	if (param->type == ANOD_TEXT && number) {
		char digits[32];

		(void) snprintf(digits, sizeof(digits), "%" PRId64, whole(v));
		*ret = value_text(digits);
		return 0;
	}
	if (param->type != v->type)
		return -EINVAL;
	*ret = *v;
	return 0;
}
