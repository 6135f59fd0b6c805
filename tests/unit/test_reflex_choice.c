/*
 * How a reflex is made ready, over routers of all sorts.
 */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/action_text.h"
#include "policy/reflex_choice.h"
#include "world.h"

#define CLAUSE "reflex { trigger link wan0  standby wan1 via 10.2.0.1 } }\n"
#define ANY                                                                                        \
	"permit \"p\" { agent any  action any  level auto  verify within 1s that "                 \
	"link.wan1.carrier\n"

static struct reflex_choice choice;

static void setup(struct world *w, const char *policy)
{
	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_policy(w, policy);
}

static void hop(struct world *w, uint32_t id, uint32_t ifindex, uint8_t protocol)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop = (struct anod_nexthop){
		.id = id, .ifindex = ifindex, .family = AF_INET, .protocol = protocol
	};
	o.u.nexthop.via = world_prefix(ifindex == 2 ? "10.1.0.1" : "10.2.0.1");
	cr_assert_geq(model_put(w->model, &o), 0);
}

static void group(struct world *w, uint32_t id, uint32_t a, uint32_t b, uint8_t protocol)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop =
		(struct anod_nexthop){ .id = id, .protocol = protocol, .n_members = b ? 2 : 1 };
	o.u.nexthop.member[0] = (struct anod_member){ a, 1 };
	if (b)
		o.u.nexthop.member[1] = (struct anod_member){ b, 1 };
	cr_assert_geq(model_put(w->model, &o), 0);
}

static void route(struct world *w, const char *dst, uint32_t metric, uint32_t ifindex,
		  uint32_t nhid, uint8_t protocol)
{
	const char *via = strchr(dst, ':') ? NULL : ifindex == 2 ? "10.1.0.1" : "10.2.0.1";
	struct anod_object o = world_route_object(dst, 254, metric, via, ifindex);

	o.u.route.nhid = nhid;
	o.u.route.protocol = protocol;
	cr_assert_geq(model_put(w->model, &o), 0);
}

static void choose(struct world *w)
{
	struct reflex_ask in = { .model = w->model,
				 .config = w->config,
				 .permit = &w->config->policy->rule[0],
				 .slot = 1 };

	reflex_choose(&in, &choice);
}

static void expect(enum reflex_way way, const char *why)
{
	cr_expect_eq(choice.way, way, "%d: %s", choice.way, choice.why);
	cr_expect(strstr(choice.why, why), "%s", choice.why);
}

static void expect_action(const struct anod_action *a, const char *text)
{
	char buf[256];

	(void) action_format(a, buf, sizeof(buf));
	cr_expect_str_eq(buf, text);
}

Test(reflex_choice, says_why_nothing_can_be_armed)
{
	struct world w;

	setup(&w, ANY CLAUSE);
	choose(&w);
	expect(REFLEX_WAY_NONE, "no route goes over wan0");
	route(&w, "10.0.0.0/8", 5, 2, 0, RTPROT_STATIC);
	world_link(&w, 3, "wan1", "uplink", true, false);
	choose(&w);
	expect(REFLEX_WAY_NONE, "the standby wan1 has no carrier");
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_link(&w, 2, "wan0", "uplink", false, false);
	choose(&w);
	expect(REFLEX_WAY_NONE, "link wan0 is down");
	world_policy(&w, ANY "reflex { trigger link wan7  standby wan1 } }\n");
	choose(&w);
	expect(REFLEX_WAY_NONE, "there is no link wan7");
	/* A family without a gateway is not covered. */
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_policy(&w, ANY "reflex { trigger link wan0  standby wan1 } }\n");
	choose(&w);
	cr_expect_neq(choice.way, REFLEX_WAY_NONE, "a link without addresses needs no gateway");
	world_done(&w);
}

Test(reflex_choice, gives_a_group_its_standby)
{
	struct world w;

	setup(&w, ANY CLAUSE);
	hop(&w, 11, 2, ANOD_RTPROT);
	group(&w, 77, 11, 0, ANOD_RTPROT);
	route(&w, "10.0.0.0/8", 5, 2, 77, ANOD_RTPROT);
	route(&w, "10.9.0.0/16", 5, 2, 77, RTPROT_BIRD);
	choose(&w);
	expect(REFLEX_WAY_GROUP, "2 routes by next-hop groups");
	cr_assert_eq(choice.n_actions, 2);
	expect_action(&choice.action[0], "nexthop.replace id 17301017 via 10.2.0.1 dev wan1");
	expect_action(&choice.action[1], "nexthop.replace id 77 member1 11 weight1 255 "
					 "member2 17301017 weight2 1");
	cr_assert_eq(choice.n_back, 2);
	expect_action(&choice.back[0], "nexthop.replace id 11 via 10.1.0.1 dev wan0");
	expect_action(&choice.back[1], "nexthop.replace id 77 member1 11");

	/* Armed already: the same again. */
	hop(&w, REFLEX_NHID(1) + 1, 3, ANOD_RTPROT);
	group(&w, 77, 11, REFLEX_NHID(1) + 1, ANOD_RTPROT);
	choose(&w);
	expect(REFLEX_WAY_GROUP, "");
	cr_expect_eq(choice.n_actions, 2);

	/* Somebody else's. */
	group(&w, 77, 11, 0, RTPROT_ZEBRA);
	choose(&w);
	expect(REFLEX_WAY_BRIDGE, "group 77 is not anod's: write foreign objects");
	/* One that goes on by itself. */
	hop(&w, 12, 3, ANOD_RTPROT);
	group(&w, 77, 11, 12, ANOD_RTPROT);
	choose(&w);
	cr_expect(strstr(choice.why, "group 77 has a member elsewhere"), "%s", choice.why);
	/* A bare next hop takes its routes along. */
	route(&w, "10.0.0.0/8", 5, 2, 11, ANOD_RTPROT);
	route(&w, "10.9.0.0/16", 5, 2, 11, ANOD_RTPROT);
	choose(&w);
	cr_expect(strstr(choice.why, "2 routes use next hop 11 itself"), "%s", choice.why);
	expect(REFLEX_WAY_READY, "the guardian adds 2 routes");
	world_done(&w);
}

Test(reflex_choice, takes_a_second_metric_for_a_few_plain_routes)
{
	struct world w;

	setup(&w, ANY CLAUSE);
	route(&w, "0.0.0.0/0", 100, 2, 0, RTPROT_DHCP);
	choose(&w);
	expect(REFLEX_WAY_METRIC, "1 second route over wan1");
	cr_assert_eq(choice.n_actions, 2);
	expect_action(&choice.action[0], "link.set dev wan0 ignore_linkdown true");
	expect_action(&choice.action[1], "route.replace dst 0.0.0.0/0 metric 101 via 10.2.0.1 dev "
					 "wan1");
	/* Its own second route does not count as one, so that it is asked for again. */
	route(&w, "0.0.0.0/0", 101, 3, 0, ANOD_RTPROT);
	choose(&w);
	cr_expect_eq(choice.n_actions, 2);
	/* Somebody else's does. */
	route(&w, "0.0.0.0/0", 200, 3, 0, RTPROT_DHCP);
	choose(&w);
	expect(REFLEX_WAY_METRIC, "every route has a second one");
	cr_expect_eq(choice.n_actions, 1);
	/* A daemon's come and go. */
	route(&w, "10.1.0.0/16", 32, 2, 0, RTPROT_BIRD);
	choose(&w);
	expect(REFLEX_WAY_BRIDGE, "1 of 2 routes are a routing daemon's");
	for (int i = 0; i < 5; i++) {
		char dst[24];

		(void) snprintf(dst, sizeof(dst), "10.%d.0.0/16", i);
		route(&w, dst, 32, 2, 0, RTPROT_BIRD);
	}
	choose(&w);
	expect(REFLEX_WAY_BRIDGE, "5 of 6 routes are a routing daemon's");
	cr_assert_eq(choice.n_actions, 1);
	expect_action(&choice.action[0], "rule.add priority 32765 table 17301 family inet");
	world_done(&w);
}

Test(reflex_choice, goes_by_what_the_permit_allows)
{
	struct world w;

	setup(&w, "permit \"p\" { agent reflex  action nexthop.replace, route.replace  level auto\n"
		  "verify within 1s\n" CLAUSE);
	route(&w, "0.0.0.0/0", 100, 2, 0, ANOD_RTPROT);
	choose(&w);
	expect(REFLEX_WAY_GROUP, "a next-hop group of its own");
	cr_assert_eq(choice.n_actions, 4);
	expect_action(&choice.action[2], "nexthop.replace id 17301018 member1 17301016 weight1 255 "
					 "member2 17301017 weight2 1");
	expect_action(&choice.action[3], "route.replace dst 0.0.0.0/0 metric 100 nhid 17301018");
	/* Armed: the same again. */
	hop(&w, 17301016, 2, ANOD_RTPROT);
	hop(&w, 17301017, 3, ANOD_RTPROT);
	group(&w, 17301018, 17301016, 17301017, ANOD_RTPROT);
	route(&w, "0.0.0.0/0", 100, 2, 17301018, ANOD_RTPROT);
	choose(&w);
	expect(REFLEX_WAY_GROUP, "a next-hop group of its own");
	cr_expect_eq(choice.n_actions, 4);
	expect_action(&choice.action[0], "nexthop.replace id 17301016 via 10.1.0.1 dev wan0");

	/* The route of somebody else gets ready bytes. */
	route(&w, "0.0.0.0/0", 100, 2, 0, RTPROT_STATIC);
	choose(&w);
	expect(REFLEX_WAY_READY, "the route is not anod's");
	expect_action(&choice.action[0],
		      "route.replace dst 0.0.0.0/0 metric 99 via 10.2.0.1 dev wan1");
	expect_action(&choice.back[0], "route.del dst 0.0.0.0/0 metric 99");
	route(&w, "0.0.0.0/0", 0, 2, 0, RTPROT_STATIC);
	choose(&w);
	expect(REFLEX_WAY_NONE, "nothing wins against metric 0 of 0.0.0.0/0");
	cr_expect(strstr(choice.why, "the permit does not allow rule.add"), "%s", choice.why);
	world_done(&w);
}

Test(reflex_choice, keeps_to_its_scope_and_its_families)
{
	struct world w;

	setup(&w, ANY "reflex { trigger link wan0  standby wan1 via 10.2.0.1  for nets } }\n"
		      "set nets = prefix { 10.0.0.0/8 }\n");
	route(&w, "0.0.0.0/0", 100, 2, 0, RTPROT_STATIC);
	choose(&w);
	expect(REFLEX_WAY_NONE, "no route of nets goes over wan0");
	route(&w, "10.3.0.0/16", 100, 2, 0, RTPROT_STATIC);
	choose(&w);
	expect(REFLEX_WAY_METRIC, "");
	cr_expect_eq(choice.routes, 1);
	/* A group that others use, too. */
	hop(&w, 11, 2, ANOD_RTPROT);
	group(&w, 77, 11, 0, ANOD_RTPROT);
	route(&w, "0.0.0.0/0", 100, 2, 77, ANOD_RTPROT);
	route(&w, "10.3.0.0/16", 100, 2, 77, ANOD_RTPROT);
	choose(&w);
	cr_expect(strstr(choice.why, "group 77 carries 1 routes outside nets"), "%s", choice.why);

	/* IPv6 has no second metric. */
	world_policy(&w, ANY
		     "reflex { trigger link wan0  standby wan1 via 10.2.0.1, 2001:db8::1 } }\n");
	route(&w, "0.0.0.0/0", 100, 2, 0, RTPROT_STATIC);
	route(&w, "10.3.0.0/16", 100, 2, 0, RTPROT_STATIC);
	route(&w, "::/0", 1024, 2, 0, RTPROT_STATIC);
	choose(&w);
	expect(REFLEX_WAY_READY, "IPv6 cannot be told");
	cr_expect_eq(choice.n_actions, 3);
	expect_action(&choice.action[2],
		      "route.replace dst ::/0 metric 1023 via 2001:db8::1 dev wan1");
	world_done(&w);
}

Test(reflex_choice, does_what_the_policy_says)
{
	struct world w;

	setup(&w, ANY "reflex { trigger when not link.wan0.carrier\n"
		      "do \"route.replace dst 10.0.0.0/8 dev wan1\" } }\n");
	choose(&w);
	expect(REFLEX_WAY_READY, "the policy says what is done");
	cr_expect_eq(choice.n_actions, 1);
	cr_expect_eq(choice.n_back, 0);
	world_done(&w);
}
