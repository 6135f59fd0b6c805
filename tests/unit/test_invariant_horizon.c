/*
 * Invariants when routing daemons have reacted, and the reverse path.
 */
#include <criterion/criterion.h>

#include <linux/rtnetlink.h>
#include <string.h>

#include "model/horizon.h"
#include "world.h"

#define HEAD                                                                                       \
	"set ups = link { wan0, wan1 }\n"                                                          \
	"set mgmt = flow { 192.0.2.10 -> ssh }\n"                                                  \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier  foreign objects }\n"

static void expect(struct world *w, const char *body, enum level level, const char *why)
{
	world_expect_invariant(w, HEAD, body, level, why);
}

static struct anod_object bgp_route(const char *dst, const char *via, uint32_t ifindex)
{
	struct anod_object o = world_route_object(dst, 254, 20, via, ifindex);

	o.u.route.protocol = RTPROT_BGP;
	return o;
}

static void setup(struct world *w)
{
	struct anod_object o;

	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_route(w, "10.0.0.0/24", 0, NULL, 2);
	world_route(w, "10.0.1.0/24", 0, NULL, 3);
	o = bgp_route("192.0.2.0/24", "10.0.0.2", 2);
	cr_assert(model_put(w->model, &o) == 0);
}

Test(invariant_horizon, what_daemons_withdraw_is_lost_later)
{
	struct anod_object o;
	struct anod_action *a;
	struct world w;

	setup(&w);
	/* The gateway's network goes: the kernel keeps the route, the daemon does not. */
	a = world_propose(&w, "route.del");
	world_arg(a, "dst", "10.0.0.0/24");
	world_arg(a, "metric", "0");
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable after reconvergence");
	expect(&w, "require new blackhole <= 1", LEVEL_DENY, "after reconvergence");
	cr_expect(w.whatif->n_stages == 2 && w.whatif->stage[1].settled);
	/* With what its RIB holds back it is only moved. */
	o = bgp_route("192.0.2.0/24", "10.0.1.2", 3);
	cr_assert(model_put_candidate(w.model, &o, 20) == 0);
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	/* At once there is a hole, whatever comes later. */
	a = world_propose(&w, "link.down");
	world_arg(a, "dev", "wan0");
	expect(&w, "require every mgmt reachable", LEVEL_DENY, "is not reachable after it");
	world_done(&w);
}

Test(invariant_horizon, what_is_withdrawn_anyway_is_not_our_fault)
{
	struct anod_object o;
	struct anod_action *a;
	struct world w;

	setup(&w);
	o = bgp_route("203.0.113.0/24", "10.7.7.7", 2);
	cr_assert(model_put(w.model, &o) == 0);
	a = world_propose(&w, "link.set");
	world_arg(a, "dev", "wan1");
	world_arg(a, "mtu", "1400");
	expect(&w, "require new blackhole == 0", LEVEL_AUTO, "");
	expect(&w, "require moved prefixes <= 0", LEVEL_AUTO, "");
	world_done(&w);
}

static void put_filter(struct world *w, uint32_t ifindex, const char *name, int filter)
{
	struct anod_object o = world_link_object(ifindex, name, true, true);

	o.u.link.conf = filter < 0 ? 0 : ANOD_LINK_CONF4;
	o.u.link.rp_filter = (uint8_t) (filter < 0 ? 0 : filter);
	cr_assert(model_put(w->model, &o) == 0);
}

Test(invariant_horizon, the_way_back_passes_the_filter)
{
	struct anod_action *a;
	struct world w;

	setup(&w);
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "192.0.2.0/24");
	world_arg(a, "metric", "1");
	world_arg(a, "dev", "wan1");
	put_filter(&w, 2, "wan0", 0);
	expect(&w, "require every mgmt returns", LEVEL_AUTO, "");
	put_filter(&w, 2, "wan0", 2);
	expect(&w, "require every mgmt returns", LEVEL_AUTO, "");
	put_filter(&w, 2, "wan0", 1);
	expect(&w, "require every mgmt returns", LEVEL_DENY,
	       "192.0.2.10 comes in on link wan0, whose rp_filter is strict, and goes out "
	       "elsewhere "
	       "after it");
	put_filter(&w, 2, "wan0", -1);
	expect(&w, "require every mgmt returns", LEVEL_DENY, "whose rp_filter is unknown");
	/* Where it goes out by the same link, or that is down, nothing can be dropped. */
	a = world_propose(&w, "link.down");
	world_arg(a, "dev", "wan1");
	put_filter(&w, 2, "wan0", 1);
	expect(&w, "require every mgmt returns", LEVEL_AUTO, "");
	world_done(&w);
}
