/*
 * redundancy - does a proposal leave more ways than there were, or fewer?
 *
 * Design.  Asked only for proposals that stand in each other's way, so it may look at flows again;
 * what the invariants have found is about limits, not about more and less.
 */
#include "policy/redundancy.h"

#include <string.h>
#include <netinet/in.h>

static uint64_t srlg_of(const char *link, void *data)
{
	const struct config *const *c = data;

	for (unsigned i = 0; i < (*c)->n_links; i++)
		if (strcmp((*c)->link[i].name, link) == 0)
			return (*c)->link[i].srlg_mask;
	return 0;
}

static int ways_to(const struct risks *r, const struct overlay *o, const struct anod_prefix *dst)
{
	struct flow_key k = { .dst = *dst };

	k.dst.len = k.dst.family == AF_INET ? 32 : 128;
	return (int) risks_disjoint_paths(r, o, &k, true, REDUNDANCY_WAYS_MAX);
}

/* More ways to the flows of the policy, or fewer? */
static int ways(const struct config *c, const struct whatif *w)
{
	const struct policy *p = c->policy;
	struct risks before, after;
	unsigned looked = 0;
	int sum = 0;

	risks_init(&before, w->before, srlg_of, &c);
	risks_init(&after, w->after, srlg_of, &c);
	for (unsigned i = 0; i < p->n_sets; i++)
		for (unsigned k = 0; k < p->set[i].n_flows; k++) {
			const struct anod_prefix *dst = &p->set[i].flow[k].dst;

			if (looked++ == REDUNDANCY_FLOWS_MAX)
				return sum;
			sum += ways_to(&after, w->after, dst) - ways_to(&before, w->before, dst);
		}
	return sum;
}

static bool usable(const struct overlay *o, uint32_t ifindex)
{
	const struct anod_link *l = overlay_link(o, ifindex);

	return l && link_usable(l);
}

static int legs_of_nexthop(const struct overlay *o, const struct anod_nexthop *n)
{
	int legs = 0;

	if (!n->n_members)
		return !n->blackhole && usable(o, n->ifindex);
	for (unsigned i = 0; i < MIN_OF(n->n_members, ANOD_LEGS_MAX); i++) {
		const struct anod_nexthop *m = overlay_nexthop(o, n->member[i].id);

		legs += m && !m->blackhole && usable(o, m->ifindex);
	}
	return legs;
}

static int legs_of(const struct overlay *o, const struct anod_object *obj)
{
	const struct anod_nexthop *n;
	int legs = 0;

	switch ((enum anod_obj_type) obj->type) {
	case ANOD_OBJ_LINK:
		return link_usable(&obj->u.link);
	case ANOD_OBJ_NEXTHOP:
		return legs_of_nexthop(o, &obj->u.nexthop);
	case ANOD_OBJ_ROUTE:
		n = obj->u.route.nhid ? overlay_nexthop(o, obj->u.route.nhid) : NULL;
		if (n)
			return legs_of_nexthop(o, n);
		for (unsigned i = 0; i < MIN_OF(obj->u.route.n_legs, ANOD_LEGS_MAX); i++)
			legs += usable(o, obj->u.route.leg[i].ifindex);
		return legs;
	case ANOD_OBJ_ADDR:
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_NEIGH:
	case ANOD_OBJ_QDISC:
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
	return 0;
}

static int legs(const struct whatif *w)
{
	int sum = 0;

	for (unsigned i = 0; i < w->n_steps; i++) {
		const struct anod_change *c = &w->step[i];

		sum += c->has_post ? legs_of(w->after, &c->post) : 0;
		sum -= c->has_pre ? legs_of(w->before, &c->pre) : 0;
	}
	return sum;
}

int redundancy_of(const struct config *c, const struct whatif *w)
{
	int more;

	if (!w || !w->n_stages)
		return 0;
	if (w->new_blackholes)
		return -1;
	if (w->mended)
		return 1;

	more = ways(c, w);
	more = more ? more : legs(w);
	return (more > 0) - (more < 0);
}
