/*
 * watch_priv - what the files of the watches share; for nobody else.
 *
 *   watch.c          the public calls, one run
 *   watch_item.c     expressions under watch: shared, marked, evaluated
 *   watch_part.c     FOR and WITHIN nodes
 *   watch_changes.c  what changed in the store, and whom it concerns
 *   watch_rows.c     entities that come and go
 *   watch_reads.c    what an expression depends on
 *   watch_held.c     since when something has been true
 *   watch_tell.c     news, and calling back
 */
#ifndef FACTS_WATCH_PRIV_H
#define FACTS_WATCH_PRIV_H

#include <uthash.h>

#include "facts/code.h"
#include "facts/heap.h"
#include "facts/watch.h"

/* FOR nodes are evaluated before what they are part of; deeper nesting shares a level and may
 * be evaluated twice. */
#define WATCH_LEVELS 4

#define WATCH_BLOCKS (STORE_ENTITIES_MAX / TABLE_BLOCK)

enum dep_how {
	DEP_SUBJECT, /* a kind: its entities are the subjects */
	DEP_COLUMN,  /* an attribute of the subjects */
	DEP_NAME,    /* of another kind: concerns the subject of the entity's name */
	DEP_ENTITY,  /* of one named entity: concerns every subject */
	DEP_WIDE,    /* of any entity: concerns every subject */
};

struct read { /* of an attribute (id), or of the coming and going of a kind */
	uint16_t id;
	enum dep_how how;
	const char *entity; /* DEP_ENTITY; borrowed from the tree */
};

struct part { /* a FOR or WITHIN node right inside */
	const struct expr *node;
	bool wide;
};

/* What the truth of an expression depends on. */
struct reads {
	uint16_t kind; /* of the subjects; 0: none */
	bool any;      /* a set whose condition nobody could tell: every event-driven fact */
	bool scoped;   /* sets or operands: what it means depends on the scope of this tree */
	struct read *attr, *presence;
	struct part *part;
	unsigned n_attrs, n_presences, n_parts;
	unsigned room_attrs, room_presences, room_parts;
};

struct item;

/* What is known of 64 subjects of an item.  Bit k: row k of the block. */
struct item_block {
	struct code_truth truth; /* of the expression */
	uint64_t seen;		 /* evaluated since the entity came */
	uint64_t marked;	 /* to be evaluated, beside what a column's change asks for */
	uint64_t broken;	 /* changed twice since the last run: a gap may have been missed */
	union {
		struct code_truth held; /* FOR, WITHIN: the node's truth */
		struct {
			uint64_t news; /* WATCH: the truth changed */
			uint64_t gone; /* the entity went, and was known before */
		} told;
	} u;
};

/* Since when: of the rows of a block of a FOR or WITHIN node.  US_INFINITY: it is not so now.
 * WITHIN keeps them for the opposite of its expression. */
struct held_block {
	struct heap_node timer; /* when an answer changes by itself */
	struct item *item;
	unsigned block;
	uint64_t true_since[TABLE_BLOCK], not_false_since[TABLE_BLOCK];
};

struct parent {
	struct item *item;
	bool wide;
};

/* One who asked for the news of an item. */
struct watch {
	uint64_t id;
	watch_fn *fn;
	void *data;
	struct item *item;
	uint64_t first_run;	   /* before it, it has heard nothing */
	uint64_t all_run;	   /* in which it is told of everything */
	struct watch *prev, *next; /* of its item */
	UT_hash_handle hh;	   /* by id */
};

enum item_type { ITEM_WATCH, ITEM_HELD };

struct item {
	enum item_type type;
	unsigned level, refs;
	struct expr *expr; /* owned; of a FOR or WITHIN node: what is inside */
	struct expr *node; /* owned; HELD: the node, whose 'a' is 'expr' */
	char *text;	   /* owned; key of the shared ones, else NULL */
	struct code *code;
	struct reads reads;
	unsigned n_blocks;
	struct item_block *block;
	struct held_block **held;     /* HELD; each made when first needed */
	uint64_t marked[TABLE_WORDS]; /* blocks with something to do */
	bool queued;		      /* in watches.queue */
	bool all_marked, all_broken;  /* item_mark_all() has nothing to add */
	struct item *prev, *next;     /* in watches.queue */
	struct watch *watch, *cursor; /* who listens; the next one to be told */
	bool news, dead;	      /* in watches.news; freed when all is told */
	struct item *news_next, *kind_prev, *kind_next, *all_prev, *all_next;
	struct parent *parent; /* HELD: items that the node is part of */
	unsigned n_parents;
	UT_hash_handle hh; /* in watches, by text */
};

/* A FOR or WITHIN node of somebody's tree, and the item that remembers for it. */
struct node_ref {
	const struct expr *node;
	struct item *item;
	unsigned refs;
	UT_hash_handle hh;
};

struct track { /* a guard */
	const struct expr *key;
	unsigned refs;
	struct reads reads;
	UT_hash_handle hh;
};

struct dep {
	struct item *item;
	enum dep_how how;
	const char *entity;
};

struct dep_list {
	struct dep *dep;
	unsigned n, room;
};

/* An attribute that somebody reads, and what changed in it since the last run. */
struct column {
	const struct schema_attr *attr;
	struct dep_list deps;
	bool changed;
	struct column *changed_next;
	uint64_t words[TABLE_WORDS]; /* blocks in which 'dirty' is not 0 */
	uint64_t dirty[WATCH_BLOCKS], again[WATCH_BLOCKS];
};

/* A kind whose entities are subjects: who was in which row at the last run. */
struct kind_rows {
	unsigned n_blocks;
	uint32_t (*handle)[TABLE_BLOCK];
	uint64_t *present;
	bool changed;
	struct item *items; /* list by kind_next */
};

/* An entity that went since the last run, and that somebody may have been told of. */
struct gone {
	uint32_t handle;
	uint16_t kind;
	unsigned row;
	bool known; /* it was there at the last run */
	struct gone *next;
	UT_hash_handle hh; /* by handle */
	char name[ANOD_NAME_SIZE];
};

struct watches {
	struct store *store;
	struct expr_env scope; /* in_set, member ... and their data */
	struct watch *watch;   /* uthash by id */
	struct item *shared;   /* uthash by text: expressions of watches */
	struct item *held;     /* uthash by text: nodes */
	struct item *items;    /* all; list by all_next */
	struct node_ref *nodes;
	struct track *track;
	struct column *column[SCHEMA_ATTRS_MAX + 1];
	struct column
		*changed; /* those that changed, in order; between changes_take() and _forget() */
	struct column **changed_end;
	bool rows_changed; /* a kind_rows.changed was set */
	struct dep_list by_kind[SCHEMA_KINDS_MAX + 1];
	struct dep_list any;
	struct kind_rows kind[SCHEMA_KINDS_MAX + 1];
	struct item *queue[WATCH_LEVELS]; /* lists */
	struct item *news;		  /* list */
	struct gone *gone, *gone_first, **gone_end;
	struct heap timers; /* of held_blocks */
	struct item *dead;  /* list by all_next */
	unsigned n_watches, n_tracks, n_timers, n_fresh;
	uint64_t last_id, n_runs;
	bool running;	/* what is asked now is answered as of this run */
	bool telling;	/* callbacks run: nothing is freed */
	bool some_gone; /* an entity went since the last run */
	bool refill;	/* there was no memory for a row: look at them all again */
};

/* What programs and trees are evaluated in. */
struct watch_env {
	struct code_env code; /* first */
	const struct watches *watches;
};
void watch_env_init(struct watch_env *e, const struct watches *w, uint64_t now_us);

/* -ENOMEM.  'scope' supplies set_where. */
int reads_collect(const struct expr *e, const struct store *store, const struct expr_env *scope,
		  struct reads *ret);
void reads_done(struct reads *r);

/* ---- watch_item.c ---- */
void item_close(struct watches *w, struct item *item);
/* The item of a watched expression, or of a node: found or made, and counted. */
int item_share(struct watches *w, enum item_type type, const struct expr *e, struct item **ret);

void items_free_dead(struct watches *w);
/* Room for the rows of its kind; without memory watches.refill is set. */
void item_grow(struct watches *w, struct item *item);
/* To be evaluated in the next run. */
void item_mark(struct watches *w, struct item *item, unsigned block, uint64_t rows, bool broken);
void item_mark_all(struct watches *w, struct item *item, bool broken);
void item_mark_name(struct watches *w, struct item *item, const char *name, bool broken);
void item_queue(struct watches *w, struct item *item);
void item_run(struct watches *w, struct item *item, uint64_t now_us);
/* Rows of a block that are subjects. */
uint64_t item_rows(const struct watches *w, const struct item *item, unsigned block);

/* ---- watch_part.c ---- */
/* The items of the FOR and WITHIN nodes in 'reads'; 'parent' NULL or who hears of them.  On
 * failure those that were opened stay in 'reads', so that parts_close() gives them back. */
int parts_open(struct watches *w, struct reads *reads, struct item *parent);
void parts_close(struct watches *w, struct reads *reads, const struct item *parent);
struct item *node_item(const struct watches *w, const struct expr *node);

/* ---- watch_changes.c ---- */
/* -ENOMEM. */
int deps_add(struct watches *w, struct item *item);
void deps_remove(struct watches *w, struct item *item);
/* Take what changed in the store, and mark whom it concerns. */
void changes_take(struct watches *w);
/* Before the next run: forget what was taken. */
void changes_forget(struct watches *w);
bool changes_pending(const struct watches *w);
/* Did what 'item' reads change twice since the last run, for a row? */
bool changed_twice(const struct watches *w, const struct item *item, int row, const char *entity);

/* ---- watch_rows.c ---- */
void rows_on_change(struct watches *w, const struct store_change *c);
/* Who came and who went since the last run. */
void rows_take(struct watches *w);
bool rows_pending(const struct watches *w);
/* The row of an entity, when it has been the same since the last run; -1. */
int rows_find(const struct watches *w, uint16_t kind, const char *name);
/* NULL: it has gone meanwhile. */
const char *rows_name(const struct watches *w, uint16_t kind, unsigned row);

/* ---- watch_held.c ---- */
/* 'rows' have been evaluated: keep their history, and mark what the node is part of where the
 * answer changed. */
void held_note(struct watches *w, struct item *item, unsigned block, uint64_t rows,
	       const struct code_truth *now, uint64_t broken, uint64_t now_us);
/* The subject went. */
void held_drop(struct watches *w, struct item *item, unsigned row, const char *name);
/* Answers that change because time passed. */
void held_run_timers(struct watches *w, uint64_t now_us);
void held_free(struct watches *w, struct item *item);
/* The hooks of expr_env and of code_env. */
enum anod_tri held_hook(const struct expr_env *env, const struct expr *node);
void held_block_hook(const struct code_env *env, const struct expr *node, unsigned block,
		     struct code_truth *ret);

/* ---- watch_tell.c ---- */
void news_add(struct watches *w, struct item *item);
/* Call back; nothing is evaluated meanwhile. */
void news_tell(struct watches *w);
void gone_free(struct watches *w);

#endif
