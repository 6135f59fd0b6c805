/* What goes with a link that is set down comes back with it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

static struct anod_change link_down(const char *name)
{
	struct anod_object pre = lab_link(name), post = pre;

	post.u.link.flags &= ~(uint32_t) IFF_UP;
	return lab_change(&pre, &post);
}

static struct anod_object nexthop(uint32_t id, const char *via, const char *dev)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop.id = id;
	o.u.nexthop.family = 2;
	o.u.nexthop.via = netlab_address(via);
	o.u.nexthop.ifindex = netlab_ifindex(dev);
	o.u.nexthop.protocol = ANOD_RTPROT;
	return o;
}

Test(side, routes_of_a_link_that_goes_down_come_back)
{
	struct anod_object r[5];
	struct anod_change c;
	struct exec_result out;

	lab_open(&s);
	r[0] = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	r[1] = lab_route("172.16.0.0/16", 0, NULL, "wan0");
	r[2] = lab_route("198.51.100.0/24", 5, "172.16.0.9", "wan0"); /* needs the one before */
	r[3] = lab_route("2001:db8:2::/48", 7, "2001:db8::2", "wan0");
	r[4] = lab_route("203.0.113.0/24", 0, "10.0.1.2", "wan1"); /* of another link */
	r[0].u.route.protocol = RTPROT_STATIC;			   /* whose it is does not matter */
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(netlab_set(&r[i], NULL), 0, "%u", i);
	netlab_run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:09 dev wan0 nud permanent");

	c = link_down("wan0");
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	cr_assert_geq(kept.n_steps, 7);
	cr_assert_eq(kept.step[kept.n_steps - 1].flags, 0, "the link's own step is the last");
	for (unsigned i = 0; i < 4; i++)
		cr_assert_null(lab_now(&r[i]), "%u went with the link", i);
	cr_assert(lab_is(&r[4]));

	/* A daemon has found another way for one of them: no news for this transaction. */
	netlab_run("ip route add 192.0.2.0/24 via 10.0.1.2 metric 5 proto static");
	out = lab_steps(&s, EXEC_CHECK, &kept);
	for (unsigned i = 0; i < out.n_steps; i++)
		cr_assert_eq(out.state[i], STEP_POST, "%u: %u", i, out.state[i]);
	netlab_run("ip route del 192.0.2.0/24 via 10.0.1.2 metric 5");

	lab_restart(&s);
	out = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(out.error, 0, "%s", out.why);
	for (unsigned i = 0; i < out.n_steps; i++)
		cr_assert(out.state[i] == STEP_UNDONE || out.state[i] == STEP_PRE, "%u: %u", i,
			  out.state[i]);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(lab_is(&r[i]), "%u", i);
	netlab_run("ip neigh show dev wan0 nud permanent | grep -q 10.0.0.2");
	netlab_run("ip -6 addr show dev wan0 | grep -q 2001:db8::1/64");
	serve_done(&s);
}

Test(side, next_hops_and_groups_come_back_whole)
{
	struct anod_object a, b, group, route;
	struct anod_change c;
	struct exec_result out;

	lab_open(&s);
	a = nexthop(1, "10.0.0.2", "wan0");
	b = nexthop(2, "10.0.1.2", "wan1");
	group = (struct anod_object){ .type = ANOD_OBJ_NEXTHOP };
	group.u.nexthop.id = 10;
	group.u.nexthop.protocol = ANOD_RTPROT;
	group.u.nexthop.n_members = 2;
	group.u.nexthop.member[0] = (struct anod_member){ 1, 255 };
	group.u.nexthop.member[1] = (struct anod_member){ 2, 1 };
	if (netlab_set(&a, NULL) < 0)
		cr_skip_test("this kernel has no next-hop objects");
	cr_assert_eq(netlab_set(&b, NULL), 0);
	cr_assert_eq(netlab_set(&group, NULL), 0);
	route = lab_route("192.0.2.0/24", 5, NULL, NULL);
	route.u.route.n_legs = 0;
	route.u.route.scope = RT_SCOPE_UNIVERSE;
	route.u.route.nhid = 1;
	cr_assert_eq(netlab_set(&route, NULL), 0);

	c = link_down("wan0");
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	cr_assert_null(lab_now(&a));
	cr_assert_null(lab_now(&route));
	cr_assert_eq(lab_now(&group)->u.nexthop.n_members, 1);

	out = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(out.error, 0, "%s", out.why);
	cr_assert(lab_is(&a));
	cr_assert(lab_is(&group));
	cr_assert_not_null(lab_now(&route));
	cr_assert_eq(lab_now(&route)->u.route.nhid, 1);
	serve_done(&s);
}

Test(side, earlier_steps_of_the_same_plan_count)
{
	struct anod_object old, moved, added;
	struct anod_change c[3];
	struct exec_result out;

	lab_open(&s);
	old = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	moved = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	added = lab_route("198.51.100.0/24", 5, "10.0.0.2", "wan0");
	cr_assert_eq(netlab_set(&old, NULL), 0);
	c[0] = lab_change(&old, &moved);
	c[1] = lab_change(NULL, &added);
	c[2] = link_down("wan0");
	lab_do(&s, 1, c, 3);
	kept = s.steps;
	cr_assert(lab_is(&moved), "it had been moved away before");
	cr_assert_null(lab_now(&added));
	for (unsigned i = 2; i + 1 < kept.n_steps; i++)
		cr_assert(!anod_object_same_key(&kept.step[i].change.pre, &old));

	out = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(out.error, 0, "%s", out.why);
	cr_assert(lab_is(&old));
	cr_assert_null(lab_now(&added));
	serve_done(&s);
}

Test(side, what_could_not_be_put_back_is_refused)
{
	struct anod_object r;
	struct anod_change c;

	lab_open(&s);
	for (int i = 0; i < STEPS_MAX; i++)
		netlab_run("ip route add 10.9.%d.0/24 via 10.0.0.2 dev wan0", i);
	c = link_down("wan0");
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), -E2BIG);
	cr_assert(strstr(s.steps.why, "wan0"), "%s", s.steps.why);
	cr_assert_eq(s.steps.n_steps, 0);
	netlab_run(
		"for i in $(seq 0 %d); do ip route add 10.10.$i.0/24 via 10.0.0.2 dev wan0; done",
		4 * STEPS_MAX);
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), -E2BIG);
	netlab_run("ip route flush proto boot");

	/* More than the object can hold: an MSS. */
	netlab_run("ip route add 10.9.0.0/24 via 10.0.0.2 dev wan0 advmss 1000");
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), -EOPNOTSUPP);
	cr_assert(strstr(s.steps.why, "10.9.0.0/24"), "%s", s.steps.why);
	netlab_run("ip route flush proto boot");

	r = lab_route("2001:db8:2::/48", 7, "2001:db8::2", "wan0");
	r.u.route.prefsrc = netlab_address("2001:db8::1");
	cr_assert_eq(netlab_set(&r, NULL), 0);
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), -EOPNOTSUPP);
	cr_assert(strstr(s.steps.why, "source address"), "%s", s.steps.why);
	cr_assert_eq(netlab_del(&r), 0);
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), 0, "%s", s.steps.why);
	serve_done(&s);
}

Test(side, an_mtu_too_small_for_ipv6_gives_it_back_later)
{
	struct anod_object v6, pre, post;
	struct anod_change c;
	struct exec_result out;

	lab_open(&s);
	v6 = lab_route("2001:db8:2::/48", 7, "2001:db8::2", "wan0");
	cr_assert_eq(netlab_set(&v6, NULL), 0);
	pre = post = lab_link("wan0");
	post.u.link.mtu = 1000;
	c = lab_change(&pre, &post);
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	cr_assert_null(lab_now(&v6));
	cr_assert_eq(lab_link("wan0").u.link.mtu, 1000);

	out = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(out.error, 0, "%s", out.why);
	cr_assert_eq(lab_link("wan0").u.link.mtu, pre.u.link.mtu);
	cr_assert(lab_is(&v6));
	serve_done(&s);
}
