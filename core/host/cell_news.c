/*
 * cell_news - tells an agent what changed in the facts that it reads.
 *
 * Design.  The facts themselves lie in shared memory; the host only says that there is news, and
 * the ring of the store says what.  By the time that we look, an entity may be gone and its row
 * another's, so the names of all entities of the kinds that the agent reads are kept here: an
 * event never bears a name that is not the entity's.  When the ring has lapped us, the kept names
 * tell who went meanwhile, and every fact that is there is told again.
 */
#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "facts/table.h"
#include "facts/value.h"
#include "host/cell_int.h"

struct seen {
	uint32_t entity;
	uint16_t kind;
	UT_hash_handle hh;
	char name[];
};

/* Does the agent hear of it?  'a' NULL: of entities of the kind. */
static bool hears(const struct instance *i, uint16_t kind, const struct schema_attr *a)
{
	if (!i || !i->plugin->event)
		return false;
	return a ? manifest_events(i->plugin->reads, a)
		 : manifest_names(i->plugin->reads, schema_kind_name(store_schema(i->store), kind),
				  NULL);
}

static bool some_hear(const struct cell *c, uint16_t kind, const struct schema_attr *a)
{
	for (unsigned k = 0; k < c->n_agents; k++)
		if (hears(c->agent[k], kind, a))
			return true;
	return false;
}

static struct seen *seen_find(const struct cell *c, uint32_t entity)
{
	struct seen *e;

	HASH_FIND(hh, c->seen, &entity, sizeof(entity), e);
	return e;
}

/* NULL: it is gone already, or there is no memory, and then the next news of it tries again. */
static struct seen *seen_add(struct cell *c, uint32_t entity)
{
	struct seen *e = seen_find(c, entity);
	uint16_t kind = store_entity_kind(c->store, entity);
	const char *name = store_entity_name(c->store, entity);
	size_t size;

	if (e || !name || !kind)
		return e;

	size = strlen(name) + 1;
	e = malloc(sizeof(*e) + size);
	if (!e)
		return NULL;
	e->entity = entity;
	e->kind = kind;
	memcpy(e->name, name, size);
	HASH_ADD(hh, c->seen, entity, sizeof(e->entity), e);
	return e;
}

static void seen_remove(struct cell *c, struct seen *e)
{
	HASH_DEL(c->seen, e);
	free(e);
}

/* 'a' NULL: the entity is gone. */
static void deliver(struct cell *c, const struct seen *e, const struct schema_attr *a,
		    const struct anod_value *value, uint64_t seq, uint64_t time_us)
{
	struct anod_event event = {
		.kind = schema_kind_name(c->schema, e->kind),
		.entity = e->name,
		.attr = a ? a->name : NULL,
		.value = value,
		.seq = seq,
		.time_us = time_us,
	};

	for (unsigned k = 0; k < c->n_agents; k++) {
		struct instance *i = c->agent[k];
		int r;

		if (!hears(i, e->kind, a) || !i->started)
			continue;
		r = i->plugin->event(&i->ctx, &event);
		if (r < 0)
			log_warning("%s: event %s/%s.%s: %s", i->name, event.kind, e->name,
				    a ? a->name : "", strerror(-r));
	}
}

static void deliver_gone(struct cell *c, struct seen *e, uint64_t seq, uint64_t time_us)
{
	struct anod_value none = value_unknown();

	deliver(c, e, NULL, &none, seq, time_us);
	seen_remove(c, e);
}

static void value_of(const struct cell *c, const struct store_news *n, const struct schema_attr *a,
		     struct anod_value *ret)
{
	struct fact f;

	*ret = value_unknown();
	if (!(n->flags & STORE_KNOWN))
		return;
	if (a->type != ANOD_TEXT && a->type != ANOD_PREFIX) {
		*ret = (struct anod_value){ .type = a->type, .unit = a->unit, .u.i = n->raw };
		return;
	}
	if (store_get(c->store, n->entity, a->slot, n->time_us, &f) >= 0)
		*ret = f.value;
}

static void take(struct cell *c, const struct store_news *n)
{
	const struct schema_attr *a = schema_attr_by_id(c->schema, n->attr);
	struct anod_value value;
	struct seen *e;

	if (!some_hear(c, n->kind, NULL))
		return;
	if (n->flags & STORE_GONE) {
		e = seen_find(c, n->entity);
		if (e)
			deliver_gone(c, e, n->seq, n->time_us);
		return;
	}

	/* That an entity came is no event of its own: its first value is. */
	e = seen_add(c, n->entity);
	if (!e || !a || !some_hear(c, n->kind, a))
		return;
	value_of(c, n, a, &value);
	deliver(c, e, a, &value, n->seq, n->time_us);
}

/* ---- all of it -------------------------------------------------------------------------- */

static void tell_entity(struct cell *c, const struct seen *e, uint64_t now_us)
{
	unsigned n = schema_n_slots(c->schema, e->kind);

	for (unsigned slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(c->schema, e->kind, (uint16_t) slot);
		struct fact f;

		if (!some_hear(c, e->kind, a) ||
		    store_get(c->store, e->entity, (uint16_t) slot, now_us, &f) < 0 ||
		    (f.why && f.time_us == 0))
			continue;
		deliver(c, e, a, &f.value, c->position, f.time_us);
	}
}

/* Take notice of every entity that somebody hears of; 'tell' of their facts, too. */
static void see_all(struct cell *c, bool tell)
{
	uint64_t now = clock_boot_us();

	for (uint16_t kind = 1; kind <= schema_n_kinds(c->schema); kind++) {
		unsigned rows = table_n_blocks(c->store, kind) * TABLE_BLOCK;

		if (!some_hear(c, kind, NULL))
			continue;
		for (unsigned row = 0; row < rows; row++) {
			uint32_t entity = table_entity(c->store, kind, row);
			const struct seen *e = entity ? seen_add(c, entity) : NULL;

			if (e && tell)
				tell_entity(c, e, now);
		}
	}
}

static void start_over(struct cell *c)
{
	struct seen *e, *next;

	log_warning("changes came faster than they were read: all facts are told again");
	HASH_ITER(hh, c->seen, e, next)
	{
		if (!store_entity_kind(c->store, e->entity))
			deliver_gone(c, e, c->position, clock_boot_us());
	}
	see_all(c, true);
}

void cell_news_begin(struct cell *c)
{
	c->position = store_news_end(c->store);
	see_all(c, false);
}

void cell_news_run(struct cell *c)
{
	struct store_news n;
	int r;

	while (c->started && (r = store_next_news(c->store, &c->position, &n)) != 0) {
		if (r < 0)
			start_over(c);
		else
			take(c, &n);
	}
}

void cell_news_done(struct cell *c)
{
	struct seen *e, *next;

	HASH_ITER(hh, c->seen, e, next)
	{
		seen_remove(c, e);
	}
}
