/*
 * expr_type - types and units of results, and sentences about those that do not fit.
 *
 * Private to expr_check.c but for expr_type_text(), which is declared in expr.h.  Pure.
 */
#ifndef FACTS_EXPR_TYPE_H
#define FACTS_EXPR_TYPE_H

#include "facts/expr.h"

#define EXPR_TEXT_SIZE 72
#define EXPR_WHY_SIZE  256

/* The expression as written, cut to fit.  Returns buf. */
const char *expr_text(const struct expr *e, char *buf, size_t size);

/* A number, or unknown, which may be one. */
bool expr_is_number(const struct expr *e);

/* May these be compared?  Otherwise 'ret_why' (EXPR_WHY_SIZE) says what is wrong. */
bool expr_type_compare(enum value_cmp cmp, const struct expr *a, const struct expr *b,
		       char *ret_why);
/* Type an ADD, SUB, MUL or DIV whose operands are typed. */
bool expr_type_arithmetic(struct expr *e, char *ret_why);
/* Type an EXPR_CALL whose argument is typed. */
void expr_type_call(struct expr *e);

#endif
