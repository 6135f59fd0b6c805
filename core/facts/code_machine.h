/*
 * code_machine - what the instructions of the vector machine share; private to it.
 */
#ifndef FACTS_CODE_MACHINE_H
#define FACTS_CODE_MACHINE_H

#include "facts/code_priv.h"

/* The lowest bit of a mask, as a number; the mask is not 0. */
#define LOWEST(mask) ((unsigned) __builtin_ctzll(mask))
/* The lowest row first; 'rest' is used up. */
#define FOR_EACH_ROW(k, rest) for (unsigned k; (rest) && (k = LOWEST(rest), 1); (rest) &= (rest) -1)

/* What an instruction works on besides registers. */
struct frame {
	const struct code *c;
	struct code_env *env;
	unsigned block;
	uint64_t rows;
	struct code_machine *m;
};

static inline struct code_truth truth_of(uint64_t yes, uint64_t known)
{
	return (struct code_truth){ .yes = yes & known, .no = ~yes & known };
}

static inline struct code_truth truth_and(struct code_truth a, struct code_truth b)
{
	return (struct code_truth){ .yes = a.yes & b.yes, .no = a.no | b.no };
}

static inline struct code_truth truth_not(struct code_truth a)
{
	return (struct code_truth){ .yes = a.no, .no = a.yes };
}

static inline struct code_truth truth_or(struct code_truth a, struct code_truth b)
{
	return (struct code_truth){ .yes = a.yes | b.yes, .no = a.no & b.no };
}

static inline const struct table_block *frame_column(const struct frame *f, uint16_t slot)
{
	return table_block(f->env->env.store, f->c->kind, slot, f->block);
}

/* The instructions of code_compare.c. */
struct code_truth code_column_int(const struct frame *f, const struct code_op *op);
struct code_truth code_column_real(const struct frame *f, const struct code_op *op);
struct code_truth code_compare(enum value_cmp cmp, uint8_t type, const struct code_value *a,
			       const struct code_value *b);
struct code_truth code_bounds(const struct frame *f, const struct code_op *op);
struct code_truth code_same_truth(const struct frame *f, const struct code_op *op);
struct code_truth code_text(const struct frame *f, const struct code_op *op);

#endif
