/*
 * anod/list.h - the entities of one kind that a sensor sees, reading by reading.
 *
 * For sensors that read a whole list again and again: each reading names what there is, with all
 * attributes at once, and what it did not name is gone.  And the clock of such a sensor: every
 * "period" while somebody uses its facts, else every "idle-period", slower when the host's
 * observation budget says so.
 *
 * Linked statically into the plugins that include it.  Threads: the loop thread.  Errors: negative
 * errno.  Memory: the structs are the plugin's, zeroed before init; anod_list_done() frees.
 */
#ifndef ANOD_LIST_H
#define ANOD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <anod/plugin.h>

#define ANOD_LIST_ATTRS_MAX 24

struct anod_list_row {
	char name[ANOD_NAME_SIZE];
	uint32_t entity;
	bool seen;
};

struct anod_list {
	struct anod_ctx *ctx;
	const struct anod_kind *kind;
	int fact[ANOD_LIST_ATTRS_MAX];
	unsigned n_attrs;
	struct anod_list_row *row; /* owned */
	unsigned n, size, next;
	unsigned max, n_over; /* limit of rows; how many had no room in this reading */
	bool said;
};

/* Resolve the kind's attributes.  'max': so many rows at most. */
int anod_list_init(struct anod_list *r, struct anod_ctx *ctx, const struct anod_kind *kind,
		   unsigned max);
void anod_list_done(struct anod_list *r);

void anod_list_begin(struct anod_list *r);
/* One entity; 'v' has a value for each attribute in the order of the manifest, type ANOD_UNKNOWN
 * where nothing is known.  Text is made fit to be shown (anod_text()).  -EINVAL: no name for an
 * entity, -ENOSPC: too many. */
int anod_list_put(struct anod_list *r, const char *name, const struct anod_value *v);
/* The reading is complete: what it did not name is gone. */
void anod_list_end(struct anod_list *r);
/* Nothing is known of any of them any more; they stay. */
void anod_list_unknown(struct anod_list *r);
/* It is there still, as it was told before. */
void anod_list_mark(struct anod_list *r, const char *name);
/* Is it there? */
bool anod_list_has(const struct anod_list *r, const char *name);
/* Has this reading named it already? */
bool anod_list_seen(const struct anod_list *r, const char *name);

/* ---- values ----------------------------------------------------------------------------- */

struct anod_value anod_int(int64_t i, enum anod_unit unit);
struct anod_value anod_bool(bool b);
struct anod_value anod_real(double r, enum anod_unit unit);
/* 'size' bytes of somebody's text: control characters become '?', it ends at a NUL, and what is too
 * long is cut at a UTF-8 border; bytes that are no UTF-8 become '?'. */
struct anod_value anod_text(const char *text, size_t size);

/* ---- the clock -------------------------------------------------------------------------- */

struct anod_beat {
	struct anod_ctx *ctx;
	void (*read)(struct anod_ctx *);
	uint64_t timer, period_us, idle_us, every_us, due_us;
};

/* Options "period" and "idle-period" of the manifest.  read() is called first after 'first_us';
 * it, or what it began, ends with anod_beat_next(). */
int anod_beat_start(struct anod_beat *b, struct anod_ctx *ctx, void (*read)(struct anod_ctx *),
		    uint64_t first_us);
/* The reading is over: when the next one is due.  'held_us' as for host->pace(). */
void anod_beat_next(struct anod_beat *b, uint64_t held_us);
/* Read now, when no reading is under way (a timer is set). */
void anod_beat_hurry(struct anod_beat *b);
/* From the plugin's need(): 0: nobody needs the facts. */
void anod_beat_need(struct anod_beat *b, uint64_t every_us);
void anod_beat_stop(struct anod_beat *b);

#endif
