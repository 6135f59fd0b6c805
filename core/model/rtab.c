/*
 * rtab - routes, many of them.
 *
 * Design.  Routes lie in chunks that never move and are named by index (4 bytes instead of 8).
 * The hash index holds the head of each chain beside its hash, so a probe of another chain
 * costs no cache miss in the routes.  Prefix lengths in use are counted per table and family; the
 * bit mask made of the counts says which lengths a look-up has to try.
 *
 * The kernel allows IPv6 routes that differ in their device alone (fe80::/64 on every link); by
 * anod/object.h these are one object, and the last one read is kept.
 */
#include "model/rtab.h"

#include <errno.h>
#include <string.h>
#include <netinet/in.h>

#include "model/way.h"

#define CHUNK_BITS 8 /* 10 KiB: an overlay holds a few routes, a full table thousands of chunks */
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define SLOTS_MIN  64

static struct route *route_at(const struct rtab *t, uint32_t i)
{
	return &t->chunk[i >> CHUNK_BITS][i & (CHUNK_SIZE - 1)];
}

const struct route *rtab_at(const struct rtab *t, uint32_t n)
{
	const struct route *r = route_at(t, n);

	return r->family ? r : NULL;
}

const struct route *rtab_next(const struct rtab *t, const struct route *r)
{
	return r->next == RTAB_NONE ? NULL : route_at(t, r->next);
}

void route_dst(const struct route *r, struct anod_prefix *ret)
{
	*ret = (struct anod_prefix){ .family = r->family, .len = r->len };
	memcpy(ret->addr, r->addr, sizeof(ret->addr));
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

/* ---- lengths ---------------------------------------------------------------------------- */

static int lens_compare(const struct lens *l, uint32_t table, uint8_t family)
{
	if (l->table != table)
		return l->table < table ? -1 : 1;
	return (int) l->family - (int) family;
}

/* Index of the entry, or of where it belongs. */
static unsigned lens_place(const struct rtab *t, uint32_t table, uint8_t family)
{
	unsigned lo = 0, hi = t->n_lens;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (lens_compare(&t->lens[mid], table, family) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct lens *lens_find(const struct rtab *t, uint32_t table, uint8_t family)
{
	unsigned i = lens_place(t, table, family);

	if (i == t->n_lens || lens_compare(&t->lens[i], table, family) != 0)
		return NULL;
	return &t->lens[i];
}

const struct lens *rtab_lens(const struct rtab *t, uint32_t table, uint8_t family)
{
	return lens_find(t, table, family);
}

int lens_longest(const uint64_t mask[3], int below)
{
	for (int w = below / 64; w >= 0 && below >= 0; w--) {
		uint64_t bits = mask[w];

		if (w == below / 64 && below % 64 < 63)
			bits &= (UINT64_C(2) << (below % 64)) - 1;
		if (bits)
			return w * 64 + 63 - __builtin_clzll(bits);
	}
	return -1;
}

/* Makes the entry of the table before a route goes in, so that nothing can fail afterwards. */
static struct lens *lens_make(struct rtab *t, uint32_t table, uint8_t family)
{
	unsigned i = lens_place(t, table, family);
	struct lens *lens = lens_find(t, table, family);

	if (lens)
		return lens;

	lens = realloc(t->lens, (t->n_lens + 1) * sizeof(*lens));
	if (!lens)
		return NULL;
	t->lens = lens;
	memmove(&lens[i + 1], &lens[i], (t->n_lens - i) * sizeof(*lens));
	lens[i] = (struct lens){ .table = table, .family = family };
	t->n_lens++;
	return &lens[i];
}

/* An emptied entry stays: tables that had routes will have them again. */
static void lens_count(struct lens *l, uint8_t len, int by)
{
	l->count[len] += (uint32_t) by;
	if (l->count[len])
		l->mask[len / 64] |= UINT64_C(1) << (len % 64);
	else
		l->mask[len / 64] &= ~(UINT64_C(1) << (len % 64));
}

/* ---- chains ----------------------------------------------------------------------------- */

static uint32_t dst_hash(uint32_t table, const struct anod_prefix *dst)
{
	uint64_t word[2], h = ((uint64_t) table << 16 | (uint64_t) dst->family << 8 | dst->len) *
			      UINT64_C(0x9e3779b97f4a7c15);

	memcpy(word, dst->addr, sizeof(word));
	h = (h ^ h >> 32 ^ word[0]) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 32 ^ word[1]) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t) (h ^ h >> 32);
}

static bool route_is_to(const struct route *r, uint32_t table, const struct anod_prefix *dst)
{
	return r->table == table && r->family == dst->family && r->len == dst->len &&
	       memcmp(r->addr, dst->addr, sizeof(r->addr)) == 0;
}

/* Slot of the chain, or of the hole where it belongs.  The index is never full. */
static uint32_t slot_of(const struct rtab *t, uint32_t table, const struct anod_prefix *dst,
			uint32_t hash)
{
	uint32_t mask = t->n_slots - 1, i = hash & mask;

	while (t->slot[i].head != RTAB_NONE &&
	       (t->slot[i].hash != hash || !route_is_to(route_at(t, t->slot[i].head), table, dst)))
		i = (i + 1) & mask;
	return i;
}

static int grow_index(struct rtab *t)
{
	uint32_t n = t->n_slots ? t->n_slots * 2 : SLOTS_MIN, mask = n - 1;
	__typeof__(t->slot) slot = malloc(n * sizeof(*slot));

	if (!slot)
		return -ENOMEM;

	for (uint32_t i = 0; i < n; i++)
		slot[i].head = RTAB_NONE;
	for (uint32_t i = 0; i < t->n_slots; i++) {
		uint32_t to;

		if (t->slot[i].head == RTAB_NONE)
			continue;
		/* NOLINTNEXTLINE(clang-analyzer-core.*): the mask is n - 1, all of them are set */
		for (to = t->slot[i].hash & mask; slot[to].head != RTAB_NONE;)
			to = (to + 1) & mask;
		slot[to] = t->slot[i];
	}

	free(t->slot);
	t->slot = slot;
	t->n_slots = n;
	return 0;
}

static void drop_slot(struct rtab *t, uint32_t hole)
{
	uint32_t mask = t->n_slots - 1;

	t->slot[hole].head = RTAB_NONE;
	t->n_chains--;
	for (uint32_t i = (hole + 1) & mask; t->slot[i].head != RTAB_NONE; i = (i + 1) & mask) {
		uint32_t home = t->slot[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		t->slot[i].head = RTAB_NONE;
		hole = i;
	}
}

const struct route *rtab_chain(const struct rtab *t, uint32_t table, const struct anod_prefix *dst)
{
	uint32_t head;

	if (!t->n)
		return NULL;
	head = t->slot[slot_of(t, table, dst, dst_hash(table, dst))].head;
	return head == RTAB_NONE ? NULL : route_at(t, head);
}

const struct route *rtab_chain_at(const struct rtab *t, uint32_t n)
{
	return t->slot[n].head == RTAB_NONE ? NULL : route_at(t, t->slot[n].head);
}

bool rtab_may_have(const struct rtab *t, const struct route *like)
{
	const struct lens *l = t->n ? lens_find(t, like->table, like->family) : NULL;

	return l && l->count[like->len];
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

static int take_route(struct rtab *t, uint32_t *ret)
{
	if (t->free != RTAB_NONE) {
		*ret = t->free;
		t->free = route_at(t, *ret)->next;
		return 0;
	}

	if (t->n_used == t->n_chunks * CHUNK_SIZE) {
		struct route **chunk = realloc(t->chunk, (t->n_chunks + 1) * sizeof(*chunk));

		if (!chunk)
			return -ENOMEM;
		t->chunk = chunk;
		chunk[t->n_chunks] = calloc(CHUNK_SIZE, sizeof(struct route));
		if (!chunk[t->n_chunks])
			return -ENOMEM;
		t->n_chunks++;
	}

	*ret = t->n_used++;
	return 0;
}

/* The chain's link that points to the route, or to where it belongs; *ret_found tells which. */
static uint32_t *chain_place(struct rtab *t, uint32_t *link, const struct route *like,
			     bool *ret_found)
{
	while (*link != RTAB_NONE) {
		int order = route_order(route_at(t, *link), like);

		if (order >= 0) {
			*ret_found = order == 0;
			return link;
		}
		link = &route_at(t, *link)->next;
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

static int insert(struct rtab *t, const struct route *like, uint32_t slot, uint32_t hash)
{
	struct lens *lens = lens_make(t, like->table, like->family);
	uint32_t i, *link;
	bool found;
	int r;

	if (!lens)
		return -ENOMEM;
	r = take_route(t, &i);
	if (r < 0)
		return r;

	if (t->slot[slot].head == RTAB_NONE) {
		t->slot[slot].hash = hash;
		t->n_chains++;
	}
	link = chain_place(t, &t->slot[slot].head, like, &found);
	*route_at(t, i) = *like;
	route_at(t, i)->next = *link;
	*link = i;
	lens_count(lens, like->len, 1);
	t->n++;
	return 0;
}

int rtab_put(struct rtab *t, const struct anod_object *o, bool gone, uint32_t mark)
{
	const struct anod_route *from = &o->u.route;
	struct anod_prefix dst;
	struct route like, *old;
	uint32_t hash, slot, *link;
	bool found;
	int r;

	if (!route_valid(from))
		return -EINVAL;
	if (t->n_chains * 4 >= t->n_slots * 3 && grow_index(t) < 0)
		return -ENOMEM;

	dst = prefix_cut(&from->dst, from->dst.len);
	like = (struct route){ .table = from->table,
			       .metric = from->metric,
			       .mark = mark,
			       .family = dst.family,
			       .len = dst.len,
			       .tos = (uint8_t) from->tos,
			       .gone = gone };
	memcpy(like.addr, dst.addr, sizeof(like.addr));
	hash = dst_hash(from->table, &dst);
	slot = slot_of(t, from->table, &dst, hash);
	link = chain_place(t, &t->slot[slot].head, &like, &found);
	old = found ? route_at(t, *link) : NULL;
	if (old && old->gone == gone && way_is(t->way[old->way], o)) {
		old->mark = mark;
		return 0;
	}

	r = way_intern(t, o, &like.way);
	if (r < 0)
		return r;
	if (!old) {
		r = insert(t, &like, slot, hash);
		if (r < 0)
			way_unref(t, like.way);
		return r < 0 ? r : 1;
	}

	way_unref(t, old->way);
	old->way = like.way;
	old->gone = gone;
	old->mark = mark;
	return 1;
}

static void remove_route(struct rtab *t, uint32_t slot, uint32_t *link)
{
	uint32_t i = *link;
	struct route *r = route_at(t, i);

	*link = r->next;
	if (t->slot[slot].head == RTAB_NONE)
		drop_slot(t, slot);
	lens_count(lens_find(t, r->table, r->family), r->len, -1);
	way_unref(t, r->way);
	*r = (struct route){ .next = t->free };
	t->free = i;
	t->n--;
}

static bool remove_like(struct rtab *t, const struct route *like)
{
	struct anod_prefix dst;
	uint32_t slot, *link;
	bool found;

	route_dst(like, &dst);
	slot = slot_of(t, like->table, &dst, dst_hash(like->table, &dst));
	link = chain_place(t, &t->slot[slot].head, like, &found);
	if (found)
		remove_route(t, slot, link);
	return found;
}

bool rtab_del(struct rtab *t, const struct anod_object *key)
{
	const struct route *r = rtab_find(t, key);
	struct route like;

	if (!r)
		return false;
	like = *r;
	return remove_like(t, &like);
}

unsigned rtab_sweep(struct rtab *t, uint32_t mark)
{
	unsigned swept = 0;

	for (uint32_t i = 0; i < t->n_used; i++) {
		struct route like = *route_at(t, i);

		if (like.family && like.mark != mark)
			swept += remove_like(t, &like);
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
	*t = (struct rtab){ .free = RTAB_NONE };
}

void rtab_done(struct rtab *t)
{
	for (uint32_t i = 0; i < t->n_chunks; i++)
		free(t->chunk[i]);
	free(t->chunk);
	free(t->slot);
	free(t->lens);
	ways_done(t);
	rtab_init(t);
}
