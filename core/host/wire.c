/*
 * wire - is a value or an action from another process well formed?
 */
#include "host/wire.h"

#include <math.h>
#include <string.h>

bool wire_value_ok(const struct anod_value *v)
{
	switch ((enum anod_type) v->type) {
	case ANOD_UNKNOWN:
	case ANOD_INT:
		return true;
	case ANOD_BOOL:
		return v->u.i == 0 || v->u.i == 1;
	case ANOD_REAL:
		return isfinite(v->u.r);
	case ANOD_TEXT:
		return WIRE_ENDS(v->u.text);
	case ANOD_PREFIX:
		return v->u.prefix.len <= 8 * sizeof(v->u.prefix.addr);
	}
	return false;
}

bool wire_action_ok(const struct anod_action *a)
{
	if (!WIRE_ENDS(a->kind) || a->n_args > ANOD_ARGS_MAX)
		return false;

	for (uint32_t k = 0; k < a->n_args; k++)
		if (!WIRE_ENDS(a->arg[k].name) || !wire_value_ok(&a->arg[k].value))
			return false;
	return true;
}
