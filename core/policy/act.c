/*
 * act - what an action is about.
 *
 * Design.  The resource is the link that the action names; where it names none, the object as it
 * is in the predicted state before the action tells (docs/actions.md).  An action may touch
 * several links (a route with several legs): rules are then asked about each, see match.c.
 */
#include <net/if.h>
#include <string.h>

#include <anod/rtnl.h>

#include "facts/value.h"
#include "policy/judge.h"

const struct anod_value *act_arg(const struct act *a, const char *name)
{
	for (unsigned i = 0; i < MIN_OF(a->action->n_args, ANOD_ARGS_MAX); i++)
		if (strncmp(a->action->arg[i].name, name, ANOD_KIND_SIZE) == 0)
			return &a->action->arg[i].value;
	return NULL;
}

static void add_link(struct act *a, const char *name)
{
	for (unsigned i = 0; i < a->n_links; i++)
		if (strncmp(a->link[i], name, ANOD_IFNAME_SIZE) == 0)
			return;
	/* More links than anybody can look at: as good as unknown. */
	if (a->n_links == ACT_LINKS_MAX) {
		a->links_known = false;
		return;
	}
	(void) copy_text(a->link[a->n_links++], ANOD_IFNAME_SIZE, name);
}

static void add_ifindex(struct act *a, const struct overlay *o, uint32_t ifindex)
{
	const struct anod_link *l = overlay_link(o, ifindex);

	if (!ifindex)
		return;
	if (l)
		add_link(a, l->name);
	else
		a->links_known = false;
}

static void add_nexthop(struct act *a, const struct overlay *o, uint32_t id)
{
	const struct anod_nexthop *n = overlay_nexthop(o, id);

	if (!n) {
		a->links_known = false;
		return;
	}
	if (!n->n_members)
		add_ifindex(a, o, n->ifindex);
	/* Groups hold no groups, so this ends. */
	for (unsigned i = 0; i < n->n_members; i++)
		add_nexthop(a, o, n->member[i].id);
}

static void add_object(struct act *a, const struct overlay *o, const struct anod_object *obj)
{
	switch ((enum anod_obj_type) obj->type) {
	case ANOD_OBJ_LINK:
		add_ifindex(a, o, obj->u.link.ifindex);
		break;
	case ANOD_OBJ_ADDR:
		add_ifindex(a, o, obj->u.addr.ifindex);
		break;
	case ANOD_OBJ_NEIGH:
		add_ifindex(a, o, obj->u.neigh.ifindex);
		break;
	case ANOD_OBJ_NEXTHOP:
		add_ifindex(a, o, obj->u.nexthop.ifindex);
		for (unsigned i = 0; i < obj->u.nexthop.n_members; i++)
			add_nexthop(a, o, obj->u.nexthop.member[i].id);
		break;
	case ANOD_OBJ_ROUTE:
		if (obj->u.route.nhid)
			add_nexthop(a, o, obj->u.route.nhid);
		else
			for (unsigned i = 0; i < obj->u.route.n_legs; i++)
				add_ifindex(a, o, obj->u.route.leg[i].ifindex);
		break;
	case ANOD_OBJ_QDISC:
		add_ifindex(a, o, obj->u.qdisc.ifindex);
		break;
	case ANOD_OBJ_WGPEER:
		add_ifindex(a, o, obj->u.wgpeer.ifindex);
		break;
	case ANOD_OBJ_SYSCTL: /* of a link, or of none */
		add_ifindex(a, o, overlay_sysctl_link(o, &obj->u.sysctl));
		break;
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_UNIT:
		break;
	}
}

static uint32_t id_arg(const struct act *a, const char *name)
{
	const struct anod_value *v = act_arg(a, name);

	return v && v->type == ANOD_INT && v->u.i > 0 && v->u.i <= UINT32_MAX ? (uint32_t) v->u.i
									      : 0;
}

/* The links of the objects as they are, or as they will be where there is nothing yet. */
static void links_of_steps(struct act *a, const struct whatif *w)
{
	for (unsigned i = 0; i < w->n_steps; i++) {
		const struct anod_change *c = &w->step[i];

		if (w->step_action[i] == a->nth)
			add_object(a, w->after, c->has_pre ? &c->pre : &c->post);
	}
}

static void find_links(struct act *a, const struct decide_in *in)
{
	static const char *const names[] = { "dev", "dev2", "dev3", "dev4" };
	static const char *const ids[] = { "nhid",    "member",	 "member1",
					   "member2", "member3", "member4" };

	a->links_known = true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct anod_value *v = act_arg(a, names[i]);

		if (v && v->type == ANOD_TEXT)
			add_link(a, v->u.text);
	}
	if (!in->whatif) {
		a->links_known = a->n_links > 0;
		return;
	}

	/* "member" of nexthop.weight: the one whose share changes. */
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (id_arg(a, ids[i]))
			add_nexthop(a, in->whatif->after, id_arg(a, ids[i]));
	if (!a->n_links)
		links_of_steps(a, in->whatif);
}

void act_left(struct act *a, const struct decide_in *in, unsigned nth)
{
	*a = (struct act){ .action = &in->proposal->action[nth], .nth = nth, .links_known = true };
	for (unsigned i = 0; in->whatif && i < in->whatif->n_steps; i++)
		if (in->whatif->step_action[i] == nth && in->whatif->step[i].has_pre)
			add_object(a, in->whatif->before, &in->whatif->step[i].pre);
}

static void find_subjects(struct act *a)
{
	const struct anod_value *dev = act_arg(a, "dev"), *dst = act_arg(a, "dst");
	char prefix[64];

	if (dev && dev->type == ANOD_TEXT && dst && dst->type == ANOD_PREFIX)
		(void) snprintf(a->neigh, sizeof(a->neigh), "%s/%s", dev->u.text,
				prefix_format(&dst->u.prefix, prefix, sizeof(prefix)));
	if (id_arg(a, "id"))
		(void) snprintf(a->nexthop, sizeof(a->nexthop), "%u", id_arg(a, "id"));
}

static void name_resource(struct act *a)
{
	const struct anod_value *dst = act_arg(a, "dst"), *v = act_arg(a, "priority");
	const struct anod_value *name = act_arg(a, "name");
	char text[64];

	if (a->n_links)
		(void) snprintf(a->resource, sizeof(a->resource), "link %s", a->link[0]);
	else if (a->nexthop[0])
		(void) snprintf(a->resource, sizeof(a->resource), "nexthop %.40s", a->nexthop);
	else if (dst && dst->type == ANOD_PREFIX)
		(void) snprintf(a->resource, sizeof(a->resource), "prefix %s",
				prefix_format(&dst->u.prefix, text, sizeof(text)));
	else if (v && v->type == ANOD_INT)
		(void) snprintf(a->resource, sizeof(a->resource), "rule %lld", (long long) v->u.i);
	else if (name && name->type == ANOD_TEXT) /* "sysctl net.core.rmem_max" */
		(void) snprintf(a->resource, sizeof(a->resource), "%.*s %s",
				(int) strcspn(a->action->kind, "."), a->action->kind, name->u.text);
	else
		(void) copy_text(a->resource, sizeof(a->resource), "router");
}

static void find_owner(struct act *a, const struct anod_object *o)
{
	int protocol = anod_object_protocol(o);

	if (protocol < 0 || protocol == ANOD_RTPROT)
		return;
	a->foreign = true;
	a->owner = protocol;
}

void act_init(struct act *a, const struct decide_in *in, unsigned nth)
{
	const struct anod_action_desc *desc;

	*a = (struct act){ .action = &in->proposal->action[nth], .nth = nth };
	find_links(a, in);
	find_subjects(a);
	name_resource(a);
	desc = in->find ? in->find(a->action->kind, in->find_data) : NULL;
	a->undo = desc && (desc->flags & ANOD_ACT_UNDO);
	for (unsigned i = 0; in->whatif && i < in->whatif->n_steps; i++)
		if (in->whatif->step_action[i] == nth && in->whatif->step[i].has_pre)
			find_owner(a, &in->whatif->step[i].pre);
}

static double ratio_of(double from, double to)
{
	double step = to > from ? to - from : from - to;

	return from > 0 ? step / from : 1;
}

static bool weight_step(const struct anod_change *c, uint32_t member, double *ret)
{
	for (unsigned i = 0; i < c->pre.u.nexthop.n_members; i++)
		for (unsigned k = 0; k < c->post.u.nexthop.n_members; k++)
			if (c->pre.u.nexthop.member[i].id == member &&
			    c->post.u.nexthop.member[k].id == member) {
				*ret = ratio_of(c->pre.u.nexthop.member[i].weight,
						c->post.u.nexthop.member[k].weight);
				return true;
			}
	return false;
}

bool act_step(const struct act *a, const struct decide_in *in, double *ret)
{
	const struct anod_value *from = act_arg(a, "metric"), *to = act_arg(a, "to");

	if (strncmp(a->action->kind, "route.metric", ANOD_KIND_SIZE) == 0) {
		if (!from || !to || from->type != ANOD_INT || to->type != ANOD_INT)
			return false;
		*ret = ratio_of((double) from->u.i, (double) to->u.i);
		return true;
	}

	if (strncmp(a->action->kind, "nexthop.weight", ANOD_KIND_SIZE) != 0 || !in->whatif)
		return false;
	for (unsigned i = 0; i < in->whatif->n_steps; i++) {
		const struct anod_change *c = &in->whatif->step[i];

		if (in->whatif->step_action[i] == a->nth && c->has_pre && c->has_post &&
		    c->pre.type == ANOD_OBJ_NEXTHOP && weight_step(c, id_arg(a, "member"), ret))
			return true;
	}
	return false;
}
