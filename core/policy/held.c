/*
 * held - what cannot be, of conditions that were held.
 *
 * Design.  Each "X for D" is a variable of its own (dnf.c).  Where X is not true now it is not
 * true, where X is false it is false, and of two of them one can imply the other: what is above 400
 * for 10 s is above 200 for 5 s.  The points that say otherwise do not exist; a region without
 * them is exact where it would only have been on the safe side.  "X in D" is the dual.
 */
#include <errno.h>
#include <string.h>

#include "policy/dnf.h"

static bool is_held(const struct var *v)
{
	return v->type == VAR_TRUTH && v->of && (v->of->op == EXPR_FOR || v->of->op == EXPR_WITHIN);
}

static uint64_t *pieces_box(const struct space *s, const struct var *v, unsigned pieces)
{
	uint64_t *b = calloc(s->n_words + 1, sizeof(*b));

	if (!b)
		return NULL;
	memcpy(b, s->all, s->n_words * sizeof(*b));
	for (unsigned p = 0; p < v->n_pieces; p++)
		if (!(pieces >> p & 1))
			b[v->at] &= ~(UINT64_C(1) << p);
	return b;
}

#define SET_OF(a, b) (1u << (a) | 1u << (b))

/* The variable in 'pieces' while its condition is 'w' now. */
static int add_now(const struct space *s, const struct var *v, unsigned pieces, enum where w,
		   struct region *ret)
{
	_cleanup_(region_done) struct region now = { 0 };
	_cleanup_(freep) uint64_t *box = pieces_box(s, v, pieces);
	int r = box ? dnf_region(s, v->of->a, w, &now) : -ENOMEM;

	for (unsigned i = 0; i < now.n && r == 0; i++)
		if (box_meet(s, region_box(s, &now, i), box))
			r = region_add(s, ret, region_box(s, &now, i));
	return r;
}

static int add_one(const struct space *s, const struct var *v, struct region *ret)
{
	bool is_for = v->of->op == EXPR_FOR;
	int r;

	if (is_for) {
		r = add_now(s, v, 1u << PIECE_TRUE, WHERE_NOT_TRUE, ret);
		return r < 0 ? r
			     : add_now(s, v, SET_OF(PIECE_TRUE, PIECE_UNKNOWN), WHERE_FALSE, ret);
	}
	r = add_now(s, v, 1u << PIECE_FALSE, WHERE_NOT_FALSE, ret);
	return r < 0 ? r : add_now(s, v, SET_OF(PIECE_FALSE, PIECE_UNKNOWN), WHERE_TRUE, ret);
}

static int implies(const struct space *s, const struct expr *a, const struct expr *b, enum where w)
{
	_cleanup_(region_done) struct region x = { 0 }, y = { 0 };
	int r = dnf_region(s, a, w, &x);

	if (r == 0)
		r = dnf_region(s, b, w, &y);
	return r < 0 ? r : region_inside(s, &x, &y, NULL);
}

/* 'a' true while 'b' is not, or 'b' false while 'a' is not, though 'a' implies 'b'. */
static int add_pair(const struct space *s, const struct var *a, const struct var *b,
		    struct region *ret)
{
	_cleanup_(freep) uint64_t *one = NULL, *other = NULL;
	int r;

	if (a->of->op != b->of->op ||
	    (a->of->op == EXPR_FOR ? b->of->dur_us > a->of->dur_us : a->of->dur_us > b->of->dur_us))
		return 0;
	r = implies(s, a->of->a, b->of->a, WHERE_TRUE);
	if (r > 0) {
		one = pieces_box(s, a, 1u << PIECE_TRUE);
		other = pieces_box(s, b, SET_OF(PIECE_FALSE, PIECE_UNKNOWN));
		if (!one || !other)
			return -ENOMEM;
		r = box_meet(s, one, other) ? region_add(s, ret, one) : 0;
	}
	if (r >= 0)
		r = implies(s, b->of->a, a->of->a, WHERE_FALSE);
	if (r > 0) {
		free(one);
		free(other);
		one = pieces_box(s, b, 1u << PIECE_FALSE);
		other = pieces_box(s, a, SET_OF(PIECE_TRUE, PIECE_UNKNOWN));
		if (!one || !other)
			return -ENOMEM;
		r = box_meet(s, one, other) ? region_add(s, ret, one) : 0;
	}
	return MIN_OF(r, 0);
}

int held_impossible(const struct space *s, struct region *ret)
{
	int r = 0;

	for (unsigned i = 0; i < s->n_vars && r == 0; i++) {
		if (!is_held(&s->var[i]))
			continue;
		r = add_one(s, &s->var[i], ret);
		for (unsigned k = 0; k < s->n_vars && r == 0; k++)
			if (k != i && is_held(&s->var[k]))
				r = add_pair(s, &s->var[i], &s->var[k], ret);
	}
	return r;
}

/* What is not so while everything has been as it is for long: then "X for D" is X. */
static int add_unsettled(const struct space *s, const struct var *v, struct region *ret)
{
	int r = add_now(s, v, 1u << PIECE_TRUE, WHERE_NOT_TRUE, ret);

	if (r == 0)
		r = add_now(s, v, 1u << PIECE_FALSE, WHERE_NOT_FALSE, ret);
	if (r == 0)
		r = add_now(s, v, 1u << PIECE_UNKNOWN, WHERE_TRUE, ret);
	return r < 0 ? r : add_now(s, v, 1u << PIECE_UNKNOWN, WHERE_FALSE, ret);
}

static int without(const struct space *s, struct region *r, const struct region *out)
{
	struct region rest = { 0 };
	int err;

	if (!out->n)
		return 0;
	err = region_minus(s, r, out, &rest);
	if (err < 0)
		return err;
	region_done(r);
	*r = rest;
	return 0;
}

int held_settled(const struct space *s, struct region *r)
{
	_cleanup_(region_done) struct region out = { 0 };
	int err = 0;

	for (unsigned i = 0; i < s->n_vars && err == 0; i++)
		if (is_held(&s->var[i]))
			err = add_unsettled(s, &s->var[i], &out);
	return err < 0 ? err : without(s, r, &out);
}

int held_possible(const struct space *s, struct region *r)
{
	_cleanup_(region_done) struct region out = { 0 };
	int err = held_impossible(s, &out);

	return err < 0 ? err : without(s, r, &out);
}
