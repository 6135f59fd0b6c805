/*
 * model - the network of this router as the kernel has it.
 *
 * Design.  One otab for each type, one rtab for routes but those of MPLS.  It is fed by the rtnl sensor
 * alone and believes it: what the kernel does by itself comes as messages, or as a resync, and
 * is never guessed here (guessing is the overlay's work).  A resync marks what it names with the
 * number of its round, and its end sweeps the rest.
 */
#include "model/state.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "model/classes.h"

void objects_init(struct objects *o)
{
	for (unsigned i = 0; i < ANOD_OBJ_TYPES; i++)
		o->tab[i].type = (enum anod_obj_type) i;
	rtab_init(&o->routes);
}

void objects_done(struct objects *o)
{
	for (unsigned i = 0; i < ANOD_OBJ_TYPES; i++)
		otab_done(&o->tab[i]);
	rtab_done(&o->routes);
}

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	objects_init(&m->base);
	m->calm = calloc(1, sizeof(*m->calm));
	m->rules = calloc(1, sizeof(struct rule_order *));
	m->shelf = calloc(1, sizeof(*m->shelf));
	if (m->shelf)
		m->shelf->refs = 1;
	return m->calm && m->rules && m->shelf && classes_make(&m->base.routes) == 0
		       ? m
		       : model_free(m);
}

struct model *model_free(struct model *m)
{
	if (m) {
		objects_done(&m->base);
		m->shelf = shelf_unref(m->shelf);
		free(m->calm);
		if (m->rules)
			free(*m->rules);
		free(m->rules);
		free(m->candidates.at);
		free(m);
	}
	return NULL;
}

/* Something of this type has changed. */
static void changed(struct model *m, uint32_t type)
{
	m->generation++;
	m->env_gen += type == ANOD_OBJ_LINK || type == ANOD_OBJ_NEXTHOP;
	if (type == ANOD_OBJ_RULE) {
		free(*m->rules);
		*m->rules = NULL;
	}
}

static bool type_valid(uint32_t type)
{
	return type >= ANOD_OBJ_LINK && type < ANOD_OBJ_TYPES;
}

int model_put(struct model *m, const struct anod_object *o)
{
	int r;

	if (!type_valid(o->type))
		return -EINVAL;

	if (is_ip_route(o))
		r = rtab_put(&m->base.routes, o, false, m->type[o->type].mark);
	else
		r = otab_put(&m->base.tab[o->type], o, false, m->type[o->type].mark);
	if (r < 0)
		return r;

	if (r > 0)
		changed(m, o->type);
	return 0;
}

int model_del(struct model *m, const struct anod_object *o)
{
	bool was;

	if (!type_valid(o->type))
		return -EINVAL;

	if (is_ip_route(o))
		was = rtab_del(&m->base.routes, o);
	else
		was = otab_del(&m->base.tab[o->type], o);
	if (was)
		changed(m, o->type);
	return 0;
}

int model_sync(struct model *m, enum anod_obj_type type, enum anod_sync what)
{
	if (!type_valid(type))
		return -EINVAL;

	switch (what) {
	case ANOD_SYNC_LOST:
		/* A dump that is under way may have missed the lost event, too. */
		m->type[type].in_sync = m->type[type].sweeping = false;
		m->generation++;
		return 0;
	case ANOD_SYNC_BEGIN:
		m->type[type].mark++;
		m->type[type].sweeping = true;
		return 0;
	case ANOD_SYNC_DONE:
		if (!m->type[type].sweeping)
			return -EPROTO;
		if (type == ANOD_OBJ_ROUTE)
			(void) rtab_sweep(&m->base.routes, m->type[type].mark);
		(void) otab_sweep(&m->base.tab[type], m->type[type].mark);
		m->type[type].sweeping = false;
		m->type[type].in_sync = true;
		changed(m, type);
		return 0;
	}
	return -EINVAL;
}

bool model_in_sync(const struct model *m)
{
	for (uint32_t i = ANOD_OBJ_LINK; i <= ANOD_OBJ_NEIGH; i++)
		if (!m->type[i].in_sync)
			return false;
	return true;
}

bool model_type_in_sync(const struct model *m, enum anod_obj_type type)
{
	return type_valid(type) && m->type[type].in_sync;
}

uint64_t model_generation(const struct model *m)
{
	return m->generation;
}

int model_get(const struct model *m, const struct anod_object *key, struct anod_object *ret)
{
	const struct route *route;
	const struct onode *node;

	if (!type_valid(key->type))
		return -EINVAL;

	if (is_ip_route(key)) {
		route = rtab_find(&m->base.routes, key);
		if (!route)
			return -ENOENT;
		rtab_object(&m->base.routes, route, ret);
		return 0;
	}

	node = otab_find(&m->base.tab[key->type], key);
	if (!node)
		return -ENOENT;
	onode_object(&m->base.tab[key->type], node, ret);
	return 0;
}

unsigned model_count(const struct model *m, enum anod_obj_type type)
{
	if (!type_valid(type))
		return 0;
	return m->base.tab[type].n + (type == ANOD_OBJ_ROUTE ? m->base.routes.n : 0);
}

int model_each(const struct model *m, enum anod_obj_type type,
	       int (*fn)(const struct anod_object *, void *), void *data)
{
	const struct rtab *routes = &m->base.routes;
	const struct otab *tab;
	struct anod_object o;
	int r = 0;

	if (!type_valid(type))
		return -EINVAL;

	if (type == ANOD_OBJ_ROUTE) {
		for (uint32_t i = 0; i < routes->n_used && r == 0; i++) {
			const struct route *route = rtab_at(routes, i);

			if (!route)
				continue;
			rtab_object(routes, route, &o);
			r = fn(&o, data);
		}
	}

	tab = &m->base.tab[type];
	for (unsigned i = 0; i < tab->n_slots && r == 0; i++) {
		if (!otab_at(tab, i))
			continue;
		onode_object(tab, otab_at(tab, i), &o);
		r = fn(&o, data);
	}
	return r;
}

bool link_usable(const struct anod_link *l)
{
	return (l->flags & IFF_UP) && l->carrier;
}
