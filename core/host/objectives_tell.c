/*
 * objectives_tell - what others hear of objectives: facts, ledger, incidents, log, monitor.
 *
 * Design.  Every change of fulfilment is a line of the ledger (kind "objective") with the measured
 * facts that made it.  Not fulfilled is a finding of the agent "intent", which the host is itself;
 * its incident is closed only after OBJECTIVE_CLEAR_US of fulfilment, so that a value at its
 * threshold is one incident.  The lines of one objective are bounded (TOKENS); what was left out is
 * counted in the next.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/log.h"
#include "facts/value.h"
#include "host/history_host.h"
#include "host/objectives_int.h"

#define AGENT	 "intent"
#define TOKENS	 20 /* changes told in a row */
#define TOKEN_US (30 * US_PER_S)

/* ---- facts ----------------------------------------------------------------------------------- */

static void put(struct host *h, uint32_t e, const char *attr, const struct anod_value *v,
		uint64_t now_us)
{
	const struct schema_attr *a = schema_attr(h->schema, "objective", attr);

	(void) store_publish(h->store, e, a->slot, v && v->type ? v : NULL, now_us);
}

void objective_publish(struct host *h, struct objective *o, uint64_t now_us)
{
	uint64_t wall = clock_wall_us();
	struct account_burn burn;
	struct anod_value v;
	uint32_t e;

	if (store_entity(h->store, schema_kind_id(h->schema, "objective"), o->name, now_us, &e) < 0)
		return;
	account_burn(o->account, &burn);
	v = o->state == ANOD_DOUBT ? value_unknown() : value_bool(o->state == ANOD_TRUE);
	put(h, e, "fulfilled", &v, now_us);
	v = value_real(account_left(o->account), ANOD_UNIT_RATIO);
	put(h, e, "budget_left", &v, now_us);
	v = value_real(burn.fast, ANOD_UNIT_RATIO);
	put(h, e, "burn", &v, now_us);
	v = value_real(burn.slow, ANOD_UNIT_RATIO);
	put(h, e, "burn_slow", &v, now_us);
	v = value_int(wall > o->since_wall_us ? (int64_t) (wall - o->since_wall_us) : 0,
		      ANOD_UNIT_TIME);
	put(h, e, "since", &v, now_us);
}

void objective_unpublish(struct host *h, const char *name)
{
	uint32_t e = store_find(h->store, schema_kind_id(h->schema, "objective"), name);

	if (e)
		(void) store_remove(h->store, e, host_now(h));
}

/* ---- requirements and their facts ------------------------------------------------------------- */

static cJSON *value_json(const struct anod_value *v)
{
	char text[96];

	return cJSON_CreateString(value_show(v, text, sizeof(text)));
}

static cJSON *reads_json(const struct expr_trace *t)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned k = 0; k < t->n; k++) {
		const struct expr_read *r = &t->read[k];
		cJSON *o = cJSON_CreateObject();
		char name[3 * ANOD_NAME_SIZE];

		(void) snprintf(name, sizeof(name), "%s/%s.%s", r->attr ? r->attr->kind_name : "",
				r->entity, r->attr ? r->attr->name : r->operand);
		cJSON_AddStringToObject(o, "fact", name);
		cJSON_AddItemToObject(o, "value", value_json(&r->value));
		if (r->why)
			cJSON_AddStringToObject(o, "why", r->why);
		else
			cJSON_AddNumberToObject(o, "age_us", (double) r->age_us);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* "p95(...) < 30ms": what it is now, and what it must not pass. */
static void add_sides(cJSON *o, const struct expr *e, const struct expr_env *env)
{
	bool turned = e->op == EXPR_COMPARE && e->a->op == EXPR_LITERAL;
	struct anod_value v;

	if (e->op != EXPR_COMPARE)
		return;
	expr_value(turned ? e->b : e->a, env, &v);
	cJSON_AddItemToObject(o, "value", value_json(&v));
	expr_value(turned ? e->a : e->b, env, &v);
	cJSON_AddItemToObject(o, "threshold", value_json(&v));
}

cJSON *objective_requirements(struct host *h, const struct objective *o)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < o->policy->n_requires; i++) {
		const struct expr *e = o->policy->require[i];
		_cleanup_(freep) char *text = expr_format(e);
		struct expr_read read[OBJECTIVE_READS];
		struct expr_trace t = { .read = read, .max = OBJECTIVE_READS };
		struct expr_env env;
		cJSON *one = cJSON_CreateObject();

		objective_env(h, &env);
		cJSON_AddStringToObject(one, "text", text ? text : "");
		add_sides(one, e, &env);
		env.trace = &t;
		cJSON_AddStringToObject(one, "truth", tri_name(expr_truth(e, &env)));
		cJSON_AddItemToObject(one, "facts", reads_json(&t));
		cJSON_AddItemToArray(list, one);
	}
	return list;
}

cJSON *objective_probes(struct host *h, const struct objective *o)
{
	const struct objectives *s = h->objectives;
	cJSON *list = cJSON_CreateArray();

	for (unsigned k = 0; k < s->plan.n_sets; k++) {
		const struct flow_set *set = &s->plan.set[k];

		if (!objective_reads_set(o, set->set->name))
			continue;
		for (unsigned i = 0; i < set->n && s->member; i++) {
			const struct member *m = &s->member[set->probe[i]];
			cJSON *one = cJSON_CreateObject();

			cJSON_AddStringToObject(one, "probe", m->name);
			cJSON_AddStringToObject(one, "set", set->set->name);
			cJSON_AddNumberToObject(one, "every_us", (double) m->probe.every_us);
			cJSON_AddNumberToObject(one, "timeout_us", (double) m->probe.timeout_us);
			if (m->refused)
				cJSON_AddTrueToObject(one, "refused");
			cJSON_AddItemToArray(list, one);
		}
	}
	return list;
}

/* ---- ledger ---------------------------------------------------------------------------------- */

static void add_number(cJSON *o, const char *name, double x)
{
	if (isfinite(x))
		cJSON_AddNumberToObject(o, name, x);
	else
		cJSON_AddNullToObject(o, name);
}

static cJSON *event_new(struct host *h, const struct objective *o)
{
	cJSON *b = cJSON_CreateObject();
	struct account_burn burn;

	account_burn(o->account, &burn);
	cJSON_AddStringToObject(b, "objective", o->name);
	cJSON_AddStringToObject(b, "state", objective_state_name(o));
	add_number(b, "budget_left", account_left(o->account));
	add_number(b, "burn", burn.fast);
	cJSON_AddItemToObject(b, "requirements", objective_requirements(h, o));
	return b;
}

void objective_note(struct host *h, struct objective *o, const char *did)
{
	cJSON *b = cJSON_CreateObject();
	char text[ANOD_NAME_SIZE + 64], period[32];

	(void) format_duration(o->account->period_us, period, sizeof(period));
	cJSON_AddStringToObject(b, "objective", o->name);
	cJSON_AddStringToObject(b, "did", did);
	cJSON_AddStringToObject(b, "requires", o->key);
	add_number(b, "target", o->account->target > 0 ? o->account->target : NAN);
	cJSON_AddStringToObject(b, "per", period);
	if (strcmp(did, "changed") == 0 || strcmp(did, "removed") == 0)
		add_number(b, "budget_left", account_left(o->account));
	else
		cJSON_AddItemToObject(b, "probes", objective_probes(h, o));
	(void) record_event(h, "intent", b);

	(void) snprintf(text, sizeof(text), "objective \"%s\" %s", o->name, did);
	log_info("%s%s", text,
		 strcmp(did, "renewed") == 0   ? ": its probes follow the policy"
		 : strcmp(did, "changed") == 0 ? ": a new period begins"
					       : "");
	monitor_send(h, "note", 0, 0, AGENT, text);
}

/* May another change be told?  20 at once, then one in 30 s. */
static bool may_tell(struct objective *o, uint64_t now_us)
{
	if (!o->token_us) {
		o->token_us = now_us;
		o->tokens = TOKENS;
	}
	while (o->tokens < TOKENS && now_us - o->token_us >= TOKEN_US) {
		o->token_us += TOKEN_US;
		o->tokens++;
	}
	if (o->tokens == TOKENS)
		o->token_us = now_us;
	if (o->tokens == 0) {
		o->n_untold++;
		return false;
	}
	o->tokens--;
	return true;
}

/* ---- findings -------------------------------------------------------------------------------- */

static void add_refs(struct anod_finding *f, const struct expr_trace *t)
{
	for (unsigned k = 0; k < t->n && f->n_refs < ANOD_REFS_MAX; k++) {
		const struct expr_read *r = &t->read[k];
		struct anod_ref *ref = &f->ref[f->n_refs];

		/* The name of a statistic may be too long for a finding; its requirement is said. */
		if (!r->attr || strlen(r->attr->name) >= sizeof(ref->attr))
			continue;
		copy_text(ref->kind, sizeof(ref->kind), r->attr->kind_name);
		copy_text(ref->entity, sizeof(ref->entity), r->entity);
		copy_text(ref->attr, sizeof(ref->attr), r->attr->name);
		f->n_refs++;
	}
}

static void summarise(struct anod_finding *f, const struct objective *o, const struct expr *e,
		      const struct expr_env *env)
{
	_cleanup_(freep) char *text = expr_format(e);
	struct anod_value v = value_unknown();
	char value[96];

	if (e->op == EXPR_COMPARE)
		expr_value(e->a->op == EXPR_LITERAL ? e->b : e->a, env, &v);
	(void) snprintf(f->summary, sizeof(f->summary), "\"%.40s\" requires %.80s%s%s", o->name,
			text ? text : "", v.type ? ", and it is " : ", which is not so",
			v.type ? value_show(&v, value, sizeof(value)) : "");
}

static void open_finding(struct host *h, struct objective *o)
{
	struct anod_finding f = { .size = sizeof(f), .confidence = 1 };
	struct violation *v = &o->violation[(o->n_violations - 1) % VIOLATIONS_KEPT];
	uint64_t now = host_now(h), wall = clock_wall_us();
	bool first = !o->finding;

	copy_text(f.code, sizeof(f.code), "objective-violated");
	copy_text(f.kind, sizeof(f.kind), "objective");
	copy_text(f.entity, sizeof(f.entity), o->name);
	for (unsigned i = 0; i < o->policy->n_requires; i++) {
		const struct expr *e = o->policy->require[i];
		struct expr_read read[OBJECTIVE_READS];
		struct expr_trace t = { .read = read, .max = OBJECTIVE_READS };
		struct expr_env env;

		objective_env(h, &env);
		env.trace = &t;
		if (expr_truth(e, &env) != ANOD_FALSE)
			continue;
		add_refs(&f, &t);
		env.trace = NULL;
		if (!f.summary[0])
			summarise(&f, o, e, &env);
	}
	if (incident_find(h->incidents, AGENT, &f, now, wall, &o->finding, &o->incident) < 0)
		return;
	v->incident = o->incident;
	if (!first)
		return;
	record_evidence(h, AGENT, &f, o->incident);
	flights_on_finding(h, o->incident);
	record_findings(h, o->finding, true);
}

void objective_clear(struct host *h, struct objective *o, const char *why)
{
	if (!o->finding)
		return;
	record_findings(h, o->finding, false);
	(void) incident_clear(h->incidents, o->finding, why, host_now(h), clock_wall_us());
	o->finding = 0;
	o->incident = 0;
}

/* ---- changes --------------------------------------------------------------------------------- */

void objective_changed(struct host *h, struct objective *o, enum anod_tri was, uint64_t now_us)
{
	static const char *const names[] = { "not fulfilled", "unknown", "fulfilled" };
	uint64_t wall = clock_wall_us();
	char text[ANOD_NAME_SIZE + 64];
	cJSON *b;

	if (o->state == ANOD_FALSE)
		open_finding(h, o);
	if (!may_tell(o, now_us))
		return;

	b = event_new(h, o);
	cJSON_AddStringToObject(b, "was", names[was]);
	cJSON_AddNumberToObject(b, "was_for_us",
				wall > o->since_wall_us ? (double) (wall - o->since_wall_us) : 0);
	if (o->incident)
		cJSON_AddNumberToObject(b, "incident", (double) o->incident);
	if (o->n_untold)
		cJSON_AddNumberToObject(b, "changes_left_out", o->n_untold);
	o->n_untold = 0;
	(void) record_event(h, "objective", b);

	(void) snprintf(text, sizeof(text), "objective \"%s\": %s", o->name,
			objective_state_name(o));
	log_about(o->state == ANOD_FALSE ? LOG_WARNING : LOG_NOTICE, 0, o->incident, "%s", text);
	monitor_send(h, "note", o->incident, 0, AGENT, text);
}

/* Once when it begins, and again only after it was over. */
void objective_burns(struct host *h, struct objective *o)
{
	struct account_burn burn;
	char text[ANOD_NAME_SIZE + 160], lasts[32];
	bool high;
	cJSON *b;

	account_burn(o->account, &burn);
	high = burn.fast >= BURN_FAST || burn.slow >= BURN_SLOW;
	if (!high)
		o->burning &= burn.fast >= BURN_FAST / 2 || burn.slow >= BURN_SLOW / 2;
	if (!high || o->burning)
		return;

	o->burning = true;
	(void) format_duration(account_lasts_us(o->account, MAX_OF(burn.fast, burn.slow)), lasts,
			       sizeof(lasts));
	(void) snprintf(
		text, sizeof(text),
		"objective \"%s\" spends its error budget %.0f times too fast: %s left of it",
		o->name, MAX_OF(burn.fast, burn.slow), lasts);
	b = event_new(h, o);
	cJSON_AddStringToObject(b, "did", "burns");
	add_number(b, "burn_slow", burn.slow);
	(void) record_event(h, "objective", b);
	log_about(LOG_WARNING, 0, o->incident, "%s", text);
	monitor_send(h, "note", o->incident, 0, AGENT, text);
}
