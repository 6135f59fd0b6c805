#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

#define HEAD                                                                                       \
	"set uplinks = link where role == uplink\n"                                                \
	"set mgmt = flow { 192.0.2.10 -> ssh, 2001:db8:ff::/48 -> icmp }\n"                        \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier  foreign objects }\n"

static void setup(struct world *w)
{
	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_link(w, 4, "lan0", "core", true, true);
	world_route(w, "0.0.0.0/0", 100, NULL, 2);
	world_route(w, "0.0.0.0/0", 200, NULL, 3);
	world_route(w, "::/0", 1024, NULL, 4);
}

static struct anod_action *link_down(struct world *w, const char *dev)
{
	struct anod_action *a = world_propose(w, "link.down");

	world_arg(a, "dev", dev);
	return a;
}

static void expect(struct world *w, const char *invariant, enum level level, const char *why)
{
	world_expect_invariant(w, HEAD, invariant, level, why);
}

Test(invariant, keeps_flows_reachable)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	expect(&w, "require every mgmt reachable via 2 disjoint links", LEVEL_DENY,
	       "192.0.2.10 is reachable via 1 disjoint link after it, need 2");
	expect(&w, "require every mgmt reachable with 1 link lost", LEVEL_DENY,
	       "192.0.2.10 is not reachable without link wan1");
	(void) link_down(&w, "lan0");
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "2001:db8:ff::/48 is not reachable after it");
	/* What is in flight counts. */
	(void) link_down(&w, "wan1");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	w.in_flight[0] = (struct anod_change){ .has_pre = 1, .has_post = 1 };
	w.in_flight[0].pre = world_link_object(2, "wan0", true, true);
	w.in_flight[0].post = world_link_object(2, "wan0", false, false);
	w.n_in_flight = 1;
	expect(&w, "require every mgmt reachable", LEVEL_DENY, "192.0.2.10 is not reachable");
	world_done(&w);
}

Test(invariant, counts_links_of_the_predicted_state)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	expect(&w, "require count(uplinks up) >= 1", LEVEL_AUTO, "after = 1");
	expect(&w, "require count(uplinks up) >= 2", LEVEL_DENY, "after = 1, need >= 2");
	expect(&w, "require count(uplinks up) + 1 >= 3", LEVEL_DENY, "false");
	expect(&w, "require count(uplinks up) + 1 >= 2", LEVEL_AUTO, "");
	expect(&w, "require link.wan0.carrier", LEVEL_DENY, "link.wan0.carrier false");
	(void) link_down(&w, "lan0");
	expect(&w, "require count(uplinks up) >= 2", LEVEL_AUTO, "after = 2");
	/* Unknown membership: between one and two. */
	world_fact(&w, "link", "wan0", "role", "unknown");
	expect(&w, "require count(uplinks up) >= 1", LEVEL_AUTO, "");
	expect(&w, "require count(uplinks up) >= 2", LEVEL_DENY, "membership unknown");
	world_done(&w);
}

Test(invariant, bounds_what_moves_and_what_is_lost)
{
	struct anod_action *a;
	struct world w;
	char dst[32];

	setup(&w);
	for (int i = 0; i < 8; i++) {
		(void) snprintf(dst, sizeof(dst), "10.%d.0.0/16", i);
		world_route(&w, dst, 0, NULL, 2);
	}
	(void) link_down(&w, "wan0");
	expect(&w, "require moved prefixes <= 9", LEVEL_AUTO, "9 prefixes move");
	expect(&w, "require moved prefixes <= 8", LEVEL_DENY, "9 prefixes move, need <= 8");
	expect(&w, "require moved prefixes <= 50% of table", LEVEL_DENY,
	       "9 of 10 prefixes move, need <= 50%");
	expect(&w, "require new blackhole == 0", LEVEL_AUTO, "0 prefixes lose");
	(void) link_down(&w, "lan0");
	expect(&w, "require new blackhole == 0", LEVEL_DENY, "1 prefix lose");
	expect(&w, "require new blackhole <= 1", LEVEL_AUTO, "");
	/* A hole that a later action closes is still a hole. */
	a = world_propose(&w, "route.del");
	world_arg(a, "dst", "::/0");
	world_arg(a, "metric", "1024");
	a = world_also(&w, "route.add");
	world_arg(a, "dst", "::/0");
	world_arg(a, "metric", "1024");
	world_arg(a, "dev", "wan0");
	expect(&w, "require new blackhole == 0", LEVEL_DENY, "1 prefix lose");
	world_done(&w);
}

Test(invariant, lets_a_repair_through_that_makes_nothing_worse)
{
	const char *broken = "require count(uplinks up) >= 2\n if broken now allow when not worse";
	struct anod_action *a;
	struct world w;

	setup(&w);
	/* wan0 lost its carrier: broken already, and the default route swallows packets. */
	world_link(&w, 2, "wan0", "uplink", true, false);
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "metric", "50");
	world_arg(a, "dev", "wan1");
	expect(&w, broken, LEVEL_AUTO, "after = 1, need >= 2");
	expect(&w, "require count(uplinks up) >= 2", LEVEL_DENY, "after = 1");
	/* Worse is not allowed, and neither is what helps nothing. */
	(void) link_down(&w, "wan1");
	expect(&w, broken, LEVEL_DENY, "after = 0");
	a = world_propose(&w, "link.set");
	world_arg(a, "dev", "lan0");
	world_arg(a, "mtu", "1400");
	expect(&w, broken, LEVEL_DENY, "after = 1");
	/* A measure that shrinks. */
	world_link(&w, 2, "wan0", "uplink", false, true);
	a = world_propose(&w, "link.up");
	world_arg(a, "dev", "wan0");
	expect(&w, "require count(uplinks up) >= 3\n if broken now allow when not worse",
	       LEVEL_AUTO, "after = 2");
	world_done(&w);
}

Test(invariant, never_excuses_doubt)
{
	struct world w;

	setup(&w);
	(void) link_down(&w, "wan0");
	expect(&w, "require moved traffic <= 400Gbps\n if broken now allow when not worse",
	       LEVEL_DENY, "load of a link that it comes from is not measured");
	expect(&w, "require link.wan0.a < 5\n if broken now allow when not worse", LEVEL_DENY,
	       "unknown");
	world_done(&w);
}
