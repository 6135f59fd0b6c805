/*
 * whatif_touch - which links a change is about.
 *
 * Design.  Asked for by requirements that let only one change at a time near links that fail
 * together.  Next hops are followed to their links, in the state in which they exist.
 */
#include <errno.h>

#include "model/stage.h"

static void touch(struct whatif_flight *f, uint32_t ifindex)
{
	if (!ifindex)
		return;
	for (unsigned i = 0; i < f->n_links; i++)
		if (f->link[i] == ifindex)
			return;
	if (f->n_links == ARRAY_SIZE(f->link))
		f->more = true;
	else
		f->link[f->n_links++] = ifindex;
}

static void touch_nexthop(struct whatif_flight *f, const struct overlay *o, uint32_t id)
{
	const struct anod_nexthop *n = overlay_nexthop(o, id);

	if (!n) {
		f->more = true;
		return;
	}
	touch(f, n->ifindex);
	/* Groups hold no groups, so this ends. */
	for (unsigned i = 0; i < n->n_members && i < ANOD_LEGS_MAX; i++)
		touch_nexthop(f, o, n->member[i].id);
}

static void touch_object(struct whatif_flight *f, const struct overlay *o,
			 const struct anod_object *obj)
{
	switch ((enum anod_obj_type) obj->type) {
	case ANOD_OBJ_LINK:
		touch(f, obj->u.link.ifindex);
		break;
	case ANOD_OBJ_ADDR:
		touch(f, obj->u.addr.ifindex);
		break;
	case ANOD_OBJ_NEIGH:
		touch(f, obj->u.neigh.ifindex);
		break;
	case ANOD_OBJ_NEXTHOP:
		touch(f, obj->u.nexthop.ifindex);
		for (unsigned i = 0; i < obj->u.nexthop.n_members && i < ANOD_LEGS_MAX; i++)
			touch_nexthop(f, o, obj->u.nexthop.member[i].id);
		break;
	case ANOD_OBJ_ROUTE:
		for (unsigned i = 0; i < obj->u.route.n_legs && i < ANOD_LEGS_MAX; i++)
			touch(f, obj->u.route.leg[i].ifindex);
		if (obj->u.route.nhid)
			touch_nexthop(f, o, obj->u.route.nhid);
		break;
	case ANOD_OBJ_QDISC:
		touch(f, obj->u.qdisc.ifindex);
		break;
	case ANOD_OBJ_WGPEER:
		touch(f, obj->u.wgpeer.ifindex);
		break;
	case ANOD_OBJ_SYSCTL:
		touch(f, overlay_sysctl_link(o, &obj->u.sysctl));
		break;
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_UNIT:
		break;
	}
}

static void touch_change(struct whatif_flight *f, const struct overlay *o,
			 const struct anod_change *c)
{
	if (c->has_pre)
		touch_object(f, o, &c->pre);
	if (c->has_post)
		touch_object(f, o, &c->post);
}

int flights_list(struct whatif *w, const struct whatif_in *in)
{
	if (in->n_in_flight) {
		w->flight = calloc(in->n_in_flight, sizeof(*w->flight));
		if (!w->flight)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < in->n_in_flight; i++) {
		unsigned k = 0;

		while (k < w->n_flights && w->flight[k].tx != stage_tx(in, i))
			k++;
		if (k == w->n_flights)
			w->flight[w->n_flights++].tx = stage_tx(in, i);
		touch_change(&w->flight[k], w->before, &in->in_flight[i]);
	}
	for (unsigned i = 0; i < w->n_steps; i++)
		touch_change(&w->own, w->after, &w->step[i]);
	return 0;
}
