/*
 * answer - pieces of answer_check() that other files of this folder use.
 */
#ifndef INFER_ANSWER_H
#define INFER_ANSWER_H

#include <anod/plugin.h>

#include "base/util.h"

#define ANSWER_TEXT_MAX (8u << 10)		/* bytes of a model's answer */
#define ANSWER_INT_MAX	((double) (1ull << 53)) /* a double holds every integer below */

struct cJSON;

/* Is a TEXT parameter the name of a link? */
bool param_is_link(const struct anod_param *p);
unsigned list_size(const char *const *list); /* NULL: 0 */
bool list_has(const char *const *list, const char *word);

/* The description of 'kind' in a NULL-ended table, or NULL. */
const struct anod_action_desc *action_find(const struct anod_action_desc *const *actions,
					   const char *kind);

/* One argument's value against its description.  0 and *ret, or -EBADMSG and 'why'. */
int answer_check_arg(const struct anod_param *p, const struct cJSON *v, const char *const *links,
		     struct anod_value *ret, char *why, size_t why_size);

#endif
