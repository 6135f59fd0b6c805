/*
 * expr_eval - the truth and the value of a bound tree.
 *
 * Design.  Kleene's logic, and in comparisons the interval that a count can still reach, so that
 * doubt about one link decides nothing that the others have decided.  All of it is monotone: an
 * answer of true or false stays what it is however the unknown facts turn out, which is the
 * theorem that policy rests on (architecture.md promise 2); a property test checks it.
 *
 * With a trace both sides of "and" and "or" are always read, because an explanation that depends
 * on the order of writing explains little; without one the second side is skipped when the first
 * has decided.
 */
#include "facts/expr_eval.h"

#include <string.h>

static enum anod_tri tri_of(bool b)
{
	return b ? ANOD_TRUE : ANOD_FALSE;
}

/* ---- trace ------------------------------------------------------------------------------ */

static bool same_read(const struct expr_read *r, const struct schema_attr *a, const char *entity,
		      const char *operand)
{
	return r->attr == a && strncmp(r->entity, entity, sizeof(r->entity) - 1) == 0 &&
	       strncmp(r->operand, operand, sizeof(r->operand) - 1) == 0;
}

static void trace(const struct expr_env *env, const struct schema_attr *a, const char *entity,
		  const char *operand, const struct anod_value *v, uint64_t age_us, const char *why)
{
	struct expr_trace *t = env->trace;
	struct expr_read *r;

	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		if (same_read(&t->read[i], a, entity, operand))
			return;
	if (t->n == t->max) {
		t->n_dropped++;
		return;
	}

	r = &t->read[t->n++];
	*r = (struct expr_read){ .attr = a, .value = *v, .age_us = age_us, .why = why };
	(void) copy_text(r->entity, sizeof(r->entity), entity);
	(void) copy_text(r->operand, sizeof(r->operand), operand);
}

/* ---- leaves ----------------------------------------------------------------------------- */

void eval_fact(struct eval *x, uint16_t kind, int slot, const char *entity, struct anod_value *ret)
{
	const struct expr_env *env = x->env;
	struct fact fact = { 0 };
	uint64_t age_us = 0;
	uint32_t handle = 0;

	if (env->store && entity)
		handle = store_find(env->store, kind, entity);
	if (handle == 0 || store_get(env->store, handle, (uint16_t) slot, env->now_us, &fact) < 0)
		fact = (struct fact){ .why = entity ? "no such entity" : "no subject" };
	else if (fact.time_us > 0 && fact.time_us < env->now_us)
		age_us = env->now_us - fact.time_us;

	*ret = fact.value;
	if (entity && env->fact && env->fact(env, kind, (uint16_t) slot, entity, ret))
		fact.why = NULL;
	if (env->trace && env->store)
		trace(env, schema_attr_at(store_schema(env->store), kind, (uint16_t) slot),
		      entity ? entity : "", "", ret, age_us, fact.why);
}

static const char *subject_of(const struct expr_env *env, const struct expr *fact)
{
	if (fact->entity)
		return fact->entity;
	return env->subject ? env->subject(env, fact->kind) : NULL;
}

static void fact_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	char name[2 * ANOD_KIND_SIZE];

	if (e->kind > 0 && e->slot >= 0) {
		eval_fact(x, e->kind, e->slot, subject_of(x->env, e), ret);
		return;
	}

	*ret = value_unknown();
	(void) snprintf(name, sizeof(name), "%s.%s", e->kind_name ? e->kind_name : "",
			e->attr ? e->attr : "");
	trace(x->env, NULL, e->entity ? e->entity : "", name, ret, 0, "no sensor provides it");
}

/* Between how many and how many times; high is INT64_MAX while the history is not known. */
static bool reversals_bounds(struct eval *x, const struct expr *e, struct bounds *ret)
{
	char window[32], name[64];
	int64_t low, high;
	struct anod_value v;
	bool known;

	if (e->op != EXPR_CALL || strcmp(e->name, "reversals") != 0)
		return false;

	ret->low = ret->high = value_unknown();
	known = x->env->reversals && x->env->reversals(x->env, e->dur_us, &low, &high);
	if (known) {
		ret->low = value_int(low, ANOD_UNIT_NONE);
		ret->high = value_int(high, ANOD_UNIT_NONE);
	}
	if (!x->env->trace)
		return true;
	v = value_int((int64_t) e->dur_us, ANOD_UNIT_TIME);
	(void) snprintf(name, sizeof(name), "reversals(resource, %s)",
			value_format(&v, window, sizeof(window)));
	v = known && low == high ? ret->low : value_unknown();
	trace(x->env, NULL, "", name, &v, 0, "what was done before is not known");
	return true;
}

static void formerly_trace(struct eval *x, const struct expr *e, enum anod_tri truth)
{
	struct anod_value v = value_int((int64_t) e->dur_us, ANOD_UNIT_TIME);
	char window[32], name[96];

	if (!x->env->trace)
		return;
	(void) snprintf(name, sizeof(name), "formerly %s%s within %s", e->name,
			e->fn == EXPR_FN_ANY ? " any" : "",
			value_format(&v, window, sizeof(window)));
	v = truth == ANOD_DOUBT ? value_unknown() : value_bool(truth == ANOD_TRUE);
	trace(x->env, NULL, "", name, &v, 0, "what was done before is not known");
}

static enum anod_tri formerly(struct eval *x, const struct expr *e)
{
	enum anod_tri truth = x->env->formerly ? x->env->formerly(x->env, e) : ANOD_DOUBT;

	formerly_trace(x, e, truth);
	return truth;
}

/* A function over time that stats_bind() has found a column for reads like a fact. */
static void call_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	struct bounds b;

	if (reversals_bounds(x, e, &b)) {
		*ret = value_same(&b.low, &b.high) ? b.low : value_unknown();
		return;
	}
	if (e->kind > 0 && e->slot >= 0) {
		eval_fact(x, e->kind, e->slot, subject_of(x->env, e), ret);
		return;
	}
	*ret = value_unknown();
	trace(x->env, NULL, "", e->name, ret, 0, "not evaluated here");
}

static void operand_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	bool known = x->env->operand && x->env->operand(x->env, e->name, ret);

	if (!known)
		*ret = value_unknown();
	trace(x->env, NULL, "", e->name, ret, 0, known ? NULL : "not known here");
}

static const struct expr *first_fact(const struct expr *e)
{
	const struct expr *found = NULL;

	if (!e || ((e->op == EXPR_FACT || e->op == EXPR_CALL) && e->kind > 0))
		return e;
	found = first_fact(e->a);
	return found ? found : first_fact(e->b);
}

static void before_value(struct eval *x, struct anod_value *ret)
{
	const struct expr *fact = first_fact(x->beside);
	const char *entity = fact ? subject_of(x->env, fact) : NULL;

	if (!entity || !x->env->before || !x->env->before(x->env, fact, entity, ret))
		*ret = value_unknown();
}

/* ---- numbers ---------------------------------------------------------------------------- */

static bool is_number(const struct anod_value *v)
{
	return v->type == ANOD_INT || v->type == ANOD_REAL;
}

static double as_real(const struct anod_value *v)
{
	return v->type == ANOD_INT ? (double) v->u.i : v->u.r;
}

static bool whole_arithmetic(enum expr_op op, int64_t a, int64_t b, int64_t *ret)
{
	if (op == EXPR_ADD)
		return !__builtin_add_overflow(a, b, ret);
	if (op == EXPR_SUB)
		return !__builtin_sub_overflow(a, b, ret);
	return !__builtin_mul_overflow(a, b, ret);
}

static double real_arithmetic(enum expr_op op, double a, double b)
{
	if (op == EXPR_ADD)
		return a + b;
	if (op == EXPR_SUB)
		return a - b;
	return op == EXPR_MUL ? a * b : a / b; /* by zero: not finite, hence unknown */
}

void eval_arithmetic(enum expr_op op, uint8_t unit, const struct anod_value *a,
		     const struct anod_value *b, struct anod_value *ret)
{
	int64_t whole;

	if (!is_number(a) || !is_number(b)) {
		*ret = value_unknown();
	} else if (op != EXPR_DIV && a->type == ANOD_INT && b->type == ANOD_INT) {
		*ret = whole_arithmetic(op, a->u.i, b->u.i, &whole)
			       ? value_int(whole, (enum anod_unit) unit)
			       : value_unknown();
	} else {
		*ret = value_real(real_arithmetic(op, as_real(a), as_real(b)),
				  (enum anod_unit) unit);
	}
}

/* ---- comparison ------------------------------------------------------------------------- */

static void eval_bounds(struct eval *x, const struct expr *e, struct bounds *ret)
{
	if (e->op == EXPR_COUNT && e->fn == EXPR_FN_COUNT) {
		eval_count(x, e, ret);
		return;
	}
	if (reversals_bounds(x, e, ret))
		return;
	eval_value(x, e, &ret->low);
	ret->high = ret->low;
}

/* True when it is true at the corner that is worst for it, false when it is false at the best. */
static enum anod_tri between(enum anod_tri worst, enum anod_tri best)
{
	return worst == ANOD_TRUE || best == ANOD_FALSE ? worst : ANOD_DOUBT;
}

static enum anod_tri equal_bounds(const struct bounds *a, const struct bounds *b)
{
	if (value_same(&a->low, &a->high) && value_same(&b->low, &b->high))
		return value_compare(VALUE_EQ, &a->low, &b->low);
	if (value_compare(VALUE_LT, &a->high, &b->low) == ANOD_TRUE ||
	    value_compare(VALUE_GT, &a->low, &b->high) == ANOD_TRUE)
		return ANOD_FALSE;
	return ANOD_DOUBT;
}

static enum anod_tri compare(struct eval *x, const struct expr *e)
{
	const struct expr *outer = x->beside;
	struct bounds a, b;

	x->beside = e->b;
	eval_bounds(x, e->a, &a);
	x->beside = e->a;
	eval_bounds(x, e->b, &b);
	x->beside = outer;

	switch (e->cmp) {
	case VALUE_EQ:
		return equal_bounds(&a, &b);
	case VALUE_NE:
		return tri_not(equal_bounds(&a, &b));
	case VALUE_LT:
	case VALUE_LE:
		return between(value_compare(e->cmp, &a.high, &b.low),
			       value_compare(e->cmp, &a.low, &b.high));
	case VALUE_GT:
	case VALUE_GE:
		return between(value_compare(e->cmp, &a.low, &b.high),
			       value_compare(e->cmp, &a.high, &b.low));
	}
	return ANOD_DOUBT;
}

static enum anod_tri in_set(struct eval *x, const struct expr *e)
{
	struct anod_value v;

	eval_value(x, e->a, &v);
	if (v.type == ANOD_UNKNOWN || (v.flags & ANOD_VALUE_OUTSIDE) || !x->env->in_set)
		return ANOD_DOUBT;
	return x->env->in_set(x->env, e->name, &v);
}

static enum anod_tri overlaps(struct eval *x, const struct expr *e)
{
	struct anod_value a, b;

	eval_value(x, e->a, &a);
	if (a.type != ANOD_PREFIX)
		return ANOD_DOUBT;
	if (!e->b)
		return x->env->overlaps ? x->env->overlaps(x->env, e->name, &a) : ANOD_DOUBT;

	eval_value(x, e->b, &b);
	if (b.type != ANOD_PREFIX)
		return ANOD_DOUBT;
	return tri_of(prefix_overlaps(&a.u.prefix, &b.u.prefix));
}

/* ---- nodes ------------------------------------------------------------------------------ */

/* "and" is the minimum, "or" the maximum. */
static enum anod_tri junction(struct eval *x, const struct expr *e)
{
	enum anod_tri decides = e->op == EXPR_AND ? ANOD_FALSE : ANOD_TRUE;
	enum anod_tri a = eval_truth(x, e->a), b;

	if (a == decides && !x->env->trace)
		return a;
	b = eval_truth(x, e->b);
	return e->op == EXPR_AND ? MIN_OF(a, b) : MAX_OF(a, b);
}

static enum anod_tri value_truth(struct eval *x, const struct expr *e)
{
	struct anod_value v;

	eval_value(x, e, &v);
	return v.type == ANOD_BOOL ? tri_of(v.u.i != 0) : ANOD_DOUBT;
}

static enum anod_tri node_truth(struct eval *x, const struct expr *e)
{
	switch (e->op) {
	case EXPR_NOT:
		return tri_not(eval_truth(x, e->a));
	case EXPR_AND:
	case EXPR_OR:
		return junction(x, e);
	case EXPR_COMPARE:
		return compare(x, e);
	case EXPR_IN_SET:
		return in_set(x, e);
	case EXPR_OVERLAPS:
		return overlaps(x, e);
	case EXPR_FOR:
	case EXPR_WITHIN:
		return x->env->held ? x->env->held(x->env, e) : ANOD_DOUBT;
	case EXPR_COUNT:
		if (e->fn == EXPR_FN_EVERY || e->fn == EXPR_FN_ANY)
			return eval_quantifier(x, e);
		return ANOD_DOUBT;
	case EXPR_LITERAL:
	case EXPR_FACT:
	case EXPR_OPERAND:
	case EXPR_BEFORE:
	case EXPR_CALL:
		return value_truth(x, e);
	case EXPR_FORMERLY:
		return formerly(x, e);
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		break;
	}
	return ANOD_DOUBT;
}

enum anod_tri eval_truth(struct eval *x, const struct expr *e)
{
	enum anod_tri truth = ANOD_DOUBT;

	/* A tree has at most EXPR_NODES_MAX nodes, so a deeper one is not from expr_parse(). */
	if (++x->depth <= EXPR_NODES_MAX)
		truth = node_truth(x, e);
	x->depth--;
	return truth;
}

static void count_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	struct bounds b;

	eval_count(x, e, &b);
	*ret = value_same(&b.low, &b.high) ? b.low : value_unknown();
}

static void node_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	struct anod_value a, b;
	enum anod_tri truth;

	switch (e->op) {
	case EXPR_LITERAL:
		*ret = e->lit;
		return;
	case EXPR_FACT:
		fact_value(x, e, ret);
		return;
	case EXPR_OPERAND:
		operand_value(x, e, ret);
		return;
	case EXPR_CALL:
		call_value(x, e, ret);
		return;
	case EXPR_BEFORE:
		before_value(x, ret);
		return;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		eval_value(x, e->a, &a);
		eval_value(x, e->b, &b);
		eval_arithmetic(e->op, e->unit, &a, &b, ret);
		return;
	case EXPR_COUNT:
		if (e->fn == EXPR_FN_COUNT) {
			count_value(x, e, ret);
			return;
		}
		if (e->fn >= EXPR_FN_MIN) {
			eval_fold(x, e, ret);
			return;
		}
		break;
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_COMPARE:
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
	case EXPR_FOR:
	case EXPR_WITHIN:
	case EXPR_FORMERLY:
		break;
	}

	truth = eval_truth(x, e);
	*ret = truth == ANOD_DOUBT ? value_unknown() : value_bool(truth == ANOD_TRUE);
}

void eval_value(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	*ret = value_unknown();
	if (++x->depth <= EXPR_NODES_MAX)
		node_value(x, e, ret);
	x->depth--;
}

enum anod_tri expr_truth(const struct expr *e, const struct expr_env *env)
{
	struct eval x = { .env = env };

	return eval_truth(&x, e);
}

void expr_value(const struct expr *e, const struct expr_env *env, struct anod_value *ret)
{
	struct eval x = { .env = env };

	eval_value(&x, e, ret);
}
