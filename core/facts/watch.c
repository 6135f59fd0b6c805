/*
 * watch - tells when the truth of an expression changes, and remembers since when it held.
 *
 * Design.  An item is an expression that is evaluated for its subjects: a watch, or a FOR node
 * inside a watch or a tracked expression.  A store change marks subjects through an index from
 * attributes and kinds to items; watch_run() evaluates the marked ones, FOR nodes before what
 * they are part of, and only then calls back.  A callback finds watches and store in a settled
 * state and may change both.  News name a subject that is looked up again for each call, so a
 * watch that is removed meanwhile says nothing more.
 */
#include "facts/watch.h"

#include <errno.h>

#include "facts/table.h"
#include "facts/watch_priv.h"

/* ---- changes of the store --------------------------------------------------------------- */

static void on_presence(struct watches *w, const struct store_change *c)
{
	const struct dep_list *l = &w->by_kind[c->kind];

	for (unsigned i = 0; i < l->n; i++) {
		struct item *item = l->dep[i].item;
		struct subject *s = subject_find(item, c->name);

		if (item->reads.kind == c->kind) {
			if (c->gone && s)
				subject_remove(w, s, false);
			else if (!c->gone && subject_add(w, item, c->name) < 0)
				w->refill = true;
		} else if (s) {
			subject_mark(w, s, !c->gone && w->some_gone);
		}
		if (l->dep[i].how == DEP_WIDE)
			item_mark(w, item, !c->gone && w->some_gone);
	}
	w->some_gone |= c->gone;
}

static void on_fact(struct watches *w, const struct store_change *c)
{
	const struct dep_list *l = &w->by_attr[c->attr->id];
	bool broken = c->lapsed || c->again;

	for (unsigned i = 0; i < l->n; i++) {
		struct item *item = l->dep[i].item;
		struct subject *s;

		if (l->dep[i].how == DEP_WIDE) {
			item_mark(w, item, broken);
			continue;
		}
		s = subject_find(item, c->name);
		if (s)
			subject_mark(w, s, broken);
	}
}

static void on_change(void *data, const struct store_change *c)
{
	struct watches *w = data;
	bool event = c->slot < 0 || c->attr->max_age_us == 0;

	if (c->slot < 0)
		on_presence(w, c);
	else
		on_fact(w, c);
	for (unsigned i = 0; event && i < w->any.n; i++)
		item_mark(w, w->any.dep[i].item, c->again);
}

/* ---- evaluation ------------------------------------------------------------------------- */

static const char *subject_hook(const struct expr_env *env, uint16_t kind)
{
	const struct watch_env *e = env->watch;

	(void) kind;
	return e->subject;
}

enum anod_tri subject_truth(const struct watches *w, const struct subject *s, uint64_t now_us)
{
	struct watch_env e = {
		.env = w->scope,
		.watches = w,
		.subject = s->item->reads.kind > 0 ? s->name : NULL,
	};

	e.env.store = w->store;
	e.env.now_us = now_us;
	e.env.subject = subject_hook;
	e.env.held = held_hook;
	e.env.trace = NULL;
	e.env.watch = &e;
	return expr_truth(s->item->expr, &e.env);
}

static void subject_run(struct watches *w, struct subject *s, uint64_t now_us)
{
	enum anod_tri truth;

	s->item->all_dirty = s->item->all_broken = false;
	subject_unmark(w, s);
	truth = subject_truth(w, s, now_us);
	if (s->item->type == ITEM_FOR) {
		held_note(w, s, truth, now_us);
	} else if (!s->evaluated || s->truth != truth) {
		s->truth = truth;
		s->evaluated = true;
		news_add(w, s);
	}
	s->broken = false;
}

static struct subject *first_dirty(const struct watches *w)
{
	for (unsigned level = 0; level < WATCH_LEVELS; level++)
		if (w->dirty[level])
			return w->dirty[level];
	return NULL;
}

static void refill(struct watches *w)
{
	struct item *item, *next;

	w->refill = false;
	HASH_ITER(hh, w->held, item, next)
	w->refill |= item_fill(w, item) < 0;
	HASH_ITER(hh, w->watch, item, next)
	w->refill |= item_fill(w, item) < 0;
}

static void tell_news(struct watches *w)
{
	while (w->news) {
		struct subject *s = w->news;
		const struct item *item = s->item;
		enum anod_tri truth = s->truth;
		char name[ANOD_NAME_SIZE];

		(void) copy_text(name, sizeof(name), s->name);
		news_remove(w, s);
		if (s->gone)
			free(s);
		item->fn(item->data, item->id, name, truth);
	}
}

static void block_clean(struct store *s, uint16_t kind, unsigned block)
{
	unsigned n = schema_n_slots(store_schema(s), kind);

	for (unsigned slot = 0; slot < n; slot++) {
		struct table_block *t = table_block(s, kind, (uint16_t) slot, block);

		if (t)
			t->dirty = t->again = 0;
	}
}

/* What changes from now on has changed once. */
static void clean(struct store *s)
{
	unsigned kinds = schema_n_kinds(store_schema(s));

	for (uint16_t kind = 1; kind <= kinds; kind++) {
		uint64_t *dirty = table_dirty(s, kind);

		for (unsigned w = 0; dirty && w < TABLE_WORDS; w++)
			for (; dirty[w]; dirty[w] &= dirty[w] - 1)
				block_clean(s, kind, w * 64 + (unsigned) __builtin_ctzll(dirty[w]));
	}
}

uint64_t watch_run(struct watches *w, uint64_t now_us)
{
	const struct heap_node *timer;
	struct subject *s;

	if (w->refill)
		refill(w);
	held_run_timers(w, now_us);
	while ((s = first_dirty(w)) != NULL)
		subject_run(w, s, now_us);
	clean(w->store);
	w->some_gone = false;
	tell_news(w);

	if (watch_pending(w))
		return now_us;
	timer = heap_first(&w->timers);
	return timer ? timer->due_us : US_INFINITY;
}

bool watch_pending(const struct watches *w)
{
	return w->refill || w->news || first_dirty(w);
}

/* ---- public ----------------------------------------------------------------------------- */

struct watches *watches_new(struct store *store)
{
	_cleanup_(freep) struct watches *w = calloc(1, sizeof(*w));

	if (!w || store_listen(store, on_change, w) < 0)
		return NULL;
	w->store = store;
	clean(store);
	return TAKE(w);
}

static void free_items(struct watches *w, struct item **head)
{
	struct item *item, *next;

	HASH_ITER(hh, *head, item, next)
	{
		HASH_DEL(*head, item);
		item_free(w, item);
	}
}

struct watches *watches_free(struct watches *w)
{
	if (!w)
		return NULL;

	store_unlisten(w->store, on_change, w);
	free_items(w, &w->watch);
	free_items(w, &w->track); /* and with them the last FOR nodes */
	for (unsigned i = 0; i < ARRAY_SIZE(w->by_attr); i++)
		free(w->by_attr[i].dep);
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
	struct item *item;
	int r;

	if (w->n_watches == WATCHES_MAX)
		return -ENOSPC;
	r = item_new(w, ITEM_WATCH, e, NULL, &item);
	if (r < 0)
		return r;

	item->fn = fn;
	item->data = data;
	item->id = ++w->last_id;
	HASH_ADD(hh, w->watch, id, sizeof(item->id), item);
	w->n_watches++;
	*ret_id = item->id;
	return 0;
}

int watch_remove(struct watches *w, uint64_t id)
{
	struct item *item;

	HASH_FIND(hh, w->watch, &id, sizeof(id), item);
	if (!item)
		return -ENOENT;

	HASH_DEL(w->watch, item);
	w->n_watches--;
	item_free(w, item);
	return 0;
}

int watch_track(struct watches *w, const struct expr *e)
{
	struct item *item;
	int r;

	HASH_FIND_PTR(w->track, &e, item);
	if (!item) {
		if (w->n_tracks == WATCHES_MAX)
			return -ENOSPC;
		r = item_new(w, ITEM_TRACK, e, e, &item);
		if (r < 0)
			return r;
		HASH_ADD_PTR(w->track, key, item);
		w->n_tracks++;
	}
	item->refs++;
	return 0;
}

void watch_untrack(struct watches *w, const struct expr *e)
{
	struct item *item;

	HASH_FIND_PTR(w->track, &e, item);
	if (!item || --item->refs > 0)
		return;

	HASH_DEL(w->track, item);
	w->n_tracks--;
	item_free(w, item);
}
