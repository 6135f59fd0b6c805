/*
 * watch - tells when the truth of an expression changes, and remembers since when it held.
 *
 * Design.  The store marks the rows of each column that changed; a run takes these marks, finds
 * the expressions that read the columns, and evaluates them 64 rows at a time (facts/code.h), FOR
 * and WITHIN nodes before what they are part of.  Only then it calls back.  A callback finds
 * watches and store in a settled state and may change both; what that brings about is for the next
 * run.
 */
#include "facts/watch.h"

#include <errno.h>
#include <utlist.h>

#include "facts/watch_priv.h"

static void on_change(void *data, const struct store_change *c)
{
	rows_on_change(data, c);
}

/* ---- a run ------------------------------------------------------------------------------- */

static struct item *first_queued(const struct watches *w)
{
	for (unsigned level = 0; level < WATCH_LEVELS; level++)
		if (w->queue[level])
			return w->queue[level];
	return NULL;
}

/* There was no memory for a row, or for what is known of it. */
static void refill(struct watches *w)
{
	w->refill = false;
	for (unsigned kind = 0; kind < ARRAY_SIZE(w->kind); kind++)
		w->kind[kind].changed |= w->kind[kind].items != NULL;
	for (struct item *item = w->items; item; item = item->all_next) {
		item_grow(w, item);
		item->all_marked = false;
		item_mark_all(w, item, false);
	}
}

uint64_t watch_run(struct watches *w, uint64_t now_us)
{
	const struct heap_node *timer;
	struct item *item;

	w->n_runs++;
	w->running = true;
	if (w->refill)
		refill(w);
	rows_take(w);
	changes_take(w);
	held_run_timers(w, now_us);
	while ((item = first_queued(w)) != NULL)
		item_run(w, item, now_us);
	changes_forget(w);
	w->some_gone = false;
	w->running = false;
	news_tell(w);
	items_free_dead(w);

	if (watch_pending(w))
		return now_us;
	timer = heap_first(&w->timers);
	return timer ? timer->due_us : US_INFINITY;
}

bool watch_pending(const struct watches *w)
{
	return w->refill || w->news || first_queued(w) || rows_pending(w) || changes_pending(w);
}

/* ---- public ------------------------------------------------------------------------------ */

struct watches *watches_new(struct store *store)
{
	_cleanup_(freep) struct watches *w = calloc(1, sizeof(*w));

	if (!w || store_listen(store, on_change, w) < 0)
		return NULL;
	w->store = store;
	return TAKE(w);
}

static void track_free(struct watches *w, struct track *t)
{
	for (unsigned i = 0; i < t->reads.n_attrs; i++)
		store_need(w->store, schema_attr_by_id(store_schema(w->store), t->reads.attr[i].id),
			   false);
	parts_close(w, &t->reads, NULL);
	reads_done(&t->reads);
	free(t);
}

struct watches *watches_free(struct watches *w)
{
	struct track *track, *next_track;
	struct watch *watch, *next;

	if (!w)
		return NULL;

	store_unlisten(w->store, on_change, w);
	HASH_ITER(hh, w->watch, watch, next)
	(void) watch_remove(w, watch->id);
	HASH_ITER(hh, w->track, track, next_track)
	{
		HASH_DEL(w->track, track);
		track_free(w, track);
	}
	w->news = NULL;
	items_free_dead(w);
	gone_free(w);
	for (unsigned i = 0; i < ARRAY_SIZE(w->by_kind); i++)
		free(w->by_kind[i].dep);
	free(w->any.dep);
	heap_done(&w->timers);
	free(w);
	return NULL;
}

void watches_set_env(struct watches *w, const struct expr_env *scope_env)
{
	w->scope = *scope_env;
}

int watch_add(struct watches *w, const struct expr *e, watch_fn *fn, void *data, uint64_t *ret_id)
{
	_cleanup_(freep) struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	if (w->n_watches == WATCHES_MAX)
		return -ENOSPC;
	r = item_share(w, ITEM_WATCH, e, &watch->item);
	if (r < 0)
		return r;

	watch->fn = fn;
	watch->data = data;
	watch->id = ++w->last_id;
	watch->first_run = watch->all_run = w->n_runs + 1;
	DL_APPEND(watch->item->watch, watch);
	news_add(w, watch->item);
	HASH_ADD(hh, w->watch, id, sizeof(watch->id), watch);
	w->n_watches++;
	*ret_id = watch->id;
	(void) TAKE(watch);
	return 0;
}

int watch_remove(struct watches *w, uint64_t id)
{
	struct watch *watch;
	struct item *item;

	HASH_FIND(hh, w->watch, &id, sizeof(id), watch);
	if (!watch)
		return -ENOENT;

	item = watch->item;
	if (item->cursor == watch)
		item->cursor = watch->next;
	DL_DELETE(item->watch, watch);
	HASH_DEL(w->watch, watch);
	w->n_watches--;
	free(watch);
	item_close(w, item);
	return 0;
}

int watch_again(struct watches *w, uint64_t id)
{
	struct watch *watch;

	HASH_FIND(hh, w->watch, &id, sizeof(id), watch);
	if (!watch)
		return -ENOENT;
	watch->all_run = w->n_runs + 1;
	news_add(w, watch->item);
	return 0;
}

static int track_new(struct watches *w, const struct expr *e, struct track **ret)
{
	struct track *t;
	int r;

	if (w->n_tracks == WATCHES_MAX)
		return -ENOSPC;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->key = e;
	r = reads_collect(e, w->store, &w->scope, &t->reads);
	if (r >= 0)
		r = parts_open(w, &t->reads, NULL);
	if (r < 0) {
		parts_close(w, &t->reads, NULL);
		reads_done(&t->reads);
		free(t);
		return r;
	}
	for (unsigned i = 0; i < t->reads.n_attrs; i++)
		store_need(w->store, schema_attr_by_id(store_schema(w->store), t->reads.attr[i].id),
			   true);
	*ret = t;
	return 0;
}

int watch_track(struct watches *w, const struct expr *e)
{
	struct track *t;
	int r;

	HASH_FIND_PTR(w->track, &e, t);
	if (!t) {
		r = track_new(w, e, &t);
		if (r < 0)
			return r;
		HASH_ADD_PTR(w->track, key, t);
		w->n_tracks++;
	}
	t->refs++;
	return 0;
}

void watch_untrack(struct watches *w, const struct expr *e)
{
	struct track *t;

	HASH_FIND_PTR(w->track, &e, t);
	if (!t || --t->refs > 0)
		return;

	HASH_DEL(w->track, t);
	w->n_tracks--;
	track_free(w, t);
}
