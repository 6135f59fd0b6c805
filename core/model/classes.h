/*
 * classes - destinations that behave the same whatever links and next hops do.
 *
 * A look-up for a destination tries ways in an order that the routes alone determine: those of the
 * destination, those of its shorter covers, then those of the tables that the usual rules ask
 * next (main, default).  Destinations with equal orders are a class: whichever legs die, their
 * packets go the same way (the "ancestor-chain classes" of policy.md; a box-local relative of
 * the equivalence classes of VeriFlow, NSDI 2013).  The routes to everything (length 0) of a table
 * stand in the chain by the name of the table, not by their ways, so that a change of a default
 * route changes no class.
 *
 * A way of IPv4 with a next-hop object that cannot be used spoils what else begins at the same address
 * (lookup.c); so a chain knows how many of the ways behind it do.
 *
 * Chains are interned: a class is its first way and the class of the rest.  Kept up to date with
 * every change of the rtab; the cost of a change is that of the destinations inside the changed one.
 * When memory ran out, classes_ready() builds them again.
 *
 * Threads: one.  Memory: belongs to the rtab.
 */
#ifndef MODEL_CLASSES_H
#define MODEL_CLASSES_H

#include "model/rtab.h"

/* In 'way': the routes to everything of the table with this id. */
#define CLASS_ZERO UINT32_C(0x80000000)

struct class
{
	uint32_t parent; /* 0: the end */
	uint32_t way;	 /* id, or CLASS_ZERO | id of a fib */
	uint32_t leaf;	 /* so many behind it are not asked when it answers WAY_SPOILS */
	uint32_t refs;	 /* destinations and longer chains */
	uint32_t count;	 /* destinations of unicast routes */
	uint32_t hash_next;
	uint32_t next, prev; /* classes with this first way */
	uint32_t example;    /* a route of one destination, or RTAB_NONE: look for it */
};

struct classes {
	struct rtab *owner;
	struct class *at; /* by id; 0 is none */
	uint32_t n, max, free, n_live;
	uint32_t *bucket, n_buckets;
	uint32_t n_dests; /* destinations of unicast routes in all tables but local */
	/* Grows when a way begins to decide for a destination, and with every change of the routes
	 * to everything. */
	uint64_t ways_gen;
	bool broken;
};

/* Keep classes for this table, which is empty yet.  -ENOMEM. */
int classes_make(struct rtab *t);
void classes_free(struct rtab *t);
/* 0: they are right; -ENOMEM: they are not. */
int classes_ready(struct classes *cl);

/* Before the first route of a family.  -ENOMEM. */
int classes_want(struct rtab *t, uint8_t family);

/* Around a change of the chain of one destination: 'head' is its first route or RTAB_NONE. */
struct class_change {
	uint32_t was, base; /* classes, held */
};
void classes_leave(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
		   uint32_t head, struct class_change *ret);
void classes_enter(struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
		   uint32_t head, struct class_change *change);

/* Do destinations of this table belong to a class?  Those of the table "default" do not: they are
 * a handful, and it is asked in another order for them. */
bool fib_classed(const struct fib *f);
/* Do they count?  All tables but "local" and those of anod's own: a shadow says again what the table
 * behind it says, so that it would be counted twice, and its routes are many. */
bool fib_measured(const struct fib *f);
/* Has the chain of this first route a unicast route for every kind of packet (tos 0)? */
bool route_leads(const struct rtab *t, const struct route *head);

#endif
