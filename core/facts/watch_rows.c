/*
 * watch_rows - entities that come and go.
 *
 * Design.  Of each kind that has subjects we remember who was in which row at the last run, and
 * at the next one compare.  So an entity that came and went in between is nobody's business, and
 * one that took the row of another is seen as two events.  The store tells when an entity goes;
 * its name is kept until those who watched it have heard of it.
 */
#include <errno.h>
#include <string.h>

#include "facts/watch_priv.h"

/* ---- what the store tells ---------------------------------------------------------------- */

static void gone_add(struct watches *w, const struct store_change *c)
{
	struct gone *g;

	HASH_FIND(hh, w->gone, &c->entity, sizeof(c->entity), g);
	if (g)
		return;
	g = calloc(1, sizeof(*g));
	if (!g)
		return; /* the truth goes all the same, only nobody hears of it */
	g->handle = c->entity;
	g->kind = c->kind;
	(void) copy_text(g->name, sizeof(g->name), c->name);
	HASH_ADD(hh, w->gone, handle, sizeof(g->handle), g);
	if (!w->gone_end)
		w->gone_end = &w->gone_first;
	*w->gone_end = g;
	w->gone_end = &g->next;
}

static void on_presence(struct watches *w, const struct store_change *c)
{
	const struct dep_list *l = &w->by_kind[c->kind];
	bool broken = !c->gone && w->some_gone;

	if (w->kind[c->kind].items) {
		w->kind[c->kind].changed = w->rows_changed = true;
		if (c->gone)
			gone_add(w, c);
	}
	for (unsigned i = 0; i < l->n; i++) {
		const struct dep *dep = &l->dep[i];

		if (dep->how == DEP_NAME)
			item_mark_name(w, dep->item, c->name, broken);
		else if (dep->how == DEP_WIDE || strcmp(dep->entity, c->name) == 0)
			item_mark_all(w, dep->item, broken);
	}
	w->some_gone |= c->gone;
}

void rows_on_change(struct watches *w, const struct store_change *c)
{
	bool event = c->slot < 0 || c->attr->max_age_us == 0;

	if (c->slot < 0)
		on_presence(w, c);
	for (unsigned i = 0; event && i < w->any.n; i++)
		item_mark_all(w, w->any.dep[i].item, c->again);
}

/* ---- at a run ---------------------------------------------------------------------------- */

static void row_gone(struct watches *w, uint16_t kind, unsigned row, uint32_t handle)
{
	uint64_t bit = UINT64_C(1) << row % TABLE_BLOCK;
	unsigned block = row / TABLE_BLOCK;
	struct gone *g;

	HASH_FIND(hh, w->gone, &handle, sizeof(handle), g);
	if (g) {
		g->known = true;
		g->row = row;
	}
	for (struct item *item = w->kind[kind].items; item; item = item->kind_next) {
		struct item_block *b;

		if (block >= item->n_blocks)
			continue;
		b = &item->block[block];
		if (item->type == ITEM_HELD) {
			held_drop(w, item, row, g ? g->name : NULL);
		} else {
			b->u.told.gone |= (b->truth.yes | b->truth.no) & b->seen & bit;
			b->u.told.news &= ~bit;
		}
		b->seen &= ~bit;
		b->truth.yes &= ~bit;
		b->truth.no &= ~bit;
		b->marked &= ~bit;
		b->broken &= ~bit;
	}
}

static void rows_came(struct watches *w, uint16_t kind, unsigned block, uint64_t rows)
{
	for (struct item *item = w->kind[kind].items; item; item = item->kind_next)
		item_mark(w, item, block, rows, false);
}

static void take_block(struct watches *w, uint16_t kind, unsigned block)
{
	struct kind_rows *k = &w->kind[kind];
	uint64_t rows = table_rows(w->store, kind, block), came = 0;

	for (uint64_t rest = rows | k->present[block]; rest; rest &= rest - 1) {
		unsigned bit = (unsigned) __builtin_ctzll(rest), row = block * TABLE_BLOCK + bit;
		uint32_t now = rows >> bit & 1 ? table_entity(w->store, kind, row) : 0;
		uint32_t before = k->handle[block][bit];

		if (now == before)
			continue;
		if (before)
			row_gone(w, kind, row, before);
		k->handle[block][bit] = now;
		came |= now ? UINT64_C(1) << bit : 0;
	}
	k->present[block] = rows;
	if (came)
		rows_came(w, kind, block, came);
}

static int grow(struct kind_rows *k, unsigned n)
{
	uint32_t(*handle)[TABLE_BLOCK];
	uint64_t *present;

	if (n <= k->n_blocks)
		return 0;
	handle = reallocarray((void *) k->handle, n, sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	k->handle = handle;
	present = reallocarray(k->present, n, sizeof(*present));
	if (!present)
		return -ENOMEM;
	k->present = present;
	memset(&handle[k->n_blocks], 0, (n - k->n_blocks) * sizeof(*handle));
	memset(&present[k->n_blocks], 0, (n - k->n_blocks) * sizeof(*present));
	k->n_blocks = n;
	return 0;
}

static void take_kind(struct watches *w, uint16_t kind)
{
	struct kind_rows *k = &w->kind[kind];

	k->changed = false;
	if (grow(k, table_n_blocks(w->store, kind)) < 0) {
		w->refill = true;
		k->changed = w->rows_changed = true;
	}
	for (struct item *item = k->items; item; item = item->kind_next)
		item_grow(w, item);
	for (unsigned block = 0; block < k->n_blocks; block++)
		take_block(w, kind, block);
}

void rows_take(struct watches *w)
{
	if (!w->rows_changed)
		return;
	w->rows_changed = false;
	for (unsigned kind = 0; kind < ARRAY_SIZE(w->kind); kind++)
		if (w->kind[kind].changed && w->kind[kind].items)
			take_kind(w, (uint16_t) kind);
}

bool rows_pending(const struct watches *w)
{
	for (unsigned kind = 0; w->rows_changed && kind < ARRAY_SIZE(w->kind); kind++)
		if (w->kind[kind].changed && w->kind[kind].items)
			return true;
	return false;
}

/* ---- names ------------------------------------------------------------------------------- */

int rows_find(const struct watches *w, uint16_t kind, const char *name)
{
	const struct kind_rows *k = &w->kind[kind];
	uint32_t e;
	int row;

	if (kind == 0)
		return 0;
	e = store_find(w->store, kind, name);
	row = e ? table_row(w->store, e) : -1;
	if (row < 0 || (unsigned) row >= k->n_blocks * TABLE_BLOCK ||
	    k->handle[(unsigned) row / TABLE_BLOCK][(unsigned) row % TABLE_BLOCK] != e)
		return -1;
	return row;
}

const char *rows_name(const struct watches *w, uint16_t kind, unsigned row)
{
	if (kind == 0)
		return "";
	return store_entity_name(w->store,
				 w->kind[kind].handle[row / TABLE_BLOCK][row % TABLE_BLOCK]);
}
