/*
 * counter_priv - what the two files of counter share.  Private to core/policy/counter*.c.
 */
#ifndef POLICY_COUNTER_PRIV_H
#define POLICY_COUNTER_PRIV_H

#include <string.h>

#include "policy/counter.h"
#include "policy/diff_priv.h"

struct search {
	const struct counter_in *in;
	struct space *space;
	const struct anod_action_desc *kind;
	struct act act;
	struct point now; /* pieces at present */
	struct anod_value value[SPACE_VARS_MAX];
	enum level level; /* at present */
};

struct candidate {
	struct point then;
	unsigned n_facts, far;
};

static inline bool counter_is_held(const struct var *v)
{
	return v->of && (v->of->op == EXPR_FOR || v->of->op == EXPR_WITHIN);
}

static inline bool counter_is_clock(const struct var *v)
{
	return !v->of && v->type == VAR_NUMBER && strstr(v->key, " in ");
}

static inline const char *counter_subject(const struct search *x, const char *kind)
{
	if (strcmp(kind, "host") == 0)
		return "self";
	if (strcmp(kind, "neigh") == 0)
		return x->act.neigh;
	if (strcmp(kind, "nexthop") == 0)
		return x->act.nexthop;
	return x->act.n_links ? x->act.link[0] : NULL;
}

/* A stage on which all is known, and changed by 'change' (or NULL), and has been so for long. */
int counter_set_up(const struct counter_in *in, int (*change)(struct stage *s, void *data),
		   void *data, struct stage **ret);
/* The present pieces and values of all variables, behind a decision. */
void counter_present(struct search *x, struct stage *s);
/* The level with the changes; negative: it could not be tried. */
int counter_try(const struct search *x, const struct candidate *c);

#endif
