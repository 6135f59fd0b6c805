/*
 * trie - the destinations of one table and family.
 *
 * Design.  A tree bitmap (Eatherton, Varghese and Dittia, CCR 2004) of six bits a step.  Nodes stand
 * at depths 1, 7, 13 and so on, and a node holds the prefixes of its depth and the five lengths
 * after it: so the /19 to /24 of IPv4, nearly all of a full table, lie in one node for each /19,
 * and /32, /48 and /64 of IPv6 lie with their neighbours.  A way without branches is skipped; the
 * bits of the skipped part are those of any route below, which is compared where that happens.
 *
 * The address of a route is read from the rtab, nodes do not repeat it.
 */
#include "model/trie.h"

#include <errno.h>
#include <string.h>

#include "model/rtab.h"

#define DEPTHS 23 /* nodes on one way: the top, and 22 for 128 bits */
#define TOP    (-5)

/* Without an instruction of its own, which not every CPU that we are built for has, the compiler
 * would call a function. */
static unsigned ones(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned) ((x * UINT64_C(0x0101010101010101)) >> 56);
}

static unsigned rank_of(uint64_t set, unsigned at)
{
	return ones(set & ((UINT64_C(1) << at) - 1));
}

static uint64_t be64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

struct bits trie_bits(const struct anod_prefix *p)
{
	return (struct bits){ be64(p->addr), be64(p->addr + 8) };
}

/* The six bits after the first 'at', zeros behind the end. */
static unsigned six(const struct bits *b, int at)
{
	if (at <= 58)
		return (unsigned) (b->hi >> (58 - at)) & 63;
	if (at < 64)
		return (unsigned) (b->hi << (at - 58) | b->lo >> (122 - at)) & 63;
	if (at <= 122)
		return (unsigned) (b->lo >> (122 - at)) & 63;
	return (unsigned) (b->lo << (at - 122)) & 63;
}

static unsigned common(const struct bits *a, const struct bits *b)
{
	if (a->hi != b->hi)
		return (unsigned) __builtin_clzll(a->hi ^ b->hi);
	if (a->lo != b->lo)
		return 64 + (unsigned) __builtin_clzll(a->lo ^ b->lo);
	return 128;
}

static struct bits bits_of(const struct rtab *t, uint32_t id)
{
	struct anod_prefix p;

	route_dst(rtab_route(t, id), &p);
	return trie_bits(&p);
}

static int depth_of(unsigned len)
{
	return 1 + 6 * (((int) len - 1) / 6);
}

/* Place of a length in 'inner', 'v' being the six bits after the node's depth. */
static unsigned inner_at(unsigned l, unsigned v)
{
	return (1u << l) - 1 + (v >> (6 - l));
}

/* The places of all lengths that contain the value of five bits. */
#define UP(v)                                                                                      \
	(UINT64_C(1) | UINT64_C(1) << (1 + ((v) >> 4)) | UINT64_C(1) << (3 + ((v) >> 3)) |         \
	 UINT64_C(1) << (7 + ((v) >> 2)) | UINT64_C(1) << (15 + ((v) >> 1)) |                      \
	 UINT64_C(1) << (31 + (v)))
#define UP4(v) UP(v), UP((v) + 1), UP((v) + 2), UP((v) + 3)
static const uint64_t up[32] = {
	UP4(0), UP4(4), UP4(8), UP4(12), UP4(16), UP4(20), UP4(24), UP4(28)
};

/* The places of length 'l' (0..5) and shorter. */
static uint64_t upto(unsigned l)
{
	return (UINT64_C(1) << ((2u << l) - 1)) - 1;
}

static struct tnode *node_at(const struct rtab *t, uint32_t i)
{
	return runs_at(&t->nodes, i);
}

static uint32_t *leaf_of(const struct rtab *t, const struct tnode *n, unsigned at)
{
	return runs_at(&t->leaves, n->leaves + rank_of(n->inner, at));
}

static struct tnode *kid_of(const struct rtab *t, const struct tnode *n, unsigned v)
{
	return n->outer >> v & 1 ? node_at(t, n->kids + rank_of(n->outer, v)) : NULL;
}

/* Do the first 'len' bits lead to this node?  Only where some were skipped there is a doubt. */
static bool leads(const struct rtab *t, const struct tnode *from, const struct tnode *to,
		  const struct bits *b, unsigned len)
{
	struct bits any;

	if (to->depth == from->depth + 6)
		return true;
	any = bits_of(t, to->any);
	return common(&any, b) >= len;
}

/* ---- exact ------------------------------------------------------------------------------ */

/* The node that holds such a prefix, with all nodes on the way; NULL: there is none. */
static struct tnode *find_node(const struct rtab *t, const struct fib *f, const struct bits *b,
			       unsigned len, struct tnode **way, unsigned *ret_n)
{
	struct tnode *n = (struct tnode *) (uintptr_t) &f->top;
	int depth = depth_of(len);
	unsigned steps = 0;

	while (n->depth < depth) {
		struct tnode *kid = kid_of(t, n, six(b, n->depth));

		if (way)
			way[steps++] = n;
		if (!kid || kid->depth > depth || !leads(t, n, kid, b, (unsigned) kid->depth))
			return NULL;
		n = kid;
	}
	if (ret_n)
		*ret_n = steps;
	return n;
}

uint32_t *trie_find(const struct rtab *t, const struct fib *f, const struct bits *b, unsigned len)
{
	const struct tnode *n = find_node(t, f, b, len, NULL, NULL);
	unsigned at;

	if (!n)
		return NULL;
	at = inner_at(len - (unsigned) n->depth, six(b, n->depth));
	return n->inner >> at & 1 ? leaf_of(t, n, at) : NULL;
}

/* ---- changes ---------------------------------------------------------------------------- */

static uint32_t *add_leaf(struct rtab *t, struct tnode *n, const struct bits *b, unsigned len,
			  uint32_t id)
{
	unsigned at = inner_at(len - (unsigned) n->depth, six(b, n->depth));
	uint32_t *leaf;

	if (runs_insert(&t->leaves, &n->leaves, ones(n->inner), rank_of(n->inner, at)) < 0)
		return NULL;
	n->inner |= UINT64_C(1) << at;
	leaf = leaf_of(t, n, at);
	*leaf = id;
	return leaf;
}

static struct tnode *add_kid(struct rtab *t, struct tnode *n, unsigned v, int depth, uint32_t any)
{
	struct tnode *kid;

	if (runs_insert(&t->nodes, &n->kids, ones(n->outer), rank_of(n->outer, v)) < 0)
		return NULL;
	n->outer |= UINT64_C(1) << v;
	kid = kid_of(t, n, v);
	*kid = (struct tnode){ .depth = (int8_t) depth, .any = any };
	return kid;
}

static void drop_kid(struct rtab *t, struct tnode *n, unsigned v)
{
	runs_remove(&t->nodes, &n->kids, ones(n->outer), rank_of(n->outer, v));
	n->outer &= ~(UINT64_C(1) << v);
}

/* Put a node of 'depth' in the place of 'n', which becomes its kid. */
static int push_down(struct rtab *t, struct tnode *n, int depth)
{
	struct bits b = bits_of(t, n->any);
	struct tnode upper = { .depth = (int8_t) depth, .any = n->any };
	struct tnode *kid = add_kid(t, &upper, six(&b, depth), n->depth, n->any);

	if (!kid)
		return -ENOMEM;
	*kid = *n;
	*n = upper;
	return 0;
}

uint32_t *trie_insert(struct rtab *t, struct fib *f, const struct bits *b, unsigned len,
		      uint32_t id)
{
	struct tnode *n = &f->top;
	int depth = depth_of(len);

	while (n->depth < depth) {
		unsigned v = six(b, n->depth);
		struct tnode *kid = kid_of(t, n, v);
		struct bits any;
		unsigned same;

		if (!kid) {
			uint32_t *leaf;

			kid = add_kid(t, n, v, depth, id);
			if (!kid)
				return NULL;
			leaf = add_leaf(t, kid, b, len, id);
			if (!leaf)
				drop_kid(t, n, v);
			return leaf;
		}
		if (kid->depth > n->depth + 6) {
			any = bits_of(t, kid->any);
			same = MIN_OF(common(&any, b), len);
			if (same < (unsigned) kid->depth && push_down(t, kid, depth_of(same)) < 0)
				return NULL;
		}
		n = kid;
	}
	return add_leaf(t, n, b, len, id);
}

/* The id of some route in the node or below. */
static uint32_t some_id(const struct rtab *t, const struct tnode *n)
{
	if (n->inner)
		return *(uint32_t *) runs_at(&t->leaves, n->leaves);
	return node_at(t, n->kids)->any;
}

void trie_remove(struct rtab *t, struct fib *f, const struct bits *b, unsigned len)
{
	struct tnode *way[DEPTHS], *n;
	unsigned steps = 0, at;
	uint32_t id;

	n = find_node(t, f, b, len, way, &steps);
	at = inner_at(len - (unsigned) n->depth, six(b, n->depth));
	id = *leaf_of(t, n, at);
	runs_remove(&t->leaves, &n->leaves, ones(n->inner), rank_of(n->inner, at));
	n->inner &= ~(UINT64_C(1) << at);

	while (n->depth != TOP) {
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.*): find_node() went through them */
		struct tnode *upper = way[--steps];

		if (!n->inner && !n->outer) {
			drop_kid(t, upper, six(b, upper->depth));
		} else if (!n->inner && ones(n->outer) == 1) {
			struct tnode kid = *node_at(t, n->kids);

			runs_remove(&t->nodes, &n->kids, 1, 0);
			*n = kid;
		} else if (n->any == id) {
			n->any = some_id(t, n);
		}
		n = upper;
	}
}

void trie_forget(struct rtab *t, struct fib *f, const struct bits *b, unsigned len, uint32_t id,
		 uint32_t now)
{
	struct tnode *way[DEPTHS], *n;
	unsigned steps = 0;

	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.*): find_node() went through them */
	for (n = find_node(t, f, b, len, way, &steps); n->depth != TOP; n = way[--steps])
		if (n->any == id)
			n->any = now;
}

/* ---- covers ----------------------------------------------------------------------------- */

void covers_begin(struct covers *c, const struct rtab *t, const struct fib *f, const struct bits *b,
		  unsigned len)
{
	const struct tnode *n;

	c->t = t;
	c->f = f;
	c->n = f ? 0 : -1;
	if (!f)
		return;

	for (n = &f->top; n->depth + 6 <= (int) len;) {
		const struct tnode *kid = kid_of(t, n, six(b, n->depth));
		uint64_t bits;

		if (!kid || kid->depth > (int) len || !leads(t, n, kid, b, (unsigned) kid->depth))
			return;
		n = kid;
		bits = n->inner & up[six(b, n->depth) >> 1];
		if (len - (unsigned) n->depth < 5)
			bits &= upto(len - (unsigned) n->depth);
		if (bits) {
			c->at[c->n].node = n;
			c->at[c->n++].bits = bits;
		}
	}
}

uint32_t covers_next(struct covers *c)
{
	const struct tnode *n;
	unsigned at;

	if (c->n < 0)
		return RTAB_NONE;
	if (c->n == 0) {
		c->n = -1;
		return c->f->zero;
	}

	n = c->at[c->n - 1].node;
	at = 63 - (unsigned) __builtin_clzll(c->at[c->n - 1].bits);
	c->at[c->n - 1].bits &= ~(UINT64_C(1) << at);
	if (!c->at[c->n - 1].bits)
		c->n--;
	return *leaf_of(c->t, n, at);
}

/* ---- subtrees --------------------------------------------------------------------------- */

struct walk {
	const struct rtab *t;
	trie_fn *fn;
	void *data;
};

/* The places inside the value 'v' (six bits) of length 'l'. */
static uint64_t below(unsigned l, unsigned v)
{
	uint64_t set = 0;

	for (unsigned k = l; k < 6; k++)
		set |= ((UINT64_C(1) << (1u << (k - l))) - 1)
		       << inner_at(k, v >> (6 - l) << (6 - l));
	return set;
}

/* The nearest of the places 'set' that contains the five bits, or 'cover'. */
static uint32_t nearest(const struct walk *w, const struct tnode *n, uint64_t set, uint32_t cover)
{
	return set ? *leaf_of(w->t, n, 63 - (unsigned) __builtin_clzll(set)) : cover;
}

static int walk_node(const struct walk *w, const struct tnode *n, unsigned l, unsigned v,
		     uint32_t cover)
{
	uint64_t set = n->inner & below(l, v);
	unsigned first = v >> (6 - l) << (6 - l), last = first + (64u >> l) - 1;

	/* They lie anywhere: let the memory work on all of them at once. */
	for (uint64_t rest = set; rest & (rest - 1); rest &= rest - 1)
		__builtin_prefetch(
			rtab_route(w->t, *leaf_of(w->t, n, (unsigned) __builtin_ctzll(rest))));
	for (uint64_t rest = set; rest; rest &= rest - 1) {
		unsigned at = (unsigned) __builtin_ctzll(rest);
		unsigned k = 31 - (unsigned) __builtin_clz(at + 1);
		uint64_t upper =
			set & up[(at + 1 - (1u << k)) << (5 - k)] & ((UINT64_C(1) << at) - 1);
		int r = w->fn(*leaf_of(w->t, n, at), nearest(w, n, upper, cover), w->data);

		if (r != 0)
			return r;
	}

	for (uint64_t rest = n->outer; rest; rest &= rest - 1) {
		unsigned at = (unsigned) __builtin_ctzll(rest);
		int r;

		if (at < first || at > last)
			continue;
		r = walk_node(w, kid_of(w->t, n, at), 0, 0,
			      nearest(w, n, set & up[at >> 1], cover));
		if (r != 0)
			return r;
	}
	return 0;
}

int trie_walk(const struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
	      trie_fn *fn, void *data)
{
	struct walk w = { .t = t, .fn = fn, .data = data };
	const struct tnode *n = &f->top;
	int depth = depth_of(len);

	if (!len)
		return walk_node(&w, n, 0, 0, RTAB_NONE);

	while (n->depth < depth) {
		const struct tnode *kid = kid_of(t, n, six(b, n->depth));

		if (!kid || !leads(t, n, kid, b, MIN_OF((unsigned) kid->depth, len)))
			return 0;
		n = kid;
	}
	if (n->depth > depth)
		return walk_node(&w, n, 0, 0, RTAB_NONE);
	return walk_node(&w, n, len - (unsigned) depth, six(b, depth), RTAB_NONE);
}
