/*
 * reflexes_json - what is armed, for "anodctl reflexes".
 *
 * Design.  Names and units of the members are those of docs/control.md.
 */
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/reflexes_int.h"
#include "policy/action_text.h"

/* Measured: a request and its answer for one link, without statistics (docs/bench.md). */
#define SENTINEL_COST_US 4.0

static const char *cause_text(uint32_t cause)
{
	static const char *const text[] = { [0] = "noticed later",
					    [GUARD_CAUSE_EVENT] = "the kernel told",
					    [GUARD_CAUSE_SENTINEL] = "the sentinel asked",
					    [GUARD_CAUSE_HOST] = "its condition became true" };

	return cause < ARRAY_SIZE(text) ? text[cause] : "";
}

static void add_firings(cJSON *o, const struct reflex *x)
{
	static const char *const ends[] = { "open", "verified", "undone", "not verified" };
	cJSON *list = cJSON_AddArrayToObject(o, "firings");

	for (unsigned i = x->n_firings; i-- > 0;) {
		const struct firing *f = &x->firing[i];
		cJSON *e = cJSON_CreateObject();
		char t[40];

		cJSON_AddStringToObject(e, "t", format_wall(f->wall_us, t, sizeof(t)));
		cJSON_AddNumberToObject(e, "tx", (double) f->tx);
		cJSON_AddStringToObject(e, "cause", cause_text(f->cause));
		if (f->took_ns)
			cJSON_AddNumberToObject(e, "took_us", (double) f->took_ns / 1000);
		cJSON_AddStringToObject(e, "end", ends[f->end]);
		if (f->end)
			cJSON_AddNumberToObject(e, "settled_us", (double) f->settled_us);
		if (f->why[0])
			cJSON_AddStringToObject(e, "why", f->why);
		cJSON_AddItemToArray(list, e);
	}
}

static void add_trigger(cJSON *o, const struct reflex *x)
{
	const struct policy_reflex *c = &x->permit->reflex;
	_cleanup_(freep) char *when = c->when ? expr_format(c->when) : NULL;
	cJSON *t = cJSON_AddObjectToObject(o, "trigger");

	if (c->link)
		cJSON_AddStringToObject(t, "link", c->link);
	if (when)
		cJSON_AddStringToObject(t, "when", when);
	if (c->standby)
		cJSON_AddStringToObject(o, "standby", c->standby);
	if (c->scope)
		cJSON_AddStringToObject(o, "for", c->scope);
	cJSON_AddNumberToObject(o, "refractory_us", (double) c->refractory_us);
}

static void add_sentinel(cJSON *o, const struct reflex *x)
{
	cJSON *s = cJSON_AddObjectToObject(o, "sentinel");

	cJSON_AddNumberToObject(s, "period_us", x->sentinel_us);
	if (x->sentinel_us)
		cJSON_AddNumberToObject(s, "cpu_share", SENTINEL_COST_US / x->sentinel_us);
	else if (x->sentinel_why[0])
		cJSON_AddStringToObject(s, "why", x->sentinel_why);
}

static void add_effect(cJSON *o, const struct reflex *x)
{
	const struct effect *e = &x->effect;
	cJSON *f;

	/* The what-if does not see the table of a bridge, which says itself what it leads around. */
	if (!e->known || x->kind == REFLEX_BRIDGE || x->bridge)
		return;
	f = cJSON_AddObjectToObject(o, "effect");
	cJSON_AddNumberToObject(f, "prefixes", e->all);
	cJSON_AddNumberToObject(f, "moved", e->moved);
	cJSON_AddNumberToObject(f, "mended", e->mended);
	cJSON_AddNumberToObject(f, "lost", e->lost);
	if (e->bps_known)
		cJSON_AddNumberToObject(f, "traffic_bps", e->bps);
}

static void add_bridge(cJSON *o, const struct reflex *x)
{
	struct bridge_stats stats;
	cJSON *b;

	if (!x->bridge)
		return;
	bridge_stats(x->bridge, &stats);
	b = cJSON_AddObjectToObject(o, "bridge");
	cJSON_AddNumberToObject(b, "table", x->choice.table);
	cJSON_AddNumberToObject(b, "entries", stats.entries);
	cJSON_AddNumberToObject(b, "behind", stats.behind);
	cJSON_AddNumberToObject(b, "unwritten", stats.unwritten);
	cJSON_AddNumberToObject(b, "writes", (double) stats.writes);
	cJSON_AddNumberToObject(b, "errors", (double) stats.errors);
	cJSON_AddNumberToObject(b, "memory", (double) stats.memory);
	cJSON_AddNumberToObject(b, "lag_us", (double) stats.lag_us);
}

static void add_actions(cJSON *o, const struct reflex *x)
{
	cJSON *list = cJSON_AddArrayToObject(o, "actions");
	char text[512];

	for (unsigned i = 0; i < x->choice.n_actions; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(action_format(&x->choice.action[i],
									    text, sizeof(text))));
}

/* "armed" is only what a living guardian holds: while a new one is started, or gets it ready, it is
 * being armed again. */
static enum reflex_phase phase_now(const struct reflex *x)
{
	const struct txn *t = x->phase == REFLEX_ARMED ? txns_get(x->h->txns, x->tx) : NULL;

	if (t && (t->state == TXN_ARMING || proof_missing(x->h, PROC_GUARDIAN)))
		return REFLEX_ARMING;
	return x->phase;
}

static cJSON *one_json(const struct reflex *x)
{
	const char *kind = x->kind ? reflex_kind_name(x->kind) : NULL;
	uint64_t now = host_now(x->h), tx = x->tx ? x->tx : x->back_tx;
	cJSON *o = cJSON_CreateObject();
	char t[40];

	cJSON_AddStringToObject(o, "name", x->name);
	cJSON_AddStringToObject(o, "state", rfx_phase_name(phase_now(x)));
	cJSON_AddNumberToObject(o, "since_us", (double) (now - MIN_OF(x->since_us, now)));
	if (x->why[0])
		cJSON_AddStringToObject(o, "why", x->why);
	if (kind)
		cJSON_AddStringToObject(o, "kind", kind);
	if (x->choice.way)
		cJSON_AddStringToObject(o, "chosen", x->choice.why);
	if (x->choice.note[0])
		cJSON_AddStringToObject(o, "note", x->choice.note);
	add_trigger(o, x);
	cJSON_AddNumberToObject(o, "routes", x->choice.routes);
	add_actions(o, x);
	add_effect(o, x);
	add_sentinel(o, x);
	add_bridge(o, x);
	if (tx)
		cJSON_AddNumberToObject(o, "tx", (double) tx);
	if (x->phase == REFLEX_ARMED) {
		cJSON_AddStringToObject(o, "armed", format_wall(x->armed_wall_us, t, sizeof(t)));
		cJSON_AddNumberToObject(o, "age_us", (double) (now - MIN_OF(x->armed_us, now)));
	}
	cJSON_AddNumberToObject(o, "fired", (double) x->n_fired);
	cJSON_AddNumberToObject(o, "verified", (double) x->n_verified);
	cJSON_AddNumberToObject(o, "undone", (double) x->n_undone);
	add_firings(o, x);
	return o;
}

cJSON *reflexes_summary(const struct host *h)
{
	const struct reflexes *s = h->reflexes;
	cJSON *o = cJSON_CreateObject();
	unsigned all = 0, armed = 0;

	for (unsigned i = 0; s && i < s->n; i++) {
		all += s->item[i]->permit != NULL;
		armed += s->item[i]->permit && phase_now(s->item[i]) == REFLEX_ARMED;
	}
	cJSON_AddNumberToObject(o, "all", all);
	cJSON_AddNumberToObject(o, "armed", armed);
	return o;
}

cJSON *reflexes_json(struct host *h, const char *name)
{
	const struct reflexes *s = h->reflexes;
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "reflexes");
	bool found = !name;

	for (unsigned i = 0; s && i < s->n; i++) {
		const struct reflex *x = s->item[i];

		if (!x->permit || (name && strcmp(x->name, name) != 0))
			continue;
		cJSON_AddItemToArray(list, one_json(x));
		found = true;
	}
	if (s && s->too_many[0])
		cJSON_AddStringToObject(o, "too_many", s->too_many);
	if (found)
		return o;
	cJSON_Delete(o);
	return NULL;
}
