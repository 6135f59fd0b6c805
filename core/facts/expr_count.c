/*
 * expr_count - nodes that look at every entity of a kind.
 *
 * Design.  The condition is evaluated in an environment in which the counted entity is the
 * subject of its kind; the other hooks are those of the environment around it.  An entity whose
 * membership or condition is in doubt makes the bounds of a count wider; it makes a minimum, a
 * maximum, a sum or an average unknown, because one more member could be anything.
 */
#include "facts/expr_eval.h"

#include <string.h>

struct counted {
	struct expr_env env; /* first, so that the hook finds the rest */
	const struct expr_env *outer;
	uint16_t kind;
	const char *entity;
};

static const char *counted_subject(const struct expr_env *env, uint16_t kind)
{
	const struct counted *c = (const void *) env;

	if (kind == c->kind)
		return c->entity;
	return c->outer->subject ? c->outer->subject(c->outer, kind) : NULL;
}

/* A walk over the entities of e->kind. */
struct walk {
	struct counted counted;
	struct eval inner;
	const struct expr *e;
	const char *set; /* NULL: all of the kind */
	unsigned n;
	int admin_up, carrier; /* slots; -1: the kind has none */
};

static int slot_of(const struct expr_env *env, uint16_t kind, const char *name)
{
	const struct schema *s = store_schema(env->store);
	const struct schema_attr *a = schema_attr(s, schema_kind_name(s, kind), name);

	return a ? a->slot : -1;
}

/* false: too deep, or nothing to walk over. */
static bool walk_begin(struct walk *w, struct eval *x, const struct expr *e)
{
	if (x->counting >= EXPR_COUNT_NESTED || !x->env->store || e->kind == 0)
		return false;

	*w = (struct walk){
		.counted = { .env = *x->env, .outer = x->env, .kind = e->kind },
		.inner = { .depth = x->depth, .counting = x->counting + 1, .beside = x->beside },
		.e = e,
		.set = e->fn < EXPR_FN_MIN ? e->name : NULL,
		.admin_up = -1,
		.carrier = -1,
	};
	w->counted.env.subject = counted_subject;
	w->inner.env = &w->counted.env;
	if (e->up) {
		w->admin_up = slot_of(x->env, e->kind, "admin_up");
		w->carrier = slot_of(x->env, e->kind, "carrier");
	}
	return true;
}

static bool walk_next(struct walk *w)
{
	const struct store *s = w->counted.env.store;
	uint32_t entity = store_nth(s, w->e->kind, w->n++);

	w->counted.entity = entity ? store_entity_name(s, entity) : NULL;
	return entity != 0;
}

static enum anod_tri is_member(struct walk *w)
{
	const struct expr_env *outer = w->counted.outer;

	if (!w->set)
		return ANOD_TRUE;
	if (!outer->member)
		return ANOD_DOUBT;
	return outer->member(outer, w->set, w->e->kind, w->counted.entity);
}

static enum anod_tri flag_truth(struct walk *w, int slot)
{
	struct anod_value v = value_unknown();

	if (slot >= 0)
		eval_fact(&w->inner, w->e->kind, slot, w->counted.entity, &v);
	if (v.type != ANOD_BOOL)
		return ANOD_DOUBT;
	return v.u.i ? ANOD_TRUE : ANOD_FALSE;
}

/* "up" and "where": does the entity meet the condition? */
static enum anod_tri meets(struct walk *w)
{
	enum anod_tri truth = ANOD_TRUE;

	if (w->e->up) {
		enum anod_tri admin_up = flag_truth(w, w->admin_up);
		enum anod_tri carrier = flag_truth(w, w->carrier);

		truth = MIN_OF(admin_up, carrier);
	}
	if (w->e->b && truth != ANOD_FALSE) {
		enum anod_tri where = eval_truth(&w->inner, w->e->b);

		truth = MIN_OF(truth, where);
	}
	return truth;
}

void eval_count(struct eval *x, const struct expr *e, struct bounds *ret)
{
	int64_t sure = 0, possible = 0;
	struct walk w;

	*ret = (struct bounds){ .low = value_unknown(), .high = value_unknown() };
	if (!walk_begin(&w, x, e))
		return;

	while (walk_next(&w)) {
		enum anod_tri truth = is_member(&w);

		if (truth != ANOD_FALSE) {
			enum anod_tri met = meets(&w);

			truth = MIN_OF(truth, met);
		}
		sure += truth == ANOD_TRUE;
		possible += truth != ANOD_FALSE;
	}
	ret->low = value_int(sure, ANOD_UNIT_NONE);
	ret->high = value_int(possible, ANOD_UNIT_NONE);
}

enum anod_tri eval_quantifier(struct eval *x, const struct expr *e)
{
	bool every = e->fn == EXPR_FN_EVERY;
	enum anod_tri truth = every ? ANOD_TRUE : ANOD_FALSE;
	struct walk w;

	if (!walk_begin(&w, x, e))
		return ANOD_DOUBT;

	while (walk_next(&w)) {
		enum anod_tri member = is_member(&w), met;

		if (member == ANOD_FALSE)
			continue;
		met = meets(&w);
		if (every)
			truth = MIN_OF(truth, MAX_OF(tri_not(member), met));
		else
			truth = MAX_OF(truth, MIN_OF(member, met));
	}
	return truth;
}

/* One more value for the result so far; unknown spreads. */
static void fold_in(const struct expr *e, const struct anod_value *v, unsigned n,
		    struct anod_value *acc)
{
	enum value_cmp better = e->fn == EXPR_FN_MIN ? VALUE_LT : VALUE_GT;
	enum anod_tri wins;

	if (n == 0) {
		*acc = *v;
	} else if (e->fn == EXPR_FN_SUM || e->fn == EXPR_FN_AVG) {
		struct anod_value sum = *acc;

		eval_arithmetic(EXPR_ADD, e->unit, &sum, v, acc);
	} else {
		wins = value_compare(better, v, acc);
		if (wins == ANOD_TRUE)
			*acc = *v;
		else if (wins == ANOD_DOUBT)
			*acc = value_unknown();
	}
}

/* The sum of no members, of the type that a sum of some would have. */
static struct anod_value nothing(const struct expr *e)
{
	enum anod_unit unit = (enum anod_unit) e->unit;

	return e->a->type == ANOD_REAL ? value_real(0, unit) : value_int(0, unit);
}

void eval_fold(struct eval *x, const struct expr *e, struct anod_value *ret)
{
	struct anod_value acc = nothing(e), v, count;
	struct walk w;
	unsigned n = 0;

	*ret = value_unknown();
	if (!walk_begin(&w, x, e))
		return;

	while (walk_next(&w)) {
		enum anod_tri met = meets(&w);

		if (met == ANOD_FALSE)
			continue;
		if (met == ANOD_DOUBT)
			return;
		eval_value(&w.inner, e->a, &v);
		fold_in(e, &v, n++, &acc);
		if (acc.type != ANOD_INT && acc.type != ANOD_REAL)
			return;
	}

	if (e->fn == EXPR_FN_SUM || (n > 0 && e->fn != EXPR_FN_AVG)) {
		*ret = acc;
	} else if (n > 0) {
		count = value_int(n, ANOD_UNIT_NONE);
		eval_arithmetic(EXPR_DIV, e->unit, &acc, &count, ret);
	}
}
