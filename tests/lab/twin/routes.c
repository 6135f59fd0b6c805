/*
 * routes - random routes, next-hop objects and rules for the twin.
 *
 * Design.  Few addresses, so that prefixes overlap and cover the nets of links.
 */
#include "twin.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint32_t tables[] = { 254, 254, 254, 100, 101, 300 };

/* ---- routes ----------------------------------------------------------------------------- */

static struct anod_prefix cut(struct anod_prefix p, uint8_t len)
{
	for (unsigned i = len; i < 128; i++)
		p.addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	p.len = len;
	return p;
}

struct anod_prefix world_target(bool v6)
{
	char text[64];

	if (v6)
		(void) snprintf(text, sizeof(text), "2001:db8:a%u:%u::%u", roll(2), roll(3),
				roll(4));
	else if (chance(15))
		(void) snprintf(text, sizeof(text), "10.0.%u.%u", 1 + roll(6), 2 + roll(6));
	else
		(void) snprintf(text, sizeof(text), "20.%u.%u.%u", roll(3) * 64, roll(2) * 128,
				roll(4) + 1);
	return world_address(text);
}

static struct anod_prefix target_prefix(bool v6)
{
	static const uint8_t len4[] = { 0, 0, 8, 9, 10, 16, 17, 24, 30, 31, 32 };
	static const uint8_t len6[] = { 0, 0, 32, 43, 47, 48, 64, 80, 127, 128 };

	return cut(world_target(v6),
		   v6 ? len6[roll(ARRAY_SIZE(len6))] : len4[roll(ARRAY_SIZE(len4))]);
}

static void make_leg(struct anod_leg *leg, bool v6, bool gateway)
{
	unsigned link = roll(WORLD_LINKS);

	*leg = (struct anod_leg){ .ifindex = world_ifindex(world_link_names[link]), .weight = 1 };
	if (!gateway)
		return;
	if (v6 || chance(10))
		leg->via = chance(20) ? world_addressf("fe80::%u", 2 + roll(3))
				      : world_addressf("2001:db8:%u::%u", link + 1, 2 + roll(3));
	else
		leg->via = world_addressf("10.0.%u.%u", link + 1, 2 + roll(3));
	if (chance(5))
		leg->flags = RTNH_F_ONLINK;
}

static void make_legs(struct anod_route *r, bool v6)
{
	unsigned n = chance(25) ? 2 + roll(3) : 1;

	r->n_legs = (uint8_t) n;
	for (unsigned i = 0; i < n; i++) {
		make_leg(&r->leg[i], v6, n > 1 || chance(60));
		if (n > 1)
			r->leg[i].weight = 1 + roll(4);
	}
	if (!v6 && n == 1 && !r->leg[0].via.family)
		r->scope = RT_SCOPE_LINK;
}

struct anod_object world_route(void)
{
	static const uint8_t drops[] = { RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW };
	static const uint32_t metric6[] = { 100, 200, 1024 };
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;
	bool v6 = chance(40);

	r->dst = target_prefix(v6);
	r->table = tables[roll(ARRAY_SIZE(tables))];
	r->protocol = RTPROT_STATIC;
	r->type = chance(20) ? drops[roll(4)] : RTN_UNICAST;
	r->metric = v6 ? metric6[roll(3)] : roll(3) * 5;
	r->tos = v6 || chance(90) ? 0 : chance(50) ? 0x10 : 0x08;
	if (chance(10))
		r->mtu = 1400;
	if (r->type != RTN_UNICAST)
		return o;
	if (chance(30))
		r->nhid = (v6 ? 11 : 1) + roll(3) + (chance(50) ? 20 : 0) + (chance(5) ? 3 : 0);
	else
		make_legs(r, v6);
	if (!v6 && chance(10))
		r->prefsrc = world_addressf("10.0.%u.1", 1 + roll(WORLD_LINKS));
	return o;
}

/* 1..3 and 11..13: plain ones of IPv4 and IPv6; 4 and 14 drop; 20 more: groups of them. */
struct anod_object world_nexthop(uint32_t id)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };
	bool v6 = id > 10;
	struct anod_leg leg;

	o.u.nexthop.id = id;
	o.u.nexthop.family = v6 ? AF_INET6 : AF_INET;
	o.u.nexthop.protocol = RTPROT_STATIC;
	if (id % 10 == 4) {
		o.u.nexthop.blackhole = 1;
		return o;
	}
	make_leg(&leg, v6, chance(80));
	if (leg.via.family)
		o.u.nexthop.family = leg.via.family;
	o.u.nexthop.ifindex = leg.ifindex;
	o.u.nexthop.via = leg.via;
	o.u.nexthop.flags = leg.via.family ? leg.flags : 0;
	return o;
}

struct anod_object world_group(uint32_t id)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };
	uint32_t first = id > 30 ? 11 : 1;

	o.u.nexthop.id = id;
	o.u.nexthop.protocol = RTPROT_STATIC;
	for (uint32_t i = 0; i < 3; i++)
		if (chance(70))
			o.u.nexthop.member[o.u.nexthop.n_members++] =
				(struct anod_member){ first + i, 1 + roll(3) };
	if (!o.u.nexthop.n_members)
		o.u.nexthop.member[o.u.nexthop.n_members++] =
			(struct anod_member){ first + roll(4), 1 };
	return o;
}

/* ---- rules ------------------------------------------------------------------------------ */

static void make_selectors(struct anod_rule *u, bool v6)
{
	static const char *const from4[] = { "198.18.0.0/16", "198.18.2.0/24", "10.0.1.1/32",
					     "10.0.0.0/8", "0.0.0.0/1" };
	static const char *const from6[] = { "2001:db8:ff::/48", "2001:db8:1::1/128",
					     "2001:db8::/32", "::/1" };
	static const uint16_t ports[] = { 22, 80, 443, 5000 };

	if (chance(30))
		u->src = world_address(v6 ? from6[roll(4)] : from4[roll(5)]);
	if (chance(30)) {
		u->dst = target_prefix(v6);
		if (!u->dst.len)
			u->dst.family = 0;
	}
	if (chance(15))
		(void) snprintf(u->iif, sizeof(u->iif), "%s",
				chance(20) ? "lo" : world_link_names[roll(6)]);
	if (chance(5))
		(void) snprintf(u->oif, sizeof(u->oif), "%s", world_link_names[roll(6)]);
	if (chance(25)) {
		u->fwmark = roll(4);
		u->fwmask = u->fwmark && chance(50) ? UINT32_MAX : 1 + roll(3);
		u->fwmark &= u->fwmask;
	}
	if (chance(8))
		u->tos = chance(50) ? 0x10 : 0x08;
	if (chance(10))
		u->ipproto = chance(50) ? IPPROTO_TCP : IPPROTO_UDP;
	if (chance(8)) {
		u->dport_first = ports[roll(3)];
		u->dport_last = (uint16_t) (u->dport_first + roll(2) * 100);
	}
	if (chance(4)) {
		u->sport_first = 5000;
		u->sport_last = 6000;
	}
	if (chance(8)) {
		u->has_uid = 1;
		u->uid_first = chance(50) ? 0 : 1000;
		u->uid_last = u->uid_first + roll(2) * 999;
	}
	if (chance(12))
		u->flags = FIB_RULE_INVERT;
}

struct anod_object world_rule(void)
{
	static const uint8_t drops[] = { FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE, FR_ACT_PROHIBIT };
	struct anod_object o = { .type = ANOD_OBJ_RULE };
	struct anod_rule *u = &o.u.rule;
	bool v6 = chance(40);

	u->family = v6 ? AF_INET6 : AF_INET;
	u->priority = 100 * (1 + roll(8));
	u->protocol = RTPROT_STATIC;
	make_selectors(u, v6);
	if (chance(12)) {
		u->action = FR_ACT_GOTO;
		u->target = chance(20) ? 32766 : u->priority + 100 * (1 + roll(4));
	} else if (chance(10)) {
		u->action = drops[roll(3)];
	} else if (chance(5)) {
		u->action = FR_ACT_NOP;
	} else {
		u->action = FR_ACT_TO_TBL;
		u->table = tables[2 + roll(4)];
		if (chance(20))
			u->suppress_len = 1 + roll(3) * 8;
	}
	return o;
}

void world_populate(unsigned n_routes, unsigned n_rules)
{
	struct anod_object o;

	for (uint32_t i = 0; i < 8; i++) {
		o = world_nexthop(1 + i % 4 + i / 4 * 10);
		net_queue(ANOD_RTNL_SET, &o, NULL);
	}
	for (uint32_t i = 0; i < 6; i++) {
		o = world_group(21 + i % 3 + i / 3 * 10);
		net_queue(ANOD_RTNL_SET, &o, NULL);
	}
	for (unsigned i = 0; i < n_routes; i++) {
		o = world_route();
		net_queue(ANOD_RTNL_SET, &o, NULL);
	}
	for (unsigned i = 0; i < n_rules; i++) {
		o = world_rule();
		net_queue(ANOD_RTNL_SET, &o, NULL);
	}
	(void) net_flush();
}
