/*
 * lookup - where a packet goes.
 *
 * Design.  fib_rules_lookup() around fib_table_lookup(): rules by priority, in a table the
 * longest prefix first, among routes of one prefix the kernel's order; a route all of whose
 * legs are dead is passed over, one whose legs only lack carrier is taken and swallows the
 * packet.  Look-ups have tos 0, so a route with another tos never answers.
 *
 * A rule that the model cannot follow to its end (goto; conditions that make it LOSSY: ports,
 * users) is passed over and the answer marked as doubt, but only when the conditions that can be
 * followed hold.  An l3mdev rule never holds for a packet of this host outside of VRFs.
 */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "facts/value.h"
#include "model/state.h"

/* ---- legs ------------------------------------------------------------------------------- */

static struct anod_leg leg_of(const struct anod_nexthop *n, uint32_t weight)
{
	return (struct anod_leg){
		.via = n->via, .ifindex = n->ifindex, .flags = n->flags, .weight = weight
	};
}

unsigned overlay_legs(const struct overlay *o, const struct way *w, struct anod_leg *ret)
{
	const struct anod_nexthop *nh = w->nhid ? overlay_nexthop(o, w->nhid) : NULL;
	unsigned n = 0;

	if (!nh) {
		memcpy(ret, w->leg, w->n_legs * sizeof(*ret));
		return w->n_legs;
	}
	if (nh->blackhole)
		return 0;
	if (!nh->n_members) {
		ret[0] = leg_of(nh, 1);
		return 1;
	}

	for (unsigned i = 0; i < nh->n_members && i < ANOD_LEGS_MAX; i++) {
		const struct anod_nexthop *member = overlay_nexthop(o, nh->member[i].id);

		if (member && !member->blackhole)
			ret[n++] = leg_of(member, nh->member[i].weight);
	}
	return n;
}

enum leg_state overlay_leg_state(const struct overlay *o, const struct anod_leg *leg,
				 const uint32_t *cut, unsigned n_cut)
{
	const struct anod_link *l = overlay_link(o, leg->ifindex);

	for (unsigned i = 0; i < n_cut; i++)
		if (cut[i] == leg->ifindex)
			return LEG_DEAD;
	if (!l || !(l->flags & IFF_UP))
		return LEG_DEAD;
	/* The kernel clears the mark when the link comes up, and that edit is ours. */
	if ((leg->flags & RTNH_F_DEAD) && !otab_find_id(&o->edit.tab[ANOD_OBJ_LINK], leg->ifindex))
		return LEG_DEAD;
	return l->carrier ? LEG_USABLE : LEG_NO_CARRIER;
}

/* ---- one table -------------------------------------------------------------------------- */

static enum way_answer ask_unicast(const struct overlay *o, const struct way *w,
				   const uint32_t *cut, unsigned n_cut, struct flow_path *ret)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = overlay_legs(o, w, leg), n_dead = 0;

	ret->n_legs = 0;
	for (unsigned i = 0; i < n; i++) {
		enum leg_state s = overlay_leg_state(o, &leg[i], cut, n_cut);

		n_dead += s == LEG_DEAD;
		if (s == LEG_USABLE)
			ret->leg[ret->n_legs++] = leg[i];
	}

	ret->fate = ret->n_legs ? FLOW_FORWARDED : FLOW_BLACKHOLE;
	/* All legs are dead: the kernel looks further. */
	return !n || n_dead < n ? WAY_DECIDES : WAY_PASSES;
}

enum way_answer overlay_ask_way(const struct overlay *o, const struct way *w, const uint32_t *cut,
				unsigned n_cut, struct flow_path *ret)
{
	ret->n_legs = 0;
	switch (w->type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		ret->fate = FLOW_LOCAL;
		return WAY_DECIDES;
	case RTN_BLACKHOLE:
		ret->fate = FLOW_BLACKHOLE;
		return WAY_DECIDES;
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		ret->fate = FLOW_PROHIBITED;
		return WAY_DECIDES;
	case RTN_THROW:
		return WAY_THROWS;
	default:
		return ask_unicast(o, w, cut, n_cut, ret);
	}
}

enum way_answer overlay_ask_chain(const struct overlay *o, const struct route *base,
				  const struct route *edit, const uint32_t *cut, unsigned n_cut,
				  struct flow_path *ret, struct route_ref *ret_at)
{
	const struct route *after = NULL;

	for (; overlay_next_of(o, base, edit, after, ret_at); after = ret_at->route) {
		enum way_answer a;

		if (ret_at->route->tos)
			continue;
		a = overlay_ask_way(o, rtab_way(ret_at->tab, ret_at->route), cut, n_cut, ret);
		if (a != WAY_PASSES)
			return a;
	}
	return WAY_PASSES;
}

void overlay_lookup_table(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
			  const uint32_t *cut, unsigned n_cut, struct flow_path *ret)
{
	struct both_covers at;
	struct route_ref by;

	ret->fate = 0;
	ret->n_legs = 0;
	overlay_covers(o, table, dst, &at);
	while (overlay_next_cover(&at)) {
		enum way_answer a = overlay_ask_chain(o, at.base, at.edit, cut, n_cut, ret, &by);

		if (a == WAY_PASSES)
			continue;
		rtab_object(by.tab, by.route, &ret->route);
		if (a == WAY_DECIDES)
			return;
		/* A throw is left in ret->route, so that the caller may tell why. */
		break;
	}
	ret->fate = 0;
	ret->n_legs = 0;
}

/* ---- rules ------------------------------------------------------------------------------ */

static bool selects(const struct anod_prefix *rule, const struct anod_prefix *flow)
{
	struct anod_prefix unset = { .family = rule->family,
				     .len = rule->family == AF_INET ? 32 : 128 };

	if (!rule->family)
		return true;
	/* A packet whose source is not chosen yet has the source 0.0.0.0 or ::. */
	return prefix_contains(rule, flow->family ? flow : &unset);
}

static bool rule_holds(const struct anod_rule *r, const struct flow_key *k)
{
	const char *iif = k->iif[0] ? k->iif : "lo";
	bool holds = selects(&r->src, &k->src) && selects(&r->dst, &k->dst) &&
		     ((k->mark ^ r->fwmark) & r->fwmask) == 0 && r->tos == 0 && !r->oif[0] &&
		     !r->l3mdev && (!r->iif[0] || strncmp(r->iif, iif, sizeof(r->iif)) == 0);

	return (r->flags & FIB_RULE_INVERT) ? !holds : holds;
}

/* True when the rule decided. */
static bool follow_rule(const struct overlay *o, const struct anod_rule *r,
			const struct flow_key *k, const uint32_t *cut, unsigned n_cut,
			struct flow_path *ret)
{
	switch (r->action) {
	case FR_ACT_TO_TBL:
		overlay_lookup_table(o, r->table, &k->dst, cut, n_cut, ret);
		/* suppress_len is the prefix length + 1. */
		if (ret->fate && r->suppress_len && ret->route.u.route.dst.len < r->suppress_len) {
			ret->fate = 0;
			memset(&ret->route, 0, sizeof(ret->route));
		}
		break;
	case FR_ACT_BLACKHOLE:
		ret->fate = FLOW_BLACKHOLE;
		break;
	case FR_ACT_UNREACHABLE:
	case FR_ACT_PROHIBIT:
		ret->fate = FLOW_PROHIBITED;
		break;
	case FR_ACT_GOTO:
		ret->doubt = true;
		break;
	default: /* FR_ACT_NOP and whatever a newer kernel has */
		break;
	}
	return ret->fate != 0;
}

/* A kernel without policy routing shows no rules and looks in these. */
static void lookup_without_rules(const struct overlay *o, const struct flow_key *k,
				 const uint32_t *cut, unsigned n_cut, struct flow_path *ret)
{
	static const uint32_t tables[] = { RT_TABLE_LOCAL, RT_TABLE_MAIN };

	for (unsigned i = 0; i < ARRAY_SIZE(tables) && !ret->fate; i++)
		overlay_lookup_table(o, tables[i], &k->dst, cut, n_cut, ret);
}

void overlay_lookup_without(const struct overlay *o, const struct flow_key *k, const uint32_t *cut,
			    unsigned n_cut, struct flow_path *ret)
{
	unsigned n_rules = 0;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < o->rules->n && !ret->fate; i++) {
		const struct anod_rule *r = o->rules->at[i].rule;

		if (r->family != k->dst.family)
			continue;
		n_rules++;
		if (!rule_holds(r, k))
			continue;
		if (o->rules->at[i].flags & ANOD_OBJ_LOSSY) {
			ret->doubt = true;
			continue;
		}
		if (follow_rule(o, r, k, cut, n_cut, ret))
			break;
	}

	if (!n_rules)
		lookup_without_rules(o, k, cut, n_cut, ret);
	if (!ret->fate)
		ret->fate = ret->route.type ? FLOW_PROHIBITED : FLOW_BLACKHOLE;
	if (ret->fate != FLOW_FORWARDED)
		ret->n_legs = 0;
}

void overlay_lookup(const struct overlay *o, const struct flow_key *k, struct flow_path *ret)
{
	overlay_lookup_without(o, k, NULL, 0, ret);
}
