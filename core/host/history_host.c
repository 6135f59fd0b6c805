/*
 * history_host - which facts the daemon keeps a history of.
 *
 * Design.  Once a second the reasons to keep each attribute are looked at anew: somebody needs
 * its values (watch, guard, statistic: store_needed(), but not who only looks), the configuration names it, or it is one
 * of those that an engineer asks for first after an outage (defaults).  The difference to what
 * held before is told to the history, which counts.  Defaults of links are kept for all of them
 * while there are few, else for those that the configuration gives a role.
 *
 * What we keep by configuration or default we need as well, so that its sensor reads it at its
 * pace; what is kept because somebody needs it is not needed by us, or it would never be let go.
 */
#include <errno.h>
#include <string.h>

#include "host/history_host.h"

#define LINKS_FEW 64 /* of so many links the defaults are kept for each */

enum { KEEP_NEEDED = 1, KEEP_CONFIGURED = 2, KEEP_DEFAULT = 4 };

struct keeper {
	uint8_t why[SCHEMA_ATTRS_MAX + 1]; /* KEEP_* for all entities, by id of the attribute */
	bool need[SCHEMA_ATTRS_MAX + 1];   /* we are one of those who need it */
	const struct config *config;	   /* whose 'one' is */
	unsigned n_one;
	struct keeper_one { /* of one entity: by configuration, or of a link with a role */
		const struct schema_attr *attr;
		char name[ANOD_NAME_SIZE];
		uint32_t entity; /* as the history knows it; 0: not there now */
		uint8_t why;
	} * one;
};

static const char *const link_defaults[] = {
	"rx_bytes",  "tx_bytes",  "rx_bps",	"tx_bps",     "rx_pps", "tx_pps",
	"rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "util",	"carrier",
};
static const char *const other_defaults[][2] = {
	{ "path", "loss" },
	{ "path", "rtt" },
	{ "probe", "loss" },
	{ "probe", "rtt" },
};

/* ---- of one entity ------------------------------------------------------------------------------ */

static void one_let_go(struct host *h, struct keeper *k)
{
	for (unsigned i = 0; i < k->n_one; i++)
		if (k->one[i].entity)
			history_drop(h->history, k->one[i].attr, k->one[i].entity);
	free(k->one);
	k->one = NULL;
	k->n_one = 0;
}

static void one_add(struct keeper *k, const struct schema_attr *a, const char *name, uint8_t why)
{
	struct keeper_one *grown =
		a ? reallocarray(k->one, k->n_one + 1, sizeof(struct keeper_one)) : NULL;

	if (!grown)
		return; /* without memory, or without that sensor, there is no history of it */
	k->one = grown;
	grown[k->n_one] = (struct keeper_one){ .attr = a, .why = why };
	copy_text(grown[k->n_one++].name, ANOD_NAME_SIZE, name);
}

/* A new configuration: who is named in it. */
static void one_list(struct host *h, struct keeper *k)
{
	const struct config *c = h->config;

	one_let_go(h, k);
	k->config = c;
	for (unsigned i = 0; i < c->n_history_keeps; i++) {
		const struct expr *e = c->history_keep[i];

		if (e->entity)
			one_add(k, schema_attr(h->schema, e->kind_name, e->attr), e->entity,
				KEEP_CONFIGURED);
	}
	for (unsigned i = 0; i < c->n_links; i++)
		for (size_t d = 0; c->link[i].role && d < ARRAY_SIZE(link_defaults); d++)
			one_add(k, schema_attr(h->schema, "link", link_defaults[d]),
				c->link[i].name, KEEP_DEFAULT);
}

/* Entities come and go. */
static void one_follow(struct host *h, struct keeper *k)
{
	for (unsigned i = 0; i < k->n_one; i++) {
		struct keeper_one *o = &k->one[i];
		uint32_t e = store_find(h->store, o->attr->kind, o->name);

		if (e == o->entity)
			continue;
		if (o->entity)
			history_drop(h->history, o->attr, o->entity);
		o->entity = e && history_keep(h->history, o->attr, e) >= 0 ? e : 0;
	}
}

/* ---- of all entities ---------------------------------------------------------------------------- */

static bool is_default(const struct host *h, const struct schema_attr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_defaults); i++)
		if (strcmp(a->kind_name, other_defaults[i][0]) == 0 &&
		    strcmp(a->name, other_defaults[i][1]) == 0)
			return true;
	if (a->kind != h->link_kind || store_count(h->store, a->kind) > LINKS_FEW)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(link_defaults); i++)
		if (strcmp(a->name, link_defaults[i]) == 0)
			return true;
	return false;
}

static bool is_configured(const struct host *h, const struct schema_attr *a)
{
	for (unsigned i = 0; i < h->config->n_history_keeps; i++) {
		const struct expr *e = h->config->history_keep[i];

		if (!e->entity && strcmp(e->kind_name, a->kind_name) == 0 &&
		    strcmp(e->attr, a->name) == 0)
			return true;
	}
	return false;
}

static void follow(struct host *h, struct keeper *k, const struct schema_attr *a)
{
	bool need = k->need[a->id];
	uint8_t old = k->why[a->id], why = 0;

	why |= is_default(h, a) ? KEEP_DEFAULT : 0;
	why |= is_configured(h, a) ? KEEP_CONFIGURED : 0;
	why |= store_needed(h->store, a) > h->n_looks[a->id] + (need ? 1u : 0u) ? KEEP_NEEDED : 0;
	k->why[a->id] = why;
	if (why && !old && history_keep(h->history, a, 0) < 0)
		k->why[a->id] = why = 0;
	if (!why && old)
		history_drop(h->history, a, 0);
	if (need != ((why & (KEEP_CONFIGURED | KEEP_DEFAULT)) != 0)) {
		k->need[a->id] = !need;
		store_need(h->store, a, !need);
	}
}

void history_beat(struct host *h)
{
	struct keeper *k = h->keeper;

	if (k->config != h->config) {
		one_list(h, k);
		history_set_memory(h->history, h->config->history_bytes ?: HISTORY_BYTES_DFLT);
	}
	for (uint16_t kind = 1; kind <= schema_n_kinds(h->schema); kind++) {
		for (uint16_t s = 0; s < schema_n_slots(h->schema, kind); s++) {
			const struct schema_attr *a = schema_attr_at(h->schema, kind, s);

			if (a->type != ANOD_TEXT && a->type != ANOD_PREFIX)
				follow(h, k, a);
		}
	}
	one_follow(h, k);
}

const char *history_why(const struct host *h, const struct schema_attr *a, const char *entity)
{
	uint8_t why = h->keeper->why[a->id];

	for (unsigned i = 0; i < h->keeper->n_one; i++)
		if (h->keeper->one[i].attr == a && strcmp(h->keeper->one[i].name, entity) == 0)
			why |= h->keeper->one[i].why;
	return why & KEEP_CONFIGURED ? "configuration"
	       : why & KEEP_NEEDED   ? "watch"
	       : why & KEEP_DEFAULT  ? "default"
				     : NULL;
}

bool history_only(const struct host *h, const struct schema_attr *a)
{
	const struct keeper *k = h->keeper;

	return k && k->need[a->id] && !(k->why[a->id] & KEEP_CONFIGURED) &&
	       store_needed(h->store, a) == 1;
}

int history_open(struct host *h)
{
	uint64_t bytes = h->config->history_bytes ?: HISTORY_BYTES_DFLT;

	h->keeper = calloc(1, sizeof(*h->keeper));
	h->history = h->keeper ? history_new(h->store, bytes) : NULL;
	return h->history ? 0 : -ENOMEM;
}

void history_close(struct host *h)
{
	if (h->keeper)
		free(h->keeper->one);
	free(h->keeper);
	h->keeper = NULL;
	h->history = history_free(h->history);
}
