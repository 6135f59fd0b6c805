/*
 * watch_changes - what changed in the store, and whom it concerns.
 *
 * Design.  At the beginning of a run the marks of every block that changed are taken over and
 * cleared, so that what callbacks change is marked anew, for the next run.  Items find the changed
 * rows of their own columns by looking at the columns; what is not so simple (another kind's
 * attribute, a named entity, something counted) is translated into marks of the item here.
 */
#include <errno.h>
#include <string.h>

#include "facts/watch_priv.h"

#define FOR_EACH_BIT(k, word, rest)                                                                \
	for (uint64_t rest = (word); (rest) && ((k) = (unsigned) __builtin_ctzll(rest), 1);        \
	     (rest) &= (rest) -1)

/* ---- the index --------------------------------------------------------------------------- */

static int dep_add(struct dep_list *l, struct item *item, const struct read *read)
{
	struct dep *dep;

	if (l->n == l->room) {
		dep = reallocarray(l->dep, MAX_OF(l->room * 2, 4u), sizeof(*dep));
		if (!dep)
			return -ENOMEM;
		l->dep = dep;
		l->room = MAX_OF(l->room * 2, 4u);
	}
	l->dep[l->n++] = (struct dep){ .item = item, .how = read->how, .entity = read->entity };
	return 0;
}

/* One of the item's; true when there was one. */
static bool dep_remove(struct dep_list *l, const struct item *item)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->dep[i].item != item)
			continue;
		l->dep[i] = l->dep[--l->n];
		return true;
	}
	return false;
}

static int column_add(struct watches *w, struct item *item, const struct read *read)
{
	struct column *c = w->column[read->id];
	int r;

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->attr = schema_attr_by_id(store_schema(w->store), read->id);
		w->column[read->id] = c;
	}
	r = dep_add(&c->deps, item, read);
	if (r >= 0)
		store_need(w->store, c->attr, true);
	return r;
}

static void column_remove(struct watches *w, const struct item *item, uint16_t id)
{
	struct column *c = w->column[id];

	if (!c)
		return;
	if (dep_remove(&c->deps, item))
		store_need(w->store, c->attr, false);
	if (c->deps.n > 0)
		return;
	free(c->deps.dep);
	free(c);
	w->column[id] = NULL;
}

int deps_add(struct watches *w, struct item *item)
{
	static const struct read any = { .how = DEP_WIDE };
	const struct reads *reads = &item->reads;
	int r = 0;

	for (unsigned i = 0; i < reads->n_attrs && r >= 0; i++)
		r = column_add(w, item, &reads->attr[i]);
	for (unsigned i = 0; i < reads->n_presences && r >= 0; i++)
		if (reads->presence[i].how != DEP_SUBJECT)
			r = dep_add(&w->by_kind[reads->presence[i].id], item, &reads->presence[i]);
	if (reads->any && r >= 0)
		r = dep_add(&w->any, item, &any);
	return r;
}

void deps_remove(struct watches *w, struct item *item)
{
	const struct reads *reads = &item->reads;

	for (unsigned i = 0; i < reads->n_attrs; i++)
		column_remove(w, item, reads->attr[i].id);
	for (unsigned i = 0; i < reads->n_presences; i++)
		(void) dep_remove(&w->by_kind[reads->presence[i].id], item);
	(void) dep_remove(&w->any, item);
}

/* ---- taking ------------------------------------------------------------------------------ */

static void take_column(struct watches *w, const struct schema_attr *a, unsigned block,
			struct table_block *b)
{
	struct column *c = w->column[a->id];

	if (c) {
		if (!c->changed) {
			c->changed_next = NULL;
			*w->changed_end = c;
			w->changed_end = &c->changed_next;
		}
		c->changed = true;
		c->dirty[block] = b->dirty;
		c->again[block] = b->again;
		c->words[block / 64] |= UINT64_C(1) << block % 64;
	}
	b->dirty = b->again = 0;
}

static void take_block(struct watches *w, uint16_t kind, unsigned block)
{
	const struct schema *schema = store_schema(w->store);
	uint64_t *groups = table_dirty_groups(w->store, kind, block);
	struct table_block *b[TABLE_COLUMNS];

	for (; groups && *groups; *groups &= *groups - 1) {
		unsigned from = (unsigned) __builtin_ctzll(*groups) * TABLE_COLUMNS;

		if (!table_columns(w->store, kind, block, from, b))
			continue;
		for (unsigned k = 0; k < TABLE_COLUMNS; k++)
			if (b[k] && b[k]->dirty)
				take_column(w, schema_attr_at(schema, kind, (uint16_t) (from + k)),
					    block, b[k]);
	}
}

static unsigned n_words(const struct watches *w, uint16_t kind)
{
	return (table_n_blocks(w->store, kind) + 63) / 64;
}

static void take_kind(struct watches *w, uint16_t kind)
{
	uint64_t *dirty = table_dirty(w->store, kind);
	unsigned bit;

	for (unsigned k = 0; dirty && k < n_words(w, kind); k++) {
		FOR_EACH_BIT(bit, dirty[k], rest)
		take_block(w, kind, 64 * k + bit);
		dirty[k] = 0;
	}
}

/* ---- whom it concerns -------------------------------------------------------------------- */

/* The subjects that bear the names of the entities that changed. */
static void mark_names(struct watches *w, const struct column *c, struct item *item)
{
	unsigned bit, row;

	for (unsigned k = 0; k < TABLE_WORDS; k++) {
		FOR_EACH_BIT(bit, c->words[k], blocks)
		{
			unsigned block = 64 * k + bit;

			FOR_EACH_BIT(row, c->dirty[block], rows)
			{
				uint32_t e = table_entity(w->store, c->attr->kind,
							  block * TABLE_BLOCK + row);
				const char *name = e ? store_entity_name(w->store, e) : NULL;

				if (name)
					item_mark_name(w, item, name, c->again[block] >> row & 1);
			}
		}
	}
}

static int row_of(const struct watches *w, uint16_t kind, const char *name)
{
	uint32_t e = store_find(w->store, kind, name);

	return e ? table_row(w->store, e) : -ENOENT;
}

static void mark_entity(struct watches *w, const struct column *c, const struct dep *dep)
{
	int row = row_of(w, c->attr->kind, dep->entity);
	unsigned block = (unsigned) row / TABLE_BLOCK, bit = (unsigned) row % TABLE_BLOCK;

	if (row >= 0 && (c->dirty[block] >> bit & 1))
		item_mark_all(w, dep->item, c->again[block] >> bit & 1);
}

static bool any_again(const struct column *c)
{
	uint64_t again = 0;
	unsigned bit;

	for (unsigned k = 0; k < TABLE_WORDS; k++)
		FOR_EACH_BIT(bit, c->words[k], rest)
	again |= c->again[64 * k + bit];
	return again != 0;
}

static void mark_column(struct watches *w, const struct column *c)
{
	bool again = any_again(c);

	for (unsigned i = 0; i < c->deps.n; i++) {
		const struct dep *dep = &c->deps.dep[i];

		switch (dep->how) {
		case DEP_COLUMN:
			item_queue(w, dep->item);
			break;
		case DEP_NAME:
			mark_names(w, c, dep->item);
			break;
		case DEP_ENTITY:
			mark_entity(w, c, dep);
			break;
		case DEP_WIDE:
			item_mark_all(w, dep->item, again);
			break;
		case DEP_SUBJECT:
			break;
		}
	}
}

void changes_take(struct watches *w)
{
	uint64_t *kinds = table_dirty_kinds(w->store);

	w->changed_end = &w->changed;
	for (; kinds && *kinds; *kinds &= *kinds - 1)
		take_kind(w, (uint16_t) (__builtin_ctzll(*kinds) + 1));
	for (struct column *c = w->changed; c; c = c->changed_next)
		mark_column(w, c);
}

void changes_forget(struct watches *w)
{
	unsigned bit;

	for (struct column *c = w->changed; c; c = c->changed_next) {
		c->changed = false;
		for (unsigned k = 0; k < TABLE_WORDS; k++) {
			FOR_EACH_BIT(bit, c->words[k], rest)
			c->dirty[64 * k + bit] = c->again[64 * k + bit] = 0;
			c->words[k] = 0;
		}
	}
	w->changed = NULL;
}

/* ---- between two runs -------------------------------------------------------------------- */

static bool block_pending(const struct watches *w, uint16_t kind, unsigned block)
{
	const struct schema *schema = store_schema(w->store);

	for (unsigned slot = 0; slot < schema_n_slots(schema, kind); slot++) {
		const struct table_block *b = table_block(w->store, kind, (uint16_t) slot, block);

		if (b && b->dirty && w->column[schema_attr_at(schema, kind, (uint16_t) slot)->id])
			return true;
	}
	return false;
}

bool changes_pending(const struct watches *w)
{
	const uint64_t *kinds = table_dirty_kinds(w->store);
	unsigned bit;

	for (uint64_t left = kinds ? *kinds : 0; left; left &= left - 1) {
		uint16_t kind = (uint16_t) (__builtin_ctzll(left) + 1);
		const uint64_t *dirty = table_dirty(w->store, kind);

		for (unsigned k = 0; k < n_words(w, kind); k++)
			FOR_EACH_BIT(bit, dirty[k], rest)
		if (block_pending(w, kind, 64 * k + bit))
			return true;
	}
	return false;
}

static bool again_at(const struct watches *w, const struct schema_attr *a, int row)
{
	const struct table_block *b;

	if (row < 0)
		return false;
	b = table_block(w->store, a->kind, a->slot, (unsigned) row / TABLE_BLOCK);
	return b && (b->again >> (unsigned) row % TABLE_BLOCK & 1);
}

static bool again_anywhere(const struct watches *w, const struct schema_attr *a)
{
	for (unsigned block = 0; block < table_n_blocks(w->store, a->kind); block++) {
		const struct table_block *b = table_block(w->store, a->kind, a->slot, block);

		if (b && b->again)
			return true;
	}
	return false;
}

bool changed_twice(const struct watches *w, const struct item *item, int row, const char *entity)
{
	const struct reads *reads = &item->reads;

	for (unsigned i = 0; i < reads->n_attrs; i++) {
		const struct read *read = &reads->attr[i];
		const struct schema_attr *a = w->column[read->id]->attr;
		bool again = false;

		switch (read->how) {
		case DEP_COLUMN:
			again = again_at(w, a, row);
			break;
		case DEP_NAME:
			again = again_at(w, a, row_of(w, a->kind, entity));
			break;
		case DEP_ENTITY:
			again = again_at(w, a, row_of(w, a->kind, read->entity));
			break;
		case DEP_WIDE:
			again = again_anywhere(w, a);
			break;
		case DEP_SUBJECT:
			break;
		}
		if (again)
			return true;
	}
	if (row < 0 || (unsigned) row / TABLE_BLOCK >= item->n_blocks)
		return false;
	return item->block[(unsigned) row / TABLE_BLOCK].broken >> (unsigned) row % TABLE_BLOCK & 1;
}
