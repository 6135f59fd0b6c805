/*
 * shadow_table - entries of the shadow: what they should be, what was taken.
 *
 * Design.  An entry is 36 bytes in chunks that never move, found by an index of open addressing.
 * One that differs from what was taken hangs in a list by what has to be done: new, by length;
 * changed; or gone, by length.  They are given in that order, the longest of the new ones first
 * and the shortest of those that go first.
 *
 * Why this order is safe: the answer for an address is that of the longest entry which contains
 * it.  When an entry is added, all longer new ones are there: if it becomes the longest, it is
 * also the longest in the end, but for those that go, which still answer as before.  When an entry
 * is taken away, all shorter ones that go are gone: what answers next stays.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "model/shadow_int.h"

#define CHUNK (1u << SENTRY_CHUNK_BITS)

static uint32_t hash_of(const uint8_t *addr, uint8_t family, uint8_t len)
{
	uint64_t hi, lo;

	memcpy(&hi, addr, sizeof(hi));
	memcpy(&lo, addr + 8, sizeof(lo));
	hi = (hi ^ (lo * UINT64_C(0xff51afd7ed558ccd))) + ((uint64_t) family << 8 | len);
	hi *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t) ((hi ^ hi >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 32);
}

static uint32_t home_of(const struct stable *t, uint32_t id)
{
	const struct sentry *e = stable_at(t, id);

	return hash_of(e->addr, e->family, e->len) & (t->n_slots - 1);
}

/* The slot of the entry, or where it belongs. */
static uint32_t place(const struct stable *t, const struct anod_prefix *dst)
{
	uint32_t i = hash_of(dst->addr, dst->family, dst->len) & (t->n_slots - 1);

	for (; t->slot[i]; i = (i + 1) & (t->n_slots - 1)) {
		const struct sentry *e = stable_at(t, t->slot[i] - 1);

		if (e->len == dst->len && e->family == dst->family &&
		    memcmp(e->addr, dst->addr, sizeof(e->addr)) == 0)
			break;
	}
	return i;
}

struct sentry *stable_find(const struct stable *t, const struct anod_prefix *dst)
{
	uint32_t id = t->n ? t->slot[place(t, dst)] : 0;

	return id ? stable_at(t, id - 1) : NULL;
}

static int grow_index(struct stable *t)
{
	uint32_t n = t->n_slots ? t->n_slots * 2 : 64, *old = t->slot, n_old = t->n_slots;

	if ((t->n + 1) * 4 <= t->n_slots * 3)
		return 0;
	t->slot = calloc(n, sizeof(*t->slot));
	if (!t->slot) {
		t->slot = old;
		return -1;
	}
	t->n_slots = n;
	for (uint32_t i = 0; i < n_old; i++) {
		uint32_t k = old[i] ? home_of(t, old[i] - 1) : 0;

		if (!old[i])
			continue;
		while (t->slot[k])
			k = (k + 1) & (n - 1);
		t->slot[k] = old[i];
	}
	free(old);
	return 0;
}

static int grow_places(struct stable *t)
{
	struct sentry **chunk;

	if (t->free || t->n_places < t->n_chunks * CHUNK)
		return 0;
	if ((t->n_chunks & (t->n_chunks - 1)) == 0) {
		chunk = realloc(t->chunk, (t->n_chunks ? t->n_chunks * 2 : 1) * sizeof(*chunk));
		if (!chunk)
			return -1;
		t->chunk = chunk;
	}
	t->chunk[t->n_chunks] = calloc(CHUNK, sizeof(struct sentry));
	if (!t->chunk[t->n_chunks])
		return -1;
	t->n_chunks++;
	return 0;
}

static uint32_t make(struct shadow *s, const struct anod_prefix *dst)
{
	struct stable *t = &s->t;
	struct sentry *e;
	uint32_t id;

	if (t->n >= s->in.max) {
		s->over = true;
		return 0;
	}
	if (grow_index(t) < 0 || grow_places(t) < 0) {
		s->broken = true;
		return 0;
	}
	id = t->free ? t->free : ++t->n_places;
	e = stable_at(t, id - 1);
	if (id == t->free)
		t->free = e->next;
	*e = (struct sentry){ .family = dst->family, .len = dst->len };
	memcpy(e->addr, dst->addr, sizeof(e->addr));
	t->slot[place(t, dst)] = id;
	t->n++;
	return id;
}

/* Later ones of the run move back, so there are no tombstones. */
static void drop(struct stable *t, uint32_t id)
{
	uint32_t mask = t->n_slots - 1, hole = home_of(t, id - 1);

	while (t->slot[hole] != id)
		hole = (hole + 1) & mask;
	t->slot[hole] = 0;
	for (uint32_t i = (hole + 1) & mask; t->slot[i]; i = (i + 1) & mask) {
		if (((i - home_of(t, t->slot[i] - 1)) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		t->slot[i] = 0;
		hole = i;
	}
	*stable_at(t, id - 1) = (struct sentry){ .next = t->free };
	t->free = id;
	t->n--;
}

/* ---- what is to be written -------------------------------------------------------------- */

/* The list that an entry belongs to; NULL: it is as taken. */
static uint32_t *list_of(struct stable *t, const struct sentry *e)
{
	if (e->want == e->taken)
		return NULL;
	if (e->want && e->taken)
		return &t->mod;
	return e->want ? &t->add[e->family == AF_INET6][e->len]
		       : &t->del[e->family == AF_INET6][e->len];
}

static void unlist(struct stable *t, struct sentry *e)
{
	uint32_t *list = list_of(t, e);

	if (!list)
		return;
	if (e->prev)
		stable_at(t, e->prev - 1)->next = e->next;
	else
		*list = e->next;
	if (e->next)
		stable_at(t, e->next - 1)->prev = e->prev;
	e->next = e->prev = 0;
	t->n_dirty--;
}

static void enlist(struct stable *t, struct sentry *e, uint32_t id)
{
	uint32_t *list = list_of(t, e);

	if (!list)
		return;
	e->next = *list;
	e->prev = 0;
	if (*list)
		stable_at(t, *list - 1)->prev = id;
	*list = id;
	t->n_dirty++;
}

static void count_flags(struct stable *t, uint8_t flags, uint32_t by)
{
	t->n_cover += flags & ENTRY_COVER ? by : 0;
	t->n_doubt += flags & ENTRY_DOUBT ? by : 0;
}

void shadow_set(struct shadow *s, const struct anod_prefix *dst, uint32_t want, uint8_t flags)
{
	struct stable *t = &s->t;
	uint32_t id = t->n ? t->slot[place(t, dst)] : 0;
	struct sentry *e;

	if (!id && (want || flags))
		id = make(s, dst);
	if (!id)
		return;
	e = stable_at(t, id - 1);
	if (e->want != want) {
		unlist(t, e);
		t->n_want += (want != 0) - (e->want != 0);
		shadow_way_ref(s, want);
		shadow_way_unref(s, e->want);
		e->want = want;
		enlist(t, e, id);
	}
	if (e->flags != flags) {
		count_flags(t, e->flags, -1u);
		count_flags(t, flags, 1);
		e->flags = flags;
		t->doubt_at = flags & ENTRY_DOUBT ? id : t->doubt_at;
	}
	if (!e->want && !e->taken && !e->flags)
		drop(t, id);
}

static void taken(struct shadow *s, uint32_t id, uint32_t way)
{
	struct sentry *e = stable_at(&s->t, id - 1);

	unlist(&s->t, e);
	shadow_way_ref(s, way);
	shadow_way_unref(s, e->taken);
	e->taken = way;
	enlist(&s->t, e, id);
	if (!e->want && !e->taken && !e->flags)
		drop(&s->t, id);
}

static unsigned take_list(struct shadow *s, uint32_t *list, struct shadow_op *ret, unsigned max)
{
	unsigned n = 0;

	while (*list && n < max) {
		const struct sentry *e = stable_at(&s->t, *list - 1);

		ret[n] = (struct shadow_op){ .way = e->want };
		sentry_dst(e, &ret[n++].dst);
		taken(s, *list, e->want);
	}
	return n;
}

unsigned shadow_take(struct shadow *s, struct shadow_op *ret, unsigned max)
{
	struct stable *t = &s->t;
	unsigned n = 0;

	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned len = ARRAY_SIZE(t->add[0]); len-- > 0 && n < max;)
			n += take_list(s, &t->add[v6][len], &ret[n], max - n);
	n += take_list(s, &t->mod, &ret[n], max - n);
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned len = 0; len < ARRAY_SIZE(t->del[0]) && n < max; len++)
			n += take_list(s, &t->del[v6][len], &ret[n], max - n);
	return n;
}

void shadow_untake(struct shadow *s)
{
	for (uint32_t id = 1; id <= s->t.n_places; id++)
		if (stable_at(&s->t, id - 1)->family && stable_at(&s->t, id - 1)->taken)
			taken(s, id, SHADOW_GONE);
}

void stable_done(struct stable *t)
{
	for (uint32_t i = 0; i < t->n_chunks; i++)
		free(t->chunk[i]);
	free(t->chunk);
	free(t->slot);
}
