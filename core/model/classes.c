/*
 * classes - destinations that behave the same whatever links and next hops do.
 *
 * Design.  In the main table the class of a destination is its own ways before the class of its
 * nearest cover, so a change goes down the trie once, covers before what they cover.  In other
 * tables a chain ends with the chain that the main table has for the same destination; it is built
 * anew for each destination below a change, in that table or in main.
 *
 * A way that has been tried in a table need not be tried again: what passed over it once will pass
 * over it again.  So a chain has each way once, at the first place; that keeps classes few.  Where
 * a way may spoil others, this is not so: what was spoilt was not tried.  A destination with such
 * a way has all ways of its covers in its chain, and what is inside leaves that part alone.
 *
 * Running out of memory in the middle is not repaired in place: 'broken' is set, numbers of
 * destinations stay right, and the next question builds everything again or fails.
 */
#include "model/classes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <netinet/in.h>

bool fib_measured(const struct fib *f)
{
	return f->table != RT_TABLE_LOCAL && f->table != RT_TABLE_UNSPEC &&
	       (f->table < ANOD_TABLE_FIRST || f->table > ANOD_TABLE_LAST);
}

bool fib_classed(const struct fib *f)
{
	return fib_measured(f) && f->table != RT_TABLE_DEFAULT;
}

bool route_leads(const struct rtab *t, const struct route *head)
{
	for (const struct route *r = head; r; r = rtab_next(t, r))
		if (r->tos == 0 && rtab_way(t, r)->type == RTN_UNICAST)
			return true;
	return false;
}

/* ---- interning -------------------------------------------------------------------------- */

static uint32_t hash_of(uint32_t parent, uint32_t way, uint32_t leaf)
{
	uint64_t h = ((uint64_t) parent << 32 | (way ^ leaf << 24)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t) (h >> 32);
}

static uint32_t *list_of(struct rtab *t, uint32_t way)
{
	return way & CLASS_ZERO ? NULL : &t->way[way]->classes;
}

static int grow(struct classes *cl)
{
	uint32_t max = cl->max ? cl->max * 2 : 64;
	struct class *at = realloc(cl->at, max * sizeof(*at));
	uint32_t *bucket;

	if (!at)
		return -ENOMEM;
	cl->at = at;
	bucket = calloc(max, sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;

	for (uint32_t i = 0; i < cl->n_buckets; i++) {
		for (uint32_t c = cl->bucket[i], next; c; c = next) {
			uint32_t hash = hash_of(at[c].parent, at[c].way, at[c].leaf);
			uint32_t *to = &bucket[hash & (max - 1)];

			next = at[c].hash_next;
			at[c].hash_next = *to;
			*to = c;
		}
	}
	free(cl->bucket);
	cl->bucket = bucket;
	cl->n_buckets = max;
	cl->max = max;
	return 0;
}

static void unref(struct rtab *t, uint32_t c)
{
	struct classes *cl = t->classes;

	while (c && !cl->broken && --cl->at[c].refs == 0) {
		struct class *k = &cl->at[c];
		uint32_t *list = list_of(t, k->way), parent = k->parent;
		uint32_t hash = hash_of(parent, k->way, k->leaf);
		uint32_t *link = &cl->bucket[hash & (cl->n_buckets - 1)];

		while (*link != c)
			link = &cl->at[*link].hash_next;
		*link = k->hash_next;
		if (k->prev)
			cl->at[k->prev].next = k->next;
		else if (list)
			*list = k->next;
		if (k->next)
			cl->at[k->next].prev = k->prev;
		k->next = cl->free;
		cl->free = c;
		cl->n_live--;
		c = parent;
	}
}

static uint32_t ref(struct classes *cl, uint32_t c)
{
	if (c && !cl->broken)
		cl->at[c].refs++;
	return c;
}

/* Takes the reference to 'parent' and returns one; 0 when broken. */
static uint32_t intern(struct rtab *t, uint32_t parent, uint32_t way, uint32_t leaf)
{
	struct classes *cl = t->classes;
	uint32_t c, *list, *bucket, hash = hash_of(parent, way, leaf);

	if (cl->broken)
		return 0;
	c = cl->n_buckets ? cl->bucket[hash & (cl->n_buckets - 1)] : 0;
	for (; c; c = cl->at[c].hash_next) {
		if (cl->at[c].way == way && cl->at[c].parent == parent && cl->at[c].leaf == leaf) {
			cl->at[c].refs++;
			unref(t, parent);
			return c;
		}
	}

	if (!cl->free && cl->n + 1 >= cl->max && grow(cl) < 0) {
		cl->broken = true;
		return 0;
	}
	c = cl->free;
	if (c)
		cl->free = cl->at[c].next;
	else
		c = ++cl->n;
	bucket = &cl->bucket[hash & (cl->n_buckets - 1)];
	list = list_of(t, way);
	cl->at[c] = (struct class){ .parent = parent,
				    .way = way,
				    .leaf = leaf,
				    .refs = 1,
				    .hash_next = *bucket,
				    .next = list ? *list : 0,
				    .example = RTAB_NONE };
	*bucket = c;
	if (list) {
		if (*list)
			cl->at[*list].prev = c;
		*list = c;
	}
	cl->n_live++;
	return c;
}

/* 'way' in front of the rest of 'c' behind 'seen', which has it already; as intern(). */
static uint32_t move_to_front(struct rtab *t, uint32_t c, uint32_t seen, uint32_t way)
{
	uint32_t rest;

	if (c == seen)
		return ref(t->classes, t->classes->at[seen].parent);
	rest = move_to_front(t, t->classes->at[c].parent, seen, way);
	return intern(t, rest, t->classes->at[c].way, 0);
}

/* Try 'way' before 'c'; as intern(). */
static uint32_t push(struct rtab *t, uint32_t c, uint32_t way)
{
	const struct classes *cl = t->classes;
	uint32_t rest;

	if (cl->broken)
		return 0;
	if (c && cl->at[c].way == way)
		return c;
	for (uint32_t k = c; k && !(cl->at[k].way & CLASS_ZERO); k = cl->at[k].parent) {
		if (cl->at[k].leaf)
			break;
		if (cl->at[k].way != way)
			continue;
		rest = move_to_front(t, c, k, way);
		unref(t, c);
		c = rest;
		break;
	}
	return intern(t, c, way, 0);
}

/* All ways of a chain, so that its first route's is in front.  'leaf': NULL, or how many ways of its
 * leaf are in front of 'c', and those of this chain are added, all of them. */
static uint32_t push_chain(struct rtab *t, uint32_t c, const struct route *head, uint32_t *leaf)
{
	const struct route *last = NULL;

	/* Backwards: chains are short, and the usual one has one route. */
	while (last != head) {
		const struct route *r = head;

		while (r->next != RTAB_NONE && rtab_next(t, r) != last)
			r = rtab_next(t, r);
		last = r;
		if (r->tos != 0)
			continue;
		if (!leaf) {
			c = push(t, c, r->way);
			continue;
		}
		c = intern(t, c, r->way, rtab_way(t, r)->nhid ? *leaf : 0);
		++*leaf;
	}
	return c;
}

/* ---- leaves ----------------------------------------------------------------------------- */

/* Two destinations of IPv4 at one address; 'other' RTAB_NONE: the routes to everything. */
static bool same_leaf(const struct rtab *t, const struct route *r, uint32_t other)
{
	static const uint8_t zero[4];

	return memcmp(r->addr, other == RTAB_NONE ? zero : rtab_route(t, other)->addr, 4) == 0;
}

/* Has a chain a way with a next-hop object?  *ret_before: in front of another of this chain. */
static bool may_spoil(const struct rtab *t, const struct route *head, bool *ret_before)
{
	bool seen = false;

	*ret_before = false;
	if (head->family != AF_INET)
		return false;
	for (const struct route *r = head; r; r = rtab_next(t, r)) {
		if (r->tos != 0)
			continue;
		*ret_before |= seen;
		seen |= rtab_way(t, r)->nhid != 0;
	}
	return seen;
}

/* May a way of this destination spoil another?  'cover': the nearest, or RTAB_NONE. */
static bool spoils(const struct rtab *t, uint32_t id, uint32_t cover)
{
	const struct route *r = rtab_route(t, id);
	bool before;

	return may_spoil(t, r, &before) && (before || same_leaf(t, r, cover));
}

/* ---- the class of a destination --------------------------------------------------------- */

/* Destinations of a table, each inside the next, before 'c', and the routes to everything of the
 * table in between.  As push(). */
static uint32_t push_ids(struct rtab *t, uint32_t c, const struct fib *f, const uint32_t *id,
			 unsigned n)
{
	uint32_t leaf = 1; /* the routes to everything */
	unsigned whole = 0;

	while (whole < n && !spoils(t, id[whole], whole + 1 < n ? id[whole + 1] : RTAB_NONE))
		whole++;
	c = push(t, c, CLASS_ZERO | f->id);
	for (unsigned i = n; i-- > 0;) {
		const struct route *r = rtab_route(t, id[i]);

		if (i >= whole && !same_leaf(t, r, i + 1 < n ? id[i + 1] : RTAB_NONE))
			leaf = 0;
		c = push_chain(t, c, r, i >= whole ? &leaf : NULL);
	}
	return c;
}

/* A whole table before 'c': what of it contains the destination, up to length 'max', and 'head' in
 * front of it, if it is not RTAB_NONE. */
static uint32_t push_table(struct rtab *t, uint32_t c, const struct fib *f, const struct bits *b,
			   unsigned max, uint32_t head)
{
	uint32_t id[129];
	struct covers at;
	unsigned n = 0;

	if (head != RTAB_NONE)
		id[n++] = head;
	covers_begin(&at, t, f, b, max);
	while (at.n > 0)
		id[n++] = covers_next(&at);
	return push_ids(t, c, f, id, n);
}

/* The class of what is asked after the table. */
static uint32_t class_behind(struct rtab *t, const struct fib *f, const struct bits *b,
			     unsigned len)
{
	const struct fib *main = rtab_fib(t, RT_TABLE_MAIN, f->family);
	const struct fib *last = rtab_fib(t, RT_TABLE_DEFAULT, f->family);
	struct covers at;
	uint32_t c;

	if (f == main)
		return push_table(t, 0, last, b, len, RTAB_NONE);
	covers_begin(&at, t, main, b, len);
	if (last->n_long == 0 && at.n > 0)
		return ref(t->classes, rtab_route(t, covers_next(&at))->class);
	c = push_table(t, 0, last, b, len, RTAB_NONE);
	return push_table(t, c, main, b, len, RTAB_NONE);
}

/* The class of what lies around the destination, without its own routes in 'f'. */
static uint32_t class_around(struct rtab *t, const struct fib *f, const struct bits *b,
			     unsigned len)
{
	unsigned shorter = len ? len - 1 : 0;
	struct covers at;

	if (f->table == RT_TABLE_MAIN && rtab_fib(t, RT_TABLE_DEFAULT, f->family)->n_long == 0) {
		covers_begin(&at, t, f, b, shorter);
		if (at.n > 0)
			return ref(t->classes, rtab_route(t, covers_next(&at))->class);
	}
	return push_table(t, class_behind(t, f, b, len), f, b, shorter, RTAB_NONE);
}

static bool spoils_covers(const struct rtab *t, const struct fib *f, const struct bits *b,
			  unsigned len, uint32_t head)
{
	struct covers at;
	bool before;

	if (!may_spoil(t, rtab_route(t, head), &before))
		return false;
	/* Shorter ones have this bit clear. */
	if (before || (b->hi >> (64 - len) & 1))
		return before;
	covers_begin(&at, t, f, b, len - 1);
	return same_leaf(t, rtab_route(t, head), at.n > 0 ? covers_next(&at) : RTAB_NONE);
}

/* The destination itself before what lies around it. */
static uint32_t class_with(struct rtab *t, uint32_t around, const struct fib *f,
			   const struct bits *b, unsigned len, uint32_t head)
{
	if (!len || head == RTAB_NONE)
		return around;
	if (!spoils_covers(t, f, b, len, head))
		return push_chain(t, around, rtab_route(t, head), NULL);
	unref(t, around);
	return push_table(t, class_behind(t, f, b, len), f, b, len - 1, head);
}

static void count(struct rtab *t, uint32_t c, uint32_t by)
{
	struct class *k = &t->classes->at[c];
	struct way *w = k->way & CLASS_ZERO ? NULL : t->way[k->way];

	k->count += by;
	if (!w || !w->heads)
		t->classes->ways_gen++;
	if (w)
		w->heads += by;
}

static void unlabel(struct rtab *t, uint32_t id, bool leads)
{
	uint32_t c = rtab_route(t, id)->class;

	if (leads)
		count(t, c, -1u);
	if (t->classes->at[c].example == id)
		t->classes->at[c].example = RTAB_NONE;
}

/* The reference goes to the route. */
static void label(struct rtab *t, uint32_t id, uint32_t c, bool leads)
{
	rtab_route(t, id)->class = c;
	if (!leads)
		return;
	count(t, c, 1);
	if (t->classes->at[c].example == RTAB_NONE)
		t->classes->at[c].example = id;
}

static void relabel(struct rtab *t, uint32_t id, uint32_t c)
{
	struct route *r = rtab_route(t, id);
	uint32_t was = r->class;

	if (t->classes->broken)
		return;
	if (was != c) {
		bool leads = route_leads(t, r);

		unlabel(t, id, leads);
		label(t, id, c, leads);
	}
	unref(t, was);
}

/* ---- what is below a change ------------------------------------------------------------- */

struct below {
	struct rtab *t;
	const struct fib *f;
	uint32_t around; /* class of what contains the outermost; 0: look for it each time */
};

static int relabel_main(uint32_t id, uint32_t cover, void *data)
{
	const struct below *b = data;
	struct classes *cl = b->t->classes;
	uint32_t c = cover == RTAB_NONE ? b->around : rtab_route(b->t, cover)->class;
	struct anod_prefix dst;
	struct bits bits;

	route_dst(rtab_route(b->t, id), &dst);
	bits = trie_bits(&dst);
	relabel(b->t, id, class_with(b->t, ref(cl, c), b->f, &bits, dst.len, id));
	return cl->broken;
}

static int relabel_any(uint32_t id, uint32_t cover, void *data)
{
	const struct below *b = data;
	struct anod_prefix dst;
	struct bits bits;

	(void) cover;
	route_dst(rtab_route(b->t, id), &dst);
	bits = trie_bits(&dst);
	relabel(b->t, id,
		class_with(b->t, class_around(b->t, b->f, &bits, dst.len), b->f, &bits, dst.len,
			   id));
	return b->t->classes->broken;
}

static bool is_plain(const struct rtab *t, const struct fib *f)
{
	return f->table == RT_TABLE_MAIN && rtab_fib(t, RT_TABLE_DEFAULT, f->family)->n_long == 0;
}

static void relabel_inside(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
			   uint32_t around)
{
	struct below below = { .t = t, .f = f, .around = around };

	/* Nothing is inside a host route. */
	if (around && len == (f->family == AF_INET ? 32 : 128))
		return;
	if (fib_classed(f) && f->n_long)
		(void) trie_walk(t, f, b, len,
				 around && is_plain(t, f) ? relabel_main : relabel_any, &below);
}

/* What contains the destinations inside has changed: it has the class 'c' now.  The destination
 * itself may be among them; trying its ways twice is trying them once. */
static void changed_below(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
			  uint32_t c)
{
	const struct fib *main = rtab_fib(t, RT_TABLE_MAIN, f->family);

	relabel_inside(t, f, b, len, c);
	if (f->table != RT_TABLE_MAIN && f->table != RT_TABLE_DEFAULT)
		return;

	/* Those that are asked before this one: main first, because others build on it. */
	if (f != main)
		relabel_inside(t, main, b, len, 0);
	for (unsigned i = 0; i < t->n_fibs; i++)
		if (t->fib[i] != main && t->fib[i] != f && t->fib[i]->family == f->family)
			relabel_inside(t, t->fib[i], b, len, 0);
}

void classes_leave(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
		   uint32_t head, struct class_change *ret)
{
	struct route *r = head == RTAB_NONE ? NULL : rtab_route(t, head);
	bool leads;

	*ret = (struct class_change){ 0 };
	if (!t->classes || !fib_measured(f))
		return;

	leads = route_leads(t, r);
	t->classes->n_dests -= leads;
	if (t->classes->broken || !fib_classed(f))
		return;
	ret->base = class_around(t, f, b, len);
	if (t->classes->broken)
		return;
	if (!r) {
		ret->was = ref(t->classes, ret->base);
	} else {
		unlabel(t, head, leads);
		ret->was = r->class;
	}
}

void classes_enter(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
		   uint32_t head, struct class_change *change)
{
	struct route *r = head == RTAB_NONE ? NULL : rtab_route(t, head);
	bool leads;
	uint32_t c;

	if (!t->classes || !fib_measured(f))
		return;

	leads = route_leads(t, r);
	t->classes->n_dests += leads;
	if (t->classes->broken)
		return;
	if (!fib_classed(f)) {
		if (len)
			changed_below(t, f, b, len, 0);
		return;
	}
	c = class_with(t, change->base, f, b, len, head);
	if (t->classes->broken)
		return;
	if (r)
		label(t, head, ref(t->classes, c), leads);
	/* Inside a class that stays, chains with all ways of their covers may have others. */
	if (len && (c != change->was || f->family == AF_INET))
		changed_below(t, f, b, len, c);
	unref(t, change->was);
	unref(t, c);
}

/* ---- all of them ------------------------------------------------------------------------ */

int classes_make(struct rtab *t)
{
	t->classes = calloc(1, sizeof(*t->classes));
	if (!t->classes)
		return -ENOMEM;
	t->classes->owner = t;
	return 0;
}

static void clear(struct classes *cl)
{
	free(cl->at);
	free(cl->bucket);
	*cl = (struct classes){ .owner = cl->owner,
				.n_dests = cl->n_dests,
				.ways_gen = cl->ways_gen + 1 };
}

void classes_free(struct rtab *t)
{
	if (!t->classes)
		return;
	clear(t->classes);
	free(t->classes);
	t->classes = NULL;
}

int classes_want(struct rtab *t, uint8_t family)
{
	if (!t->classes)
		return 0;
	return rtab_make_fib(t, RT_TABLE_DEFAULT, family) && rtab_make_fib(t, RT_TABLE_MAIN, family)
		       ? 0
		       : -ENOMEM;
}

static int label_again(uint32_t id, uint32_t cover, void *data)
{
	const struct below *b = data;
	struct rtab *t = b->t;
	struct anod_prefix dst;
	struct bits bits;
	uint32_t c;

	(void) cover;
	route_dst(rtab_route(t, id), &dst);
	bits = trie_bits(&dst);
	c = class_with(t, class_around(t, b->f, &bits, dst.len), b->f, &bits, dst.len, id);
	if (!t->classes->broken)
		label(t, id, c, route_leads(t, rtab_route(t, id)));
	return t->classes->broken;
}

int classes_ready(struct classes *cl)
{
	struct rtab *t = cl->owner;
	struct below b = { .t = t };

	if (!cl->broken)
		return 0;

	clear(cl);
	for (uint32_t i = 0; i < t->n_ways; i++)
		if (t->way[i])
			t->way[i]->heads = t->way[i]->classes = 0;
	/* The main table first: others build on it. */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < t->n_fibs && !cl->broken; i++) {
			b.f = t->fib[i];
			if (!fib_classed(b.f) || (b.f->table == RT_TABLE_MAIN) != (round == 0))
				continue;
			if (b.f->zero != RTAB_NONE)
				(void) label_again(b.f->zero, RTAB_NONE, &b);
			(void) trie_walk(t, b.f, &(struct bits){ 0 }, 0, label_again, &b);
		}
	}
	return cl->broken ? -ENOMEM : 0;
}
