/*
 * offer - which actions and arguments a question offers to a model, and how they are named.
 *
 * Shared by schema, grammar and prompt, so that the three always offer the same.
 */
#ifndef INFER_OFFER_H
#define INFER_OFFER_H

#include <anod/plugin.h>

#include "base/util.h"

/* "in bytes", or "" for a plain count. */
const char *param_unit_word(const struct anod_param *p);

/* A parameter that names a link is offered when there are links; an action when all that it
 * requires is. */
bool param_offered(const struct anod_param *p, const char *const *links);
bool action_offered(const struct anod_action_desc *d, const char *const *links);

/* The system prompt: ours, fixed, with the actions and links of the question.  'task' of the host
 * takes the place of the usual one when it is not NULL or "".  'again': an answer before this one
 * was refused.  malloc()ed; NULL: no memory. */
char *prompt_system(const char *task, const struct anod_action_desc *const *actions,
		    const char *const *links, bool again);

#endif
