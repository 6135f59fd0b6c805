/*
 * watch_part - FOR and WITHIN nodes: which item remembers for which node of whose tree.
 *
 * Design.  A node of a tree is found by its address, because that is what an evaluator has in its
 * hand.  Several nodes may lead to one item; each is counted by those whose trees it is in.
 */
#include <errno.h>

#include "facts/watch_priv.h"

struct item *node_item(const struct watches *w, const struct expr *node)
{
	struct node_ref *ref;

	HASH_FIND_PTR(w->nodes, &node, ref);
	return ref ? ref->item : NULL;
}

static int node_open(struct watches *w, const struct expr *node, struct item **ret)
{
	struct node_ref *ref;
	int r;

	HASH_FIND_PTR(w->nodes, &node, ref);
	if (!ref) {
		ref = calloc(1, sizeof(*ref));
		if (!ref)
			return -ENOMEM;
		r = item_share(w, ITEM_HELD, node, &ref->item);
		if (r < 0) {
			free(ref);
			return r;
		}
		ref->node = node;
		HASH_ADD_PTR(w->nodes, node, ref);
	}
	ref->refs++;
	*ret = ref->item;
	return 0;
}

static void node_close(struct watches *w, const struct expr *node)
{
	struct node_ref *ref;

	HASH_FIND_PTR(w->nodes, &node, ref);
	if (!ref || --ref->refs > 0)
		return;
	HASH_DEL(w->nodes, ref);
	item_close(w, ref->item);
	free(ref);
}

static void parent_remove(struct item *part, const struct item *parent)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < part->n_parents; i++)
		if (part->parent[i].item != parent)
			part->parent[kept++] = part->parent[i];
	part->n_parents = kept;
}

static int parent_add(struct item *part, struct item *parent, bool wide)
{
	struct parent *grown;

	grown = reallocarray(part->parent, part->n_parents + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	part->parent = grown;
	part->parent[part->n_parents++] =
		(struct parent){ .item = parent, .wide = wide || part->reads.kind == 0 };
	return 0;
}

int parts_open(struct watches *w, struct reads *reads, struct item *parent)
{
	unsigned level = 0;

	for (unsigned i = 0; i < reads->n_parts; i++) {
		struct item *part;
		int r = node_open(w, reads->part[i].node, &part);

		if (r < 0) {
			reads->n_parts = i;
			return r;
		}
		level = MAX_OF(level, part->level + 1);
		r = parent ? parent_add(part, parent, reads->part[i].wide) : 0;
		if (r < 0) {
			reads->n_parts = i + 1;
			return r;
		}
	}
	if (parent)
		parent->level = parent->type == ITEM_WATCH ? WATCH_LEVELS - 1
							   : MIN_OF(level, WATCH_LEVELS - 2u);
	return 0;
}

void parts_close(struct watches *w, struct reads *reads, const struct item *parent)
{
	for (unsigned i = 0; i < reads->n_parts; i++) {
		struct item *part = node_item(w, reads->part[i].node);

		if (!part)
			continue;
		if (parent)
			parent_remove(part, parent);
		node_close(w, reads->part[i].node);
	}
	reads->n_parts = 0;
}
