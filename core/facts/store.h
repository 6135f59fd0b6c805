/*
 * store - every fact that the daemon holds: value, age, and whether it may be believed.
 *
 * A row per entity, a column per attribute.  A value is unknown when nobody published it, when
 * it was withdrawn, when it is older than its maximum age, or while its source has lost events.
 * Readers see the effective value only: there is no way to read a stale one.
 *
 * The store lies in one segment of shared memory without pointers (facts/table.h says how).  The
 * host writes it; a cell opens it with store_open(), read-only, and reads through the same
 * functions.  A reader never blocks the writer and never sees half of a store_put(): each row has
 * a sequence lock, and the reader tries again.
 *
 * Listeners hear of entities that come and go, of changes of event-driven attributes (max_age 0),
 * and of sampled ones (the others) that somebody asked for with store_want().  Ageing announces
 * itself to nobody: store_next_expiry() says when to look, and store_expire() then tells.
 * A listener may read, add entities and publish; it may not remove itself from inside.
 *
 * Handles: an entity's handle is > 0 and is reused only after STORE_GRACE others came and went;
 * a stale handle reads as -ENOENT (the generation is part of it).
 * Threads: one.  Errors: negative errno.  Pure: no I/O, no clock; time is an argument.
 */
#ifndef FACTS_STORE_H
#define FACTS_STORE_H

#include "facts/schema.h"

#define STORE_ENTITIES_MAX  65536 /* over all kinds; further ones are refused and counted */
#define STORE_GRACE	    65535 /* see above: handles */
#define STORE_LISTENERS_MAX 16

struct store;

struct store_stats {
	uint64_t published; /* calls of store_publish() */
	uint64_t changed;   /* of these, how many changed the effective value */
	uint64_t refused;   /* entities over the limit */
	uint64_t lost;	    /* times that a source lost events */
	unsigned n_entities;
	size_t bytes; /* of the segment, as far as it is there */
};

struct fact {
	struct anod_value value; /* effective */
	uint64_t time_us;	 /* when the source last confirmed it; 0: never */
	uint64_t changed_us;	 /* when the value last changed */
	uint64_t seq;		 /* of that change, in what listeners are told; else 0 */
	const char *why;	 /* when unknown: "never seen", "too old", "source out of sync",
				  * "withdrawn", in another process "being written" (the host was
				  * stopped in the middle of the row); else NULL.  Static. */
};

/* 'slot' -1: the entity came (gone false) or went (gone true). */
struct store_change {
	uint32_t entity;
	uint16_t kind;
	int slot;
	bool gone;
	const char *name;		/* of the entity */
	const struct schema_attr *attr; /* NULL with slot -1 */
	const struct fact *fact;	/* new; NULL with slot -1 */
	struct anod_value old;		/* effective value before */
	bool lapsed; /* it had grown too old before this, which no listener was told */
	bool again;  /* it has changed before since the last watch_run() (table_block.dirty) */
};
typedef void store_listener(void *data, const struct store_change *c);

/* Borrows 'schema', which may go on growing. */
struct store *store_new(const struct schema *schema);
struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free);

const struct schema *store_schema(const struct store *s);
void store_get_stats(const struct store *s, struct store_stats *ret);
uint64_t store_seq(const struct store *s); /* of the last change */

int store_listen(struct store *s, store_listener *fn, void *data);
void store_unlisten(struct store *s, store_listener *fn, void *data);

/* Find or make.  -ENOSPC at the limit, -EINVAL: no such kind, or a name that is empty, longer than
 * ANOD_NAME_SIZE - 1 or not printable UTF-8. */
int store_entity(struct store *s, uint16_t kind, const char *name, uint64_t now_us, uint32_t *ret);
/* 0: none. */
uint32_t store_find(const struct store *s, uint16_t kind, const char *name);
/* Valid until the entity goes; with store_open() until the 16th next call. */
const char *store_entity_name(const struct store *s, uint32_t entity);
uint16_t store_entity_kind(const struct store *s, uint32_t entity);
int store_remove(struct store *s, uint32_t entity, uint64_t now_us);

/* NULL or unknown 'value': withdrawn (what none of its 64 neighbours ever knew takes no memory, and
 * stays "never seen").  -EPROTO: wrong type or unit for the attribute (unit
 * ANOD_UNIT_NONE stands for the attribute's).  Text is cleaned (clean_text()).  Between LOST and
 * DONE the value is kept but stays unknown. */
int store_publish(struct store *s, uint32_t entity, uint16_t slot, const struct anod_value *value,
		  uint64_t now_us);

/* A row at a time, straight into the columns: 'n' (1..64) neighbouring numeric attributes (BOOL,
 * INT, REAL) of one source from slot 'first' on, as u.i or as the bits of u.r.  Bit k of 'known'
 * clear: raw[k] is withdrawn.  One time for all.  -EPROTO: a TEXT or PREFIX among them, more than
 * one source, or a REAL that is not finite (then nothing is written). */
int store_put(struct store *s, uint32_t entity, uint16_t first, unsigned n, const int64_t *raw,
	      uint64_t known, uint64_t now_us);

/* The same of an entity that must be of this kind; -EINVAL: it is of another. */
int store_put_kind(struct store *s, uint16_t kind, uint32_t entity, uint16_t first, unsigned n,
		   const int64_t *raw, uint64_t known, uint64_t now_us);

/* Listeners hear of changes of a sampled attribute while this is asked for (counted). */
void store_want(struct store *s, const struct schema_attr *a, bool want);

/* Somebody uses the present values of the column: a watch, a statistic, a guard, the history
 * (counted).  The host tells sensors, so that what nobody uses is read rarely. */
void store_need(struct store *s, const struct schema_attr *a, bool need);
unsigned store_needed(const struct store *s, const struct schema_attr *a);

/* ---- changes, for other processes ----
 * Coming and going of entities, and changes of the attributes that somebody asked for with
 * store_event() (counted), in a ring of the last STORE_RING of them. */
#define STORE_RING 8192

enum {
	STORE_CAME = 1,
	STORE_GONE = 2,
	STORE_KNOWN = 4, /* attr: it is known now, and 'raw' is its value */
};

struct store_news {
	uint64_t seq; /* grows with each */
	uint64_t time_us;
	int64_t raw; /* BOOL, INT; bits of a REAL; 0 for the others: read the present value */
	uint32_t entity;
	uint16_t attr; /* id; 0: the entity came or went */
	uint16_t kind;
	unsigned flags; /* STORE_* */
};

void store_event(struct store *s, const struct schema_attr *a, bool want);
uint64_t store_news_end(const struct store *s); /* the position behind the newest */
/* The one at '*position', which moves on: 1, or 0: none, or -EOVERFLOW: some have been written over,
 * so that everything may have changed; '*position' is behind the newest then. */
int store_next_news(const struct store *s, uint64_t *position, struct store_news *ret);

/* For another process: the segment, and a read-only store on it ('schema' has the same ids; fd
 * is borrowed).  What would write there returns -EROFS. */
int store_fd(const struct store *s);
int store_open(const struct schema *schema, int fd, struct store **ret);

/* A source (schema_attr.source) speaks of all its attributes of a kind; see enum anod_sync.
 * BEGIN without LOST leaves what is known in force until DONE.  DONE withdraws what this source
 * has not published since BEGIN, and removes the entities of which it published nothing if it
 * made them: the maker is who first published an event-driven fact of it, or if nobody did, any
 * fact.  -EINVAL: DONE without BEGIN, or no such kind or source. */
int store_sync(struct store *s, const char *source, uint16_t kind, enum anod_sync what,
	       uint64_t now_us);

/* 0, or -ENOENT: no such entity.  Unknown is 0 with value.type ANOD_UNKNOWN. */
int store_get(const struct store *s, uint32_t entity, uint16_t slot, uint64_t now_us,
	      struct fact *ret);

/* What store_put() writes, read as one state: raw[k] is valid where bit k of '*ret_known' is set.
 * -ENOENT; -EINVAL: no such attributes; -EPROTO: a TEXT or PREFIX among them; -EAGAIN: in another
 * process, the host was stopped in the middle of the row. */
int store_get_row(const struct store *s, uint32_t entity, uint16_t first, unsigned n,
		  uint64_t now_us, int64_t *raw, uint64_t *ret_known);

/* The n-th entity of a kind in the order of names (natural: eth2 before eth10); 0: none. */
uint32_t store_nth(const struct store *s, uint16_t kind, unsigned n);
unsigned store_count(const struct store *s, uint16_t kind);

/* A time before which no value grows too old, or US_INFINITY.  It may be early by as much as a
 * value was renewed since; store_expire() at that time makes it move on. */
uint64_t store_next_expiry(const struct store *s);
/* Tell the listeners of what has grown too old; returns how many. */
unsigned store_expire(struct store *s, uint64_t now_us);

#endif
