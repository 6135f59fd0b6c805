/*
 * What a reflex does is judged when its trigger has come, and when it comes without a reason.
 */
#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <string.h>

#include "world.h"

static uint32_t via(const struct overlay *o, const char *dst)
{
	struct flow_key k = { .dst = world_prefix(dst) };
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	return p.n_legs ? p.leg[0].ifindex : 0;
}

static const struct whatif_stage *stage_of(const struct whatif *w, enum trigger_kind k,
					   unsigned step)
{
	for (unsigned i = 0; i < w->n_stages; i++)
		if (w->stage[i].kind == STAGE_TRIGGER && w->stage[i].trigger == k &&
		    w->stage[i].step == step && !w->stage[i].settled)
			return &w->stage[i];
	return NULL;
}

/* The route over wan0 gets another one over wan1, with a better metric. */
static void setup(struct world *w, bool ready)
{
	struct anod_action *a;

	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_link(w, 4, "lan0", "core", true, true);
	world_route(w, "0.0.0.0/0", 100, NULL, 2);
	a = world_propose(w, "route.add");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "dev", "wan1");
	world_arg(a, "metric", ready ? "50" : "200");
	w->trigger = 2;
	w->ready = ready;
}

#define HEAD                                                                                       \
	"set uplinks = link where role == uplink\n"                                                \
	"set mgmt = flow { 192.0.2.10 -> ssh }\n"                                                  \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier }\n"

static void expect(struct world *w, const char *invariant, enum level level, const char *why)
{
	world_expect_invariant(w, HEAD, invariant, level, why);
}

Test(whatif_trigger, ready_changes_are_made_on_what_the_trigger_left)
{
	const struct whatif_stage *carrier, *down;
	struct world w;

	setup(&w, true);
	world_policy(&w, HEAD);
	decision_free(world_decide(&w, "uplink"));
	cr_assert_eq(w.whatif->n_steps, 1);
	cr_expect_eq(via(w.whatif->after, "8.8.8.8"), 3, "fired without a reason");
	carrier = stage_of(w.whatif, TRIGGER_CARRIER, 1);
	down = stage_of(w.whatif, TRIGGER_DOWN, 1);
	cr_assert(carrier && down);
	cr_expect_eq(via(carrier->ref, "8.8.8.8"), 0, "it swallows packets");
	cr_expect_eq(via(carrier->state, "8.8.8.8"), 3);
	cr_expect_eq(carrier->mended, 1);
	cr_expect_eq(via(down->ref, "8.8.8.8"), 0, "it is gone");
	cr_expect_eq(via(down->state, "8.8.8.8"), 3);
	cr_expect_eq(w.whatif->mended, 1);
	world_done(&w);
}

Test(whatif_trigger, the_kernel_is_armed_before_its_trigger)
{
	struct anod_object nh = { .type = ANOD_OBJ_NEXTHOP,
				  .u.nexthop = { .id = 1, .ifindex = 2 } };
	const struct whatif_stage *carrier, *down;
	struct world w;

	setup(&w, false);
	world_policy(&w, HEAD);
	decision_free(world_decide(&w, "uplink"));
	cr_expect_eq(via(w.whatif->after, "8.8.8.8"), 2, "arming changes nothing");
	carrier = stage_of(w.whatif, TRIGGER_CARRIER, 1);
	cr_expect_eq(via(carrier->state, "8.8.8.8"), 0, "the kernel does not ignore the link");
	down = stage_of(w.whatif, TRIGGER_DOWN, 1);
	cr_expect_eq(via(down->state, "8.8.8.8"), 3);

	/* With a next-hop object of the link the kernel drops the route itself. */
	nh.u.nexthop.family = AF_INET;
	cr_assert_eq(model_put(w.model, &nh), 0);
	{
		struct anod_object r = world_route_object("0.0.0.0/0", 254, 100, NULL, 2);

		r.u.route.nhid = 1;
		cr_assert_eq(model_put(w.model, &r), 0);
	}
	decision_free(world_decide(&w, "uplink"));
	carrier = stage_of(w.whatif, TRIGGER_CARRIER, 1);
	cr_expect_eq(via(carrier->ref, "8.8.8.8"), 0);
	cr_expect_eq(via(carrier->state, "8.8.8.8"), 3);
	world_done(&w);
}

Test(whatif_trigger, invariants_hold_at_all_of_it_and_say_what_was_assumed)
{
	struct decision *d;
	struct cJSON *o;
	struct world w;

	setup(&w, true);
	expect(&w, "require every mgmt reachable", LEVEL_AUTO, "");
	expect(&w, "require count(uplinks up) >= 1", LEVEL_AUTO, "");
	/* What the trigger itself breaks is broken, unless the policy says otherwise. */
	expect(&w, "require count(uplinks up) >= 2", LEVEL_DENY,
	       "= 1 after it, assuming link wan0 has lost its carrier, need >= 2");
	expect(&w, "require count(uplinks up) >= 2\n if broken now allow when not worse",
	       LEVEL_AUTO, "");
	/* A firing without a reason is looked at, too. */
	expect(&w, "require moved prefixes == 0", LEVEL_DENY, "1 prefix move, need == 0");

	world_policy(&w, HEAD);
	d = world_decide(&w, "uplink");
	o = decision_json(d);
	cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(o, "assuming")),
			 "link wan0 loses its carrier or is set down, then the changes are made");
	cJSON_Delete(o);
	decision_free(d);

	/* A standby that is no better does not count as a repair. */
	(void) world_propose(&w, "route.add");
	world_arg(&w.proposal.action[0], "dst", "10.0.0.0/8");
	world_arg(&w.proposal.action[0], "dev", "wan0");
	expect(&w, "require count(uplinks up) >= 2\n if broken now allow when not worse",
	       LEVEL_DENY, "need >= 2");
	world_done(&w);
}

Test(whatif_trigger, what_stands_already_is_judged_against_the_state_without_it)
{
	struct anod_change made = { .has_post = 1 };
	const struct whatif_stage *s;
	struct world w;

	setup(&w, false);
	world_policy(&w, HEAD);
	made.post = world_route_object("0.0.0.0/0", 254, 200, NULL, 3);
	cr_assert_eq(model_put(w.model, &made.post), 0);
	w.made = &made;
	w.n_made = 1;
	decision_free(world_decide(&w, "uplink"));
	cr_assert_eq(w.whatif->n_steps, 1, "the plan is what stands, and not made again");
	s = stage_of(w.whatif, TRIGGER_DOWN, 1);
	cr_expect_eq(via(s->ref, "8.8.8.8"), 0);
	cr_expect_eq(via(s->state, "8.8.8.8"), 3);
	cr_expect_eq(s->mended, 1);
	w.n_made = 0;
	world_done(&w);
}

Test(whatif_trigger, loads_are_those_with_the_link_lost)
{
	struct world w;

	setup(&w, true);
	w.load[0] = (struct link_load){ .ifindex = 2, .known = true, .now_bps = 80e6 };
	w.load[1] = (struct link_load){ .ifindex = 3, .known = true, .now_bps = 30e6 };
	w.n_loads = 2;
	expect(&w, "require every uplinks load <= 120Mbps", LEVEL_AUTO, "");
	expect(&w, "require every uplinks load <= 100Mbps", LEVEL_DENY,
	       "link wan1 carries 110Mbps");
	cr_expect(w.whatif->moved_known);
	world_done(&w);
}
