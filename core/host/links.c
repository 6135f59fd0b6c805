/*
 * links - the numbers that a cell chose, and ours.
 */
#include "host/links.h"

#include <errno.h>

#define LINKS_MAX 8192

struct cell_link *link_find(struct host *h, unsigned agent, enum link_what what, uint64_t id)
{
	struct cell_link probe = { .key = { agent, what, id } }, *l;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of it is set */
	HASH_FIND(hh, h->links, &probe.key, sizeof(probe.key), l);
	return l;
}

int link_add(struct host *h, unsigned agent, enum link_what what, uint64_t theirs, uint64_t ours)
{
	struct cell_link *l = link_find(h, agent, what, theirs);

	if (l) {
		l->ours = ours;
		return 0;
	}
	if (HASH_COUNT(h->links) >= LINKS_MAX)
		return -ENOSPC;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;

	l->key.agent = agent;
	l->key.what = what;
	l->key.theirs = theirs;
	l->ours = ours;
	HASH_ADD(hh, h->links, key, sizeof(l->key), l);
	return 0;
}

void link_del(struct host *h, struct cell_link *l)
{
	HASH_DEL(h->links, l);
	free(l);
}

void links_drop_agent(struct host *h, unsigned agent)
{
	struct cell_link *l, *next;

	HASH_ITER(hh, h->links, l, next)
	if (l->key.agent == agent)
		link_del(h, l);
}

void links_drop(struct host *h)
{
	struct cell_link *l, *next;

	HASH_ITER(hh, h->links, l, next)
	link_del(h, l);
}
