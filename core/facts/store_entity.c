/*
 * store_entity - entities: their handles and rows.
 *
 * Design.  A handle is an index and a generation, so reading through a stale one is caught
 * without searching.  Freed indexes queue up at the end of a ring and the generation of an index
 * has 65535 values, so a handle comes back after STORE_GRACE others at the earliest.  Rows that
 * are free queue up as well: who still remembers a row number has long time to see that it was
 * given up.  The entity is out of all tables before listeners hear that it went, so what they read
 * is the state after.
 */
#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

/* ---- handles ---------------------------------------------------------------------------- */

static int indexes_room(struct store *s)
{
	unsigned room = MAX_OF(s->indexes_room * 2, 64u);
	uint16_t *generation;
	uint32_t *unused;

	if (s->n_indexes < s->indexes_room)
		return 0;

	generation = reallocarray(s->generation, room, sizeof(*generation));
	if (generation)
		s->generation = generation;
	/* Here every index is in use, so the ring is empty and may begin anew. */
	unused = reallocarray(s->unused, room, sizeof(*unused));
	if (unused)
		s->unused = unused;
	if (!generation || !unused)
		return -ENOMEM;

	s->unused_first = 0;
	s->indexes_room = room;
	return 0;
}

static int page_open(struct store *s, uint32_t *page, size_t size)
{
	uint32_t place;
	int r;

	if (*page)
		return 0;
	r = shm_alloc(&s->shm, size, &place);
	if (r >= 0)
		__atomic_store_n(page, place, __ATOMIC_RELEASE);
	return r;
}

/* Make sure of room for one more entity, so that handle_take() cannot fail. */
static int handle_room(struct store *s)
{
	int r;

	if (s->stats.n_entities >= STORE_ENTITIES_MAX) {
		s->stats.refused++;
		return -ENOSPC;
	}
	if (s->n_unused > 0)
		return 0;

	r = indexes_room(s);
	if (r >= 0)
		r = page_open(s, &s->seg->page[s->n_indexes / SEG_PAGE],
			      SEG_PAGE * sizeof(uint64_t));
	return r;
}

static uint32_t handle_take(struct store *s)
{
	uint32_t index;

	if (s->n_unused > 0) {
		index = s->unused[s->unused_first];
		s->unused_first = (s->unused_first + 1) % s->indexes_room;
		s->n_unused--;
	} else {
		index = s->n_indexes++;
		s->generation[index] = 1;
	}
	return (uint32_t) s->generation[index] << INDEX_BITS | index;
}

static void entry_set(struct store *s, uint32_t handle, uint64_t entry)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);
	uint64_t *page = shm_at(&s->shm, s->seg->page[index / SEG_PAGE]);

	__atomic_store_n(&page[index % SEG_PAGE], entry, __ATOMIC_RELEASE);
}

static void handle_give_back(struct store *s, uint32_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);

	entry_set(s, handle, 0);
	if (++s->generation[index] == 0)
		s->generation[index] = 1;
	s->unused[(s->unused_first + s->n_unused++) % s->indexes_room] = index;
}

uint64_t entry_of(const struct store *s, uint32_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);
	uint32_t place = __atomic_load_n(&s->seg->page[index / SEG_PAGE], __ATOMIC_ACQUIRE);
	const uint64_t *page;
	uint64_t entry;

	if (!place)
		return 0;
	page = shm_at(&s->shm, place);
	entry = __atomic_load_n(&page[index % SEG_PAGE], __ATOMIC_ACQUIRE);
	return entry >> 32 == handle ? entry : 0;
}

int place_find(const struct store *s, uint32_t handle, struct place *ret)
{
	uint64_t entry = entry_of(s, handle);
	unsigned row = entry & 0xffff;

	if (!entry)
		return -ENOENT;

	ret->handle = handle;
	ret->kind = (uint16_t) (entry >> 16);
	ret->row = row % TABLE_BLOCK;
	ret->bit = UINT64_C(1) << ret->row;
	ret->block = s->kind[ret->kind].block[row / TABLE_BLOCK];
	ret->seg = ret->block->seg;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

struct seg_block *seg_block_at(const struct store *s, uint16_t kind, unsigned number)
{
	const uint32_t *page;
	uint32_t place;

	if (number >= STORE_ENTITIES_MAX / TABLE_BLOCK)
		return NULL;
	place = __atomic_load_n(&s->seg->kind[kind].page[number / SEG_BLOCKS], __ATOMIC_ACQUIRE);
	if (!place)
		return NULL;
	page = shm_at(&s->shm, place);
	place = __atomic_load_n(&page[number % SEG_BLOCKS], __ATOMIC_ACQUIRE);
	return place ? shm_at(&s->shm, place) : NULL;
}

static int block_add(struct store *s, uint16_t id)
{
	struct kind *k = &s->kind[id];
	_cleanup_(freep) struct block *b = calloc(1, sizeof(*b));
	uint32_t *dir = &s->seg->kind[id].page[k->n_blocks / SEG_BLOCKS], *page, place;
	struct block **block;
	int r;

	block = reallocarray(k->block, k->n_blocks + 1, sizeof(*block));
	if (block)
		k->block = block;
	if (!b || !block || heap_room(s->ageing, s->n_blocks + 1) < 0)
		return -ENOMEM;
	r = page_open(s, dir, SEG_BLOCKS * sizeof(*page));
	if (r >= 0)
		r = shm_alloc(&s->shm, sizeof(struct seg_block), &place);
	if (r < 0)
		return r;

	b->kind = id;
	b->number = (uint16_t) k->n_blocks;
	b->age.due_us = US_INFINITY;
	b->seg = shm_at(&s->shm, place);
	page = shm_at(&s->shm, *dir);
	__atomic_store_n(&page[k->n_blocks % SEG_BLOCKS], place, __ATOMIC_RELEASE);
	k->block[k->n_blocks++] = TAKE(b);
	__atomic_store_n(&s->seg->kind[id].n_blocks, k->n_blocks, __ATOMIC_RELEASE);
	s->n_blocks++;
	return 0;
}

static int row_room(struct store *s, uint16_t kind)
{
	const struct kind *k = &s->kind[kind];

	return k->n_unused > 0 || k->n_rows < k->n_blocks * TABLE_BLOCK ? 0 : block_add(s, kind);
}

static unsigned row_take(struct kind *k)
{
	unsigned row = k->unused_first;

	if (k->n_unused == 0)
		return k->n_rows++;
	k->unused_first = k->block[row / TABLE_BLOCK]->next_unused[row % TABLE_BLOCK];
	k->n_unused--;
	return row;
}

static void row_give_back(struct kind *k, unsigned row)
{
	unsigned last = k->unused_last;

	if (k->n_unused++ == 0)
		k->unused_first = row;
	else
		k->block[last / TABLE_BLOCK]->next_unused[last % TABLE_BLOCK] = (uint16_t) row;
	k->unused_last = row;
}

/* ---- entities --------------------------------------------------------------------------- */

static bool name_valid(const char *name)
{
	char clean[ANOD_NAME_SIZE];

	if (name[0] == '\0' || !copy_text(clean, sizeof(clean), name))
		return false;
	clean_text(clean);
	return strcmp(clean, name) == 0;
}

static void tell_presence(struct store *s, const struct place *p, const char *name, bool gone,
			  uint64_t now_us)
{
	struct store_news n = {
		.time_us = now_us,
		.entity = p->handle,
		.kind = p->kind,
		.flags = gone ? STORE_GONE : STORE_CAME,
	};
	struct store_change c = {
		.entity = p->handle,
		.kind = p->kind,
		.slot = -1,
		.gone = gone,
		.name = name,
	};

	s->seq++;
	ring_add(s, &n);
	store_tell(s, &c);
}

int store_entity(struct store *s, uint16_t kind, const char *name, uint64_t now_us, uint32_t *ret)
{
	struct place p;
	unsigned row;
	int r;

	if (s->reader)
		return -EROFS;
	if (!schema_kind_name(s->schema, kind) || !name_valid(name))
		return -EINVAL;
	*ret = names_find(s, kind, name);
	if (*ret)
		return 0;

	r = handle_room(s);
	if (r >= 0)
		r = names_room(s, kind);
	if (r >= 0)
		r = row_room(s, kind);
	if (r < 0)
		return r;

	p = (struct place){ .kind = kind, .handle = handle_take(s) };
	row = row_take(&s->kind[kind]);
	p.block = s->kind[kind].block[row / TABLE_BLOCK];
	p.seg = p.block->seg;
	p.row = row % TABLE_BLOCK;
	seq_write_begin(&p.seg->seq[p.row]);
	(void) copy_text(p.seg->name[p.row], ANOD_NAME_SIZE, name);
	STORE(&p.seg->handle[p.row], p.handle);
	bits_set(&p.seg->rows, UINT64_C(1) << p.row, true);
	seq_write_end(&p.seg->seq[p.row]);
	entry_set(s, p.handle, entry_make(p.handle, kind, (uint16_t) row));
	names_add(s, kind, row, name);
	s->stats.n_entities++;

	*ret = p.handle;
	tell_presence(s, &p, name, false, now_us);
	return 0;
}

/* Nothing of it remains in any column. */
static void row_clear(struct store *s, const struct place *p)
{
	unsigned n = schema_n_slots(s->schema, p->kind);
	bool dirty = false, touched = false;

	for (unsigned slot = 0; slot < n; slot++) {
		struct table_block *t = column_at(s, p->seg, slot);

		if (!t)
			continue;
		touched |= (t->stored & p->bit) != 0;
		t->touched |= t->stored & p->bit;
		t->again |= t->known & t->dirty & p->bit;
		t->dirty |= t->known & p->bit;
		dirty |= (t->dirty & p->bit) != 0;
		bits_set(&t->known, p->bit, false);
		bits_set(&t->stored, p->bit, false);
		bits_set(&t->withdrawn, p->bit, false);
		bits_set(&t->outside, p->bit, false);
		t->named &= ~p->bit;
		STORE(&t->time_us[p->row], 0);
		STORE(&t->changed_us[p->row], 0);
	}
	if (touched || dirty)
		kind_note(s, p->block, 0, SCHEMA_ATTRS_MAX, dirty);
}

int store_remove(struct store *s, uint32_t entity, uint64_t now_us)
{
	char name[ANOD_NAME_SIZE];
	struct place p;
	unsigned row;
	int r;

	if (s->reader)
		return -EROFS;
	r = place_find(s, entity, &p);
	if (r < 0)
		return r;

	row = p.block->number * TABLE_BLOCK + p.row;
	(void) copy_text(name, sizeof(name), p.seg->name[p.row]);
	names_remove(s, p.kind, row, name);
	handle_give_back(s, entity);
	seq_write_begin(&p.seg->seq[p.row]);
	row_clear(s, &p);
	bits_set(&p.seg->rows, p.bit, false);
	STORE(&p.seg->handle[p.row], 0);
	seq_write_end(&p.seg->seq[p.row]);
	p.block->maker[p.row] = 0;
	p.block->maker_ages &= ~p.bit;
	row_give_back(&s->kind[p.kind], row);
	s->stats.n_entities--;

	tell_presence(s, &p, name, true, now_us);
	return 0;
}
