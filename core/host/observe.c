/*
 * observe - the observation budget: all sensors together take no more than their share of a core.
 *
 * Design.  Meters and their arithmetic are in pace.c; here are the second in which the budget is
 * divided again, what is never slowed down, and what is said of it.  A sensor is told to be slow
 * after TELL_AFTER seconds of it and to be well again after OVER_AFTER seconds, so a single dear
 * reading is no news.
 */
#include "host/observe.h"

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/doctor.h"
#include "host/engine_verify.h"

#define TELL_AFTER  5 /* seconds */
#define OVER_AFTER  30
#define SLOW_FACTOR 1.25 /* from here on it is called slow */
#define FINE_FACTOR 1.1	 /* below it is called well */
#define OVER_RATIO  1.25 /* unpaced: of its limit */

enum { SHARE, LIMIT, SLOWED, HELD, FACTS };
static const char *const attr_name[FACTS] = { "share", "limit", "slowed", "held" };

struct watched { /* a sensor */
	const struct instance *sensor;
	struct meter meter;
	bool told; /* that it is slow, or takes too much */
	unsigned n_bad, n_good;
	uint64_t told_us;
};

struct observe {
	uint16_t kind, slot;
	unsigned n;
	struct watched item[METERS_MAX];
};

static double budget_of(const struct host *h)
{
	return h->config && h->config->observe > 0 ? h->config->observe : PACE_LIMIT;
}

/* ---- life --------------------------------------------------------------------------------- */

int observe_open(struct host *h)
{
	struct observe *o = h->observe = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	/* Neighbours in the schema, as put() wants them. */
	for (unsigned i = 0; i < FACTS; i++) {
		const struct schema_attr *a = schema_attr(h->schema, "sensor", attr_name[i]);

		if (!a || (i > 0 && a->slot != o->slot + i))
			return -EPROTO;
		if (i == 0)
			o->slot = a->slot;
	}
	o->kind = schema_kind_id(h->schema, "sensor");
	return 0;
}

void observe_close(struct host *h)
{
	free(TAKE(h->observe));
}

struct meter *observe_meter(struct host *h, const struct instance *sensor)
{
	struct observe *o = h->observe;
	struct watched *w;

	if (!o || o->n == METERS_MAX)
		return NULL;
	w = &o->item[o->n++];
	w->sensor = sensor;
	meter_init(&w->meter, budget_of(h) / 2);
	return &w->meter;
}

/* ---- what is never slowed down ------------------------------------------------------------ */

struct mark {
	struct host *h;
	struct observe *o;
};

static void mark_source(const struct expr *e, void *data)
{
	const struct mark *m = data;
	const struct schema_attr *a;

	if ((e->op != EXPR_FACT && e->op != EXPR_CALL) || !e->kind_name || !e->attr)
		return;
	a = schema_attr(m->h->schema, e->kind_name, e->attr);
	for (unsigned i = 0; a && i < m->o->n; i++)
		if (strcmp(m->o->item[i].sensor->plugin->name, a->source) == 0)
			m->o->item[i].meter.free = true;
}

static void mark_expr(struct mark *m, const struct expr *e)
{
	if (e)
		expr_walk(e, mark_source, m);
}

static bool is_verified(const struct txn *t)
{
	return t->state == TXN_APPLYING || t->state == TXN_VERIFYING || t->state == TXN_SOAK;
}

static bool is_armed(const struct txn *t)
{
	return t->state == TXN_ARMED || (t->reflex.kind != REFLEX_NONE && t->state == TXN_COMMIT);
}

static void mark_needed(struct host *h)
{
	struct mark m = { h, h->observe };
	const struct txn *t;

	for (unsigned n = 0; h->txns && (t = txns_nth(h->txns, n)); n++) {
		const struct policy_rule *permit = t->decision ? t->decision->permit : NULL;
		const struct tx_before *b = t->before;

		if (!is_verified(t) && !is_armed(t))
			continue;
		if (b)
			mark_expr(&m, b->own);
		if (permit)
			mark_expr(&m, permit->verify);
		if (permit && is_armed(t)) {
			mark_expr(&m, permit->when);
			mark_expr(&m, permit->reflex.when);
		}
	}
}

/* Whoever is needed from now on, and has put a reading off, hears of it. */
static void free_needed(struct host *h)
{
	struct observe *o = h->observe;
	bool was[METERS_MAX] = { false };

	for (unsigned i = 0; i < o->n; i++) {
		was[i] = o->item[i].meter.free;
		o->item[i].meter.free = false;
	}
	mark_needed(h);
	for (unsigned i = 0; i < o->n; i++)
		if (o->item[i].meter.free && !was[i] && o->item[i].meter.slowed > 1)
			needs_again(h, o->item[i].sensor);
}

/* ---- what is said of it ------------------------------------------------------------------- */

static bool is_slow(const struct watched *w, double factor)
{
	if (w->meter.paced)
		return meter_slowed(&w->meter) > factor;
	return meter_share(&w->meter) > w->meter.limit * OVER_RATIO &&
	       meter_share(&w->meter) > w->meter.budget / 4;
}

static void say_slow(const struct host *h, const struct watched *w)
{
	char wait[32], wanted[32];

	if (!w->meter.paced) {
		log_notice("sensor %s takes %.2f %% of a core and should take %.2f %% at most "
			   "(observe %g%%); how much it does was asked for, so it is not slowed "
			   "down",
			   w->sensor->name, meter_share(&w->meter) * 100, w->meter.limit * 100,
			   budget_of(h) * 100);
		return;
	}
	log_notice("sensor %s is slowed down: it reads every %s instead of every %s, because that "
		   "would take %.2f %% of a core and it may take %.2f %% (observe %g%%)",
		   w->sensor->name, format_duration(w->meter.wait_us, wait, sizeof(wait)),
		   format_duration(w->meter.wanted_us, wanted, sizeof(wanted)),
		   meter_need(&w->meter) * 100, w->meter.limit * 100, budget_of(h) * 100);
}

static void say_fine(const struct host *h, const struct watched *w)
{
	char since[32];

	log_notice("sensor %s %s again after %s: %.2f %% of a core, of %.2f %%", w->sensor->name,
		   w->meter.paced ? "reads as often as it is wanted to" : "stays within its share",
		   format_duration(host_now(h) - w->told_us, since, sizeof(since)),
		   meter_share(&w->meter) * 100, w->meter.limit * 100);
}

static void tell(const struct host *h, struct watched *w)
{
	if (w->meter.n_beats < PACE_GRACE)
		return;
	if (is_slow(w, w->told ? FINE_FACTOR : SLOW_FACTOR)) {
		w->n_good = 0;
		w->n_bad++;
	} else {
		w->n_bad = 0;
		w->n_good++;
	}
	if (!w->told && w->n_bad >= TELL_AFTER) {
		w->told = true;
		w->told_us = host_now(h);
		say_slow(h, w);
	} else if (w->told && w->n_good >= OVER_AFTER) {
		w->told = false;
		say_fine(h, w);
	}
}

static int64_t bits(double real)
{
	int64_t i;

	memcpy(&i, &real, sizeof(i));
	return i;
}

static void publish(struct host *h, const struct watched *w)
{
	int64_t raw[FACTS] = {
		[SHARE] = bits(meter_share(&w->meter)),
		[LIMIT] = bits(w->meter.limit),
		[SLOWED] = bits(meter_slowed(&w->meter)),
		[HELD] = (int64_t) meter_held_us(&w->meter),
	};
	uint64_t now = host_now(h);
	uint32_t entity;

	if (store_entity(h->store, h->observe->kind, w->sensor->plugin->name, now, &entity) >= 0)
		(void) store_put(h->store, entity, h->observe->slot, FACTS, raw, (1u << FACTS) - 1,
				 now);
}

void observe_beat(struct host *h)
{
	struct observe *o = h->observe;
	struct meter *meter[METERS_MAX];
	uint64_t now = host_now(h);

	for (unsigned i = 0; i < o->n; i++)
		meter[i] = &o->item[i].meter;
	meters_share(meter, o->n, budget_of(h));
	free_needed(h);
	for (unsigned i = 0; i < o->n; i++) {
		tell(h, &o->item[i]);
		publish(h, &o->item[i]);
		meter_beat(&o->item[i].meter, now);
	}
}

/* ---- for people --------------------------------------------------------------------------- */

static void doctor_slow(cJSON *list, const struct watched *w)
{
	char wait[32], wanted[32];

	if (w->meter.paced)
		doctor_add(list, w->sensor->name, NOTE,
			   "a longer period, or a larger observe in anod { }",
			   "sensor %s reads every %s instead of every %s: more would take %.2f %% "
			   "of a core, and it may take %.2f %%",
			   w->sensor->name, format_duration(w->meter.wait_us, wait, sizeof(wait)),
			   format_duration(w->meter.wanted_us, wanted, sizeof(wanted)),
			   meter_need(&w->meter) * 100, w->meter.limit * 100);
	else
		doctor_add(list, w->sensor->name, NOTE,
			   "ask it for less (fewer or slower probes), or a larger observe in "
			   "anod { }",
			   "sensor %s takes %.2f %% of a core, and should take %.2f %% at most",
			   w->sensor->name, meter_share(&w->meter) * 100, w->meter.limit * 100);
}

void observe_doctor(cJSON *list, struct host *h)
{
	const struct observe *o = h->observe;
	double all = 0;

	for (unsigned i = 0; o && i < o->n; i++) {
		all += meter_share(&o->item[i].meter);
		if (o->item[i].told)
			doctor_slow(list, &o->item[i]);
	}
	doctor_add(list, "observe", all > budget_of(h) ? NOTE : GOOD,
		   "see sensor.share in 'anodctl facts'; a larger observe in anod { }",
		   "all sensors take %.2f %% of a core, of %.2f %%", all * 100, budget_of(h) * 100);
}

void observe_json(const struct host *h, cJSON *top)
{
	const struct observe *o = h->observe;
	cJSON *list = NULL;

	for (unsigned i = 0; o && i < o->n; i++) {
		const struct watched *w = &o->item[i];
		cJSON *j;

		if (!w->told)
			continue;
		if (!list)
			list = cJSON_AddArrayToObject(top, "sensors_slowed");
		j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "sensor", w->sensor->name);
		cJSON_AddNumberToObject(j, "slowed", meter_slowed(&w->meter));
		cJSON_AddNumberToObject(j, "share", meter_share(&w->meter));
		cJSON_AddNumberToObject(j, "limit", w->meter.limit);
		cJSON_AddItemToArray(list, j);
	}
}
