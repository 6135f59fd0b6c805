/*
 * invariant_hop - next hops that lead nowhere.
 *
 * Design.  The questions are the model's (gateway.h); here is which next hops are meant, and the
 * sentence.  A neighbour that nobody has asked for yet is not dead.
 */
#include <linux/neighbour.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "model/gateway.h"
#include "policy/invariant_int.h"

struct finding judge_loops(const struct probe *p)
{
	const struct overlay *before = p->stage ? p->stage->ref : p->state;
	struct gateway_bad bad;
	const struct anod_link *l;
	char via[64], dst[64];

	if (gateways_check(before, p->state, &bad) < 0) {
		say(p, "no memory to look at all next hops");
		return (struct finding){ .holds = ANOD_DOUBT };
	}
	if (!bad.fault) {
		say(p, "every next hop leads on %s", WHERE(p));
		return (struct finding){ .holds = ANOD_TRUE };
	}

	l = overlay_link(p->state, bad.leg.ifindex);
	say(p, "next hop %s on link %s, for %s and %u more, %s %s",
	    prefix_format(&bad.leg.via, via, sizeof(via)), l ? l->name : "?",
	    prefix_format(&bad.prefix, dst, sizeof(dst)), bad.prefixes - 1,
	    gateway_fault_text(bad.fault), WHERE(p));
	return (struct finding){ .holds = ANOD_FALSE, .worse = bad.prefixes };
}

/* ---- neighbours -------------------------------------------------------------------------- */

static void judge_leg(const struct probe *p, const struct anod_leg *leg, struct finding *f)
{
	const struct anod_link *l = overlay_link(p->state, leg->ifindex);
	unsigned state = gateway_neigh(p->state, leg);
	char via[64];

	if (!(state & (NUD_FAILED | NUD_INCOMPLETE)))
		return;
	finding_fails(f, ANOD_FALSE, 1);
	say(p, "next hop %s on link %s does not answer (%s) %s",
	    prefix_format(&leg->via, via, sizeof(via)), l ? l->name : "?",
	    state & NUD_FAILED ? "FAILED" : "INCOMPLETE", WHERE(p));
}

static void judge_nexthop_id(const struct probe *p, uint32_t id, struct finding *f)
{
	const struct anod_nexthop *n = overlay_nexthop(p->state, id);
	struct anod_leg leg = { 0 };

	if (!n)
		return;
	leg.via = n->via;
	leg.ifindex = n->ifindex;
	judge_leg(p, &leg, f);
	/* Groups hold no groups, so this ends. */
	for (unsigned i = 0; i < n->n_members && i < ANOD_LEGS_MAX; i++)
		judge_nexthop_id(p, n->member[i].id, f);
}

/* What the changes of the plan have made, as far as it is there at this stage. */
static void judge_plan(const struct probe *p, struct finding *f)
{
	const struct whatif *w = p->in->whatif;
	struct anod_object now;

	for (unsigned i = 0; i < w->n_steps && p->stage; i++) {
		const struct anod_change *c = &w->step[i];

		if (!c->has_post || overlay_get(p->state, &c->post, &now) < 0)
			continue;
		if (now.type == ANOD_OBJ_NEXTHOP)
			judge_nexthop_id(p, now.u.nexthop.id, f);
		for (unsigned k = 0; now.type == ANOD_OBJ_ROUTE && k < now.u.route.n_legs; k++)
			judge_leg(p, &now.u.route.leg[k], f);
	}
}

static void judge_way_to(const struct probe *p, const struct anod_prefix *dst, struct finding *f)
{
	struct flow_key k = { .dst = *dst };
	struct flow_path path;
	char text[64];

	k.dst.len = k.dst.family == AF_INET ? 32 : 128;
	overlay_lookup(p->state, &k, &path);
	if (path.doubt) {
		say(p, "the way to %s depends on a rule that is beyond the model",
		    prefix_format(dst, text, sizeof(text)));
		finding_fails(f, ANOD_DOUBT, 0);
	}
	for (uint32_t i = 0; i < path.n_legs; i++)
		judge_leg(p, &path.leg[i], f);
}

struct finding judge_nexthops(const struct probe *p)
{
	const struct policy_set *s =
		p->require->set ? policy_find_set(p->in->config->policy, p->require->set) : NULL;
	struct finding f = { .holds = ANOD_TRUE };

	if (!p->require->set)
		judge_plan(p, &f);
	for (unsigned i = 0; s && i < s->n_prefixes; i++)
		judge_way_to(p, &s->prefix[i], &f);
	for (unsigned i = 0; s && i < s->n_flows; i++)
		judge_way_to(p, &s->flow[i].dst, &f);
	if (f.holds == ANOD_TRUE)
		say(p, "no next hop of %s has failed %s", s ? s->name : "the plan", WHERE(p));
	return f;
}
