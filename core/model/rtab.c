/*
 * rtab - routes, many of them.
 *
 * Design.  Routes lie in chunks that never move and are named by number (4 bytes instead of 8), in
 * one pool with room for 16 bytes of address and in one for 4.  A change goes through three steps:
 * the classes let go of the destination, the chain is changed, the classes take it again and
 * follow what is below it.
 *
 * The kernel allows IPv6 routes that differ in their device alone (fe80::/64 on every link); by
 * anod/object.h these are one object, and the last one read is kept.
 */
#include "model/rtab.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <netinet/in.h>

#include "model/classes.h"
#include "model/way.h"

#define CHUNK	   (1u << RTAB_CHUNK_BITS)
#define RESET_FIBS 8u /* tables with edits that an overlay keeps for the next */

_Static_assert(RTAB_SHORT == 32 && RTAB_LONG % 4 == 0, "a route of IPv4 takes 32 bytes");

const struct route *rtab_at(const struct rtab *t, uint32_t n)
{
	const struct route *r = rtab_route(t, rtab_nth(t, n));

	return r->family ? r : NULL;
}

const struct route *rtab_next(const struct rtab *t, const struct route *r)
{
	return r->next == RTAB_NONE ? NULL : rtab_route(t, r->next);
}

static size_t addr_size(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

void route_dst(const struct route *r, struct anod_prefix *ret)
{
	*ret = (struct anod_prefix){ .family = r->family, .len = r->len };
	memcpy(ret->addr, r->addr, addr_size(r->family));
}

int route_order(const struct route *a, const struct route *b)
{
	if (a->tos != b->tos)
		return a->tos > b->tos ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return 0;
}

struct anod_prefix prefix_cut(const struct anod_prefix *p, uint8_t len)
{
	struct anod_prefix cut = { .family = p->family, .len = len };

	memcpy(cut.addr, p->addr, len / 8u);
	if (len % 8)
		cut.addr[len / 8] = (uint8_t) (p->addr[len / 8] & (0xff00u >> (len % 8)));
	return cut;
}

/* ---- tables ----------------------------------------------------------------------------- */

/* Index into the order, of the entry or of where it belongs. */
static unsigned fib_place(const struct rtab *t, uint32_t table, uint8_t family)
{
	unsigned lo = 0, hi = t->n_fibs;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct fib *f = t->fib[t->fib_order[mid]];

		if (f->table < table || (f->table == table && f->family < family))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct fib *rtab_fib(const struct rtab *t, uint32_t table, uint8_t family)
{
	unsigned i = fib_place(t, table, family);
	struct fib *f = i < t->n_fibs ? t->fib[t->fib_order[i]] : NULL;

	return f && f->table == table && f->family == family ? f : NULL;
}

/* An emptied table stays: those that had routes will have them again. */
struct fib *rtab_make_fib(struct rtab *t, uint32_t table, uint8_t family)
{
	struct fib *f = rtab_fib(t, table, family), **list;
	unsigned i = fib_place(t, table, family);
	uint32_t *order;

	if (f)
		return f;

	list = realloc(t->fib, (t->n_fibs + 1) * sizeof(*list));
	if (!list)
		return NULL;
	t->fib = list;
	order = realloc(t->fib_order, (t->n_fibs + 1) * sizeof(*order));
	if (!order)
		return NULL;
	t->fib_order = order;
	f = malloc(sizeof(*f));
	if (!f)
		return NULL;

	*f = (struct fib){ .table = table,
			   .family = family,
			   .id = t->n_fibs,
			   .zero = RTAB_NONE,
			   .top.depth = -5 };
	memmove(&order[i + 1], &order[i], (t->n_fibs - i) * sizeof(*order));
	order[i] = f->id;
	list[t->n_fibs++] = f;
	return f;
}

/* ---- chains ----------------------------------------------------------------------------- */

/* A destination: its table, its bits, and where the first of its chain is named. */
struct place {
	struct fib *f; /* NULL: no such table */
	struct bits bits;
	unsigned len;
	uint32_t *head; /* NULL: the destination is not in the trie */
};

static void place_find(const struct rtab *t, struct fib *f, const struct anod_prefix *dst,
		       struct place *ret)
{
	*ret = (struct place){ .f = f, .bits = trie_bits(dst), .len = dst->len };
	if (!f)
		return;
	if (dst->len)
		ret->head = trie_find(t, f, &ret->bits, dst->len);
	else
		ret->head = &f->zero;
}

static uint32_t place_head(const struct place *p)
{
	return p->head ? *p->head : RTAB_NONE;
}

const struct route *rtab_chain(const struct rtab *t, uint32_t table, const struct anod_prefix *dst)
{
	struct place p;

	if (!t->n)
		return NULL;
	place_find(t, rtab_fib(t, table, dst->family), dst, &p);
	return place_head(&p) == RTAB_NONE ? NULL : rtab_route(t, place_head(&p));
}

void rtab_covers(const struct rtab *t, uint32_t table, const struct anod_prefix *dst,
		 struct covers *ret)
{
	struct bits bits = trie_bits(dst);

	covers_begin(ret, t, t->n ? rtab_fib(t, table, dst->family) : NULL, &bits, dst->len);
}

const struct route *rtab_find(const struct rtab *t, const struct anod_object *key)
{
	const struct anod_route *k = &key->u.route;
	struct anod_prefix dst = prefix_cut(&k->dst, MIN_OF(k->dst.len, 128));

	for (const struct route *r = rtab_chain(t, k->table, &dst); r; r = rtab_next(t, r))
		if (r->metric == k->metric && r->tos == k->tos)
			return r;
	return NULL;
}

/* ---- changes ---------------------------------------------------------------------------- */

static int take_route(struct rtab *t, uint8_t family, uint32_t *ret)
{
	unsigned kind = family != AF_INET6;
	__typeof__(&t->pool[0]) pool = &t->pool[kind];

	if (pool->free != RTAB_NONE) {
		*ret = pool->free;
		pool->free = rtab_route(t, *ret)->next;
		return 0;
	}

	if (pool->n_used == pool->n_chunks * CHUNK) {
		uint32_t n = pool->n_chunks;
		uint8_t **chunk;

		if ((n & (n - 1)) == 0) {
			chunk = realloc(pool->chunk, (n ? n * 2 : 1) * sizeof(*chunk));
			if (!chunk)
				return -ENOMEM;
			pool->chunk = chunk;
		}
		chunk = pool->chunk;
		chunk[n] = malloc(CHUNK * (kind ? RTAB_SHORT : RTAB_LONG));
		if (!chunk[n])
			return -ENOMEM;
		pool->n_chunks++;
	}

	*ret = pool->n_used++ << 1 | kind;
	t->n_used++;
	return 0;
}

static void give_route(struct rtab *t, uint32_t id)
{
	struct route *r = rtab_route(t, id);

	r->family = 0;
	r->next = t->pool[id & 1].free;
	t->pool[id & 1].free = id;
}

/* The chain's link that points to the route, or to where it belongs; *ret_found tells which. */
static uint32_t *chain_place(struct rtab *t, uint32_t *link, const struct route *like,
			     bool *ret_found)
{
	while (*link != RTAB_NONE) {
		struct route *r = rtab_route(t, *link);
		int order = route_order(r, like);

		if (order >= 0) {
			*ret_found = order == 0;
			return link;
		}
		link = &r->next;
	}

	*ret_found = false;
	return link;
}

static bool route_valid(const struct anod_route *r)
{
	uint8_t max = r->dst.family == AF_INET ? 32 : 128;

	return (r->dst.family == AF_INET || r->dst.family == AF_INET6) && r->dst.len <= max &&
	       r->n_legs <= ANOD_LEGS_MAX && r->tos <= UINT8_MAX;
}

/* A new route, into the chain of its destination or as the first of one. */
static int insert(struct rtab *t, const struct route *like, struct place *p)
{
	uint32_t id, none = RTAB_NONE, *link;
	struct route *r;
	bool found;
	int k = take_route(t, like->family, &id);

	if (k < 0)
		return k;

	r = rtab_route(t, id);
	memcpy(r, like, like->family == AF_INET6 ? RTAB_LONG : RTAB_SHORT);
	link = chain_place(t, p->head ? p->head : &none, like, &found);
	r->next = *link;
	if (!p->head) {
		p->head = trie_insert(t, p->f, &p->bits, p->len, id);
		if (!p->head) {
			give_route(t, id);
			return -ENOMEM;
		}
		p->f->n_long++;
	} else {
		/* Only the first has a class. */
		if (link == p->head && *link != RTAB_NONE)
			rtab_route(t, *link)->class = 0;
		*link = id;
	}
	t->n_chains += r->next == RTAB_NONE && *p->head == id;
	t->n++;
	return 0;
}

static int put_route(struct rtab *t, struct place *p, const struct route *like,
		     const struct anod_object *o)
{
	uint32_t none = RTAB_NONE, way, was_way = RTAB_NONE, *link;
	struct class_change change;
	struct route *old;
	bool found;
	int r;

	link = chain_place(t, p->head ? p->head : &none, like, &found);
	old = found ? rtab_route(t, *link) : NULL;
	if (old && old->gone == like->gone && way_is(t->way[old->way], o)) {
		old->mark = like->mark;
		return 0;
	}

	r = way_intern(t, o, &way);
	if (r < 0)
		return r;
	classes_leave(t, p->f, &p->bits, p->len, place_head(p), &change);
	if (old) {
		was_way = old->way;
		old->way = way;
		old->gone = like->gone;
		old->mark = like->mark;
		r = 1;
	} else {
		struct route new = *like;

		new.way = way;
		r = insert(t, &new, p) < 0 ? -ENOMEM : 1;
		if (r < 0)
			was_way = way;
	}
	classes_enter(t, p->f, &p->bits, p->len, place_head(p), &change);
	if (was_way != RTAB_NONE)
		way_unref(t, was_way);
	return r;
}

int rtab_put(struct rtab *t, const struct anod_object *o, bool gone, uint32_t mark)
{
	const struct anod_route *from = &o->u.route;
	struct anod_prefix dst;
	struct route like;
	struct place p;
	struct fib *f;

	if (!route_valid(from))
		return -EINVAL;
	f = rtab_fib(t, from->table, from->dst.family);
	/* A table that is there has those that are asked after it; classes_want() makes main last. */
	if (!f || f->table == RT_TABLE_DEFAULT) {
		if (classes_want(t, from->dst.family) < 0)
			return -ENOMEM;
		f = rtab_make_fib(t, from->table, from->dst.family);
		if (!f)
			return -ENOMEM;
	}

	dst = prefix_cut(&from->dst, from->dst.len);
	like = (struct route){ .table = from->table,
			       .metric = from->metric,
			       .mark = mark,
			       .family = dst.family,
			       .len = dst.len,
			       .tos = (uint8_t) from->tos,
			       .gone = gone };
	memcpy(like.addr, dst.addr, sizeof(like.addr));
	place_find(t, f, &dst, &p);
	return put_route(t, &p, &like, o);
}

static void remove_route(struct rtab *t, struct place *p, uint32_t *link)
{
	uint32_t id = *link, way;
	struct route *r = rtab_route(t, id);
	struct class_change change;

	way = r->way;
	classes_leave(t, p->f, &p->bits, p->len, *p->head, &change);
	*link = r->next;
	if (*p->head == RTAB_NONE) {
		/* The trie looks at the route while it forgets it. */
		*p->head = id;
		if (p->len) {
			trie_remove(t, p->f, &p->bits, p->len);
			p->head = NULL;
			p->f->n_long--;
		} else {
			*p->head = RTAB_NONE;
		}
		t->n_chains--;
	} else if (p->len) {
		trie_forget(t, p->f, &p->bits, p->len, id, *p->head);
	}
	classes_enter(t, p->f, &p->bits, p->len, place_head(p), &change);
	way_unref(t, way);
	give_route(t, id);
	t->n--;
}

static bool remove_like(struct rtab *t, const struct anod_prefix *dst, const struct route *like)
{
	struct place p;
	uint32_t *link;
	bool found;

	place_find(t, rtab_fib(t, like->table, dst->family), dst, &p);
	if (!p.head)
		return false;
	link = chain_place(t, p.head, like, &found);
	if (found)
		remove_route(t, &p, link);
	return found;
}

bool rtab_del(struct rtab *t, const struct anod_object *key)
{
	const struct anod_route *k = &key->u.route;
	struct anod_prefix dst = prefix_cut(&k->dst, MIN_OF(k->dst.len, 128));
	struct route like = { .table = k->table, .metric = k->metric, .tos = (uint8_t) k->tos };

	if (!t->n || !route_valid(k))
		return false;
	return remove_like(t, &dst, &like);
}

unsigned rtab_sweep(struct rtab *t, uint32_t mark)
{
	unsigned swept = 0;

	for (uint32_t i = 0; i < t->n_used; i++) {
		const struct route *r = rtab_at(t, i);
		struct anod_prefix dst;

		if (!r || r->mark == mark)
			continue;
		route_dst(r, &dst);
		swept += remove_like(t, &dst, r);
	}
	return swept;
}

void rtab_object(const struct rtab *t, const struct route *r, struct anod_object *ret)
{
	const struct way *w = rtab_way(t, r);
	struct anod_route *to = &ret->u.route;

	memset(ret, 0, sizeof(*ret));
	ret->type = ANOD_OBJ_ROUTE;
	ret->flags = w->obj_flags;
	route_dst(r, &to->dst);
	to->table = r->table;
	to->metric = r->metric;
	to->tos = r->tos;
	to->nhid = w->nhid;
	to->flags = w->flags;
	to->mtu = w->mtu;
	to->protocol = w->protocol;
	to->type = w->type;
	to->scope = w->scope;
	to->n_legs = w->n_legs;
	to->prefsrc = w->prefsrc;
	memcpy(to->leg, w->leg, w->n_legs * sizeof(w->leg[0]));
}

void rtab_init(struct rtab *t)
{
	*t = (struct rtab){ .nodes.unit = sizeof(struct tnode), .leaves.unit = sizeof(uint32_t) };
	t->pool[0].free = t->pool[1].free = RTAB_NONE;
}

void rtab_done(struct rtab *t)
{
	for (unsigned k = 0; k < ARRAY_SIZE(t->pool); k++) {
		for (uint32_t i = 0; i < t->pool[k].n_chunks; i++)
			free(t->pool[k].chunk[i]);
		free(t->pool[k].chunk);
	}
	for (unsigned i = 0; i < t->n_fibs; i++)
		free(t->fib[i]);
	free(t->fib);
	free(t->fib_order);
	runs_done(&t->nodes);
	runs_done(&t->leaves);
	classes_free(t);
	ways_done(t);
	rtab_init(t);
}

void rtab_reset(struct rtab *t)
{
	if (t->n_used > CHUNK || t->n_fibs > RESET_FIBS || t->n_ways > CHUNK) {
		rtab_done(t);
		return;
	}

	for (unsigned k = 0; k < ARRAY_SIZE(t->pool); k++) {
		t->pool[k].n_used = 0;
		t->pool[k].free = RTAB_NONE;
	}
	t->n_used = t->n = t->n_chains = 0;
	for (unsigned i = 0; i < t->n_fibs; i++) {
		t->fib[i]->zero = RTAB_NONE;
		t->fib[i]->n_long = 0;
		t->fib[i]->top = (struct tnode){ .depth = -5 };
	}
	if (t->n_fibs) {
		runs_reset(&t->nodes);
		runs_reset(&t->leaves);
	}
	ways_reset(t);
}
