/*
 * Invariants on the way there and back: the middle of a plan, its undo, and what is under way.
 */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

#define HEAD                                                                                       \
	"set ups = link { wan0, wan1 }\n"                                                          \
	"set mgmt = flow { 192.0.2.10 -> ssh }\n"                                                  \
	"set six = flow { 2001:db8::1 -> ssh }\n"                                                  \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier  foreign objects }\n"

static void put(struct world *w, const struct anod_object *o)
{
	cr_assert(model_put(w->model, o) == 0);
}

static void setup(struct world *w)
{
	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_route(w, "0.0.0.0/0", 100, NULL, 2);
}

static void link_action(struct world *w, bool also, const char *kind, const char *dev)
{
	struct anod_action *a = also ? world_also(w, kind) : world_propose(w, kind);

	world_arg(a, "dev", dev);
}

static void route_action(struct world *w, bool also, const char *kind, const char *metric,
			 const char *dev)
{
	struct anod_action *a = also ? world_also(w, kind) : world_propose(w, kind);

	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "metric", metric);
	if (dev)
		world_arg(a, "dev", dev);
}

static void expect(struct world *w, const char *body, enum level level, const char *why)
{
	world_expect_invariant(w, HEAD, body, level, why);
}

Test(invariant_stages, a_plan_whose_middle_breaks)
{
	struct world w;

	setup(&w);
	/* The end is fine: break before make. */
	route_action(&w, false, "route.del", "100", NULL);
	route_action(&w, true, "route.add", "50", "wan1");
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable after step 1 of 2");
	expect(&w, "require new blackhole == 0", LEVEL_DENY,
	       "1 prefix lose their last way after step 1 of 2");
	/* Make before break. */
	route_action(&w, false, "route.add", "50", "wan1");
	route_action(&w, true, "route.del", "100", NULL);
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	expect(&w, "require new blackhole == 0", LEVEL_AUTO, "");

	link_action(&w, false, "link.down", "wan1");
	link_action(&w, true, "link.up", "wan1");
	expect(&w, "require count(ups up) >= 2", LEVEL_DENY,
	       "count(ups up) = 1 after step 1 of 2, need >= 2");
	expect(&w, "require count(ups up) + 1 >= 3", LEVEL_DENY, "after step 1 of 2");
	expect(&w, "require count(ups up) >= 1", LEVEL_AUTO, "count(ups up) after = 2");
	/* The end is named first when it breaks, too. */
	link_action(&w, false, "link.down", "wan1");
	link_action(&w, true, "link.down", "wan0");
	expect(&w, "require count(ups up) >= 2", LEVEL_DENY, "count(ups up) after = 0");
	cr_expect(w.whatif->n_stages == 2 && w.whatif->stage[1].kind == STAGE_STEP);
	world_done(&w);
}

/* A default route that a router advertises does not come back with its link at once. */
Test(invariant_stages, an_undo_that_breaks)
{
	struct anod_object ra = world_route_object("::/0", 254, 1024, NULL, 2);
	struct anod_action *a;
	struct world w;

	setup(&w);
	ra.u.route.protocol = RTPROT_RA;
	put(&w, &ra);
	world_route(&w, "2001:db8::/32", 1024, NULL, 3);
	world_route(&w, "0.0.0.0/0", 200, NULL, 3);
	/* A new way for IPv6 while wan0 is down, which the undo takes away again. */
	a = world_propose(&w, "route.add");
	world_arg(a, "dst", "::/0");
	world_arg(a, "metric", "5");
	world_arg(a, "dev", "wan1");
	link_action(&w, true, "link.down", "wan0");
	expect(&w, "require every six reachable", LEVEL_AUTO, "");
	cr_expect(w.whatif->n_stages == 4, "%u", w.whatif->n_stages);

	cr_assert(model_del(w.model, &(struct anod_object){
					     .type = ANOD_OBJ_ROUTE,
					     .u.route = { .dst = world_prefix("2001:db8::/32"),
							  .table = 254,
							  .metric = 1024 } }) == 0);
	expect(&w, "require every six reachable", LEVEL_DENY,
	       "2001:db8::1 is not reachable while undoing step 1 of 2");
	expect(&w, "require undo safe", LEVEL_DENY,
	       "1 prefix lose their last way while undoing step 1 of 2");
	expect(&w, "require new blackhole == 0", LEVEL_DENY, "while undoing step 1 of 2");
	/* It is not asked whether that moves. */
	expect(&w, "require moved prefixes <= 2", LEVEL_AUTO, "");
	world_done(&w);
}

Test(invariant_stages, an_undo_that_leads_back_to_a_broken_router_is_no_obstacle)
{
	struct anod_object ra = world_route_object("2001:db8:1::/48", 254, 1024, NULL, 2);
	struct world w;

	setup(&w);
	ra.u.route.protocol = RTPROT_RA;
	put(&w, &ra);
	world_link(&w, 2, "wan0", "uplink", true, false);
	/* The default is moved to wan1 and back to wan0, which has no carrier: broken as it is. */
	route_action(&w, false, "route.add", "50", "wan1");
	link_action(&w, true, "link.down", "wan0");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	cr_expect(w.whatif->n_stages == 4 && w.whatif->stage[3].kind == STAGE_UNDO);
	world_done(&w);
}

Test(invariant_stages, what_has_no_undo_stays)
{
	struct anod_object n = { .type = ANOD_OBJ_NEIGH };
	struct anod_action *a;
	struct world w;

	setup(&w);
	n.u.neigh.ifindex = 2;
	n.u.neigh.dst = world_prefix("10.0.0.2");
	n.u.neigh.state = 2;
	put(&w, &n);
	a = world_propose(&w, "neigh.flush");
	world_arg(a, "dst", "10.0.0.2");
	world_arg(a, "dev", "wan0");
	expect(&w, "require undo safe", LEVEL_DENY, "neigh.flush cannot be undone");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	cr_expect(w.whatif->n_stages == 2 && w.whatif->stage[1].kind == STAGE_UNDO);
	link_action(&w, false, "link.down", "wan1");
	expect(&w, "require undo safe", LEVEL_AUTO, "every change can be undone");
	cr_expect(w.whatif->n_stages == 1);
	world_done(&w);
}

static void fly_link(struct world *w, unsigned i, uint64_t tx, uint32_t ifindex, const char *name,
		     bool was, bool is)
{
	w->in_flight[i] = (struct anod_change){ .has_pre = 1, .has_post = 1 };
	w->in_flight[i].pre = world_link_object(ifindex, name, was, true);
	w->in_flight[i].post = world_link_object(ifindex, name, is, true);
	w->in_flight_tx[i] = tx;
	w->n_in_flight = i + 1;
}

static void fly_route(struct world *w, unsigned i, uint64_t tx, uint32_t metric, uint32_t ifindex)
{
	w->in_flight[i] = (struct anod_change){ .has_post = 1 };
	w->in_flight[i].post = world_route_object("0.0.0.0/0", 254, metric, NULL, ifindex);
	w->in_flight_tx[i] = tx;
	w->n_in_flight = i + 1;
}

Test(invariant_stages, what_is_under_way_may_still_be_rolled_back)
{
	struct world w;

	setup(&w);
	/* T7 makes another default, which is why wan0 could go. */
	fly_route(&w, 0, 7, 50, 3);
	link_action(&w, false, "link.down", "wan0");
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable if T7 is undone");
	/* The kernel shows it already. */
	put(&w, &w.in_flight[0].post);
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable if T7 is undone");
	/* What breaks without T7 and without us is not ours. */
	link_action(&w, false, "link.down", "wan1");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	world_link(&w, 2, "wan0", "uplink", true, false);
	link_action(&w, false, "link.set", "wan1");
	world_arg(&w.proposal.action[0], "mtu", "1400");
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");

	/* Two: each alone, and both. */
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 4, "wan2", "uplink", true, true);
	fly_route(&w, 1, 8, 60, 4);
	link_action(&w, false, "link.down", "wan0");
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable if all that is under way is undone");
	cr_expect(w.whatif->n_stages == 4);
	cr_expect(w.whatif->stage[2].tx == 7 && w.whatif->stage[3].tx == 8);
	/* T7 alone would be missed, T8 not. */
	w.in_flight[0].post = world_route_object("192.0.2.0/24", 254, 0, NULL, 3);
	world_route(&w, "0.0.0.0/0", 70, NULL, 4);
	cr_assert(model_del(w.model,
			    &(struct anod_object){ .type = ANOD_OBJ_ROUTE,
						   .u.route = { .dst = world_prefix("0.0.0.0/0"),
								.table = 254,
								.metric = 50 } }) == 0);
	link_action(&w, false, "link.down", "wan2");
	world_link(&w, 2, "wan0", "uplink", false, true);
	expect(&w, "require every mgmt reachable", LEVEL_DENY,
	       "192.0.2.10 is not reachable if all that is under way is undone");
	world_done(&w);
}

Test(invariant_stages, a_link_that_is_set_down_under_way_comes_back)
{
	struct world w;

	setup(&w);
	world_route(&w, "0.0.0.0/0", 50, NULL, 3);
	fly_link(&w, 0, 3, 3, "wan1", true, false);
	link_action(&w, false, "link.down", "wan0");
	expect(&w, "require count(ups up) >= 1", LEVEL_DENY, "count(ups up) after = 0");
	link_action(&w, false, "link.up", "wan1");
	expect(&w, "require count(ups up) >= 2", LEVEL_AUTO, "count(ups up) after = 2");
	world_done(&w);
}

Test(invariant_stages, not_worse_is_asked_at_every_stage)
{
	const char *body = "require count(ups up) >= 2\n\tif broken now allow when not worse";
	struct world w;

	setup(&w);
	world_link(&w, 4, "wan2", "uplink", true, true);
	world_link(&w, 2, "wan0", "uplink", false, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	/* From 1 to 2, but over 0. */
	link_action(&w, false, "link.down", "wan1");
	link_action(&w, true, "link.up", "wan0");
	expect(&w, body, LEVEL_DENY, "count(ups up) after = 1");
	link_action(&w, false, "link.down", "wan1");
	link_action(&w, true, "link.up", "wan0");
	link_action(&w, true, "link.up", "wan1");
	expect(&w, body, LEVEL_DENY, "count(ups up) = 0 after step 1 of 3, need >= 2");
	link_action(&w, false, "link.up", "wan0");
	expect(&w, "require count(ups up) >= 3\n\tif broken now allow when not worse", LEVEL_AUTO,
	       "count(ups up) after = 2");
	/* Ways, widths and sizes have a measure, too. */
	world_link(&w, 2, "wan0", "uplink", true, false);
	route_action(&w, false, "route.add", "50", "wan1");
	expect(&w,
	       "require every mgmt reachable via 2 disjoint links\n"
	       "\tif broken now allow when not worse",
	       LEVEL_AUTO, "via 1 disjoint link after it, need 2");
	world_done(&w);
}

/* ---- against brute force ----------------------------------------------------------------- */

/* Reachable with every link set down in turn, in a model of its own. */
static bool brute(const struct model *m, const struct flow_key *k, uint32_t lost)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK, .u.link.ifindex = lost };
	struct overlay *state = overlay_new(m);
	struct anod_change c = { .has_pre = 1, .has_post = 1 };
	struct flow_path path;

	if (lost) {
		cr_assert(overlay_get(state, &o, &c.pre) == 0);
		c.post = c.pre;
		c.post.u.link.flags = 0;
		cr_assert(overlay_apply(state, &c) == 0);
	}
	overlay_lookup(state, k, &path);
	overlay_free(state);
	return path.fate == FLOW_FORWARDED;
}

Test(invariant_stages, losing_a_link_is_what_looking_it_up_without_it_says)
{
	struct dice d = { .state = dice_seed("one link lost") };
	unsigned cut = 0, rounds = getenv("ANOD_LONG") ? 100000 : 2000;

	for (unsigned round = 0; round < rounds; round++) {
		struct flow_key k = { .dst = world_prefix("10.1.1.1") };
		_cleanup_(model_freep) struct model *m = world_model();
		struct overlay *state;
		struct risks risks;
		bool survives = true;
		uint32_t lost;
		unsigned srlg;

		for (uint32_t i = 2; i < 6; i++) {
			char name[8];
			struct anod_object o;

			(void) snprintf(name, sizeof(name), "eth%u", i);
			o = world_link_object(i, name, dice_roll(&d, 6), dice_roll(&d, 6));
			cr_assert(model_put(m, &o) == 0);
		}
		for (unsigned i = 0; i < 4; i++) {
			static const char *const dst[] = { "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16",
							   "10.1.1.0/24" };
			struct anod_object o =
				world_route_object(dst[dice_roll(&d, 4)], 254, dice_roll(&d, 2),
						   NULL, 2 + dice_roll(&d, 4));

			if (dice_roll(&d, 2))
				world_add_leg(&o, NULL, 2 + dice_roll(&d, 4), 1);
			cr_assert(model_put(m, &o) == 0);
		}

		for (uint32_t i = 0; i < 6; i++)
			survives &= i == 1 || brute(m, &k, i);
		state = overlay_new(m);
		risks_init(&risks, state, NULL, NULL);
		cr_assert(risks_survive_one(&risks, state, &k, false, &lost, &srlg) == survives,
			  "round %u", round);
		cr_assert(survives || !lost || !brute(m, &k, lost), "round %u", round);
		cr_assert((risks_disjoint_paths(&risks, state, &k, false, 1) == 1) ==
				  brute(m, &k, 0),
			  "round %u", round);
		cut += !survives;
		overlay_free(state);
	}
	cr_expect(cut > rounds / 10 && cut < rounds, "%u of %u", cut, rounds);
}
