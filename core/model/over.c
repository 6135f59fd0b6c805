/*
 * over - which routes go over a link, and what would be left of them without it.
 *
 * Design.  Whether a route goes over the link is a matter of its way, of which there are few, so
 * that is found once for each way, and a pass over the routes only looks it up.  Only routes that
 * do are looked at closer.
 */
#include "model/over.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/classes.h"
#include "model/horizon.h"
#include "model/state.h"

struct walk {
	const struct model *m;
	const struct rtab *t;
	uint32_t ifindex;
	bool (*in_scope)(const struct anod_prefix *, void *);
	void *data;
	uint8_t *over; /* by id of way: WAY_* */
	struct over *ret;
};
enum { WAY_OTHER, WAY_OVER };

static const struct anod_link *link_of(const struct model *m, uint32_t ifindex)
{
	const struct onode *n = otab_find_id(&m->base.tab[ANOD_OBJ_LINK], ifindex);

	return n ? ONODE_AS(link, n) : NULL;
}

static const struct anod_nexthop *nexthop_of(const struct model *m, uint32_t id)
{
	const struct onode *n = otab_find_id(&m->base.tab[ANOD_OBJ_NEXTHOP], id);

	return n ? ONODE_AS(nexthop, n) : NULL;
}

/* ---- ways ------------------------------------------------------------------------------------ */

static bool nexthop_over(const struct model *m, uint32_t id, uint32_t ifindex)
{
	const struct anod_nexthop *n = nexthop_of(m, id);
	bool over = n && !n->n_members && n->ifindex == ifindex;

	for (unsigned i = 0; n && i < n->n_members && !over; i++) {
		const struct anod_nexthop *member = nexthop_of(m, n->member[i].id);

		over = member && member->ifindex == ifindex;
	}
	return over;
}

static bool way_over(const struct model *m, const struct way *w, uint32_t ifindex)
{
	if (w->type != RTN_UNICAST || w->protocol == RTPROT_KERNEL ||
	    w->protocol == RTPROT_REDIRECT)
		return false;
	if (w->nhid)
		return nexthop_over(m, w->nhid, ifindex);
	for (unsigned i = 0; i < w->n_legs; i++)
		if (w->leg[i].ifindex == ifindex)
			return true;
	return false;
}

/* Has it a leg that can be used, and is not over the link? */
static bool way_elsewhere(const struct walk *x, const struct way *w)
{
	const struct anod_nexthop *group = w->nhid ? nexthop_of(x->m, w->nhid) : NULL;

	if (w->type != RTN_UNICAST)
		return false;
	for (unsigned i = 0; group && i < group->n_members; i++) {
		const struct anod_nexthop *n = nexthop_of(x->m, group->member[i].id);
		const struct anod_link *l = n ? link_of(x->m, n->ifindex) : NULL;

		if (l && l->ifindex != x->ifindex && link_usable(l))
			return true;
	}
	for (unsigned i = 0; !w->nhid && i < w->n_legs; i++) {
		const struct anod_link *l = link_of(x->m, w->leg[i].ifindex);

		if (l && l->ifindex != x->ifindex && link_usable(l))
			return true;
	}
	return false;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static bool decides(const struct walk *x, const struct route *r, const struct anod_prefix *dst)
{
	const struct route *head = rtab_chain(x->t, r->table, dst);

	while (head && head->tos)
		head = rtab_next(x->t, head);
	return head == r;
}

static bool is_alone(const struct walk *x, const struct route *r)
{
	const struct route *next = r;

	if (way_elsewhere(x, rtab_way(x->t, r)))
		return false;
	while ((next = rtab_next(x->t, next))) {
		const struct way *w = rtab_way(x->t, next);

		if (!next->tos && w->protocol != ANOD_RTPROT && way_elsewhere(x, w))
			return false;
	}
	return true;
}

static struct over_group *group_of(struct over_family *f, uint32_t id)
{
	for (unsigned i = 0; i < f->n_groups; i++)
		if (f->group[i].id == id)
			return &f->group[i];
	if (f->n_groups == OVER_GROUPS_MAX) {
		f->more_groups = true;
		return NULL;
	}
	f->group[f->n_groups] = (struct over_group){ .id = id };
	return &f->group[f->n_groups++];
}

static void note(struct anod_object *list, unsigned *n, const struct walk *x, const struct route *r)
{
	if (*n < OVER_LIST_MAX)
		rtab_object(x->t, r, &list[(*n)++]);
}

static void look(const struct walk *x, const struct route *r)
{
	const struct way *w = rtab_way(x->t, r);
	struct over_family *f = &x->ret->family[r->family == AF_INET6];
	struct over_group *g = NULL;
	struct anod_prefix dst;

	route_dst(r, &dst);
	if (!decides(x, r, &dst))
		return;
	if (w->nhid)
		g = group_of(f, w->nhid);
	if (x->in_scope && !x->in_scope(&dst, x->data)) {
		if (g)
			g->outside++;
		return;
	}

	f->routes++;
	f->plain += !w->nhid;
	f->daemons += horizon_is_daemon(w->protocol);
	f->foreign += w->protocol != ANOD_RTPROT;
	f->lossy += (w->obj_flags & ANOD_OBJ_LOSSY) != 0;
	f->not_main += r->table != RT_TABLE_MAIN;
	if (g)
		g->routes++;
	note(f->listed, &f->n_listed, x, r);
	if (is_alone(x, r)) {
		f->alone++;
		note(f->lone, &f->n_alone, x, r);
	}
}

void over_link(const struct model *m, uint32_t ifindex,
	       bool (*in_scope)(const struct anod_prefix *dst, void *data), void *data,
	       struct over *ret)
{
	const struct rtab *t = &m->base.routes;
	struct walk x = { m, t, ifindex, in_scope, data, NULL, ret };
	bool any = false;

	*ret = (struct over){ 0 };
	x.over = calloc(t->n_ways + 1, 1);
	for (uint32_t id = 0; x.over && id < t->n_ways; id++) {
		x.over[id] = t->way[id] && way_over(m, t->way[id], ifindex) ? WAY_OVER : WAY_OTHER;
		any |= x.over[id];
	}
	for (uint32_t i = 0; any && i < t->n_used; i++) {
		const struct route *r = rtab_at(t, i);

		if (r && x.over[r->way] == WAY_OVER && !r->tos && r->table != RT_TABLE_LOCAL)
			look(&x, r);
	}
	free(x.over);
}

int over_protocol(const struct model *m, const struct anod_object *key)
{
	const struct route *r = rtab_find(&m->base.routes, key);

	return r ? rtab_way(&m->base.routes, r)->protocol : -ENOENT;
}

/* ---- gateways, rules ------------------------------------------------------------------------- */

/* Do routes to everything use this way? */
static bool is_default(const struct rtab *t, uint32_t id)
{
	for (unsigned i = 0; i < t->n_fibs; i++) {
		uint32_t at = t->fib[i] ? t->fib[i]->zero : RTAB_NONE;

		while (at != RTAB_NONE) {
			if (rtab_route(t, at)->way == id)
				return true;
			at = rtab_route(t, at)->next;
		}
	}
	return false;
}

int over_gateway(const struct model *m, uint32_t ifindex, uint8_t family, struct anod_prefix *ret)
{
	const struct rtab *t = &m->base.routes;
	unsigned n = 0;

	for (uint32_t id = 0; id < t->n_ways; id++) {
		const struct way *w = t->way[id];

		for (unsigned i = 0; w && w->refs && i < w->n_legs; i++) {
			const struct anod_leg *l = &w->leg[i];

			if (l->ifindex != ifindex || l->via.family != family)
				continue;
			if (is_default(t, id)) {
				*ret = l->via;
				return 1;
			}
			if (n && memcmp(ret, &l->via, sizeof(*ret)) == 0)
				continue;
			if (!n++)
				*ret = l->via;
		}
	}
	return n > 1 ? -EEXIST : (int) n;
}

int over_main_rule(const struct model *m, uint8_t family, uint32_t *ret)
{
	const struct otab *t = &m->base.tab[ANOD_OBJ_RULE];
	bool found = false;

	for (unsigned i = 0; i < t->n_slots; i++) {
		const struct onode *n = otab_at(t, i);
		const struct anod_rule *r = n ? ONODE_AS(rule, n) : NULL;

		if (!r || r->family != family || r->action != FR_ACT_TO_TBL ||
		    r->table != RT_TABLE_MAIN || r->src.family || r->dst.family || r->fwmask ||
		    r->iif[0] || r->oif[0] || r->suppress_len || r->priority == 0)
			continue;
		if (!found || r->priority < *ret)
			*ret = r->priority;
		found = true;
	}
	return found ? 0 : -ENOENT;
}
