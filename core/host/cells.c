/*
 * cells - the host's side of the agents' cells.
 *
 * Design.  Each agent has a cell of its own, so that one that crashes, hangs or writes to its
 * channel by itself can speak for nobody else, and takes nobody with it.  A cell reads facts from
 * shared memory and is woken when something that its agent hears of has changed; what it says
 * comes in by cells_in.c.  When a cell
 * dies, its requests end and its undecided proposals are forgotten; transactions that are under
 * way go on by themselves, and its findings stay open, because the fault is still there.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/links.h"

/* ---- agents of the configuration ---------------------------------------------------------- */

/* A declarative agent watches what it has to know, and hears only of entities that go. */
static bool hears_changes(const struct agent *a)
{
	return a->plugin->desc->event && !a->block->def;
}

/* What the store puts into its ring for the agent. */
static void hear_facts(struct host *h, const struct agent *a, bool hear)
{
	for (uint16_t id = 1; id <= SCHEMA_ATTRS_MAX; id++) {
		const struct schema_attr *attr = schema_attr_by_id(h->schema, id);

		if (attr && hears_changes(a) && manifest_events(a->plugin->desc->reads, attr))
			store_event(h->store, attr, hear);
		/* What it watches is counted by the watches; this is for what it looks up. */
		if (attr && a->block->def &&
		    manifest_names(a->plugin->desc->reads, attr->kind_name, attr->name))
			store_need(h->store, attr, hear);
	}
}

/* Of a declarative agent the manifest that its text makes. */
static const struct loaded_plugin *find_plugin(struct host *h, struct agent *a)
{
	static char no_path[] = "";

	if (!a->block->def)
		return plugins_find(h->plugins, a->block->plugin, ANOD_AGENT);
	a->declared = (struct loaded_plugin){
		.desc = h->config->def[a->block->def - 1].manifest,
		.path = no_path,
	};
	return &a->declared;
}

int cells_configure(struct host *h)
{
	h->agent = calloc(h->config->n_agents + 1, sizeof(*h->agent));
	if (!h->agent)
		return -ENOMEM;

	for (unsigned k = 0; k < h->config->n_agents && k < CELL_AGENTS_MAX; k++) {
		struct agent *a = &h->agent[h->n_agents];

		a->block = &h->config->agent[k];
		a->plugin = find_plugin(h, a);
		a->name = strdup(a->block->name);
		a->state = "starting";
		a->cell = (struct proc){ .kind = PROC_CELL, .agent = h->n_agents + 1, .pidfd = -1 };
		if (!a->name)
			return -ENOMEM;
		if (!a->plugin) {
			log_error("agent %s: no agent plugin '%s'", a->name, a->block->plugin);
			free(a->name);
			continue;
		}
		hear_facts(h, a, true);
		h->n_agents++;
	}
	return 0;
}

void cells_forget(struct host *h)
{
	for (unsigned k = 0; k < h->n_agents; k++) {
		hear_facts(h, &h->agent[k], false);
		cells_unwatch_all(h, k + 1);
		free(h->agent[k].name);
	}
	free(h->agent);
	h->agent = NULL;
	h->n_agents = 0;
	links_drop(h);
}

int cells_start(struct host *h)
{
	int r = 0;

	for (unsigned k = 0; k < h->n_agents; k++) {
		int e = proc_open(h, &h->agent[k].cell);

		r = MIN_OF(r, e);
	}
	return r;
}

void cells_kill(struct host *h)
{
	for (unsigned k = 0; k < h->n_agents; k++)
		proc_kill(&h->agent[k].cell);
}

/* ---- to the cell -------------------------------------------------------------------------- */

int cells_send(struct host *h, unsigned number, struct chan_head *m, size_t size)
{
	struct chan *c = number - 1 < h->n_agents ? h->agent[number - 1].cell.chan : NULL;

	if (!c)
		return -ENOTCONN;

	m->size = (uint32_t) size;
	return chan_send(c, m);
}

static int send_attr(struct host *h, unsigned number, const struct cell_attr *attr)
{
	struct cell_attr m = *attr;

	m.head.type = CELL_ATTR;
	return cells_send(h, number, &m.head, sizeof(m));
}

/* Kinds, then attributes, both in the order of their numbers. */
static int send_schema(struct host *h, unsigned number)
{
	int r = 0;

	for (uint16_t k = 1; k <= schema_n_kinds(h->schema) && r >= 0; k++) {
		struct cell_attr m = { .kind_id = k };

		copy_text(m.kind, sizeof(m.kind), schema_kind_name(h->schema, k));
		copy_text(m.source, sizeof(m.source), "core");
		r = send_attr(h, number, &m);
	}
	for (uint16_t id = 1; id <= SCHEMA_ATTRS_MAX && r >= 0; id++) {
		const struct schema_attr *a = schema_attr_by_id(h->schema, id);
		struct cell_attr m = { .id = id };

		/* Statistics ("rate(rx_bytes, 30s)") stand behind all others, and agents read
		 * them through watches only. */
		if (!a || a->flags & SCHEMA_DERIVED)
			continue;
		copy_text(m.kind, sizeof(m.kind), a->kind_name);
		copy_text(m.attr, sizeof(m.attr), a->name);
		copy_text(m.source, sizeof(m.source), a->source);
		m.type = a->type;
		m.unit = a->unit;
		m.flags = a->flags;
		m.kind_id = a->kind;
		m.max_age_us = a->max_age_us;
		r = send_attr(h, number, &m);
	}
	return r;
}

static int send_agent(struct host *h, unsigned number)
{
	const struct agent *a = &h->agent[number - 1];
	struct cell_agent *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;

	m->head = (struct chan_head){ .type = CELL_AGENT, .id = CELL_AGENT_NUMBER };
	copy_text(m->name, sizeof(m->name), a->name);
	copy_text(m->path, sizeof(m->path), a->plugin->path);
	for (unsigned k = 0; k < a->block->n_options; k++) {
		const struct config_option *o = &a->block->option[k];

		for (unsigned n = 0; n < o->n_values && m->n_options < CELL_OPTIONS_MAX; n++) {
			struct cell_option *to = &m->option[m->n_options++];

			copy_text(to->name, sizeof(to->name), o->name);
			to->value = o->value[n];
		}
	}
	r = cells_send(h, number, &m->head,
		       offsetof(struct cell_agent, option) + m->n_options * sizeof(m->option[0]));
	free(m);
	return r;
}

static bool concerns(const struct host *h, const struct agent *a, const struct store_news *n)
{
	const char *const *reads = a->plugin->desc->reads;
	const struct schema_attr *attr = schema_attr_by_id(h->schema, n->attr);

	if (!a->plugin->desc->event)
		return false;
	return attr ? hears_changes(a) && manifest_events(reads, attr)
		    : manifest_names(reads, schema_kind_name(h->schema, n->kind), NULL);
}

/* Wake the cells that hear of what has changed since the last turn. */
void cells_news(struct host *h)
{
	struct store_news n;
	int r;

	while ((r = store_next_news(h->store, &h->news, &n)) != 0)
		for (unsigned k = 0; k < h->n_agents; k++)
			h->agent[k].news |= r < 0 || concerns(h, &h->agent[k], &n);

	for (unsigned k = 0; k < h->n_agents; k++) {
		struct chan_head m = { .type = CELL_NEWS };
		struct agent *a = &h->agent[k];

		if (a->news && a->cell_started)
			(void) cells_send(h, k + 1, &m, sizeof(m));
		a->news = false;
	}
}

int cells_on_start(struct host *h, unsigned number)
{
	struct chan_head start = { .type = CELL_START };
	struct agent *a = &h->agent[number - 1];
	int r = send_schema(h, number);

	if (r >= 0 && a->block->def)
		r = cells_send_declared(h, number, &h->config->def[a->block->def - 1]);
	if (r >= 0)
		r = send_agent(h, number);
	if (r >= 0)
		r = cells_send(h, number, &start, sizeof(start));
	if (r < 0) {
		log_error("agent %s: cannot send what it needs to start: %s", a->name,
			  strerror(-r));
		return r;
	}
	a->cell_started = true;
	a->cell_pong_us = host_now(h);
	a->state = "starting";
	return 0;
}

void cells_on_end(struct host *h, unsigned number)
{
	struct agent *a = &h->agent[number - 1];

	a->cell_started = false;
	a->state = "restarting";
	sensors_unrequest_agent(h, number);
	advice_forget(h, number);
	links_drop_agent(h, number);
	cells_unwatch_all(h, number);
}

static void ping(struct host *h, unsigned number)
{
	struct agent *a = &h->agent[number - 1];
	struct chan_head ping = { .type = CELL_PING };
	uint64_t now = host_now(h);

	if (!a->cell.chan || !a->cell_started)
		return;

	if (a->cell.pid > 0 && now > a->cell_pong_us && now - a->cell_pong_us > CELL_HANG_US) {
		log_error("agent %s hangs: its cell (pid %d) has not answered for %llu ms: killed",
			  a->name, a->cell.pid,
			  (unsigned long long) ((now - a->cell_pong_us) / US_PER_MS));
		(void) kill(a->cell.pid, SIGKILL);
		a->cell_pong_us = now;
		return;
	}
	(void) cells_send(h, number, &ping, sizeof(ping));
}

/* The oldest open finding of an agent that it has not repeated since 'since_us'; 0: none. */
static uint64_t unrepeated(const struct host *h, const char *agent, uint64_t since_us)
{
	const struct incident *i;

	for (unsigned n = 0; (i = incident_nth(h->incidents, n)); n++)
		for (unsigned k = 0; k < i->n_findings; k++) {
			const struct incident_finding *f = &i->finding[k];

			if (!f->cleared_us && f->seen_us < since_us && strcmp(f->agent, agent) == 0)
				return f->id;
		}
	return 0;
}

/*
 * An agent that was started again finds anew what is still wrong.  What it has not found in
 * CELL_SWEEP_US ended while it was away, and nobody else would ever say so.
 */
void cells_sweep(struct host *h)
{
	uint64_t now = host_now(h), id;

	for (unsigned k = 0; k < h->n_agents; k++) {
		struct agent *a = &h->agent[k];

		if (!a->ready_us || now - a->ready_us < CELL_SWEEP_US)
			continue;
		while ((id = unrepeated(h, a->name, a->ready_us))) {
			record_findings(h, id, false);
			(void) incident_clear(h->incidents, id,
					      "its agent was started again and does not see it",
					      now, clock_wall_us());
		}
		a->ready_us = 0;
	}
}

void cells_ping(struct host *h, uint64_t late_us)
{
	for (unsigned n = 1; n <= h->n_agents; n++) {
		/* While we slept (a suspended machine, a slow disk) nobody read the answers. */
		h->agent[n - 1].cell_pong_us += late_us;
		ping(h, n);
	}
}

/* t->agent_ref: number of the agent << 48 | the cell's number of the proposal. */
void cells_verdict(struct host *h, const struct txn *t, enum anod_verdict v, int error)
{
	uint64_t theirs = t->agent_ref & ((UINT64_C(1) << 48) - 1);
	unsigned number = (unsigned) (t->agent_ref >> 48);
	struct cell_verdict m = { .head = { .type = CELL_VERDICT, .id = theirs },
				  .agent = CELL_AGENT_NUMBER,
				  .verdict = v,
				  .error = error };
	struct cell_link *l = link_find(h, number, LINK_PROPOSAL, theirs);

	/* A cell that was restarted since knows nothing of this proposal. */
	if (!l || l->ours != t->id)
		return;

	copy_text(m.why, sizeof(m.why), t->why);
	(void) cells_send(h, number, &m.head, sizeof(m));
	if (v >= ANOD_DENIED)
		link_del(h, l);
}

void cells_answer(struct host *h, unsigned agent, uint64_t id, const struct infer_answer *a)
{
	struct cell_answer m = {
		.head = { .type = CELL_ANSWER, .id = id },
		.agent = CELL_AGENT_NUMBER,
		.error = a->error,
		.has_action = a->has_action,
		.tokens_in = a->tokens_in,
		.tokens_out = a->tokens_out,
		.confidence = a->confidence,
		.action = a->action,
	};

	copy_text(m.why, sizeof(m.why), a->why);
	copy_text(m.cause, sizeof(m.cause), a->cause);
	copy_text(m.summary, sizeof(m.summary), a->summary);
	(void) cells_send(h, agent, &m.head, sizeof(m));
}
