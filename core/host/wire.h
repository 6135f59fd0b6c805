/*
 * wire - is a value or an action from another process well formed?
 *
 * Nothing else may look at one before: text may have no end, numbers may be none.  What an action
 * means is checked later, by its schema (action_check()).
 */
#ifndef HOST_WIRE_H
#define HOST_WIRE_H

#include <anod/plugin.h>

#include "base/util.h"

/* Does the text end within its array? */
#define WIRE_ENDS(field) (memchr((field), '\0', sizeof(field)) != NULL)

bool wire_value_ok(const struct anod_value *v);
bool wire_action_ok(const struct anod_action *a);

#endif
