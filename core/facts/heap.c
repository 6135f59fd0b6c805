/*
 * heap - what comes due first.
 *
 * Design.  Nodes know their position, so that one can be moved or taken out in O(log n) without
 * being searched.
 */
#include "facts/heap.h"

#include <errno.h>

int heap_room(struct heap *h, unsigned n)
{
	unsigned room = MAX_OF(MAX_OF(h->room * 2, 64u), n);
	struct heap_node **node;

	if (n <= h->room)
		return 0;

	node = reallocarray(h->node, room, sizeof(struct heap_node *));
	if (!node)
		return -ENOMEM;
	h->node = node;
	h->room = room;
	return 0;
}

void heap_done(struct heap *h)
{
	free(h->node);
	*h = (struct heap){ 0 };
}

static void put(struct heap *h, struct heap_node *node, unsigned position)
{
	h->node[position] = node;
	node->position = position;
}

static void sift_up(struct heap *h, unsigned i)
{
	struct heap_node *node = h->node[i];

	while (i > 0 && h->node[(i - 1) / 2]->due_us > node->due_us) {
		put(h, h->node[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	put(h, node, i);
}

static void sift_down(struct heap *h, unsigned i)
{
	struct heap_node *node = h->node[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child + 1 < h->n && h->node[child + 1]->due_us < h->node[child]->due_us)
			child++;
		if (child >= h->n || h->node[child]->due_us >= node->due_us)
			break;
		put(h, h->node[child], i);
		i = child;
	}
	put(h, node, i);
}

static void take_out(struct heap *h, struct heap_node *node)
{
	struct heap_node *last = h->node[--h->n];

	node->due_us = US_INFINITY;
	if (last == node)
		return;
	put(h, last, node->position);
	sift_up(h, last->position);
	sift_down(h, last->position);
}

void heap_set(struct heap *h, struct heap_node *node, uint64_t due_us)
{
	if (due_us == node->due_us)
		return;
	if (due_us == US_INFINITY) {
		take_out(h, node);
		return;
	}

	if (node->due_us == US_INFINITY)
		put(h, node, h->n++);
	node->due_us = due_us;
	sift_up(h, node->position);
	sift_down(h, node->position);
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->n > 0 ? h->node[0] : NULL;
}
