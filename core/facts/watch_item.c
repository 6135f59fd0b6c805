/*
 * watch_item - expressions under watch: shared, marked, evaluated.
 *
 * Design.  An item is an expression with a program, and with what is known of each subject; a
 * watch is one who listens to it.  Watches whose expressions are the same tree share an item, and
 * so do FOR and WITHIN nodes: a node that two guards track, or that a watch and a guard have in
 * common, has one history.  What a set or an operand means depends on who asks, so expressions
 * with one in them are not shared.  Items own copies of their trees, because watchers come and go
 * in any order.
 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "facts/watch_priv.h"

/* ---- marks ------------------------------------------------------------------------------- */

void item_queue(struct watches *w, struct item *item)
{
	if (item->queued)
		return;
	item->queued = true;
	DL_APPEND(w->queue[item->level], item);
}

static void item_unqueue(struct watches *w, struct item *item)
{
	if (!item->queued)
		return;
	item->queued = false;
	DL_DELETE(w->queue[item->level], item);
}

uint64_t item_rows(const struct watches *w, const struct item *item, unsigned block)
{
	const struct kind_rows *k = &w->kind[item->reads.kind];

	if (item->reads.kind == 0)
		return block == 0;
	return block < k->n_blocks ? k->present[block] : 0;
}

void item_mark(struct watches *w, struct item *item, unsigned block, uint64_t rows, bool broken)
{
	struct item_block *b;

	if (block >= item->n_blocks)
		return; /* watches.refill is set */
	b = &item->block[block];
	b->marked |= rows;
	if (broken)
		b->broken |= rows;
	item->marked[block / 64] |= UINT64_C(1) << block % 64;
	item_queue(w, item);
}

void item_mark_all(struct watches *w, struct item *item, bool broken)
{
	if (item->all_marked && (item->all_broken || !broken))
		return;
	item->all_marked = true;
	item->all_broken |= broken;
	for (unsigned block = 0; block < item->n_blocks; block++)
		item_mark(w, item, block, item_rows(w, item, block), broken);
}

void item_mark_name(struct watches *w, struct item *item, const char *name, bool broken)
{
	int row = rows_find(w, item->reads.kind, name);

	if (row >= 0)
		item_mark(w, item, (unsigned) row / TABLE_BLOCK,
			  UINT64_C(1) << (unsigned) row % TABLE_BLOCK, broken);
}

void item_grow(struct watches *w, struct item *item)
{
	unsigned n = item->reads.kind ? table_n_blocks(w->store, item->reads.kind) : 1;
	struct held_block **held;
	struct item_block *block;

	if (n <= item->n_blocks)
		return;
	block = reallocarray(item->block, n, sizeof(*block));
	if (block)
		item->block = block;
	held = item->type == ITEM_HELD
		       ? reallocarray((void *) item->held, n, sizeof(struct held_block *))
		       : NULL;
	if (held)
		item->held = held;
	if (!block || (item->type == ITEM_HELD && !held)) {
		w->refill = true;
		return;
	}
	memset(&block[item->n_blocks], 0, (n - item->n_blocks) * sizeof(*block));
	if (held)
		memset((void *) &held[item->n_blocks], 0,
		       (n - item->n_blocks) * sizeof(struct held_block *));
	item->n_blocks = n;
}

/* ---- evaluation -------------------------------------------------------------------------- */

void watch_env_init(struct watch_env *e, const struct watches *w, uint64_t now_us)
{
	*e = (struct watch_env){ .code = { .env = w->scope, .held = held_block_hook },
				 .watches = w };
	e->code.env.store = w->store;
	e->code.env.now_us = now_us;
	e->code.env.subject = code_subject;
	e->code.env.held = held_hook;
	e->code.env.trace = NULL;
	e->code.env.watch = e;
}

/* The truth of 'rows' is 't': note it where it is new. */
static void take_truth(struct watches *w, struct item *item, unsigned block, uint64_t rows,
		       const struct code_truth *t, uint64_t broken, uint64_t now_us)
{
	struct item_block *b = &item->block[block];
	uint64_t changed = rows & ((b->truth.yes ^ t->yes) | (b->truth.no ^ t->no) | ~b->seen);

	if (item->type == ITEM_HELD && (changed | (broken & rows)))
		held_note(w, item, block, changed | (broken & rows), t, broken, now_us);
	if (!changed)
		return;
	b->truth.yes = (b->truth.yes & ~rows) | t->yes;
	b->truth.no = (b->truth.no & ~rows) | t->no;
	b->seen |= rows;
	if (item->type == ITEM_WATCH) {
		b->u.told.news |= changed;
		news_add(w, item);
	}
}

static void run_block(struct watches *w, struct item *item, unsigned block, struct watch_env *env)
{
	const struct reads *reads = &item->reads;
	struct item_block *b = &item->block[block];
	uint64_t rows = b->marked, broken = b->broken;
	struct code_truth t;

	for (unsigned i = 0; i < reads->n_attrs; i++) {
		const struct column *c = w->column[reads->attr[i].id];

		if (reads->attr[i].how != DEP_COLUMN)
			continue;
		rows |= c->dirty[block];
		broken |= c->again[block];
	}
	b->marked = b->broken = 0;
	rows &= item_rows(w, item, block);
	if (!rows)
		return;
	code_run(item->code, &env->code, block, rows, &t);
	take_truth(w, item, block, rows, &t, broken, env->code.env.now_us);
}

void item_run(struct watches *w, struct item *item, uint64_t now_us)
{
	const struct reads *reads = &item->reads;
	uint64_t words[TABLE_WORDS];
	struct watch_env env;

	memcpy(words, item->marked, sizeof(words));
	memset(item->marked, 0, sizeof(item->marked));
	item->all_marked = item->all_broken = false;
	item_unqueue(w, item);
	for (unsigned i = 0; i < reads->n_attrs; i++)
		for (unsigned k = 0; reads->attr[i].how == DEP_COLUMN && k < TABLE_WORDS; k++)
			words[k] |= w->column[reads->attr[i].id]->words[k];

	watch_env_init(&env, w, now_us);
	code_begin(item->code, &env.code);
	for (unsigned k = 0; k < TABLE_WORDS; k++) {
		for (; words[k]; words[k] &= words[k] - 1) {
			unsigned block = 64 * k + (unsigned) __builtin_ctzll(words[k]);

			if (block < item->n_blocks)
				run_block(w, item, block, &env);
		}
	}
}

/* ---- items ------------------------------------------------------------------------------- */

static void item_free(struct item *item)
{
	code_free(item->code);
	reads_done(&item->reads);
	if (item->node)
		expr_free(item->node); /* and 'expr' with it */
	else
		expr_free(item->expr);
	free(item->text);
	free(item->parent);
	free(item->block);
	free((void *) item->held);
	free(item);
}

void items_free_dead(struct watches *w)
{
	struct item *all = w->dead, *next;

	w->dead = NULL;
	for (; all; all = next) {
		next = all->all_next;
		if (!all->news || !w->news) {
			item_free(all);
			continue;
		}
		/* It got news in the turn in which it died; the next turn skips it. */
		all->all_next = w->dead;
		w->dead = all;
	}
}

/* Out of everything; copes with a half-built item. */
static void item_drop(struct watches *w, struct item *item)
{
	struct kind_rows *k = &w->kind[item->reads.kind];

	if (item->text && item->type == ITEM_WATCH)
		HASH_DEL(w->shared, item);
	else if (item->text)
		HASH_DEL(w->held, item);
	item_unqueue(w, item);
	deps_remove(w, item);
	parts_close(w, &item->reads, item);
	held_free(w, item);
	DL_DELETE2(w->items, item, all_prev, all_next);
	if (item->reads.kind) {
		DL_DELETE2(k->items, item, kind_prev, kind_next);
		if (!k->items) {
			free((void *) k->handle);
			free(k->present);
			*k = (struct kind_rows){ 0 };
		}
	}
	item->dead = true;
	if (w->telling || item->news) {
		item->all_next = w->dead;
		w->dead = item;
		return;
	}
	item_free(item);
}

void item_close(struct watches *w, struct item *item)
{
	if (--item->refs == 0)
		item_drop(w, item);
}

/* Everything of its own: tree, program, what it reads. */
static int item_build(struct watches *w, struct item *item, const struct expr *e)
{
	int r;

	if (item->type == ITEM_HELD) {
		item->node = expr_copy(e);
		item->expr = item->node ? item->node->a : NULL;
	} else {
		item->expr = expr_copy(e);
	}
	if (!item->expr)
		return -ENOMEM;
	r = reads_collect(item->expr, w->store, &w->scope, &item->reads);
	if (r < 0)
		return r;
	return code_compile(item->expr, store_schema(w->store), item->reads.kind, &item->code);
}

static int item_new(struct watches *w, enum item_type type, const struct expr *e, struct item **ret)
{
	struct item *item = calloc(1, sizeof(*item));
	int r;

	if (!item)
		return -ENOMEM;
	item->type = type;
	item->refs = 1;
	r = item_build(w, item, e);
	if (r < 0) {
		item_free(item);
		return r;
	}

	DL_APPEND2(w->items, item, all_prev, all_next);
	if (item->reads.kind) {
		w->kind[item->reads.kind].changed |= !w->kind[item->reads.kind].items;
		w->rows_changed = true;
		DL_APPEND2(w->kind[item->reads.kind].items, item, kind_prev, kind_next);
	}
	r = parts_open(w, &item->reads, item);
	if (r >= 0)
		r = deps_add(w, item);
	if (r < 0) {
		item_drop(w, item);
		return r;
	}
	item_grow(w, item);
	item_mark_all(w, item, false);
	*ret = item;
	return 0;
}

int item_share(struct watches *w, enum item_type type, const struct expr *e, struct item **ret)
{
	struct item **table = type == ITEM_WATCH ? &w->shared : &w->held, *found;
	_cleanup_(freep) char *text = expr_format(e);
	int r;

	if (!text)
		return -ENOMEM;
	HASH_FIND_STR(*table, text, found);
	if (found && expr_same(type == ITEM_WATCH ? found->expr : found->node, e)) {
		found->refs++;
		*ret = found;
		return 0;
	}
	r = item_new(w, type, e, ret);
	if (r < 0 || found || (*ret)->reads.scoped)
		return r;
	(*ret)->text = TAKE(text);
	HASH_ADD_KEYPTR(hh, *table, (*ret)->text, strlen((*ret)->text), *ret);
	return 0;
}
