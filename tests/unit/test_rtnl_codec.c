/* Objects go to the kernel and come back the same; what it says by itself is read rightly. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <anod/rtnl.h>

#include "unit/netlab.h"

static char text_a[256], text_b[256];

/* Set, read back, compare whole; then delete, and see that it is gone. */
static void there_and_back(const struct anod_object *o)
{
	struct anod_object now;
	unsigned n;
	int r;

	anod_object_text(o, text_a, sizeof(text_a));
	r = netlab_set(o, NULL);
	cr_assert_eq(r, 0, "%s: %s", text_a, strerror(-r));
	r = netlab_get(o, &now, &n);
	cr_assert_eq(r, 0, "%s: %s", text_a, strerror(-r));
	cr_assert_eq(n, 1, "%s: %u answers", text_a, n);
	cr_assert(memcmp(&now, o, sizeof(now)) == 0, "asked for: %s\nis: %s", text_a,
		  anod_object_text(&now, text_b, sizeof(text_b)));
	cr_assert(anod_object_matches(&now, o, NULL), "%s does not match itself", text_a);
	r = netlab_del(o);
	cr_assert_eq(r, 0, "deleting %s: %s", text_a, strerror(-r));
	r = netlab_get(o, &now, NULL);
	cr_assert_eq(r, -ENOENT, "%s is still there", text_a);
}

static struct anod_object route(const char *dst, uint32_t metric, uint32_t table)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };

	o.u.route.dst = netlab_address(dst);
	o.u.route.metric = metric;
	o.u.route.table = table;
	o.u.route.protocol = ANOD_RTPROT;
	o.u.route.type = RTN_UNICAST;
	return o;
}

static void add_leg(struct anod_object *o, const char *via, const char *dev, uint32_t weight)
{
	struct anod_leg *l = &o->u.route.leg[o->u.route.n_legs++];

	if (via)
		l->via = netlab_address(via);
	l->ifindex = dev ? netlab_ifindex(dev) : 0;
	l->weight = weight;
}

static void lab(void)
{
	netlab_enter();
	netlab_veth("v0", "w0");
	netlab_veth("v1", "w1");
	netlab_run("ip addr add 10.0.0.1/24 dev v0; ip addr add 10.0.1.1/24 dev v1;"
		   "ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 2001:db8:1::1/64 dev v1 "
		   "nodad");
}

Test(rtnl_codec, ipv4_routes_come_back_as_they_went)
{
	struct anod_object o;

	lab();
	o = route("192.0.2.0/24", 5, RT_TABLE_MAIN);
	add_leg(&o, "10.0.0.2", "v0", 1);
	there_and_back(&o);
	o.u.route.mtu = 1400;
	o.u.route.prefsrc = netlab_address("10.0.1.1");
	o.u.route.tos = 0x10;
	there_and_back(&o);

	o = route("0.0.0.0/0", 0, RT_TABLE_MAIN);
	add_leg(&o, NULL, "v0", 1);
	o.u.route.scope = RT_SCOPE_LINK;
	there_and_back(&o);

	o = route("198.51.100.0/24", 4294967295u, 70000);
	add_leg(&o, "203.0.113.9", "v0", 1);
	o.u.route.leg[0].flags = RTNH_F_ONLINK;
	there_and_back(&o);

	o = route("198.51.100.128/25", 7, 100);
	add_leg(&o, "10.0.0.2", "v0", 256);
	add_leg(&o, "10.0.1.2", "v1", 1);
	add_leg(&o, "10.0.0.3", "v0", 7);
	there_and_back(&o);

	o = route("198.51.100.1", 0, 100);
	add_leg(&o, "2001:db8::2", "v0", 1);
	there_and_back(&o);

	for (uint8_t type = RTN_BLACKHOLE; type <= RTN_THROW; type++) {
		o = route("203.0.113.0/24", 9, 100);
		o.u.route.type = type;
		there_and_back(&o);
	}
}

Test(rtnl_codec, ipv6_routes_come_back_as_they_went)
{
	struct anod_object o;

	lab();
	o = route("2001:db8:9::/48", 1024, RT_TABLE_MAIN);
	add_leg(&o, "2001:db8::2", "v0", 1);
	there_and_back(&o);
	o.u.route.mtu = 1400;
	o.u.route.prefsrc = netlab_address("2001:db8:1::1");
	there_and_back(&o);

	o = route("::/0", 5, 70000);
	add_leg(&o, NULL, "v1", 1);
	there_and_back(&o);

	o = route("2001:db8:9::/48", 7, 100);
	add_leg(&o, "2001:db8::2", "v0", 256);
	add_leg(&o, "2001:db8:1::2", "v1", 1);
	add_leg(&o, "fe80::9", "v0", 7);
	there_and_back(&o);

	o = route("2001:db8:9::1", 7, 100);
	add_leg(&o, "2001:db8:77::1", "v0", 1);
	o.u.route.leg[0].flags = RTNH_F_ONLINK;
	there_and_back(&o);

	for (uint8_t type = RTN_BLACKHOLE; type <= RTN_THROW; type++) {
		o = route("2001:db8:a::/48", 9, 100);
		o.u.route.type = type;
		there_and_back(&o);
	}
}

/* Make each state from each other one under one key: the object is then exactly the new one. */
static void replace_all_ways(const struct anod_object *way, unsigned n)
{
	struct anod_object now;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++) {
			unsigned answers;
			int r;

			cr_assert_eq(netlab_set(&way[i], NULL), 0);
			r = netlab_set(&way[k], &way[i]);
			cr_assert_eq(r, 0, "%u -> %u: %s", i, k, strerror(-r));
			cr_assert_eq(netlab_get(&way[k], &now, &answers), 0);
			cr_assert_eq(answers, 1, "%u -> %u: %u routes", i, k, answers);
			cr_assert(anod_object_matches(&now, &way[k], &way[i]),
				  "%u -> %u\nasked for: %s\nis: %s", i, k,
				  anod_object_text(&way[k], text_a, sizeof(text_a)),
				  anod_object_text(&now, text_b, sizeof(text_b)));
			cr_assert(i == k || !anod_object_matches(&now, &way[i], &way[k]));
			cr_assert_eq(netlab_del(&way[k]), 0);
			cr_assert_eq(netlab_get(&way[k], &now, NULL), -ENOENT);
		}
}

static void replace_in(const char *dst, const char *via0, const char *via1)
{
	struct anod_object way[7], other;
	struct anod_object now;

	for (unsigned i = 0; i < 7; i++)
		way[i] = route(dst, 30, RT_TABLE_MAIN);
	add_leg(&way[0], via0, "v0", 1);
	add_leg(&way[1], via1, "v1", 1);
	add_leg(&way[2], via0, "v0", 3);
	add_leg(&way[2], via1, "v1", 1);
	add_leg(&way[3], via1, "v1", 200);
	add_leg(&way[3], via0, "v0", 1);
	add_leg(&way[4], NULL, "v0", 1);
	if (way[4].u.route.dst.family == AF_INET)
		way[4].u.route.scope = RT_SCOPE_LINK;
	way[5].u.route.type = RTN_BLACKHOLE;
	way[6].u.route.nhid = 10;

	/* A route of the same prefix and another metric must never be touched. */
	other = way[0];
	other.u.route.metric = 31;
	cr_assert_eq(netlab_set(&other, NULL), 0);
	replace_all_ways(way, 7);
	cr_assert_eq(netlab_get(&other, &now, NULL), 0);
	cr_assert(memcmp(&now, &other, sizeof(now)) == 0);
}

Test(rtnl_codec, set_replaces_exactly_the_route_of_the_same_key)
{
	lab();
	netlab_run("ip nexthop add id 10 via 10.0.0.2 dev v0");
	replace_in("192.0.2.0/24", "10.0.0.2", "10.0.1.2");
	netlab_run("ip nexthop replace id 10 via 2001:db8::2 dev v0");
	replace_in("2001:db8:9::/48", "2001:db8::2", "2001:db8:1::2");
}

Test(rtnl_codec, links_change_only_what_differs)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, was, want, now;
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));

	lab();
	netlab_run("ip link add br0 type bridge && ip link set v1 master br0");
	key.u.link.ifindex = netlab_ifindex("v0");
	cr_assert_eq(netlab_get(&key, &was, NULL), 0);
	cr_expect_str_eq(was.u.link.name, "v0");
	cr_expect_str_eq(was.u.link.kind, "veth");
	cr_expect_eq(was.u.link.mtu, 1500);
	cr_expect_eq(was.u.link.lladdr_len, 6);
	cr_expect_eq(was.u.link.carrier, 1);
	cr_expect_eq(was.u.link.lower, netlab_ifindex("w0"));
	cr_expect_eq(was.u.link.flags & IFF_UP, IFF_UP);

	want = was;
	want.u.link.flags &= ~(uint32_t) IFF_UP;
	netlab_run("ip link set v0 mtu 1400"); /* by somebody else, meanwhile */
	cr_assert_eq(netlab_set(&want, &was), 0);
	cr_assert_eq(netlab_get(&key, &now, NULL), 0);
	cr_expect_eq(now.u.link.flags & IFF_UP, 0);
	cr_expect_eq(now.u.link.mtu, 1400);
	cr_expect(anod_object_matches(&now, &want, &was));
	cr_expect(!anod_object_matches(&now, &was, &want));
	cr_expect(!anod_object_matches(&now, &want, NULL));

	want = now;
	want.u.link.mtu = 1300;
	cr_assert_eq(netlab_set(&want, &now), 0);
	cr_assert_eq(netlab_get(&key, &now, NULL), 0);
	cr_expect_eq(now.u.link.mtu, 1300);
	cr_expect_eq(now.u.link.flags & IFF_UP, 0);

	key.u.link.ifindex = netlab_ifindex("v1");
	cr_assert_eq(netlab_get(&key, &now, NULL), 0);
	cr_expect_eq(now.u.link.master, netlab_ifindex("br0"));
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &now, NULL, buf), -EOPNOTSUPP);
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_DEL, &now, NULL, buf), -EOPNOTSUPP);
	key.u.link.ifindex = 4711;
	cr_expect_eq(netlab_get(&key, &now, NULL), -ENODEV);
}

Test(rtnl_codec, addresses_come_back_as_they_went)
{
	struct anod_object o = { .type = ANOD_OBJ_ADDR }, now;

	lab();
	o.u.addr.ifindex = netlab_ifindex("v0");
	o.u.addr.local = netlab_address("10.7.0.1/16");
	o.u.addr.flags = IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE;
	there_and_back(&o);
	o.u.addr.local = netlab_address("10.8.0.1");
	o.u.addr.peer = netlab_address("10.8.0.2");
	there_and_back(&o);

	o.u.addr.peer = (struct anod_prefix){ 0 };
	o.u.addr.local = netlab_address("2001:db8:5::1/64");
	o.u.addr.flags = IFA_F_PERMANENT | IFA_F_NODAD;
	there_and_back(&o);
	o.u.addr.local = netlab_address("2001:db8:6::1");
	o.u.addr.peer = netlab_address("2001:db8:6::2");
	there_and_back(&o);

	netlab_run("ip addr add 10.9.0.1/24 dev v0 valid_lft 300 preferred_lft 300;"
		   "ip addr add 10.10.0.1/24 brd + dev v0 label v0:1");
	o = (struct anod_object){ .type = ANOD_OBJ_ADDR };
	o.u.addr.ifindex = netlab_ifindex("v0");
	o.u.addr.local = netlab_address("10.9.0.1/24");
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY);
	o.u.addr.local = netlab_address("10.10.0.1/24");
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY);
}

static struct anod_object nexthop(uint32_t id, const char *via, const char *dev)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop.id = id;
	o.u.nexthop.protocol = ANOD_RTPROT;
	o.u.nexthop.family = AF_INET;
	if (via) {
		o.u.nexthop.via = netlab_address(via);
		o.u.nexthop.family = o.u.nexthop.via.family;
	}
	o.u.nexthop.ifindex = dev ? netlab_ifindex(dev) : 0;
	return o;
}

Test(rtnl_codec, next_hops_and_groups_come_back_as_they_went)
{
	struct anod_object o, g = nexthop(100, NULL, NULL), r, now;

	lab();
	o = nexthop(1, "10.0.0.2", "v0");
	there_and_back(&o);
	o = nexthop(2, "2001:db8::2", "v0");
	there_and_back(&o);
	o = nexthop(3, NULL, "v1");
	there_and_back(&o);
	o = nexthop(4, "192.0.2.1", "v1");
	o.u.nexthop.flags = RTNH_F_ONLINK;
	there_and_back(&o);
	o = nexthop(5, NULL, NULL);
	o.u.nexthop.blackhole = 1;
	there_and_back(&o);

	o = nexthop(1, "10.0.0.2", "v0");
	cr_assert_eq(netlab_set(&o, NULL), 0);
	o = nexthop(2, "10.0.1.2", "v1");
	cr_assert_eq(netlab_set(&o, NULL), 0);
	g.u.nexthop.family = 0;
	g.u.nexthop.n_members = 2;
	g.u.nexthop.member[0] = (struct anod_member){ 2, 256 };
	g.u.nexthop.member[1] = (struct anod_member){ 1, 1 };
	there_and_back(&g);

	/* A route by way of it, and a change of its weights, which the route does not feel. */
	cr_assert_eq(netlab_set(&g, NULL), 0);
	r = route("192.0.2.0/24", 5, RT_TABLE_MAIN);
	r.u.route.nhid = 100;
	cr_assert_eq(netlab_set(&r, NULL), 0);
	g.u.nexthop.member[0].weight = 1;
	cr_assert_eq(netlab_set(&g, NULL), 0);
	cr_assert_eq(netlab_get(&r, &now, NULL), 0);
	cr_expect_eq(now.u.route.n_legs, 2);
	cr_expect(anod_object_matches(&now, &r, NULL));
	cr_expect(!(now.flags & ANOD_OBJ_LOSSY));
	cr_assert_eq(netlab_del(&now), 0);

	netlab_run("ip nexthop add id 200 group 1/2 type resilient buckets 8");
	g.u.nexthop.id = 200;
	cr_assert_eq(netlab_get(&g, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY);
}

Test(rtnl_codec, a_route_by_a_blackhole_next_hop_comes_back)
{
	struct anod_object b = nexthop(9, NULL, NULL), r, now;

	lab();
	b.u.nexthop.blackhole = 1;
	cr_assert_eq(netlab_set(&b, NULL), 0);
	r = route("192.0.2.0/24", 5, RT_TABLE_MAIN);
	r.u.route.nhid = 9;
	cr_assert_eq(netlab_set(&r, NULL), 0);
	cr_assert_eq(netlab_get(&r, &now, NULL), 0);
	cr_expect_eq(now.u.route.type, RTN_BLACKHOLE);
	cr_expect(anod_object_matches(&now, &r, NULL));
	cr_assert_eq(netlab_del(&now), 0);
	cr_assert_eq(netlab_set(&now, NULL), 0);
	cr_assert_eq(netlab_del(&now), 0);
}

Test(rtnl_codec, rules_come_back_as_they_went)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE }, now;
	struct anod_rule *u = &o.u.rule;

	lab();
	*u = (struct anod_rule){ .family = AF_INET,
				 .priority = 100,
				 .table = 70000,
				 .action = FR_ACT_TO_TBL,
				 .protocol = ANOD_RTPROT };
	there_and_back(&o);
	u->src = netlab_address("10.1.0.0/16");
	u->dst = netlab_address("192.0.2.0/24");
	strcpy(u->iif, "v0");
	strcpy(u->oif, "gone0");
	u->fwmark = 5;
	u->fwmask = 0xff;
	u->suppress_len = 1;
	u->flags = FIB_RULE_INVERT;
	u->tos = 0x10;
	there_and_back(&o);
	*u = (struct anod_rule){ .family = AF_INET6,
				 .priority = 0,
				 .table = 100,
				 .action = FR_ACT_TO_TBL,
				 .protocol = ANOD_RTPROT };
	u->src = netlab_address("2001:db8::/32");
	there_and_back(&o);
	u->action = FR_ACT_PROHIBIT;
	u->table = 0;
	there_and_back(&o);

	*u = (struct anod_rule){ .family = AF_INET,
				 .priority = 100,
				 .table = 100,
				 .action = FR_ACT_TO_TBL,
				 .protocol = ANOD_RTPROT };
	cr_assert_eq(netlab_set(&o, NULL), 0);
	cr_expect_eq(netlab_set(&o, NULL), -EEXIST); /* no twin */
	netlab_run("ip rule add prio 200 table 100 suppress_ifgroup 7");
	u->priority = 100;
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(!(now.flags & ANOD_OBJ_LOSSY));
	*u = (struct anod_rule){ .family = AF_INET,
				 .priority = 200,
				 .table = 100,
				 .action = FR_ACT_TO_TBL,
				 .protocol = RTPROT_BOOT };
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect((now.flags & ANOD_OBJ_LOSSY) && (now.flags & ANOD_OBJ_UNSURE));
}

Test(rtnl_codec, conditions_of_rules_come_back_as_they_went)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE };
	struct anod_rule *u = &o.u.rule;

	netlab_enter();
	*u = (struct anod_rule){ .family = AF_INET,
				 .priority = 300,
				 .table = 100,
				 .action = FR_ACT_TO_TBL,
				 .protocol = ANOD_RTPROT };
	u->has_uid = 1;
	u->uid_first = 0;
	u->uid_last = 999;
	u->ipproto = 17;
	u->sport_first = u->sport_last = 53;
	u->dport_first = 1000;
	u->dport_last = 2000;
	there_and_back(&o);
	*u = (struct anod_rule){ .family = AF_INET6,
				 .priority = 301,
				 .action = FR_ACT_GOTO,
				 .target = 32766,
				 .protocol = ANOD_RTPROT };
	there_and_back(&o);
	*u = (struct anod_rule){
		.family = AF_INET, .priority = 302, .action = FR_ACT_NOP, .protocol = ANOD_RTPROT
	};
	there_and_back(&o);
}

Test(rtnl_codec, neighbours_come_back_as_they_went)
{
	struct anod_object o = { .type = ANOD_OBJ_NEIGH }, now;
	struct anod_neigh *n = &o.u.neigh;

	lab();
	n->ifindex = netlab_ifindex("v0");
	n->dst = netlab_address("10.0.0.9");
	n->state = NUD_PERMANENT;
	n->lladdr_len = 6;
	memcpy(n->lladdr, "\x02\0\0\0\0\x09", 6);
	there_and_back(&o);
	n->dst = netlab_address("2001:db8::9");
	n->state = NUD_REACHABLE;
	n->flags = NTF_ROUTER;
	there_and_back(&o);

	/* Learned states are one class; a new address is not the same. */
	n->flags = 0;
	cr_assert_eq(netlab_set(&o, NULL), 0);
	now = o;
	now.u.neigh.state = NUD_STALE;
	cr_expect(anod_object_matches(&now, &o, NULL));
	now.u.neigh.lladdr[5] = 1;
	cr_expect(!anod_object_matches(&now, &o, NULL));
	now.u.neigh.state = NUD_FAILED;
	cr_expect(anod_object_matches(&now, NULL, &o));
	cr_expect(!anod_object_matches(&o, NULL, &o));
}

Test(rtnl_codec, what_the_form_cannot_hold_is_marked)
{
	struct anod_object o, now;

	lab();
	netlab_run("ip route add 192.0.2.0/24 via 10.0.0.2 mtu lock 1400");
	netlab_run("ip route add 192.0.3.0/24 via 10.0.0.2 advmss 900");
	netlab_run("ip -6 route add 2001:db8:7::/48 via 2001:db8::2 expires 300");
	netlab_run("ip -6 route add 2001:db8:8::/48 via 2001:db8::2 pref high");
	o = route("192.0.2.0/24", 0, RT_TABLE_MAIN);
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY, "locked mtu");
	o = route("192.0.3.0/24", 0, RT_TABLE_MAIN);
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY, "advmss");
	o = route("2001:db8:7::/48", 1024, RT_TABLE_MAIN);
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY, "expires");
	o = route("2001:db8:8::/48", 1024, RT_TABLE_MAIN);
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY, "pref");

	o = route("192.0.4.0/24", 0, RT_TABLE_MAIN);
	netlab_run("ip route add 192.0.4.0/24 $(for i in $(seq 17); do"
		   " echo nexthop via 10.0.0.$((i+1)); done)");
	cr_assert_eq(netlab_get(&o, &now, NULL), 0);
	cr_expect(now.flags & ANOD_OBJ_LOSSY, "17 legs");
	cr_expect_eq(now.u.route.n_legs, ANOD_LEGS_MAX);
}

/* Whatever the kernel lists can be read, and what is not lossy can be asked for again. */
Test(rtnl_codec, everything_that_the_kernel_lists_can_be_read)
{
	static struct anod_object all[256];
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));

	lab();
	netlab_run("ip nexthop add id 1 via 10.0.0.2 dev v0; "
		   "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0");
	netlab_run("tc qdisc add dev v0 root pfifo limit 10");
	for (enum anod_obj_type t = ANOD_OBJ_LINK; t <= ANOD_OBJ_QDISC; t++) {
		unsigned n = netlab_dump(t, all, 256);

		cr_expect_gt(n, 0, "type %d: nothing", (int) t);
		for (unsigned i = 0; i < n; i++)
			for (int verb = ANOD_RTNL_SET; verb <= ANOD_RTNL_GET; verb++) {
				int r = anod_rtnl_encode(verb, &all[i], NULL, buf);

				cr_expect(r > 0 || r == -EOPNOTSUPP);
			}
	}
}
