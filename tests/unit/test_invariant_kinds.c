/*
 * Each requirement of an invariant: true, false and unknown, with the numbers it names.
 */
#include <criterion/criterion.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

#define HEAD                                                                                       \
	"set ups = link { wan0, wan1 }\n"                                                          \
	"set bonds = link { bond0 }\n"                                                             \
	"set mgmt = flow { 192.0.2.10 -> ssh }\n"                                                  \
	"set peers = flow { 10.0.0.2 -> bgp }\n"                                                   \
	"set cust = prefix { 198.51.100.0/24 }\n"                                                  \
	"link wan0 { srlg duct-7 }\nlink wan1 { srlg duct-7, pole }\nlink lan0 { srlg pole }\n"    \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier  foreign objects }\n"

static void put(struct world *w, const struct anod_object *o)
{
	cr_assert(model_put(w->model, o) == 0);
}

static void put_addr(struct world *w, uint32_t ifindex, const char *text, uint8_t len)
{
	struct anod_object o = { .type = ANOD_OBJ_ADDR };

	o.u.addr.ifindex = ifindex;
	o.u.addr.local = world_prefix(text);
	o.u.addr.local.len = len;
	o.u.addr.flags = IFA_F_PERMANENT;
	put(w, &o);
}

static void put_neigh(struct world *w, uint32_t ifindex, const char *text, uint16_t state)
{
	struct anod_object o = { .type = ANOD_OBJ_NEIGH };

	o.u.neigh.ifindex = ifindex;
	o.u.neigh.dst = world_prefix(text);
	o.u.neigh.state = state;
	put(w, &o);
}

/* wan0 10.0.0.1/24 and wan1 10.0.1.1/24 with default routes behind gateways, and lan0. */
static void setup(struct world *w)
{
	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_link(w, 4, "lan0", "core", true, true);
	put_addr(w, 2, "10.0.0.1", 24);
	put_addr(w, 3, "10.0.1.1", 24);
	world_route(w, "10.0.0.0/24", 0, NULL, 2);
	world_route(w, "10.0.1.0/24", 0, NULL, 3);
	world_route(w, "0.0.0.0/0", 100, "10.0.0.2", 2);
	world_route(w, "0.0.0.0/0", 200, "10.0.1.2", 3);
	world_route(w, "198.51.100.0/24", 0, NULL, 4);
}

static struct anod_action *link_down(struct world *w, const char *dev)
{
	struct anod_action *a = world_propose(w, "link.down");

	world_arg(a, "dev", dev);
	return a;
}

static struct anod_action *set_mtu(struct world *w, const char *dev, const char *mtu)
{
	struct anod_action *a = world_propose(w, "link.set");

	world_arg(a, "dev", dev);
	world_arg(a, "mtu", mtu);
	return a;
}

static struct anod_action *route(struct world *w, const char *kind, const char *dst,
				 const char *via, const char *dev)
{
	struct anod_action *a = world_propose(w, kind);

	world_arg(a, "dst", dst);
	if (via)
		world_arg(a, "via", via);
	if (dev)
		world_arg(a, "dev", dev);
	return a;
}

static void expect(struct world *w, const char *require, enum anod_tri holds, const char *why)
{
	struct decision *d;
	char text[4096];

	(void) snprintf(text, sizeof(text), HEAD "invariant \"i\" {\n\trequire %s\n}\n", require);
	world_policy(w, text);
	d = world_decide(w, "uplink");
	cr_assert(d->n_invariants == 1, "%s: %s", require, d->reason);
	cr_expect(d->invariant[0].holds == holds, "%s: %d: %s", require, d->invariant[0].holds,
		  d->invariant[0].why);
	cr_expect((d->level == LEVEL_AUTO) == (holds == ANOD_TRUE), "%s: %s", require,
		  level_name(d->level));
	cr_expect(strstr(d->invariant[0].why, why), "%s: %s", require, d->invariant[0].why);
	decision_free(d);
}

/* A rule that the model cannot follow comes first. */
static void put_strange_rule(struct world *w)
{
	/* 2: what is lost of it says which packets it is for. */
	struct anod_object o = { .type = ANOD_OBJ_RULE, .flags = ANOD_OBJ_LOSSY | 2u };

	o.u.rule.family = AF_INET;
	o.u.rule.priority = 5;
	o.u.rule.table = 100;
	o.u.rule.action = 1; /* FR_ACT_TO_TBL */
	put(w, &o);
}

Test(invariant_kinds, ways_of_flows)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "lan0");
	expect(&w, "every mgmt reachable via 2 disjoint links", ANOD_TRUE, "");
	expect(&w, "every mgmt reachable via 2 disjoint srlgs", ANOD_FALSE,
	       "192.0.2.10 is reachable via 1 disjoint srlg after it, need 2");
	expect(&w, "every mgmt reachable with 1 link lost", ANOD_TRUE, "");
	expect(&w, "every mgmt reachable with 1 srlg lost", ANOD_FALSE,
	       "192.0.2.10 is not reachable without srlg duct-7 after it");
	expect(&w, "every peers reachable on link", ANOD_TRUE, "");
	expect(&w, "every mgmt reachable on link", ANOD_FALSE,
	       "192.0.2.10 is not on a link but behind 10.0.0.2 after it");
	(void) link_down(&w, "wan0");
	expect(&w, "every mgmt reachable with 1 link lost", ANOD_FALSE, "without link wan1");
	expect(&w, "every peers reachable on link", ANOD_FALSE, "behind 10.0.1.2");
	put_strange_rule(&w);
	expect(&w, "every mgmt reachable with 1 srlg lost", ANOD_DOUBT, "beyond the model");
	expect(&w, "every peers reachable on link", ANOD_DOUBT, "beyond the model");
	world_done(&w);
}

Test(invariant_kinds, vlans_of_one_port_are_not_disjoint)
{
	struct anod_object o;
	struct world w;

	setup(&w);
	for (uint32_t i = 2; i <= 3; i++) {
		o = world_link_object(i, i == 2 ? "wan0" : "wan1", true, true);
		o.u.link.lower = 9;
		put(&w, &o);
	}
	world_link(&w, 9, "eth9", NULL, true, true);
	(void) link_down(&w, "lan0");
	expect(&w, "every mgmt reachable via 2 disjoint links", ANOD_FALSE, "via 1 disjoint link");
	expect(&w, "every mgmt reachable with 1 link lost", ANOD_FALSE, "without link eth9");
	world_done(&w);
}

Test(invariant_kinds, widths)
{
	struct anod_object o;
	struct world w;

	setup(&w);
	world_link(&w, 5, "bond0", NULL, true, true);
	for (uint32_t i = 6; i <= 7; i++) {
		o = world_link_object(i, i == 6 ? "eth6" : "eth7", true, true);
		o.u.link.master = 5;
		put(&w, &o);
	}
	(void) link_down(&w, "eth6");
	expect(&w, "every bonds members >= 1", ANOD_TRUE, "");
	expect(&w, "every bonds members >= 2", ANOD_FALSE, "bond0 has 1 usable member after it");
	(void) link_down(&w, "lan0");
	expect(&w, "every bonds members > 1", ANOD_TRUE, "");

	o = world_route_object("198.51.100.0/24", 254, 0, "10.0.0.2", 2);
	world_add_leg(&o, "10.0.1.2", 3, 1);
	put(&w, &o);
	expect(&w, "every cust legs >= 2", ANOD_TRUE, "");
	(void) link_down(&w, "wan0");
	expect(&w, "every cust legs >= 2", ANOD_FALSE,
	       "198.51.100.0/24 goes over 1 usable leg after it, need >= 2");
	put_strange_rule(&w);
	expect(&w, "every cust legs >= 1", ANOD_DOUBT, "beyond the model");
	world_done(&w);
}

Test(invariant_kinds, loads)
{
	struct world w;

	setup(&w);
	world_fact(&w, "link", "wan0", "capacity", "100Mbps");
	world_fact(&w, "link", "wan1", "capacity", "50Mbps");
	w.load[0] = (struct link_load){ .ifindex = 2, .known = true, .now_bps = 60e6 };
	w.load[1] = (struct link_load){ .ifindex = 3, .known = true, .now_bps = 10e6 };
	w.load[2] = (struct link_load){ .ifindex = 4, .known = true, .now_bps = 5e6 };
	w.n_loads = 3;
	/* Its network and the default: all of it goes to wan1. */
	(void) link_down(&w, "wan0");
	expect(&w, "every ups load <= 70Mbps", ANOD_TRUE, "no link of ups is fuller");
	expect(&w, "every ups load <= 80% of capacity", ANOD_FALSE,
	       "link wan1 carries 70Mbps after it, need <= 40Mbps");
	expect(&w, "moved traffic <= 60Mbps", ANOD_TRUE, "");
	expect(&w, "moved traffic < 60Mbps", ANOD_FALSE, "60Mbps of traffic moves after it");
	expect(&w, "new blackhole traffic <= 10Mbps", ANOD_TRUE, "");
	expect(&w, "total ups capacity >= 1.0 x 50Mbps", ANOD_TRUE, "");
	expect(&w, "total ups capacity >= 51Mbps", ANOD_FALSE,
	       "capacity of ups is 50Mbps after it");
	(void) link_down(&w, "lan0");
	expect(&w, "total ups capacity >= 150Mbps", ANOD_TRUE, "");
	expect(&w, "every ups load <= 65Mbps", ANOD_TRUE, "");
	expect(&w, "new blackhole traffic == 0bps", ANOD_TRUE, "");
	/* Without a carrier the other default swallows it. */
	(void) link_down(&w, "wan0");
	world_link(&w, 3, "wan1", "uplink", true, false);
	expect(&w, "new blackhole traffic <= 60Mbps", ANOD_TRUE, "");
	expect(&w, "new blackhole traffic <= 10Mbps", ANOD_FALSE,
	       "60Mbps of traffic loses its last way after it, need <= 10Mbps");
	expect(&w, "new blackhole == 0", ANOD_FALSE, "2 prefixes lose their last way after it");
	world_link(&w, 3, "wan1", "uplink", true, true);
	(void) link_down(&w, "lan0");

	/* What is not measured, has no capacity, or is not there. */
	w.load[1].known = false;
	expect(&w, "every ups load <= 80% of capacity", ANOD_DOUBT,
	       "load of link wan1 after it is unknown");
	(void) link_down(&w, "wan1");
	expect(&w, "moved traffic <= 1Gbps", ANOD_DOUBT, "not measured");
	w.load[1].known = true;
	world_fact(&w, "link", "wan0", "capacity", "unknown");
	expect(&w, "every ups load <= 80% of capacity", ANOD_DOUBT, "has it a capacity?");
	expect(&w, "total ups capacity >= 1Mbps", ANOD_DOUBT, "1 link is unknown");
	w.n_loads = 0;
	expect(&w, "every ups load <= 1Gbps", ANOD_DOUBT, "the load of no link is measured");
	world_done(&w);
}

Test(invariant_kinds, loops_and_dead_next_hops)
{
	struct anod_object o;
	struct world w;

	setup(&w);
	(void) route(&w, "route.replace", "203.0.113.0/24", "10.0.0.9", "wan0");
	expect(&w, "loop free", ANOD_TRUE, "every next hop leads on");
	expect(&w, "next hops alive", ANOD_TRUE, "");
	put_neigh(&w, 2, "10.0.0.9", NUD_REACHABLE);
	expect(&w, "next hops alive", ANOD_TRUE, "");
	put_neigh(&w, 2, "10.0.0.9", NUD_FAILED);
	expect(&w, "next hops alive", ANOD_FALSE,
	       "next hop 10.0.0.9 on link wan0 does not answer (FAILED) after it");
	expect(&w, "next hops of cust alive", ANOD_TRUE, "");
	put_neigh(&w, 2, "10.0.0.2", NUD_INCOMPLETE);
	expect(&w, "next hops of mgmt alive", ANOD_FALSE, "(INCOMPLETE)");

	(void) route(&w, "route.replace", "203.0.113.0/24", "10.0.0.1", "wan0");
	expect(&w, "loop free", ANOD_FALSE,
	       "next hop 10.0.0.1 on link wan0, for 203.0.113.0/24 and 0 more, is an address of "
	       "this router after it");
	(void) route(&w, "route.replace", "203.0.113.0/24", "10.0.1.9", "wan0");
	expect(&w, "loop free", ANOD_FALSE, "is not on that link");
	/* The gateway's own network is moved behind the gateway. */
	(void) route(&w, "route.replace", "10.0.0.0/25", "10.0.0.2", "wan0");
	expect(&w, "loop free", ANOD_FALSE, "10.0.0.2 on link wan0, for ");
	expect(&w, "loop free", ANOD_FALSE, "leads through itself");
	/* Two gateways, each behind the other. */
	o = world_route_object("10.0.0.64/26", 254, 0, "10.0.0.130", 2);
	put(&w, &o);
	(void) route(&w, "route.replace", "10.0.0.128/26", "10.0.0.65", "wan0");
	expect(&w, "loop free", ANOD_FALSE, "leads through itself");
	put_strange_rule(&w);
	expect(&w, "next hops of mgmt alive", ANOD_DOUBT, "beyond the model");
	world_done(&w);
}

Test(invariant_kinds, mtu)
{
	struct world w;

	setup(&w);
	(void) set_mtu(&w, "wan0", "1400");
	expect(&w, "every mgmt mtu >= 1400 bytes", ANOD_TRUE, "");
	expect(&w, "every mgmt mtu > 1400", ANOD_FALSE,
	       "1400 bytes fit through to 192.0.2.10 after it, need > 1400");
	expect(&w, "every mgmt mtu not smaller", ANOD_FALSE,
	       "1400 bytes fit through to 192.0.2.10 after it, 1500 before");
	(void) set_mtu(&w, "wan0", "9000");
	expect(&w, "every mgmt mtu not smaller", ANOD_TRUE, "");
	(void) set_mtu(&w, "wan1", "1300");
	expect(&w, "every mgmt mtu not smaller", ANOD_TRUE, "");
	put_strange_rule(&w);
	expect(&w, "every mgmt mtu not smaller", ANOD_DOUBT, "beyond the model");
	world_done(&w);
}

Test(invariant_kinds, what_the_actions_are_about)
{
	struct anod_action *a;
	struct world w;

	setup(&w);
	(void) route(&w, "route.replace", "198.51.100.128/25", NULL, "wan0");
	expect(&w, "no route.replace on cust", ANOD_FALSE,
	       "route.replace dst 198.51.100.128/25 overlaps cust");
	expect(&w, "no route.* overlaps cust", ANOD_FALSE, "overlaps cust");
	expect(&w, "no link.* on cust", ANOD_TRUE, "");
	(void) route(&w, "route.replace", "203.0.113.0/24", NULL, "wan0");
	expect(&w, "no route.* on cust", ANOD_TRUE, "");
	expect(&w, "no route.* on mgmt", ANOD_TRUE, "");
	(void) link_down(&w, "wan0");
	expect(&w, "no link.* on cust", ANOD_DOUBT, "link.down names no prefix");

	a = world_propose(&w, "sysctl.set");
	world_arg(a, "name", "net.ipv4.conf.wan0.rp_filter");
	world_arg(a, "value", "2");
	expect(&w, "sysctl \"net.ipv4.conf.*.rp_filter\" in 0..2", ANOD_TRUE, "");
	expect(&w, "sysctl \"net.ipv4.conf.*.rp_filter\" in 0..1", ANOD_FALSE,
	       "sysctl net.ipv4.conf.wan0.rp_filter = 2 is not in 0..1");
	expect(&w, "sysctl net.ipv6.* in 0..9", ANOD_FALSE,
	       "sysctl net.ipv4.conf.wan0.rp_filter is on no list");
	expect(&w,
	       "sysctl net.ipv6.* in 0..9\n\trequire sysctl \"net.*.conf.*.rp_filter\" in -1..2",
	       ANOD_TRUE, "");
	a = world_propose(&w, "sysctl.set");
	world_arg(a, "name", "net.ipv4.tcp_rmem");
	world_arg(a, "value", "\"4 5\"");
	expect(&w, "sysctl net.* in 0..9", ANOD_DOUBT, "no whole number");
	world_done(&w);
}

Test(invariant_kinds, what_is_under_way)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "lan0");
	expect(&w, "open transactions <= 1", ANOD_TRUE, "1 transaction open with this one");
	expect(&w, "one open transaction per srlg", ANOD_TRUE, "");
	w.n_in_flight = 1;
	w.in_flight_tx[0] = 7;
	w.in_flight[0] = (struct anod_change){ .has_pre = 1, .has_post = 1 };
	w.in_flight[0].pre = world_link_object(2, "wan0", true, true);
	w.in_flight[0].post = world_link_object(2, "wan0", true, true);
	w.in_flight[0].post.u.link.mtu = 1400;
	expect(&w, "open transactions <= 1", ANOD_FALSE,
	       "2 transactions open with this one, need <= 1");
	expect(&w, "one open transaction per srlg", ANOD_TRUE, "");
	(void) link_down(&w, "wan1");
	expect(&w, "one open transaction per srlg", ANOD_FALSE,
	       "T7 is under way on link wan0, srlg duct-7");
	(void) set_mtu(&w, "wan0", "1300");
	expect(&w, "one open transaction per srlg", ANOD_FALSE, "T7 is under way on link wan0");
	w.in_flight[0].post = world_route_object("9.0.0.0/8", 254, 0, NULL, 0);
	w.in_flight[0].post.u.route.nhid = 99;
	w.in_flight[0].has_pre = 0;
	expect(&w, "one open transaction per srlg", ANOD_DOUBT, "which links T7 is about");
	world_done(&w);
}

Test(invariant_kinds, who_we_depend_on)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	w.approver[0] = world_prefix("203.0.113.5");
	w.approver[1] = world_prefix("127.0.0.1");
	expect(&w, "keeps approvers", ANOD_TRUE, "each of 0 approvers");
	w.n_approvers = 2;
	expect(&w, "keeps approvers", ANOD_TRUE, "");
	(void) link_down(&w, "lan0");
	w.approver[1] = world_prefix("198.51.100.9");
	expect(&w, "keeps approvers", ANOD_TRUE, "");
	world_route(&w, "198.51.100.0/24", 1, NULL, 4);
	w.approver[2] = world_prefix("2001:db8::1");
	w.n_approvers = 3;
	expect(&w, "keeps approvers", ANOD_FALSE, "2001:db8::1 is not reachable after it");
	expect(&w, "keeps endpoints", ANOD_TRUE, "each of 0 endpoints");
	world_done(&w);
}

/* As the configuration would have it; its plugins are not those of this world. */
static void add_endpoint(struct world *w, const char *url)
{
	struct config *c = w->config;

	c->endpoint = calloc(1, sizeof(*c->endpoint));
	cr_assert_not_null(c->endpoint);
	c->endpoint[0].name = strdup("model");
	c->endpoint[0].url = strdup(url);
	c->n_endpoints = 1;
}

static void expect_endpoint(struct world *w, const char *url, enum anod_tri holds, const char *why)
{
	struct decision *d;

	world_policy(w, HEAD "invariant \"i\" { require keeps endpoints }\n");
	add_endpoint(w, url);
	d = world_decide(w, "uplink");
	cr_expect(d->invariant[0].holds == holds, "%s: %s", url, d->invariant[0].why);
	cr_expect(strstr(d->invariant[0].why, why), "%s: %s", url, d->invariant[0].why);
	decision_free(d);
}

Test(invariant_kinds, endpoints_by_their_address)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	expect_endpoint(&w, "http://203.0.113.7:8080/v1", ANOD_TRUE, "each of 1 endpoint is");
	expect_endpoint(&w, "http://[2001:db8::7]:80/v1", ANOD_FALSE,
			"2001:db8::7 is not reachable after it");
	expect_endpoint(&w, "http://localhost:8080/", ANOD_TRUE, "");
	expect_endpoint(&w, "http://127.0.0.1/", ANOD_TRUE, "");
	expect_endpoint(&w, "http://[::1]/", ANOD_TRUE, "");
	expect_endpoint(&w, "https://models.example/v1", ANOD_DOUBT,
			"endpoint model: where 'models.example' is cannot be known");
	expect_endpoint(&w, "203.0.113.0/24", ANOD_TRUE, "");
	expect_endpoint(&w, "", ANOD_DOUBT, "cannot be known");
	world_done(&w);
}

Test(invariant_kinds, windows_remember_what_was_moved)
{
	const char *why = "";
	struct decision *d;
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	world_policy(&w, HEAD "invariant \"i\" {\n\trequire moved prefixes <= 3 in 1h\n"
			      "\trequire moved traffic <= 100Mbps in 1h\n}\n");
	w.load[0] = (struct link_load){ .ifindex = 2, .known = true, .now_bps = 60e6 };
	w.load[1] = (struct link_load){ .ifindex = 3, .known = true, .now_bps = 10e6 };
	w.n_loads = 2;
	d = world_decide(&w, "uplink");
	cr_expect(d->level == LEVEL_AUTO, "%s", d->invariant[0].why);
	cr_expect(d->moved_prefixes == 2 && d->moved_keep_us == UINT64_C(3600000000));
	cr_assert(decide_charge(w.budgets, d, "uplink", w.now_us, &why) == 0, "%s", why);
	decision_free(d);
	expect(&w, "moved prefixes <= 4 in 1h", ANOD_TRUE, "4 prefixes move in 1h, need <= 4");
	expect(&w, "moved prefixes <= 3 in 1h", ANOD_FALSE, "4 prefixes move in 1h, need <= 3");
	expect(&w, "moved prefixes <= 3", ANOD_TRUE, "2 prefixes move, need <= 3");
	expect(&w, "moved prefixes <= 50% of table in 1h", ANOD_FALSE,
	       "4 of 4 prefixes move in 1h");
	expect(&w, "moved traffic <= 120Mbps in 1h", ANOD_TRUE, "");
	expect(&w, "moved traffic <= 100Mbps in 1h", ANOD_FALSE,
	       "120Mbps of traffic moves in 1h after it, need <= 100Mbps");
	w.now_us += UINT64_C(3600000001);
	expect(&w, "moved prefixes <= 3 in 1h", ANOD_TRUE, "2 prefixes move in 1h");

	/* What nobody measured is not forgotten either. */
	w.n_loads = 0;
	world_policy(&w, HEAD "invariant \"i\" { require moved prefixes <= 9 in 1h }\n");
	d = world_decide(&w, "uplink");
	cr_assert(decide_charge(w.budgets, d, "uplink", w.now_us, &why) == 0);
	decision_free(d);
	w.n_loads = 2;
	expect(&w, "moved traffic <= 1Gbps in 1h", ANOD_DOUBT, "at least 60Mbps");
	world_done(&w);
}
