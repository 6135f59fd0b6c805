/*
 * history - what watched facts were: 1 s for ten minutes, 10 s for a day, compressed.
 *
 * Design.  This file has who is kept, and the memory; history_run.c feeds, history_read.c reads.
 * A column holds, in blocks as the store does, a pointer to the series of each row, so that a
 * touched row finds its series without a search.
 *
 * When memory runs short, the coarse tier of the series that nobody read for longest goes, and
 * comes back when a quarter is free again.  When no coarse tier is left, new series are refused
 * (HISTORY_SERIES_BYTES for each), and at the very end a series drops its own oldest block.
 */
#include "history/history.h"

#include <errno.h>
#include <string.h>

#include "history/history_priv.h"

struct history *history_new(struct store *store, size_t max_bytes)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->store = store;
	arena_init(&h->arena, MAX_OF(max_bytes, (size_t) HISTORY_BYTES_MIN));
	TAILQ_INIT(&h->all);
	TAILQ_INIT(&h->shed);
	return h;
}

static struct column *column_free(struct column *c)
{
	for (unsigned i = 0; i < c->n_blocks; i++)
		free(c->block[i]);
	free(c->block);
	free(c->one);
	free(c);
	return NULL;
}

struct history *history_free(struct history *h)
{
	struct series *s;

	if (!h)
		return NULL;

	while ((s = TAILQ_FIRST(&h->all))) {
		TAILQ_REMOVE(&h->all, s, all);
		free(s);
	}
	for (unsigned k = 0; k <= SCHEMA_KINDS_MAX; k++) {
		for (unsigned i = 0; i < h->n_columns[k]; i++)
			column_free(h->column[k][i]);
		free(h->column[k]);
	}
	arena_done(&h->arena);
	free(h);
	return NULL;
}

/* ---- who is kept ------------------------------------------------------------------------------- */

struct column *history_column(const struct history *h, const struct schema_attr *a)
{
	for (unsigned i = 0; i < h->n_columns[a->kind]; i++)
		if (h->column[a->kind][i]->attr == a)
			return h->column[a->kind][i];
	return NULL;
}

static struct column *column_make(struct history *h, const struct schema_attr *a)
{
	struct column *c = history_column(h, a), **grown;
	unsigned n = h->n_columns[a->kind];

	if (c)
		return c;
	grown = reallocarray(h->column[a->kind], n + 1, sizeof(struct column *));
	if (!grown)
		return NULL;
	h->column[a->kind] = grown;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->attr = a;
	grown[n] = c;
	h->n_columns[a->kind]++;
	return c;
}

struct column_block *history_block(struct history *h, struct column *c, unsigned block)
{
	if (block >= c->n_blocks) {
		struct column_block **grown =
			reallocarray(c->block, block + 1, sizeof(struct column_block *));

		if (!grown)
			return NULL;
		memset(grown + c->n_blocks, 0,
		       (block + 1 - c->n_blocks) * sizeof(struct column_block *));
		c->block = grown;
		c->n_blocks = block + 1;
	}
	if (!c->block[block]) {
		if (!arena_charge(&h->arena, sizeof(struct column_block)))
			return NULL;
		c->block[block] = calloc(1, sizeof(struct column_block));
		if (!c->block[block])
			arena_refund(&h->arena, sizeof(struct column_block));
	}
	return c->block[block];
}

static struct column_one *find_one(const struct column *c, uint32_t entity)
{
	for (unsigned i = 0; i < c->n_one; i++)
		if (c->one[i].entity == entity)
			return &c->one[i];
	return NULL;
}

static int keep_one(struct history *h, struct column *c, uint32_t entity)
{
	struct column_one *one = find_one(c, entity);
	int row = table_row(h->store, entity);
	struct column_block *b;

	if (row < 0)
		return row;
	if (one) {
		one->n++;
		return 0;
	}
	b = history_block(h, c, (unsigned) row / TABLE_BLOCK);
	one = b ? reallocarray(c->one, c->n_one + 1, sizeof(*one)) : NULL;
	if (!one)
		return -ENOMEM;
	c->one = one;
	one[c->n_one++] = (struct column_one){ entity, 1 };
	b->wished |= UINT64_C(1) << (unsigned) row % TABLE_BLOCK;
	return 0;
}

int history_keep(struct history *h, const struct schema_attr *a, uint32_t entity)
{
	struct column *c;

	if (a->type != ANOD_BOOL && a->type != ANOD_INT && a->type != ANOD_REAL)
		return -EINVAL;
	c = column_make(h, a);
	if (!c)
		return -ENOMEM;
	c->fresh = true;
	if (entity)
		return keep_one(h, c, entity);
	c->n_all++;
	return 0;
}

void history_drop(struct history *h, const struct schema_attr *a, uint32_t entity)
{
	struct column *c = history_column(h, a);
	struct column_one *one;
	int row;

	if (c && !entity && c->n_all > 0)
		c->n_all--;
	one = c && entity ? find_one(c, entity) : NULL;
	if (!one || --one->n > 0)
		return;

	*one = c->one[--c->n_one];
	row = table_row(h->store, entity);
	if (row >= 0)
		c->block[row / TABLE_BLOCK]->wished &=
			~(UINT64_C(1) << (unsigned) row % TABLE_BLOCK);
}

bool history_wished(const struct column *c, uint32_t entity)
{
	return c->n_all || find_one(c, entity);
}

/* ---- series and their memory ------------------------------------------------------------------- */

struct series *history_find_gone(const struct history *h, const struct schema_attr *a,
				 const char *name)
{
	struct series *s;

	if (h->n_gone == 0)
		return NULL;
	TAILQ_FOREACH(s, &h->all, all)
	if (!s->entity && s->attr == a && strcmp(s->name, name) == 0)
		return s;
	return NULL;
}

void history_coarse_on(struct history *h, struct series *s)
{
	s->coarse_off = false;
	TAILQ_INSERT_HEAD(&h->shed, s, shed);
}

static void coarse_give_up(struct history *h, struct series *s)
{
	s->coarse_off = true;
	s->acc_n = 0;
	tier_drop_all(&h->arena, &s->coarse);
	TAILQ_REMOVE(&h->shed, s, shed);
	h->n_shed++;
}

bool history_make_room(struct history *h, struct series *s)
{
	struct series *first = TAILQ_FIRST(&h->shed);

	if (first) {
		coarse_give_up(h, first);
		return true;
	}
	if (!s || !s->fine.oldest)
		return false;
	tier_drop_oldest(&h->arena, &s->fine);
	return true;
}

void history_set_memory(struct history *h, size_t max_bytes)
{
	struct series *s;

	h->arena.max_bytes = MAX_OF(max_bytes, (size_t) HISTORY_BYTES_MIN);
	while (h->arena.used > h->arena.max_bytes && history_make_room(h, NULL))
		;
	while (h->arena.used > h->arena.max_bytes && (s = TAILQ_LAST(&h->all, series_list)))
		history_forget(h, s);
}

static size_t promise(const struct schema_attr *a)
{
	return a->max_age_us ? HISTORY_SERIES_BYTES : HISTORY_EVENT_BYTES;
}

static struct series *new_series(struct history *h, struct column *c, uint32_t entity, bool chosen)
{
	const char *name = store_entity_name(h->store, entity);
	enum series_form form = series_form(c->attr);
	size_t size = series_size(form, name), max = h->arena.max_bytes;
	struct series *s;

	if (h->promised + promise(c->attr) > (chosen ? max : max / 4 * 3))
		return NULL;
	while (!arena_charge(&h->arena, size))
		if (!history_make_room(h, NULL))
			return NULL;
	s = calloc(1, size);
	if (!s) {
		arena_refund(&h->arena, size);
		return NULL;
	}
	series_init(s, c->attr, entity, name);
	TAILQ_INSERT_TAIL(&h->all, s, all);
	h->n_series++;
	h->promised += promise(c->attr);
	history_coarse_on(h, s);
	return s;
}

struct series *history_add(struct history *h, struct column *c, struct column_block *b,
			   unsigned row, uint32_t entity)
{
	uint64_t bit = UINT64_C(1) << row % TABLE_BLOCK;
	struct series *s = history_find_gone(h, c->attr, store_entity_name(h->store, entity));

	if (s) {
		s->entity = entity;
		s->gap = true;
		s->idle_us = 0;
		h->n_gone--;
	} else {
		s = new_series(h, c, entity, b->wished & bit);
	}
	if (!s) {
		b->refused |= bit;
		return NULL;
	}
	b->series[row % TABLE_BLOCK] = s;
	b->have |= bit;
	return s;
}

void history_detach(struct history *h, struct column_block *b, unsigned row, uint64_t now_us)
{
	uint64_t bit = UINT64_C(1) << row % TABLE_BLOCK;
	struct series *s = b->series[row % TABLE_BLOCK];

	b->series[row % TABLE_BLOCK] = NULL;
	b->have &= ~bit;
	b->alive &= ~bit;
	b->refused &= ~bit;
	s->entity = 0;
	s->idle_us = s->idle_us ?: now_us;
	h->n_gone++;
}

/* Its row; an entity that went has left its series there until somebody looks. */
static struct series **place_of(const struct history *h, struct column *c, const struct series *s,
				struct column_block **ret)
{
	int row = table_row(h->store, s->entity);

	if (row >= 0) {
		*ret = c->block[row / TABLE_BLOCK];
		return &(*ret)->series[row % TABLE_BLOCK];
	}
	for (unsigned i = 0; i < c->n_blocks * TABLE_BLOCK; i++) {
		*ret = c->block[i / TABLE_BLOCK];
		if (*ret && (*ret)->series[i % TABLE_BLOCK] == s)
			return &(*ret)->series[i % TABLE_BLOCK];
	}
	return NULL;
}

void history_forget(struct history *h, struct series *s)
{
	struct column_block *b;
	struct series **place = s->entity ? place_of(h, history_column(h, s->attr), s, &b) : NULL;

	if (!s->entity)
		h->n_gone--;
	if (place) {
		*place = NULL;
		b->have &= ~(UINT64_C(1) << (place - b->series));
	}
	if (!s->coarse_off)
		TAILQ_REMOVE(&h->shed, s, shed);
	TAILQ_REMOVE(&h->all, s, all);
	series_done(&h->arena, s);
	arena_refund(&h->arena, s->size);
	h->n_series--;
	h->promised -= promise(s->attr);
	free(s);
}
