/*
 * ptest_mutate_expr - small changes of conditions.
 *
 * Design.  A comparison turned round, a constant moved by one unit to either side, "and" for "or", a
 * duration a quarter longer or shorter.  What is inside a function over time stays: it names a column
 * of statistics, and a test gives the column's value.
 */
#include <math.h>

#include "facts/value.h"
#include "policy/ptest_int.h"

static enum value_cmp turned(enum value_cmp cmp)
{
	switch (cmp) {
	case VALUE_EQ:
		return VALUE_NE;
	case VALUE_NE:
		return VALUE_EQ;
	case VALUE_LT:
		return VALUE_GE;
	case VALUE_LE:
		return VALUE_GT;
	case VALUE_GT:
		return VALUE_LE;
	case VALUE_GE:
		return VALUE_LT;
	}
	return cmp;
}

/* One in the last place in which the number was written: 5% -> 1%, 30ms -> 1ms, 40 -> 1. */
static int64_t unit_step(const struct anod_value *v)
{
	static const int64_t time[] = { 60000000, 1000000, 1000 };
	static const int64_t other[] = { 1000000000, 1000000, 1000 };
	const int64_t *list = v->unit == ANOD_UNIT_TIME ? time : other;

	if (v->unit == ANOD_UNIT_NONE || v->unit == ANOD_UNIT_PACKETS)
		return 1;
	for (unsigned i = 0; i < 3; i++)
		if (v->u.i && v->u.i % list[i] == 0)
			return list[i];
	return 1;
}

double mutant_real_step(double x)
{
	double step = 1;

	x = fabs(x);
	while (step > 1e-9 && fabs(x / step - round(x / step)) > 1e-6)
		step /= 10;
	return x > 0 && x < 1 && step == 1 ? 0.01 : step;
}

static void move_literal(struct mutation *m, struct expr *lit, const char *whose)
{
	char from[64], to[64];

	for (int way = -1; way <= 1; way += 2) {
		struct anod_value v = lit->lit;

		if (v.type == ANOD_INT)
			v.u.i += way * unit_step(&v);
		else if (v.type == ANOD_REAL)
			v.u.r += way * mutant_real_step(v.u.r);
		else
			return;
		MUTANT(m, lit->lit, v, &lit->place, "%s: %s moved to %s", whose,
		       value_format(&old_, from, sizeof(from)), value_format(&v, to, sizeof(to)));
	}
}

void mutate_expr(struct mutation *m, struct expr *e, const char *whose)
{
	_cleanup_(freep) char *text = NULL;

	if (!e)
		return;
	if (e->op == EXPR_COMPARE) {
		text = expr_format(e);
		MUTANT(m, e->cmp, turned(e->cmp), &e->place, "%s: %s turned round", whose,
		       text ? text : "");
		if (e->b->op == EXPR_LITERAL)
			move_literal(m, e->b, whose);
	}
	if (e->op == EXPR_AND || e->op == EXPR_OR)
		MUTANT(m, e->op, e->op == EXPR_AND ? EXPR_OR : EXPR_AND, &e->place,
		       "%s: '%s' instead of '%s'", whose, e->op == EXPR_AND ? "and" : "or",
		       old_ == EXPR_AND ? "and" : "or");
	if (e->op == EXPR_FOR || e->op == EXPR_WITHIN) {
		MUTANT(m, e->dur_us, e->dur_us + e->dur_us / 4, &e->place, "%s: a quarter longer",
		       whose);
		MUTANT(m, e->dur_us, e->dur_us - e->dur_us / 4, &e->place, "%s: a quarter shorter",
		       whose);
	}
	/* What is inside a function over time is a column of its own. */
	if (e->op != EXPR_CALL) {
		mutate_expr(m, e->a, whose);
		mutate_expr(m, e->b, whose);
	}
}
