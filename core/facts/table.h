/*
 * table - how the columns of the fact store lie in memory, for code that walks whole columns.
 *
 * One shared memory segment, no pointers in it.  Each kind of entity is a table: a row per entity,
 * a column per attribute.  A table is cut into blocks of TABLE_BLOCK rows, and in a block each
 * column lies in one piece (PAX, Ailamaki 2001): a sensor that writes a row, and a watch that
 * reads one column of 64 rows, both stay within the first-level cache.  Rows never move; the row
 * of an entity that went is used again last.
 *
 * The host writes, alone.  It marks what it does to a block in three words that are its own
 * affair, and clears them itself: stats_run() and history_run() look at 'touched' and then the
 * host calls store_settle(); watch_run() takes 'dirty' and 'again' and clears them.
 *
 * Readers in other processes map the segment read-only and go through store_get() and its like,
 * which know the row's sequence lock; nobody there reads columns directly.  table_n_blocks(),
 * table_rows() and table_entity() work there as well: rows do not move, so walking them misses
 * nobody who stays, which walking store_nth() might.
 *
 * Pure.  Threads: the host's one.  Memory: the store's; pointers live as long as the store.
 */
#ifndef FACTS_TABLE_H
#define FACTS_TABLE_H

#include "facts/store.h"

#define TABLE_BLOCK 64

/* A column of 64 rows.  Bit k of a mask is row 64 * block + k. */
struct table_block {
	uint64_t known;	    /* may be believed: has a value, its source is in sync, and it was not
			     * too old at the last store_expire() */
	uint64_t stored;    /* has a value, perhaps in doubt */
	uint64_t withdrawn; /* had one */
	uint64_t named;	    /* published since its source's BEGIN */
	uint64_t outside;   /* ANOD_VALUE_OUTSIDE */
	uint64_t touched;   /* published since store_settle(), also with the same value; or 'known'
			     * changed, or the row was given up */
	uint64_t dirty;	    /* 'known' or the value changed since watch_run() */
	uint64_t again;	    /* more than once; always a part of 'dirty' */
	uint64_t time_us[TABLE_BLOCK];	  /* when the source last confirmed it */
	uint64_t changed_us[TABLE_BLOCK]; /* when the value last changed */
	union {
		int64_t i[TABLE_BLOCK]; /* BOOL, INT */
		double r[TABLE_BLOCK];	/* REAL */
		char text[TABLE_BLOCK][ANOD_TEXT_SIZE];
		struct anod_prefix prefix[TABLE_BLOCK];
	} u; /* allocated only as long as the type needs: see table_block_size() */
};
size_t table_block_size(uint8_t type);

/* Blocks of a kind: row numbers are below TABLE_BLOCK times this. */
unsigned table_n_blocks(const struct store *s, uint16_t kind);
/* Rows of the block that are entities. */
uint64_t table_rows(const struct store *s, uint16_t kind, unsigned block);
/* NULL: nothing of the column was ever published in these rows. */
struct table_block *table_block(const struct store *s, uint16_t kind, uint16_t slot,
				unsigned block);
/* Columns are marked in groups: bit k of the mask is slots TABLE_COLUMNS * k and so on.  Without a
 * dirty column in a group its bit may be set, never the other way.  watch_run() clears the bits.
 * NULL: no such block, or the store is read-only. */
#define TABLE_COLUMNS 16
uint64_t *table_dirty_groups(const struct store *s, uint16_t kind, unsigned block);
/* TABLE_COLUMNS columns of a block from slot 'from', a multiple of it, on; NULL as above.  False:
 * none of them. */
bool table_columns(const struct store *s, uint16_t kind, unsigned block, unsigned from,
		   struct table_block *ret[TABLE_COLUMNS]);
/* Blocks of a kind in which anything is touched or dirty: bit (block % 64) of word block / 64. */
#define TABLE_WORDS ((STORE_ENTITIES_MAX / TABLE_BLOCK + 63) / 64)
/* NULL: the store is read-only. */
const uint64_t *table_touched(const struct store *s, uint16_t kind);
uint64_t *table_dirty(const struct store *s, uint16_t kind); /* watch_run() clears bits */
/* The kinds that have such blocks, or had: bit (kind - 1).  Most turns concern one or two. */
uint64_t table_touched_kinds(const struct store *s); /* 0: the store is read-only */
uint64_t *table_dirty_kinds(struct store *s);	     /* watch_run() clears bits */

/* The entity in a row, 0: none; and the other way, -ENOENT. */
uint32_t table_entity(const struct store *s, uint16_t kind, unsigned row);
/* Handles of the rows of a block; NULL: no such block. */
const uint32_t *table_entities(const struct store *s, uint16_t kind, unsigned block);
int store_row_number(const struct store *s, uint32_t entity);
/* Inline, because the tables of anodctl have a function of this name. */
static inline int table_row(const struct store *s, uint32_t entity)
{
	return store_row_number(s, entity);
}

/* Write a column of one block at a time, for what the host itself calculates: 'rows' of it, those
 * in 'known' with raw[row] (as store_put() takes it) and the others withdrawn, each as of
 * time_us[row].  'raw' may be NULL where 'known' is 0.  The caller has looked that the values are
 * finite. */
int table_put(struct store *s, const struct schema_attr *a, unsigned block, uint64_t rows,
	      uint64_t known, const int64_t *raw, const uint64_t *time_us);

/* Clear every 'touched'. */
void store_settle(struct store *s);

#endif
