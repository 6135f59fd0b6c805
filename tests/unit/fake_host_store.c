/*
 * fake_host_store - the facts and objects of the fake host.
 *
 * Design.  Arrays that are searched from end to end; each BEGIN starts a round, and DONE sweeps
 * what has not been named since.
 */
#include "unit/fake_host_int.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anod/rtnl.h>

/* ---- facts ------------------------------------------------------------------------------- */

static int host_fact_id(struct anod_ctx *ctx, const char *kind_attr)
{
	for (unsigned i = 0; i < of(ctx)->n_facts; i++)
		if (strcmp(of(ctx)->fact_name[i], kind_attr) == 0)
			return (int) i + 1;
	return -ENOENT;
}

static struct entity *entity_find(struct fake_host *h, const char *kind, const char *name)
{
	for (unsigned i = 0; i < h->n_entities; i++)
		if (!h->entity[i].gone && strcmp(h->entity[i].name, name) == 0 &&
		    strcmp(h->entity[i].kind, kind) == 0)
			return &h->entity[i];
	return NULL;
}

static struct entity *entity_make(struct fake_host *h, const char *kind, const char *name)
{
	struct entity *e = entity_find(h, kind, name);

	if (!e) {
		h->entity = realloc(h->entity, (h->n_entities + 1) * sizeof(*e));
		e = &h->entity[h->n_entities++];
		memset(e, 0, sizeof(*e));
		(void) snprintf(e->kind, sizeof(e->kind), "%s", kind);
		(void) snprintf(e->name, sizeof(e->name), "%s", name);
	}
	return e;
}

static int host_entity(struct anod_ctx *ctx, const char *kind, const char *name, uint32_t *ret)
{
	struct entity *e;

	cr_assert_lt(strlen(name), ANOD_NAME_SIZE);
	e = entity_make(of(ctx), kind, name);
	e->own = true;
	e->round = of(ctx)->round;
	*ret = (uint32_t) (e - of(ctx)->entity) + 1;
	return 0;
}

static struct entity *entity_of(struct fake_host *h, uint32_t id)
{
	cr_assert(id > 0 && id <= h->n_entities, "no entity %u", id);
	return &h->entity[id - 1];
}

static int host_entity_gone(struct anod_ctx *ctx, uint32_t id)
{
	struct entity *e = entity_of(of(ctx), id);

	cr_assert(!e->gone && e->own, "%s/%s goes twice", e->kind, e->name);
	e->gone = true;
	return 0;
}

static const struct anod_attr *attr_of(struct fake_host *h, const char *kind_attr)
{
	for (const struct anod_kind *k = h->plugin->kinds; k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++) {
			char name[2 * ANOD_KIND_SIZE];

			(void) snprintf(name, sizeof(name), "%s.%s", k->name, a->name);
			if (strcmp(name, kind_attr) == 0)
				return a;
		}
	return NULL;
}

static int host_publish(struct anod_ctx *ctx, uint32_t id, int fact, const struct anod_value *v)
{
	struct fake_host *h = of(ctx);
	struct entity *e = entity_of(h, id);
	const char *name = h->fact_name[fact - 1];
	const struct anod_attr *a = attr_of(h, name);

	cr_assert(!e->gone, "%s of %s, which is gone", name, e->name);
	cr_assert(strncmp(name, e->kind, strlen(e->kind)) == 0, "%s of a %s", name, e->kind);
	cr_assert(a && (!v || (v->type == a->type && v->unit == a->unit &&
			       v->flags == (uint8_t) a->flags)),
		  "%s has another type than declared", name);
	e->value[fact - 1] = v ? *v : (struct anod_value){ 0 };
	e->round = h->round;
	return 0;
}

static int host_put(struct anod_ctx *ctx, uint32_t id, int first, unsigned n, const int64_t *raw,
		    uint64_t known)
{
	struct fake_host *h = of(ctx);
	struct entity *e = entity_of(h, id);

	cr_assert(n > 0 && n <= 64 && first > 0 && (unsigned) first + n - 1 <= h->n_facts);
	if (e->gone)
		return -ENOENT;
	h->n_puts++;
	for (unsigned k = 0; k < n; k++) {
		const struct anod_attr *a = attr_of(h, h->fact_name[first - 1 + (int) k]);
		struct anod_value v = { .type = a->type, .unit = a->unit, .u.i = raw[k] };

		host_publish(ctx, id, first + (int) k, known >> k & 1 ? &v : NULL);
	}
	return 0;
}

static int host_health(struct anod_ctx *ctx, enum anod_health what, uint64_t n)
{
	struct fake_host *h = of(ctx);

	cr_assert(what > 0 && what < HEALTHS);
	if (what == ANOD_HEALTH_PERIOD || (what == ANOD_HEALTH_BEHIND && n > h->health[what]))
		h->health[what] = n;
	else if (what != ANOD_HEALTH_BEHIND)
		h->health[what] += n;
	return 0;
}

static int type_of(const char *kind)
{
	static const char *const kinds[] = {
		"", "link", "addr", "route", "nexthop", "rule", "neigh"
	};

	for (unsigned i = 1; i < 7; i++)
		if (strcmp(kinds[i], kind) == 0)
			return (int) i;
	return 0;
}

static int host_sync(struct anod_ctx *ctx, const char *kind, enum anod_sync what)
{
	struct fake_host *h = of(ctx);
	int type = type_of(kind); /* 0: all others together */

	h->kind_lost[type] += what == ANOD_SYNC_LOST;
	if (what == ANOD_SYNC_BEGIN)
		h->kind_begun[type] = ++h->round;
	h->kind_in_sync[type] =
		what == ANOD_SYNC_DONE || (what == ANOD_SYNC_BEGIN && h->kind_in_sync[type]);
	/* Only the maker of entities takes them away. */
	for (unsigned i = 0; i < h->n_entities && what == ANOD_SYNC_DONE; i++)
		if (strcmp(h->entity[i].kind, kind) == 0 && h->entity[i].own && !h->only_samples &&
		    h->entity[i].round < h->kind_begun[type])
			h->entity[i].gone = true;
	return 0;
}

/* ---- objects ----------------------------------------------------------------------------- */

static struct slot *slot_find(struct fake_host *h, const struct anod_object *key)
{
	for (unsigned i = 0; i < h->n_slots; i++)
		if (anod_object_same_key(&h->slot[i].o, key))
			return &h->slot[i];
	return NULL;
}

static int host_object(struct anod_ctx *ctx, const struct anod_object *o, int gone)
{
	struct fake_host *h = of(ctx);
	struct slot *s = slot_find(h, o);

	if (gone) {
		if (s)
			*s = h->slot[--h->n_slots];
		return 0;
	}
	if (!s) {
		if (h->n_slots == h->slots_size) {
			h->slots_size = h->slots_size * 2 + 64;
			h->slot = realloc(h->slot, h->slots_size * sizeof(*s));
		}
		s = &h->slot[h->n_slots++];
	}
	s->o = *o;
	s->round = h->round;
	return 0;
}

static int host_object_sync(struct anod_ctx *ctx, enum anod_obj_type type, enum anod_sync what)
{
	struct fake_host *h = of(ctx);

	if (what == ANOD_SYNC_LOST) {
		h->lost[type]++;
		h->in_sync[type] = false;
	} else if (what == ANOD_SYNC_BEGIN) {
		h->begun[type] = ++h->round;
	} else {
		h->done[type]++;
		h->in_sync[type] = true;
		for (unsigned i = h->n_slots; i-- > 0;)
			if (h->slot[i].o.type == type && h->slot[i].round < h->begun[type])
				h->slot[i] = h->slot[--h->n_slots];
	}
	return 0;
}

static int host_get(struct anod_ctx *ctx, const char *kind, const char *entity, const char *attr,
		    struct anod_value *ret, uint64_t *ret_age_us)
{
	const struct anod_value *v = fake_host_fact(of(ctx), kind, entity, attr);

	if (!v)
		return -ENOENT;
	*ret = *v;
	if (ret_age_us)
		*ret_age_us = 0;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static const char *host_each(struct anod_ctx *ctx, const char *kind, unsigned n)
{
	static const char *names[4096];
	struct fake_host *h = of(ctx);
	unsigned found = 0;

	for (unsigned i = 0; i < h->n_entities && found < 4096; i++)
		if (!h->entity[i].gone && strcmp(h->entity[i].kind, kind) == 0)
			names[found++] = h->entity[i].name;
	qsort(names, found, sizeof(names[0]), by_name);
	return n < found ? names[n] : NULL;
}

/* ---- for the test ------------------------------------------------------------------------ */

void fake_host_know(struct fake_host *h, const char *kind, const char *attr)
{
	char name[2 * ANOD_KIND_SIZE];

	(void) snprintf(name, sizeof(name), "%s.%s", kind, attr);
	if (host_fact_id(&h->ctx, name) > 0)
		return;
	cr_assert_lt(h->n_facts, FACTS_MAX);
	memcpy(h->fact_name[h->n_facts++], name, sizeof(name));
}

void fake_host_store_table(struct anod_host *table)
{
	table->fact_id = host_fact_id;
	table->entity = host_entity;
	table->entity_gone = host_entity_gone;
	table->publish = host_publish;
	table->sync = host_sync;
	table->object = host_object;
	table->object_sync = host_object_sync;
	table->get = host_get;
	table->each = host_each;
	table->put = host_put;
	table->health = host_health;
}

const struct anod_value *fake_host_fact(struct fake_host *h, const char *kind, const char *name,
					const char *attr)
{
	const struct entity *e = entity_find(h, kind, name);
	char fact[2 * ANOD_KIND_SIZE];
	int id;

	(void) snprintf(fact, sizeof(fact), "%s.%s", kind, attr);
	id = host_fact_id(&h->ctx, fact);
	return e && id > 0 ? &e->value[id - 1] : NULL;
}

void fake_host_put(struct fake_host *h, const char *kind, const char *name, const char *attr,
		   const struct anod_value *v)
{
	char fact[2 * ANOD_KIND_SIZE];

	fake_host_know(h, kind, attr);
	(void) snprintf(fact, sizeof(fact), "%s.%s", kind, attr);
	entity_make(h, kind, name)->value[host_fact_id(&h->ctx, fact) - 1] = *v;
}

unsigned fake_host_entities(struct fake_host *h, const char *kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_entities; i++)
		n += !h->entity[i].gone && strcmp(h->entity[i].kind, kind) == 0;
	return n;
}

const struct anod_object *fake_host_object(struct fake_host *h, const struct anod_object *key)
{
	const struct slot *s = slot_find(h, key);

	return s ? &s->o : NULL;
}

unsigned fake_host_objects(struct fake_host *h, enum anod_obj_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_slots; i++)
		n += h->slot[i].o.type == type;
	return n;
}

unsigned fake_host_lost(struct fake_host *h, enum anod_obj_type type)
{
	return h->lost[type];
}

unsigned fake_host_done(struct fake_host *h, enum anod_obj_type type)
{
	return h->done[type];
}

bool fake_host_in_sync(struct fake_host *h, enum anod_obj_type type)
{
	/* Of the others this sensor has no facts. */
	return h->in_sync[type] && (type > ANOD_OBJ_NEIGH || h->kind_in_sync[type]);
}

unsigned fake_host_puts(struct fake_host *h)
{
	return h->n_puts;
}

uint64_t fake_host_health(struct fake_host *h, enum anod_health what)
{
	return h->health[what];
}

unsigned fake_host_kind_lost(struct fake_host *h, enum anod_obj_type type)
{
	return h->kind_lost[type];
}

bool fake_host_kind_in_sync(struct fake_host *h, enum anod_obj_type type)
{
	return h->kind_in_sync[type];
}

uint32_t fake_host_handle(struct fake_host *h, const char *kind, const char *name)
{
	struct entity *e = entity_find(h, kind, name);

	return e ? (uint32_t) (e - h->entity) + 1 : 0;
}

void fake_host_drop(struct fake_host *h, const char *kind, const char *name)
{
	entity_find(h, kind, name)->gone = true;
}
