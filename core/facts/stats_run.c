/*
 * stats_run - feed the columns of statistics from what was published.
 *
 * Design.  Block by block, and only those with something touched: the rows of a block share the
 * lines of the fact's column and of the statistic's, and one call writes 64 results.  A function
 * of a function comes after it, by depth.  Which rows are fed, begun anew or given up is decided
 * by masks; per row there is the family's feed() alone.
 *
 * A sampled fact is fed at its own time.  An event-driven one is true until it changes: it is fed
 * at the time of the run, and without a report every 'hold_us'.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stats_priv.h"

/* A block of a column under work. */
struct work {
	struct stats *t;
	struct stats_column *c;
	unsigned number;
	const struct table_block *x, *y; /* of the fact; of the second one or NULL */
	struct table_block *out;	 /* or NULL: nothing was published yet */
	const uint32_t *entity;
	struct stats_block *b;
	uint64_t now_us;
	bool event;
	uint64_t write, known; /* results: rows to write, those that have a value */
	int64_t raw[TABLE_BLOCK];
	uint64_t time_us[TABLE_BLOCK];
};

static struct stats_block *block_open(struct work *w)
{
	struct stats_column *c = w->c;
	struct stat_memory *m = &w->t->memory;
	size_t size = stats_block_size(c);

	if (w->number >= c->n_blocks) {
		unsigned n = w->number + 16;
		struct stats_block **grown = reallocarray(c->block, n, sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + c->n_blocks, 0, (n - c->n_blocks) * sizeof(*grown));
		c->block = grown;
		c->n_blocks = n;
	}
	if (!c->block[w->number]) {
		if (m->used + size > m->max) {
			m->n_refused++;
			return NULL;
		}
		c->block[w->number] = calloc(1, size);
		if (c->block[w->number])
			m->used += size;
	}
	return c->block[w->number];
}

static void block_free(struct stats *t, struct stats_column *c, unsigned number)
{
	struct stats_block *b = c->block[number];

	for (unsigned row = 0; row < TABLE_BLOCK; row++)
		if (b->entity[row])
			stat_done(c->fn->fn, stats_state(c, b, row), &c->window);
	t->memory.used -= stats_block_size(c);
	free(b);
	c->block[number] = NULL;
}

void stats_clear(struct stats *t, struct stats_column *c)
{
	for (unsigned k = 0; k < c->n_blocks; k++)
		if (c->block[k])
			block_free(t, c, k);
	for (unsigned k = 0; k < table_n_blocks(t->store, c->attr->kind); k++) {
		struct table_block *out = table_block(t->store, c->attr->kind, c->attr->slot, k);

		if (out && out->stored)
			(void) table_put(t->store, c->attr, k, out->stored, 0, NULL, out->time_us);
	}
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void row_stop(struct work *w, unsigned row)
{
	uint64_t bit = UINT64_C(1) << row;
	void *state = stats_state(w->c, w->b, row);

	w->b->active &= ~bit;
	if (w->entity[row] == w->b->entity[row]) {
		stat_break(w->c->fn->fn, state, &w->c->window);
	} else {
		stat_done(w->c->fn->fn, state, &w->c->window);
		w->b->entity[row] = 0;
	}
	if (w->out && (w->out->known & bit)) {
		w->write |= bit;
		w->known &= ~bit;
		w->time_us[row] = w->out->time_us[row];
	}
}

/* A sample of the row at 't_us'.  The state is that of the entity, and of a time without gaps. */
static void row_begin(struct work *w, unsigned row, uint64_t t_us)
{
	uint64_t bit = UINT64_C(1) << row;

	if (w->b->entity[row] != w->entity[row]) {
		if (w->b->entity[row])
			stat_done(w->c->fn->fn, stats_state(w->c, w->b, row), &w->c->window);
		w->b->entity[row] = w->entity[row];
	} else if ((w->b->active & bit) && t_us - w->b->last_us[row] > w->c->window.gap_us) {
		stat_break(w->c->fn->fn, stats_state(w->c, w->b, row), &w->c->window);
	}
	w->b->active |= bit;
}

static double value_of(const struct schema_attr *a, const struct table_block *x, unsigned row)
{
	if (a->type == ANOD_REAL)
		return x->u.r[row];
	return a->type == ANOD_INT || a->type == ANOD_BOOL ? (double) x->u.i[row] : 0;
}

static void row_feed(struct work *w, unsigned row, uint64_t t_us, bool report)
{
	uint64_t bit = UINT64_C(1) << row;
	struct stats_column *c = w->c;
	struct stat_sample s = {
		.time_us = t_us,
		.count = c->fn->counter ? w->x->u.i[row] : 0,
		.second = w->y ? w->y->u.i[row] : 0,
		.value = value_of(c->base, w->x, row),
		.changed_us = w->x->changed_us[row],
		.report = report,
	};
	void *state = stats_state(c, w->b, row);
	double v = stat_feed(c->fn->fn, state, &c->window, &s) * c->scale;

	w->b->last_us[row] = t_us;
	w->time_us[row] = t_us;
	if (isfinite(v)) {
		w->write |= bit;
		w->known |= bit;
		if (c->fn->truth)
			w->raw[row] = v != 0;
		else
			memcpy(&w->raw[row], &v, sizeof(v));
	} else if (w->out && (w->out->known & bit)) {
		w->write |= bit;
	}
	if (w->event) {
		uint64_t due = stat_due(c->fn->fn, state, &c->window);

		if (due > w->now_us)
			c->next_us = MIN_OF(c->next_us, due);
	}
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void block_feed(struct work *w, uint64_t rows, bool report)
{
	for (; rows; rows &= rows - 1) {
		unsigned row = (unsigned) __builtin_ctzll(rows);
		uint64_t t_us = w->event ? w->now_us : w->x->time_us[row];
		uint64_t next = rows & (rows - 1);

		if (next)
			__builtin_prefetch(
				stats_state(w->c, w->b, (unsigned) __builtin_ctzll(next)));
		if (w->y && !w->event)
			t_us = MAX_OF(t_us, w->y->time_us[row]);
		if ((w->b->active >> row & 1) && t_us <= w->b->last_us[row] &&
		    w->b->entity[row] == w->entity[row])
			continue; /* seen already */
		row_begin(w, row, t_us);
		row_feed(w, row, t_us, report);
	}
}

/* 'all': look at every row, not only at what was touched. */
static void block_run(struct work *w, bool all)
{
	struct stats_column *c = w->c;
	uint64_t touched, known, gone = 0;

	w->x = table_block(w->t->store, c->base->kind, c->base->slot, w->number);
	w->y = c->second ? table_block(w->t->store, c->second->kind, c->second->slot, w->number)
			 : NULL;
	if (!w->x || (c->second && !w->y))
		return;

	touched = w->x->touched | (w->y ? w->y->touched : 0);
	known = w->x->known & (w->y ? w->y->known : UINT64_MAX);
	w->b = w->number < c->n_blocks ? c->block[w->number] : NULL;
	if (w->b)
		gone = w->b->active & ~known;
	if (!gone && !(known & (all ? UINT64_MAX : touched)))
		return;
	if (!w->b)
		w->b = block_open(w);
	if (!w->b)
		return;

	w->out = table_block(w->t->store, c->attr->kind, c->attr->slot, w->number);
	w->entity = table_entities(w->t->store, c->base->kind, w->number);
	w->write = w->known = 0;
	for (; gone; gone &= gone - 1)
		row_stop(w, (unsigned) __builtin_ctzll(gone));
	block_feed(w, touched & known, true);
	if (all)
		block_feed(w, known & ~touched, false);
	if (w->write)
		(void) table_put(w->t->store, c->attr, w->number, w->write, w->known, w->raw,
				 w->time_us);
	if (w->b->active == 0 && table_rows(w->t->store, c->base->kind, w->number) == 0)
		block_free(w->t, c, w->number);
}

static void column_run(struct stats *t, struct stats_column *c, uint64_t now_us)
{
	struct work w = { .t = t, .c = c, .now_us = now_us, .event = c->base->max_age_us == 0 };
	const uint64_t *touched = table_touched(t->store, c->base->kind);
	unsigned n = table_n_blocks(t->store, c->base->kind);
	bool all = now_us >= c->next_us;

	if (all) {
		c->next_us = c->hold_us ? now_us + c->hold_us : US_INFINITY;
		for (w.number = 0; w.number < n; w.number++)
			block_run(&w, true);
		return;
	}
	for (unsigned word = 0; word < (n + 63) / 64; word++) {
		for (uint64_t left = touched[word]; left; left &= left - 1) {
			w.number = word * 64 + (unsigned) __builtin_ctzll(left);
			block_run(&w, false);
		}
	}
}

uint64_t stats_run(struct stats *t, uint64_t now_us)
{
	uint64_t next = US_INFINITY;

	for (unsigned depth = 0; depth < STATS_NESTED; depth++)
		for (unsigned k = 0; k < t->n; k++)
			if (t->column[k]->refs > 0 && t->column[k]->depth == depth)
				column_run(t, t->column[k], now_us);
	for (unsigned k = 0; k < t->n; k++)
		if (t->column[k]->refs > 0)
			next = MIN_OF(next, t->column[k]->next_us);
	return next;
}
