/*
 * overlay - edits on top of a model.
 *
 * Design.  An edit is a whole object, or the mark that it is gone; every question asks the edits
 * first.  What the kernel does by itself to many routes at once (a link set down, a next hop
 * deleted) is not written down route by route: the overlay remembers the link or the next hop
 * and hides what depends on it, so a change costs the same with one route and with a million.
 * Only routes that are edits themselves are gone through.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include <anod/rtnl.h>

#include "model/state.h"

static void take_rule(struct rule_order *to, const struct onode *n, uint64_t base)
{
	const struct anod_rule *rule = ONODE_AS(rule, n);
	uint64_t seq = base + n->seq;
	unsigned i = to->n++;

	while (i > 0 &&
	       (to->at[i - 1].rule->priority > rule->priority ||
		(to->at[i - 1].rule->priority == rule->priority && to->at[i - 1].seq > seq))) {
		to->at[i] = to->at[i - 1];
		i--;
	}
	to->at[i].rule = rule;
	to->at[i].flags = n->flags;
	to->at[i].seq = seq;
}

int overlay_order_rules(struct overlay *o)
{
	const struct otab *base = &o->model->base.tab[ANOD_OBJ_RULE];
	const struct otab *edit = &o->edit.tab[ANOD_OBJ_RULE];
	struct rule_order *order;
	struct anod_object key;

	order = malloc(sizeof(*order) + (base->n + edit->n) * sizeof(order->at[0]));
	if (!order)
		return -ENOMEM;

	order->n = 0;
	for (unsigned i = 0; i < base->n_slots; i++) {
		const struct onode *n = otab_at(base, i);

		if (!n)
			continue;
		onode_object(base, n, &key);
		if (!otab_find(edit, &key))
			take_rule(order, n, 0);
	}
	for (unsigned i = 0; i < edit->n_slots; i++) {
		const struct onode *n = otab_at(edit, i);

		if (n && !n->gone)
			take_rule(order, n, base->seq);
	}

	if (o->own_rules)
		free(o->rules);
	o->rules = order;
	o->own_rules = true;
	return 0;
}

/* Most overlays do not edit rules: they share what the first of them has sorted. */
static int share_rules(struct overlay *o)
{
	struct rule_order **shared = o->model->rules;

	if (!*shared) {
		if (overlay_order_rules(o) < 0)
			return -ENOMEM;
		*shared = o->rules;
	}
	o->rules = *shared;
	o->own_rules = false;
	return 0;
}

static int view_get(const struct anod_view *v, const struct anod_object *key,
		    struct anod_object *ret)
{
	/* The view is the overlay's first member. */
	return overlay_get((const struct overlay *) (const void *) v, key, ret);
}

static int view_ifindex(const struct anod_view *v, const char *name)
{
	return overlay_ifindex((const struct overlay *) (const void *) v, name);
}

struct overlay *overlay_new(const struct model *m)
{
	struct overlay *o = malloc(sizeof(*o));

	if (!o)
		return NULL;

	/* The lists at the end are long, and as good as always empty. */
	memset(o, 0, offsetof(struct overlay, lost_link));
	o->view = (struct anod_view){ .get = view_get, .ifindex = view_ifindex };
	o->model = m;
	objects_init(&o->edit);
	o->shelf = m->shelf;
	o->shelf->refs++;
	if (o->shelf->n)
		o->edit.routes = o->shelf->spare[--o->shelf->n];
	o->lost_nh.type = ANOD_OBJ_NEXTHOP;
	return share_rules(o) < 0 ? overlay_free(o) : o;
}

struct shelf *shelf_unref(struct shelf *s)
{
	if (!s || --s->refs)
		return NULL;
	while (s->n)
		rtab_done(&s->spare[--s->n]);
	free(s);
	return NULL;
}

struct overlay *overlay_free(struct overlay *o)
{
	if (o) {
		if (o->shelf->n < SHELF_MAX) {
			rtab_reset(&o->edit.routes);
			o->shelf->spare[o->shelf->n++] = o->edit.routes;
			rtab_init(&o->edit.routes);
		}
		o->shelf = shelf_unref(o->shelf);
		objects_done(&o->edit);
		otab_done(&o->lost_nh);
		if (o->own_rules)
			free(o->rules);
		free(o->dead_gateway);
		free(o);
	}
	return NULL;
}

const struct anod_view *overlay_view(const struct overlay *o)
{
	return &o->view;
}

/* ---- reading ---------------------------------------------------------------------------- */

static const struct onode *node_by_id(const struct overlay *o, enum anod_obj_type type, uint32_t id)
{
	const struct onode *n = otab_find_id(&o->edit.tab[type], id);

	if (n)
		return n->gone ? NULL : n;
	return otab_find_id(&o->model->base.tab[type], id);
}

const struct anod_link *overlay_link(const struct overlay *o, uint32_t ifindex)
{
	const struct onode *n = node_by_id(o, ANOD_OBJ_LINK, ifindex);

	return n ? ONODE_AS(link, n) : NULL;
}

const struct anod_nexthop *overlay_nexthop(const struct overlay *o, uint32_t id)
{
	const struct onode *n = node_by_id(o, ANOD_OBJ_NEXTHOP, id);

	return n ? ONODE_AS(nexthop, n) : NULL;
}

int overlay_ifindex(const struct overlay *o, const char *name)
{
	const struct otab *base = &o->model->base.tab[ANOD_OBJ_LINK];
	const struct otab *edit = &o->edit.tab[ANOD_OBJ_LINK];

	for (unsigned i = 0; i < base->n_slots; i++) {
		const struct onode *n = otab_at(base, i);
		const struct anod_link *l;

		if (!n)
			continue;
		/* The edited one counts: it may have another name, or be gone. */
		l = overlay_link(o, ONODE_AS(link, n)->ifindex);
		if (l && strcmp(l->name, name) == 0)
			return (int) l->ifindex;
	}
	for (unsigned i = 0; i < edit->n_slots; i++) {
		const struct onode *n = otab_at(edit, i);

		if (n && !n->gone && strcmp(ONODE_AS(link, n)->name, name) == 0)
			return (int) ONODE_AS(link, n)->ifindex;
	}
	return -ENODEV;
}

static bool in_list(const uint32_t *list, unsigned n, uint32_t what)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == what)
			return true;
	return false;
}

static bool is_lost4(const struct overlay *o, const struct way *w, uint32_t ifindex)
{
	return in_list(o->lost4_link, o->n_lost4_links, ifindex) ||
	       (w->scope != RT_SCOPE_HOST && in_list(o->lost_link, o->n_lost_links, ifindex));
}

static bool way_lost4(const struct overlay *o, const struct way *w)
{
	for (unsigned i = 0; i < w->n_legs; i++)
		if (!is_lost4(o, w, w->leg[i].ifindex))
			return false;
	return true;
}

bool overlay_lost_ipv4(const struct overlay *o, uint32_t ifindex)
{
	return in_list(o->lost4_link, o->n_lost4_links, ifindex) && !overlay_has_ipv4(o, ifindex);
}

bool overlay_way_lost(const struct overlay *o, const struct way *w)
{
	if (w->nhid)
		return otab_find_id(&o->lost_nh, w->nhid);
	if (o->converged && overlay_way_withdrawn(o, w))
		return true;
	if ((!o->n_lost_links && !o->n_lost4_links) || !w->n_legs)
		return false;
	if (o->n_lost4_links && w->family == AF_INET)
		return way_lost4(o, w);

	/* Local IPv4 routes stay when their link goes down (fib_sync_down_dev()). */
	if (w->family == AF_INET && w->scope == RT_SCOPE_HOST)
		return false;
	for (unsigned i = 0; i < w->n_legs; i++)
		if (!in_list(o->lost_link, o->n_lost_links, w->leg[i].ifindex))
			return false;
	return true;
}

/* The route of a chain with this place in the kernel's order, or NULL. */
static const struct route *same_of(const struct rtab *t, const struct route *chain,
				   const struct route *like)
{
	for (; chain; chain = rtab_next(t, chain))
		if (route_order(chain, like) == 0)
			return chain;
	return NULL;
}

bool overlay_hides(const struct overlay *o, const struct route *r)
{
	const struct rtab *edit = &o->edit.routes;
	struct anod_prefix dst;

	if (overlay_way_lost(o, rtab_way(&o->model->base.routes, r)))
		return true;
	if (!edit->n)
		return false;
	route_dst(r, &dst);
	return same_of(edit, rtab_chain(edit, r->table, &dst), r);
}

bool overlay_next_of(const struct overlay *o, const struct route *base, const struct route *edit,
		     const struct route *after, struct route_ref *ret)
{
	const struct rtab *in_base = &o->model->base.routes, *in_edit = &o->edit.routes;
	const struct route *b = base, *e = edit;

	while (b && ((after && route_order(b, after) <= 0) ||
		     overlay_way_lost(o, rtab_way(in_base, b)) || same_of(in_edit, edit, b)))
		b = rtab_next(in_base, b);
	while (e && ((after && route_order(e, after) <= 0) || e->gone))
		e = rtab_next(in_edit, e);
	if (!b && !e)
		return false;

	if (b && (!e || route_order(b, e) < 0))
		*ret = (struct route_ref){ in_base, b };
	else
		*ret = (struct route_ref){ in_edit, e };
	return true;
}

static const struct route *next_in(struct covers *c)
{
	uint32_t id = covers_next(c);

	return id == RTAB_NONE ? NULL : rtab_route(c->t, id);
}

void overlay_covers(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
		    struct both_covers *ret)
{
	rtab_covers(&o->model->base.routes, table, dst, &ret->in[0]);
	rtab_covers(&o->edit.routes, table, dst, &ret->in[1]);
	for (unsigned i = 0; i < 2; i++)
		ret->next[i] = next_in(&ret->in[i]);
}

bool overlay_next_cover(struct both_covers *c)
{
	int len[2];

	for (unsigned i = 0; i < 2; i++)
		len[i] = c->next[i] ? c->next[i]->len : -1;
	if (len[0] < 0 && len[1] < 0)
		return false;

	c->base = len[0] >= len[1] ? c->next[0] : NULL;
	c->edit = len[1] >= len[0] ? c->next[1] : NULL;
	if (c->base)
		c->next[0] = next_in(&c->in[0]);
	if (c->edit)
		c->next[1] = next_in(&c->in[1]);
	return true;
}

/* The object of a route as the kernel would show it now. */
static void route_object(const struct overlay *o, const struct rtab *t, const struct route *r,
			 struct anod_object *ret)
{
	const struct way *w = rtab_way(t, r);
	struct anod_route *to = &ret->u.route;

	rtab_object(t, r, ret);
	if (w->nhid && o->edit.tab[ANOD_OBJ_NEXTHOP].n) {
		memset(to->leg, 0, sizeof(to->leg));
		to->n_legs = (uint8_t) overlay_legs(o, w, to->leg);
	}

	for (unsigned i = 0; i < to->n_legs && o->edit.tab[ANOD_OBJ_LINK].n; i++) {
		struct anod_leg *leg = &to->leg[i];
		const struct anod_link *l;

		if (!leg->ifindex || !otab_find_id(&o->edit.tab[ANOD_OBJ_LINK], leg->ifindex))
			continue;
		l = overlay_link(o, leg->ifindex);
		leg->flags &= ~(uint32_t) (RTNH_F_DEAD | RTNH_F_LINKDOWN);
		if (!l || !(l->flags & IFF_UP))
			leg->flags |= RTNH_F_DEAD | RTNH_F_LINKDOWN;
		else if (!l->carrier)
			leg->flags |= RTNH_F_LINKDOWN;
	}
}

/* What no sensor has told of may be there all the same. */
static int get_of_model(const struct model *m, const struct anod_object *key,
			struct anod_object *ret)
{
	int r = model_get(m, key, ret);

	return r == -ENOENT && key->type > ANOD_OBJ_NEIGH && !model_type_in_sync(m, key->type)
		       ? -ENODATA
		       : r;
}

int overlay_get(const struct overlay *o, const struct anod_object *key, struct anod_object *ret)
{
	const struct onode *n;
	const struct route *r;

	if (is_ip_route(key)) {
		r = rtab_find(&o->edit.routes, key);
		if (r && r->gone)
			return -ENOENT;
		if (r) {
			route_object(o, &o->edit.routes, r, ret);
			return 0;
		}
		r = rtab_find(&o->model->base.routes, key);
		if (!r || overlay_hides(o, r))
			return -ENOENT;
		route_object(o, &o->model->base.routes, r, ret);
		return 0;
	}

	if (key->type == 0 || key->type >= ANOD_OBJ_TYPES)
		return -EINVAL;
	n = otab_find(&o->edit.tab[key->type], key);
	if (!n)
		return get_of_model(o->model, key, ret);
	if (n->gone)
		return -ENOENT;
	onode_object(&o->edit.tab[key->type], n, ret);
	return 0;
}

static int each_route(const struct overlay *o, int (*fn)(const struct anod_object *, void *),
		      void *data)
{
	const struct rtab *base = &o->model->base.routes, *edit = &o->edit.routes;
	struct anod_object obj;
	int r = 0;

	for (uint32_t i = 0; i < base->n_used && r == 0; i++) {
		const struct route *route = rtab_at(base, i);

		if (!route || overlay_hides(o, route))
			continue;
		route_object(o, base, route, &obj);
		r = fn(&obj, data);
	}
	for (uint32_t i = 0; i < edit->n_used && r == 0; i++) {
		const struct route *route = rtab_at(edit, i);

		if (!route || route->gone)
			continue;
		route_object(o, edit, route, &obj);
		r = fn(&obj, data);
	}
	return r;
}

int overlay_each(const struct overlay *o, enum anod_obj_type type,
		 int (*fn)(const struct anod_object *, void *), void *data)
{
	const struct otab *base, *edit;
	struct anod_object obj;
	int r = 0;

	if (type < ANOD_OBJ_LINK || type >= ANOD_OBJ_TYPES)
		return -EINVAL;
	if (type == ANOD_OBJ_ROUTE)
		r = each_route(o, fn, data);

	base = &o->model->base.tab[type];
	edit = &o->edit.tab[type];
	for (unsigned i = 0; i < base->n_slots && r == 0; i++) {
		if (!otab_at(base, i))
			continue;
		onode_object(base, otab_at(base, i), &obj);
		if (!otab_find(edit, &obj))
			r = fn(&obj, data);
	}
	for (unsigned i = 0; i < edit->n_slots && r == 0; i++) {
		if (!otab_at(edit, i) || otab_at(edit, i)->gone)
			continue;
		onode_object(edit, otab_at(edit, i), &obj);
		r = fn(&obj, data);
	}
	return r;
}

/* ---- changing --------------------------------------------------------------------------- */

int overlay_edit(struct overlay *o, const struct anod_object *obj, bool gone)
{
	int r;

	if (is_ip_route(obj))
		return rtab_put(&o->edit.routes, obj, gone, 0);

	r = otab_put(&o->edit.tab[obj->type], obj, gone, 0);
	if (r > 0 && obj->type == ANOD_OBJ_RULE)
		return overlay_order_rules(o);
	return r;
}

uint32_t overlay_sysctl_link(const struct overlay *o, const struct anod_sysctl *s)
{
	char name[ANOD_IFNAME_SIZE];
	int ifindex = anod_sysctl_link(s->name, name) ? overlay_ifindex(o, name) : 0;

	return ifindex > 0 ? (uint32_t) ifindex : 0;
}

/* Settings of a link that the model has with the link. */
static int sysctl_changed(struct overlay *o, const struct anod_sysctl *s)
{
	const struct anod_link *link = overlay_link(o, overlay_sysctl_link(o, s));
	struct anod_object obj = { .type = ANOD_OBJ_LINK };
	const char *setting = strrchr(s->name, '.');

	if (!link || strncmp(s->name, "net.ipv4.conf.", 14) != 0)
		return 0;
	obj.u.link = *link;
	if (strcmp(setting, ".rp_filter") == 0)
		obj.u.link.rp_filter = (uint8_t) s->value;
	else if (strcmp(setting, ".forwarding") == 0 && s->value)
		obj.u.link.conf |= ANOD_LINK_FORWARDING4;
	else if (strcmp(setting, ".forwarding") == 0)
		obj.u.link.conf &= (uint8_t) ~ANOD_LINK_FORWARDING4;
	else
		return 0;
	return overlay_edit(o, &obj, false);
}

int overlay_apply(struct overlay *o, const struct anod_change *c)
{
	const struct anod_object *obj = c->has_post ? &c->post : &c->pre;
	const struct anod_link *link;
	struct anod_link was = { 0 };
	int r;

	if (!c->has_pre && !c->has_post)
		return 0;
	if (obj->type == 0 || obj->type >= ANOD_OBJ_TYPES)
		return -EINVAL;

	if (obj->type == ANOD_OBJ_LINK) {
		link = overlay_link(o, obj->u.link.ifindex);
		if (link)
			was = *link;
		was.ifindex = obj->u.link.ifindex;
	}

	r = overlay_edit(o, obj, !c->has_post);
	if (r < 0)
		return r;
	if (obj->type == ANOD_OBJ_LINK)
		return overlay_link_changed(o, &was);
	if (obj->type == ANOD_OBJ_SYSCTL && c->has_post)
		return sysctl_changed(o, &obj->u.sysctl);
	if (obj->type == ANOD_OBJ_NEXTHOP && !c->has_post)
		return overlay_nexthop_gone(o, obj->u.nexthop.id);
	if (obj->type == ANOD_OBJ_ADDR)
		return c->has_post ? overlay_addr_routes(o, &obj->u.addr)
				   : overlay_addr_gone(o, &obj->u.addr);
	return 0;
}
