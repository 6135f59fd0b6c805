/*
 * pairs - how the guards of each two rules lie to each other.
 *
 * Of a permit it is where its guard is true, of a forbid or cap where it is not false: where they
 * count.  Pure.
 */
#ifndef POLICY_PAIRS_H
#define POLICY_PAIRS_H

#include "policy/config.h"

struct pair_relation {
	const char *a, *b;	     /* names */
	const char *a_word, *b_word; /* "permit" */
	const char *agent, *action;
	bool decided; /* false: too large; nothing else is told */
	bool a_empty, b_empty, meet, a_inside, b_inside;
	const char *text; /* "apart", "overlap", "the first inside the second" ... */
};

/* Each pair once, for each agent and kind of action that both name; fn returns non-zero to stop. */
int pairs_each(const struct config *c, const struct config_env *env,
	       int (*fn)(const struct pair_relation *p, void *data), void *data);

#endif
