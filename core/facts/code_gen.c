/*
 * code_gen - what a node is to the compiler, and writing instructions.
 *
 * Design.  Types are worked out here and not taken from expr_check(): the machine must know what a
 * register holds, whole or real, where the language only wants to know that it is a number.
 */
#include "facts/code_gen.h"

#include <errno.h>

#include "facts/watch.h"

/* ---- what a node is ---------------------------------------------------------------------- */

bool gen_is_column(const struct expr *e)
{
	return (e->op == EXPR_FACT || e->op == EXPR_CALL) && e->kind > 0 && e->slot >= 0;
}

bool gen_is_number(uint8_t type)
{
	return type == ANOD_INT || type == ANOD_REAL;
}

uint8_t gen_column_type(const struct gen *g, const struct expr *e)
{
	const struct schema_attr *a;

	if (!gen_is_column(e))
		return ANOD_UNKNOWN;
	a = schema_attr_at(g->c->schema, e->kind, (uint16_t) e->slot);
	return a ? a->type : ANOD_UNKNOWN;
}

uint8_t gen_type_of(const struct gen *g, const struct expr *e)
{
	uint8_t a, b;

	switch (e->op) {
	case EXPR_LITERAL:
		return e->lit.type;
	case EXPR_FACT:
	case EXPR_CALL:
		return gen_column_type(g, e);
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		a = gen_type_of(g, e->a);
		b = gen_type_of(g, e->b);
		if (!gen_is_number(a) || !gen_is_number(b))
			return ANOD_UNKNOWN;
		return e->op != EXPR_DIV && a == ANOD_INT && b == ANOD_INT ? ANOD_INT : ANOD_REAL;
	case EXPR_COUNT:
		if (e->fn == EXPR_FN_EVERY || e->fn == EXPR_FN_ANY)
			return ANOD_BOOL;
		if (e->fn == EXPR_FN_COUNT)
			return ANOD_INT;
		a = gen_type_of(g, e->a);
		return e->fn == EXPR_FN_AVG && gen_is_number(a) ? ANOD_REAL : a;
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_COMPARE:
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
	case EXPR_FOR:
	case EXPR_WITHIN:
		return ANOD_BOOL;
	case EXPR_OPERAND: /* gen_is_foreign() */
	case EXPR_BEFORE:
	case EXPR_FORMERLY:
		break;
	}
	return ANOD_UNKNOWN;
}

bool gen_is_foreign(const struct expr *e)
{
	return e && (e->op == EXPR_OPERAND || e->op == EXPR_BEFORE || gen_is_foreign(e->a) ||
		     gen_is_foreign(e->b));
}

static bool has_count(const struct expr *e)
{
	return e && (e->op == EXPR_COUNT || has_count(e->a) || has_count(e->b));
}

bool gen_is_count(const struct expr *e)
{
	return e->op == EXPR_COUNT && e->fn == EXPR_FN_COUNT;
}

bool gen_counts_plainly(const struct expr *e)
{
	return e->kind > 0 && !has_count(e->a) && !has_count(e->b);
}

bool gen_is_uniform(const struct expr *e)
{
	return watch_subject_kind(e) == 0;
}

bool gen_is_own_column(const struct gen *g, const struct expr *e)
{
	return gen_is_column(e) && !e->entity && e->kind == g->c->kind && !g->c->uniform;
}

/* ---- emitting ---------------------------------------------------------------------------- */

unsigned gen_emit(struct gen *g, struct code_op op)
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

void gen_emit_truth(struct gen *g, struct code_op op)
{
	op.dst = (uint8_t) g->truths++;
	(void) gen_emit(g, op);
}

void gen_emit_value(struct gen *g, struct code_op op)
{
	op.dst = (uint8_t) g->values++;
	(void) gen_emit(g, op);
}

bool gen_has_room(const struct gen *g, unsigned values)
{
	return g->truths + 3 <= CODE_TRUTHS_MAX && g->values + values <= CODE_VALUES_MAX;
}

uint16_t gen_add_part(struct gen *g, const struct expr *e, enum want want)
{
	struct code *c = g->c, *part = gen_compile(e, c->schema, c->kind, true, want, &g->r);
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

uint16_t gen_add_count(struct gen *g, const struct expr *e)
{
	struct code_count n = { .e = e, .admin_up = -1, .carrier = -1 }, *grown = NULL;
	struct code *c = g->c;

	if (e->up) {
		n.admin_up = slot_of(g, e->kind, "admin_up");
		n.carrier = slot_of(g, e->kind, "carrier");
	}
	if (e->b)
		n.where = gen_compile(e->b, c->schema, e->kind, false, WANT_TRUTH, &g->r);
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
