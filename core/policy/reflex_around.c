/*
 * reflex_around - ways around routes that stay as they are: the bridge, and ready bytes.
 *
 * Design.  Both add something that wins against the routes over the lost link - a rule in front of
 * their table, routes of better metric - and touch nothing of anybody else's.  So they are possible
 * whoever owns the routes, and going back means taking away what was added.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "policy/reflex_int.h"

/* ---- the bridge ------------------------------------------------------------------------------ */

static bool add_rule(struct chooser *c, uint8_t family)
{
	const char *word = family == AF_INET ? "inet" : "inet6";
	struct anod_action *a;
	uint32_t priority;

	if (!over_of(&c->over, family)->routes)
		return true;
	if (over_main_rule(c->in->model, family, &priority) < 0)
		return choose_not(c, "no bridge: no rule of IPv%d asks table main for everything",
				  family == AF_INET ? 4 : 6);
	a = choose_action(c, "rule.add");
	act_int(a, "priority", priority - 1);
	act_int(a, "table", c->to->table);
	act_text(a, "family", word);
	return true;
}

bool choose_bridge(struct chooser *c)
{
	unsigned n = of4(c)->daemons + of6(c)->daemons;

	if (!choose_allowed(c, "rule.add"))
		return choose_not(c, "no bridge: the permit does not allow rule.add");
	if (of4(c)->not_main + of6(c)->not_main)
		return choose_not(c, "no bridge: %u of the routes are not in table main",
				  of4(c)->not_main + of6(c)->not_main);
	if (c->to->routes > c->reflex->max_prefixes)
		return choose_not(c, "no bridge: %u routes, at most %u are allowed", c->to->routes,
				  c->reflex->max_prefixes);
	c->to->table = c->reflex->table ? c->reflex->table : REFLEX_TABLE_FIRST + c->in->slot;
	if (!add_rule(c, AF_INET) || !add_rule(c, AF_INET6))
		return false;
	if (n && !c->in->permit->touch_foreign)
		return choose_way(c, REFLEX_WAY_BRIDGE,
				  "%u of %u routes are a routing daemon's, which are not touched: "
				  "one rule leads around them",
				  n, c->to->routes);
	return choose_way(c, REFLEX_WAY_BRIDGE, "one rule leads around %u routes", c->to->routes);
}

/* ---- ready bytes ----------------------------------------------------------------------------- */

/* A metric that wins against the route, and is free or anod's. */
static bool better_metric(const struct chooser *c, const struct anod_route *r, uint32_t *ret)
{
	uint32_t least = r->dst.family == AF_INET6 ? 1 : 0;
	struct anod_object key = { .type = ANOD_OBJ_ROUTE, .u.route = *r };

	for (unsigned i = 1; i <= 16 && r->metric >= least + i; i++) {
		int p;

		key.u.route.metric = r->metric - i;
		p = over_protocol(c->in->model, &key);
		if (p == -ENOENT || p == ANOD_RTPROT) {
			*ret = r->metric - i;
			return true;
		}
	}
	return false;
}

static bool ready_route(struct chooser *c, const struct anod_object *o)
{
	struct anod_route r = o->u.route;
	struct anod_action *a;
	char dst[64];

	if (!better_metric(c, &r, &r.metric))
		return choose_not(c, "no ready bytes: nothing wins against metric %u of %s",
				  o->u.route.metric, prefix_format(&r.dst, dst, sizeof(dst)));
	a = choose_action(c, "route.replace");
	act_route(a, &r);
	act_leg(a, c, r.dst.family);
	act_route(choose_back(c, "route.del"), &r);
	return true;
}

bool choose_ready(struct chooser *c)
{
	if (!choose_allowed(c, "route.replace"))
		return choose_not(c, "no ready bytes: the permit does not allow route.replace");
	if (c->to->routes > ANOD_ACTIONS_MAX)
		return choose_not(c, "no ready bytes: %u routes, and one transaction has %d",
				  c->to->routes, ANOD_ACTIONS_MAX);
	for (unsigned f = 0; f < 2; f++)
		for (unsigned i = 0; i < c->over.family[f].n_listed; i++)
			if (!ready_route(c, &c->over.family[f].listed[i]))
				return false;
	return choose_way(c, REFLEX_WAY_READY,
			  "the guardian adds %u route%s over %s, of better metric", c->to->routes,
			  c->to->routes == 1 ? "" : "s", c->standby);
}
