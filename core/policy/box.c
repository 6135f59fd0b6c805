/*
 * box - intersection, inclusion and difference of boxes and regions.
 *
 * Design.  Bits.  A region keeps no box that another of its boxes holds, which keeps the product
 * of two regions small.  The difference of two boxes is cut along one variable after the other, so
 * its pieces do not overlap and their number is at most that of the variables.
 */
#include "policy/box.h"

#include <errno.h>
#include <string.h>

static unsigned words_of(const struct var *v)
{
	return (v->n_pieces + 63) / 64;
}

void box_clear(const struct var *v, uint64_t *b)
{
	memset(b + v->at, 0, words_of(v) * sizeof(*b));
}

static bool none_of(const struct var *v, const uint64_t *b)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < words_of(v); i++)
		any |= b[v->at + i];
	return any == 0;
}

bool box_empty(const struct space *s, const uint64_t *b)
{
	for (unsigned i = 0; i < s->n_vars; i++)
		if (none_of(&s->var[i], b))
			return true;
	return false;
}

bool box_inside(const struct space *s, const uint64_t *inner, const uint64_t *outer)
{
	for (unsigned i = 0; i < s->n_words; i++)
		if (inner[i] & ~outer[i])
			return false;
	return true;
}

bool box_meet(const struct space *s, uint64_t *b, const uint64_t *a)
{
	for (unsigned i = 0; i < s->n_words; i++)
		b[i] &= a[i];
	return !box_empty(s, b);
}

bool boxes_meet(const struct space *s, const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < s->n_vars; i++) {
		const struct var *v = &s->var[i];
		uint64_t any = 0;

		for (unsigned k = 0; k < words_of(v); k++)
			any |= a[v->at + k] & b[v->at + k];
		if (!any)
			return false;
	}
	return true;
}

bool box_free_in(const struct space *s, const uint64_t *b, const struct var *v)
{
	for (unsigned i = 0; i < words_of(v); i++)
		if (s->all[v->at + i] & ~b[v->at + i])
			return false;
	return true;
}

/* ---- regions ------------------------------------------------------------------------------ */

void region_done(struct region *r)
{
	free(r->box);
	*r = (struct region){ 0 };
}

static size_t box_size(const struct space *s)
{
	return s->n_words * sizeof(uint64_t);
}

/* Without a look at what is there. */
static int append(const struct space *s, struct region *r, const uint64_t *box)
{
	if (r->n == REGION_BOXES_MAX)
		return -E2BIG;
	if (r->n == r->max) {
		unsigned max = r->max ? 2 * r->max : 4;
		uint64_t *grown = realloc(r->box, max * MAX_OF(box_size(s), sizeof(uint64_t)));

		if (!grown)
			return -ENOMEM;
		r->box = grown;
		r->max = max;
	}
	memcpy(region_box(s, r, r->n++), box, box_size(s));
	return 0;
}

int region_add(const struct space *s, struct region *r, const uint64_t *box)
{
	unsigned n = 0;

	if (box_empty(s, box))
		return 0;
	for (unsigned i = 0; i < r->n; i++)
		if (box_inside(s, box, region_box(s, r, i)))
			return 0;
	for (unsigned i = 0; i < r->n; i++) {
		if (box_inside(s, region_box(s, r, i), box))
			continue;
		if (n != i)
			memcpy(region_box(s, r, n), region_box(s, r, i), box_size(s));
		n++;
	}
	r->n = n;
	return append(s, r, box);
}

int region_all(const struct space *s, struct region *ret)
{
	return append(s, ret, s->all);
}

int region_meet(const struct space *s, const struct region *a, const struct region *b,
		struct region *ret)
{
	_cleanup_(freep) uint64_t *box = malloc(MAX_OF(box_size(s), sizeof(*box)));
	int r = 0;

	if (!box)
		return -ENOMEM;
	for (unsigned i = 0; i < a->n && r == 0; i++)
		for (unsigned k = 0; k < b->n && r == 0; k++) {
			memcpy(box, region_box(s, a, i), box_size(s));
			if (box_meet(s, box, region_box(s, b, k)))
				r = region_add(s, ret, box);
		}
	return r;
}

int region_join(const struct space *s, struct region *r, const struct region *a)
{
	int err = 0;

	for (unsigned i = 0; i < a->n && err == 0; i++)
		err = region_add(s, r, region_box(s, a, i));
	return err;
}

/* What of 'a' is not in 'b', variable by variable. */
static int subtract_box(const struct space *s, const uint64_t *a, const uint64_t *b,
			struct region *ret)
{
	_cleanup_(freep) uint64_t *rest = NULL, *out = NULL;
	int r = 0;

	if (!boxes_meet(s, a, b))
		return append(s, ret, a);
	rest = malloc(MAX_OF(box_size(s), sizeof(*rest)));
	out = malloc(MAX_OF(box_size(s), sizeof(*out)));
	if (!rest || !out)
		return -ENOMEM;

	memcpy(rest, a, box_size(s));
	for (unsigned i = 0; i < s->n_vars && r == 0; i++) {
		const struct var *v = &s->var[i];

		memcpy(out, rest, box_size(s));
		for (unsigned k = 0; k < words_of(v); k++) {
			out[v->at + k] &= ~b[v->at + k];
			rest[v->at + k] &= b[v->at + k];
		}
		if (!none_of(v, out))
			r = append(s, ret, out);
	}
	return r;
}

int region_minus(const struct space *s, const struct region *a, const struct region *b,
		 struct region *ret)
{
	_cleanup_(region_done) struct region now = { 0 };
	int r = 0;

	for (unsigned i = 0; i < a->n && r == 0; i++)
		r = append(s, &now, region_box(s, a, i));
	for (unsigned k = 0; k < b->n && r == 0; k++) {
		struct region next = { 0 };

		for (unsigned i = 0; i < now.n && r == 0; i++)
			r = subtract_box(s, region_box(s, &now, i), region_box(s, b, k), &next);
		region_done(&now);
		now = next;
	}
	if (r < 0)
		return r;
	*ret = now;
	now = (struct region){ 0 };
	return 0;
}

int region_inside(const struct space *s, const struct region *a, const struct region *b,
		  uint64_t *ret_rest)
{
	_cleanup_(region_done) struct region rest = { 0 };
	int r = region_minus(s, a, b, &rest);

	if (r < 0)
		return r;
	if (rest.n && ret_rest)
		memcpy(ret_rest, region_box(s, &rest, 0), box_size(s));
	return rest.n == 0;
}

/* The only variable in which they differ, or NULL. */
static const struct var *only_difference(const struct space *s, const uint64_t *a,
					 const uint64_t *b)
{
	const struct var *found = NULL;

	for (unsigned i = 0; i < s->n_vars; i++) {
		const struct var *v = &s->var[i];

		if (memcmp(a + v->at, b + v->at, words_of(v) * sizeof(*a)) == 0)
			continue;
		if (found)
			return NULL;
		found = v;
	}
	return found;
}

static bool merge_one(const struct space *s, struct region *r)
{
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < i; k++) {
			uint64_t *a = region_box(s, r, i), *b = region_box(s, r, k);

			if (!only_difference(s, a, b) && !box_inside(s, a, b) &&
			    !box_inside(s, b, a))
				continue;
			for (unsigned w = 0; w < s->n_words; w++)
				b[w] |= a[w];
			if (i != --r->n)
				memcpy(a, region_box(s, r, r->n), box_size(s));
			return true;
		}
	return false;
}

void region_tidy(const struct space *s, struct region *r)
{
	while (r->n > 1 && merge_one(s, r))
		;
}
