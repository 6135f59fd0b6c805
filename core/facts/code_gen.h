/*
 * code_gen - what the parts of the compiler share; private to it.
 *
 *   code_compile.c   truths, and whole programs
 *   code_value.c     numbers
 *   code_gen.c       what a node is; writing instructions
 */
#ifndef FACTS_CODE_GEN_H
#define FACTS_CODE_GEN_H

#include "facts/code_priv.h"

struct gen {
	struct code *c;
	unsigned truths, values; /* registers in use */
	int r;			 /* -ENOMEM */
};

/* A node that reads a column: a fact, or a function over time that has one. */
bool gen_is_column(const struct expr *e);
bool gen_is_number(uint8_t type);
uint8_t gen_column_type(const struct gen *g, const struct expr *e);
/* What the evaluator will find, which is not always what expr_check() calls it: an average of
 * whole numbers is a real one. */
uint8_t gen_type_of(const struct gen *g, const struct expr *e);
/* The type is known only when it is asked for. */
bool gen_is_foreign(const struct expr *e);
bool gen_is_count(const struct expr *e);
/* A count inside a count has its own limit of nesting, which only the tree evaluator knows. */
bool gen_counts_plainly(const struct expr *e);
/* The same for every row. */
bool gen_is_uniform(const struct expr *e);
/* A column of the rows that the program runs on. */
bool gen_is_own_column(const struct gen *g, const struct expr *e);

/* Room for another truth and 'values' more values? */
bool gen_has_room(const struct gen *g, unsigned values);
/* An instruction; its number. */
unsigned gen_emit(struct gen *g, struct code_op op);
/* One whose result is a new truth, or a new value. */
void gen_emit_truth(struct gen *g, struct code_op op);
void gen_emit_value(struct gen *g, struct code_op op);

enum want { WANT_TRUTH, WANT_VALUE, WANT_BOUNDS };
/* A program of its own; NULL: '*ret_r' says why. */
struct code *gen_compile(const struct expr *e, const struct schema *schema, uint16_t kind,
			 bool uniform, enum want want, int *ret_r);
/* The number of a new part that works out 'e', or of a new count. */
uint16_t gen_add_part(struct gen *g, const struct expr *e, enum want want);
uint16_t gen_add_count(struct gen *g, const struct expr *e);

/* 'e' is a number by gen_type_of(); it becomes a new value. */
void gen_value(struct gen *g, const struct expr *e);
/* The least and the most that 'e' can be: in one register, or for a count in two. */
void gen_bounds(struct gen *g, const struct expr *e, uint8_t type, uint8_t *ret_low,
		uint8_t *ret_high);

#endif
