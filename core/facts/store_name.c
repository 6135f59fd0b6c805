/*
 * store_name - the names of a kind: found by hash, kept in natural order.
 *
 * Design.  Both tables hold row numbers and lie in the segment, so that other processes search
 * them as the host does.  The hash has linear probing and no tombstones: what is removed is
 * filled from behind.  Fifteen bits of the hash lie beside the row, so that hardly any name but
 * the right one is compared.  The order is a plain sorted array: sensors add in nearly that order,
 * and moving 128 KiB at the very worst takes a few microseconds.  The kind's lock is held
 * for as long.  A reader that meets a table in the middle of a change, or one that was replaced
 * under it, reads nonsense: every row that it finds there is checked before use, and the
 * lock tells it to start over.
 */
#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

#define HASH_MIN  16u
#define ORDER_MIN 32u
#define ROW_BITS  17
#define NONE	  UINT32_MAX

/* FNV-1a, and the high bits brought down. */
static uint32_t hash_of(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (unsigned char) *name) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t) (h >> 32);
}

static uint32_t word_of(uint32_t hash, unsigned row)
{
	return hash >> ROW_BITS << ROW_BITS | (row + 1);
}

static const char *name_at(const struct store *s, uint16_t kind, unsigned row)
{
	return s->kind[kind].block[row / TABLE_BLOCK]->seg->name[row % TABLE_BLOCK];
}

/* ---- natural order ---------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers inside names by their size, the rest byte by byte; never 0 for different names. */
static int natural_compare(const char *a, const char *b)
{
	const char *whole_a = a, *whole_b = b;

	while (*a && *b) {
		size_t len_a, len_b;
		int order;

		if (!is_digit(*a) || !is_digit(*b)) {
			if (*a != *b)
				return (unsigned char) *a < (unsigned char) *b ? -1 : 1;
			a++;
			b++;
			continue;
		}

		a += strspn(a, "0");
		b += strspn(b, "0");
		len_a = strspn(a, "0123456789");
		len_b = strspn(b, "0123456789");
		if (len_a != len_b)
			return len_a < len_b ? -1 : 1;
		order = memcmp(a, b, len_a);
		if (order != 0)
			return order;
		a += len_a;
		b += len_b;
	}
	return *a || *b ? (*a ? 1 : -1) : strcmp(whole_a, whole_b);
}

/* Where 'name' is or would be. */
static unsigned order_position(const struct store *s, uint16_t kind, const char *name)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	const uint16_t *order = shm_at(&s->shm, k->order);
	unsigned low = 0, high = k->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (natural_compare(name_at(s, kind, order[middle]), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- the host --------------------------------------------------------------------------- */

static void hash_put(uint32_t *table, uint32_t mask, uint32_t hash, uint32_t word)
{
	uint32_t i = hash & mask;

	while (table[i])
		i = (i + 1) & mask;
	STORE(&table[i], word);
}

static int hash_grow(struct store *s, uint16_t kind)
{
	struct seg_kind *k = &s->seg->kind[kind];
	uint32_t size = MAX_OF((k->mask + 1) * 2, HASH_MIN), place;
	uint32_t old_place = k->hash, old_size = k->hash ? k->mask + 1 : 0;
	uint32_t *table, *old;
	int r = shm_alloc(&s->shm, size * sizeof(*table), &place);

	if (r < 0)
		return r;

	table = shm_at(&s->shm, place);
	old = shm_at(&s->shm, old_place);
	for (uint32_t i = 0; i < old_size; i++) {
		unsigned row = (old[i] & ((1u << ROW_BITS) - 1)) - 1;

		if (old[i])
			hash_put(table, size - 1, hash_of(name_at(s, kind, row)), old[i]);
	}
	seq_write_begin(&k->seq);
	STORE(&k->hash, place);
	STORE(&k->mask, size - 1);
	seq_write_end(&k->seq);
	shm_release(&s->shm, old_place, old_size * sizeof(*table));
	return 0;
}

static int order_grow(struct store *s, uint16_t kind)
{
	struct seg_kind *k = &s->seg->kind[kind];
	uint32_t room = MAX_OF(k->order_room * 2, ORDER_MIN), place;
	uint32_t old_place = k->order, old_room = k->order_room;
	int r = shm_alloc(&s->shm, room * sizeof(uint16_t), &place);

	if (r < 0)
		return r;

	if (old_place)
		memcpy(shm_at(&s->shm, place), shm_at(&s->shm, old_place), k->n * sizeof(uint16_t));
	seq_write_begin(&k->seq);
	STORE(&k->order, place);
	STORE(&k->order_room, room);
	seq_write_end(&k->seq);
	shm_release(&s->shm, old_place, old_room * sizeof(uint16_t));
	return 0;
}

int names_room(struct store *s, uint16_t kind)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	int r = 0;

	if (!k->hash || (k->n + 1) * 3 > (k->mask + 1) * 2)
		r = hash_grow(s, kind);
	if (r >= 0 && k->n == k->order_room)
		r = order_grow(s, kind);
	return r;
}

void names_add(struct store *s, uint16_t kind, unsigned row, const char *name)
{
	struct seg_kind *k = &s->seg->kind[kind];
	uint16_t *order = shm_at(&s->shm, k->order);
	unsigned position = order_position(s, kind, name);
	uint32_t hash = hash_of(name);

	seq_write_begin(&k->seq);
	hash_put(shm_at(&s->shm, k->hash), k->mask, hash, word_of(hash, row));
	memmove(&order[position + 1], &order[position], (k->n - position) * sizeof(*order));
	STORE(&order[position], (uint16_t) row);
	STORE(&k->n, k->n + 1);
	seq_write_end(&k->seq);
}

/* Words behind the hole that could not be reached over it move into it. */
static void hash_close(const struct store *s, uint16_t kind, uint32_t hole)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	uint32_t *table = shm_at(&s->shm, k->hash);

	for (uint32_t i = (hole + 1) & k->mask; table[i]; i = (i + 1) & k->mask) {
		unsigned row = (table[i] & ((1u << ROW_BITS) - 1)) - 1;
		uint32_t home = hash_of(name_at(s, kind, row)) & k->mask;

		if (((i - home) & k->mask) < ((i - hole) & k->mask))
			continue;
		STORE(&table[hole], table[i]);
		hole = i;
	}
	STORE(&table[hole], 0);
}

void names_remove(struct store *s, uint16_t kind, unsigned row, const char *name)
{
	struct seg_kind *k = &s->seg->kind[kind];
	uint16_t *order = shm_at(&s->shm, k->order);
	const uint32_t *table = shm_at(&s->shm, k->hash);
	unsigned position = order_position(s, kind, name);
	uint32_t hash = hash_of(name), i = hash & k->mask;

	while (table[i] != word_of(hash, row))
		i = (i + 1) & k->mask;

	seq_write_begin(&k->seq);
	hash_close(s, kind, i);
	STORE(&k->n, k->n - 1);
	memmove(&order[position], &order[position + 1], (k->n - position) * sizeof(*order));
	seq_write_end(&k->seq);
}

/* ---- any process ------------------------------------------------------------------------ */

/* Handle of the row if it bears the name; 0. */
static uint32_t row_named(const struct store *s, uint16_t kind, unsigned row, const char *name)
{
	const struct seg_block *b = seg_block_at(s, kind, row / TABLE_BLOCK);

	if (!b || strncmp(b->name[row % TABLE_BLOCK], name, ANOD_NAME_SIZE) != 0)
		return 0;
	return LOAD(&b->handle[row % TABLE_BLOCK]);
}

static uint32_t find_once(const struct store *s, uint16_t kind, const char *name, uint32_t hash)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	uint32_t place = LOAD(&k->hash), mask = LOAD(&k->mask);
	const uint32_t *table;

	if (!shm_has(&s->shm, place, ((size_t) mask + 1) * sizeof(*table)))
		return 0;

	table = shm_at(&s->shm, place);
	for (uint32_t i = hash & mask, n = 0; n <= mask; i = (i + 1) & mask, n++) {
		uint32_t word = LOAD(&table[i]), handle;

		if (!word)
			return 0;
		if ((word ^ hash) >> ROW_BITS)
			continue;
		handle = row_named(s, kind, (word & ((1u << ROW_BITS) - 1)) - 1, name);
		if (handle)
			return handle;
	}
	return 0;
}

uint32_t names_find(const struct store *s, uint16_t kind, const char *name)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	uint32_t hash = hash_of(name);

	for (unsigned i = 0; i < SEQ_TRIES; i++) {
		uint32_t begin = seq_read_begin(&k->seq), handle = 0;

		if (!(begin & 1))
			handle = find_once(s, kind, name, hash);
		if (seq_read_good(&k->seq, begin))
			return handle;
		seq_wait(i);
	}
	return 0;
}

static uint32_t nth_once(const struct store *s, uint16_t kind, unsigned n)
{
	const struct seg_kind *k = &s->seg->kind[kind];
	uint32_t place = LOAD(&k->order), room = LOAD(&k->order_room);
	const struct seg_block *b;
	const uint16_t *order;
	unsigned row;

	if (n >= LOAD(&k->n) || n >= room || !shm_has(&s->shm, place, room * sizeof(*order)))
		return 0;

	order = shm_at(&s->shm, place);
	row = LOAD(&order[n]);
	b = seg_block_at(s, kind, row / TABLE_BLOCK);
	return b ? LOAD(&b->handle[row % TABLE_BLOCK]) : 0;
}

uint32_t store_nth(const struct store *s, uint16_t kind, unsigned n)
{
	if (kind >= KINDS)
		return 0;

	for (unsigned i = 0; i < SEQ_TRIES; i++) {
		uint32_t begin = seq_read_begin(&s->seg->kind[kind].seq), handle = 0;

		if (!(begin & 1))
			handle = nth_once(s, kind, n);
		if (seq_read_good(&s->seg->kind[kind].seq, begin))
			return handle;
		seq_wait(i);
	}
	return 0;
}

unsigned store_count(const struct store *s, uint16_t kind)
{
	return kind < KINDS ? LOAD(&s->seg->kind[kind].n) : 0;
}
