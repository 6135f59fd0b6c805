/*
 * heap - what comes due first.
 *
 * A binary heap of nodes that lie inside the structs they stand for.  A node is in the heap while
 * its due_us is not US_INFINITY.  Room is made beforehand, so that nothing here fails later.
 */
#ifndef FACTS_HEAP_H
#define FACTS_HEAP_H

#include "base/clock.h"
#include "base/util.h"

struct heap_node {
	uint64_t due_us; /* US_INFINITY to begin with */
	unsigned position;
};

struct heap { /* all zero: empty */
	struct heap_node **node;
	unsigned n, room;
};

/* Room for 'n' nodes in all; -ENOMEM. */
int heap_room(struct heap *h, unsigned n);
void heap_done(struct heap *h);

/* Put in, move, or with US_INFINITY take out. */
void heap_set(struct heap *h, struct heap_node *node, uint64_t due_us);
/* NULL: empty. */
struct heap_node *heap_first(const struct heap *h);

/* The struct that a node lies in. */
#define HEAP_ENTRY(node, type, member) ((type *) (void *) ((char *) (node) -offsetof(type, member)))

#endif
