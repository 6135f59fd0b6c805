/*
 * brakes - the daemon's side of brake and damping: numbers in, news and answers out.
 *
 * Design.  Neither has a file of its own.  Damping is folded from the track whenever it is asked
 * for; the buckets start with what the track says was applied lately, on the strict side, so a
 * restart is no way around them.  A lock-out is told when the change that made it is kept, because
 * one that is taken back is no reversal.
 */
#include "host/brakes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/notify.h"
#include "policy/damp.h"
#include "txn/brake.h"

#define ROWS_MAX 256 /* resources of an answer */

void brakes_reloaded(struct host *h)
{
	txns_brake(h->txns, &h->config->policy->brake);
}

void brakes_open(struct host *h)
{
	uint64_t tx = 0;

	brakes_reloaded(h);
	for (unsigned i = 0; h->track && i < track_count(h->track); i++) {
		const struct track_entry *e = track_nth(h->track, i);

		if (!e->applied || e->tx == tx || e->applied_us < 0)
			continue;
		tx = e->tx;
		txns_brake_used(h->txns, (uint64_t) e->applied_us);
	}
}

/* ---- too many sick ------------------------------------------------------------------------ */

static bool has_finding(const struct host *h, const char *kind, const char *entity)
{
	const struct incident *i;

	for (unsigned n = 0; (i = incident_nth(h->incidents, n)); n++)
		for (unsigned k = 0; i->open && k < i->n_findings; k++)
			if (!i->finding[k].cleared_us && strcmp(i->finding[k].f.kind, kind) == 0 &&
			    strcmp(i->finding[k].f.entity, entity) == 0)
				return true;
	return false;
}

void brakes_beat(struct host *h)
{
	const struct policy *p = h->config->policy;
	const struct policy_set *set =
		p->brake.sick_set ? policy_find_set(p, p->brake.sick_set) : NULL;
	uint16_t kind = set ? schema_kind_id(h->schema, set->kind_name) : 0;
	unsigned all = 0, sick = 0;
	char why[ANOD_REASON_SIZE];

	if (!kind || p->brake.off) {
		txns_sick(h->txns, NULL);
		return;
	}
	for (unsigned i = 0; i < store_count(h->store, kind); i++) {
		const char *name = store_entity_name(h->store, store_nth(h->store, kind, i));

		/* What may be in it counts as much as what is. */
		if (!name ||
		    set_has(h->config, h->store, host_now(h), set->name, kind, name) == ANOD_FALSE)
			continue;
		all++;
		sick += has_finding(h, set->kind_name, name);
	}
	if (!all || sick <= p->brake.sick * all) {
		txns_sick(h->txns, NULL);
		return;
	}
	(void) snprintf(why, sizeof(why),
			"the storm brake holds it: %u of %u in set %s have findings, more than "
			"%g%%; no single change repairs that",
			sick, all, set->name, p->brake.sick * 100);
	if (!txns_get_brake(h->txns)->sick[0])
		log_warning("%s", why);
	txns_sick(h->txns, why);
}

/* ---- lock-outs ---------------------------------------------------------------------------- */

static void tell(struct host *h, const struct txn *t, const char *resource,
		 const struct damp_state *s)
{
	char how[256], text[320];
	cJSON *b = cJSON_CreateObject();
	struct policy_rule permit;

	(void) damp_text(s, &h->config->policy->damping, resource, host_now(h), clock_wall_us(),
			 how, sizeof(how));
	(void) snprintf(text, sizeof(text), "damped: %s", how);
	cJSON_AddNumberToObject(b, "tx", (double) t->id);
	cJSON_AddStringToObject(b, "resource", resource);
	cJSON_AddNumberToObject(b, "reversals", s->reversals);
	cJSON_AddNumberToObject(b, "locks", s->locks);
	cJSON_AddStringToObject(b, "severity", s->critical ? "critical" : "major");
	cJSON_AddStringToObject(b, "text", text);
	(void) record_event(h, "damping", b);
	incident_note(h->incidents, t->incident, LINE_NOTE, t->id, "", host_now(h),
		      clock_wall_us(), "%s", text);
	log_text(s->critical ? LOG_ALERT : LOG_WARNING, "%s", text);
	monitor_send(h, "damping", t->incident, t->id, t->agent, text);
	if (!s->critical || !t->decision || !t->decision->permit)
		return;
	/* Whomever the permit names, in the voice of a page. */
	permit = *t->decision->permit;
	permit.severity = SEVERITY_CRITICAL;
	notify_permit(h, &permit, "damping", t->agent, text);
}

void brakes_txn(struct host *h, const struct txn *t)
{
	const struct decision *d = t->decision;
	struct damp_state s;

	if (t->state != TXN_COMMIT || !d || !h->track)
		return;
	for (unsigned i = 0; i < d->n_entries; i++) {
		const struct track_entry *e = track_find(h->track, t->id);
		bool seen = false;

		for (unsigned k = 0; k < i; k++)
			seen |= strcmp(d->entry[k].resource, d->entry[i].resource) == 0;
		if (seen || !e || !e->applied)
			continue;
		damp_look(h->track, &h->config->policy->damping, d->entry[i].resource, NULL,
			  host_now(h), &s);
		if (s.locked && !s.lost && s.turned_us == e->applied_us)
			tell(h, t, d->entry[i].resource, &s);
	}
}

/* ---- answers ------------------------------------------------------------------------------ */

static void add_agent(cJSON *list, const struct brake_agent *a, uint64_t now_us)
{
	unsigned n_muted = 0;
	cJSON *o;

	for (unsigned i = 0; i < BRAKE_SEEN; i++)
		n_muted += a->seen[i].n && a->seen[i].muted_until_us > now_us;
	if (a->until_us <= now_us && !n_muted)
		return;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "agent", a->name);
	cJSON_AddNumberToObject(o, "denied", a->streak);
	cJSON_AddNumberToObject(o, "muted", n_muted);
	if (a->until_us > now_us)
		cJSON_AddNumberToObject(o, "left_us", (double) (a->until_us - now_us));
	cJSON_AddItemToArray(list, o);
}

struct cJSON *brakes_json(const struct host *h)
{
	const struct brake *b = txns_get_brake(h->txns);
	cJSON *o = cJSON_CreateObject(), *list;
	uint64_t now = host_now(h);

	cJSON_AddBoolToObject(o, "on", b->on);
	list = cJSON_AddArrayToObject(o, "rates");
	for (unsigned i = 0; b->on && i < ARRAY_SIZE(b->bucket); i++) {
		const struct brake_bucket *k = &b->bucket[i];
		cJSON *r;

		if (!k->count)
			continue;
		r = cJSON_CreateObject();
		cJSON_AddNumberToObject(r, "count", k->count);
		cJSON_AddNumberToObject(r, "per_us", (double) k->window_us);
		cJSON_AddNumberToObject(r, "left", brake_left(k, now));
		cJSON_AddItemToArray(list, r);
	}
	if (b->sick[0])
		cJSON_AddStringToObject(o, "sick", b->sick);
	list = cJSON_AddArrayToObject(o, "agents");
	for (unsigned i = 0; i < b->n_agents; i++)
		add_agent(list, &b->agent[i], now);
	cJSON_AddNumberToObject(o, "waited", (double) b->n_waited);
	cJSON_AddNumberToObject(o, "observed", (double) b->n_sick);
	cJSON_AddNumberToObject(o, "put_off", (double) b->n_put_off);
	cJSON_AddNumberToObject(o, "muted", (double) b->n_muted);
	return o;
}

static void add_row(const struct host *h, cJSON *list, const char *resource)
{
	const struct policy_damping *p = &h->config->policy->damping;
	struct damp_state s;
	char text[256];
	cJSON *o;

	damp_look(h->track, p, resource, NULL, host_now(h), &s);
	if (!s.damped && !s.penalty && !s.reversals)
		return;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "resource", resource);
	cJSON_AddBoolToObject(o, "damped", s.damped);
	cJSON_AddBoolToObject(o, "locked", s.locked);
	cJSON_AddNumberToObject(o, "reversals", s.reversals);
	cJSON_AddNumberToObject(o, "locks", s.locks);
	cJSON_AddNumberToObject(o, "penalty", s.penalty);
	if (s.damped)
		cJSON_AddNumberToObject(o, "until_us",
					(double) (s.locked ? s.unlock_us : s.reuse_us));
	cJSON_AddStringToObject(o, "text",
				s.damped ? damp_text(&s, p, resource, host_now(h), clock_wall_us(),
						     text, sizeof(text))
					 : "free");
	cJSON_AddItemToArray(list, o);
}

struct cJSON *damping_json(const struct host *h)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "damping");
	const char *seen[ROWS_MAX];
	unsigned n = 0;

	cJSON_AddBoolToObject(data, "off", h->config->policy->damping.off);
	for (unsigned i = h->track ? track_count(h->track) : 0; i-- > 0 && n < ROWS_MAX;) {
		const struct track_entry *e = track_nth(h->track, i);
		bool known = false;

		for (unsigned k = 0; k < n && !known; k++)
			known = strcmp(seen[k], e->resource) == 0;
		if (known)
			continue;
		seen[n++] = e->resource;
		add_row(h, list, e->resource);
	}
	return data;
}
