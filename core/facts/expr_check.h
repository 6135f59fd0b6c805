/*
 * expr_check - what the two halves of the checker share; private to them.
 *
 *   expr_check.c   names, types and sets
 *   expr_call.c    functions over time
 */
#ifndef FACTS_EXPR_CHECK_H
#define FACTS_EXPR_CHECK_H

#include "facts/expr_type.h"

struct check {
	const struct expr_scope *scope;
	struct diag_list *diags;
	uint16_t where_kind; /* inside "... where": whose attributes bare words are */
	unsigned comparing;  /* inside a comparison: where "before" may stand */
	unsigned over_time;  /* inside "for" or "in" */
	bool failed;
};

#define fail(c, e, ...)                                                                            \
	do {                                                                                       \
		(c)->failed = true;                                                                \
		diag_add((c)->diags, DIAG_ERROR, &(e)->place, __VA_ARGS__);                        \
	} while (0)

/* Warn that 'what' parses and is always unknown. */
void check_not_evaluated(struct check *c, const struct expr *e, const char *what);
/* 'what' asks what was done before, which not every place may. */
void check_history(struct check *c, const struct expr *e, const char *what);
/* Text that others control decides nothing: not even whether it equals something. */
void check_outside(struct check *c, const struct expr *e);

/* Does the function name a path or a resource, rather than look at a fact? */
bool check_takes_name(const char *function);
/* path.rtt(NAME), path.loss(NAME): a fact in the form of a call. */
bool check_is_path(const struct expr *e);
/* An EXPR_CALL whose arguments are checked. */
void check_call(struct check *c, struct expr *e);

#endif
