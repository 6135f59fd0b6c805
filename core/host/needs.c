/*
 * needs - which values are used, and how often sensors should read them.
 *
 * Design.  Once a second the counts of store_need() are looked at, and the open incidents: a kind
 * of which somebody uses an attribute is needed every 'period' of its sensor's options, an entity
 * in an open incident every 'incident-period'.  A finding about path wan0 is about link wan0, too,
 * as everywhere in expressions.  A sensor is told only what has changed.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/host.h"
#include "host/pace.h"

#define NEEDS_MAX	1024 /* entities; further ones are read as often as their kind */
#define PERIOD_DFLT	(1 * US_PER_S)
#define PERIOD_INCIDENT (100 * US_PER_MS)

struct need {
	struct need *next;
	struct instance *sensor;
	const char *kind; /* the manifest's */
	char entity[ANOD_NAME_SIZE];
	uint64_t every_us;
	bool seen; /* in this beat */
};

static uint64_t option(struct instance *s, const char *name, uint64_t dflt)
{
	struct anod_value v;

	return instance_opt(&s->ctx, name, 0, &v) == 0 && v.type == ANOD_INT && v.u.i > 0
		       ? (uint64_t) v.u.i
		       : dflt;
}

static void tell(const struct need *n, uint64_t every_us)
{
	bool begun = meter_begin(n->sensor->meter);

	(void) n->sensor->plugin->need(&n->sensor->ctx, n->kind, n->entity[0] ? n->entity : NULL,
				       every_us);
	meter_end(n->sensor->meter, begun);
}

void needs_again(struct host *h, const struct instance *sensor)
{
	for (struct need *n = h->needs; n; n = n->next)
		if (n->sensor == sensor && n->every_us)
			tell(n, n->every_us);
}

/* Remember, and tell when it is new. */
static void note(struct host *h, struct instance *s, const char *kind, const char *entity,
		 uint64_t every_us)
{
	unsigned count = 0;
	struct need *n;

	for (n = h->needs; n; n = n->next, count++)
		if (n->sensor == s && n->kind == kind && strcmp(n->entity, entity) == 0)
			break;
	if (!n) {
		n = count < NEEDS_MAX ? calloc(1, sizeof(*n)) : NULL;
		if (!n)
			return;
		n->sensor = s;
		n->kind = kind;
		copy_text(n->entity, sizeof(n->entity), entity);
		n->next = h->needs;
		h->needs = n;
	}
	if (n->seen || n->every_us == every_us) {
		n->seen = true;
		return;
	}
	n->seen = true;
	n->every_us = every_us;
	tell(n, every_us);
}

void need_look(struct host *h, const struct schema_attr *a, bool on)
{
	store_need(h->store, a, on);
	h->n_looks[a->id] = (uint16_t) (h->n_looks[a->id] + (on ? 1 : -1));
}

static bool kind_needed(const struct host *h, const struct anod_kind *k)
{
	for (const struct anod_attr *a = k->attrs; a && a->name; a++) {
		const struct schema_attr *s = schema_attr(h->schema, k->name, a->name);

		if (s && store_needed(h->store, s))
			return true;
	}
	return false;
}

/* An entity of this name, whatever its kind, at the pace that an option of its sensor says.  An
 * entity that has been noted in this beat keeps its pace. */
static void note_entity(struct host *h, const char *name, const char *pace, uint64_t dflt)
{
	for (unsigned i = 0; i < h->n_sensors; i++) {
		struct instance *s = h->sensor[i];

		for (const struct anod_kind *k = s->plugin->kinds; s->plugin->need && k->name; k++)
			if (store_find(h->store, schema_kind_id(h->schema, k->name), name))
				note(h, s, k->name, name, option(s, pace, dflt));
	}
}

static void note_incidents(struct host *h)
{
	const struct incident *in;

	for (unsigned n = 0; (in = incident_nth(h->incidents, n)); n++) {
		for (unsigned k = 0; in->open && k < in->n_findings; k++) {
			const struct incident_finding *f = &in->finding[k];

			if (!f->cleared_us)
				note_entity(h, f->f.entity, "incident-period", PERIOD_INCIDENT);
		}
	}
}

/* The history keeps the links that the configuration gives a role, and nothing else may. */
static void note_roles(struct host *h)
{
	for (unsigned i = 0; h->config && i < h->config->n_links; i++)
		if (h->config->link[i].role)
			note_entity(h, h->config->link[i].name, "period", PERIOD_DFLT);
}

void needs_beat(struct host *h)
{
	for (struct need *n = h->needs; n; n = n->next)
		n->seen = false;

	for (unsigned i = 0; i < h->n_sensors; i++) {
		struct instance *s = h->sensor[i];

		for (const struct anod_kind *k = s->plugin->kinds; s->plugin->need && k->name; k++)
			note(h, s, k->name, "",
			     kind_needed(h, k) ? option(s, "period", PERIOD_DFLT) : 0);
	}
	if (h->incidents)
		note_incidents(h);
	note_roles(h);

	for (struct need **at = &h->needs; *at;) {
		struct need *n = *at;

		if (n->seen) {
			at = &n->next;
			continue;
		}
		tell(n, 0);
		*at = n->next;
		free(n);
	}
}

void needs_done(struct host *h)
{
	while (h->needs) {
		struct need *n = h->needs;

		h->needs = n->next;
		free(n);
	}
}
