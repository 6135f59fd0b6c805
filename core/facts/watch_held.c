/*
 * watch_held - since when something has been true.
 *
 * Design.  Two times are enough: since when the expression has been true, and since when it has
 * not been false.  "X for D" is true when the first is D ago, doubt when the second is, else
 * false.  Before a node was first evaluated nobody looked, so at first "not false" reaches back
 * for ever and "true" begins now: a guard that asks for ten minutes of health is in doubt for
 * the ten minutes after a start.  "X in D" is "not ((not X) for D)", and is kept as that.
 *
 * The times of 64 rows lie together and have one timer.  As long as "X for D" is false because X
 * is and was, which is what most of them are, there is nothing to remember and no block.
 */
#include <errno.h>

#include "facts/watch_priv.h"

#define ALWAYS 0 /* as far back as anybody can tell */

static bool is_within(const struct item *item)
{
	return item->node->op == EXPR_WITHIN;
}

/* Of the node's expression what is kept: itself or its opposite; and back. */
static struct code_truth kept(const struct item *item, struct code_truth t)
{
	return is_within(item) ? (struct code_truth){ .yes = t.no, .no = t.yes } : t;
}

static enum anod_tri kept_tri(const struct item *item, enum anod_tri t)
{
	return is_within(item) ? tri_not(t) : t;
}

static uint64_t add_us(uint64_t a, uint64_t b)
{
	return a > US_INFINITY - b ? US_INFINITY : a + b;
}

/* When something that began then has lasted long enough; US_INFINITY: never. */
static uint64_t ripe_us(const struct item *item, uint64_t since_us)
{
	return since_us == ALWAYS ? 0 : add_us(since_us, item->node->dur_us);
}

static enum anod_tri answer_at(const struct held_block *h, unsigned k, uint64_t now_us)
{
	if (ripe_us(h->item, h->true_since[k]) <= now_us)
		return ANOD_TRUE;
	return ripe_us(h->item, h->not_false_since[k]) <= now_us ? ANOD_DOUBT : ANOD_FALSE;
}

/* When the answer changes though nothing else does. */
static uint64_t next_change(const struct held_block *h, unsigned k, uint64_t now_us)
{
	uint64_t doubt_us = ripe_us(h->item, h->not_false_since[k]);
	uint64_t true_us = ripe_us(h->item, h->true_since[k]);

	if (doubt_us > now_us)
		return MIN_OF(doubt_us, true_us);
	return true_us > now_us ? true_us : US_INFINITY;
}

/* ---- who depends on it ------------------------------------------------------------------- */

static void mark_parent(struct watches *w, const struct item *item, const struct parent *p,
			unsigned block, uint64_t rows)
{
	if (p->wide) {
		item_mark_all(w, p->item, false);
		return;
	}
	if (p->item->reads.kind == item->reads.kind) {
		item_mark(w, p->item, block, rows & item_rows(w, p->item, block), false);
		return;
	}
	for (; rows; rows &= rows - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rows);
		const char *name = rows_name(w, item->reads.kind, block * TABLE_BLOCK + k);

		if (name)
			item_mark_name(w, p->item, name, false);
	}
}

static void held_changed(struct watches *w, const struct item *item, unsigned block, uint64_t rows)
{
	for (unsigned i = 0; rows && i < item->n_parents; i++)
		mark_parent(w, item, &item->parent[i], block, rows);
}

/* ---- blocks ------------------------------------------------------------------------------ */

static struct held_block *block_new(struct watches *w, struct item *item, unsigned block)
{
	struct held_block *h;

	if (heap_room(&w->timers, w->n_timers + 1) < 0)
		return NULL;
	h = malloc(sizeof(*h));
	if (!h)
		return NULL;
	*h = (struct held_block){ .timer = { .due_us = US_INFINITY },
				  .item = item,
				  .block = block };
	for (unsigned k = 0; k < TABLE_BLOCK; k++)
		h->true_since[k] = h->not_false_since[k] = US_INFINITY;
	item->held[block] = h;
	w->n_timers++;
	return h;
}

void held_free(struct watches *w, struct item *item)
{
	for (unsigned i = 0; item->held && i < item->n_blocks; i++) {
		if (!item->held[i])
			continue;
		heap_set(&w->timers, &item->held[i]->timer, US_INFINITY);
		free(item->held[i]);
		item->held[i] = NULL;
		w->n_timers--;
	}
}

static void set_timer(struct watches *w, struct held_block *h, uint64_t now_us)
{
	uint64_t next = US_INFINITY;

	for (unsigned k = 0; k < TABLE_BLOCK; k++) {
		uint64_t change = next_change(h, k, now_us);

		next = MIN_OF(next, change);
	}
	heap_set(&w->timers, &h->timer, next);
}

/* The answers are worked out anew; whoever depends on them hears of a change. */
static void settle(struct watches *w, struct item *item, unsigned block, uint64_t rows,
		   uint64_t now_us)
{
	struct held_block *h = item->held[block];
	struct code_truth *held = &item->block[block].u.held, now = { 0 };
	uint64_t changed;

	for (uint64_t rest = h ? rows : 0; rest; rest &= rest - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rest);
		enum anod_tri answer = answer_at(h, k, now_us);

		now.yes |= (uint64_t) (answer == ANOD_TRUE) << k;
		now.no |= (uint64_t) (answer == ANOD_FALSE) << k;
	}
	if (h)
		set_timer(w, h, now_us);
	else
		now.no = rows;
	now = kept(item, now);
	changed = rows & ((held->yes ^ now.yes) | (held->no ^ now.no));
	held->yes = (held->yes & ~rows) | now.yes;
	held->no = (held->no & ~rows) | now.no;
	held_changed(w, item, block, changed);
}

static void note_row(struct held_block *h, unsigned k, enum anod_tri truth, bool first, bool broken,
		     uint64_t now_us)
{
	if (truth != ANOD_TRUE)
		h->true_since[k] = US_INFINITY;
	else if (h->true_since[k] == US_INFINITY || broken)
		h->true_since[k] = now_us;

	if (truth == ANOD_FALSE)
		h->not_false_since[k] = US_INFINITY;
	else if (first)
		h->not_false_since[k] = ALWAYS;
	else if (h->not_false_since[k] == US_INFINITY)
		h->not_false_since[k] = now_us;
}

void held_note(struct watches *w, struct item *item, unsigned block, uint64_t rows,
	       const struct code_truth *now, uint64_t broken, uint64_t now_us)
{
	struct code_truth t = kept(item, *now);
	struct held_block *h = item->held[block];
	struct item_block *b = &item->block[block];

	if (!h && (rows & ~t.no)) {
		h = block_new(w, item, block);
		if (!h) {
			/* Doubt, and as if it had just come, when there is memory again. */
			b->u.held.yes &= ~rows;
			b->u.held.no &= ~rows;
			b->seen &= ~rows;
			w->refill = true;
			return;
		}
	}
	for (uint64_t rest = h ? rows : 0; rest; rest &= rest - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rest);
		enum anod_tri truth = t.yes >> k & 1  ? ANOD_TRUE
				      : t.no >> k & 1 ? ANOD_FALSE
						      : ANOD_DOUBT;

		note_row(h, k, truth, !(b->seen >> k & 1), broken >> k & 1, now_us);
	}
	settle(w, item, block, rows, now_us);
}

void held_drop(struct watches *w, struct item *item, unsigned row, const char *name)
{
	unsigned block = row / TABLE_BLOCK, k = row % TABLE_BLOCK;
	struct held_block *h = item->held[block];
	struct item_block *b = &item->block[block];

	if (h)
		h->true_since[k] = h->not_false_since[k] = US_INFINITY;
	b->u.held.yes &= ~(UINT64_C(1) << k);
	b->u.held.no &= ~(UINT64_C(1) << k);
	for (unsigned i = 0; i < item->n_parents; i++) {
		const struct parent *p = &item->parent[i];

		if (p->wide)
			item_mark_all(w, p->item, false);
		else if (p->item->reads.kind != item->reads.kind && name)
			item_mark_name(w, p->item, name, false);
	}
}

void held_run_timers(struct watches *w, uint64_t now_us)
{
	struct heap_node *node;

	while ((node = heap_first(&w->timers)) != NULL && node->due_us <= now_us) {
		struct held_block *h = HEAP_ENTRY(node, struct held_block, timer);

		settle(w, h->item, h->block, h->item->block[h->block].seen, now_us);
	}
}

/* ---- answers ----------------------------------------------------------------------------- */

/* Of what is kept, as of the last run. */
static enum anod_tri past_at(const struct item *item, int row, uint64_t now_us)
{
	unsigned block = (unsigned) row / TABLE_BLOCK, k = (unsigned) row % TABLE_BLOCK;

	if (row < 0 || block >= item->n_blocks || !(item->block[block].seen >> k & 1))
		return ANOD_DOUBT;
	return item->held[block] ? answer_at(item->held[block], k, now_us) : ANOD_FALSE;
}

static enum anod_tri truth_now(const struct watches *w, const struct item *item, const char *entity,
			       uint64_t now_us)
{
	struct watch_env e;

	watch_env_init(&e, w, now_us);
	e.code.entity = item->reads.kind ? entity : NULL;
	return kept_tri(item, expr_truth(item->expr, &e.code.env));
}

enum anod_tri watch_held(const struct watches *w, const struct expr *node, const char *entity,
			 uint64_t now_us)
{
	const struct item *item = node_item(w, node);
	enum anod_tri past, now;
	int row;

	if (!item || (item->reads.kind && !store_find(w->store, item->reads.kind, entity)))
		return ANOD_DOUBT;
	row = rows_find(w, item->reads.kind, entity);
	past = past_at(item, row, now_us);
	if (watch_pending(w)) {
		if (changed_twice(w, item, row, entity))
			past = MIN_OF(past, ANOD_DOUBT);
		now = truth_now(w, item, entity, now_us);
		past = MIN_OF(past, now);
	}
	return kept_tri(item, past);
}

/* In a run: what the run has found out so far. */
static enum anod_tri held_in_run(const struct watches *w, const struct item *item,
				 const char *entity)
{
	int row = rows_find(w, item->reads.kind, entity);
	unsigned block = (unsigned) row / TABLE_BLOCK, k = (unsigned) row % TABLE_BLOCK;

	if (row < 0 || block >= item->n_blocks)
		return ANOD_DOUBT;
	return item->block[block].u.held.yes >> k & 1  ? ANOD_TRUE
	       : item->block[block].u.held.no >> k & 1 ? ANOD_FALSE
						       : ANOD_DOUBT;
}

enum anod_tri held_hook(const struct expr_env *env, const struct expr *node)
{
	const struct watch_env *e = env->watch;
	const struct item *item = node_item(e->watches, node);
	const char *entity = "";

	if (item && item->reads.kind > 0)
		entity = env->subject(env, item->reads.kind);
	if (!item || !entity)
		return ANOD_DOUBT;
	return e->watches->running ? held_in_run(e->watches, item, entity)
				   : watch_held(e->watches, node, entity, env->now_us);
}

void held_block_hook(const struct code_env *env, const struct expr *node, unsigned block,
		     struct code_truth *ret)
{
	const struct watch_env *e = (const void *) env;
	const struct item *item = node_item(e->watches, node);

	if (item && block < item->n_blocks)
		*ret = item->block[block].u.held;
}
