/*
 * lease_keys - which keys a decided proposal has to hold.
 *
 * Design.  Links are named, because a lease has to mean the same when an interface is made again
 * under another number.  What a link hangs on is walked both ways, to its master (bond, bridge,
 * VRF) and to what lies below it (VLAN), and every link on the way brings its groups.
 */
#include "txn/lease_keys.h"

#include <string.h>

#include "base/util.h"
#include "policy/record.h"

#define DEPTH_MAX 4 /* VLAN on a bond in a bridge in a VRF */

/* Finding a link by its name looks at all of them, so each is walked once. */
static bool walked(const struct lease *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strncmp(l->key[i].name, "link ", 5) == 0 && l->key[i].link[0] &&
		    strcmp(l->key[i].name + 5, name) == 0)
			return true;
	return false;
}

static void add_name(struct lease *l, const struct config *c, const char *name, const char *via)
{
	char key[ANOD_NAME_SIZE + 8];

	(void) snprintf(key, sizeof(key), "link %s", name);
	lease_add(l, key, via);
	for (unsigned i = 0; i < c->n_links; i++) {
		if (strcmp(c->link[i].name, name) != 0)
			continue;
		for (unsigned k = 0; k < c->link[i].n_srlgs; k++) {
			(void) snprintf(key, sizeof(key), "srlg %.58s", c->link[i].srlg[k]);
			lease_add(l, key, via);
		}
	}
}

static void add_around(struct lease *l, const struct config *c, const struct overlay *o,
		       uint32_t ifindex, const char *via, unsigned depth)
{
	const struct anod_link *link = ifindex ? overlay_link(o, ifindex) : NULL;

	if (!link || depth > DEPTH_MAX)
		return;

	add_name(l, c, link->name, via);
	add_around(l, c, o, link->master, via, depth + 1);
	if (link->lower != ifindex)
		add_around(l, c, o, link->lower, via, depth + 1);
}

void lease_add_link(struct lease *l, const struct config *c, const struct overlay *o,
		    const char *name)
{
	int ifindex;

	if (walked(l, name))
		return;
	ifindex = overlay_ifindex(o, name);
	add_name(l, c, name, name);
	if (ifindex > 0)
		add_around(l, c, o, (uint32_t) ifindex, name, 0);
}

static void add_resource(struct lease *l, const struct config *c, const struct overlay *o,
			 const char *resource)
{
	if (strncmp(resource, "link ", 5) == 0)
		lease_add_link(l, c, o, resource + 5);
	else
		lease_add(l, resource, NULL);
}

void lease_add_decision(struct lease *l, const struct config *c, const struct overlay *o,
			const struct decision *d)
{
	const struct record *r = d->record;

	for (unsigned i = 0; i < ANOD_ACTIONS_MAX; i++)
		add_resource(l, c, o, d->action_resource[i]);
	for (unsigned i = 0; i < d->n_entries; i++)
		add_resource(l, c, o, d->entry[i].resource);
	for (unsigned i = 0; r && i < r->n_actions; i++) {
		for (unsigned k = 0; k < r->act[i].n_links; k++)
			lease_add_link(l, c, o, r->act[i].link[k]);
		/* More links than anybody can look at. */
		l->all |= r->act[i].n_links == ACT_LINKS_MAX && !r->act[i].links_known;
	}
}

static void add_nexthop(struct lease *l, const struct config *c, const struct overlay *o,
			const struct anod_nexthop *n)
{
	add_around(l, c, o, n->ifindex, "", 0);
	for (unsigned i = 0; i < MIN_OF(n->n_members, ANOD_LEGS_MAX); i++) {
		const struct anod_nexthop *m = overlay_nexthop(o, n->member[i].id);

		add_around(l, c, o, m ? m->ifindex : 0, "", 0);
	}
}

static void add_object(struct lease *l, const struct config *c, const struct overlay *o,
		       const struct anod_object *obj)
{
	const struct anod_nexthop *n;

	switch ((enum anod_obj_type) obj->type) {
	case ANOD_OBJ_LINK:
		lease_add_link(l, c, o, obj->u.link.name);
		break;
	case ANOD_OBJ_ADDR:
		add_around(l, c, o, obj->u.addr.ifindex, "", 0);
		break;
	case ANOD_OBJ_NEIGH:
		add_around(l, c, o, obj->u.neigh.ifindex, "", 0);
		break;
	case ANOD_OBJ_NEXTHOP:
		add_nexthop(l, c, o, &obj->u.nexthop);
		break;
	case ANOD_OBJ_ROUTE:
		n = obj->u.route.nhid ? overlay_nexthop(o, obj->u.route.nhid) : NULL;
		if (n)
			add_nexthop(l, c, o, n);
		for (unsigned i = 0; i < MIN_OF(obj->u.route.n_legs, ANOD_LEGS_MAX); i++)
			add_around(l, c, o, obj->u.route.leg[i].ifindex, "", 0);
		break;
	case ANOD_OBJ_QDISC:
		add_around(l, c, o, obj->u.qdisc.ifindex, "", 0);
		break;
	case ANOD_OBJ_WGPEER:
		add_around(l, c, o, obj->u.wgpeer.ifindex, "", 0);
		break;
	case ANOD_OBJ_SYSCTL:
		add_around(l, c, o, overlay_sysctl_link(o, &obj->u.sysctl), "", 0);
		break;
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_UNIT:
		break;
	}
}

void lease_add_steps(struct lease *l, const struct config *c, const struct overlay *o,
		     const struct exec_step *step, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (step[i].change.has_pre)
			add_object(l, c, o, &step[i].change.pre);
		if (step[i].change.has_post)
			add_object(l, c, o, &step[i].change.post);
	}
}
