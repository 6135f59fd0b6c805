/*
 * anod/poll.h - a sensor that reads something now and then, and publishes rows of numbers.
 *
 * struct anod_poll decides when: every 'period' while anybody uses the values, every
 * 'incident-period' while an entity is in an open incident (the host says both by need()), every
 * 'idle-period' otherwise, always as far as the observation budget allows (pace()).  It tells of
 * failures: the facts of all kinds of the sensor are unknown from a failed reading on until the
 * next good one, and what this kernel does not have is said once and looked for rarely.
 *
 * struct anod_rows keeps the entities of one kind: what a whole reading has not named is gone.
 *
 * Linked statically into the plugins that include it.  Threads: the loop thread of the plugin.
 * Errors: negative errno.  Memory: both are the plugin's until stop() and free(), which accept NULL.
 */
#ifndef ANOD_POLL_H
#define ANOD_POLL_H

#include <stddef.h>
#include <stdint.h>

#include <anod/plugin.h>

/* ---- when ------------------------------------------------------------------------------- */

struct anod_poll;

#define ANOD_POLL_ABSENT_US UINT64_C(60000000) /* between two looks for what is not there */
#define ANOD_POLL_SOON_US   UINT64_C(50000)    /* after an event; more of them are one reading */
#define ANOD_POLL_APART_US  UINT64_C(200000)   /* between two readings because of events */
#define ANOD_POLL_WANTS	    64 /* entities with a pace of their own; the fastest goes for all */

/* Begin a reading; anod_poll_end() ends it, before this returns or later. */
typedef void anod_poll_fn(struct anod_ctx *ctx);

/* From start(): the first reading is soon.  The options "period" and "idle-period" (TIME) are the
 * plugin's.  'what' is for the log: "cannot read WHAT: ...".  'kinds' is the manifest's. */
int anod_poll_start(struct anod_ctx *ctx, const struct anod_kind *kinds, const char *what,
		    anod_poll_fn *read, struct anod_poll **ret);
/* From stop(): no callback follows. */
void anod_poll_stop(struct anod_poll *p);
/* For need() of the plugin: returns 0. */
int anod_poll_need(struct anod_poll *p, const char *kind, const char *entity, uint64_t every_us);
/* Something has changed: read soon. */
void anod_poll_soon(struct anod_poll *p);
/* How often it reads now, us. */
uint64_t anod_poll_period(const struct anod_poll *p);
/* The reading is over.  'error' 0, -EINTR (not consistent: it is done again), -ENOENT, -EOPNOTSUPP,
 * -EPROTONOSUPPORT, -EAFNOSUPPORT (this kernel does not have it), or any other.  'why' may be NULL
 * or "".  'held_us' as pace() has it: what a thread was held beside; what a callback does itself,
 * a dump in send() included, the host measures. */
void anod_poll_end(struct anod_poll *p, int error, const char *why, uint64_t held_us);

/* ---- rows ------------------------------------------------------------------------------- */

struct anod_rows;

#define ANOD_ROWS_MAX 8192 /* entities of one kind; more are left out, which is logged once */

struct anod_row {
	uint64_t key;	 /* the plugin's: an ifindex, a handle */
	uint32_t entity; /* the host's handle */
	uint32_t fresh;	 /* 1: made or renamed by this anod_rows_take(), 'own' is zero */
	char name[ANOD_NAME_SIZE];
	void *own; /* 'own_size' bytes of the plugin's, NULL with 0 */
};

/* 'kind' of the manifest.  Its attributes that are numbers or truth come first, then texts. */
int anod_rows_new(struct anod_ctx *ctx, const struct anod_kind *kind, size_t own_size,
		  struct anod_rows **ret);
struct anod_rows *anod_rows_free(struct anod_rows *rows); /* the host's entities stay */
void anod_rows_begin(struct anod_rows *rows);
/* The row of this key, made when new.  With another name than before it is another entity.  NULL:
 * no memory, or too many. */
struct anod_row *anod_rows_take(struct anod_rows *rows, uint64_t key, const char *name);
struct anod_row *anod_rows_find(const struct anod_rows *rows, uint64_t key);	  /* NULL */
struct anod_row *anod_rows_named(const struct anod_rows *rows, const char *name); /* NULL */
/* All numbers of the row, as put() has them. */
void anod_rows_put(struct anod_rows *rows, struct anod_row *row, const int64_t *raw,
		   uint64_t known);
/* The n-th attribute of the manifest, a text; NULL: unknown. */
void anod_rows_text(struct anod_rows *rows, struct anod_row *row, unsigned attr, const char *text);
void anod_rows_gone(struct anod_rows *rows, struct anod_row *row);
/* Of a whole reading: rows that it has not taken are gone. */
void anod_rows_end(struct anod_rows *rows);
unsigned anod_rows_count(const struct anod_rows *rows);

/* ---- names of links --------------------------------------------------------------------- */

/* The name of a link now; 'name' (ANOD_IFNAME_SIZE bytes) is what it was when last asked, "" at
 * first.  Costs a look into the facts while the name is still right.  -ENODEV. */
int anod_link_name(struct anod_ctx *ctx, uint32_t ifindex, char *name);

#endif /* ANOD_POLL_H */
