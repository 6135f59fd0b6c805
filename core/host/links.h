/*
 * links - the numbers that a cell chose, and ours.
 *
 * A cell numbers its findings and proposals by itself; the pair (agent, number) stands for one of
 * ours.  The table dies with the cell's process.
 */
#ifndef HOST_LINKS_H
#define HOST_LINKS_H

#include <uthash.h>

#include "host/host.h"

enum link_what { LINK_FINDING = 1, LINK_PROPOSAL };

struct cell_link {
	struct {
		uint32_t agent, what;
		uint64_t theirs;
	} key;
	uint64_t ours;
	UT_hash_handle hh;
};

struct cell_link *link_find(struct host *h, unsigned agent, enum link_what what, uint64_t id);
int link_add(struct host *h, unsigned agent, enum link_what what, uint64_t theirs, uint64_t ours);
void link_del(struct host *h, struct cell_link *l);
void links_drop_agent(struct host *h, unsigned agent);
void links_drop(struct host *h);

/* Send a message to an agent's cell: head type and id set, the rest is filled in.  cells.c. */
/* cells_declared.c: the text of a declarative agent, and the actions that it proposes. */
int cells_send_declared(struct host *h, unsigned number, const struct config_def *d);
int cells_send(struct host *h, unsigned number, struct chan_head *m, size_t size);

#endif
