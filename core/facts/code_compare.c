/*
 * code_compare - comparisons of the vector machine.
 *
 * Design.  Three kinds of inner loop (greater, less, equal) make all six comparisons: the others
 * are their complements among the lanes that are known.
 */
#include <string.h>

#include "facts/code_machine.h"
#include "facts/code_vec.h"

struct code_truth code_column_int(const struct frame *f, const struct code_op *op)
{
	const struct table_block *b = frame_column(f, op->slot);

	if (!b)
		return (struct code_truth){ 0 };
	switch ((enum value_cmp) op->cmp) {
	case VALUE_EQ:
		return truth_of(vec_int_eq(b->u.i, op->u.i), b->known);
	case VALUE_NE:
		return truth_of(~vec_int_eq(b->u.i, op->u.i), b->known);
	case VALUE_LT:
		return truth_of(vec_int_lt(b->u.i, op->u.i), b->known);
	case VALUE_LE:
		return truth_of(~vec_int_gt(b->u.i, op->u.i), b->known);
	case VALUE_GT:
		return truth_of(vec_int_gt(b->u.i, op->u.i), b->known);
	case VALUE_GE:
		return truth_of(~vec_int_lt(b->u.i, op->u.i), b->known);
	}
	return (struct code_truth){ 0 };
}

struct code_truth code_column_real(const struct frame *f, const struct code_op *op)
{
	const struct table_block *b = frame_column(f, op->slot);

	if (!b)
		return (struct code_truth){ 0 };
	switch ((enum value_cmp) op->cmp) {
	case VALUE_EQ:
		return truth_of(vec_real_eq(b->u.r, op->u.r), b->known);
	case VALUE_NE:
		return truth_of(~vec_real_eq(b->u.r, op->u.r), b->known);
	case VALUE_LT:
		return truth_of(vec_real_lt(b->u.r, op->u.r), b->known);
	case VALUE_LE:
		return truth_of(~vec_real_gt(b->u.r, op->u.r), b->known);
	case VALUE_GT:
		return truth_of(vec_real_gt(b->u.r, op->u.r), b->known);
	case VALUE_GE:
		return truth_of(~vec_real_lt(b->u.r, op->u.r), b->known);
	}
	return (struct code_truth){ 0 };
}

static uint64_t greater(uint8_t type, const struct code_value *a, const struct code_value *b)
{
	return type == ANOD_INT ? vec_int_gt2(a->at->i, b->at->i)
				: vec_real_gt2(a->at->r, b->at->r);
}

static uint64_t equal(uint8_t type, const struct code_value *a, const struct code_value *b)
{
	return type == ANOD_INT ? vec_int_eq2(a->at->i, b->at->i)
				: vec_real_eq2(a->at->r, b->at->r);
}

struct code_truth code_compare(enum value_cmp cmp, uint8_t type, const struct code_value *a,
			       const struct code_value *b)
{
	uint64_t known = a->known & b->known;

	switch (cmp) {
	case VALUE_EQ:
		return truth_of(equal(type, a, b), known);
	case VALUE_NE:
		return truth_of(~equal(type, a, b), known);
	case VALUE_LT:
		return truth_of(greater(type, b, a), known);
	case VALUE_LE:
		return truth_of(~greater(type, a, b), known);
	case VALUE_GT:
		return truth_of(greater(type, a, b), known);
	case VALUE_GE:
		return truth_of(~greater(type, b, a), known);
	}
	return (struct code_truth){ 0 };
}

/* The same where both intervals are points; different where they are apart. */
static struct code_truth equal_bounds(uint8_t type, const struct code_value *a,
				      const struct code_value *a2, const struct code_value *b,
				      const struct code_value *b2)
{
	uint64_t point =
		code_compare(VALUE_EQ, type, a, a2).yes & code_compare(VALUE_EQ, type, b, b2).yes;
	uint64_t apart =
		code_compare(VALUE_LT, type, a2, b).yes | code_compare(VALUE_GT, type, a, b2).yes;

	return (struct code_truth){ .yes = point & code_compare(VALUE_EQ, type, a, b).yes,
				    .no = apart };
}

/* As code_compare() in expr_eval.c: true when true at the worst corner, false when false at the best. */
struct code_truth code_bounds(const struct frame *f, const struct code_op *op)
{
	const struct code_value *v = f->m->value, *a = v + op->a, *a2 = v + op->a2, *b = v + op->b,
				*b2 = v + op->b2;
	enum value_cmp cmp = (enum value_cmp) op->cmp;
	struct code_truth least, most;

	if (cmp == VALUE_EQ || cmp == VALUE_NE) {
		least = equal_bounds(op->type, a, a2, b, b2);
		return cmp == VALUE_EQ ? least : truth_not(least);
	}
	least = code_compare(cmp, op->type, a, b2);
	most = code_compare(cmp, op->type, a2, b);
	return (struct code_truth){ .yes = least.yes & most.yes, .no = least.no & most.no };
}

struct code_truth code_same_truth(const struct frame *f, const struct code_op *op)
{
	const struct code_truth *a = &f->m->truth[op->a], *b = &f->m->truth[op->b];
	struct code_truth same = {
		.yes = (a->yes & b->yes) | (a->no & b->no),
		.no = (a->yes & b->no) | (a->no & b->yes),
	};

	return op->cmp == VALUE_EQ ? same : truth_not(same);
}

/* The first bytes of a text as a number. */
static uint64_t head_of(const char *text)
{
	uint64_t head;

	memcpy(&head, text, sizeof(head));
	return head;
}

struct code_truth code_text(const struct frame *f, const struct code_op *op)
{
	const struct table_block *b = frame_column(f, op->slot);
	const char *literal = op->u.node->lit.u.text;
	size_t size = strnlen(literal, ANOD_TEXT_SIZE - 1) + 1;
	char first[8] = "", mask[8] = "";
	uint64_t known, rest, same = 0;

	if (!b)
		return (struct code_truth){ 0 };

	/* Most texts differ in their first bytes or end there. */
	memcpy(first, literal, MIN_OF(size, sizeof(first)));
	memset(mask, 0xff, MIN_OF(size, sizeof(mask)));
	known = rest = b->known & f->rows & ~b->outside;
	FOR_EACH_ROW(k, rest)
	{
		const char *text = b->u.text[k];

		if ((head_of(text) & head_of(mask)) == head_of(first) &&
		    (size <= sizeof(first) || memcmp(text, literal, size) == 0))
			same |= UINT64_C(1) << k;
	}
	return truth_of(op->cmp == VALUE_EQ ? same : ~same, known);
}
