/*
 * reflex_kernel - ways in which the kernel itself is armed.
 *
 * Design.  As measured (docs/bench.md): a group {primary weight 255, standby weight 1} loses its
 * dead member at once, whatever hangs on it; the standby then carries 1/256 of the flows before.
 * Where there are no groups, a second route of higher metric takes over when IPv4 is told to pass
 * over routes without carrier, and carries nothing before.  IPv6 has no such setting that netlink
 * could change.  A route alone can be moved to a group of its own: that is the most invasive of the
 * three, so it comes last.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "facts/value.h"
#include "model/state.h"
#include "policy/reflex_int.h"

#define PRIMARY_WEIGHT 255
#define STANDBY_WEIGHT 1
#define METRIC_TRIES   16

enum { NH_PRIMARY, NH_STANDBY, NH_GROUP };

static uint32_t own_id(const struct chooser *c, uint8_t family, unsigned what)
{
	return REFLEX_NHID(c->in->slot) + (family == AF_INET6 ? 4 : 0) + what;
}

static const struct anod_nexthop *nexthop_of(const struct chooser *c, uint32_t id)
{
	const struct onode *n = otab_find_id(&c->in->model->base.tab[ANOD_OBJ_NEXTHOP], id);

	return n ? ONODE_AS(nexthop, n) : NULL;
}

/* Is the id free, or anod's already? */
static bool id_is_ours(struct chooser *c, uint32_t id)
{
	const struct anod_nexthop *n = nexthop_of(c, id);

	if (n && n->protocol != ANOD_RTPROT)
		return choose_not(c, "next hop %u is somebody else's", id);
	return true;
}

static bool may_change(const struct chooser *c, uint8_t protocol)
{
	return protocol == ANOD_RTPROT || c->in->permit->touch_foreign;
}

/* ---- a standby member in groups that are there ----------------------------------------------- */

/* The member over the link; NULL and the reason when there is not exactly one. */
static const struct anod_nexthop *primary_of(struct chooser *c, const struct anod_nexthop *g)
{
	const struct anod_nexthop *primary = NULL;

	for (unsigned i = 0; i < g->n_members; i++) {
		const struct anod_nexthop *n = nexthop_of(c, g->member[i].id);

		if (!n || n->id == own_id(c, AF_INET, NH_STANDBY) ||
		    n->id == own_id(c, AF_INET6, NH_STANDBY))
			continue;
		if (n->ifindex != c->to->link) {
			(void) choose_not(c, "group %u has a member elsewhere, and goes on over it",
					  g->id);
			return NULL;
		}
		if (primary) {
			(void) choose_not(c, "group %u has several members over %s", g->id,
					  c->link);
			return NULL;
		}
		primary = n;
	}
	return primary;
}

static void add_hop(struct anod_action *a, const struct chooser *c, uint32_t id,
		    const struct anod_nexthop *n)
{
	act_int(a, "id", id);
	if (n->via.family)
		act_prefix(a, "via", &n->via);
	act_text(a, "dev", c->link);
}

static void add_standby(struct anod_action *a, const struct chooser *c, uint8_t family)
{
	act_int(a, "id", own_id(c, family, NH_STANDBY));
	act_leg(a, c, family);
}

static void add_members(struct anod_action *a, uint32_t group, uint32_t primary, uint32_t standby)
{
	act_int(a, "id", group);
	act_int(a, "member1", primary);
	if (!standby)
		return;
	act_int(a, "weight1", PRIMARY_WEIGHT);
	act_int(a, "member2", standby);
	act_int(a, "weight2", STANDBY_WEIGHT);
}

static bool add_group(struct chooser *c, uint8_t family, const struct over_group *used)
{
	const struct anod_nexthop *g = nexthop_of(c, used->id), *primary;
	struct anod_action *a, *b;

	if (!g || !g->n_members)
		return choose_not(c,
				  "%u routes use next hop %u itself, which the kernel deletes "
				  "with them when %s is lost",
				  used->routes, used->id, c->link);
	if (!may_change(c, g->protocol))
		return choose_not(c, "group %u is not anod's: write foreign objects", g->id);
	if (used->outside)
		return choose_not(c, "group %u carries %u routes outside %s, too", g->id,
				  used->outside, c->reflex->scope);
	primary = primary_of(c, g);
	if (!primary)
		return false;

	b = choose_back(c, "nexthop.replace");
	if (b)
		add_hop(b, c, primary->id, primary);
	a = choose_action(c, "nexthop.replace");
	b = choose_back(c, "nexthop.replace");
	if (!a || !b)
		return choose_not(c, "more groups than one transaction has room for");
	add_members(a, g->id, primary->id, own_id(c, family, NH_STANDBY));
	add_members(b, g->id, primary->id, 0);
	return true;
}

static bool add_groups(struct chooser *c, uint8_t family)
{
	const struct over_family *f = over_of(&c->over, family);

	if (!f->routes)
		return true;
	if (f->more_groups)
		return choose_not(c, "more groups than one transaction has room for");
	if (!id_is_ours(c, own_id(c, family, NH_STANDBY)))
		return false;
	add_standby(choose_action(c, "nexthop.replace"), c, family);
	for (unsigned i = 0; i < f->n_groups; i++)
		if (f->group[i].routes && !add_group(c, family, &f->group[i]))
			return false;
	return true;
}

static bool own_group(const struct chooser *c, const struct over_family *f, uint8_t family)
{
	for (unsigned i = 0; i < f->n_groups; i++)
		if (f->group[i].id == own_id(c, family, NH_GROUP))
			return true;
	return false;
}

bool choose_group(struct chooser *c)
{
	unsigned plain = of4(c)->plain + of6(c)->plain;

	if (plain == c->to->routes)
		return choose_not(c, "no next-hop group: the routes have their own legs");
	if (plain)
		return choose_not(c, "%u of %u routes are in no next-hop group", plain,
				  c->to->routes);
	if (own_group(c, of4(c), AF_INET) || own_group(c, of6(c), AF_INET6))
		return false; /* choose_move() has made it */
	if (!choose_allowed(c, "nexthop.replace"))
		return choose_not(c, "no group: the permit does not allow nexthop.replace");
	if (!add_groups(c, AF_INET) || !add_groups(c, AF_INET6))
		return false;
	return choose_way(c, REFLEX_WAY_GROUP,
			  "%u route%s by next-hop groups: the kernel drops the lost member and the "
			  "standby, weight %d to %d, is left",
			  c->to->routes, c->to->routes == 1 ? "" : "s", STANDBY_WEIGHT,
			  PRIMARY_WEIGHT);
}

/* ---- a second route of higher metric --------------------------------------------------------- */

static bool worse_metric(const struct chooser *c, const struct anod_route *r, uint32_t *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE, .u.route = *r };

	for (uint32_t i = 1; i <= METRIC_TRIES && r->metric <= UINT32_MAX - i; i++) {
		int p;

		key.u.route.metric = r->metric + i;
		p = over_protocol(c->in->model, &key);
		if (p == -ENOENT || p == ANOD_RTPROT) {
			*ret = r->metric + i;
			return true;
		}
	}
	return false;
}

static bool add_second(struct chooser *c, const struct anod_object *o)
{
	struct anod_route r = o->u.route;
	struct anod_action *a;
	char dst[64];

	if (!worse_metric(c, &r, &r.metric))
		return choose_not(c, "no metric behind %u is free for %s", o->u.route.metric,
				  prefix_format(&r.dst, dst, sizeof(dst)));
	a = choose_action(c, "route.replace");
	act_route(a, &r);
	act_leg(a, c, AF_INET);
	return true;
}

bool choose_metric(struct chooser *c)
{
	const struct over_family *f = of4(c);
	struct anod_action *a;

	if (of6(c)->routes)
		return choose_not(c, "no second metric: IPv6 cannot be told to pass over routes "
				     "without carrier by netlink");
	if (f->plain != f->routes)
		return choose_not(c, "no second metric: the kernel deletes next hops with a link");
	if (!choose_allowed(c, "link.set") || (f->alone && !choose_allowed(c, "route.replace")))
		return choose_not(c, "no second metric: the permit does not allow link.set%s",
				  f->alone ? " and route.replace" : "");
	if (f->alone > ANOD_ACTIONS_MAX - 1)
		return choose_not(c,
				  "no second metric: %u routes have none, and one transaction "
				  "adds %d",
				  f->alone, ANOD_ACTIONS_MAX - 1);
	if (f->alone && f->daemons && !c->in->permit->touch_foreign)
		return choose_not(c, "no second metric: %u routes are a daemon's, and come and go",
				  f->daemons);

	a = choose_action(c, "link.set");
	act_text(a, "dev", c->link);
	act_bool(a, "ignore_linkdown", true);
	for (unsigned i = 0; i < f->n_alone; i++)
		if (!add_second(c, &f->lone[i]))
			return false;
	if (f->alone)
		return choose_way(c, REFLEX_WAY_METRIC,
				  "the kernel passes over %s without carrier, to %u second "
				  "route%s over %s of higher metric",
				  c->link, f->alone, f->alone == 1 ? "" : "s", c->standby);
	return choose_way(
		c, REFLEX_WAY_METRIC,
		"every route has a second one: the kernel takes it when %s has no carrier",
		c->link);
}

/* ---- a group of its own for a route ---------------------------------------------------------- */

/* Where the route goes now; NULL and the reason when it cannot be a next hop of ours. */
static const struct anod_leg *only_leg(struct chooser *c, const struct anod_object *o)
{
	const struct anod_route *r = &o->u.route;
	char dst[64];

	if (r->n_legs != 1 || (r->leg[0].flags & RTNH_F_ONLINK) || r->leg[0].label ||
	    (o->flags & ANOD_OBJ_LOSSY)) {
		(void) choose_not(c, "%s cannot be moved to a group: it has %s",
				  prefix_format(&r->dst, dst, sizeof(dst)),
				  r->n_legs == 1 ? "something that a group does not hold"
						 : "several legs");
		return NULL;
	}
	return &r->leg[0];
}

static void add_moved(struct chooser *c, const struct anod_route *r)
{
	struct anod_action *a = choose_action(c, "route.replace");

	act_route(a, r);
	act_int(a, "nhid", own_id(c, r->dst.family, NH_GROUP));
	if (r->mtu) {
		struct anod_value v = value_int(r->mtu, ANOD_UNIT_BYTES);

		(void) copy_text(a->arg[a->n_args].name, ANOD_KIND_SIZE, "mtu");
		a->arg[a->n_args++].value = v;
	}
	if (r->prefsrc.family)
		act_prefix(a, "src", &r->prefsrc);
}

/* The leg of a route that has been moved already. */
static bool moved_hop(const struct chooser *c, const struct anod_route *r, struct anod_nexthop *ret)
{
	const struct anod_nexthop *p = nexthop_of(c, own_id(c, r->dst.family, NH_PRIMARY));

	if (r->nhid != own_id(c, r->dst.family, NH_GROUP) || !p)
		return false;
	*ret = *p;
	return true;
}

static bool move_route(struct chooser *c, const struct anod_object *o)
{
	const struct anod_route *r = &o->u.route;
	uint8_t family = r->dst.family;
	struct anod_nexthop hop = { 0 };
	uint32_t primary = own_id(c, family, NH_PRIMARY), group = own_id(c, family, NH_GROUP);
	const struct anod_leg *leg;

	for (unsigned i = NH_PRIMARY; i <= NH_GROUP; i++)
		if (!id_is_ours(c, own_id(c, family, i)))
			return false;
	if (!moved_hop(c, r, &hop)) {
		if (r->nhid)
			return choose_not(c, "next hop %u is used by itself", r->nhid);
		leg = only_leg(c, o);
		if (!leg)
			return false;
		hop.via = leg->via;
	}
	add_hop(choose_action(c, "nexthop.replace"), c, primary, &hop);
	add_standby(choose_action(c, "nexthop.replace"), c, family);
	add_members(choose_action(c, "nexthop.replace"), group, primary,
		    own_id(c, family, NH_STANDBY));
	add_moved(c, r);
	add_hop(choose_back(c, "nexthop.replace"), c, primary, &hop);
	add_members(choose_back(c, "nexthop.replace"), group, primary, 0);
	return true;
}

bool choose_move(struct chooser *c)
{
	const struct over_family *f = of4(c)->routes ? of4(c) : of6(c);

	if (c->to->routes != 1)
		return choose_not(c, "no group of its own: %u routes, and one transaction moves 1",
				  c->to->routes);
	if (!choose_allowed(c, "nexthop.replace") || !choose_allowed(c, "route.replace"))
		return choose_not(c, "no group of its own: the permit does not allow "
				     "nexthop.replace and route.replace");
	if (f->foreign && !c->in->permit->touch_foreign)
		return choose_not(c, "no group of its own: the route is not anod's");
	if (!move_route(c, &f->listed[0]))
		return false;
	return choose_way(c, REFLEX_WAY_GROUP,
			  "the route gets a next-hop group of its own, with the standby as its "
			  "second member");
}
