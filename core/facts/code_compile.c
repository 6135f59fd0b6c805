/*
 * code_compile - from a tree to a program of the vector machine.
 *
 * Design.  One pass over the tree; a register is a level of the stack of operands.  A comparison
 * of a column with a constant, which is what most watches are made of, is one instruction that
 * reads the column where it lies.  Of "and" and "or" the second side is jumped over when the
 * first has decided all rows.  A subtree without a subject of its own becomes a part, a program
 * that runs once per code_begin().  The tree evaluator's rules that look odd in vectors (bounds of
 * counts, "before") are not imitated unless they are worth it: their whole comparison is left to
 * it, so that there is one truth about them.
 */
#include <errno.h>

#include "facts/code_gen.h"
#include "facts/watch.h"

static void gen_truth(struct gen *g, const struct expr *e);

static void emit_tree(struct gen *g, const struct expr *e)
{
	gen_emit_truth(g, (struct code_op){ .op = CODE_TREE, .u.node = e });
}

static void emit_doubt(struct gen *g)
{
	gen_emit_truth(g, (struct code_op){ .op = CODE_DOUBT });
}

/* ---- comparisons ------------------------------------------------------------------------- */

static enum value_cmp mirrored(enum value_cmp cmp)
{
	switch (cmp) {
	case VALUE_LT:
		return VALUE_GT;
	case VALUE_LE:
		return VALUE_GE;
	case VALUE_GT:
		return VALUE_LT;
	case VALUE_GE:
		return VALUE_LE;
	case VALUE_EQ:
	case VALUE_NE:
		break;
	}
	return cmp;
}

/* A column against a constant; false: it is not one. */
static bool gen_column_test(struct gen *g, enum value_cmp cmp, const struct expr *column,
			    const struct expr *literal)
{
	uint8_t type = gen_column_type(g, column);
	struct code_op op = { .cmp = (uint8_t) cmp, .slot = (uint16_t) column->slot };

	if (!gen_is_own_column(g, column) || literal->op != EXPR_LITERAL)
		return false;
	if (type == ANOD_INT && literal->lit.type == ANOD_INT) {
		op.op = CODE_COLUMN_INT;
		op.u.i = literal->lit.u.i;
	} else if (type == ANOD_REAL) {
		op.op = CODE_COLUMN_REAL;
		op.u.r = literal->lit.type == ANOD_INT ? (double) literal->lit.u.i
						       : literal->lit.u.r;
	} else {
		return false;
	}
	gen_emit_truth(g, op);
	return true;
}

static void gen_compare_numbers(struct gen *g, const struct expr *e, uint8_t type)
{
	struct code_op op = { .cmp = (uint8_t) e->cmp, .type = type };
	unsigned at = g->values;

	if (gen_column_test(g, e->cmp, e->a, e->b) ||
	    gen_column_test(g, mirrored(e->cmp), e->b, e->a))
		return;

	gen_bounds(g, e->a, type, &op.a, &op.a2);
	gen_bounds(g, e->b, type, &op.b, &op.b2);
	g->values = at;
	op.op = gen_is_count(e->a) || gen_is_count(e->b) ? CODE_BOUNDS
		: type == ANOD_INT			 ? CODE_COMPARE_INT
							 : CODE_COMPARE_REAL;
	gen_emit_truth(g, op);
}

static void gen_compare_truths(struct gen *g, const struct expr *e)
{
	uint8_t at = (uint8_t) g->truths;

	if (e->cmp != VALUE_EQ && e->cmp != VALUE_NE) {
		emit_doubt(g);
		return;
	}
	gen_truth(g, e->a);
	gen_truth(g, e->b);
	g->truths = at;
	gen_emit_truth(g, (struct code_op){ .op = CODE_SAME,
					    .cmp = (uint8_t) e->cmp,
					    .a = at,
					    .b = (uint8_t) (at + 1) });
}

/* Does a count stand there that the machine cannot do? */
static bool counts_badly(const struct gen *g, const struct expr *e)
{
	return gen_is_count(e) &&
	       (!gen_counts_plainly(e) || (!g->c->uniform && !gen_is_uniform(e)));
}

static void gen_compare(struct gen *g, const struct expr *e)
{
	uint8_t a = gen_type_of(g, e->a), b = gen_type_of(g, e->b);

	if (gen_is_foreign(e) || counts_badly(g, e->a) || counts_badly(g, e->b) ||
	    !gen_has_room(g, 6))
		emit_tree(g, e);
	else if (gen_is_number(a) && gen_is_number(b))
		gen_compare_numbers(g, e, a == ANOD_INT && b == ANOD_INT ? ANOD_INT : ANOD_REAL);
	else if (a != b || a == ANOD_UNKNOWN)
		emit_doubt(g);
	else if (a == ANOD_BOOL)
		gen_compare_truths(g, e);
	else if (a == ANOD_TEXT && gen_is_own_column(g, e->a) && e->b->op == EXPR_LITERAL &&
		 (e->cmp == VALUE_EQ || e->cmp == VALUE_NE))
		gen_emit_truth(g, (struct code_op){ .op = CODE_TEXT,
						    .cmp = (uint8_t) e->cmp,
						    .slot = (uint16_t) e->a->slot,
						    .u.node = e->b });
	else
		emit_tree(g, e);
}

/* ---- truths ------------------------------------------------------------------------------ */

static void gen_junction(struct gen *g, const struct expr *e)
{
	bool and = e->op == EXPR_AND;
	uint8_t at = (uint8_t) g->truths;
	unsigned skip;

	gen_truth(g, e->a);
	skip = gen_emit(g, (struct code_op){ .op = and? CODE_SKIP_AND : CODE_SKIP_OR, .a = at });
	gen_truth(g, e->b);
	g->truths = at;
	gen_emit_truth(g, (struct code_op){ .op = and? CODE_AND : CODE_OR,
					    .a = at,
					    .b = (uint8_t) (at + 1) });
	if (g->r >= 0)
		g->c->op[skip].jump = (uint16_t) g->c->n_ops;
}

static void gen_flag(struct gen *g, const struct expr *e)
{
	if (gen_column_type(g, e) != ANOD_BOOL)
		emit_doubt(g);
	else if (gen_is_own_column(g, e))
		gen_emit_truth(g, (struct code_op){ .op = CODE_FLAG, .slot = (uint16_t) e->slot });
	else if (!e->entity && !g->c->uniform)
		gen_emit_truth(g, (struct code_op){ .op = CODE_NAMED_FLAG,
						    .kind = e->kind,
						    .slot = (uint16_t) e->slot });
	else
		emit_tree(g, e);
}

static void gen_held(struct gen *g, const struct expr *e)
{
	if (!g->c->uniform && watch_subject_kind(e) == g->c->kind)
		gen_emit_truth(g, (struct code_op){ .op = CODE_HELD, .u.node = e });
	else
		emit_tree(g, e);
}

static void gen_quantifier(struct gen *g, const struct expr *e)
{
	if (e->fn != EXPR_FN_EVERY && e->fn != EXPR_FN_ANY)
		emit_doubt(g);
	else if (g->c->uniform && gen_counts_plainly(e))
		gen_emit_truth(
			g, (struct code_op){ .op = CODE_COUNT_TEST, .jump = gen_add_count(g, e) });
	else
		emit_tree(g, e);
}

static void gen_literal(struct gen *g, const struct expr *e)
{
	if (e->lit.type == ANOD_BOOL)
		gen_emit_truth(g, (struct code_op){ .op = CODE_CONST, .u.i = e->lit.u.i != 0 });
	else
		emit_doubt(g);
}

static void gen_node(struct gen *g, const struct expr *e)
{
	uint8_t at = (uint8_t) g->truths;

	switch (e->op) {
	case EXPR_LITERAL:
		gen_literal(g, e);
		return;
	case EXPR_FACT:
	case EXPR_CALL:
		gen_flag(g, e);
		return;
	case EXPR_NOT:
		gen_truth(g, e->a);
		(void) gen_emit(g, (struct code_op){ .op = CODE_NOT, .dst = at, .a = at });
		return;
	case EXPR_AND:
	case EXPR_OR:
		gen_junction(g, e);
		return;
	case EXPR_COMPARE:
		gen_compare(g, e);
		return;
	case EXPR_FOR:
	case EXPR_WITHIN:
		gen_held(g, e);
		return;
	case EXPR_COUNT:
		gen_quantifier(g, e);
		return;
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
	case EXPR_OPERAND:
	case EXPR_BEFORE:
		emit_tree(g, e);
		return;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_FORMERLY:
		emit_doubt(g);
		return;
	}
}

static void gen_truth(struct gen *g, const struct expr *e)
{
	if (!gen_has_room(g, 0))
		emit_tree(g, e);
	else if (!g->c->uniform && e->op != EXPR_LITERAL && gen_is_uniform(e))
		gen_emit_truth(g, (struct code_op){ .op = CODE_PART,
						    .jump = gen_add_part(g, e, WANT_TRUTH) });
	else
		gen_node(g, e);
}

/* ---- programs ---------------------------------------------------------------------------- */

struct code *gen_compile(const struct expr *e, const struct schema *schema, uint16_t kind,
			 bool uniform, enum want want, int *ret_r)
{
	_cleanup_(code_freep) struct code *c = calloc(1, sizeof(*c));
	struct gen g = { .c = c };
	uint8_t low, high;

	if (!c) {
		*ret_r = -ENOMEM;
		return NULL;
	}
	c->schema = schema;
	c->kind = kind;
	c->uniform = uniform;
	c->bounds = want == WANT_BOUNDS;
	c->type = want == WANT_TRUTH ? ANOD_BOOL : gen_type_of(&g, e);
	if (want == WANT_TRUTH)
		gen_truth(&g, e);
	else if (want == WANT_VALUE)
		gen_value(&g, e);
	else
		gen_bounds(&g, e, ANOD_INT, &low, &high);
	if (g.r < 0) {
		*ret_r = g.r;
		return NULL;
	}
	return TAKE(c);
}

int code_compile(const struct expr *e, const struct schema *schema, uint16_t kind,
		 struct code **ret)
{
	int r = 0;
	struct code *c = gen_compile(e, schema, kind, kind == 0, WANT_TRUTH, &r);

	if (!c)
		return r;
	*ret = c;
	return 0;
}

struct code *code_free(struct code *c)
{
	if (!c)
		return NULL;

	for (unsigned i = 0; i < c->n_parts; i++)
		code_free(c->part[i].code);
	for (unsigned i = 0; i < c->n_counts; i++)
		code_free(c->count[i].where);
	free(c->part);
	free(c->count);
	free(c->op);
	free(c);
	return NULL;
}

unsigned code_n_tree(const struct code *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_ops; i++)
		n += c->op[i].op == CODE_TREE || c->op[i].op == CODE_TREE_VALUE;
	for (unsigned i = 0; i < c->n_parts; i++)
		n += code_n_tree(c->part[i].code);
	for (unsigned i = 0; i < c->n_counts; i++)
		n += c->count[i].where ? code_n_tree(c->count[i].where) : 0;
	return n;
}
