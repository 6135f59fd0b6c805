/*
 * watch_priv - what the files of the watches share; for nobody else.
 *
 *   watch.c        hear of changes, evaluate, call back
 *   watch_item.c   expressions under watch, their subjects, the index
 *   watch_reads.c  what an expression depends on
 *   watch_held.c   since when something has been true
 */
#ifndef FACTS_WATCH_PRIV_H
#define FACTS_WATCH_PRIV_H

#include <uthash.h>

#include "facts/heap.h"
#include "facts/watch.h"

/* FOR nodes are evaluated before what they are part of; deeper nesting shares a level and may
 * be evaluated twice. */
#define WATCH_LEVELS 4

enum dep_how {
	DEP_SUBJECT, /* a kind: its entities are the subjects */
	DEP_LOCAL,   /* concerns the subject of the entity's name */
	DEP_WIDE,    /* concerns every subject */
};

struct read { /* of an attribute (id), or of the coming and going of a kind */
	uint16_t id;
	enum dep_how how;
};

struct part { /* a FOR node right inside */
	const struct expr *node;
	bool wide;
};

/* What the truth of an expression depends on. */
struct reads {
	uint16_t kind; /* of the subjects; 0: none */
	bool any;      /* a set whose condition nobody could tell: every event-driven fact */
	struct read *attr, *presence;
	struct part *part;
	unsigned n_attrs, n_presences, n_parts;
	unsigned room_attrs, room_presences, room_parts;
};

struct item;

struct subject {
	struct item *item;
	struct subject *dirty_next, *dirty_prev, *news_next, *news_prev;
	bool dirty;	/* in a list of watches.dirty */
	bool news;	/* in watches.news */
	bool gone;	/* out of its item; only in the list of news */
	bool broken;	/* something changed twice since the last run: a gap may have been missed */
	bool evaluated; /* 'truth' has a meaning */
	enum anod_tri truth;
	/* FOR nodes only.  US_INFINITY: it is not so now. */
	uint64_t true_since, not_false_since;
	enum anod_tri held;
	struct heap_node timer; /* when 'held' changes by itself */
	UT_hash_handle hh;	/* in its item, by name */
	char name[];
};

struct parent {
	struct item *item;
	bool wide;
};

enum item_type { ITEM_WATCH, ITEM_FOR, ITEM_TRACK };

struct item {
	enum item_type type;
	unsigned level, refs;
	uint64_t id;		 /* WATCH */
	const struct expr *key;	 /* FOR: the node; TRACK: the tracked expression */
	const struct expr *expr; /* evaluated; borrowed.  TRACK: NULL */
	watch_fn *fn;
	void *data;
	struct reads reads;
	struct subject *subjects; /* uthash */
	bool all_dirty, all_broken;
	struct parent *parent; /* FOR: items that this node is part of */
	unsigned n_parents;
	UT_hash_handle hh; /* in watches, by id or by key */
};

struct dep {
	struct item *item;
	enum dep_how how;
};

struct dep_list {
	struct dep *dep;
	unsigned n, room;
};

struct watches {
	struct store *store;
	struct expr_env scope; /* in_set, member ... and their data */
	struct item *watch;    /* uthash by id */
	struct item *held;     /* FOR nodes; uthash by key */
	struct item *track;    /* uthash by key */
	struct dep_list by_attr[SCHEMA_ATTRS_MAX + 1];
	struct dep_list by_kind[SCHEMA_KINDS_MAX + 1];
	struct dep_list any;
	struct subject *dirty[WATCH_LEVELS]; /* lists */
	struct subject *news;		     /* list */
	struct heap timers;		     /* of subjects */
	unsigned n_watches, n_tracks, n_timers;
	uint64_t last_id;
	bool some_gone; /* an entity went since the last run */
	bool refill;	/* there was no memory for a subject: look for them all again */
};

/* -ENOMEM.  'scope' supplies set_where. */
int reads_collect(const struct expr *e, const struct store *store, const struct expr_env *scope,
		  struct reads *ret);
void reads_done(struct reads *r);

/* -ENOMEM.  'key': see struct item. */
int item_new(struct watches *w, enum item_type type, const struct expr *expr,
	     const struct expr *key, struct item **ret);
/* Copes with a half-built item; gives back the FOR nodes inside. */
void item_free(struct watches *w, struct item *item);
/* Make the subjects that are missing; -ENOMEM. */
int item_fill(struct watches *w, struct item *item);
int subject_add(struct watches *w, struct item *item, const char *name);
/* 'quietly': without telling anybody that the entity went. */
void subject_remove(struct watches *w, struct subject *s, bool quietly);
void subject_unmark(struct watches *w, struct subject *s);
void news_add(struct watches *w, struct subject *s);
void news_remove(struct watches *w, struct subject *s);
struct subject *subject_find(const struct item *item, const char *name);
/* To be evaluated in the next run; 'broken': see struct subject. */
void subject_mark(struct watches *w, struct subject *s, bool broken);
void item_mark(struct watches *w, struct item *item, bool broken);
/* Truth of the item's expression now. */
enum anod_tri subject_truth(const struct watches *w, const struct subject *s, uint64_t now_us);

/* The FOR node's expression has been evaluated for the subject: keep its history, and mark what
 * the node is part of when the answer changed. */
void held_note(struct watches *w, struct subject *s, enum anod_tri truth, uint64_t now_us);
/* Mark what the node is part of. */
void held_changed(struct watches *w, const struct subject *s);
/* Answers that change because time passed. */
void held_run_timers(struct watches *w, uint64_t now_us);
/* The hook of expr_env. */
enum anod_tri held_hook(const struct expr_env *env, const struct expr *node);

/* What subject_truth() evaluates with; expr_env.watch points to it. */
struct watch_env {
	struct expr_env env;
	const struct watches *watches;
	const char *subject; /* NULL: none */
};

#endif
