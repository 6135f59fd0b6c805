/*
 * rtab - routes, many of them, in little memory, ready for longest-prefix matches.
 *
 * A route is 40 bytes; what many routes share - legs, source, type, protocol - is one interned
 * "way" that they point to.  Routes of one (table, destination) are a chain in the order in which
 * the kernel tries them (tos downwards, then metric upwards), and the chains are found by hash:
 * a look-up costs at most one probe for each prefix length in use.
 *
 * Ids of ways are dense, so that a caller may keep one byte per way and judge 100,000 routes by
 * judging a few ways.
 *
 * Threads: one.  Memory: everything belongs to the table; pointers to routes and ways are good
 * until the next change.  Errors: negative errno.
 */
#ifndef MODEL_RTAB_H
#define MODEL_RTAB_H

#include <anod/object.h>

#include "base/util.h"

#define RTAB_NONE UINT32_MAX

struct way { /* all of a route but its key */
	uint32_t refs, hash;
	uint32_t obj_flags; /* ANOD_OBJ_* */
	uint32_t nhid, flags, mtu;
	uint8_t protocol, type, scope, n_legs;
	struct anod_prefix prefsrc;
	struct anod_leg leg[]; /* n_legs */
};

struct route {
	uint32_t next; /* in the chain, or in the free list; RTAB_NONE ends it */
	uint32_t table, metric;
	uint32_t way; /* id */
	uint32_t mark;
	uint8_t family; /* 0: free */
	uint8_t len;
	uint8_t tos;
	bool gone; /* of an overlay: deleted there */
	uint8_t addr[16];
};

struct lens { /* prefix lengths in use by one family of one table */
	uint32_t table;
	uint8_t family;
	uint32_t count[129];
	uint64_t mask[3];
};

struct rtab {
	struct route **chunk;
	uint32_t n_chunks, n_used, free, n;
	struct {
		uint32_t hash, head;
	} * slot;
	uint32_t n_slots, n_chains;
	struct way **way;
	uint32_t n_ways, ways_max;
	uint32_t *way_slot, n_way_slots, n_live_ways;
	struct lens *lens;
	unsigned n_lens;
};

void rtab_init(struct rtab *t);
void rtab_done(struct rtab *t);

/* Insert or replace.  1: changed, 0: was the same, -ENOMEM, -EINVAL: no such object is possible. */
int rtab_put(struct rtab *t, const struct anod_object *o, bool gone, uint32_t mark);
bool rtab_del(struct rtab *t, const struct anod_object *key);
unsigned rtab_sweep(struct rtab *t, uint32_t mark);

const struct route *rtab_find(const struct rtab *t, const struct anod_object *key);
/* First of the chain of exactly this destination, or NULL. */
const struct route *rtab_chain(const struct rtab *t, uint32_t table, const struct anod_prefix *dst);
const struct route *rtab_next(const struct rtab *t, const struct route *r);
/* The n-th chain, 0 .. t->n_slots - 1: its first route or NULL. */
const struct route *rtab_chain_at(const struct rtab *t, uint32_t n);
/* False: surely no route to a destination of this length; cheaper than to look. */
bool rtab_may_have(const struct rtab *t, const struct route *like);
/* NULL: the table has no route of the family. */
const struct lens *rtab_lens(const struct rtab *t, uint32_t table, uint8_t family);
/* The longest length in use that is not above 'below', or -1. */
int lens_longest(const uint64_t mask[3], int below);

static inline const struct way *rtab_way(const struct rtab *t, const struct route *r)
{
	return t->way[r->way];
}

/* The n-th place, 0 .. t->n_used - 1: a route or NULL. */
const struct route *rtab_at(const struct rtab *t, uint32_t n);

void route_dst(const struct route *r, struct anod_prefix *ret);
/* The order in which the kernel tries routes to one destination: < 0 when 'a' comes first. */
int route_order(const struct route *a, const struct route *b);
void rtab_object(const struct rtab *t, const struct route *r, struct anod_object *ret);

/* 'p' cut to 'len' bits. */
struct anod_prefix prefix_cut(const struct anod_prefix *p, uint8_t len);

#endif
