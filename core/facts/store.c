/*
 * store - entities: their names, handles and order, and who hears of changes.
 *
 * Design.  A handle is an index and a generation, so reading through a stale one is caught
 * without searching.  Freed indexes queue up at the end of a ring and the generation of an index
 * has 65535 values, so a handle comes back after STORE_GRACE others at the earliest.  The order of
 * names is kept while adding, because sensors add in nearly that order and readers page through
 * it at any time.  The entity is out of all tables before listeners hear that it went, so what
 * they read is the state after.
 */
#include "facts/store.h"

#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

#define INDEX_BITS 16

struct store *store_new(const struct schema *schema)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->schema = schema;
	s->ageing = calloc(1, sizeof(*s->ageing));
	if (!s->ageing)
		return NULL;
	return TAKE(s);
}

static void row_free(const struct store *s, struct row *row)
{
	for (unsigned i = 0; i < row->n_cells; i++)
		cell_clear(&row->cell[i], schema_attr_at(s->schema, row->kind, (uint16_t) i),
			   CELL_NEVER);
	free(row->cell);
	free(row);
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;

	for (unsigned kind = 0; kind <= SCHEMA_KINDS_MAX; kind++) {
		HASH_CLEAR(hh, s->column[kind].by_name);
		free(s->column[kind].order);
	}
	for (unsigned i = 0; i < s->n_rows; i++)
		if (s->row[i])
			row_free(s, s->row[i]);
	if (s->ageing)
		heap_done(s->ageing);
	free(s->ageing);
	free(s->row);
	free(s->generation);
	free(s->unused);
	free(s->sync);
	free(s);
	return NULL;
}

const struct schema *store_schema(const struct store *s)
{
	return s->schema;
}

void store_get_stats(const struct store *s, struct store_stats *ret)
{
	*ret = s->stats;
}

uint64_t store_seq(const struct store *s)
{
	return s->seq;
}

/* ---- listeners -------------------------------------------------------------------------- */

int store_listen(struct store *s, store_listener *fn, void *data)
{
	if (s->n_listeners == STORE_LISTENERS_MAX)
		return -ENOSPC;

	s->listener[s->n_listeners].fn = fn;
	s->listener[s->n_listeners++].data = data;
	return 0;
}

void store_unlisten(struct store *s, store_listener *fn, void *data)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		if (s->listener[i].fn != fn || s->listener[i].data != data)
			continue;
		s->n_listeners--;
		memmove(&s->listener[i], &s->listener[i + 1],
			(s->n_listeners - i) * sizeof(s->listener[0]));
		return;
	}
}

void store_tell(struct store *s, const struct store_change *c)
{
	for (unsigned i = 0; i < s->n_listeners; i++)
		s->listener[i].fn(s->listener[i].data, c);
}

static void tell_presence(struct store *s, const struct row *row, bool gone)
{
	struct store_change c = {
		.entity = row->handle,
		.kind = row->kind,
		.slot = -1,
		.gone = gone,
		.name = row->name,
	};

	s->seq++;
	store_tell(s, &c);
}

/* ---- order of names --------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers inside names by their size, the rest byte by byte; never 0 for different names. */
static int natural_compare(const char *a, const char *b)
{
	const char *whole_a = a, *whole_b = b;

	/* NOLINTNEXTLINE(clang-analyzer-core.*): every row has a name */
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
static unsigned order_position(const struct store *s, const struct column *col, const char *name)
{
	unsigned low = 0, high = col->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (natural_compare(store_row(s, col->order[middle])->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int order_room(struct column *col)
{
	unsigned room = MAX_OF(col->room * 2, 16u);
	uint32_t *order;

	if (col->n < col->room)
		return 0;

	order = reallocarray(col->order, room, sizeof(*order));
	if (!order)
		return -ENOMEM;
	col->order = order;
	col->room = room;
	return 0;
}

uint32_t store_nth(const struct store *s, uint16_t kind, unsigned n)
{
	return kind <= SCHEMA_KINDS_MAX && n < s->column[kind].n ? s->column[kind].order[n] : 0;
}

unsigned store_count(const struct store *s, uint16_t kind)
{
	return kind <= SCHEMA_KINDS_MAX ? s->column[kind].n : 0;
}

/* ---- handles ---------------------------------------------------------------------------- */

struct row *store_row(const struct store *s, uint32_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);
	struct row *row = index < s->n_rows ? s->row[index] : NULL;

	return row && row->handle == handle ? row : NULL;
}

static int rows_room(struct store *s)
{
	unsigned room = MAX_OF(s->rows_room * 2, 64u);
	uint16_t *generation;
	uint32_t *unused;
	struct row **row;

	if (s->n_rows < s->rows_room)
		return 0;

	row = reallocarray(s->row, room, sizeof(*row));
	if (row)
		s->row = row;
	generation = reallocarray(s->generation, room, sizeof(*generation));
	if (generation)
		s->generation = generation;
	/* Here every index is in use, so the ring is empty and may begin anew. */
	unused = reallocarray(s->unused, room, sizeof(*unused));
	if (unused)
		s->unused = unused;
	if (!row || !generation || !unused)
		return -ENOMEM;

	s->unused_first = 0;
	s->rows_room = room;
	return 0;
}

static int handle_take(struct store *s, uint32_t *ret)
{
	uint32_t index;
	int r;

	if (s->stats.n_entities >= STORE_ENTITIES_MAX) {
		s->stats.refused++;
		return -ENOSPC;
	}

	if (s->n_unused > 0) {
		index = s->unused[s->unused_first];
		s->unused_first = (s->unused_first + 1) % s->rows_room;
		s->n_unused--;
	} else {
		r = rows_room(s);
		if (r < 0)
			return r;
		index = s->n_rows++;
		s->row[index] = NULL;
		s->generation[index] = 1;
	}

	*ret = (uint32_t) s->generation[index] << INDEX_BITS | index;
	return 0;
}

static void handle_give_back(struct store *s, uint32_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);

	s->row[index] = NULL;
	if (++s->generation[index] == 0)
		s->generation[index] = 1;
	s->unused[(s->unused_first + s->n_unused++) % s->rows_room] = index;
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

static struct row *row_find(const struct store *s, uint16_t kind, const char *name)
{
	struct row *row;

	HASH_FIND_STR(s->column[kind].by_name, name, row);
	return row;
}

int store_entity(struct store *s, uint16_t kind, const char *name, uint64_t now_us, uint32_t *ret)
{
	_cleanup_(freep) struct row *row = NULL;
	struct column *col;
	unsigned position;
	struct row *known;
	size_t size;
	int r;

	(void) now_us;
	if (!schema_kind_name(s->schema, kind) || !name_valid(name))
		return -EINVAL;
	known = row_find(s, kind, name);
	if (known) {
		*ret = known->handle;
		return 0;
	}

	col = &s->column[kind];
	r = order_room(col);
	if (r >= 0)
		r = heap_room(s->ageing, s->stats.n_entities + 1);
	if (r < 0)
		return r;
	size = strlen(name) + 1;
	row = calloc(1, sizeof(*row) + size);
	if (!row)
		return -ENOMEM;
	r = handle_take(s, &row->handle);
	if (r < 0)
		return r;

	row->kind = kind;
	row->age.due_us = US_INFINITY;
	memcpy(row->name, name, size);
	position = order_position(s, col, name);
	memmove(&col->order[position + 1], &col->order[position],
		(col->n - position) * sizeof(col->order[0]));
	col->order[position] = row->handle;
	col->n++;
	s->row[row->handle & ((1u << INDEX_BITS) - 1)] = row;
	HASH_ADD_KEYPTR(hh, col->by_name, row->name, size - 1, row);
	s->stats.n_entities++;

	*ret = row->handle;
	tell_presence(s, TAKE(row), false);
	return 0;
}

uint32_t store_find(const struct store *s, uint16_t kind, const char *name)
{
	const struct row *row = kind <= SCHEMA_KINDS_MAX ? row_find(s, kind, name) : NULL;

	return row ? row->handle : 0;
}

const char *store_entity_name(const struct store *s, uint32_t entity)
{
	const struct row *row = store_row(s, entity);

	return row ? row->name : NULL;
}

uint16_t store_entity_kind(const struct store *s, uint32_t entity)
{
	const struct row *row = store_row(s, entity);

	return row ? row->kind : 0;
}

int store_remove(struct store *s, uint32_t entity, uint64_t now_us)
{
	struct row *row = store_row(s, entity);
	struct column *col;
	unsigned position;

	(void) now_us;
	if (!row)
		return -ENOENT;

	col = &s->column[row->kind];
	position = order_position(s, col, row->name);
	col->n--;
	memmove(&col->order[position], &col->order[position + 1],
		(col->n - position) * sizeof(col->order[0]));
	HASH_DEL(col->by_name, row);
	heap_set(s->ageing, &row->age, US_INFINITY);
	handle_give_back(s, entity);
	s->stats.n_entities--;

	tell_presence(s, row, true);
	row_free(s, row);
	return 0;
}
