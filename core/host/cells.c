/*
 * cells - the host's side of the agents' cell.
 *
 * Design.  The cell is told of every fact that one of its agents may read, as it changes.  What
 * comes from it is checked as if it came from an enemy: sizes, ended strings, the manifest of the
 * agent that it names, its right to the id.  A number that a cell chose is looked up in a table
 * of (agent, number) -> ours.  When the cell dies, its requests end and its undecided proposals
 * are forgotten; transactions that are under way go on by themselves, and its findings stay open,
 * because the fault is still there.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"

#define LINKS_MAX 8192

enum link_what { LINK_FINDING = 1, LINK_PROPOSAL };

struct cell_link {
	struct {
		uint32_t agent, what;
		uint64_t theirs;
	} key;
	uint64_t ours;
	UT_hash_handle hh;
};

/* ---- numbers ------------------------------------------------------------------------------ */

static struct cell_link *link_find(struct host *h, unsigned agent, enum link_what what, uint64_t id)
{
	struct cell_link probe = { .key = { agent, what, id } }, *l;

	HASH_FIND(hh, h->links, &probe.key, sizeof(probe.key), l);
	return l;
}

static int link_add(struct host *h, unsigned agent, enum link_what what, uint64_t theirs,
		    uint64_t ours)
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

static void link_del(struct host *h, struct cell_link *l)
{
	HASH_DEL(h->links, l);
	free(l);
}

static void links_drop(struct host *h)
{
	struct cell_link *l, *next;

	HASH_ITER(hh, h->links, l, next)
	link_del(h, l);
}

/* ---- agents of the configuration ---------------------------------------------------------- */

int cells_configure(struct host *h)
{
	h->agent = calloc(h->config->n_agents + 1, sizeof(*h->agent));
	if (!h->agent)
		return -ENOMEM;

	for (unsigned k = 0; k < h->config->n_agents && k < CELL_AGENTS_MAX; k++) {
		struct agent *a = &h->agent[h->n_agents];

		a->block = &h->config->agent[k];
		a->plugin = plugins_find(h->plugins, a->block->plugin, ANOD_AGENT);
		a->name = strdup(a->block->name);
		a->state = "starting";
		if (!a->name)
			return -ENOMEM;
		if (!a->plugin) {
			log_error("agent %s: no agent plugin '%s'", a->name, a->block->plugin);
			free(a->name);
			continue;
		}
		h->n_agents++;
	}
	return 0;
}

void cells_forget(struct host *h)
{
	for (unsigned k = 0; k < h->n_agents; k++)
		free(h->agent[k].name);
	free(h->agent);
	h->agent = NULL;
	h->n_agents = 0;
	links_drop(h);
}

static bool anyone_reads(const struct host *h, const char *kind, const char *attr)
{
	for (unsigned k = 0; k < h->n_agents; k++)
		if (manifest_names(h->agent[k].plugin->desc->reads, kind, attr))
			return true;
	return false;
}

/* ---- to the cell -------------------------------------------------------------------------- */

static int send(struct host *h, struct chan_head *m, size_t size)
{
	struct chan *c = h->proc[PROC_CELL].chan;

	if (!c)
		return -ENOTCONN;

	m->size = (uint32_t) size;
	return chan_send(c, m);
}

static int send_schema(struct host *h)
{
	for (uint16_t k = 1; k <= schema_n_kinds(h->schema); k++) {
		for (uint16_t s = 0; s < schema_n_slots(h->schema, k); s++) {
			const struct schema_attr *a = schema_attr_at(h->schema, k, s);
			struct cell_attr m = { .head = { .type = CELL_ATTR } };
			int r;

			copy_text(m.kind, sizeof(m.kind), a->kind_name);
			copy_text(m.attr, sizeof(m.attr), a->name);
			copy_text(m.source, sizeof(m.source), a->source);
			m.type = a->type;
			m.unit = a->unit;
			m.max_age_us = a->max_age_us;
			r = send(h, &m.head, sizeof(m));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int send_agent(struct host *h, unsigned number)
{
	const struct agent *a = &h->agent[number - 1];
	struct cell_agent *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;

	m->head = (struct chan_head){ .type = CELL_AGENT, .id = number };
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
	r = send(h, &m->head,
		 offsetof(struct cell_agent, option) + m->n_options * sizeof(m->option[0]));
	free(m);
	return r;
}

static int send_fact(struct host *h, const char *kind, const char *entity, const char *attr,
		     const struct fact *f, bool gone)
{
	struct cell_fact m = { .head = { .type = CELL_FACT } };

	copy_text(m.kind, sizeof(m.kind), kind);
	copy_text(m.entity, sizeof(m.entity), entity);
	copy_text(m.attr, sizeof(m.attr), attr ? attr : "");
	m.flags = gone ? CELL_FACT_GONE : 0;
	m.time_us = host_now(h);
	if (f) {
		m.head.id = f->seq;
		m.value = f->value;
		if (f->time_us)
			m.time_us = f->time_us;
	}
	return send(h, &m.head, sizeof(m));
}

void cells_on_fact(struct host *h, const struct store_change *c)
{
	const char *kind = schema_kind_name(h->schema, c->kind);

	if (!h->proc[PROC_CELL].chan || !h->cell_started ||
	    !anyone_reads(h, kind, c->attr ? c->attr->name : NULL))
		return;

	(void) send_fact(h, kind, c->name, c->attr ? c->attr->name : NULL, c->fact, c->gone);
}

/* Every fact that is known now, entity by entity. */
static int send_facts(struct host *h)
{
	uint64_t now = host_now(h);

	for (uint16_t k = 1; k <= schema_n_kinds(h->schema); k++) {
		const char *kind = schema_kind_name(h->schema, k);

		for (unsigned n = 0; n < store_count(h->store, k); n++) {
			uint32_t e = store_nth(h->store, k, n);

			for (uint16_t s = 0; s < schema_n_slots(h->schema, k); s++) {
				const struct schema_attr *a = schema_attr_at(h->schema, k, s);
				struct fact f;
				int r;

				if (!anyone_reads(h, kind, a->name) ||
				    store_get(h->store, e, s, now, &f) < 0 ||
				    f.value.type == ANOD_UNKNOWN)
					continue;
				r = send_fact(h, kind, store_entity_name(h->store, e), a->name, &f,
					      false);
				if (r < 0)
					return r;
			}
		}
	}
	return 0;
}

int cells_on_start(struct host *h)
{
	struct chan_head start = { .type = CELL_START };
	int r = send_schema(h);

	for (unsigned k = 1; r >= 0 && k <= h->n_agents; k++)
		r = send_agent(h, k);
	if (r >= 0)
		r = send_facts(h);
	if (r >= 0)
		r = send(h, &start, sizeof(start));
	if (r < 0) {
		log_error("cell: cannot send the first facts: %s", strerror(-r));
		return r;
	}
	h->cell_started = true;
	h->cell_pong_us = host_now(h);
	for (unsigned k = 0; k < h->n_agents; k++)
		h->agent[k].state = "starting";
	return 0;
}

void cells_on_end(struct host *h)
{
	h->cell_started = false;
	for (unsigned k = 0; k < h->n_agents; k++)
		h->agent[k].state = "restarting";
	sensors_unrequest_all(h);
	links_drop(h);
}

void cells_ping(struct host *h)
{
	struct proc *p = &h->proc[PROC_CELL];
	struct chan_head ping = { .type = CELL_PING };
	uint64_t now = host_now(h);

	if (!p->chan || !h->cell_started)
		return;

	if (p->pid > 0 && now - h->cell_pong_us > CELL_HANG_US) {
		log_error("cell (pid %d) has not answered for %llu ms: killed; an agent hangs",
			  p->pid, (unsigned long long) ((now - h->cell_pong_us) / US_PER_MS));
		(void) kill(p->pid, SIGKILL);
		h->cell_pong_us = now;
		return;
	}
	(void) send(h, &ping, sizeof(ping));
}

/* t->agent_ref: number of the agent << 48 | the cell's number of the proposal. */
void cells_verdict(struct host *h, const struct txn *t, enum anod_verdict v, int error)
{
	uint64_t theirs = t->agent_ref & ((UINT64_C(1) << 48) - 1);
	unsigned number = (unsigned) (t->agent_ref >> 48);
	struct cell_verdict m = { .head = { .type = CELL_VERDICT, .id = theirs },
				  .agent = number,
				  .verdict = v,
				  .error = error };
	struct cell_link *l = link_find(h, number, LINK_PROPOSAL, theirs);

	/* A cell that was restarted since knows nothing of this proposal. */
	if (!l || l->ours != t->id)
		return;

	copy_text(m.why, sizeof(m.why), t->why);
	(void) send(h, &m.head, sizeof(m));
	if (v >= ANOD_DENIED)
		link_del(h, l);
}

void cells_answer(struct host *h, unsigned agent, uint64_t id, const struct infer_answer *a)
{
	struct cell_answer m = {
		.head = { .type = CELL_ANSWER, .id = id },
		.agent = agent,
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
	(void) send(h, &m.head, sizeof(m));
}

/* ---- from the cell ------------------------------------------------------------------------ */

static bool ends(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}
#define ENDS(field) ends(field, sizeof(field))

static struct agent *agent_at(struct host *h, uint32_t number)
{
	return number >= 1 && number <= h->n_agents ? &h->agent[number - 1] : NULL;
}

static bool value_ok(const struct anod_value *v)
{
	return v->type <= ANOD_PREFIX && (v->type != ANOD_TEXT || ENDS(v->u.text));
}

static bool action_ok(const struct anod_action *a)
{
	if (!ENDS(a->kind) || a->n_args > ANOD_ARGS_MAX)
		return false;

	for (uint32_t k = 0; k < a->n_args; k++)
		if (!ENDS(a->arg[k].name) || !value_ok(&a->arg[k].value))
			return false;
	return true;
}

static bool finding_ok(const struct anod_finding *f)
{
	if (!ENDS(f->code) || !ENDS(f->kind) || !ENDS(f->entity) || !ENDS(f->summary) ||
	    f->n_refs > ANOD_REFS_MAX || f->n_rivals > ANOD_RIVALS_MAX ||
	    !(f->confidence >= 0 && f->confidence <= 1))
		return false;

	for (uint32_t k = 0; k < f->n_refs; k++)
		if (!ENDS(f->ref[k].kind) || !ENDS(f->ref[k].entity) || !ENDS(f->ref[k].attr))
			return false;
	for (uint32_t k = 0; k < f->n_rivals; k++)
		if (!ENDS(f->rival[k].code))
			return false;
	return true;
}

static int on_find(struct host *h, const struct cell_find *m)
{
	struct agent *a = agent_at(h, m->agent);
	uint64_t finding, incident;
	int r;

	if (!a || !finding_ok(&m->finding))
		return -EPROTO;

	r = incident_find(h->incidents, a->name, &m->finding, host_now(h), clock_wall_us(),
			  &finding, &incident);
	if (r < 0) {
		log_warning("%s: finding refused: %s", a->name, strerror(-r));
		return 0;
	}
	a->n_findings++;
	record_findings(h, finding, true);
	return link_add(h, m->agent, LINK_FINDING, m->head.id, finding) < 0 ? -EPROTO : 0;
}

static int on_clear(struct host *h, const struct cell_note *m)
{
	struct cell_link *l = link_find(h, m->agent, LINK_FINDING, m->head.id);

	if (!agent_at(h, m->agent) || !ENDS(m->text))
		return -EPROTO;
	if (!l)
		return 0;

	record_findings(h, l->ours, false);
	(void) incident_clear(h->incidents, l->ours, m->text, host_now(h), clock_wall_us());
	link_del(h, l);
	return 0;
}

static void refuse(struct host *h, uint32_t agent, uint64_t id, int error, const char *why)
{
	struct cell_verdict m = { .head = { .type = CELL_VERDICT, .id = id },
				  .agent = agent,
				  .verdict = ANOD_DENIED,
				  .error = error };

	copy_text(m.why, sizeof(m.why), why);
	(void) send(h, &m.head, sizeof(m));
}

static int on_propose(struct host *h, const struct cell_propose *m)
{
	struct agent *a = agent_at(h, m->agent);
	struct anod_proposal p = m->proposal;
	uint64_t tx = 0, theirs = p.finding;
	struct cell_link *l;
	char why[256] = "";
	int r;

	if (!a || p.n_actions == 0 || p.n_actions > ANOD_ACTIONS_MAX || m->head.id >> 48 ||
	    !ENDS(p.reason) || !ENDS(p.expect) || !ENDS(p.verify) ||
	    !(p.confidence >= 0 && p.confidence <= 1))
		return -EPROTO;

	for (uint32_t k = 0; k < p.n_actions; k++) {
		if (!action_ok(&p.action[k]))
			return -EPROTO;
		if (manifest_names(a->plugin->desc->proposes, p.action[k].kind, NULL))
			continue;
		a->n_refused++;
		log_warning("%s: proposed %s, which is not in its manifest", a->name,
			    p.action[k].kind);
		refuse(h, m->agent, m->head.id, -EPERM, "not in the manifest");
		return 0;
	}

	l = link_find(h, m->agent, LINK_FINDING, theirs);
	p.finding = l ? l->ours : 0;
	a->n_proposals++;
	r = engine_propose(h, a->name, ((uint64_t) m->agent << 48) | m->head.id, p.finding, &p, &tx,
			   why, sizeof(why));
	if (r < 0)
		refuse(h, m->agent, m->head.id, r, why[0] ? why : strerror(-r));
	return 0;
}

/* engine_propose() announces the number before any verdict can be sent for it. */
void cells_link_proposal(struct host *h, uint64_t agent_ref, uint64_t tx)
{
	(void) link_add(h, (unsigned) (agent_ref >> 48), LINK_PROPOSAL,
			agent_ref & ((UINT64_C(1) << 48) - 1), tx);
}

static int on_ask(struct host *h, const struct cell_ask *m)
{
	struct agent *a = agent_at(h, m->agent);

	if (!a || m->n_kinds > CELL_ASK_KINDS || m->input_size == 0 ||
	    m->input_size > CELL_INPUT_MAX || !ENDS(m->task) ||
	    m->head.size != offsetof(struct cell_ask, input) + m->input_size ||
	    m->input[m->input_size - 1] != '\0')
		return -EPROTO;
	for (uint32_t k = 0; k < m->n_kinds; k++)
		if (!ENDS(m->kind[k]))
			return -EPROTO;
	if (!a->plugin->desc->asks) {
		a->n_refused++;
		return 0;
	}
	return advice_ask(h, m->agent, m);
}

static int on_sense(struct host *h, const struct cell_sense *m)
{
	struct agent *a = agent_at(h, m->agent);
	int r;

	if (!a || !action_ok(&m->request))
		return -EPROTO;
	if (!manifest_names(a->plugin->desc->senses, m->request.kind, NULL)) {
		a->n_refused++;
		log_warning("%s: asked sensor '%s', which is not in its manifest", a->name,
			    m->request.kind);
		return 0;
	}
	r = sensors_request(h, m->agent, m->head.id, &m->request);
	if (r < 0)
		log_warning("%s: sensor %s: %s", a->name, m->request.kind, strerror(-r));
	return 0;
}

static int on_note(struct host *h, const struct cell_note *m)
{
	struct agent *a = agent_at(h, m->agent);
	char text[sizeof(m->text)];

	if (!a || !ENDS(m->text))
		return -EPROTO;

	copy_text(text, sizeof(text), m->text);
	clean_text(text);
	if (m->head.type == CELL_LOG) {
		log_text(m->error & 7, "%s: %s", a->name, text);
		return 0;
	}
	a->state = "failed";
	copy_text(a->why, sizeof(a->why), text);
	log_error("agent %s: %s (%s)", a->name, text, strerror(-m->error));
	return 0;
}

static int on_ready(struct host *h)
{
	for (unsigned k = 0; k < h->n_agents; k++)
		if (strcmp(h->agent[k].state, "failed") != 0)
			h->agent[k].state = "running";
	return 0;
}

int cells_on_message(struct host *h, const struct chan_head *msg)
{
#define FITS(type) (msg->size == sizeof(type))
	switch (msg->type) {
	case CELL_READY:
		return on_ready(h);
	case CELL_PONG:
		h->cell_pong_us = host_now(h);
		return 0;
	case CELL_LOG:
	case CELL_FAILED:
		return FITS(struct cell_note) ? on_note(h, (const void *) msg) : -EPROTO;
	case CELL_FIND:
		return FITS(struct cell_find) ? on_find(h, (const void *) msg) : -EPROTO;
	case CELL_CLEAR:
		return FITS(struct cell_note) ? on_clear(h, (const void *) msg) : -EPROTO;
	case CELL_PROPOSE:
		return FITS(struct cell_propose) ? on_propose(h, (const void *) msg) : -EPROTO;
	case CELL_ASK:
		return msg->size > offsetof(struct cell_ask, input) ? on_ask(h, (const void *) msg)
								    : -EPROTO;
	case CELL_SENSE:
		return FITS(struct cell_sense) ? on_sense(h, (const void *) msg) : -EPROTO;
	case CELL_UNSENSE:
		if (!FITS(struct cell_note))
			return -EPROTO;
		sensors_unrequest(h, ((const struct cell_note *) msg)->agent, msg->id);
		return 0;
	default:
		return -EPROTO;
	}
#undef FITS
}
