/*
 * dnf - an expression as a union of boxes, for each of the four questions.
 *
 * Design.  Two walks over the same tree with one shape: noting makes variables, asking looks them
 * up.  Leaves are in dnf_leaf.c.
 */
#include "policy/dnf_priv.h"

#include <errno.h>
#include <string.h>

#include "facts/value.h"

static int ask(struct walk *k, const struct expr *e, enum where w, struct region *ret);

static enum where opposite(enum where w)
{
	static const enum where of[] = { WHERE_FALSE, WHERE_TRUE, WHERE_NOT_FALSE, WHERE_NOT_TRUE };

	return of[w];
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
		return dnf_opaque(k, e, w, ret);
	r = dnf_var(k, e->a, e->a->type == ANOD_PREFIX ? VAR_PREFIX : VAR_WORD, &v);
	if (r < 0)
		return r;
	return k->note ? note_set(dnf_noted(k, v), set) : dnf_pieces(k, v, fn, set, w, ret);
}

static int ask_overlaps(struct walk *k, const struct expr *e, enum where w, struct region *ret)
{
	const struct var *v;
	struct anod_value lit;
	int r;

	if (!e->b)
		return ask_set(k, e, overlaps_set, w, ret);
	if (!dnf_constant(e->b, &lit) || lit.type != ANOD_PREFIX)
		return dnf_opaque(k, e, w, ret);
	r = dnf_var(k, e->a, VAR_PREFIX, &v);
	if (r < 0)
		return r;
	return k->note ? var_note_prefix(dnf_noted(k, v), &lit.u.prefix)
		       : dnf_pieces(k, v, overlaps_prefix, &lit.u.prefix, w, ret);
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
		r = dnf_opaque(k, e, w, ret);
		return r < 0 ? r : ask(k, e->a, w, ret);
	}
	r = dnf_opaque(k, e, w, &own);
	if (r == 0)
		r = ask(k, e->a, w, &now);
	if (r < 0)
		return r;
	if (is_for == dnf_wants_true(w))
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
	if ((e->op == EXPR_AND) == dnf_wants_true(w))
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
		return dnf_compare(k, e, w, ret);
	case EXPR_IN_SET:
		return ask_set(k, e, in_literal, w, ret);
	case EXPR_OVERLAPS:
		return ask_overlaps(k, e, w, ret);
	case EXPR_FOR:
	case EXPR_WITHIN:
		return ask_held(k, e, w, ret);
	case EXPR_LITERAL:
		return dnf_known(k,
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
		return dnf_opaque(k, e, w, ret);
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
