/*
 * What routing daemons make of a change: withdrawals, candidates, and copies of overlays.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "model/horizon.h"
#include "world.h"

static void put(struct model *m, struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
}

static struct anod_object daemon_route(const char *dst, const char *via, uint32_t ifindex)
{
	struct anod_object o = world_route_object(dst, 254, 20, via, ifindex);

	o.u.route.protocol = RTPROT_BGP;
	return o;
}

static struct anod_object connected(const char *dst, uint32_t ifindex)
{
	struct anod_object o = world_route_object(dst, 254, 0, NULL, ifindex);

	o.u.route.protocol = RTPROT_KERNEL;
	o.u.route.scope = RT_SCOPE_LINK;
	return o;
}

/* Two uplinks and a third link, all with connected nets. */
static struct model *router(void)
{
	struct model *m = world_model();

	put(m, world_link_object(2, "wan0", true, true));
	put(m, world_link_object(3, "wan1", true, true));
	put(m, world_link_object(4, "lan0", true, true));
	put(m, connected("192.0.2.0/24", 2));
	put(m, connected("198.51.100.0/24", 3));
	put(m, connected("10.0.0.0/24", 4));
	return m;
}

static void set_link(struct overlay *o, uint32_t ifindex, bool up, bool carrier)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	c.pre.type = ANOD_OBJ_LINK;
	c.pre.u.link = *overlay_link(o, ifindex);
	c.post = c.pre;
	c.post.u.link.flags = up ? IFF_UP : 0;
	c.post.u.link.carrier = carrier;
	cr_assert(overlay_apply(o, &c) == 0);
}

/* The link of the first usable leg; 0: none. */
static uint32_t via(const struct overlay *o, const char *dst)
{
	struct flow_key k = { .dst = world_prefix(dst) };
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	return p.n_legs ? p.leg[0].ifindex : 0;
}

static unsigned legs(const struct overlay *o, const char *dst)
{
	struct flow_key k = { .dst = world_prefix(dst) };
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	return p.n_legs;
}

Test(horizon, daemons_withdraw_what_leads_nowhere)
{
	_cleanup_(model_freep) struct model *m = router();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object multi = daemon_route("20.2.0.0/16", "192.0.2.1", 2);
	struct anod_object own = world_route_object("20.3.0.0/16", 254, 0, "192.0.2.1", 2);

	world_add_leg(&multi, "198.51.100.1", 3, 1);
	put(m, daemon_route("20.0.0.0/8", "198.51.100.1", 3));
	put(m, daemon_route("20.1.0.0/16", "192.0.2.1", 2));
	put(m, multi);
	put(m, own);

	o = overlay_new(m);
	set_link(o, 2, true, false);
	/* At once: the kernel keeps the routes, and they swallow. */
	cr_expect(via(o, "20.1.0.1") == 0 && legs(o, "20.2.0.1") == 1 && via(o, "20.3.0.1") == 0);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 3, "the shorter prefix takes over");
	cr_expect(legs(o, "20.2.0.1") == 1 && via(o, "20.2.0.1") == 3);
	cr_expect(via(o, "20.3.0.1") == 0, "nobody withdraws a static route");
	cr_expect(overlay_get(o, &own, &(struct anod_object){ 0 }) == 0);
}

Test(horizon, a_gateway_that_is_off_its_link_takes_routes_along)
{
	_cleanup_(model_freep) struct model *m = router();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object net = daemon_route("172.16.0.0/24", NULL, 4);
	struct anod_object edited = daemon_route("20.9.0.0/16", "172.16.0.2", 4);
	struct anod_change gone = { .has_pre = 1, .pre = net };
	struct anod_change new = { .has_post = 1, .post = edited };

	put(m, net);
	put(m, daemon_route("20.1.0.0/16", "172.16.0.1", 4));
	put(m, daemon_route("20.2.0.0/16", "10.0.0.9", 4));
	o = overlay_new(m);
	cr_assert(overlay_apply(o, &new) == 0);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 4 && via(o, "20.2.0.1") == 4 && via(o, "20.9.0.1") == 4,
		  "nothing has changed");

	o = overlay_free(o);
	o = overlay_new(m);
	cr_assert(overlay_apply(o, &new) == 0 && overlay_apply(o, &gone) == 0);
	cr_expect(via(o, "20.1.0.1") == 4, "the kernel does not ask again");
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 0 && via(o, "20.9.0.1") == 0);
	cr_expect(via(o, "20.2.0.1") == 4);
}

Test(horizon, the_best_candidate_that_lives_takes_the_place)
{
	_cleanup_(model_freep) struct model *m = router();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object worse = daemon_route("20.1.0.0/16", "10.0.0.9", 4);
	struct anod_object best = daemon_route("20.1.0.0/16", "198.51.100.1", 3);
	struct anod_object dead = daemon_route("20.1.0.0/16", "192.0.2.7", 2);

	put(m, daemon_route("20.1.0.0/16", "192.0.2.1", 2));
	cr_assert(model_put_candidate(m, &worse, 200) == 0);
	cr_assert(model_put_candidate(m, &best, 110) == 0);
	cr_assert(model_put_candidate(m, &best, 110) == 0, "the same again");
	cr_assert(model_put_candidate(m, &dead, 20) == 0);
	cr_expect(model_candidates(m) == 3);
	cr_expect(model_put_candidate(m, &(struct anod_object){ .type = ANOD_OBJ_LINK }, 1) ==
		  -EINVAL);

	o = overlay_new(m);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 2, "what is in the kernel is the best there is");

	o = overlay_free(o);
	o = overlay_new(m);
	set_link(o, 2, true, false);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 3);

	cr_assert(model_del_candidate(m, &best, 110) == 0);
	cr_assert(model_del_candidate(m, &best, 110) == 0);
	o = overlay_free(o);
	o = overlay_new(m);
	set_link(o, 2, false, false);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 4, "also when the kernel dropped the route itself");

	/* Unknown candidates count as absent. */
	cr_assert(model_del_candidate(m, &worse, 200) == 0);
	o = overlay_free(o);
	o = overlay_new(m);
	set_link(o, 2, true, false);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(via(o, "20.1.0.1") == 0);
}

Test(horizon, nexthop_objects_of_a_daemon_leave_their_groups)
{
	_cleanup_(model_freep) struct model *m = router();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object nh = { .type = ANOD_OBJ_NEXTHOP }, group = { .type = ANOD_OBJ_NEXTHOP };
	struct anod_object route = daemon_route("20.0.0.0/8", NULL, 0),
			   net = connected("10.0.0.0/24", 4);
	struct anod_change gone = { .has_pre = 1, .pre = net };

	nh.u.nexthop = (struct anod_nexthop){ .id = 1,
					      .ifindex = 3,
					      .protocol = RTPROT_ZEBRA,
					      .family = AF_INET,
					      .via = world_prefix("198.51.100.1") };
	put(m, nh);
	nh.u.nexthop.id = 2;
	nh.u.nexthop.ifindex = 4;
	nh.u.nexthop.via = world_prefix("10.0.0.9");
	put(m, nh);
	group.u.nexthop = (struct anod_nexthop){
		.id = 10, .protocol = RTPROT_ZEBRA, .n_members = 2, .member = { { 1, 1 }, { 2, 1 } }
	};
	put(m, group);
	route.u.route.nhid = 10;
	put(m, route);

	o = overlay_new(m);
	cr_expect(legs(o, "20.0.0.1") == 2);
	cr_assert(overlay_apply(o, &gone) == 0 && legs(o, "20.0.0.1") == 2);
	cr_assert(overlay_converge(o) == 0);
	cr_expect(legs(o, "20.0.0.1") == 1 && via(o, "20.0.0.1") == 3);
}

Test(horizon, a_copy_answers_as_the_original_and_goes_its_own_way)
{
	_cleanup_(model_freep) struct model *m = router();
	_cleanup_(overlay_freep) struct overlay *o = NULL, *copy = NULL;
	struct anod_object rule = { .type = ANOD_OBJ_RULE };
	struct anod_change c = { .has_post = 1 };

	put(m, daemon_route("20.1.0.0/16", "192.0.2.1", 2));
	put(m, daemon_route("20.0.0.0/8", "198.51.100.1", 3));
	o = overlay_new(m);
	set_link(o, 2, false, false);
	c.post = daemon_route("20.7.0.0/16", "10.0.0.9", 4);
	cr_assert(overlay_apply(o, &c) == 0);
	/* Two rules of one priority: the first one counts, in the copy, too. */
	rule.u.rule = (struct anod_rule){ .family = AF_INET,
					  .priority = 9,
					  .action = FR_ACT_PROHIBIT,
					  .fwmark = 1,
					  .fwmask = 1 };
	c.post = rule;
	cr_assert(overlay_apply(o, &c) == 0);
	rule.u.rule.action = FR_ACT_BLACKHOLE;
	c.post = rule;
	cr_assert(overlay_apply(o, &c) == 0);

	copy = overlay_copy(o);
	cr_assert(copy);
	for (unsigned i = 0; i < 2; i++) {
		const struct overlay *each = i ? copy : o;
		struct flow_key k = { .dst = world_prefix("20.1.0.1"), .mark = 1 };
		struct flow_path p;

		cr_expect(via(each, "20.1.0.1") == 3 && via(each, "20.7.0.1") == 4);
		overlay_lookup(each, &k, &p);
		cr_expect(p.fate == FLOW_PROHIBITED);
	}
	set_link(copy, 3, true, false);
	cr_assert(overlay_converge(copy) == 0);
	cr_expect(via(copy, "20.1.0.1") == 0 && via(o, "20.1.0.1") == 3);
	o = overlay_free(o);
	o = overlay_copy(copy);
	cr_expect(via(o, "20.1.0.1") == 0 && via(o, "20.7.0.1") == 4);
}
