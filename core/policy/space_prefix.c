/*
 * space_prefix - into what classes the prefixes of a guard fall.
 *
 * Design.  Two prefixes are of one class when they lie alike to every prefix written: equal, inside,
 * around or apart.  Of each class one is kept, found by trying: the candidates are the nodes of the tree
 * of those written and of their forks, and what lies beside and between them.
 */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "policy/box.h"

static bool same_prefix(const struct anod_prefix *a, const struct anod_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

int var_note_prefix(struct var *v, const struct anod_prefix *p)
{
	struct anod_prefix *grown;

	for (unsigned i = 0; i < v->n; i++)
		if (same_prefix(&v->prefix[i], p))
			return 0;
	if (v->n == SPACE_PIECES_MAX / 4)
		return -E2BIG;
	grown = realloc(v->prefix, (v->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->prefix = grown;
	v->prefix[v->n++] = *p;
	return 0;
}

/* ---- classes of prefixes ------------------------------------------------------------------ */

static uint8_t bit_of(const struct anod_prefix *p, unsigned i)
{
	return p->addr[i / 8] >> (7 - i % 8) & 1;
}

static struct anod_prefix cut(const struct anod_prefix *p, unsigned len)
{
	struct anod_prefix r = *p;

	for (unsigned i = len; i < 128; i++)
		r.addr[i / 8] &= (uint8_t) ~(1u << (7 - i % 8));
	r.len = (uint8_t) len;
	return r;
}

static struct anod_prefix beside(const struct anod_prefix *p, unsigned len)
{
	struct anod_prefix r = cut(p, len);

	r.addr[(len - 1) / 8] ^= (uint8_t) (1u << (7 - (len - 1) % 8));
	return r;
}

static unsigned common_len(const struct anod_prefix *a, const struct anod_prefix *b)
{
	unsigned n = 0;

	while (n < MIN_OF(a->len, b->len) && bit_of(a, n) == bit_of(b, n))
		n++;
	return n;
}

static unsigned bits_of(const struct anod_prefix *p)
{
	return p->family == AF_INET ? 32 : 128;
}

struct classes {
	const struct anod_prefix *of;
	unsigned n_of, n;
	struct anod_prefix *one; /* of each class */
};

static int relation(const struct anod_prefix *x, const struct anod_prefix *p)
{
	if (same_prefix(x, p))
		return 0;
	if (prefix_contains(p, x))
		return 1;
	return prefix_contains(x, p) ? 2 : 3;
}

static int try_class(struct classes *c, const struct anod_prefix *x)
{
	for (unsigned i = 0; i < c->n; i++) {
		bool same = true;

		for (unsigned k = 0; k < c->n_of && same; k++)
			same = relation(x, &c->of[k]) == relation(&c->one[i], &c->of[k]);
		if (same)
			return 0;
	}
	if (c->n + 1 >= SPACE_PIECES_MAX)
		return -E2BIG;
	c->one[c->n++] = *x;
	return 0;
}

/* What lies at, above, below and beside a node of the tree. */
static int try_around(struct classes *c, const struct anod_prefix *node)
{
	unsigned len = node->len, up = 0;
	struct anod_prefix x;
	int r = try_class(c, node);

	for (unsigned i = 0; i < c->n_of; i++)
		if (c->of[i].family == node->family) {
			unsigned common = common_len(&c->of[i], node);

			if (common < len)
				up = MAX_OF(up, common);
		}
	if (r == 0 && len > 0) {
		x = cut(node, len - 1);
		r = try_class(c, &x);
	}
	{
		const unsigned lens[] = { up + 1, up + 2, len };

		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lens); i++) {
			if (lens[i] > len || len == 0)
				continue;
			x = beside(node, lens[i]);
			r = try_class(c, &x);
		}
	}
	for (unsigned bit = 0; r == 0 && bit < 2 && len < bits_of(node); bit++) {
		x = cut(node, len);
		x.len++;
		if (bit)
			x = beside(&x, len + 1);
		r = try_class(c, &x);
	}
	return r;
}

int var_seal_prefix(struct var *v)
{
	struct classes c = { .of = v->prefix, .n_of = v->n };
	struct anod_prefix any4 = { .family = AF_INET }, any6 = { .family = AF_INET6 };
	int r;

	c.one = calloc(SPACE_PIECES_MAX, sizeof(*c.one));
	if (!c.one)
		return -ENOMEM;
	r = try_around(&c, &any4);
	if (r == 0)
		r = try_around(&c, &any6);
	for (unsigned i = 0; r == 0 && i < v->n; i++) {
		r = try_around(&c, &v->prefix[i]);
		for (unsigned k = 0; r == 0 && k < i; k++) {
			struct anod_prefix fork;

			if (v->prefix[i].family != v->prefix[k].family)
				continue;
			fork = cut(&v->prefix[i], common_len(&v->prefix[i], &v->prefix[k]));
			r = try_around(&c, &fork);
		}
	}
	if (r < 0) {
		free(c.one);
		return r;
	}
	v->written = v->prefix;
	v->n_written = v->n;
	v->prefix = c.one;
	v->n = c.n;
	v->n_pieces = 1 + c.n;
	return 0;
}

/* ---- questions ---------------------------------------------------------------------- */

unsigned piece_around(const struct var *v, const struct anod_prefix *p)
{
	for (unsigned i = 0; i < v->n; i++) {
		bool same = true;

		for (unsigned k = 0; k < v->n_written && same; k++)
			same = relation(p, &v->written[k]) ==
			       relation(&v->prefix[i], &v->written[k]);
		if (same)
			return i + 1;
	}
	return PIECE_UNKNOWN;
}
