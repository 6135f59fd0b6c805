/*
 * stats_priv - what the files of the statistics share; for nobody else.
 *
 *   stats.c        columns: who wants which, and their attributes
 *   stats_run.c    feeding them
 */
#ifndef FACTS_STATS_PRIV_H
#define FACTS_STATS_PRIV_H

#include "facts/stat.h"
#include "facts/stats.h"
#include "facts/table.h"

struct stats_block { /* states of 64 rows */
	uint64_t active;
	uint32_t entity[TABLE_BLOCK]; /* whose state it is; 0: nobody's */
	uint64_t last_us[TABLE_BLOCK];
	uint64_t state[]; /* 64 times row_size bytes */
};

struct stats_column {
	const struct stat_desc *fn;
	const struct schema_attr *base, *second; /* second: NULL but for functions of two */
	const struct schema_attr *attr;		 /* the statistic */
	struct stat_window window;
	uint64_t span_us; /* as written; 0: none */
	double scale;
	unsigned refs, depth;
	size_t row_size;
	uint64_t hold_us;
	uint64_t next_us; /* when to look at all rows */
	uint64_t dropped; /* when it was let go: the number of the drop */
	struct stats_block **block;
	unsigned n_blocks;
};

struct stats {
	struct schema *schema;
	struct store *store;
	struct stats_column **column; /* also those that nobody wants; they keep their attribute */
	unsigned n, room;
	unsigned n_used;
	uint64_t n_drops;
	uint64_t n_refused;
	bool for_agent; /* who binds */
	struct stat_memory memory;
};

static inline void *stats_state(const struct stats_column *c, struct stats_block *b, unsigned row)
{
	return (char *) b->state + row * c->row_size;
}

static inline size_t stats_block_size(const struct stats_column *c)
{
	return sizeof(struct stats_block) + TABLE_BLOCK * c->row_size;
}

/* ---- stats_run.c ---- */
/* Free the states and withdraw the values. */
void stats_clear(struct stats *t, struct stats_column *c);

#endif
