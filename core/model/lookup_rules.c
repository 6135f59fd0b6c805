/*
 * lookup_rules - where a packet goes: the rules that lead to the tables.
 *
 * Design.  fib_rules_lookup() of Linux 6.18: rules by priority, "goto" jumps forward to the first
 * rule of its target's priority and is passed over when there is none, a route that drops ends
 * the search whatever the rule suppresses.  A socket bound to a VRF, or a packet that comes in
 * over one, makes the l3mdev rule look in the table of the VRF.
 *
 * Conditions are three-valued.  A rule that asks for what the key does not tell (port, protocol,
 * user), or that has a condition which objects do not hold (ANOD_OBJ_UNSURE), is passed over and
 * the answer marked as doubt, but only when the conditions that can be judged hold.
 *
 * What differs between the families: a packet of IPv6 whose source is not chosen yet is met by
 * no "from", one of IPv4 has the source 0.0.0.0; IPv4 takes a destination that no route has for
 * one on the link that the socket is bound to.
 */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "facts/value.h"
#include "model/state.h"

struct flow { /* a key with its links resolved */
	const struct flow_key *key;
	struct lookup in;
	const struct anod_link *vrf; /* NULL: none */
	const struct anod_link *oif; /* NULL: not bound; a VRF is not kept here */
	bool no_link;		     /* the key names one that is not there or, for IPv4, not up */
};

/* ---- conditions ------------------------------------------------------------------------- */

static enum anod_tri tri(bool b)
{
	return b ? ANOD_TRUE : ANOD_FALSE;
}

static enum anod_tri tri_and(enum anod_tri a, enum anod_tri b)
{
	return MIN_OF(a, b);
}

static bool selects(const struct anod_prefix *rule, const struct anod_prefix *flow)
{
	struct anod_prefix unset = { .family = rule->family,
				     .len = rule->family == AF_INET ? 32 : 128 };

	if (!rule->family)
		return true;
	if (!flow->family && rule->family == AF_INET6)
		return false;
	return prefix_contains(rule, flow->family ? flow : &unset);
}

static bool has_ports(uint8_t ipproto)
{
	return ipproto == IPPROTO_TCP || ipproto == IPPROTO_UDP || ipproto == IPPROTO_SCTP ||
	       ipproto == IPPROTO_DCCP || ipproto == IPPROTO_UDPLITE;
}

static enum anod_tri port_holds(uint16_t first, uint16_t last, uint16_t port, uint8_t ipproto)
{
	if (!first)
		return ANOD_TRUE;
	if (ipproto && !has_ports(ipproto))
		return ANOD_FALSE;
	return port ? tri(port >= first && port <= last) : ANOD_DOUBT;
}

static enum anod_tri user_holds(const struct anod_rule *r, const struct flow_key *k)
{
	uint32_t user = k->user || !k->iif[0] ? k->user : 1;

	if (!r->has_uid)
		return ANOD_TRUE;
	return user ? tri(user - 1 >= r->uid_first && user - 1 <= r->uid_last) : ANOD_DOUBT;
}

/* A rule that names a VRF: since Linux 6.14 that is the VRF of the packet, before it is the device
 * itself, which no packet has by the time that rules are asked. */
static enum anod_tri link_holds(const struct flow *f, const char *rule, const char *flow)
{
	if (!rule[0] || strncmp(rule, flow, ANOD_IFNAME_SIZE) == 0)
		return ANOD_TRUE;
	return f->vrf && strncmp(rule, f->vrf->name, ANOD_IFNAME_SIZE) == 0 ? ANOD_DOUBT
									    : ANOD_FALSE;
}

static enum anod_tri rule_holds(const struct anod_rule *r, const struct flow *f)
{
	const struct flow_key *k = f->key;
	/* IPv4 leaves out the precedence, IPv6 only ECN. */
	uint8_t tos_mask = r->family == AF_INET ? 0x1c : 0xfc;
	enum anod_tri holds;

	holds = tri(selects(&r->src, &k->src) && selects(&r->dst, &k->dst) &&
		    ((k->mark ^ r->fwmark) & r->fwmask) == 0 &&
		    (!r->tos || r->tos == (k->tos & tos_mask)) && (!r->l3mdev || f->vrf));
	holds = tri_and(holds, link_holds(f, r->iif, k->iif[0] ? k->iif : "lo"));
	holds = tri_and(holds, link_holds(f, r->oif, f->oif ? f->oif->name : ""));
	holds = tri_and(holds, !r->ipproto  ? ANOD_TRUE
			       : k->ipproto ? tri(r->ipproto == k->ipproto)
					    : ANOD_DOUBT);
	holds = tri_and(holds, port_holds(r->sport_first, r->sport_last, k->sport, k->ipproto));
	holds = tri_and(holds, port_holds(r->dport_first, r->dport_last, k->dport, k->ipproto));
	holds = tri_and(holds, user_holds(r, k));
	return (r->flags & FIB_RULE_INVERT) ? ANOD_TRUE - holds : holds;
}

/* ---- actions ---------------------------------------------------------------------------- */

/* A way that packets may take, usable or not. */
static bool found(const struct overlay *o, const struct flow_path *p)
{
	if (p->route.type && p->route.u.route.nhid)
		return !overlay_nexthop_drops(o, p->route.u.route.nhid);
	switch (p->route.u.route.type) {
	case RTN_BLACKHOLE:
	case RTN_PROHIBIT:
	case RTN_UNREACHABLE:
	case RTN_THROW:
		return false;
	default:
		return p->route.type != 0;
	}
}

static bool has_own_rules(const struct overlay *o)
{
	for (unsigned i = 0; i < o->rules->n; i++) {
		const struct anod_rule *r = o->rules->at[i].rule;

		if (r->family == AF_INET && r->priority != 0 && r->priority != 32766 &&
		    r->priority != 32767)
			return true;
	}
	return false;
}

/* Until a rule is added IPv4 keeps local and main in one trie, where the longest prefix of both
 * counts (fib_trie_unmerge()); whether one ever was cannot be seen when it is gone again. */
static void doubt_one_trie(const struct overlay *o, const struct flow *f, struct flow_path *ret)
{
	const struct anod_route *r = &ret->route.u.route;
	struct flow_path other = { 0 };

	if (r->dst.family != AF_INET || r->dst.len == 32 || has_own_rules(o))
		return;
	overlay_lookup_in(o, RT_TABLE_MAIN, &f->in, &other);
	if (other.fate && other.route.u.route.dst.len > r->dst.len)
		ret->doubt = true;
}

static void look_in(const struct overlay *o, const struct anod_rule *r, const struct flow *f,
		    struct flow_path *ret)
{
	uint32_t table = !r->l3mdev ? r->table : f->vrf ? f->vrf->vrf_table : 0;

	if (!table) {
		ret->doubt = true; /* a VRF whose table is not known */
		return;
	}

	overlay_lookup_in(o, table, &f->in, ret);
	if (!ret->fate)
		return;
	/* IPv6 goes by the length of the first route that used the way of a next-hop object, which
	 * is kept (fib6_rule_suppress(), rt6_get_pcpu_route()). */
	if (r->suppress_len && r->family == AF_INET6 && ret->route.u.route.nhid)
		ret->doubt = true;
	/* suppress_len is the prefix length + 1. */
	if (r->suppress_len && found(o, ret) && ret->route.u.route.dst.len < r->suppress_len) {
		ret->fate = 0;
		memset(&ret->route, 0, sizeof(ret->route));
	} else if (table == RT_TABLE_LOCAL) {
		doubt_one_trie(o, f, ret);
	}
}

/* The place of the rule to go on with after the one at 'i'. */
static unsigned jump(const struct overlay *o, unsigned i)
{
	const struct anod_rule *from = o->rules->at[i].rule;

	for (unsigned to = i + 1; to < o->rules->n; to++) {
		const struct anod_rule *r = o->rules->at[to].rule;

		if (r->family == from->family && r->priority == from->target)
			return to;
	}
	return i + 1;
}

/* Returns the place of the next rule. */
static unsigned follow_rule(const struct overlay *o, unsigned i, const struct flow *f,
			    struct flow_path *ret)
{
	const struct anod_rule *r = o->rules->at[i].rule;

	switch (r->action) {
	case FR_ACT_TO_TBL:
		look_in(o, r, f, ret);
		break;
	case FR_ACT_BLACKHOLE:
		ret->fate = FLOW_BLACKHOLE;
		break;
	case FR_ACT_UNREACHABLE:
	case FR_ACT_PROHIBIT:
		ret->fate = FLOW_PROHIBITED;
		break;
	case FR_ACT_GOTO:
		return jump(o, i);
	default: /* FR_ACT_NOP and whatever a newer kernel has */
		break;
	}
	return i + 1;
}

/* A kernel without policy routing shows no rules and looks in these. */
static void lookup_without_rules(const struct overlay *o, const struct flow *f,
				 struct flow_path *ret)
{
	static const uint32_t tables[] = { RT_TABLE_LOCAL, RT_TABLE_MAIN };

	for (unsigned i = 0; i < ARRAY_SIZE(tables) && !ret->fate; i++)
		overlay_lookup_in(o, tables[i], &f->in, ret);
}

/* ---- the whole -------------------------------------------------------------------------- */

static bool is_vrf(const struct anod_link *l)
{
	return strcmp(l->kind, "vrf") == 0;
}

/* l3mdev_master_ifindex() */
static const struct anod_link *vrf_of(const struct overlay *o, const struct anod_link *l)
{
	const struct anod_link *master = l->master ? overlay_link(o, l->master) : NULL;

	if (is_vrf(l))
		return l;
	return master && is_vrf(master) ? master : NULL;
}

static const struct anod_link *link_named(const struct overlay *o, struct flow *f, const char *name)
{
	int ifindex = name[0] ? overlay_ifindex(o, name) : 0;

	f->no_link |= ifindex < 0;
	return ifindex > 0 ? overlay_link(o, (uint32_t) ifindex) : NULL;
}

/* l3mdev_update_flow() */
static void resolve(const struct overlay *o, const struct flow_key *k, struct flow *f)
{
	const struct anod_link *iif = link_named(o, f, k->iif);

	f->oif = link_named(o, f, k->oif);
	if (f->oif) {
		f->no_link |= k->dst.family == AF_INET && !k->iif[0] && !(f->oif->flags & IFF_UP);
		f->vrf = vrf_of(o, f->oif);
		if (is_vrf(f->oif))
			f->oif = NULL;
	} else if (iif && strcmp(iif->name, "lo") != 0) {
		f->vrf = vrf_of(o, iif);
	}
	if (f->oif && !(k->dst.family == AF_INET6 && k->src.family))
		f->in.oif = f->oif->ifindex;
	f->in.wish = f->oif ? f->oif->ifindex : iif ? iif->ifindex : 0;
}

/* ip_route_output_key_hash_rcu(): "routing tables are wrong, assume it is on the link". */
static void assume_on_link(const struct overlay *o, const struct flow *f, struct flow_path *ret)
{
	struct anod_leg leg = { .weight = 1 };
	enum leg_state state;

	if (!f->in.oif || f->key->iif[0] || f->vrf || f->key->dst.family != AF_INET)
		return;
	leg.ifindex = f->in.oif;
	state = overlay_leg_state(o, &leg, AF_INET, f->in.cut, f->in.n_cut);
	if (state == LEG_DEAD)
		return;
	memset(&ret->route, 0, sizeof(ret->route));
	ret->fate = state == LEG_USABLE ? FLOW_FORWARDED : FLOW_BLACKHOLE;
	ret->n_legs = state == LEG_USABLE;
	ret->leg[0] = leg;
}

static void ask_rules(const struct overlay *o, const struct flow *f, struct flow_path *ret)
{
	unsigned n_rules = 0;

	for (unsigned i = 0; i < o->rules->n && !ret->fate;) {
		const struct anod_rule *r = o->rules->at[i].rule;
		enum anod_tri holds;

		if (r->family != f->key->dst.family) {
			i++;
			continue;
		}
		n_rules++;
		holds = rule_holds(r, f);
		if (holds != ANOD_FALSE && (o->rules->at[i].flags & ANOD_OBJ_UNSURE))
			holds = ANOD_DOUBT;
		ret->doubt |= holds == ANOD_DOUBT;
		i = holds == ANOD_TRUE ? follow_rule(o, i, f, ret) : i + 1;
	}
	if (!n_rules)
		lookup_without_rules(o, f, ret);
}

void overlay_lookup_without(const struct overlay *o, const struct flow_key *k, const uint32_t *cut,
			    unsigned n_cut, struct flow_path *ret)
{
	struct flow f = { .key = k,
			  .in = { .dst = k->dst, .tos = k->tos, .cut = cut, .n_cut = n_cut } };

	memset(ret, 0, sizeof(*ret));
	if (k->dst.family == AF_MPLS) {
		overlay_lookup_label(o, &f.in, ret);
		return;
	}
	if (k->iif[0] || k->oif[0])
		resolve(o, k, &f);
	if (f.no_link)
		ret->fate = FLOW_BLACKHOLE; /* -ENODEV, -ENETUNREACH */
	else
		ask_rules(o, &f, ret);
	if (!ret->fate)
		ret->fate = ret->route.type ? FLOW_PROHIBITED : FLOW_BLACKHOLE;
	if ((ret->fate == FLOW_BLACKHOLE || ret->fate == FLOW_PROHIBITED) && !found(o, ret))
		assume_on_link(o, &f, ret);
	if (ret->fate != FLOW_FORWARDED)
		ret->n_legs = 0;
}

void overlay_lookup(const struct overlay *o, const struct flow_key *k, struct flow_path *ret)
{
	overlay_lookup_without(o, k, NULL, 0, ret);
}
