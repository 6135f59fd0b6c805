/*
 * history_run - feeds the series from what was published.
 *
 * Design.  Each turn takes the touched rows of the kept columns.  Once a second it also looks for
 * values that became unknown, for entities that went and for series that nobody keeps any more;
 * these are masks of 64 rows, so it costs little.  An entity that takes the row of one that went
 * within the second is seen when it is fed.  Once a minute it drops what is too old, and
 * takes facts that only speak when they change, so that their blocks age like the others.
 */
#include <errno.h>

#include "history/history_priv.h"

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define PAUSE_US  (30 * SECOND_US) /* not called for so long: nobody looked meanwhile */

static void feed(struct history *h, struct series *s, uint64_t time_us, int64_t raw)
{
	int r = series_feed(&h->arena, s, time_us, raw);

	while (r == -ENOSPC && history_make_room(h, s))
		r = series_feed(&h->arena, s, time_us, raw);
	if (r == -ENOSPC) {
		h->n_lost++;
		series_skip(s);
		(void) series_feed(&h->arena, s, time_us, raw);
	}
	h->n_late += r == -ERANGE;
}

static uint64_t wanted(const struct column *c, const struct column_block *b)
{
	return c->n_all ? UINT64_MAX : b ? b->wished : 0;
}

/* The series of a row, which may have been another entity's until now; NULL: none. */
static struct series *series_of(struct history *h, struct column *c, struct column_block *b,
				unsigned row)
{
	uint32_t entity = table_entity(h->store, c->attr->kind, row);
	struct series *s = b->series[row % TABLE_BLOCK];

	if (s && s->entity == entity)
		return s;
	if (s)
		history_detach(h, b, row, h->ran_us);
	if (history_wished(c, entity))
		return history_add(h, c, b, row, entity);
	b->wished &= ~(UINT64_C(1) << row % TABLE_BLOCK);
	return NULL;
}

/* Rows of a column block into their series: at their own times, or all at 'now_us' if not 0. */
static void feed_rows(struct history *h, struct column *c, const struct table_block *t,
		      unsigned block, uint64_t rows, uint64_t now_us)
{
	struct column_block *b = block < c->n_blocks ? c->block[block] : NULL;

	rows &= t->known & wanted(c, b);
	if (!rows)
		return;
	if (!b)
		b = history_block(h, c, block);
	if (!b)
		return;
	rows &= ~b->refused;
	b->alive |= rows;
	for (; rows; rows &= rows - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rows), row = block * TABLE_BLOCK + k;
		struct series *s;

		if (rows & (rows - 1))
			__builtin_prefetch(b->series[__builtin_ctzll(rows & (rows - 1))]);
		s = series_of(h, c, b, row);
		if (!s)
			continue;
		s->idle_us = 0;
		feed(h, s, now_us ? now_us : t->time_us[k], t->u.i[k]);
	}
}

static void run_touched(struct history *h, uint16_t kind)
{
	const uint64_t *touched = table_touched(h->store, kind);
	unsigned n_words = (table_n_blocks(h->store, kind) + 63) / 64;

	for (unsigned w = 0; w < n_words; w++) {
		for (uint64_t blocks = touched[w]; blocks; blocks &= blocks - 1) {
			unsigned block = w * 64 + (unsigned) __builtin_ctzll(blocks);

			for (unsigned i = 0; i < h->n_columns[kind]; i++) {
				struct column *c = h->column[kind][i];
				const struct table_block *t =
					table_block(h->store, kind, c->attr->slot, block);

				if (t && t->touched)
					feed_rows(h, c, t, block, t->touched, 0);
			}
		}
	}
}

/* ---- once a second ----------------------------------------------------------------------------- */

static void look_at_block(struct history *h, struct column *c, unsigned block, uint64_t now_us)
{
	uint64_t rows = table_rows(h->store, c->attr->kind, block), went;
	const struct table_block *t = table_block(h->store, c->attr->kind, c->attr->slot, block);
	struct column_block *b = c->block[block];

	for (went = b->have & ~rows; went; went &= went - 1)
		history_detach(h, b, (unsigned) __builtin_ctzll(went), now_us);
	b->refused &= rows;
	b->wished &= rows;
	went = b->alive & b->have & ~(t ? t->known : 0);
	b->alive &= ~went;
	for (; went; went &= went - 1)
		b->series[__builtin_ctzll(went)]->gap = true;
	for (went = b->have & ~wanted(c, b); went; went &= went - 1) {
		struct series *s = b->series[__builtin_ctzll(went)];

		s->idle_us = s->idle_us ?: now_us;
		s->gap = true;
	}
}

static void each_second(struct history *h, uint64_t now_us)
{
	for (unsigned k = 1; k <= schema_n_kinds(store_schema(h->store)); k++) {
		for (unsigned i = 0; i < h->n_columns[k]; i++) {
			struct column *c = h->column[k][i];

			for (unsigned block = 0; block < c->n_blocks; block++)
				if (c->block[block])
					look_at_block(h, c, block, now_us);
		}
	}
}

/* Take what is known now of a column, though nobody published it just now. */
static void take_over(struct history *h, struct column *c, uint64_t now_us)
{
	unsigned n = table_n_blocks(h->store, c->attr->kind);

	for (unsigned block = 0; block < n; block++) {
		const struct table_block *t =
			table_block(h->store, c->attr->kind, c->attr->slot, block);

		if (t)
			feed_rows(h, c, t, block, UINT64_MAX, now_us);
	}
	c->fresh = false;
}

static void take_over_events(struct history *h, bool all, uint64_t now_us)
{
	for (unsigned k = 1; k <= schema_n_kinds(store_schema(h->store)); k++)
		for (unsigned i = 0; i < h->n_columns[k]; i++)
			if (h->column[k][i]->attr->max_age_us == 0 &&
			    (all || h->column[k][i]->fresh))
				take_over(h, h->column[k][i], now_us);
}

/* ---- once a minute ----------------------------------------------------------------------------- */

static void each_minute(struct history *h, uint64_t now_us)
{
	struct series *s, *next;
	size_t goal = h->arena.max_bytes / 4 * 3;
	size_t n_back = h->arena.used < goal ? (goal - h->arena.used) / (8u << 10) : 0;

	for (s = TAILQ_FIRST(&h->all); s; s = next) {
		next = TAILQ_NEXT(s, all);
		series_age(&h->arena, s, now_us);
		if (s->idle_us && now_us - s->idle_us > HISTORY_LINGER_US) {
			history_forget(h, s);
		} else if (s->coarse_off && n_back > 0) {
			history_coarse_on(h, s);
			n_back--;
		}
	}
	for (unsigned k = 1; k <= SCHEMA_KINDS_MAX; k++)
		for (unsigned i = 0; i < h->n_columns[k]; i++)
			for (unsigned b = 0; b < h->column[k][i]->n_blocks; b++)
				if (h->column[k][i]->block[b])
					h->column[k][i]->block[b]->refused = 0;
}

static void all_gap(struct history *h)
{
	struct series *s;

	TAILQ_FOREACH(s, &h->all, all)
	s->gap = true;
}

void history_run(struct history *h, uint64_t now_us)
{
	bool second = now_us >= h->second_us + SECOND_US;
	bool minute = now_us >= h->minute_us + MINUTE_US;

	if (h->ran_us && now_us > h->ran_us + PAUSE_US)
		all_gap(h);
	h->ran_us = now_us;
	for (uint16_t k = 1; k <= schema_n_kinds(store_schema(h->store)); k++)
		if (h->n_columns[k] > 0)
			run_touched(h, k);
	if (!second)
		return;

	h->second_us = now_us;
	each_second(h, now_us);
	take_over_events(h, minute, now_us);
	if (minute) {
		h->minute_us = now_us;
		each_minute(h, now_us);
	}
}
