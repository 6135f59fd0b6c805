/*
 * record - writes down what happened: ledger, incident timeline, journal of the system, monitor.
 *
 * Design.  One event, told once to each of the four.  The ledger line of a decision is written
 * before its transaction may reach INTENT (promise 1); it is not synced there, because the
 * INTENT that follows is, and a decision without an effect may be lost with the power.  A ledger
 * that cannot be written caps the daemon to observe, for the same promise.
 * Open findings are facts too ("finding.*", source core), so that agents such as triage can see
 * them like anything else.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "facts/value.h"
#include "host/brakes.h"
#include "host/host.h"
#include "host/vouch.h"
#include "policy/action_text.h"

#define OLD_LINES 20000 /* of the ledger that a start looks at */

/* A fact that the timeline has already is not told again by the next finding. */
static bool told(const struct host *h, uint64_t incident, const struct anod_finding *f, uint32_t k,
		 const struct fact *fact)
{
	const struct incident *i = incident_get(h->incidents, incident);
	char path[200];
	size_t n;

	(void) snprintf(path, sizeof(path), "%s/%s.%s = ", f->ref[k].kind, f->ref[k].entity,
			f->ref[k].attr);
	n = strlen(path);
	for (unsigned j = i ? i->n_lines : 0; j-- > 0;)
		if (i->line[j].kind == LINE_FACT && strncmp(i->line[j].text, path, n) == 0)
			return i->line[j].boot_us >= fact->changed_us;
	return false;
}

/* The evidence of a new finding: each fact with its value, dated when its source saw it. */
void record_evidence(struct host *h, const char *agent, const struct anod_finding *f,
		     uint64_t incident)
{
	uint64_t now = host_now(h), wall = clock_wall_us();

	for (uint32_t k = 0; k < f->n_refs; k++) {
		const struct schema_attr *a =
			schema_attr(h->schema, f->ref[k].kind, f->ref[k].attr);
		uint32_t e = a ? store_find(h->store, a->kind, f->ref[k].entity) : 0;
		uint64_t age;
		struct fact fact;
		char value[96];

		if (!e || store_get(h->store, e, a->slot, now, &fact) < 0)
			continue;
		if (told(h, incident, f, k, &fact))
			continue;
		age = fact.changed_us && fact.changed_us < now ? now - fact.changed_us : 0;
		incident_note(h->incidents, incident, LINE_FACT, 0, agent, now - age, wall - age,
			      "%s/%s.%s = %s%s%s", f->ref[k].kind, f->ref[k].entity, f->ref[k].attr,
			      value_show(&fact.value, value, sizeof(value)), fact.why ? ": " : "",
			      fact.why ? fact.why : "");
	}
}

/* Value and age of a fact now, for the finding that names it. */
static void look(void *data, const struct anod_ref *ref, struct incident_evidence *ret)
{
	struct host *h = data;
	const struct schema_attr *a = schema_attr(h->schema, ref->kind, ref->attr);
	uint32_t e = a ? store_find(h->store, a->kind, ref->entity) : 0;
	uint64_t now = host_now(h);
	char text[96];
	struct fact f;

	if (!e || store_get(h->store, e, a->slot, now, &f) < 0)
		return;
	(void) value_show(&f.value, text, sizeof(text));
	(void) copy_text(ret->value, sizeof(ret->value), text);
	ret->dated = f.time_us > 0;
	ret->age_us = now > f.time_us ? now - f.time_us : 0;
}

static const struct anod_attr finding_attrs[] = {
	{ .name = "code", .type = ANOD_TEXT, .help = "what was found" },
	{ .name = "kind", .type = ANOD_TEXT, .help = "kind of the entity that it is about" },
	{ .name = "entity", .type = ANOD_TEXT, .help = "name of that entity" },
	{ .name = "agent", .type = ANOD_TEXT, .help = "the agent that found it" },
	{ .name = "confidence",
	  .type = ANOD_REAL,
	  .unit = ANOD_UNIT_RATIO,
	  .help = "how sure the agent is" },
	{ .name = "rivals", .type = ANOD_INT, .help = "number of rival hypotheses" },
	{ .name = "no_cure", .type = ANOD_BOOL, .help = "the agent knows no action of its own" },
	{ .name = "summary", .type = ANOD_TEXT, .help = "its sentence, cut to 55 bytes" },
	{ .name = "incident", .type = ANOD_INT, .help = "number of the incident" },
	{ 0 }
};

static const struct anod_kind finding_kinds[] = {
	{ .name = "finding", .help = "an open finding of an agent", .attrs = finding_attrs }, { 0 }
};

static int append(struct host *h, const char *kind, cJSON *body, bool sync)
{
	int r;

	if (!body)
		return -ENOMEM;
	if (!h->ledger) {
		cJSON_Delete(body);
		return -EBADF;
	}
	r = ledger_append(h->ledger, kind, clock_wall_us(), body, sync);
	if (r >= 0)
		return 0;

	/* A line that is too long says something of its author, not of the disk. */
	if (r == -E2BIG || r == -EINVAL)
		log_warning("ledger: a line of kind %s is not written: %s", kind, strerror(-r));
	else if (!h->capped)
		log_error("ledger in %s: %s; nothing more is changed until anod is restarted",
			  h->state_dir, strerror(-r));
	h->capped = h->capped || (r != -E2BIG && r != -EINVAL);
	return r;
}

int record_event(struct host *h, const char *kind, cJSON *body)
{
	return append(h, kind, body, false);
}

int record_event_synced(struct host *h, const char *kind, cJSON *body)
{
	return append(h, kind, body, true);
}

void monitor_send(struct host *h, const char *kind, uint64_t incident, uint64_t tx,
		  const char *agent, const char *text)
{
	char when[40];
	cJSON *e;

	if (!h->control)
		return;

	e = cJSON_CreateObject();
	cJSON_AddStringToObject(e, "t", format_wall(clock_wall_us(), when, sizeof(when)));
	cJSON_AddStringToObject(e, "kind", kind);
	if (incident)
		cJSON_AddNumberToObject(e, "incident", (double) incident);
	if (tx)
		cJSON_AddNumberToObject(e, "tx", (double) tx);
	if (agent && agent[0])
		cJSON_AddStringToObject(e, "agent", agent);
	cJSON_AddStringToObject(e, "text", text);
	control_monitor(h->control, e);
	cJSON_Delete(e);
}

/* ---- decisions and transactions ------------------------------------------------------------- */

static cJSON *actions_json(const struct anod_proposal *p)
{
	cJSON *list = cJSON_CreateArray();
	char text[256];

	for (uint32_t k = 0; k < p->n_actions; k++)
		cJSON_AddItemToArray(
			list, cJSON_CreateString(action_format(&p->action[k], text, sizeof(text))));
	return list;
}

int record_decision(struct host *h, const struct txn *t)
{
	const struct decision *d = t->decision;
	cJSON *b = cJSON_CreateObject();
	int r;

	cJSON_AddNumberToObject(b, "tx", (double) t->id);
	if (t->incident)
		cJSON_AddNumberToObject(b, "incident", (double) t->incident);
	cJSON_AddStringToObject(b, "agent", t->agent);
	cJSON_AddItemToObject(b, "actions", actions_json(&t->proposal));
	cJSON_AddStringToObject(b, "because", t->proposal.reason);
	cJSON_AddStringToObject(b, "policy",
				h->config->policy->name ? h->config->policy->name : "built-in");
	cJSON_AddNumberToObject(b, "revision", (double) h->config->policy->revision);
	cJSON_AddItemToObject(b, "decision", decision_json(d));
	r = record_event(h, "decision", b);

	incident_note(h->incidents, t->incident, LINE_DECISION, t->id, t->agent, host_now(h),
		      clock_wall_us(), "%s: %s", level_name(d->level), d->reason);
	log_about(LOG_INFO, t->id, t->incident, "T%" PRIu64 " %s: %s: %s", t->id, t->agent,
		  level_name(d->level), d->reason);
	monitor_send(h, "decision", t->incident, t->id, t->agent, d->reason);
	return r;
}

/* What an engineer wants to know of an agent that may not act yet. */
static void observe_note(struct host *h, const struct txn *t)
{
	uint64_t now = host_now(h), wall = clock_wall_us();
	_cleanup_(freep) char *line = NULL;
	char text[256];

	incident_note(h->incidents, t->incident, LINE_NOTE, t->id, t->agent, now, wall,
		      "would have done: %s",
		      action_format(&t->proposal.action[0], text, sizeof(text)));
	if (!t->decision || !t->decision->suggest)
		return;

	line = strdup(t->decision->suggest);
	for (char *c = line; c && *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	if (line)
		incident_note(h->incidents, t->incident, LINE_NOTE, t->id, t->agent, now, wall,
			      "this rule would allow it: %s", line);
}

static int txn_priority(const struct txn *t)
{
	switch (t->state) {
	case TXN_STUCK:
		return LOG_ERR;
	case TXN_ROLLED_BACK:
		return t->undo_was_due ? LOG_NOTICE : LOG_WARNING;
	case TXN_SUPERSEDED:
	case TXN_FAILED:
		return LOG_WARNING;
	case TXN_DONE:
	case TXN_WAITING:
		return LOG_NOTICE;
	default:
		return LOG_DEBUG;
	}
}

static bool worth_a_line(enum txn_state s)
{
	switch (s) {
	case TXN_WAITING:
	case TXN_VERIFYING:
	case TXN_SOAK:
	case TXN_ROLLBACK:
		return true;
	default:
		return txn_state_final(s);
	}
}

void record_txn(struct host *h, const struct txn *t, enum txn_state old)
{
	bool was = old && !txn_state_final(old), is = !txn_state_final(t->state);
	uint64_t now = host_now(h), wall = clock_wall_us();
	const char *why = t->why[0] ? t->why : t->proposal.reason;
	cJSON *b;

	if (is && !was)
		incident_txn(h->incidents, t->incident, 1, now, wall);
	if (worth_a_line(t->state)) {
		enum line_kind kind =
			t->state == TXN_SOAK || t->state == TXN_DONE ? LINE_VERIFIED : LINE_TX;

		b = cJSON_CreateObject();
		cJSON_AddNumberToObject(b, "tx", (double) t->id);
		if (t->incident)
			cJSON_AddNumberToObject(b, "incident", (double) t->incident);
		cJSON_AddStringToObject(b, "agent", t->agent);
		cJSON_AddStringToObject(b, "state", txn_state_name(t->state));
		cJSON_AddStringToObject(b, "why", why);
		if (t->by_guardian)
			cJSON_AddTrueToObject(b, "by_guardian");
		if (txn_state_final(t->state))
			cJSON_AddItemToObject(b, "transaction", txn_json(h, t));
		(void) record_event(h, "tx", b);
		/* "denied: no permit ..." says its state by itself. */
		if (strncmp(why, txn_state_name(t->state), strlen(txn_state_name(t->state))) == 0)
			incident_note(h->incidents, t->incident, kind, t->id, t->agent, now, wall,
				      "%s", why);
		else
			incident_note(h->incidents, t->incident, kind, t->id, t->agent, now, wall,
				      "%s: %s", txn_state_name(t->state), why);
		monitor_send(h, "tx", t->incident, t->id, t->agent, why);
	}
	log_about(txn_priority(t), t->id, t->incident, "T%" PRIu64 " %s: %s", t->id,
		  txn_state_name(t->state), why);
	if (t->state == TXN_DENIED && h->built_in)
		observe_note(h, t);
	if (was && !is)
		incident_txn(h->incidents, t->incident, -1, now, wall);
}

/* ---- incidents -------------------------------------------------------------------------------- */

static void on_line(void *data, const struct incident *i, const struct incident_line *l)
{
	struct host *h = data;
	/* Findings and their ends carry the whole incident, so that a restart can rebuild it. */
	bool whole = l->kind == LINE_FINDING || l->kind == LINE_CLEARED || l->kind == LINE_NOTE;
	cJSON *b = cJSON_CreateObject(), *id;

	if (whole) {
		cJSON_AddItemToObject(b, "incident", incident_json(i, false));
	} else {
		id = cJSON_AddObjectToObject(b, "incident");
		cJSON_AddNumberToObject(id, "id", (double) i->id);
	}
	cJSON_AddItemToObject(b, "line", incident_line_json(l));
	(void) record_event(h, "incident", b);
	if (l->kind == LINE_FINDING) {
		log_about(LOG_NOTICE, 0, i->id, "I%" PRIu64 " %s: %s", i->id, l->agent, l->text);
		monitor_send(h, "finding", i->id, 0, l->agent, l->text);
	}
	if (l->kind == LINE_CLEARED || l->kind == LINE_NOTE)
		monitor_send(h, "note", i->id, l->tx, l->agent, l->text);
}

struct restore {
	struct host *h;
	enum { RESTORE_NUMBER, RESTORE_INCIDENT, RESTORE_LINE } what;
	uint64_t last;
};

static int on_old_line(const cJSON *line, void *data)
{
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(line, "kind");
	const cJSON *in = cJSON_GetObjectItemCaseSensitive(line, "incident");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(in, "id");
	struct restore *r = data;

	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "incident") != 0)
		return 0;

	switch (r->what) {
	case RESTORE_NUMBER:
		if (cJSON_IsNumber(id) && id->valuedouble > (double) r->last)
			r->last = (uint64_t) id->valuedouble;
		break;
	case RESTORE_INCIDENT:
		(void) incident_restore(r->h->incidents, line);
		break;
	case RESTORE_LINE:
		(void) incident_restore_line(r->h->incidents, line);
		break;
	}
	return 0;
}

int record_schema(struct schema *s)
{
	const char *why;

	return schema_declare(s, "core", finding_kinds, &why);
}

int record_open(struct host *h)
{
	struct restore r = { .h = h };
	int e = ledger_open(h->state_dir, &h->ledger);

	if (e < 0) {
		log_error("ledger in %s: %s", h->state_dir, strerror(-e));
		return e;
	}
	e = vouch_open(h);
	if (e < 0)
		return e;
	(void) ledger_scan(h->state_dir, OLD_LINES, on_old_line, &r);
	h->incidents = incidents_new(r.last + 1, on_line, h);
	if (!h->incidents)
		return -ENOMEM;

	incidents_look(h->incidents, look, h);
	r.what = RESTORE_INCIDENT;
	(void) ledger_scan(h->state_dir, OLD_LINES, on_old_line, &r);
	r.what = RESTORE_LINE;
	(void) ledger_scan(h->state_dir, OLD_LINES, on_old_line, &r);
	return 0;
}

/* ---- findings as facts ------------------------------------------------------------------------- */

static void put(struct host *h, uint32_t e, const char *attr, const struct anod_value *v)
{
	const struct schema_attr *a = schema_attr(h->schema, "finding", attr);

	(void) store_publish(h->store, e, a->slot, v, host_now(h));
}

static void put_text(struct host *h, uint32_t e, const char *attr, const char *text)
{
	struct anod_value v = value_text(text);

	put(h, e, attr, &v);
}

static const char *agent_of(const struct host *h, uint64_t finding)
{
	const struct incident *i =
		incident_get(h->incidents, incident_of_finding(h->incidents, finding));

	for (unsigned k = 0; i && k < i->n_findings; k++)
		if (i->finding[k].id == finding)
			return i->finding[k].agent;
	return "";
}

void record_findings(struct host *h, uint64_t finding, bool open)
{
	uint16_t kind = schema_kind_id(h->schema, "finding");
	const struct anod_finding *f = incident_finding_get(h->incidents, finding);
	struct anod_value v;
	char name[32];
	uint32_t e;

	brakes_beat(h); /* before anything is proposed for it */
	(void) snprintf(name, sizeof(name), "%" PRIu64, finding);
	e = store_find(h->store, kind, name);
	if (!open) {
		if (e)
			(void) store_remove(h->store, e, host_now(h));
		return;
	}
	if (!f || store_entity(h->store, kind, name, host_now(h), &e) < 0)
		return;

	put_text(h, e, "code", f->code);
	put_text(h, e, "kind", f->kind);
	put_text(h, e, "entity", f->entity);
	put_text(h, e, "agent", agent_of(h, finding));
	put_text(h, e, "summary", f->summary);
	v = value_real(f->confidence, ANOD_UNIT_RATIO);
	put(h, e, "confidence", &v);
	v = value_bool(f->no_cure);
	put(h, e, "no_cure", &v);
	v = value_int((int64_t) incident_of_finding(h->incidents, finding), ANOD_UNIT_NONE);
	put(h, e, "incident", &v);
	/* Last: an agent that waits for it finds the others there. */
	v = value_int(f->n_rivals, ANOD_UNIT_NONE);
	put(h, e, "rivals", &v);
}
