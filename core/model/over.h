/*
 * over - which routes go over a link, and what would be left of them without it.
 *
 * Counted are the routes that decide: the first of their destination for tos 0, unicast, in any
 * table but local, and not the kernel's own (connected prefixes go with the link's addresses).
 *
 * Pure.  Threads: one.  Cost: one pass over the routes, some 5 ns each.
 */
#ifndef MODEL_OVER_H
#define MODEL_OVER_H

#include "model/model.h"

#define OVER_LIST_MAX	8
#define OVER_GROUPS_MAX 4

struct over_group { /* next-hop objects that the routes use, by their ids */
	uint32_t id;
	unsigned routes;  /* in scope that use it, also those that go elsewhere by it now */
	unsigned outside; /* that use it and are not in scope */
};

struct over_family {	   /* IPv4, IPv6 */
	unsigned routes;   /* in scope and over the link */
	unsigned plain;	   /* of these, without a next-hop object */
	unsigned daemons;  /* of these, a routing daemon's (horizon.h) */
	unsigned foreign;  /* of these, not anod's */
	unsigned lossy;	   /* of these, what could not be restored */
	unsigned not_main; /* of these, in another table than main */
	/* Of these, without a usable leg elsewhere, of their own or of the next route that the
	 * kernel has for the same destination.  That of anod does not count: it is what a
	 * reflex has added. */
	unsigned alone;
	unsigned n_listed, n_alone;		  /* the first of each: */
	struct anod_object listed[OVER_LIST_MAX]; /* routes */
	struct anod_object lone[OVER_LIST_MAX];	  /* alone */
	unsigned n_groups;
	struct over_group group[OVER_GROUPS_MAX];
	bool more_groups;
};

struct over {
	struct over_family family[2]; /* over_of() */
};

/* 'in_scope' NULL: every route. */
void over_link(const struct model *m, uint32_t ifindex,
	       bool (*in_scope)(const struct anod_prefix *dst, void *data), void *data,
	       struct over *ret);
static inline const struct over_family *over_of(const struct over *o, uint8_t family)
{
	return &o->family[family == 10 /* AF_INET6 */];
}

/* The gateway by which routes leave a link.  1: *ret; 0: none is known; -EEXIST: there are several
 * and none of them is that of a route to everything. */
int over_gateway(const struct model *m, uint32_t ifindex, uint8_t family, struct anod_prefix *ret);

/* Is there a route with this key, and whose?  -ENOENT, or its protocol. */
int over_protocol(const struct model *m, const struct anod_object *key);

/* The priority of the rule that asks table main for every packet, or -ENOENT. */
int over_main_rule(const struct model *m, uint8_t family, uint32_t *ret);

#endif
