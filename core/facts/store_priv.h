/*
 * store_priv - what the files of the store share; for nobody else.
 *
 *   store.c         open and close; who listens, wants and needs
 *   store_name.c    names of a kind: hash and order, in the segment
 *   store_entity.c  entities and their rows
 *   store_column.c  columns of a block, and walks over them (table.h)
 *   store_cell.c    one fact: publish, and tell what became of it
 *   store_put.c     a row of numbers at a time
 *   store_read.c    reads, here and in other processes
 *   store_sync.c    loss of events and resync
 *   store_age.c     ageing
 *   store_ring.c    changes for other processes
 *
 * The segment.  Places are units of shm (base/shm.h); what is reachable by a place never moves and
 * is never released, but for a kind's hash and order, which are replaced when they grow.
 *
 *   seg -> entities by index: pages of SEG_PAGE words {row, kind, handle}
 *       -> seg_kind: hash and order of names, pages of SEG_BLOCKS places of seg_block
 *                    seg_block: 64 rows -> groups of SEG_COLUMNS places of struct table_block
 *
 * Two locks, both sequence counts that are odd while the host writes.  A row's covers its bits,
 * values and times in all columns, its name and its handle.  A kind's covers hash, order and
 * count.  The rest is published by a release store of a place or of one word.
 */
#ifndef FACTS_STORE_PRIV_H
#define FACTS_STORE_PRIV_H

#include <sched.h>

#include "base/shm.h"
#include "facts/heap.h"
#include "facts/store.h"
#include "facts/table.h"

#define SEG_MAGIC   UINT64_C(0x73746361662d6e61)
#define SEG_ROOT    1 /* where struct seg lies: the first that is given out */
#define SEG_PAGE    1024
#define SEG_BLOCKS  64
#define SEG_COLUMNS TABLE_COLUMNS
#define SEG_GROUPS  (SCHEMA_ATTRS_MAX / SEG_COLUMNS)
#define KINDS	    (SCHEMA_KINDS_MAX + 1)
#define INDEX_BITS  16

/* ---- the segment ------------------------------------------------------------------------ */

struct seg_block {
	uint64_t rows; /* that are entities */
	uint32_t seq[TABLE_BLOCK];
	uint32_t handle[TABLE_BLOCK];
	uint32_t group[SEG_GROUPS]; /* by slot / SEG_COLUMNS: places of SEG_COLUMNS places */
	char name[TABLE_BLOCK][ANOD_NAME_SIZE];
};

struct seg_kind {
	uint32_t seq;
	uint32_t n; /* entities */
	uint32_t n_blocks;
	uint32_t hash, mask; /* mask + 1 words of tag << 17 | row + 1; 0: free */
	uint32_t order;	     /* uint16_t rows in natural order of names */
	uint32_t order_room;
	uint32_t page[STORE_ENTITIES_MAX / TABLE_BLOCK / SEG_BLOCKS];
};

struct seg_change {
	uint64_t number; /* position + 1; 0: being written */
	uint64_t time_us;
	int64_t raw;
	uint32_t entity;
	uint16_t attr; /* 0: the entity came or went */
	uint8_t kind, flags;
};

struct seg {
	uint64_t magic;
	uint32_t size; /* of this struct: the layout's version */
	uint32_t ring;
	uint64_t ring_end; /* entries ever written */
	uint32_t page[STORE_ENTITIES_MAX / SEG_PAGE];
	uint8_t lost[SCHEMA_ATTRS_MAX + 1]; /* by attribute: its source is out of sync */
	struct seg_kind kind[KINDS];
};

/* An entity in one word, so that it is read at once. */
static inline uint64_t entry_make(uint32_t handle, uint16_t kind, uint16_t row)
{
	return (uint64_t) handle << 32 | (uint64_t) kind << 16 | row;
}

/* ---- the host's own --------------------------------------------------------------------- */

struct block {		      /* what readers do not need of 64 rows */
	struct heap_node age; /* no fact in it grows too old earlier */
	struct seg_block *seg;
	uint16_t kind, number;
	uint64_t touched, dirty;	   /* groups of SEG_COLUMNS columns */
	uint64_t maker_ages;		   /* the maker published nothing but ageing facts so far */
	uint16_t maker[TABLE_BLOCK];	   /* index + 1 into store.sync; 0: nobody published yet */
	uint16_t next_unused[TABLE_BLOCK]; /* row */
};

/* What store_put() found out about a run of columns. */
struct plan {
	uint16_t first, n; /* n 0: none */
	uint16_t sync;
	bool events;	  /* one of them at least is event-driven */
	unsigned version; /* of store.interest */
	uint64_t reals, bools, outside;
	uint64_t tell;		     /* columns of which listeners or the ring hear */
	const struct seg_block *seg; /* whose columns are in col[]; rows come block by block */
	uint64_t open;		     /* columns in col[]; the others were not there */
	struct table_block *col[];   /* n of them */
};
#define PLANS 4

struct kind {
	struct block **block;
	unsigned n_blocks;
	unsigned n_rows; /* ever used */
	unsigned unused_first, unused_last, n_unused;
	uint64_t touched[TABLE_WORDS], dirty[TABLE_WORDS];
	struct plan *plan[PLANS]; /* NULL: not needed so far */
	unsigned next_plan;
};

struct sync {		    /* a source, as far as one kind is concerned */
	const char *source; /* the schema's */
	uint16_t kind;
	bool lost;  /* values are unknown */
	bool begun; /* between BEGIN and DONE */
};

#define READER_NAMES 16
struct names { /* copies, by turns */
	unsigned next;
	char name[READER_NAMES][ANOD_NAME_SIZE];
};

struct store {
	const struct schema *schema; /* borrowed */
	struct shm shm;
	struct seg *seg;
	bool reader; /* of another process's segment: everything below but 'names' is unused */
	struct names *names;  /* a reader's; owned */
	uint16_t *generation; /* by index; the one in use or to be used next */
	uint32_t *unused;     /* ring of indexes, so that reuse comes late */
	unsigned n_indexes, indexes_room, unused_first, n_unused;
	struct kind *kind;		     /* by id */
	uint64_t touched_kinds, dirty_kinds; /* bit (id - 1) */
	struct sync *sync;
	unsigned n_sync, n_blocks;
	uint16_t sync_of[SCHEMA_ATTRS_MAX + 1]; /* by attribute id: index + 1; 0: not asked yet */
	uint16_t want[SCHEMA_ATTRS_MAX + 1], need[SCHEMA_ATTRS_MAX + 1];
	uint16_t event[SCHEMA_ATTRS_MAX + 1];
	unsigned interest;   /* counts changes of 'want', 'event' and of who listens */
	struct heap *ageing; /* blocks */
	struct {
		store_listener *fn;
		void *data;
	} listener[STORE_LISTENERS_MAX];
	unsigned n_listeners;
	uint64_t seq;
	struct store_stats stats;
};

/* Where an entity lies. */
struct place {
	struct block *block;
	struct seg_block *seg;
	uint64_t bit;
	uint32_t handle;
	uint16_t kind;
	unsigned row; /* in the block */
};

/* ---- sequence locks --------------------------------------------------------------------- */

/* How often a reader looks again.  A row is written in a fraction of a microsecond, and the order
 * of a kind moves in some; who has to wait for longer waits for a host that lost its CPU in the
 * middle, and lends it ours.  In the end, after some milliseconds, the host does not run. */
#define SEQ_SPINS 256
#define SEQ_TRIES 16384

static inline void seq_write_begin(uint32_t *seq)
{
	__atomic_store_n(seq, *seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* odd before anything that follows */
}

static inline void seq_write_end(uint32_t *seq)
{
	__atomic_store_n(seq, *seq + 1, __ATOMIC_RELEASE);
}

static inline uint32_t seq_read_begin(const uint32_t *seq)
{
	return __atomic_load_n(seq, __ATOMIC_ACQUIRE);
}

/* Was what has been read since 'begin' all of one state? */
static inline bool seq_read_good(const uint32_t *seq, uint32_t begin)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(begin & 1) && __atomic_load_n(seq, __ATOMIC_RELAXED) == begin;
}

static inline void seq_wait(unsigned tries)
{
	if (tries >= SEQ_SPINS)
		(void) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* What both sides touch is loaded and stored by word. */
#define LOAD(p)	    __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

static inline void bits_set(uint64_t *word, uint64_t bits, bool on)
{
	STORE(word, on ? *word | bits : *word & ~bits);
}

/* ---- store.c ---- */
void store_tell(struct store *s, const struct store_change *c);
/* The sync state of an attribute's source, made on first use: index + 1, or -ENOMEM. */
int sync_of_attr(struct store *s, const struct schema_attr *a);

/* ---- store_name.c ---- */
int names_room(struct store *s, uint16_t kind); /* for one more */
void names_add(struct store *s, uint16_t kind, unsigned row, const char *name);
void names_remove(struct store *s, uint16_t kind, unsigned row, const char *name);
/* Handle of the entity, or 0; any process. */
uint32_t names_find(const struct store *s, uint16_t kind, const char *name);

/* ---- store_entity.c ---- */
/* NULL: no such block; checked, for any process. */
struct seg_block *seg_block_at(const struct store *s, uint16_t kind, unsigned number);
/* 0: no such entity; any process. */
uint64_t entry_of(const struct store *s, uint32_t handle);
int place_find(const struct store *s, uint32_t handle, struct place *ret); /* -ENOENT */

/* ---- store_column.c ---- */
/* NULL: never published in; any process. */
struct table_block *column_at(const struct store *s, const struct seg_block *b, unsigned slot);
/* A group of them; false: none was ever published in. */
bool columns_at(const struct store *s, const struct seg_block *b, unsigned from,
		struct table_block *ret[SEG_COLUMNS]);
int column_open(struct store *s, struct seg_block *b, unsigned slot, uint8_t type,
		struct table_block **ret);
/* Columns of a block are touched, and perhaps dirty. */
void kind_note(struct store *s, struct block *b, unsigned first, unsigned n, bool dirty);

/* ---- store_cell.c ---- */
void cell_read(const struct table_block *t, unsigned row, const struct schema_attr *a,
	       struct anod_value *ret);
/* First microsecond at which it is too old; US_INFINITY: never. */
static inline uint64_t cell_due(uint64_t time_us, const struct schema_attr *a)
{
	if (a->max_age_us == 0 || time_us >= UINT64_MAX - a->max_age_us - 1)
		return UINT64_MAX;
	return time_us + a->max_age_us + 1;
}
/* An event-driven source outranks one that only samples: it says when the entity goes. */
void note_maker(struct block *b, unsigned row, bool ages, int sync);
/* The bits and time of a change of 'known' or of a known value; inside the row's lock. */
bool cell_changed(struct table_block *t, unsigned row, bool known, uint64_t now_us);
/* What follows it, outside the lock.  'was': what listeners took it for; 'again': as
 * cell_changed() said. */
void cell_tell(struct store *s, const struct place *p, const struct schema_attr *a,
	       const struct table_block *t, const struct anod_value *was, bool lapsed, bool again);

/* ---- store_ring.c ---- */
int ring_open(struct store *s);
void ring_add(struct store *s, const struct store_news *n);

/* ---- store_age.c ---- */
/* The block has a known fact that is due then. */
void age_note(struct store *s, struct block *b, uint64_t due_us);
/* Is something in the block too old of which store_expire() has not told yet? */
bool age_pending(struct store *s, struct block *b, uint64_t now_us);

#endif
