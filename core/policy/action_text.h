/*
 * action_text - an action as an engineer writes it, and as he reads it.
 *
 *   route.replace dst 0.0.0.0/0 via 192.0.2.1 dev wan0 metric 5
 *   link.down dev wan0            also: link wan0 down; route add 10.0.0.0/8 blackhole
 *
 * Argument names and types are those of the action's schema (docs/actions.md); used by
 * "anodctl whatif", by policy test files and in messages.  Pure.
 */
#ifndef POLICY_ACTION_TEXT_H
#define POLICY_ACTION_TEXT_H

#include <anod/plugin.h>

#include "facts/diag.h"
#include "facts/lex.h"

/* Parse up to the end of the line or of the text.  'actions' is NULL-ended.  -EINVAL:
 * 'diags' has the place and the cure. */
int action_parse(struct lexer *l, const struct anod_action_desc *const *actions,
		 struct diag_list *diags, struct anod_action *ret);
/* "route.replace dst 0.0.0.0/0 dev wan0"; cut at 'size'; returns buf. */
const char *action_format(const struct anod_action *a, char *buf, size_t size);

#endif
