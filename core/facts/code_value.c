/*
 * code_value - numbers in programs of the vector machine.
 *
 * Design.  A whole number stays whole until it meets a real one, as in the tree evaluator, so that
 * counters compare exactly.  A count is two numbers, as many as there surely are and as many as
 * there may be, until something is calculated with it.
 */
#include "facts/code_gen.h"

static void gen_tree_value(struct gen *g, const struct expr *e)
{
	gen_emit_value(g, (struct code_op){
				  .op = CODE_TREE_VALUE, .type = gen_type_of(g, e), .u.node = e });
}

static void to_real(struct gen *g, unsigned value, uint8_t type)
{
	if (type == ANOD_INT)
		(void) gen_emit(g, (struct code_op){ .op = CODE_TO_REAL,
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
	uint8_t type = gen_type_of(g, e);
	unsigned at = g->values;

	gen_value(g, e->a);
	if (type == ANOD_REAL)
		to_real(g, at, gen_type_of(g, e->a));
	gen_value(g, e->b);
	if (type == ANOD_REAL)
		to_real(g, at + 1, gen_type_of(g, e->b));
	g->values = at;
	gen_emit_value(g, (struct code_op){ .op = ops[e->op],
					    .type = type,
					    .a = (uint8_t) at,
					    .b = (uint8_t) (at + 1) });
}

static void gen_literal_value(struct gen *g, const struct expr *e)
{
	if (e->lit.type == ANOD_INT)
		gen_emit_value(g, (struct code_op){ .op = CODE_INT, .u.i = e->lit.u.i });
	else
		gen_emit_value(g, (struct code_op){ .op = CODE_REAL, .u.r = e->lit.u.r });
}

static void gen_count_value(struct gen *g, const struct expr *e)
{
	unsigned at = g->values;

	gen_emit_value(g, (struct code_op){ .op = CODE_COUNT, .jump = gen_add_count(g, e) });
	(void) gen_emit(
		g, (struct code_op){ .op = CODE_SETTLE, .dst = (uint8_t) at, .a = (uint8_t) at });
}

void gen_value(struct gen *g, const struct expr *e)
{
	bool uniform = g->c->uniform;

	if (!gen_has_room(g, 4)) {
		gen_tree_value(g, e);
	} else if (e->op == EXPR_LITERAL) {
		gen_literal_value(g, e);
	} else if (!uniform && gen_is_uniform(e)) {
		uint16_t part = gen_add_part(g, e, WANT_VALUE);

		gen_emit_value(g, (struct code_op){ .op = CODE_PART_VALUE,
						    .type = gen_type_of(g, e),
						    .jump = part });
	} else if (gen_is_own_column(g, e)) {
		gen_emit_value(g, (struct code_op){ .op = CODE_LOAD, .slot = (uint16_t) e->slot });
	} else if (gen_is_column(e) && !e->entity && !uniform) {
		gen_emit_value(g, (struct code_op){ .op = CODE_NAMED,
						    .kind = e->kind,
						    .slot = (uint16_t) e->slot });
	} else if (e->op == EXPR_ADD || e->op == EXPR_SUB || e->op == EXPR_MUL ||
		   e->op == EXPR_DIV) {
		gen_arithmetic(g, e);
	} else if (gen_is_count(e) && uniform && gen_counts_plainly(e)) {
		gen_count_value(g, e);
	} else {
		gen_tree_value(g, e);
	}
}

void gen_bounds(struct gen *g, const struct expr *e, uint8_t type, uint8_t *ret_low,
		uint8_t *ret_high)
{
	uint8_t at = (uint8_t) g->values;

	*ret_low = *ret_high = at;
	if (!gen_is_count(e)) {
		gen_value(g, e);
		if (type == ANOD_REAL)
			to_real(g, at, gen_type_of(g, e));
		return;
	}

	*ret_high = (uint8_t) (at + 1);
	if (g->c->uniform)
		gen_emit_value(g,
			       (struct code_op){ .op = CODE_COUNT, .jump = gen_add_count(g, e) });
	else
		gen_emit_value(g, (struct code_op){ .op = CODE_PART_BOUNDS,
						    .jump = gen_add_part(g, e, WANT_BOUNDS) });
	g->values++;
	if (type == ANOD_REAL) {
		to_real(g, at, ANOD_INT);
		to_real(g, at + 1u, ANOD_INT);
	}
}
