/*
 * rtab - routes, many of them, in little memory, ready for longest-prefix matches.
 *
 * A route is 32 bytes (of IPv6 44); what many routes share - legs, source, type, protocol - is one
 * interned "way" that they point to.  Routes of one (table, destination) are a chain in the order
 * in which the kernel tries them (tos downwards, then metric upwards); the destinations of one
 * table and family are a trie (trie.h).
 *
 * Ids of ways are dense, so that a caller may keep a word per way and judge a million routes by
 * judging a few ways.  A table that has classes (classes.h) knows also which destinations cannot
 * behave differently.
 *
 * Threads: one.  Memory: everything belongs to the table; pointers to routes and ways are good
 * until the next change.  Errors: negative errno.
 */
#ifndef MODEL_RTAB_H
#define MODEL_RTAB_H

#include <anod/object.h>

#include "base/util.h"
#include "model/runs.h"
#include "model/trie.h"

#define RTAB_NONE UINT32_MAX

struct way {		 /* all of a route but its key */
	uint64_t serial; /* no other way of the table has had it; never 0 */
	uint32_t refs, hash;
	uint32_t obj_flags; /* ANOD_OBJ_* */
	uint32_t nhid, flags, mtu;
	uint8_t family; /* of the destinations: what the kernel does with dead legs differs */
	uint8_t protocol, type, scope, n_legs;
	struct anod_prefix prefsrc;
	uint32_t heads;	       /* destinations that this way decides first; see classes.h */
	uint32_t classes;      /* list of the classes that begin with it */
	struct anod_leg leg[]; /* n_legs */
};

struct route {
	uint32_t next; /* in the chain, or in the free list; RTAB_NONE ends it */
	uint32_t table, metric;
	uint32_t way;	/* id */
	uint32_t class; /* of the destination; 0: not the first of the chain, or none is kept */
	uint32_t mark;
	uint8_t family; /* 0: free */
	uint8_t len;
	uint8_t tos;
	bool gone;	  /* of an overlay: deleted there */
	uint8_t addr[16]; /* all but those of IPv6 have 4 bytes, and the rest is not there */
};

struct fib { /* the destinations of one family in one table */
	uint32_t table;
	uint8_t family;
	uint32_t id;	 /* dense, never used again */
	uint32_t zero;	 /* first route of the chain to everything (length 0), or RTAB_NONE */
	uint32_t n_long; /* destinations in the trie */
	struct tnode top;
};

struct classes;

struct rtab {
	struct {
		uint8_t **chunk;
		uint32_t n_chunks, n_used, free;
	} pool[2]; /* of long and of short addresses; an id's lowest bit tells */
	uint32_t n_used, n, n_chains;
	struct runs nodes, leaves; /* of the tries */
	struct fib **fib;	   /* by id */
	uint32_t *fib_order;	   /* ids, by table and family */
	unsigned n_fibs;
	struct way **way;
	uint32_t n_ways, ways_max, free_way; /* no id below free_way is free */
	uint64_t way_serial;
	uint32_t *way_slot, n_way_slots, n_live_ways;
	struct classes *classes; /* NULL: none wanted */
};

void rtab_init(struct rtab *t);
void rtab_done(struct rtab *t);
/* Empty it; what memory a few routes need is kept for the next ones.  Not for one with classes. */
void rtab_reset(struct rtab *t);

/* Insert or replace.  1: changed, 0: was the same, -ENOMEM, -EINVAL: no such object is possible. */
int rtab_put(struct rtab *t, const struct anod_object *o, bool gone, uint32_t mark);
bool rtab_del(struct rtab *t, const struct anod_object *key);
unsigned rtab_sweep(struct rtab *t, uint32_t mark);

const struct route *rtab_find(const struct rtab *t, const struct anod_object *key);
/* First of the chain of exactly this destination, or NULL. */
const struct route *rtab_chain(const struct rtab *t, uint32_t table, const struct anod_prefix *dst);
const struct route *rtab_next(const struct rtab *t, const struct route *r);
/* NULL: the table has never had a route of the family. */
struct fib *rtab_fib(const struct rtab *t, uint32_t table, uint8_t family);
/* The same, made where there is none; NULL: no memory. */
struct fib *rtab_make_fib(struct rtab *t, uint32_t table, uint8_t family);
/* All destinations of the table that contain 'dst', the longest first. */
void rtab_covers(const struct rtab *t, uint32_t table, const struct anod_prefix *dst,
		 struct covers *ret);

static inline const struct way *rtab_way(const struct rtab *t, const struct route *r)
{
	return t->way[r->way];
}

#define RTAB_CHUNK_BITS 7 /* some 4 KiB: an overlay holds a few routes, a full table thousands */
#define RTAB_SHORT	offsetof(struct route, addr[4])
#define RTAB_LONG	sizeof(struct route)

static inline struct route *rtab_route(const struct rtab *t, uint32_t id)
{
	uint32_t i = id >> 1;

	return (struct route *) (void *) (t->pool[id & 1].chunk[i >> RTAB_CHUNK_BITS] +
					  (i & ((1u << RTAB_CHUNK_BITS) - 1)) *
						  (id & 1 ? RTAB_SHORT : RTAB_LONG));
}

/* The id of the n-th place, 0 .. t->n_used - 1. */
static inline uint32_t rtab_nth(const struct rtab *t, uint32_t n)
{
	return n < t->pool[1].n_used ? n << 1 | 1 : (n - t->pool[1].n_used) << 1;
}

/* The n-th place: a route or NULL. */
const struct route *rtab_at(const struct rtab *t, uint32_t n);

void route_dst(const struct route *r, struct anod_prefix *ret);
/* The order in which the kernel tries routes to one destination: < 0 when 'a' comes first. */
int route_order(const struct route *a, const struct route *b);
void rtab_object(const struct rtab *t, const struct route *r, struct anod_object *ret);

/* 'p' cut to 'len' bits. */
struct anod_prefix prefix_cut(const struct anod_prefix *p, uint8_t len);

#endif
