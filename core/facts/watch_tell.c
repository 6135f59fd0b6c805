/*
 * watch_tell - news, and calling back.
 *
 * Design.  Callbacks may add and remove watches and change the store, so nothing is evaluated and
 * nothing is freed while they run, and a name is looked up right before it is told.  What they
 * cause belongs to the next run.  A watch that joined an expression which others watch already is
 * told of every subject once, in its first run.
 */
#include <utlist.h>

#include "facts/watch_priv.h"

void news_add(struct watches *w, struct item *item)
{
	if (item->news)
		return;
	item->news = true;
	item->news_next = w->news;
	w->news = item;
}

static enum anod_tri truth_at(const struct item_block *b, unsigned k)
{
	return b->truth.yes >> k & 1 ? ANOD_TRUE : b->truth.no >> k & 1 ? ANOD_FALSE : ANOD_DOUBT;
}

/* 'old': to those who heard something before; 'all': to those who are told of everything in this
 * run. */
static void tell(const struct watches *w, struct item *item, const char *name, enum anod_tri truth,
		 bool old, bool all)
{
	char copy[ANOD_NAME_SIZE];

	(void) copy_text(copy, sizeof(copy), name);
	for (struct watch *x = item->watch; x; x = item->cursor) {
		item->cursor = x->next;
		if ((old && x->first_run < w->n_runs) || (all && x->all_run == w->n_runs))
			x->fn(x->data, x->id, copy, truth);
	}
	item->cursor = NULL;
}

static void tell_gone(struct watches *w, const struct gone *g)
{
	uint64_t bit = UINT64_C(1) << g->row % TABLE_BLOCK;
	unsigned block = g->row / TABLE_BLOCK;

	for (struct item *i = w->kind[g->kind].items; g->known && i; i = i->kind_next) {
		if (i->type != ITEM_WATCH || block >= i->n_blocks ||
		    !(i->block[block].u.told.gone & bit))
			continue;
		i->block[block].u.told.gone &= ~bit;
		tell(w, i, g->name, ANOD_DOUBT, true, false);
	}
}

/* Is there one who is told of everything in that run? */
static bool tells_all(const struct item *item, uint64_t run)
{
	for (const struct watch *x = item->watch; x; x = x->next)
		if (x->all_run == run)
			return true;
	return false;
}

static void tell_block(struct watches *w, struct item *item, unsigned block, bool all)
{
	struct item_block *b = &item->block[block];
	uint64_t news = b->u.told.news, rest = all ? b->seen : news;

	b->u.told.news = 0;
	for (; rest && !item->dead; rest &= rest - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rest);
		const char *name = rows_name(w, item->reads.kind, block * TABLE_BLOCK + k);

		if (name) /* else the next run says that it went */
			tell(w, item, name, truth_at(b, k), news >> k & 1, all);
	}
}

/* The list, which the caller frees. */
static struct gone *take_gone(struct watches *w)
{
	struct gone *list = w->gone_first;

	HASH_CLEAR(hh, w->gone);
	w->gone_first = NULL;
	w->gone_end = &w->gone_first;
	return list;
}

void gone_free(struct watches *w)
{
	struct gone *list = take_gone(w), *next;

	for (; list; list = next) {
		next = list->next;
		free(list);
	}
}

/* In the order in which the news came up. */
static struct item *take_news(struct watches *w)
{
	struct item *list = NULL;

	while (w->news) {
		struct item *item = w->news;

		w->news = item->news_next;
		item->news_next = list;
		list = item;
	}
	return list;
}

void news_tell(struct watches *w)
{
	struct item *item = take_news(w), *next;
	struct gone *gone = take_gone(w), *rest;

	w->telling = true;
	for (; gone; gone = rest) {
		rest = gone->next;
		tell_gone(w, gone);
		free(gone);
	}
	for (; item; item = next) {
		bool all = tells_all(item, w->n_runs);

		next = item->news_next;
		item->news = false;
		for (unsigned block = 0; block < item->n_blocks && !item->dead; block++)
			tell_block(w, item, block, all);
		/* Who joined it while others were told found it in the list of this run. */
		if (tells_all(item, w->n_runs + 1))
			news_add(w, item);
	}
	w->telling = false;
}
