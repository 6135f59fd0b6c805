/*
 * otab - objects of one type by key: all but routes, of which there are too many (rtab.h).
 *
 * A node holds only the bytes that its type uses.  An overlay keeps its edits in the same form
 * and marks a deleted object 'gone' instead of forgetting it.
 *
 * Threads: one.  Memory: nodes belong to the table and move never; errors: negative errno.
 */
#ifndef MODEL_OTAB_H
#define MODEL_OTAB_H

#include <anod/object.h>

#include "base/util.h"

struct onode {
	uint64_t seq; /* order of first insertion: the kernel's order of equal rules */
	uint32_t hash;
	uint32_t flags; /* ANOD_OBJ_* */
	uint32_t mark;	/* round of model_sync() that named it last */
	bool gone;
	uint64_t body[]; /* the union's member */
};

struct otab {
	enum anod_obj_type type; /* set by the owner before first use */
	struct onode **slot;
	unsigned n, n_slots; /* n_slots is 0 or a power of two */
	uint64_t seq;
};

void otab_done(struct otab *t);
/* Insert or replace.  1: changed, 0: was the same, -ENOMEM. */
int otab_put(struct otab *t, const struct anod_object *o, bool gone, uint32_t mark);
/* True when there was one. */
bool otab_del(struct otab *t, const struct anod_object *key);
const struct onode *otab_find(const struct otab *t, const struct anod_object *key);
/* The same for a link by ifindex and a next hop by id. */
const struct onode *otab_find_id(const struct otab *t, uint32_t id);
/* Delete all that do not carry 'mark'; returns how many. */
unsigned otab_sweep(struct otab *t, uint32_t mark);
/* The n-th slot, 0 .. t->n_slots - 1: a node or NULL. */
static inline const struct onode *otab_at(const struct otab *t, unsigned n)
{
	return t->slot[n];
}

/* The whole object of a node. */
void onode_object(const struct otab *t, const struct onode *n, struct anod_object *ret);

#define ONODE_AS(type, node) ((const struct anod_##type *) (const void *) (node)->body)

#endif
