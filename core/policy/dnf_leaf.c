/*
 * dnf_leaf - what an expression is made of: variables, constants and comparisons.
 *
 * Design.  A comparison with a constant binds its variable to the pieces that compare so; what
 * cannot be taken apart is a variable under its own text.  Two comparisons of the same two things
 * share one variable of order, so "a < b" and "a >= b" are each other's opposite.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/value.h"
#include "policy/dnf_priv.h"

static const enum value_cmp swapped[] = {
	VALUE_EQ, VALUE_NE, VALUE_GT, VALUE_GE, VALUE_LT, VALUE_LE
};

/* ---- constants ----------------------------------------------------------------------------- */

static void note_variable(const struct expr *e, void *data)
{
	bool *found = data;

	*found |= e->op != EXPR_LITERAL && e->op != EXPR_ADD && e->op != EXPR_SUB &&
		  e->op != EXPR_MUL && e->op != EXPR_DIV;
}

bool dnf_constant(const struct expr *e, struct anod_value *ret)
{
	struct expr_env env = { 0 };
	bool found = false;

	expr_walk(e, note_variable, &found);
	if (found)
		return false;
	expr_value(e, &env, ret);
	return true;
}

static bool as_number(const struct anod_value *v, double *ret)
{
	if (v->type != ANOD_INT && v->type != ANOD_REAL)
		return false;
	*ret = v->type == ANOD_INT ? (double) v->u.i : v->u.r;
	return fabs(*ret) <= SPACE_NUMBER_MAX;
}

/* ---- variables ----------------------------------------------------------------------------- */

/* Has a fact of the kind without a name a subject in a rule? */
static bool has_subject(const struct walk *k, const char *kind)
{
	static const char *const kinds[] = { "link", "path", "host", "neigh", "nexthop" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return k->s->any_subject;
}

/* What is known of the numbers of a thing by what it is. */
static void bound(const struct walk *k, struct var *v, const struct expr *e)
{
	v->of = e;
	v->unit = e->unit;
	v->whole = e->type == ANOD_INT;
	if (e->op == EXPR_COUNT && e->fn == EXPR_FN_COUNT) {
		v->low = 0;
		v->whole = true;
	}
	v->never_known =
		e->op == EXPR_FACT && !e->entity && e->kind && !has_subject(k, e->kind_name);
	if (e->op != EXPR_OPERAND)
		return;
	if (strcmp(e->name, "model.confidence") == 0)
		v->high = 1;
	if (strcmp(e->name, "model.confidence") == 0 || strcmp(e->name, "evidence.count") == 0 ||
	    strcmp(e->name, "action.step") == 0)
		v->low = 0;
	/* decide() always knows how many references a finding has, and what it decides on. */
	v->known = strcmp(e->name, "evidence.count") == 0 || strcmp(e->name, "action.kind") == 0;
}

int dnf_var(struct walk *k, const struct expr *e, enum var_type type, const struct var **ret)
{
	_cleanup_(freep) char *key = expr_format(e);
	struct var *v = NULL;
	int r;

	if (!key)
		return -ENOMEM;
	if (!k->note) {
		*ret = space_find(k->s, key);
		return *ret && (*ret)->type == type ? 0 : -E2BIG;
	}
	r = space_var(k->note, key, type, &v);
	if (r == 0 && !v->of)
		bound(k, v, e);
	*ret = v;
	return r;
}

struct var *dnf_noted(struct walk *k, const struct var *v)
{
	return &k->note->var[v - k->note->var];
}

int dnf_pieces(struct walk *k, const struct var *v, piece_fn *fn, const void *data, enum where w,
	       struct region *ret)
{
	_cleanup_(freep) uint64_t *b = NULL;
	bool doubt = w == WHERE_NOT_TRUE || w == WHERE_NOT_FALSE;

	if (k->note)
		return 0;
	b = calloc(k->s->n_words + 1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	memcpy(b, k->s->all, k->s->n_words * sizeof(*b));
	box_clear(v, b);
	for (unsigned p = 0; p < v->n_pieces; p++)
		if (box_has(v, k->s->all, p) &&
		    (p == PIECE_UNKNOWN ? doubt : fn(v, p, data) == dnf_wants_true(w)))
			box_set(v, b, p);
	return region_add(k->s, ret, b);
}

static bool is_true(const struct var *v, unsigned piece, const void *data)
{
	(void) v;
	(void) data;
	return piece == PIECE_TRUE;
}

int dnf_opaque(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	const struct var *v;
	int r = dnf_var(k, e, VAR_TRUTH, &v);

	return r < 0 ? r : dnf_pieces(k, v, is_true, NULL, w, ret);
}

int dnf_known(struct walk *k, enum anod_tri truth, enum where w, struct region *ret)
{
	bool in = truth == ANOD_DOUBT ? w == WHERE_NOT_TRUE || w == WHERE_NOT_FALSE
				      : (truth == ANOD_TRUE) == dnf_wants_true(w);

	return in && !k->note ? region_all(k->s, ret) : 0;
}

/* ---- comparisons --------------------------------------------------------------------------- */

struct compared {
	enum value_cmp cmp;
	double x;
	const struct anod_value *v;
};

static bool number_fits(const struct var *v, unsigned piece, const void *data)
{
	const struct compared *c = data;

	return piece_compares(v, piece, c->cmp, c->x);
}

static bool word_fits(const struct var *v, unsigned piece, const void *data)
{
	const struct compared *c = data;

	return piece_is_word(v, piece, c->v->u.text) == (c->cmp == VALUE_EQ);
}

static bool truth_fits(const struct var *v, unsigned piece, const void *data)
{
	const struct compared *c = data;

	(void) v;
	return ((piece == PIECE_TRUE) == (c->v->u.i != 0)) == (c->cmp == VALUE_EQ);
}

static bool prefix_fits(const struct var *v, unsigned piece, const void *data)
{
	const struct compared *c = data;
	struct anod_value one = piece_value(v, piece);

	return value_same(&one, c->v) == (c->cmp == VALUE_EQ);
}

static bool order_fits(const struct var *v, unsigned piece, const void *data)
{
	const struct compared *c = data;
	int order = (int) piece - PIECE_EQUAL;

	(void) v;
	return order_holds(c->cmp, order);
}

/* Two things that both vary. */
static int ask_order(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	_cleanup_(freep) char *a = expr_format(e->a), *b = expr_format(e->b), *key = NULL;
	struct compared c = { .cmp = e->cmp };
	const struct var *v;
	struct var *made;
	int r;

	if (!a || !b)
		return -ENOMEM;
	if (strcmp(a, b) > 0) {
		c.cmp = swapped[e->cmp];
		r = asprintf(&key, "%s against %s", b, a);
	} else {
		r = asprintf(&key, "%s against %s", a, b);
	}
	if (r < 0) {
		key = NULL;
		return -ENOMEM;
	}
	if (k->note) {
		r = space_var(k->note, key, VAR_ORDER, &made);
		if (r == 0 && !made->of)
			made->of = e;
		return r;
	}
	v = space_find(k->s, key);
	return v ? dnf_pieces(k, v, order_fits, &c, w, ret) : -E2BIG;
}

static int ask_constant(struct walk *k, const struct expr *e, const struct anod_value *lit,
			struct compared *c, enum where w, struct region *ret)
{
	const struct var *v;
	enum var_type type;
	piece_fn *fn;
	int r;

	c->v = lit;
	if (as_number(lit, &c->x)) {
		type = VAR_NUMBER;
		fn = number_fits;
	} else if (lit->type == ANOD_TEXT && c->cmp <= VALUE_NE) {
		type = VAR_WORD;
		fn = word_fits;
	} else if (lit->type == ANOD_BOOL && c->cmp <= VALUE_NE) {
		type = VAR_TRUTH;
		fn = truth_fits;
	} else if (lit->type == ANOD_PREFIX && c->cmp <= VALUE_NE) {
		type = VAR_PREFIX;
		fn = prefix_fits;
	} else {
		return lit->type == ANOD_UNKNOWN ? dnf_known(k, ANOD_DOUBT, w, ret) : -E2BIG;
	}

	r = dnf_var(k, e, type, &v);
	if (r < 0)
		return r;
	if (k->note && type == VAR_NUMBER)
		return var_note_number(dnf_noted(k, v), c->x);
	if (k->note && type == VAR_WORD)
		return var_note_word(dnf_noted(k, v), lit->u.text);
	if (k->note && type == VAR_PREFIX)
		return var_note_prefix(dnf_noted(k, v), &lit->u.prefix);
	return dnf_pieces(k, v, fn, c, w, ret);
}

int dnf_compare(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	struct compared c = { .cmp = e->cmp };
	struct anod_value a, b;
	bool left = dnf_constant(e->a, &a), right = dnf_constant(e->b, &b);

	if (left && right)
		return dnf_known(k, value_compare(e->cmp, &a, &b), w, ret);
	if (right)
		return ask_constant(k, e->a, &b, &c, w, ret);
	if (!left)
		return ask_order(k, e, w, ret);
	c.cmp = swapped[e->cmp];
	return ask_constant(k, e->b, &a, &c, w, ret);
}
