/*
 * store_sync - what happens to many facts at once: loss of events, resync, ageing.
 *
 * Design.  Loss is a flag per source and kind that every read looks at, so no fact is stale for
 * a moment; the walk over the rows only tells the listeners.  BEGIN counts a round and every
 * publish stamps its cell with it, so DONE knows the leftovers without a list.  What a source
 * published between LOST and BEGIN does not count as named: the set that follows BEGIN is what
 * is complete.
 *
 * Ageing is a heap of rows, keyed by a time before which none of a row's facts grows too old.
 * Publishing only ever moves that time up for a row that had nothing ageing sooner, so renewing
 * an age costs nothing; the true time is worked out when the row comes to the top.
 *
 * Walks go by index and look the row up again after each call of a listener, which may add
 * entities and so move the tables.
 */
#include "facts/store.h"

#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

/* ---- sources ---------------------------------------------------------------------------- */

const struct sync *sync_find(const struct store *s, const struct schema_attr *a)
{
	uint16_t i = s->sync_of[a->id];

	return i > 0 ? &s->sync[i - 1] : NULL;
}

int sync_of_attr(struct store *s, const struct schema_attr *a, struct sync **ret)
{
	uint16_t i = s->sync_of[a->id];
	struct sync *sync;

	if (i == 0) {
		/* The schema keeps one copy of each name of a source. */
		while (i < s->n_sync &&
		       (s->sync[i].kind != a->kind || s->sync[i].source != a->source))
			i++;
		if (i == s->n_sync) {
			sync = reallocarray(s->sync, s->n_sync + 1, sizeof(*sync));
			if (!sync)
				return -ENOMEM;
			s->sync = sync;
			s->sync[s->n_sync++] =
				(struct sync){ .source = a->source, .kind = a->kind };
		}
		s->sync_of[a->id] = ++i;
	}

	*ret = &s->sync[i - 1];
	return 0;
}

static int sync_open(struct store *s, const char *source, uint16_t kind, unsigned *ret)
{
	unsigned n = schema_n_slots(s->schema, kind);
	struct sync *sync = NULL;

	for (unsigned slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, kind, (uint16_t) slot);
		int r;

		if (strcmp(a->source, source) != 0)
			continue;
		r = sync_of_attr(s, a, &sync);
		if (r < 0)
			return r;
	}
	if (!sync)
		return -EINVAL;

	*ret = (unsigned) (sync - s->sync);
	return 0;
}

/* The next attribute of a row that a source provides and that the row has a cell for, from
 * '*slot' on; NULL: no more, or the row is gone. */
static const struct schema_attr *next_of_source(const struct store *s, unsigned index,
						uint32_t handle, unsigned sync, unsigned *slot)
{
	const struct row *row = s->row[index];

	if (!row || row->handle != handle)
		return NULL;
	for (; *slot < row->n_cells; ++*slot) {
		const struct schema_attr *a =
			schema_attr_at(s->schema, row->kind, (uint16_t) *slot);

		if (s->sync_of[a->id] == sync + 1) {
			++*slot;
			return a;
		}
	}
	return NULL;
}

/* ---- loss and resync -------------------------------------------------------------------- */

/* What listeners take for known turns unknown. */
static void row_lose(struct store *s, unsigned index, unsigned sync, uint64_t now_us)
{
	uint32_t handle = s->row[index]->handle;
	const struct schema_attr *a;
	struct anod_value was;
	unsigned slot = 0;

	while ((a = next_of_source(s, index, handle, sync, &slot)) != NULL) {
		struct row *row = s->row[index];
		struct cell *c = &row->cell[a->slot];

		if (!c->told)
			continue;
		cell_value(c, a, &was);
		cell_tell(s, row, a, &was, now_us);
	}
}

/* Did the source publish a fact of the row since BEGIN? */
static bool row_named(const struct store *s, const struct row *row, unsigned sync)
{
	for (unsigned slot = 0; slot < row->n_cells; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, row->kind, (uint16_t) slot);

		if (s->sync_of[a->id] == sync + 1 && row->cell[slot].state != CELL_NEVER &&
		    row->cell[slot].round == s->sync[sync].round)
			return true;
	}
	return false;
}

/* Named facts come into force, the others are withdrawn. */
static void row_settle(struct store *s, unsigned index, unsigned sync, uint64_t now_us)
{
	uint32_t handle = s->row[index]->handle;
	const struct schema_attr *a;
	struct anod_value was;
	unsigned slot = 0;

	while ((a = next_of_source(s, index, handle, sync, &slot)) != NULL) {
		struct row *row = s->row[index];
		struct cell *c = &row->cell[a->slot];
		bool known;

		if (c->state != CELL_KNOWN)
			continue;
		was = value_unknown();
		if (c->told)
			cell_value(c, a, &was);
		if (c->round != s->sync[sync].round)
			cell_clear(c, a, CELL_WITHDRAWN);
		known = !cell_doubt(s, c, a, now_us);
		if (known != c->told)
			cell_tell(s, row, a, &was, now_us);
	}
}

static void sync_done(struct store *s, unsigned sync, uint64_t now_us)
{
	unsigned n = s->n_rows; /* those that listeners add are not leftovers */

	s->sync[sync].lost = false;
	s->sync[sync].begun = false;
	for (unsigned i = 0; i < n; i++) {
		struct row *row = s->row[i];

		if (!row || row->kind != s->sync[sync].kind)
			continue;
		if (row->maker == sync + 1 && !row_named(s, row, sync))
			(void) store_remove(s, row->handle, now_us);
		else
			row_settle(s, i, sync, now_us);
	}
}

int store_sync(struct store *s, const char *source, uint16_t kind, enum anod_sync what,
	       uint64_t now_us)
{
	unsigned sync, n = s->n_rows;
	int r;

	r = sync_open(s, source, kind, &sync);
	if (r < 0)
		return r;

	switch (what) {
	case ANOD_SYNC_LOST:
		s->stats.lost++;
		s->sync[sync].lost = true;
		s->sync[sync].begun = false;
		for (unsigned i = 0; i < n; i++)
			if (s->row[i] && s->row[i]->kind == kind)
				row_lose(s, i, sync, now_us);
		return 0;
	case ANOD_SYNC_BEGIN:
		if (++s->sync[sync].round == 0)
			s->sync[sync].round = 1;
		s->sync[sync].begun = true;
		return 0;
	case ANOD_SYNC_DONE:
		if (!s->sync[sync].begun)
			return -EINVAL;
		sync_done(s, sync, now_us);
		return 0;
	}
	return -EINVAL;
}

/* ---- ageing ----------------------------------------------------------------------------- */

/* The true time for a row: of the facts that listeners take for known. */
static uint64_t row_due(const struct store *s, const struct row *row)
{
	uint64_t due = US_INFINITY;

	for (unsigned slot = 0; slot < row->n_cells; slot++)
		if (row->cell[slot].told)
			due = MIN_OF(due,
				     cell_due(&row->cell[slot], schema_attr_at(s->schema, row->kind,
									       (uint16_t) slot)));
	return due;
}

/* The row whose fact grows too old first, with its true time; NULL: none. */
static struct row *first_due(const struct store *s)
{
	struct heap_node *node;

	while ((node = heap_first(s->ageing)) != NULL) {
		struct row *row = HEAP_ENTRY(node, struct row, age);
		uint64_t due_us = row_due(s, row);

		if (due_us == node->due_us)
			return row;
		heap_set(s->ageing, node, due_us);
	}
	return NULL;
}

uint64_t store_next_expiry(const struct store *s)
{
	const struct row *row = first_due(s);

	return row ? row->age.due_us : US_INFINITY;
}

/* Tell of what has grown too old in one row. */
static unsigned row_expire(struct store *s, unsigned index, uint64_t now_us)
{
	uint32_t handle = s->row[index]->handle;
	struct anod_value was;
	struct row *row;
	unsigned n = 0;

	for (unsigned slot = 0;
	     (row = s->row[index]) != NULL && row->handle == handle && slot < row->n_cells;
	     slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, row->kind, (uint16_t) slot);
		struct cell *c = &row->cell[slot];

		if (!c->told || now_us < cell_due(c, a))
			continue;
		cell_value(c, a, &was);
		cell_tell(s, row, a, &was, now_us);
		n++;
	}
	return n;
}

unsigned store_expire(struct store *s, uint64_t now_us)
{
	struct row *row;
	unsigned n = 0;

	while ((row = first_due(s)) != NULL && row->age.due_us <= now_us)
		n += row_expire(s, row->handle & 0xffff, now_us);
	return n;
}
