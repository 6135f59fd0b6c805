/*
 * store_priv - what the files of the store share; for nobody else.
 *
 *   store.c       entities: names, handles, order, listeners
 *   store_cell.c  one fact: publish, read, forget
 *   store_sync.c  what happens to many facts at once: loss of events, resync, ageing
 */
#ifndef FACTS_STORE_PRIV_H
#define FACTS_STORE_PRIV_H

#include <uthash.h>

#include "facts/heap.h"
#include "facts/store.h"

enum cell_state {
	CELL_NEVER = 0,
	CELL_KNOWN,
	CELL_WITHDRAWN,
};

/* A stored fact, 40 bytes: 5000 links with 40 attributes are 8 MB.  Type and unit are the
 * attribute's. */
struct cell {
	union {
		int64_t i; /* BOOL, INT */
		double r;
		char *text;		    /* owned */
		struct anod_prefix *prefix; /* owned */
	} u;
	uint64_t time_us, changed_us, seq;
	uint16_t round; /* sync.round when it was last published or withdrawn */
	uint8_t state;	/* enum cell_state */
	uint8_t flags;	/* ANOD_VALUE_OUTSIDE */
	bool told;	/* listeners take it for known */
};

/* An entity. */
struct row {
	uint32_t handle;
	uint16_t kind;
	uint16_t maker;	 /* index + 1 into store.sync; 0: nobody published yet */
	bool maker_ages; /* the maker published nothing but ageing facts so far */
	unsigned n_cells;
	struct cell *cell;    /* owned, by slot; shorter than the schema's row when that grew */
	struct heap_node age; /* no cell grows too old earlier */
	UT_hash_handle hh;    /* in its kind, by name */
	char name[];
};

/* Rows of a kind. */
struct column {
	struct row *by_name; /* uthash */
	uint32_t *order;     /* handles in natural order of names; owned */
	unsigned n, room;
};

/* A source, as far as one kind is concerned. */
struct sync {
	const char *source; /* the schema's */
	uint16_t kind;
	uint16_t round; /* counts BEGIN; never 0 after the first */
	bool lost;	/* values are unknown */
	bool begun;	/* between BEGIN and DONE */
};

struct store {
	const struct schema *schema; /* borrowed */
	struct row **row;	     /* by index (low 16 bits of a handle) */
	uint16_t *generation;	     /* by index; the one in use or to be used next */
	uint32_t *unused;	     /* ring of indexes, so that reuse comes late */
	unsigned n_rows, rows_room, unused_first, n_unused;
	struct column column[SCHEMA_KINDS_MAX + 1]; /* by kind id */
	struct sync *sync;
	unsigned n_sync;
	uint16_t sync_of[SCHEMA_ATTRS_MAX + 1]; /* by attribute id: index + 1; 0: not asked yet */
	struct heap *ageing;			/* rows; apart, because reading it may tidy it */
	struct {
		store_listener *fn;
		void *data;
	} listener[STORE_LISTENERS_MAX];
	unsigned n_listeners;
	uint64_t seq;
	struct store_stats stats;
};

/* NULL: stale or never given out. */
struct row *store_row(const struct store *s, uint32_t handle);
void store_tell(struct store *s, const struct store_change *c);

/* The sync state of an attribute's source, made on first use; -ENOMEM. */
int sync_of_attr(struct store *s, const struct schema_attr *a, struct sync **ret);
const struct sync *sync_find(const struct store *s, const struct schema_attr *a);

/* Tell the listeners what became of a cell.  'was' is what they took it for. */
void cell_tell(struct store *s, struct row *row, const struct schema_attr *a,
	       const struct anod_value *was, uint64_t now_us);
/* Value as stored, whether or not it may be believed. */
void cell_value(const struct cell *c, const struct schema_attr *a, struct anod_value *ret);
/* Why the value may not be believed now, or NULL. */
const char *cell_doubt(const struct store *s, const struct cell *c, const struct schema_attr *a,
		       uint64_t now_us);
/* Make it unknown as 'state' says and free what it holds. */
void cell_clear(struct cell *c, const struct schema_attr *a, enum cell_state state);
/* First microsecond at which it is too old; US_INFINITY: never. */
uint64_t cell_due(const struct cell *c, const struct schema_attr *a);

#endif
