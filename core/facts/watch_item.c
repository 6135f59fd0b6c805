/*
 * watch_item - expressions under watch, their subjects, and the index from facts to them.
 *
 * Design.  FOR nodes are shared: a node that two guards track, or that a watch and a guard have
 * in common, has one history and a count of users.  Subjects come and go with the entities of
 * the item's kind; a watch that knew an entity which went hears doubt, from a subject that is in
 * no table any more and waits in the list of news.
 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "facts/watch_priv.h"

/* ---- subjects --------------------------------------------------------------------------- */

struct subject *subject_find(const struct item *item, const char *name)
{
	struct subject *s;

	HASH_FIND_STR(item->subjects, name, s);
	return s;
}

void subject_mark(struct watches *w, struct subject *s, bool broken)
{
	s->broken |= broken;
	if (s->dirty)
		return;
	s->dirty = true;
	DL_APPEND2(w->dirty[s->item->level], s, dirty_prev, dirty_next);
}

void subject_unmark(struct watches *w, struct subject *s)
{
	if (!s->dirty)
		return;
	s->dirty = false;
	DL_DELETE2(w->dirty[s->item->level], s, dirty_prev, dirty_next);
}

void news_add(struct watches *w, struct subject *s)
{
	if (s->news)
		return;
	s->news = true;
	DL_APPEND2(w->news, s, news_prev, news_next);
}

void news_remove(struct watches *w, struct subject *s)
{
	if (!s->news)
		return;
	s->news = false;
	DL_DELETE2(w->news, s, news_prev, news_next);
}

int subject_add(struct watches *w, struct item *item, const char *name)
{
	size_t size = strlen(name) + 1;
	struct subject *s;

	if (subject_find(item, name))
		return 0;
	if (item->type == ITEM_FOR && heap_room(&w->timers, w->n_timers + 1) < 0)
		return -ENOMEM;
	s = calloc(1, sizeof(*s) + size);
	if (!s)
		return -ENOMEM;

	s->item = item;
	s->true_since = s->not_false_since = s->timer.due_us = US_INFINITY;
	memcpy(s->name, name, size);
	HASH_ADD_KEYPTR(hh, item->subjects, s->name, size - 1, s);
	w->n_timers += item->type == ITEM_FOR;
	subject_mark(w, s, false);
	return 0;
}

void subject_remove(struct watches *w, struct subject *s, bool quietly)
{
	struct item *item = s->item;

	subject_unmark(w, s);
	HASH_DEL(item->subjects, s);
	if (item->type == ITEM_FOR && !quietly)
		held_changed(w, s);
	if (item->type == ITEM_FOR) {
		heap_set(&w->timers, &s->timer, US_INFINITY);
		w->n_timers--;
	}

	if (!quietly && item->type == ITEM_WATCH && s->evaluated && s->truth != ANOD_DOUBT) {
		s->gone = true;
		s->truth = ANOD_DOUBT;
		news_add(w, s);
		return;
	}
	news_remove(w, s);
	free(s);
}

int item_fill(struct watches *w, struct item *item)
{
	unsigned n = store_count(w->store, item->reads.kind);
	int r = 0;

	if (item->type == ITEM_TRACK)
		return 0;
	if (item->reads.kind == 0)
		return subject_add(w, item, "");
	for (unsigned i = 0; i < n && r >= 0; i++)
		r = subject_add(
			w, item,
			store_entity_name(w->store, store_nth(w->store, item->reads.kind, i)));
	return r;
}

void item_mark(struct watches *w, struct item *item, bool broken)
{
	struct subject *s, *next;

	if (item->all_dirty && (item->all_broken || !broken))
		return;
	item->all_dirty = true;
	item->all_broken |= broken;
	HASH_ITER(hh, item->subjects, s, next)
	subject_mark(w, s, broken);
}

/* ---- items ------------------------------------------------------------------------------ */

static int dep_add(struct dep_list *l, struct item *item, enum dep_how how)
{
	struct dep *dep;

	if (l->n == l->room) {
		dep = reallocarray(l->dep, MAX_OF(l->room * 2, 4u), sizeof(*dep));
		if (!dep)
			return -ENOMEM;
		l->dep = dep;
		l->room = MAX_OF(l->room * 2, 4u);
	}
	l->dep[l->n++] = (struct dep){ .item = item, .how = how };
	return 0;
}

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

/* Sampled attributes are told of only while they are wanted. */
static void want(struct watches *w, uint16_t id, bool on)
{
	store_want(w->store, schema_attr_by_id(store_schema(w->store), id), on);
}

static int deps_add(struct watches *w, struct item *item)
{
	const struct reads *reads = &item->reads;
	int r = 0;

	for (unsigned i = 0; i < reads->n_attrs && r >= 0; i++) {
		r = dep_add(&w->by_attr[reads->attr[i].id], item, reads->attr[i].how);
		if (r >= 0)
			want(w, reads->attr[i].id, true);
	}
	for (unsigned i = 0; i < reads->n_presences && r >= 0; i++)
		r = dep_add(&w->by_kind[reads->presence[i].id], item, reads->presence[i].how);
	if (reads->any && r >= 0)
		r = dep_add(&w->any, item, DEP_WIDE);
	return r;
}

static void deps_remove(struct watches *w, const struct item *item)
{
	const struct reads *reads = &item->reads;

	for (unsigned i = 0; i < reads->n_attrs; i++)
		if (dep_remove(&w->by_attr[reads->attr[i].id], item))
			want(w, reads->attr[i].id, false);
	for (unsigned i = 0; i < reads->n_presences; i++)
		(void) dep_remove(&w->by_kind[reads->presence[i].id], item);
	(void) dep_remove(&w->any, item);
}

static void parent_remove(struct item *part, const struct item *parent)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < part->n_parents; i++)
		if (part->parent[i].item != parent)
			part->parent[kept++] = part->parent[i];
	part->n_parents = kept;
}

static struct item *node_item(const struct watches *w, const struct expr *node)
{
	struct item *item;

	HASH_FIND_PTR(w->held, &node, item);
	return item;
}

void item_free(struct watches *w, struct item *item)
{
	struct subject *s, *next;

	HASH_ITER(hh, item->subjects, s, next)
	subject_remove(w, s, true);
	DL_FOREACH_SAFE2(w->news, s, next, news_next)
	{
		if (s->item != item)
			continue;
		news_remove(w, s);
		free(s);
	}

	deps_remove(w, item);
	for (unsigned i = 0; i < item->reads.n_parts; i++) {
		struct item *part = node_item(w, item->reads.part[i].node);

		if (!part)
			continue;
		parent_remove(part, item);
		if (--part->refs > 0)
			continue;
		HASH_DEL(w->held, part);
		item_free(w, part);
	}
	reads_done(&item->reads);
	free(item->parent);
	free(item);
}

/* The item of a FOR node, made or counted once more; 'parent' hears of it. */
static int part_open(struct watches *w, const struct part *p, struct item *parent,
		     struct item **ret)
{
	struct item *part = node_item(w, p->node);
	struct parent *grown;
	int r;

	if (!part) {
		r = item_new(w, ITEM_FOR, p->node->a, p->node, &part);
		if (r < 0)
			return r;
		HASH_ADD_PTR(w->held, key, part);
	}
	part->refs++;
	*ret = part;
	if (parent->type == ITEM_TRACK)
		return 0;

	grown = reallocarray(part->parent, part->n_parents + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	part->parent = grown;
	part->parent[part->n_parents++] =
		(struct parent){ .item = parent, .wide = p->wide || part->reads.kind == 0 };
	return 0;
}

static int parts_open(struct watches *w, struct item *item)
{
	struct item *part;

	for (unsigned i = 0; i < item->reads.n_parts; i++) {
		int r = part_open(w, &item->reads.part[i], item, &part);

		if (r < 0) {
			/* Those behind it were not opened, so they are not given back. */
			item->reads.n_parts = node_item(w, item->reads.part[i].node) ? i + 1 : i;
			return r;
		}
		if (item->type == ITEM_FOR)
			item->level = MAX_OF(item->level, part->level + 1);
	}
	item->level = MIN_OF(item->level, WATCH_LEVELS - 2u);
	if (item->type == ITEM_WATCH)
		item->level = WATCH_LEVELS - 1;
	return 0;
}

int item_new(struct watches *w, enum item_type type, const struct expr *expr,
	     const struct expr *key, struct item **ret)
{
	struct item *item = calloc(1, sizeof(*item));
	int r;

	if (!item)
		return -ENOMEM;
	item->type = type;
	item->expr = expr;
	item->key = key;

	r = reads_collect(expr, w->store, &w->scope, &item->reads);
	if (r >= 0)
		r = parts_open(w, item);
	if (r >= 0 && type != ITEM_TRACK)
		r = deps_add(w, item);
	if (r >= 0)
		r = item_fill(w, item);
	if (r < 0) {
		item_free(w, item);
		return r;
	}
	*ret = item;
	return 0;
}
