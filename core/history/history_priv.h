/*
 * history_priv - what history.c, history_run.c and history_read.c share.
 */
#ifndef HISTORY_HISTORY_PRIV_H
#define HISTORY_HISTORY_PRIV_H

#include "history/series.h"

TAILQ_HEAD(series_list, series);

struct column_block {	  /* 64 rows of a column */
	uint64_t wished;  /* rows that are kept by name; perhaps of one that went */
	uint64_t have;	  /* rows with a series */
	uint64_t alive;	  /* rows that had a value when we last looked */
	uint64_t refused; /* rows without a series for want of memory; tried again every minute */
	struct series *series[TABLE_BLOCK];
};

struct column { /* of an attribute that was kept at least once; stays */
	const struct schema_attr *attr;
	unsigned n_all; /* times that all entities are kept */
	unsigned n_one, n_blocks;
	struct column_one {
		uint32_t entity;
		unsigned n;
	} * one;
	struct column_block **block;
	bool fresh; /* kept since the last look: values of long ago are to be taken over */
};

struct history {
	struct store *store;
	struct arena arena;
	unsigned n_columns[SCHEMA_KINDS_MAX + 1];
	struct column **column[SCHEMA_KINDS_MAX + 1]; /* by kind */
	struct series_list all;
	struct series_list shed; /* with a coarse tier, least recently read first */
	unsigned n_series, n_gone;
	size_t promised; /* HISTORY_SERIES_BYTES or HISTORY_EVENT_BYTES of each */
	uint64_t n_shed, n_lost, n_late;
	uint64_t ran_us, second_us, minute_us; /* last times */
};

struct column *history_column(const struct history *h, const struct schema_attr *a);
/* NULL: over the budget, or no memory. */
struct column_block *history_block(struct history *h, struct column *c, unsigned block);
/* Is it kept, by its name or with all? */
bool history_wished(const struct column *c, uint32_t entity);
struct series *history_add(struct history *h, struct column *c, struct column_block *b,
			   unsigned row, uint32_t entity);
/* Its entity went, and perhaps another has the row: it lingers without one. */
void history_detach(struct history *h, struct column_block *b, unsigned row, uint64_t now_us);
void history_forget(struct history *h, struct series *s);
/* Without an entity, or NULL. */
struct series *history_find_gone(const struct history *h, const struct schema_attr *a,
				 const char *name);
/* Make memory for a sample of 's' (NULL: of a new series); false: nothing is left to give. */
bool history_make_room(struct history *h, struct series *s);
void history_coarse_on(struct history *h, struct series *s);

#endif
