/*
 * store_sync - what happens to many facts at once: loss of events and resync.
 *
 * Design.  Loss is a flag per attribute that every read looks at, so no fact is stale for a
 * moment; the walk over the rows clears 'known' and tells the listeners.  BEGIN forgets who was
 * named, so DONE knows the leftovers without a list.  What a source published between LOST and
 * BEGIN does not count as named: the set that follows BEGIN is what is complete.
 *
 * Walks go row by row and look each up again after every call of a listener, which may add
 * entities and publish.
 */
#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

/* Index of the source's state, which is made for all its attributes of the kind. */
static int sync_open(struct store *s, const char *source, uint16_t kind)
{
	unsigned n = schema_n_slots(s->schema, kind);
	int found = -EINVAL;

	for (unsigned slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, kind, (uint16_t) slot);

		if (strcmp(a->source, source) != 0)
			continue;
		found = sync_of_attr(s, a);
		if (found < 0)
			return found;
	}
	return found < 0 ? found : found - 1;
}

/* The next column that a source has in a block, from '*slot' on; NULL: no more. */
static struct table_block *next_column(const struct store *s, const struct seg_block *b,
				       unsigned sync, unsigned *slot,
				       const struct schema_attr **ret)
{
	uint16_t kind = s->sync[sync].kind;
	unsigned n = schema_n_slots(s->schema, kind);

	while (*slot < n) {
		const struct schema_attr *a = schema_attr_at(s->schema, kind, (uint16_t) *slot);
		struct table_block *t = NULL;

		++*slot;
		if (s->sync_of[a->id] == sync + 1)
			t = column_at(s, b, a->slot);
		if (!t)
			continue;
		*ret = a;
		return t;
	}
	return NULL;
}

static void set_lost(struct store *s, unsigned sync, bool lost)
{
	uint16_t kind = s->sync[sync].kind;
	unsigned n = schema_n_slots(s->schema, kind);

	s->sync[sync].lost = lost;
	for (unsigned slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, kind, (uint16_t) slot);

		if (s->sync_of[a->id] == sync + 1)
			STORE(&s->seg->lost[a->id], lost);
	}
}

/* The n-th row of the table, when there is an entity in it. */
static bool place_at(const struct store *s, uint16_t kind, unsigned n, struct place *ret)
{
	struct block *b = s->kind[kind].block[n / TABLE_BLOCK];

	*ret = (struct place){
		.block = b,
		.seg = b->seg,
		.bit = UINT64_C(1) << n % TABLE_BLOCK,
		.handle = b->seg->handle[n % TABLE_BLOCK],
		.kind = kind,
		.row = n % TABLE_BLOCK,
	};
	return b->seg->rows & ret->bit;
}

static bool still_there(const struct place *p)
{
	return p->seg->handle[p->row] == p->handle;
}

/* ---- loss ------------------------------------------------------------------------------- */

static void row_lose(struct store *s, const struct place *p, unsigned sync, uint64_t now_us)
{
	const struct schema_attr *a;
	struct table_block *t;
	unsigned slot = 0;

	while (still_there(p) && (t = next_column(s, p->seg, sync, &slot, &a))) {
		struct anod_value was;
		bool again;

		if (!(t->known & p->bit))
			continue;
		cell_read(t, p->row, a, &was);
		seq_write_begin(&p->seg->seq[p->row]);
		again = cell_changed(t, p->row, false, now_us);
		seq_write_end(&p->seg->seq[p->row]);
		cell_tell(s, p, a, t, &was, false, again);
	}
}

static void sync_lost(struct store *s, unsigned sync, uint64_t now_us)
{
	uint16_t kind = s->sync[sync].kind;
	unsigned n = s->kind[kind].n_rows;
	struct place p;

	s->stats.lost++;
	s->sync[sync].begun = false;
	set_lost(s, sync, true);
	for (unsigned i = 0; i < n; i++)
		if (place_at(s, kind, i, &p))
			row_lose(s, &p, sync, now_us);
}

/* ---- resync ----------------------------------------------------------------------------- */

static void sync_begin(struct store *s, unsigned sync)
{
	const struct kind *k = &s->kind[s->sync[sync].kind];
	const struct schema_attr *a;
	struct table_block *t;

	s->sync[sync].begun = true;
	for (unsigned i = 0; i < k->n_blocks; i++)
		for (unsigned slot = 0; (t = next_column(s, k->block[i]->seg, sync, &slot, &a));)
			t->named = 0;
}

/* Did the source publish a fact of the row since BEGIN? */
static bool row_named(const struct store *s, const struct place *p, unsigned sync)
{
	const struct schema_attr *a;
	const struct table_block *t;
	unsigned slot = 0;

	while ((t = next_column(s, p->seg, sync, &slot, &a)))
		if (t->named & p->bit)
			return true;
	return false;
}

/* Named facts come into force, the others are withdrawn. */
static void row_settle(struct store *s, const struct place *p, unsigned sync, uint64_t now_us)
{
	const struct schema_attr *a;
	struct table_block *t;
	unsigned slot = 0;

	while (still_there(p) && (t = next_column(s, p->seg, sync, &slot, &a))) {
		bool told = t->known & p->bit, named = t->named & p->bit, known, again = false;
		struct anod_value was = value_unknown();

		if (!(t->stored & p->bit))
			continue;
		if (told)
			cell_read(t, p->row, a, &was);
		known = named && now_us < cell_due(t->time_us[p->row], a);
		if (named && known == told)
			continue;
		seq_write_begin(&p->seg->seq[p->row]);
		if (!named) {
			bits_set(&t->stored, p->bit, false);
			bits_set(&t->withdrawn, p->bit, true);
		}
		if (known != told)
			again = cell_changed(t, p->row, known, now_us);
		seq_write_end(&p->seg->seq[p->row]);
		if (known != told)
			cell_tell(s, p, a, t, &was, false, again);
	}
}

static int sync_done(struct store *s, unsigned sync, uint64_t now_us)
{
	uint16_t kind = s->sync[sync].kind;
	unsigned n = s->kind[kind].n_rows; /* those that listeners add are not leftovers */
	struct place p;

	if (!s->sync[sync].begun)
		return -EINVAL;

	s->sync[sync].begun = false;
	set_lost(s, sync, false);
	for (unsigned i = 0; i < n; i++) {
		if (!place_at(s, kind, i, &p))
			continue;
		if (p.block->maker[p.row] == sync + 1 && !row_named(s, &p, sync))
			(void) store_remove(s, p.handle, now_us);
		else
			row_settle(s, &p, sync, now_us);
	}
	return 0;
}

int store_sync(struct store *s, const char *source, uint16_t kind, enum anod_sync what,
	       uint64_t now_us)
{
	int sync = s->reader ? -EROFS : sync_open(s, source, kind);

	if (sync < 0)
		return sync;

	switch (what) {
	case ANOD_SYNC_LOST:
		sync_lost(s, (unsigned) sync, now_us);
		return 0;
	case ANOD_SYNC_BEGIN:
		sync_begin(s, (unsigned) sync);
		return 0;
	case ANOD_SYNC_DONE:
		return sync_done(s, (unsigned) sync, now_us);
	}
	return -EINVAL;
}
