/*
 * store_read - reads, in the host and in other processes alike.
 *
 * Design.  A reader copies what it needs of a row and then asks the row's lock whether that was one
 * state; if not, it copies again.  It gives up after SEQ_TRIES, which only a writer that was
 * stopped in the middle of a row can cause, and calls the fact unknown: a reader that waited for
 * ever would hang with the host.  Names are handed out as pointers, so another process gets copies.
 */
#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

/* 1: of one state; 0: try again; -ENOENT. */
static int read_once(const struct store *s, uint32_t entity, const struct seg_block *b,
		     unsigned row, const struct table_block *t, const struct schema_attr *a,
		     uint64_t now_us, struct fact *ret)
{
	uint32_t begin = seq_read_begin(&b->seq[row]);
	bool there, known, stored, withdrawn;

	if (begin & 1)
		return 0;
	there = LOAD(&b->handle[row]) == entity;
	known = LOAD(&t->known) >> row & 1;
	stored = LOAD(&t->stored) >> row & 1;
	withdrawn = LOAD(&t->withdrawn) >> row & 1;
	*ret = (struct fact){
		.time_us = LOAD(&t->time_us[row]),
		.changed_us = LOAD(&t->changed_us[row]),
	};
	if (stored)
		cell_read(t, row, a, &ret->value);
	if (!seq_read_good(&b->seq[row], begin))
		return 0;
	if (!there)
		return -ENOENT;

	ret->why = !stored				 ? (withdrawn ? "withdrawn" : "never seen")
		   : LOAD(&s->seg->lost[a->id])		 ? "source out of sync"
		   : !known				 ? "too old"
		   : now_us >= cell_due(ret->time_us, a) ? "too old"
							 : NULL;
	if (ret->why)
		ret->value = (struct anod_value){ 0 };
	return 1;
}

int store_get(const struct store *s, uint32_t entity, uint16_t slot, uint64_t now_us,
	      struct fact *ret)
{
	uint64_t entry = entry_of(s, entity);
	uint16_t kind = (uint16_t) (entry >> 16);
	unsigned row = entry & 0xffff;
	const struct schema_attr *a;
	const struct seg_block *b;
	const struct table_block *t;

	if (!entry)
		return -ENOENT;

	*ret = (struct fact){ .why = "never seen" };
	a = schema_attr_at(s->schema, kind, slot);
	b = seg_block_at(s, kind, row / TABLE_BLOCK);
	t = a && b ? column_at(s, b, slot) : NULL;
	if (!t)
		return 0;

	for (unsigned i = 0; i < SEQ_TRIES; i++) {
		int r = read_once(s, entity, b, row % TABLE_BLOCK, t, a, now_us, ret);

		if (r != 0)
			return MIN_OF(r, 0);
		seq_wait(i);
	}
	*ret = (struct fact){ .why = "being written" };
	return 0;
}

struct run { /* of columns */
	const struct schema_attr *attr[64];
	unsigned n;
};

static int run_open(const struct store *s, uint16_t kind, uint16_t first, unsigned n,
		    struct run *ret)
{
	if (n == 0 || n > 64)
		return -EINVAL;

	ret->n = n;
	for (unsigned k = 0; k < n; k++) {
		const struct schema_attr *a =
			schema_attr_at(s->schema, kind, (uint16_t) (first + k));

		if (!a)
			return -EINVAL;
		if (a->type == ANOD_TEXT || a->type == ANOD_PREFIX)
			return -EPROTO;
		ret->attr[k] = a;
	}
	return 0;
}

/* Bits of those that are known.  Columns are looked up inside the lock as well: the first put of
 * a block makes them one by one. */
static uint64_t run_read(const struct store *s, const struct run *run, const struct seg_block *b,
			 unsigned row, uint64_t now_us, int64_t *raw)
{
	uint64_t known = 0;

	for (unsigned k = 0; k < run->n; k++) {
		const struct table_block *t = column_at(s, b, run->attr[k]->slot);

		if (!t || !(LOAD(&t->known) >> row & 1) || LOAD(&s->seg->lost[run->attr[k]->id]) ||
		    now_us >= cell_due(LOAD(&t->time_us[row]), run->attr[k]))
			continue;
		raw[k] = LOAD(&t->u.i[row]);
		known |= UINT64_C(1) << k;
	}
	return known;
}

int store_get_row(const struct store *s, uint32_t entity, uint16_t first, unsigned n,
		  uint64_t now_us, int64_t *raw, uint64_t *ret_known)
{
	uint64_t entry = entry_of(s, entity);
	uint16_t kind = (uint16_t) (entry >> 16);
	unsigned row = entry & 0xffff;
	const struct seg_block *b = entry ? seg_block_at(s, kind, row / TABLE_BLOCK) : NULL;
	struct run run;
	int r = b ? run_open(s, kind, first, n, &run) : -ENOENT;

	row %= TABLE_BLOCK;
	for (unsigned i = 0; r >= 0 && i < SEQ_TRIES; i++) {
		uint32_t begin = seq_read_begin(&b->seq[row]);
		bool there = LOAD(&b->handle[row]) == entity;
		uint64_t known = begin & 1 ? 0 : run_read(s, &run, b, row, now_us, raw);

		if (seq_read_good(&b->seq[row], begin)) {
			*ret_known = known;
			return there ? 0 : -ENOENT;
		}
		seq_wait(i);
	}
	return r < 0 ? r : -EAGAIN;
}

uint32_t store_find(const struct store *s, uint16_t kind, const char *name)
{
	return kind < KINDS ? names_find(s, kind, name) : 0;
}

/* A reader's copy. */
static const char *name_copy(const struct store *s, const struct seg_block *b, unsigned row,
			     uint32_t entity)
{
	char *name = s->names->name[s->names->next++ % READER_NAMES];

	for (unsigned i = 0; i < SEQ_TRIES; i++) {
		uint32_t begin = seq_read_begin(&b->seq[row]);
		bool there = LOAD(&b->handle[row]) == entity;

		memcpy(name, b->name[row], ANOD_NAME_SIZE);
		if (seq_read_good(&b->seq[row], begin))
			return there ? name : NULL;
		seq_wait(i);
	}
	return NULL;
}

const char *store_entity_name(const struct store *s, uint32_t entity)
{
	uint64_t entry = entry_of(s, entity);
	unsigned row = entry & 0xffff;
	const struct seg_block *b =
		entry ? seg_block_at(s, (uint16_t) (entry >> 16), row / TABLE_BLOCK) : NULL;

	if (!b)
		return NULL;
	row %= TABLE_BLOCK;
	return s->reader ? name_copy(s, b, row, entity) : b->name[row];
}

uint16_t store_entity_kind(const struct store *s, uint32_t entity)
{
	return (uint16_t) (entry_of(s, entity) >> 16);
}
