/* Keys, matching and protocol of objects, without a kernel. */
#include <criterion/criterion.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <anod/rtnl.h>

#include "unit/netlab.h"

static struct anod_object route(void)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *t = &o.u.route;

	t->dst = netlab_address("10.0.0.0/8");
	t->table = RT_TABLE_MAIN;
	t->metric = 5;
	t->protocol = ANOD_RTPROT;
	t->type = RTN_UNICAST;
	t->n_legs = 2;
	t->leg[0] = (struct anod_leg){ netlab_address("192.0.2.1"), 3, 0, 1 };
	t->leg[1] = (struct anod_leg){ netlab_address("192.0.2.2"), 4, 0, 9 };
	return o;
}

Test(rtnl_object, keys_are_the_naming_members_only)
{
	struct anod_object a = route(), b = a, rule = { .type = ANOD_OBJ_RULE }, other;

	b.u.route.protocol = RTPROT_STATIC;
	b.u.route.n_legs = 0;
	cr_expect(anod_object_same_key(&a, &b));
	b = a;
	b.u.route.metric = 6;
	cr_expect(!anod_object_same_key(&a, &b));
	b = a;
	b.u.route.table = 100;
	cr_expect(!anod_object_same_key(&a, &b));
	b = a;
	b.u.route.tos = 1;
	cr_expect(!anod_object_same_key(&a, &b));
	b = a;
	b.u.route.dst.len = 9;
	cr_expect(!anod_object_same_key(&a, &b));
	b.type = ANOD_OBJ_NEIGH;
	cr_expect(!anod_object_same_key(&a, &b));

	rule.u.rule.priority = 100;
	other = rule;
	other.u.rule.protocol = ANOD_RTPROT;
	cr_expect(anod_object_same_key(&rule, &other));
	cr_expect(!anod_object_matches(&rule, &other, NULL));
	other.u.rule.iif[0] = 'x';
	cr_expect(!anod_object_same_key(&rule, &other));
	a.type = b.type = 77;
	cr_expect(!anod_object_same_key(&a, &b));
}

Test(rtnl_object, routes_match_but_for_state_and_order_of_legs)
{
	struct anod_object want = route(), now = want;
	struct anod_leg swap;

	cr_expect(anod_object_matches(NULL, NULL, &want));
	cr_expect(!anod_object_matches(NULL, &want, NULL));
	cr_expect(!anod_object_matches(&now, NULL, &want));

	now.u.route.leg[0].flags = RTNH_F_DEAD | RTNH_F_LINKDOWN;
	now.u.route.flags = RTM_F_OFFLOAD;
	cr_expect(anod_object_matches(&now, &want, NULL));
	swap = now.u.route.leg[0];
	now.u.route.leg[0] = now.u.route.leg[1];
	now.u.route.leg[1] = swap;
	cr_expect(anod_object_matches(&now, &want, NULL));

	now.u.route.leg[1] = now.u.route.leg[0]; /* twice the one, not one of each */
	cr_expect(!anod_object_matches(&now, &want, NULL));
	now = want;
	now.u.route.leg[1].weight = 8;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	now = want;
	now.u.route.leg[1].flags = RTNH_F_ONLINK;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	now = want;
	now.u.route.protocol = RTPROT_STATIC;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	now = want;
	now.u.route.mtu = 1400;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	now = want;
	now.flags = ANOD_OBJ_LOSSY; /* somebody added what we cannot see */
	cr_expect(!anod_object_matches(&now, &want, NULL));

	want.u.route.nhid = 7;
	now = want;
	now.u.route.n_legs = 1;
	cr_expect(anod_object_matches(&now, &want, NULL));
	now.u.route.nhid = 8;
	cr_expect(!anod_object_matches(&now, &want, NULL));
}

Test(rtnl_object, links_match_in_what_the_change_altered)
{
	struct anod_object pre = { .type = ANOD_OBJ_LINK }, want, now;

	pre.u.link.ifindex = 3;
	strcpy(pre.u.link.name, "wan0");
	pre.u.link.flags = IFF_UP | IFF_RUNNING;
	pre.u.link.mtu = 1500;
	want = pre;
	want.u.link.flags &= ~(uint32_t) IFF_UP;
	now = want;
	now.u.link.mtu = 1400;
	now.u.link.carrier_down = 9;
	now.u.link.operstate = 2;
	now.u.link.flags &= ~(uint32_t) IFF_RUNNING;
	cr_expect(anod_object_matches(&now, &want, &pre));
	cr_expect(!anod_object_matches(&now, &pre, &want));
	cr_expect(!anod_object_matches(&now, &want, NULL), "the mtu counts by itself");
	strcpy(now.u.link.name, "lan0"); /* the number names another link now */
	cr_expect(!anod_object_matches(&now, &want, &pre));
	now = want;
	now.u.link.lladdr_len = 6;
	cr_expect(!anod_object_matches(&now, &want, &pre));
}

Test(rtnl_object, addresses_neighbours_and_next_hops_match_but_for_state)
{
	struct anod_object want = { .type = ANOD_OBJ_ADDR }, now;

	want.u.addr.local = netlab_address("10.0.0.1/24");
	now = want;
	now.u.addr.flags = IFA_F_TENTATIVE | IFA_F_PERMANENT;
	cr_expect(anod_object_matches(&now, &want, NULL));
	now.u.addr.flags = IFA_F_NOPREFIXROUTE;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	cr_expect_eq(anod_object_protocol(&want), -1);

	want = (struct anod_object){ .type = ANOD_OBJ_NEIGH };
	want.u.neigh.state = NUD_PERMANENT;
	want.u.neigh.lladdr_len = 6;
	now = want;
	now.u.neigh.state = NUD_REACHABLE;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	cr_expect(!anod_object_matches(&now, &want, &now));
	want.u.neigh.state = NUD_STALE;
	cr_expect(anod_object_matches(&now, &want, NULL));
	cr_expect_eq(anod_object_protocol(&want), -1);

	want = (struct anod_object){ .type = ANOD_OBJ_NEXTHOP };
	want.u.nexthop.protocol = ANOD_RTPROT;
	now = want;
	now.u.nexthop.flags = RTNH_F_LINKDOWN;
	cr_expect(anod_object_matches(&now, &want, NULL));
	now.u.nexthop.flags = RTNH_F_ONLINK;
	cr_expect(!anod_object_matches(&now, &want, NULL));
	cr_expect_eq(anod_object_protocol(&want), ANOD_RTPROT);
}

Test(rtnl_object, text_is_one_line_that_fits)
{
	struct anod_object o = route();
	char text[256], small[8];

	cr_expect_str_eq(anod_object_text(&o, text, sizeof(text)),
			 "route main 10.0.0.0/8 metric 5 nexthop via 192.0.2.1 dev 3 weight 1 "
			 "nexthop via 192.0.2.2 dev 4 weight 9 proto anod");
	cr_expect_str_eq(anod_object_text(&o, small, sizeof(small)), "route m");
	cr_expect_eq(anod_object_text(&o, small, 0), small);
	o.u.route = (struct anod_route){ .dst = netlab_address("0.0.0.0/0"),
					 .table = RT_TABLE_MAIN,
					 .metric = 5,
					 .protocol = 77,
					 .type = RTN_UNICAST,
					 .n_legs = 1,
					 .leg[0] = { netlab_address("10.1.0.1"), 3, 4, 1 } };
	o.flags = ANOD_OBJ_LOSSY;
	cr_expect_str_eq(
		anod_object_text(&o, text, sizeof(text)),
		"route main 0.0.0.0/0 metric 5 via 10.1.0.1 dev 3 onlink proto 77 (not all "
		"of it is shown)");
	o = (struct anod_object){ .type = 99 };
	cr_expect_str_eq(anod_object_text(&o, text, sizeof(text)), "object of type 99");
}
