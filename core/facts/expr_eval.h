/*
 * expr_eval - what the two halves of the evaluator share; private to them.
 *
 *   expr_eval.c   one node after the other
 *   expr_count.c  nodes that look at every entity of a kind
 */
#ifndef FACTS_EXPR_EVAL_H
#define FACTS_EXPR_EVAL_H

#include "facts/expr.h"

/* count(... where count(... where ...)) costs the square of the entities; deeper is unknown. */
#define EXPR_COUNT_NESTED 2

struct eval {
	const struct expr_env *env;
	unsigned depth, counting;
	const struct expr *beside; /* other side of the comparison around us; or NULL */
};

/* The least and the most that a value can turn out to be. */
struct bounds {
	struct anod_value low, high;
};

enum anod_tri eval_truth(struct eval *x, const struct expr *e);
void eval_value(struct eval *x, const struct expr *e, struct anod_value *ret);
void eval_fact(struct eval *x, uint16_t kind, int slot, const char *entity, struct anod_value *ret);
/* ADD, SUB, MUL or DIV.  Unknown: overflow, division by zero, not numbers. */
void eval_arithmetic(enum expr_op op, uint8_t unit, const struct anod_value *a,
		     const struct anod_value *b, struct anod_value *ret);

/* EXPR_FN_COUNT: between how many and how many. */
void eval_count(struct eval *x, const struct expr *e, struct bounds *ret);
/* EXPR_FN_EVERY, EXPR_FN_ANY. */
enum anod_tri eval_quantifier(struct eval *x, const struct expr *e);
/* EXPR_FN_MIN to EXPR_FN_AVG. */
void eval_fold(struct eval *x, const struct expr *e, struct anod_value *ret);

#endif
