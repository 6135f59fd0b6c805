/*
 * watch - tells when the truth of an expression changes, and remembers since when it held.
 *
 * A watch evaluates its expression for each entity of its subject kind (that of the first
 * nameless fact; none: once, with entity "") and calls back when the truth changes, once at
 * first, and with doubt when the entity went.  Nameless facts of other kinds are those of the
 * entity of the same name (link.carrier and path.loss of wan0).  Only watches that read the
 * attribute that changed are evaluated again, and of their subjects only the blocks of 64 rows
 * with a change in them.  Equal expressions are evaluated once.  "for" and "in DUR" nodes of
 * watches and of tracked expressions (policy guards) keep their history here.
 *
 * Changes between two runs count as one moment.  If a fact changed twice in it, a break of
 * "for" may hide there: then "true for D" begins anew, and is doubt until it is proven again.
 *
 * Callbacks run from watch_run(), never from inside a store call; they may add and remove
 * watches and change the store: what comes of that is for the next run.  Entities that went are
 * told first, then the news of each watch in the order of rows.  Call store_expire() before
 * watch_run(), which takes the marks 'dirty' and 'again' of the store (facts/table.h): there is one
 * struct watches to a store.
 * Threads: one.  Pure: time is an argument.
 */
#ifndef FACTS_WATCH_H
#define FACTS_WATCH_H

#include "facts/expr.h"

#define WATCHES_MAX 4096

struct watches;
typedef void watch_fn(void *data, uint64_t id, const char *entity, enum anod_tri truth);

/* Listens to 'store' (borrowed, must outlive it). */
struct watches *watches_new(struct store *store);
struct watches *watches_free(struct watches *w);
DEFINE_CLEANUP(struct watches *, watches_free);

/* Membership of sets in watched expressions; set before the first watch.  'scope_env' supplies
 * in_set, overlaps, member, set_where, operand, before and data for every evaluation.  Without
 * set_where, whatever uses a set is evaluated after every change of an event-driven fact. */
void watches_set_env(struct watches *w, const struct expr_env *scope_env);

/* 'e' is checked, and true or false by type; it is copied, but conditions of sets that it uses must
 * stay until watch_remove().  -ENOSPC: WATCHES_MAX. */
int watch_add(struct watches *w, const struct expr *e, watch_fn *fn, void *data, uint64_t *ret_id);
int watch_remove(struct watches *w, uint64_t id);
/* It missed something: the next run tells it of every subject, whether the truth changed or not. */
int watch_again(struct watches *w, uint64_t id);

/* Keep the history of all "for" and "in DUR" nodes inside 'e' for every subject, without a
 * callback: for policy guards.  Borrows 'e' until watch_untrack(). */
int watch_track(struct watches *w, const struct expr *e);
void watch_untrack(struct watches *w, const struct expr *e);
/* Truth of a tracked EXPR_FOR or EXPR_WITHIN node for a subject ("": none; ignored when the node
 * has no nameless fact).  Not tracked: doubt.  What happened before the node was tracked is doubt,
 * too.  Right also between a store change and watch_run(). */
enum anod_tri watch_held(const struct watches *w, const struct expr *node, const char *entity,
			 uint64_t now_us);

/* The subject kind of an expression; 0: none. */
uint16_t watch_subject_kind(const struct expr *e);

/* Evaluate what changed, call back; returns when to be called again at the latest (a "for" that
 * comes due), US_INFINITY: only after the next store change. */
uint64_t watch_run(struct watches *w, uint64_t now_us);
/* True when a store change since the last run wants a run. */
bool watch_pending(const struct watches *w);

#endif
