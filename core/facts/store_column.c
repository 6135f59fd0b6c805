/*
 * store_column - columns of a block, and the walks over them.
 *
 * Design.  A column of a block appears when the first value is published in it, so an attribute
 * that no entity of 64 has, or that was only ever published as unknown, costs nothing but a word.  It stays for good: its place may be
 * remembered.  Places lie in groups, so that a table with few columns needs few of them and a
 * schema that grows moves nothing.
 */
#include <errno.h>

#include "facts/store_priv.h"

size_t table_block_size(uint8_t type)
{
	const struct table_block *b = NULL;
	size_t head = offsetof(struct table_block, u);

	switch ((enum anod_type) type) {
	case ANOD_TEXT:
		return head + sizeof(b->u.text);
	case ANOD_PREFIX:
		return head + sizeof(b->u.prefix);
	case ANOD_BOOL:
	case ANOD_INT:
	case ANOD_REAL:
	case ANOD_UNKNOWN:
		break;
	}
	return head + sizeof(b->u.i);
}

struct table_block *column_at(const struct store *s, const struct seg_block *b, unsigned slot)
{
	const uint32_t *group;
	uint32_t place;

	if (slot >= SCHEMA_ATTRS_MAX)
		return NULL;
	place = __atomic_load_n(&b->group[slot / SEG_COLUMNS], __ATOMIC_ACQUIRE);
	if (!place)
		return NULL;
	group = shm_at(&s->shm, place);
	place = __atomic_load_n(&group[slot % SEG_COLUMNS], __ATOMIC_ACQUIRE);
	return place ? shm_at(&s->shm, place) : NULL;
}

bool columns_at(const struct store *s, const struct seg_block *b, unsigned from,
		struct table_block *ret[SEG_COLUMNS])
{
	const uint32_t *group;
	uint32_t place;

	if (from >= SCHEMA_ATTRS_MAX)
		return false;
	place = __atomic_load_n(&b->group[from / SEG_COLUMNS], __ATOMIC_ACQUIRE);
	if (!place)
		return false;
	group = shm_at(&s->shm, place);
	for (unsigned k = 0; k < SEG_COLUMNS; k++) {
		place = __atomic_load_n(&group[k], __ATOMIC_ACQUIRE);
		ret[k] = place ? shm_at(&s->shm, place) : NULL;
	}
	return true;
}

int column_open(struct store *s, struct seg_block *b, unsigned slot, uint8_t type,
		struct table_block **ret)
{
	uint32_t *dir = &b->group[slot / SEG_COLUMNS], *group, place;
	int r;

	*ret = column_at(s, b, slot);
	if (*ret)
		return 0;

	if (!*dir) {
		r = shm_alloc(&s->shm, SEG_COLUMNS * sizeof(*group), &place);
		if (r < 0)
			return r;
		__atomic_store_n(dir, place, __ATOMIC_RELEASE);
	}
	r = shm_alloc(&s->shm, table_block_size(type), &place);
	if (r < 0)
		return r;
	group = shm_at(&s->shm, *dir);
	__atomic_store_n(&group[slot % SEG_COLUMNS], place, __ATOMIC_RELEASE);
	*ret = shm_at(&s->shm, place);
	return 0;
}

_Static_assert(SEG_GROUPS <= 64 && SCHEMA_KINDS_MAX <= 64, "a bit for each");

void kind_note(struct store *s, struct block *b, unsigned first, unsigned n, bool dirty)
{
	struct kind *k = &s->kind[b->kind];
	uint64_t bit = UINT64_C(1) << b->number % 64;
	uint64_t groups = UINT64_MAX >> (63 - (first + n - 1) / SEG_COLUMNS) &
			  UINT64_MAX << first / SEG_COLUMNS;

	b->touched |= groups;
	k->touched[b->number / 64] |= bit;
	s->touched_kinds |= UINT64_C(1) << (b->kind - 1);
	if (!dirty)
		return;
	s->dirty_kinds |= UINT64_C(1) << (b->kind - 1);
	b->dirty |= groups;
	k->dirty[b->number / 64] |= bit;
}

/* ---- table.h ---------------------------------------------------------------------------- */

static const struct seg_block *block_at(const struct store *s, uint16_t kind, unsigned block)
{
	return kind < KINDS ? seg_block_at(s, kind, block) : NULL;
}

unsigned table_n_blocks(const struct store *s, uint16_t kind)
{
	return kind < KINDS ? __atomic_load_n(&s->seg->kind[kind].n_blocks, __ATOMIC_ACQUIRE) : 0;
}

uint64_t table_rows(const struct store *s, uint16_t kind, unsigned block)
{
	const struct seg_block *b = block_at(s, kind, block);

	return b ? LOAD(&b->rows) : 0;
}

struct table_block *table_block(const struct store *s, uint16_t kind, uint16_t slot, unsigned block)
{
	const struct seg_block *b = block_at(s, kind, block);

	return b ? column_at(s, b, slot) : NULL;
}

bool table_columns(const struct store *s, uint16_t kind, unsigned block, unsigned from,
		   struct table_block *ret[TABLE_COLUMNS])
{
	const struct seg_block *b = block_at(s, kind, block);

	return b && columns_at(s, b, from, ret);
}

const uint64_t *table_touched(const struct store *s, uint16_t kind)
{
	return s->kind ? s->kind[kind].touched : NULL;
}

uint64_t *table_dirty(const struct store *s, uint16_t kind)
{
	return s->kind ? s->kind[kind].dirty : NULL;
}

uint32_t table_entity(const struct store *s, uint16_t kind, unsigned row)
{
	const struct seg_block *b = block_at(s, kind, row / TABLE_BLOCK);

	return b ? LOAD(&b->handle[row % TABLE_BLOCK]) : 0;
}

const uint32_t *table_entities(const struct store *s, uint16_t kind, unsigned block)
{
	const struct seg_block *b = block_at(s, kind, block);

	return b ? b->handle : NULL;
}

int store_row_number(const struct store *s, uint32_t entity)
{
	uint64_t entry = entry_of(s, entity);

	return entry ? (int) (entry & 0xffff) : -ENOENT;
}

uint64_t table_touched_kinds(const struct store *s)
{
	return s->touched_kinds;
}

uint64_t *table_dirty_kinds(struct store *s)
{
	return s->reader ? NULL : &s->dirty_kinds;
}

uint64_t *table_dirty_groups(const struct store *s, uint16_t kind, unsigned block)
{
	if (!s->kind || kind >= KINDS || block >= s->kind[kind].n_blocks)
		return NULL;
	return &s->kind[kind].block[block]->dirty;
}

static void block_settle(const struct store *s, struct block *b)
{
	struct table_block *t[SEG_COLUMNS];

	for (; b->touched; b->touched &= b->touched - 1) {
		if (!columns_at(s, b->seg, (unsigned) __builtin_ctzll(b->touched) * SEG_COLUMNS, t))
			continue;
		for (unsigned k = 0; k < SEG_COLUMNS; k++)
			if (t[k] && t[k]->touched)
				t[k]->touched = 0;
	}
}

void store_settle(struct store *s)
{
	for (; s->touched_kinds; s->touched_kinds &= s->touched_kinds - 1) {
		struct kind *k = &s->kind[__builtin_ctzll(s->touched_kinds) + 1];

		for (unsigned w = 0; w < (k->n_blocks + 63) / 64; w++) {
			while (k->touched[w]) {
				unsigned bit = (unsigned) __builtin_ctzll(k->touched[w]);

				block_settle(s, k->block[w * 64 + bit]);
				k->touched[w] &= k->touched[w] - 1;
			}
		}
	}
}
