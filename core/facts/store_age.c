/*
 * store_age - facts that grow too old.
 *
 * Design.  A heap of blocks, keyed by a time before which no fact in a block grows too old.
 * Publishing only ever moves that time down for a fact that was not known, so renewing an age costs
 * nothing; the true time is worked out from the columns when that time has come, which in a steady
 * sweep is once in a maximum age.
 */
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

void age_note(struct store *s, struct block *b, uint64_t due_us)
{
	if (due_us < b->age.due_us)
		heap_set(s->ageing, &b->age, due_us);
}

/* The true time for a block: of the facts that are taken for known. */
static uint64_t block_due(const struct store *s, const struct block *b)
{
	unsigned n = schema_n_slots(s->schema, b->kind);
	uint64_t due = US_INFINITY;

	for (unsigned slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, b->kind, (uint16_t) slot);
		const struct table_block *t = a->max_age_us ? column_at(s, b->seg, slot) : NULL;

		for (uint64_t left = t ? t->known : 0; left; left &= left - 1)
			due = MIN_OF(due, cell_due(t->time_us[__builtin_ctzll(left)], a));
	}
	return due;
}

uint64_t store_next_expiry(const struct store *s)
{
	const struct heap_node *node = s->reader ? NULL : heap_first(s->ageing);

	return node ? node->due_us : US_INFINITY;
}

bool age_pending(struct store *s, struct block *b, uint64_t now_us)
{
	if (b->age.due_us > now_us)
		return false;
	heap_set(s->ageing, &b->age, block_due(s, b));
	return b->age.due_us <= now_us;
}

static bool expire(struct store *s, struct block *b, unsigned row, const struct schema_attr *a,
		   struct table_block *t, uint64_t now_us)
{
	struct place p = {
		.block = b,
		.seg = b->seg,
		.bit = UINT64_C(1) << row,
		.handle = b->seg->handle[row],
		.kind = b->kind,
		.row = row,
	};
	struct anod_value was;
	bool again;

	if (!(t->known & p.bit) || now_us < cell_due(t->time_us[row], a))
		return false;

	cell_read(t, row, a, &was);
	seq_write_begin(&b->seg->seq[row]);
	again = cell_changed(t, row, false, now_us);
	seq_write_end(&b->seg->seq[row]);
	cell_tell(s, &p, a, t, &was, false, again);
	return true;
}

static unsigned block_expire(struct store *s, struct block *b, uint64_t now_us)
{
	unsigned slots = schema_n_slots(s->schema, b->kind), n = 0;

	for (unsigned slot = 0; slot < slots; slot++) {
		const struct schema_attr *a = schema_attr_at(s->schema, b->kind, (uint16_t) slot);
		struct table_block *t = a->max_age_us ? column_at(s, b->seg, slot) : NULL;

		for (uint64_t left = t ? t->known : 0; left; left &= left - 1)
			n += expire(s, b, (unsigned) __builtin_ctzll(left), a, t, now_us);
	}
	return n;
}

unsigned store_expire(struct store *s, uint64_t now_us)
{
	struct heap_node *node;
	unsigned n = 0;

	while (!s->reader && (node = heap_first(s->ageing)) != NULL && node->due_us <= now_us) {
		struct block *b = HEAP_ENTRY(node, struct block, age);

		if (age_pending(s, b, now_us))
			n += block_expire(s, b, now_us);
	}
	return n;
}
