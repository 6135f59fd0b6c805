/*
 * cell_int - what the parts of a cell share: the process (cell.c), the agents' host table
 * (cell_api.c) and what they are told of facts (cell_news.c).
 */
#ifndef HOST_CELL_INT_H
#define HOST_CELL_INT_H

#include "facts/store.h"
#include "host/cell_proto.h"
#include "host/instance.h"
#include "host/plugins.h"

struct open_finding {
	uint64_t id;
	unsigned agent;
	char code[ANOD_NAME_SIZE], kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE];
};
#define CELL_FINDINGS_MAX 1024

struct seen;

struct cell {
	sd_event *loop;
	struct chan *chan;
	struct schema *schema;
	struct store *store; /* the host's, read-only */
	uint64_t position;   /* in its news */
	struct seen *seen;   /* entities that agents have heard of; uthash */
	unsigned n_agents;
	struct loaded_plugin plugin[CELL_AGENTS_MAX];
	struct instance *agent[CELL_AGENTS_MAX]; /* by number - 1 */
	uint64_t last_id;			 /* of findings, proposals, questions */
	unsigned n_findings;
	struct open_finding finding[CELL_FINDINGS_MAX];
	bool sandboxed, started;
	struct declared *declared; /* the declarative agent, or NULL */
};

/* cell_declared.c: the text of a declarative agent becomes its program. */
int cell_on_param(struct cell *c, const struct cell_param *m);
int cell_on_text(struct cell *c, const struct cell_text *m);
/* Its manifest; NULL: none came, or it has errors. */
const struct anod_plugin *cell_declared_manifest(const struct cell *c);
void cell_declared_attach(const struct cell *c, struct instance *i);
void cell_declared_done(struct cell *c);

extern const struct anod_host cell_table;

/* Send one struct whose head has type and id set. */
int cell_send(struct cell *c, struct chan_head *head, size_t size);
/* Before the agents start: what changes from here on is news to them. */
void cell_news_begin(struct cell *c);
void cell_news_run(struct cell *c);
void cell_news_done(struct cell *c);
void cell_on_verdict(struct instance *i, const struct cell_verdict *m);
int cell_on_truths(struct instance *i, const struct cell_truths *m);
void cell_on_answer(struct instance *i, const struct cell_answer *m);

#endif
