/*
 * cells_in - what comes from the agents' cells.
 *
 * Design.  Everything is checked as if it came from an enemy: sizes, ended strings, numbers that
 * are numbers, the manifest of the agent whose cell it is, its right to the id.  A message that no
 * honest cell sends ends the cell (-EPROTO); a wish outside the manifest is refused, counted and
 * logged.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/history_host.h"
#include "host/links.h"
#include "host/wire.h"

/* The channel says who speaks; a message that names another agent is a lie. */
static struct agent *speaker(struct host *h, unsigned number, uint32_t named)
{
	return named == CELL_AGENT_NUMBER ? &h->agent[number - 1] : NULL;
}

static bool finding_ok(const struct anod_finding *f)
{
	if (!WIRE_ENDS(f->code) || !WIRE_ENDS(f->kind) || !WIRE_ENDS(f->entity) ||
	    !WIRE_ENDS(f->summary) || f->n_refs > ANOD_REFS_MAX || f->n_rivals > ANOD_RIVALS_MAX ||
	    !(f->confidence >= 0 && f->confidence <= 1))
		return false;

	for (uint32_t k = 0; k < f->n_refs; k++)
		if (!WIRE_ENDS(f->ref[k].kind) || !WIRE_ENDS(f->ref[k].entity) ||
		    !WIRE_ENDS(f->ref[k].attr))
			return false;
	for (uint32_t k = 0; k < f->n_rivals; k++)
		if (!WIRE_ENDS(f->rival[k].code))
			return false;
	return true;
}

bool agent_may_log(const struct host *h, struct agent *a)
{
	uint64_t now = host_now(h);

	if (now - a->log_since_us > CELL_LOG_US) {
		if (a->n_unlogged > 0)
			log_warning("%s: %llu more lines were left out", a->name,
				    (unsigned long long) a->n_unlogged);
		a->log_since_us = now;
		a->n_logged = 0;
		a->n_unlogged = 0;
	}
	if (a->n_logged < CELL_LOG_LINES) {
		a->n_logged++;
		return true;
	}
	a->n_unlogged++;
	return false;
}

static int on_find(struct host *h, unsigned number, const struct cell_find *m)
{
	struct agent *a = speaker(h, number, m->agent);
	uint64_t finding, incident;
	int r;

	if (!a || !finding_ok(&m->finding))
		return -EPROTO;

	r = incident_find(h->incidents, a->name, &m->finding, host_now(h), clock_wall_us(),
			  &finding, &incident);
	if (r < 0) {
		if (agent_may_log(h, a))
			log_warning("%s: finding refused: %s", a->name, strerror(-r));
		return 0;
	}
	a->n_findings++;
	if (!link_find(h, number, LINK_FINDING, m->head.id))
		record_evidence(h, a->name, &m->finding, incident);
	flights_on_finding(h, incident);
	record_findings(h, finding, true);
	return link_add(h, number, LINK_FINDING, m->head.id, finding) < 0 ? -EPROTO : 0;
}

static int on_clear(struct host *h, unsigned number, const struct cell_note *m)
{
	struct cell_link *l = link_find(h, number, LINK_FINDING, m->head.id);

	if (!speaker(h, number, m->agent) || !WIRE_ENDS(m->text))
		return -EPROTO;
	if (!l)
		return 0;

	record_findings(h, l->ours, false);
	(void) incident_clear(h->incidents, l->ours, m->text, host_now(h), clock_wall_us());
	link_del(h, l);
	return 0;
}

static void refuse(struct host *h, unsigned number, uint64_t id, int error, const char *why)
{
	struct cell_verdict m = { .head = { .type = CELL_VERDICT, .id = id },
				  .agent = CELL_AGENT_NUMBER,
				  .verdict = ANOD_DENIED,
				  .error = error };

	copy_text(m.why, sizeof(m.why), why);
	(void) cells_send(h, number, &m.head, sizeof(m));
}

/* A number that the cell gave: of its own findings, or one that it read as a fact. */
static uint64_t finding_of(struct host *h, uint32_t agent, uint64_t theirs)
{
	struct cell_link *l = link_find(h, agent, LINK_FINDING, theirs);

	if (l)
		return l->ours;
	return theirs < CELL_FIRST_FINDING && incident_finding_get(h->incidents, theirs) ? theirs
											 : 0;
}

static int on_propose(struct host *h, unsigned number, const struct cell_propose *m)
{
	struct agent *a = speaker(h, number, m->agent);
	struct anod_proposal p = m->proposal;
	uint64_t tx = 0;
	char why[256] = "";
	int r;

	if (!a || p.n_actions == 0 || p.n_actions > ANOD_ACTIONS_MAX || m->head.id >> 48 ||
	    !WIRE_ENDS(p.reason) || !WIRE_ENDS(p.expect) || !WIRE_ENDS(p.verify) ||
	    !(p.confidence >= 0 && p.confidence <= 1))
		return -EPROTO;

	for (uint32_t k = 0; k < p.n_actions; k++) {
		if (!wire_action_ok(&p.action[k]))
			return -EPROTO;
		if (manifest_lists(a->plugin->desc->proposes, p.action[k].kind))
			continue;
		a->n_refused++;
		if (agent_may_log(h, a))
			log_warning("%s: proposed %s, which is not in its manifest", a->name,
				    p.action[k].kind);
		refuse(h, number, m->head.id, -EPERM, "not in the manifest");
		return 0;
	}

	/* Both are shown to people; neither may move their cursor. */
	clean_text(p.reason);
	clean_text(p.expect);
	p.finding = finding_of(h, number, p.finding);
	a->n_proposals++;
	r = engine_propose(h, a->name, ((uint64_t) number << 48) | m->head.id, p.finding, &p, &tx,
			   why, sizeof(why));
	if (r < 0)
		refuse(h, number, m->head.id, r, why[0] ? why : strerror(-r));
	return 0;
}

/* engine_propose() announces the number before any verdict can be sent for it. */
void cells_link_proposal(struct host *h, uint64_t agent_ref, uint64_t tx)
{
	(void) link_add(h, (unsigned) (agent_ref >> 48), LINK_PROPOSAL,
			agent_ref & ((UINT64_C(1) << 48) - 1), tx);
}

static int on_withdraw(struct host *h, unsigned number, const struct cell_note *m)
{
	struct cell_link *l = link_find(h, number, LINK_PROPOSAL, m->head.id);

	if (!speaker(h, number, m->agent))
		return -EPROTO;
	if (l) {
		(void) txns_withdraw(h->txns, l->ours, "withdrawn: its cause is gone");
		/* The verdict has ended the link, unless there was none to give any more. */
		l = link_find(h, number, LINK_PROPOSAL, m->head.id);
		if (l)
			link_del(h, l);
	}
	return 0;
}

static int on_ask(struct host *h, unsigned number, const struct cell_ask *m)
{
	struct agent *a = speaker(h, number, m->agent);

	if (!a || m->n_kinds > CELL_ASK_KINDS || m->input_size == 0 ||
	    m->input_size > CELL_INPUT_MAX || !WIRE_ENDS(m->task) ||
	    m->head.size != offsetof(struct cell_ask, input) + m->input_size ||
	    m->input[m->input_size - 1] != '\0')
		return -EPROTO;
	for (uint32_t k = 0; k < m->n_kinds; k++)
		if (!WIRE_ENDS(m->kind[k]))
			return -EPROTO;
	if (!a->plugin->desc->asks) {
		a->n_refused++;
		return 0;
	}
	return advice_ask(h, number, m,
			  incident_of_finding(h->incidents, finding_of(h, number, m->finding)));
}

static int on_sense(struct host *h, unsigned number, const struct cell_sense *m)
{
	struct agent *a = speaker(h, number, m->agent);
	int r;

	if (!a || !wire_action_ok(&m->request))
		return -EPROTO;
	if (!manifest_lists(a->plugin->desc->senses, m->request.kind)) {
		a->n_refused++;
		if (agent_may_log(h, a))
			log_warning("%s: asked sensor '%s', which is not in its manifest", a->name,
				    m->request.kind);
		return 0;
	}
	r = sensors_request(h, number, m->head.id, &m->request);
	if (r < 0 && agent_may_log(h, a))
		log_warning("%s: sensor %s: %s", a->name, m->request.kind, strerror(-r));
	return 0;
}

static int on_note(struct host *h, unsigned number, const struct cell_note *m)
{
	struct agent *a = speaker(h, number, m->agent);
	char text[sizeof(m->text)];

	if (!a || !WIRE_ENDS(m->text))
		return -EPROTO;

	copy_text(text, sizeof(text), m->text);
	clean_text(text);
	if (m->head.type == CELL_LOG) {
		/* No agent may shout on every terminal of the router (LOG_EMERG). */
		if (agent_may_log(h, a))
			log_text(MIN_OF(MAX_OF(m->error, LOG_ERR), LOG_DEBUG), "%s: %s", a->name,
				 text);
		return 0;
	}
	if (m->error >= 0 || m->error < -4095)
		return -EPROTO;

	a->state = "failed";
	copy_text(a->why, sizeof(a->why), text);
	if (agent_may_log(h, a))
		log_error("agent %s: %s (%s)", a->name, text, strerror(-m->error));
	return 0;
}

static int on_ready(struct host *h, struct agent *a)
{
	if (strcmp(a->state, "failed") != 0)
		a->state = "running";
	a->ready_us = host_now(h);
	return 0;
}

int cells_on_message(struct host *h, unsigned number, const struct chan_head *msg)
{
#define FITS(type) (msg->size == sizeof(type))
	switch (msg->type) {
	case CELL_READY:
		return on_ready(h, &h->agent[number - 1]);
	case CELL_PONG:
		h->agent[number - 1].cell_pong_us = host_now(h);
		return 0;
	case CELL_LOG:
	case CELL_FAILED:
		return FITS(struct cell_note) ? on_note(h, number, (const void *) msg) : -EPROTO;
	case CELL_FIND:
		return FITS(struct cell_find) ? on_find(h, number, (const void *) msg) : -EPROTO;
	case CELL_CLEAR:
		return FITS(struct cell_note) ? on_clear(h, number, (const void *) msg) : -EPROTO;
	case CELL_PROPOSE:
		return FITS(struct cell_propose) ? on_propose(h, number, (const void *) msg)
						 : -EPROTO;
	case CELL_WITHDRAW:
		return FITS(struct cell_note) ? on_withdraw(h, number, (const void *) msg)
					      : -EPROTO;
	case CELL_ASK:
		return msg->size > offsetof(struct cell_ask, input)
			       ? on_ask(h, number, (const void *) msg)
			       : -EPROTO;
	case CELL_SENSE:
		return FITS(struct cell_sense) ? on_sense(h, number, (const void *) msg) : -EPROTO;
	case CELL_UNSENSE:
		if (!FITS(struct cell_note))
			return -EPROTO;
		sensors_unrequest(h, number, msg->id);
		return 0;
	case CELL_WATCH:
		return msg->size > offsetof(struct cell_watch, text)
			       ? cells_watch(h, number, (const void *) msg)
			       : -EPROTO;
	case CELL_UNWATCH:
		return FITS(struct cell_note) ? cells_unwatch(h, number, (const void *) msg)
					      : -EPROTO;
	default:
		return -EPROTO;
	}
#undef FITS
}
