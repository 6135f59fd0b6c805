/*
 * cell_int - what the parts of a cell share: the process (cell.c) and the agents' host table
 * (cell_api.c).
 */
#ifndef HOST_CELL_INT_H
#define HOST_CELL_INT_H

#include "facts/watch.h"
#include "host/cell_proto.h"
#include "host/instance.h"
#include "host/plugins.h"

struct open_finding {
	uint64_t id;
	unsigned agent;
	char code[ANOD_NAME_SIZE], kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE];
};
#define CELL_FINDINGS_MAX 1024

struct cell {
	sd_event *loop;
	sd_event_source *post, *timer;
	struct chan *chan;
	struct schema *schema;
	struct store *store;
	struct watches *watches;
	unsigned n_agents;
	struct loaded_plugin plugin[CELL_AGENTS_MAX];
	struct instance *agent[CELL_AGENTS_MAX]; /* by number - 1 */
	uint64_t last_id;			 /* of findings, proposals, questions */
	unsigned n_findings;
	struct open_finding finding[CELL_FINDINGS_MAX];
	bool sandboxed, started;
};

extern const struct anod_host cell_table;

/* Send one struct whose head has type and id set. */
int cell_send(struct cell *c, struct chan_head *head, size_t size);
void cell_on_verdict(struct instance *i, const struct cell_verdict *m);
void cell_on_answer(struct instance *i, const struct cell_answer *m);

#endif
