/*
 * world - random configurations for the twin.
 *
 * Design.  Few addresses, so that prefixes overlap: destinations within 20.0.0.0/8 and
 * 2001:db8:a0::/43, links with 10.0.N.1/24 and 2001:db8:N::1/64.  Whatever the kernel refuses is
 * simply not there: the configuration is what is read back.
 */
#include "twin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts/value.h"

/* The links that have addresses; the place + 1 is N. */
static const char *const links[] = { "e1", "e2", "e3", "e4", "br0", "t0" };
static const uint32_t tables[] = { 254, 254, 254, 100, 101, 300 };
#define LINKS ARRAY_SIZE(links)

bool world_has_vrf, world_has_mpls;

struct anod_prefix world_address(const char *text)
{
	struct anod_prefix p;

	if (prefix_parse(text, &p) < 0)
		die("not an address: %s", text);
	return p;
}

static struct anod_prefix address(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static struct anod_prefix address(const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return world_address(text);
}

uint32_t world_ifindex(const char *name)
{
	static struct {
		char name[ANOD_IFNAME_SIZE];
		uint32_t ifindex;
	} known[32];
	unsigned i = 0;

	for (; i < ARRAY_SIZE(known) - 1 && known[i].name[0]; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].ifindex;
	known[i].ifindex = if_nametoindex(name);
	if (!known[i].ifindex)
		die("no link %s", name);
	(void) snprintf(known[i].name, sizeof(known[i].name), "%s", name);
	return known[i].ifindex;
}

const char *world_any_link(void)
{
	static const char *const all[] = { "e1", "e2", "e3", "e4", "e5", "br0", "t0" };

	return all[roll(ARRAY_SIZE(all))];
}

/* ---- links ------------------------------------------------------------------------------ */

static int run(const char *command)
{
	int r = system(command);

	return r;
}

static void must(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void must(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (run(command))
		die("failed: %s", command);
}

static void sysctl_set(const char *family, const char *link, const char *name, const char *value)
{
	char path[128];
	FILE *f;

	(void) snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, name);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		die("cannot set %s: %s", path, strerror(errno));
}

void world_links(void)
{
	static const char *const scopes[] = { "all", "default" };

	for (unsigned i = 0; i < 2; i++) {
		sysctl_set("ipv4", scopes[i], "rp_filter", "0");
		sysctl_set("ipv4", scopes[i], "forwarding", "1");
		sysctl_set("ipv4", scopes[i], "ignore_routes_with_linkdown", "0");
		sysctl_set("ipv6", scopes[i], "forwarding", "1");
		sysctl_set("ipv6", scopes[i], "accept_dad", "0");
		sysctl_set("ipv6", scopes[i], "accept_ra", "0");
	}
	sysctl_set("ipv6", "default", "addr_gen_mode", "1"); /* no link-local address */
	must("ip link set lo up");
	for (unsigned i = 1; i <= VETHS; i++) {
		must("ip link add e%u type veth peer name p%u", i, i);
		must("sysctl -qw net.ipv6.conf.p%u.disable_ipv6=1", i);
	}
	must("ip link add br0 type bridge && ip link set e5 master br0");
	must("ip tuntap add t0 mode tun");
	world_has_vrf = run("ip link add vrf0 type vrf table 300 2>/dev/null") == 0;
	if (world_has_vrf)
		must("ip link set vrf0 up && ip link set e4 master vrf0");
	world_has_mpls = access("/proc/sys/net/mpls/platform_labels", W_OK) == 0;
}

static struct anod_object address_of(unsigned link, bool v6)
{
	struct anod_object o = { .type = ANOD_OBJ_ADDR };

	o.u.addr.ifindex = world_ifindex(links[link]);
	o.u.addr.local = v6 ? address("2001:db8:%u::1", link + 1) : address("10.0.%u.1", link + 1);
	o.u.addr.local.len = v6 ? 64 : 24;
	o.u.addr.flags = v6 ? IFA_F_NODAD : 0;
	return o;
}

static void links_up(void)
{
	static struct anod_object list[64];
	unsigned n = net_dump(ANOD_OBJ_LINK, list, ARRAY_SIZE(list));

	for (unsigned i = 0; i < n; i++) {
		struct anod_object up = list[i];

		up.u.link.flags |= IFF_UP;
		if (!(list[i].u.link.flags & IFF_UP))
			net_queue(ANOD_RTNL_SET, &up, &list[i]);
	}
	(void) net_flush();
	net_settle();
}

/* The kernel makes the route of a new IPv6 address a little later. */
static void await_v6(void)
{
	static struct anod_object list[OBJECTS_MAX];

	for (unsigned tries = 0; tries < 20000; tries++) {
		unsigned n = net_dump(ANOD_OBJ_ROUTE, list, OBJECTS_MAX), found = 0;

		for (unsigned i = 0; i < n; i++)
			found += list[i].u.route.type == RTN_LOCAL &&
				 list[i].u.route.dst.family == AF_INET6 &&
				 list[i].u.route.dst.len == 128 &&
				 list[i].u.route.leg[0].ifindex != world_ifindex("lo");
		if (found >= LINKS)
			return;
		(void) usleep(100);
	}
	die("the routes of IPv6 addresses do not come");
}

static void remove_all(enum anod_obj_type type)
{
	static struct anod_object list[OBJECTS_MAX];
	unsigned n = net_dump(type, list, OBJECTS_MAX);

	for (unsigned i = n; i-- > 0;) {
		const struct anod_object *o = &list[i];

		if (type == ANOD_OBJ_ROUTE && o->u.route.protocol != RTPROT_STATIC)
			continue;
		if (type == ANOD_OBJ_RULE && o->u.rule.protocol != RTPROT_STATIC)
			continue;
		/* Groups come last. */
		net_queue(ANOD_RTNL_DEL, o, NULL);
	}
	(void) net_flush();
}

void world_fresh(void)
{
	static const char *const onoff[] = { "0", "1" };

	remove_all(ANOD_OBJ_ROUTE);
	remove_all(ANOD_OBJ_NEXTHOP);
	remove_all(ANOD_OBJ_RULE);
	links_up();
	for (unsigned i = 0; i < LINKS; i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct anod_object o = address_of(i, v6);

			net_queue(ANOD_RTNL_SET, &o, NULL);
		}
	(void) net_flush();
	for (unsigned i = 0; i < LINKS; i++) {
		sysctl_set("ipv4", links[i], "ignore_routes_with_linkdown", onoff[chance(20)]);
		sysctl_set("ipv6", links[i], "ignore_routes_with_linkdown", onoff[chance(20)]);
	}
	await_v6();
}

/* ---- routes ----------------------------------------------------------------------------- */

static struct anod_prefix cut(struct anod_prefix p, uint8_t len)
{
	for (unsigned i = len; i < 128; i++)
		p.addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	p.len = len;
	return p;
}

static struct anod_prefix target(bool v6)
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

	return cut(target(v6), v6 ? len6[roll(ARRAY_SIZE(len6))] : len4[roll(ARRAY_SIZE(len4))]);
}

static void make_leg(struct anod_leg *leg, bool v6, bool gateway)
{
	unsigned link = roll(LINKS);

	*leg = (struct anod_leg){ .ifindex = world_ifindex(links[link]), .weight = 1 };
	if (!gateway)
		return;
	if (v6 || chance(10))
		leg->via = chance(20) ? address("fe80::%u", 2 + roll(3))
				      : address("2001:db8:%u::%u", link + 1, 2 + roll(3));
	else
		leg->via = address("10.0.%u.%u", link + 1, 2 + roll(3));
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
		r->prefsrc = address("10.0.%u.1", 1 + roll(LINKS));
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
		(void) snprintf(u->iif, sizeof(u->iif), "%s", chance(20) ? "lo" : links[roll(6)]);
	if (chance(5))
		(void) snprintf(u->oif, sizeof(u->oif), "%s", links[roll(6)]);
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

/* ---- packets ---------------------------------------------------------------------------- */

static void make_transport(struct flow_key *k)
{
	static const uint16_t ports[] = { 22, 80, 443, 180 };

	if (chance(5))
		return; /* not known */
	k->ipproto = chance(45)			? IPPROTO_TCP
		     : chance(80)		? IPPROTO_UDP
		     : k->dst.family == AF_INET ? IPPROTO_ICMP
						: IPPROTO_ICMPV6;
	if (k->ipproto != IPPROTO_TCP && k->ipproto != IPPROTO_UDP)
		return;
	k->dport = chance(95) ? ports[roll(4)] : 0;
	k->sport = chance(90) ? (uint16_t) (4900 + roll(3) * 200) : 0;
}

static void make_origin(struct flow_key *k, bool v6)
{
	unsigned link = roll(LINKS);

	if (chance(30)) { /* comes in */
		(void) snprintf(k->iif, sizeof(k->iif), "%s", links[link]);
		k->src = v6 ? address("2001:db8:ff::%u", 1 + roll(3))
			    : address("198.18.%u.%u", roll(4), 1 + roll(3));
		return;
	}
	if (chance(30))
		k->src = address_of(link, v6).u.addr.local;
	k->src.len = k->src.family ? v6 ? 128 : 32 : 0;
	if (chance(8))
		(void) snprintf(k->oif, sizeof(k->oif), "%s",
				world_has_vrf && chance(40) ? "vrf0" : links[roll(LINKS)]);
	k->user = chance(4) ? 0 : chance(60) ? 1 : 1000 + roll(3);
}

struct flow_key world_flow(const struct anod_object *routes, unsigned n_routes)
{
	struct flow_key k = { 0 };
	const struct anod_route *r = n_routes ? &routes[roll(n_routes)].u.route : NULL;
	bool v6 = r && chance(70) ? r->dst.family == AF_INET6 : chance(40);

	k.dst = target(v6);
	if (r && (r->dst.family == AF_INET6) == v6 && r->dst.len > 8 && chance(80) &&
	    r->table != RT_TABLE_LOCAL) {
		/* Within the prefix, or, sometimes, just outside. */
		unsigned bits = r->dst.len, max = v6 ? 128 : 32;

		for (unsigned i = 0; i < bits; i++) {
			uint8_t bit = (uint8_t) (0x80u >> i % 8);

			k.dst.addr[i / 8] =
				(uint8_t) ((k.dst.addr[i / 8] & ~bit) | (r->dst.addr[i / 8] & bit));
		}
		if (chance(10) && bits < max)
			k.dst.addr[(bits - 1) / 8] ^= (uint8_t) (0x80u >> (bits - 1) % 8);
	}
	make_origin(&k, v6);
	make_transport(&k);
	k.mark = chance(60) ? 0 : roll(4);
	k.tos = chance(85) ? 0 : chance(50) ? 0x10 : 0x08;
	return k;
}
