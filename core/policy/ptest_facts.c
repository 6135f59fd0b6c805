/*
 * ptest_facts - the facts of a policy test: those that follow from its topology, and those that it gives.
 *
 * Design.  What follows from the topology (carrier, state of neighbours) is published as the rtnl sensor
 * would, roles and capacities as the host would; a fact that a test gives takes its place.  Since when a
 * fact has its value is remembered here, for "X for D".
 */
#include <linux/if.h>
#include <linux/neighbour.h>
#include <string.h>

#include "model/snapshot.h"
#include "policy/ptest_int.h"

/*
 * Since when a fact has its value.  The store forgets that when nobody confirms the value in time, and a
 * test does not say it every second.
 */
static int note_since(struct ptest_world *w, uint16_t kind, uint16_t slot, const char *entity,
		      uint64_t since_us)
{
	struct ptest_since *s = NULL;

	for (unsigned i = 0; i < w->n_since && !s; i++)
		if (w->since[i].kind == kind && w->since[i].slot == slot &&
		    strcmp(w->since[i].entity, entity) == 0)
			s = &w->since[i];
	if (!s)
		s = ARRAY_APPEND(w->since, w->n_since);
	if (!s)
		return -ENOMEM;
	*s = (struct ptest_since){ .kind = kind, .slot = slot, .since_us = since_us };
	(void) copy_text(s->entity, sizeof(s->entity), entity);
	return 0;
}

static int publish(struct ptest_world *w, const char *kind, const char *entity, uint16_t slot,
		   const struct anod_value *v, uint64_t age_us)
{
	uint16_t id = schema_kind_id(w->run->schema, kind);
	uint64_t at_us = w->now_us - MIN_OF(age_us, w->now_us - 1);
	uint32_t e;
	int k = store_entity(w->store, id, entity, at_us, &e);

	if (k == 0)
		k = store_publish(w->store, e, slot, v, at_us);
	return k < 0 ? k : 0;
}

static int publish_since(struct ptest_world *w, const char *kind, const char *entity, uint16_t slot,
			 const struct anod_value *v, uint64_t since_us)
{
	int k = publish(w, kind, entity, slot, v, 0);

	return k < 0 ? k
		     : note_since(w, schema_kind_id(w->run->schema, kind), slot, entity, since_us);
}

static void derive(struct ptest_world *w, const char *kind, const char *entity, const char *attr,
		   struct anod_value v)
{
	const struct schema_attr *a = schema_attr(w->run->schema, kind, attr);

	if (a)
		(void) publish_since(w, kind, entity, a->slot, &v, w->moved ? w->now_us : 1);
}

static const char *operstate_word(uint8_t state)
{
	static const char *const words[] = { "unknown", "notpresent", "down", "lowerlayerdown",
					     "testing", "dormant",    "up" };

	return words[state < ARRAY_SIZE(words) ? state : 0];
}

static const char *master_name(const struct ptest_world *w, uint32_t ifindex, struct anod_object *o)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex };

	return ifindex && model_get(w->model, &key, o) == 0 ? o->u.link.name : "";
}

static int derive_link(const struct anod_object *o, void *data)
{
	struct ptest_world *w = data;
	const struct anod_link *l = &o->u.link;
	const struct config *c = w->run->config;
	struct anod_value role = value_text("");
	struct anod_object master;

	derive(w, "link", l->name, "admin_up", value_bool(l->flags & IFF_UP));
	derive(w, "link", l->name, "carrier", value_bool(l->carrier && l->flags & IFF_UP));
	derive(w, "link", l->name, "operstate", value_text(operstate_word(l->operstate)));
	derive(w, "link", l->name, "mtu", value_int(l->mtu, ANOD_UNIT_BYTES));
	derive(w, "link", l->name, "kind", value_text(l->kind));
	derive(w, "link", l->name, "ifindex", value_int(l->ifindex, ANOD_UNIT_NONE));
	derive(w, "link", l->name, "master", value_text(master_name(w, l->master, &master)));
	for (unsigned i = 0; i < c->n_links; i++) {
		if (strcmp(c->link[i].name, l->name) != 0)
			continue;
		if (c->link[i].role)
			role = value_text(c->link[i].role);
		if (c->link[i].capacity_bps)
			derive(w, "link", l->name, "capacity",
			       value_int((int64_t) c->link[i].capacity_bps, ANOD_UNIT_BPS));
	}
	derive(w, "link", l->name, "role", role);
	return 0;
}

static int derive_neigh(const struct anod_object *o, void *data)
{
	static const struct {
		uint16_t state;
		const char *word;
	} words[] = { { NUD_PERMANENT, "permanent" }, { NUD_NOARP, "noarp" },
		      { NUD_REACHABLE, "reachable" }, { NUD_STALE, "stale" },
		      { NUD_DELAY, "delay" },	      { NUD_PROBE, "probe" },
		      { NUD_FAILED, "failed" },	      { NUD_INCOMPLETE, "incomplete" } };
	struct ptest_world *w = data;
	struct anod_object link;
	char name[ANOD_NAME_SIZE], dst[64];
	const char *state = "none", *dev = master_name(w, o->u.neigh.ifindex, &link);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (o->u.neigh.state & words[i].state) {
			state = words[i].word;
			break;
		}
	(void) snprintf(name, sizeof(name), "%s/%s", dev,
			prefix_format(&o->u.neigh.dst, dst, sizeof(dst)));
	derive(w, "neigh", name, "state", value_text(state));
	derive(w, "neigh", name, "dev", value_text(dev));
	derive(w, "neigh", name, "dst", value_prefix(&o->u.neigh.dst));
	return 0;
}

void ptest_world_derive(struct ptest_world *w, const struct anod_object *o)
{
	if (o->type == ANOD_OBJ_LINK)
		(void) derive_link(o, w);
	else if (o->type == ANOD_OBJ_NEIGH)
		(void) derive_neigh(o, w);
}

static uint64_t since_of(const struct ptest_world *w, uint64_t for_us)
{
	return for_us && for_us < w->now_us ? w->now_us - for_us : 1;
}

static int give(struct ptest_world *w, const struct ptest_step *s, bool again)
{
	const struct schema_attr *a;
	const struct expr *of = s->expr;
	struct anod_value v = s->value;
	const char *entity;

	while (of->op == EXPR_CALL && !of->entity && of->a)
		of = of->a;
	entity = of->entity ? of->entity : "";
	if (s->expr->slot < 0)
		return -ENOSPC;
	a = schema_attr_at(w->run->schema, s->expr->kind, (uint16_t) s->expr->slot);
	if (!a)
		return -ENOENT;
	if (v.type == ANOD_INT && a->type == ANOD_REAL)
		v = value_real((double) v.u.i, (enum anod_unit) a->unit);
	if (v.type != ANOD_UNKNOWN && v.unit == ANOD_UNIT_NONE)
		v.unit = a->unit;
	if (!again && note_since(w, s->expr->kind, a->slot, entity, since_of(w, s->for_us)) < 0)
		return -ENOMEM;
	return publish(w, schema_kind_name(w->run->schema, s->expr->kind), entity, a->slot, &v,
		       s->age_us);
}

int ptest_given(struct ptest_world *w, const struct ptest_step *s)
{
	switch (s->kind) {
	case PTEST_OUTCOME:
		return ptest_outcome(w, s);
	case PTEST_USED:
		return ptest_used(w, s);
	case PTEST_FORGET:
		return ptest_forget(w);
	default:
		return give(w, s, false);
	}
}

int ptest_given_still(struct ptest_world *w, const struct ptest_step *s)
{
	return give(w, s, true);
}

void ptest_derive_all(struct ptest_world *w)
{
	(void) model_each(w->model, ANOD_OBJ_LINK, derive_link, w);
	(void) model_each(w->model, ANOD_OBJ_NEIGH, derive_neigh, w);
}

int ptest_snapshot_fact(const struct snapshot_fact *f, void *data)
{
	struct ptest_world *w = data;
	const struct schema_attr *a = schema_attr(w->run->schema, f->kind, f->attr);

	/* A snapshot of a router with other sensors may know more than is asked here. */
	if (!a || (f->value.type != ANOD_UNKNOWN && f->value.type != a->type))
		return 0;
	return publish(w, f->kind, f->entity, a->slot, &f->value, f->age_us);
}
