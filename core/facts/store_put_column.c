/*
 * store_put_column - 64 rows of one column at a time, for what the host itself calculates.
 *
 * Design.  store_put() turned by 90 degrees: statistics arrive column by column.  A row that is
 * known already and that nobody has to be told of takes a few stores inside its lock; whatever is
 * different goes through store_put(), which knows all cases.
 */
#include <errno.h>

#include "facts/store_priv.h"

/* Rows that are known, fresh and named, and of which nobody has to hear. */
static uint64_t rows_plain(struct store *s, struct block *b, const struct schema_attr *a,
			   const struct table_block *t, uint64_t last_us)
{
	bool told =
		s->event[a->id] || (s->n_listeners > 0 && (a->max_age_us == 0 || s->want[a->id]));

	if (told || s->seg->lost[a->id] || age_pending(s, b, last_us))
		return 0;
	return t->known & t->named & ~t->outside;
}

static void put_plain(struct store *s, struct block *b, unsigned slot, struct table_block *t,
		      uint64_t rows, const int64_t *raw, const uint64_t *time_us)
{
	struct seg_block *seg = b->seg;
	uint64_t changed = 0;

	for (uint64_t left = rows; left; left &= left - 1) {
		unsigned row = (unsigned) __builtin_ctzll(left);
		bool differs = t->u.i[row] != raw[row];

		seq_write_begin(&seg->seq[row]);
		STORE(&t->u.i[row], raw[row]);
		STORE(&t->time_us[row], time_us[row]);
		if (differs)
			STORE(&t->changed_us[row], time_us[row]);
		seq_write_end(&seg->seq[row]);
		changed |= differs ? left & -left : 0;
	}
	t->touched |= rows;
	t->again |= t->dirty & changed;
	t->dirty |= changed;
	s->stats.published += (unsigned) __builtin_popcountll(rows);
	s->stats.changed += (unsigned) __builtin_popcountll(changed);
	s->seq += changed != 0;
	kind_note(s, b, slot, 1, changed != 0);
}

int table_put(struct store *s, const struct schema_attr *a, unsigned block, uint64_t rows,
	      uint64_t known, const int64_t *raw, const uint64_t *time_us)
{
	struct block *b;
	struct table_block *t;
	uint64_t plain = 0, last_us = 0;
	int r = 0;

	if (s->reader)
		return -EROFS;
	if (a->kind >= KINDS || block >= s->kind[a->kind].n_blocks)
		return -ENOENT;
	b = s->kind[a->kind].block[block];
	rows &= b->seg->rows;
	t = column_at(s, b->seg, a->slot);
	for (uint64_t left = rows; left; left &= left - 1)
		last_us = MAX_OF(last_us, time_us[__builtin_ctzll(left)]);
	if (t)
		plain = rows & known & rows_plain(s, b, a, t, last_us);
	if (plain)
		put_plain(s, b, a->slot, t, plain, raw, time_us);
	for (rows &= ~plain; rows && r >= 0; rows &= rows - 1) {
		unsigned row = (unsigned) __builtin_ctzll(rows);
		int64_t none = 0;

		r = store_put(s, b->seg->handle[row], a->slot, 1, known ? &raw[row] : &none,
			      known >> row & 1, time_us[row]);
	}
	return r;
}
