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

#include "facts/code_priv.h"
#include "facts/watch.h"

struct gen {
	struct code *c;
	unsigned truths, values; /* in use */
	int r;
};

static void gen_truth(struct gen *g, const struct expr *e);
static void gen_value(struct gen *g, const struct expr *e);

/* ---- what a node is ---------------------------------------------------------------------- */

/* A node that reads a column: a fact, or a function over time that has one. */
static bool is_column(const struct expr *e)
{
	return (e->op == EXPR_FACT || e->op == EXPR_CALL) && e->kind > 0 && e->slot >= 0;
}

static bool is_number(uint8_t type)
{
	return type == ANOD_INT || type == ANOD_REAL;
}

static uint8_t column_type(const struct gen *g, const struct expr *e)
{
	const struct schema_attr *a;

	if (!is_column(e))
		return ANOD_UNKNOWN;
	a = schema_attr_at(g->c->schema, e->kind, (uint16_t) e->slot);
	return a ? a->type : ANOD_UNKNOWN;
}

/* What the evaluator will find, which is not always what expr_check() calls it: an average of
 * whole numbers is a real one. */
static uint8_t type_of(const struct gen *g, const struct expr *e)
{
	uint8_t a, b;

	switch (e->op) {
	case EXPR_LITERAL:
		return e->lit.type;
	case EXPR_FACT:
	case EXPR_CALL:
		return column_type(g, e);
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		a = type_of(g, e->a);
		b = type_of(g, e->b);
		if (!is_number(a) || !is_number(b))
			return ANOD_UNKNOWN;
		return e->op != EXPR_DIV && a == ANOD_INT && b == ANOD_INT ? ANOD_INT : ANOD_REAL;
	case EXPR_COUNT:
		if (e->fn == EXPR_FN_EVERY || e->fn == EXPR_FN_ANY)
			return ANOD_BOOL;
		if (e->fn == EXPR_FN_COUNT)
			return ANOD_INT;
		a = type_of(g, e->a);
		return e->fn == EXPR_FN_AVG && is_number(a) ? ANOD_REAL : a;
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_COMPARE:
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
	case EXPR_FOR:
	case EXPR_WITHIN:
		return ANOD_BOOL;
	case EXPR_OPERAND: /* is_foreign() */
	case EXPR_BEFORE:
	case EXPR_FORMERLY:
		break;
	}
	return ANOD_UNKNOWN;
}

/* The type is known only when it is asked for. */
static bool is_foreign(const struct expr *e)
{
	return e && (e->op == EXPR_OPERAND || e->op == EXPR_BEFORE || is_foreign(e->a) ||
		     is_foreign(e->b));
}

static bool has_count(const struct expr *e)
{
	return e && (e->op == EXPR_COUNT || has_count(e->a) || has_count(e->b));
}

static bool is_count(const struct expr *e)
{
	return e->op == EXPR_COUNT && e->fn == EXPR_FN_COUNT;
}

/* A count inside a count has its own limit of nesting, which only the tree evaluator knows. */
static bool counts_plainly(const struct expr *e)
{
	return e->kind > 0 && !has_count(e->a) && !has_count(e->b);
}

/* The same for every row. */
static bool is_uniform(const struct expr *e)
{
	return watch_subject_kind(e) == 0;
}

/* A column of the rows that the program runs on. */
static bool is_own_column(const struct gen *g, const struct expr *e)
{
	return is_column(e) && !e->entity && e->kind == g->c->kind && !g->c->uniform;
}

/* ---- emitting ---------------------------------------------------------------------------- */

static unsigned emit(struct gen *g, struct code_op op)
{
	struct code *c = g->c;
	struct code_op *grown;

	if (c->n_ops == c->room_ops) {
		grown = reallocarray(c->op, c->room_ops * 2 + 8, sizeof(*grown));
		if (!grown) {
			g->r = -ENOMEM;
			return 0;
		}
		c->op = grown;
		c->room_ops = c->room_ops * 2 + 8;
	}
	c->op[c->n_ops] = op;
	return c->n_ops++;
}

/* An instruction whose result is a new truth, or a new value. */
static void emit_truth(struct gen *g, struct code_op op)
{
	op.dst = (uint8_t) g->truths++;
	(void) emit(g, op);
}

static void emit_value(struct gen *g, struct code_op op)
{
	op.dst = (uint8_t) g->values++;
	(void) emit(g, op);
}

static bool has_room(const struct gen *g, unsigned values)
{
	return g->truths + 3 <= CODE_TRUTHS_MAX && g->values + values <= CODE_VALUES_MAX;
}

static void emit_tree(struct gen *g, const struct expr *e)
{
	emit_truth(g, (struct code_op){ .op = CODE_TREE, .u.node = e });
}

static void emit_doubt(struct gen *g)
{
	emit_truth(g, (struct code_op){ .op = CODE_DOUBT });
}

enum want { WANT_TRUTH, WANT_VALUE, WANT_BOUNDS };

static struct code *compile(const struct expr *e, const struct schema *schema, uint16_t kind,
			    bool uniform, enum want want, int *ret_r);

/* The number of a new part that works out 'e'. */
static uint16_t add_part(struct gen *g, const struct expr *e, enum want want)
{
	struct code *c = g->c, *part = compile(e, c->schema, c->kind, true, want, &g->r);
	struct code_part *grown = NULL;

	if (part)
		grown = reallocarray(c->part, c->n_parts + 1, sizeof(*grown));
	if (!grown) {
		g->r = -ENOMEM;
		code_free(part);
		return 0;
	}
	c->part = grown;
	grown[c->n_parts] = (struct code_part){ .code = part };
	return (uint16_t) c->n_parts++;
}

static int slot_of(const struct gen *g, uint16_t kind, const char *name)
{
	const struct schema_attr *a =
		schema_attr(g->c->schema, schema_kind_name(g->c->schema, kind), name);

	return a ? a->slot : -1;
}

static uint16_t add_count(struct gen *g, const struct expr *e)
{
	struct code_count n = { .e = e, .admin_up = -1, .carrier = -1 }, *grown = NULL;
	struct code *c = g->c;

	if (e->up) {
		n.admin_up = slot_of(g, e->kind, "admin_up");
		n.carrier = slot_of(g, e->kind, "carrier");
	}
	if (e->b)
		n.where = compile(e->b, c->schema, e->kind, false, WANT_TRUTH, &g->r);
	if (n.where || !e->b)
		grown = reallocarray(c->count, c->n_counts + 1, sizeof(*grown));
	if (!grown) {
		g->r = -ENOMEM;
		code_free(n.where);
		return 0;
	}
	c->count = grown;
	grown[c->n_counts] = n;
	return (uint16_t) c->n_counts++;
}

/* ---- values ------------------------------------------------------------------------------ */

static void gen_tree_value(struct gen *g, const struct expr *e)
{
	emit_value(g, (struct code_op){
			      .op = CODE_TREE_VALUE, .type = type_of(g, e), .u.node = e });
}

static void to_real(struct gen *g, unsigned value, uint8_t type)
{
	if (type == ANOD_INT)
		(void) emit(g, (struct code_op){ .op = CODE_TO_REAL,
						 .dst = (uint8_t) value,
						 .a = (uint8_t) value });
}

static void gen_arithmetic(struct gen *g, const struct expr *e)
{
	static const uint8_t ops[] = {
		[EXPR_ADD] = CODE_ADD,
		[EXPR_SUB] = CODE_SUB,
		[EXPR_MUL] = CODE_MUL,
		[EXPR_DIV] = CODE_DIV,
	};
	uint8_t type = type_of(g, e);
	unsigned at = g->values;

	gen_value(g, e->a);
	if (type == ANOD_REAL)
		to_real(g, at, type_of(g, e->a));
	gen_value(g, e->b);
	if (type == ANOD_REAL)
		to_real(g, at + 1, type_of(g, e->b));
	g->values = at;
	emit_value(g, (struct code_op){ .op = ops[e->op],
					.type = type,
					.a = (uint8_t) at,
					.b = (uint8_t) (at + 1) });
}

static void gen_literal_value(struct gen *g, const struct expr *e)
{
	if (e->lit.type == ANOD_INT)
		emit_value(g, (struct code_op){ .op = CODE_INT, .u.i = e->lit.u.i });
	else
		emit_value(g, (struct code_op){ .op = CODE_REAL, .u.r = e->lit.u.r });
}

static void gen_count_value(struct gen *g, const struct expr *e)
{
	unsigned at = g->values;

	emit_value(g, (struct code_op){ .op = CODE_COUNT, .jump = add_count(g, e) });
	(void) emit(g, (struct code_op){
			       .op = CODE_SETTLE, .dst = (uint8_t) at, .a = (uint8_t) at });
}

/* 'e' is a number by type_of(). */
static void gen_value(struct gen *g, const struct expr *e)
{
	bool uniform = g->c->uniform;

	if (!has_room(g, 4)) {
		gen_tree_value(g, e);
	} else if (e->op == EXPR_LITERAL) {
		gen_literal_value(g, e);
	} else if (!uniform && is_uniform(e)) {
		uint16_t part = add_part(g, e, WANT_VALUE);

		emit_value(g, (struct code_op){
				      .op = CODE_PART_VALUE, .type = type_of(g, e), .jump = part });
	} else if (is_own_column(g, e)) {
		emit_value(g, (struct code_op){ .op = CODE_LOAD, .slot = (uint16_t) e->slot });
	} else if (is_column(e) && !e->entity && !uniform) {
		emit_value(g, (struct code_op){ .op = CODE_NAMED,
						.kind = e->kind,
						.slot = (uint16_t) e->slot });
	} else if (e->op == EXPR_ADD || e->op == EXPR_SUB || e->op == EXPR_MUL ||
		   e->op == EXPR_DIV) {
		gen_arithmetic(g, e);
	} else if (is_count(e) && uniform && counts_plainly(e)) {
		gen_count_value(g, e);
	} else {
		gen_tree_value(g, e);
	}
}

/* The least and the most that 'e' can be: in one register, or for a count in two. */
static void gen_bounds(struct gen *g, const struct expr *e, uint8_t type, uint8_t *ret_low,
		       uint8_t *ret_high)
{
	uint8_t at = (uint8_t) g->values;

	*ret_low = *ret_high = at;
	if (!is_count(e)) {
		gen_value(g, e);
		if (type == ANOD_REAL)
			to_real(g, at, type_of(g, e));
		return;
	}

	*ret_high = (uint8_t) (at + 1);
	if (g->c->uniform)
		emit_value(g, (struct code_op){ .op = CODE_COUNT, .jump = add_count(g, e) });
	else
		emit_value(g, (struct code_op){ .op = CODE_PART_BOUNDS,
						.jump = add_part(g, e, WANT_BOUNDS) });
	g->values++;
	if (type == ANOD_REAL) {
		to_real(g, at, ANOD_INT);
		to_real(g, at + 1u, ANOD_INT);
	}
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
	uint8_t type = column_type(g, column);
	struct code_op op = { .cmp = (uint8_t) cmp, .slot = (uint16_t) column->slot };

	if (!is_own_column(g, column) || literal->op != EXPR_LITERAL)
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
	emit_truth(g, op);
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
	op.op = is_count(e->a) || is_count(e->b) ? CODE_BOUNDS
		: type == ANOD_INT		 ? CODE_COMPARE_INT
						 : CODE_COMPARE_REAL;
	emit_truth(g, op);
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
	emit_truth(g, (struct code_op){ .op = CODE_SAME,
					.cmp = (uint8_t) e->cmp,
					.a = at,
					.b = (uint8_t) (at + 1) });
}

/* Does a count stand there that the machine cannot do? */
static bool counts_badly(const struct gen *g, const struct expr *e)
{
	return is_count(e) && (!counts_plainly(e) || (!g->c->uniform && !is_uniform(e)));
}

static void gen_compare(struct gen *g, const struct expr *e)
{
	uint8_t a = type_of(g, e->a), b = type_of(g, e->b);

	if (is_foreign(e) || counts_badly(g, e->a) || counts_badly(g, e->b) || !has_room(g, 6))
		emit_tree(g, e);
	else if (is_number(a) && is_number(b))
		gen_compare_numbers(g, e, a == ANOD_INT && b == ANOD_INT ? ANOD_INT : ANOD_REAL);
	else if (a != b || a == ANOD_UNKNOWN)
		emit_doubt(g);
	else if (a == ANOD_BOOL)
		gen_compare_truths(g, e);
	else if (a == ANOD_TEXT && is_own_column(g, e->a) && e->b->op == EXPR_LITERAL &&
		 (e->cmp == VALUE_EQ || e->cmp == VALUE_NE))
		emit_truth(g, (struct code_op){ .op = CODE_TEXT,
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
	skip = emit(g, (struct code_op){ .op = and? CODE_SKIP_AND : CODE_SKIP_OR, .a = at });
	gen_truth(g, e->b);
	g->truths = at;
	emit_truth(g, (struct code_op){ .op = and? CODE_AND : CODE_OR,
					.a = at,
					.b = (uint8_t) (at + 1) });
	if (g->r >= 0)
		g->c->op[skip].jump = (uint16_t) g->c->n_ops;
}

static void gen_flag(struct gen *g, const struct expr *e)
{
	if (column_type(g, e) != ANOD_BOOL)
		emit_doubt(g);
	else if (is_own_column(g, e))
		emit_truth(g, (struct code_op){ .op = CODE_FLAG, .slot = (uint16_t) e->slot });
	else if (!e->entity && !g->c->uniform)
		emit_truth(g, (struct code_op){ .op = CODE_NAMED_FLAG,
						.kind = e->kind,
						.slot = (uint16_t) e->slot });
	else
		emit_tree(g, e);
}

static void gen_held(struct gen *g, const struct expr *e)
{
	if (!g->c->uniform && watch_subject_kind(e) == g->c->kind)
		emit_truth(g, (struct code_op){ .op = CODE_HELD, .u.node = e });
	else
		emit_tree(g, e);
}

static void gen_quantifier(struct gen *g, const struct expr *e)
{
	if (e->fn != EXPR_FN_EVERY && e->fn != EXPR_FN_ANY)
		emit_doubt(g);
	else if (g->c->uniform && counts_plainly(e))
		emit_truth(g,
			   (struct code_op){ .op = CODE_COUNT_TEST, .jump = add_count(g, e) });
	else
		emit_tree(g, e);
}

static void gen_literal(struct gen *g, const struct expr *e)
{
	if (e->lit.type == ANOD_BOOL)
		emit_truth(g, (struct code_op){ .op = CODE_CONST, .u.i = e->lit.u.i != 0 });
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
		(void) emit(g, (struct code_op){ .op = CODE_NOT, .dst = at, .a = at });
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
	if (!has_room(g, 0))
		emit_tree(g, e);
	else if (!g->c->uniform && e->op != EXPR_LITERAL && is_uniform(e))
		emit_truth(g,
			   (struct code_op){ .op = CODE_PART, .jump = add_part(g, e, WANT_TRUTH) });
	else
		gen_node(g, e);
}

/* ---- programs ---------------------------------------------------------------------------- */

static struct code *compile(const struct expr *e, const struct schema *schema, uint16_t kind,
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
	c->type = want == WANT_TRUTH ? ANOD_BOOL : type_of(&g, e);
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
	struct code *c = compile(e, schema, kind, kind == 0, WANT_TRUTH, &r);

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
