/*
 * dnf - an expression as a union of boxes, for each of the four questions.
 *
 * Design.  Two walks over the same tree with one shape: noting makes variables, asking looks them
 * up.  A leaf that compares with a constant binds its variable; what cannot be taken apart binds
 * a variable under its own text.  Two comparisons of the same two things share one variable of
 * order, so "a < b" and "a >= b" are each other's opposite.
 */
#include "policy/dnf.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/value.h"

static const enum value_cmp swapped[] = {
	VALUE_EQ, VALUE_NE, VALUE_GT, VALUE_GE, VALUE_LT, VALUE_LE
};

/* Both walks: 'note' is the space while it is open, else NULL. */
struct walk {
	struct space *note;
	const struct space *s;
	unsigned depth; /* of sets */
};

static int ask(struct walk *k, const struct expr *e, enum where w, struct region *ret);

static bool wants_true(enum where w)
{
	return w == WHERE_TRUE || w == WHERE_NOT_FALSE;
}

static enum where opposite(enum where w)
{
	static const enum where of[] = { WHERE_FALSE, WHERE_TRUE, WHERE_NOT_FALSE, WHERE_NOT_TRUE };

	return of[w];
}

/* ---- constants ----------------------------------------------------------------------------- */

static void note_variable(const struct expr *e, void *data)
{
	bool *found = data;

	*found |= e->op != EXPR_LITERAL && e->op != EXPR_ADD && e->op != EXPR_SUB &&
		  e->op != EXPR_MUL && e->op != EXPR_DIV;
}

static bool constant(const struct expr *e, struct anod_value *ret)
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

static int leaf_var(struct walk *k, const struct expr *e, enum var_type type,
		    const struct var **ret)
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

static struct var *noted(struct walk *k, const struct var *v)
{
	return &k->note->var[v - k->note->var];
}

/* The box in which the variable has only the pieces for which 'fn' is true (or false), with or
 * without doubt, as the question says. */
typedef bool piece_fn(const struct var *v, unsigned piece, const void *data);

static int ask_pieces(struct walk *k, const struct var *v, piece_fn *fn, const void *data,
		      enum where w, struct region *ret)
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
		    (p == PIECE_UNKNOWN ? doubt : fn(v, p, data) == wants_true(w)))
			box_set(v, b, p);
	return region_add(k->s, ret, b);
}

static bool is_true(const struct var *v, unsigned piece, const void *data)
{
	(void) v;
	(void) data;
	return piece == PIECE_TRUE;
}

/* A variable under the expression's own text. */
static int ask_opaque(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	const struct var *v;
	int r = leaf_var(k, e, VAR_TRUTH, &v);

	return r < 0 ? r : ask_pieces(k, v, is_true, NULL, w, ret);
}

static int ask_known(struct walk *k, enum anod_tri truth, enum where w, struct region *ret)
{
	bool in = truth == ANOD_DOUBT ? w == WHERE_NOT_TRUE || w == WHERE_NOT_FALSE
				      : (truth == ANOD_TRUE) == wants_true(w);

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
	switch (c->cmp) {
	case VALUE_EQ:
		return order == 0;
	case VALUE_NE:
		return order != 0;
	case VALUE_LT:
		return order < 0;
	case VALUE_LE:
		return order <= 0;
	case VALUE_GT:
		return order > 0;
	case VALUE_GE:
		return order >= 0;
	}
	return false;
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
	return v ? ask_pieces(k, v, order_fits, &c, w, ret) : -E2BIG;
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
		return lit->type == ANOD_UNKNOWN ? ask_known(k, ANOD_DOUBT, w, ret) : -E2BIG;
	}

	r = leaf_var(k, e, type, &v);
	if (r < 0)
		return r;
	if (k->note && type == VAR_NUMBER)
		return var_note_number(noted(k, v), c->x);
	if (k->note && type == VAR_WORD)
		return var_note_word(noted(k, v), lit->u.text);
	if (k->note && type == VAR_PREFIX)
		return var_note_prefix(noted(k, v), &lit->u.prefix);
	return ask_pieces(k, v, fn, c, w, ret);
}

static int ask_compare(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	struct compared c = { .cmp = e->cmp };
	struct anod_value a, b;
	bool left = constant(e->a, &a), right = constant(e->b, &b);

	if (left && right)
		return ask_known(k, value_compare(e->cmp, &a, &b), w, ret);
	if (right)
		return ask_constant(k, e->a, &b, &c, w, ret);
	if (!left)
		return ask_order(k, e, w, ret);
	c.cmp = swapped[e->cmp];
	return ask_constant(k, e->b, &a, &c, w, ret);
}

/* ---- sets ---------------------------------------------------------------------------------- */

static bool in_literal(const struct var *v, unsigned piece, const void *data)
{
	const struct policy_set *set = data;

	for (unsigned i = 0; v->type == VAR_WORD && i < set->n_names; i++)
		if (piece_is_word(v, piece, set->member[i]))
			return true;
	for (unsigned i = 0; v->type == VAR_PREFIX && i < set->n_prefixes; i++)
		if (prefix_contains(&set->prefix[i], piece_prefix(v, piece)))
			return true;
	for (unsigned i = 0; v->type == VAR_PREFIX && i < set->n_flows; i++)
		if (prefix_contains(&set->flow[i].dst, piece_prefix(v, piece)))
			return true;
	return false;
}

static bool overlaps_set(const struct var *v, unsigned piece, const void *data)
{
	const struct policy_set *set = data;

	for (unsigned i = 0; i < set->n_prefixes; i++)
		if (prefix_overlaps(&set->prefix[i], piece_prefix(v, piece)))
			return true;
	for (unsigned i = 0; i < set->n_flows; i++)
		if (prefix_overlaps(&set->flow[i].dst, piece_prefix(v, piece)))
			return true;
	return false;
}

static bool overlaps_prefix(const struct var *v, unsigned piece, const void *data)
{
	return prefix_overlaps(data, piece_prefix(v, piece));
}

static int note_set(struct var *v, const struct policy_set *set)
{
	int r = 0;

	for (unsigned i = 0; v->type == VAR_WORD && r == 0 && i < set->n_names; i++)
		r = var_note_word(v, set->member[i]);
	for (unsigned i = 0; v->type == VAR_PREFIX && r == 0 && i < set->n_prefixes; i++)
		r = var_note_prefix(v, &set->prefix[i]);
	for (unsigned i = 0; v->type == VAR_PREFIX && r == 0 && i < set->n_flows; i++)
		r = var_note_prefix(v, &set->flow[i].dst);
	return r;
}

static int ask_set(struct walk *k, const struct expr *e, piece_fn *fn, enum where w,
		   struct region *ret)
{
	const struct policy_set *set = policy_find_set(k->s->config->policy, e->name);
	const struct var *v;
	int r;

	/* Members of a set with a condition: whether this one is among them is its own question. */
	if (!set || set->where)
		return ask_opaque(k, e, w, ret);
	r = leaf_var(k, e->a, e->a->type == ANOD_PREFIX ? VAR_PREFIX : VAR_WORD, &v);
	if (r < 0)
		return r;
	return k->note ? note_set(noted(k, v), set) : ask_pieces(k, v, fn, set, w, ret);
}

static int ask_overlaps(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	const struct var *v;
	struct anod_value lit;
	int r;

	if (!e->b)
		return ask_set(k, e, overlaps_set, w, ret);
	if (!constant(e->b, &lit) || lit.type != ANOD_PREFIX)
		return ask_opaque(k, e, w, ret);
	r = leaf_var(k, e->a, VAR_PREFIX, &v);
	if (r < 0)
		return r;
	return k->note ? var_note_prefix(noted(k, v), &lit.u.prefix)
		       : ask_pieces(k, v, overlaps_prefix, &lit.u.prefix, w, ret);
}

/* ---- time ---------------------------------------------------------------------------------- */

/*
 * "X for D" is a variable of its own, and what is true for D is true now: so it is surely true only
 * where X is, and not false only where X is not.  The other two questions are about where it may
 * not hold, and there X says nothing that the variable does not.  "X in D" is the dual.
 */
static int ask_held(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	_cleanup_(region_done) struct region own = { 0 }, now = { 0 };
	bool is_for = e->op == EXPR_FOR;
	int r;

	if (k->note) {
		r = ask_opaque(k, e, w, ret);
		return r < 0 ? r : ask(k, e->a, w, ret);
	}
	r = ask_opaque(k, e, w, &own);
	if (r == 0)
		r = ask(k, e->a, w, &now);
	if (r < 0)
		return r;
	if (is_for == wants_true(w))
		return region_meet(k->s, &own, &now, ret);
	r = region_join(k->s, ret, &own);
	return r < 0 ? r : region_join(k->s, ret, &now);
}

/* ---- the tree ------------------------------------------------------------------------------ */

static int ask_both(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	_cleanup_(region_done) struct region a = { 0 }, b = { 0 };
	int r = ask(k, e->a, w, &a);

	if (r == 0)
		r = ask(k, e->b, w, &b);
	if (r < 0 || k->note)
		return r;
	if ((e->op == EXPR_AND) == wants_true(w))
		return region_meet(k->s, &a, &b, ret);
	r = region_join(k->s, ret, &a);
	return r < 0 ? r : region_join(k->s, ret, &b);
}

static int ask(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	switch (e->op) {
	case EXPR_NOT:
		return ask(k, e->a, opposite(w), ret);
	case EXPR_AND:
	case EXPR_OR:
		return ask_both(k, e, w, ret);
	case EXPR_COMPARE:
		return ask_compare(k, e, w, ret);
	case EXPR_IN_SET:
		return ask_set(k, e, in_literal, w, ret);
	case EXPR_OVERLAPS:
		return ask_overlaps(k, e, w, ret);
	case EXPR_FOR:
	case EXPR_WITHIN:
		return ask_held(k, e, w, ret);
	case EXPR_LITERAL:
		return ask_known(k,
				 e->lit.type != ANOD_BOOL ? ANOD_DOUBT
				 : e->lit.u.i		  ? ANOD_TRUE
							  : ANOD_FALSE,
				 w, ret);
	case EXPR_FACT:
	case EXPR_OPERAND:
	case EXPR_BEFORE:
	case EXPR_CALL:
	case EXPR_COUNT:
	case EXPR_FORMERLY:
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		return ask_opaque(k, e, w, ret);
	}
	return -E2BIG;
}

int dnf_note(struct space *s, const struct expr *e)
{
	struct walk k = { .note = s, .s = s };

	return ask(&k, e, WHERE_TRUE, NULL);
}

int dnf_region(const struct space *s, const struct expr *e, enum where w, struct region *ret)
{
	struct walk k = { .s = s };

	return ask(&k, e, w, ret);
}
