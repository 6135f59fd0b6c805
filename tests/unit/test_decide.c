#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <string.h>

#include "world.h"

/* Two uplinks, default by wan0; a lossy wan0. */
static void edge(struct world *w)
{
	struct anod_action *a;

	world_init(w);
	world_link(w, 1, "lo", "none", true, true);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_link(w, 4, "lan0", "core", true, true);
	world_route(w, "0.0.0.0/0", 100, "192.0.2.1", 2);
	world_route(w, "0.0.0.0/0", 200, "198.51.100.1", 3);
	world_route(w, "198.51.100.0/24", 0, NULL, 3);
	world_fact(w, "link", "wan0", "rx_loss", "5%");
	world_fact(w, "path", "wan1", "loss", "0%");
	a = world_propose(w, "route.replace");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "via", "198.51.100.1");
	world_arg(a, "dev", "wan1");
	world_arg(a, "metric", "50");
}

#define STEER                                                                                      \
	"set uplinks = link where role == uplink\n"                                                \
	"permit \"steer\" {\n agent uplink\n action route.replace\n on uplinks\n level auto\n"     \
	" verify within 5s\n}\n"

static void expect(struct world *w, const char *policy, enum level level, const char *reason)
{
	struct decision *d;

	world_policy(w, policy);
	d = world_decide(w, "uplink");
	cr_expect(d->level == level, "%s: %s, not %s: %s", policy, level_name(d->level),
		  level_name(level), d->reason);
	cr_expect(strstr(d->reason, reason), "'%s' not in: %s", reason, d->reason);
	decision_free(d);
}

Test(decide, denies_by_default_and_says_what_is_missing)
{
	struct world w;

	edge(&w);
	expect(&w, "", LEVEL_DENY, "no permit names agent uplink and action route.replace");
	expect(&w, "permit \"p\" { agent arp  action route.replace  level auto  verify within 5s }",
	       LEVEL_DENY, "no permit names");
	expect(&w, "permit \"p\" { agent uplink  action link.*  level auto  verify within 5s }",
	       LEVEL_DENY, "no permit names");
	expect(&w, STEER, LEVEL_AUTO, "permit \"steer\"");
	world_done(&w);
}

Test(decide, takes_the_best_permit_and_the_lowest_cap)
{
	struct world w;

	edge(&w);
	expect(&w, STEER "permit \"low\" { agent uplink  action route.*  level propose }",
	       LEVEL_AUTO, "steer");
	expect(&w, STEER "cap \"c\" { agent uplink  to approve }", LEVEL_APPROVE, "cap \"c\"");
	expect(&w, STEER "cap \"c\" { to approve }\ncap \"d\" { to propose }", LEVEL_PROPOSE,
	       "cap \"d\"");
	expect(&w, STEER "forbid \"f\" { action route.* }", LEVEL_DENY, "forbid \"f\"");
	expect(&w, STEER "forbid \"f\" { action link.* }", LEVEL_AUTO, "steer");
	world_done(&w);
}

Test(decide, wants_proof_for_a_permit_and_doubt_for_a_forbid)
{
	struct world w;

	edge(&w);
	expect(&w,
	       "permit \"p\" { agent uplink  action any  when link.wan0.rx_loss > 1%  level auto\n"
	       " verify within 5s that link.wan1.carrier }",
	       LEVEL_AUTO, "link.wan0.rx_loss 5% (age 0");
	expect(&w, STEER "forbid \"f\" { when link.wan0.rx_loss < 1% }", LEVEL_AUTO, "steer");
	expect(&w, STEER "forbid \"f\" { when path.wan0.loss > 1% }", LEVEL_DENY, "may forbid it");
	w.now_us += 31 * UINT64_C(1000000);
	expect(&w,
	       "permit \"p\" { agent uplink  action any  when link.wan0.rx_loss > 1%  level auto\n"
	       " verify within 5s that link.wan1.carrier }",
	       LEVEL_DENY, "unknown (too old, age 31s)");
	expect(&w, STEER "forbid \"f\" { when link.wan0.rx_loss < 1% }", LEVEL_DENY,
	       "may forbid it");
	expect(&w, STEER "cap \"c\" { when link.wan0.rx_loss < 1%  to propose }", LEVEL_PROPOSE,
	       "while it is unknown");
	world_done(&w);
}

Test(decide, means_the_link_of_the_action_by_a_fact_without_a_name)
{
	struct world w;

	edge(&w);
	expect(&w, STEER "cap \"c\" { when path.loss > 1%  to propose }", LEVEL_AUTO, "steer");
	world_fact(&w, "path", "wan1", "loss", "2%");
	expect(&w, STEER "cap \"c\" { when path.loss > 1%  to propose }", LEVEL_PROPOSE,
	       "path.wan1.loss 2%");
	expect(&w,
	       STEER "cap \"c\" { when action.metric < 100 and action.kind == \"route.replace\"  "
		     "to propose }",
	       LEVEL_PROPOSE, "action.metric 50");
	expect(&w, STEER "cap \"c\" { when model.confidence < 0.95  to approve }", LEVEL_APPROVE,
	       "model.confidence 90%");
	expect(&w, STEER "cap \"c\" { when evidence.count < 2  to approve }", LEVEL_APPROVE,
	       "evidence.count 0");
	w.evidence = 2;
	expect(&w, STEER "cap \"c\" { when evidence.count < 2  to approve }", LEVEL_AUTO, "steer");
	world_done(&w);
}

Test(decide, looks_at_what_the_action_is_on)
{
	struct world w;

	edge(&w);
	expect(&w, STEER "forbid \"f\" { on link { wan1, bond-oob } }", LEVEL_DENY, "forbid \"f\"");
	expect(&w, STEER "forbid \"f\" { on link { eno1, lan0 } }", LEVEL_AUTO, "steer");
	expect(&w,
	       "set c = prefix { 10.0.0.0/8 }\npermit \"p\" { agent uplink  action route.replace\n"
	       " on prefix not in c\n level propose }",
	       LEVEL_PROPOSE, "permit \"p\"");
	expect(&w,
	       "set c = prefix { 10.0.0.0/8 }\npermit \"p\" { agent uplink  action route.replace\n"
	       " on c\n level propose }",
	       LEVEL_DENY, "is not in c");
	/* A route over two links: a permit must cover both, a forbid counts for one. */
	world_arg(&w.proposal.action[0], "dev2", "lan0");
	world_arg(&w.proposal.action[0], "via2", "10.0.0.1");
	expect(&w, STEER, LEVEL_DENY, "is not in uplinks");
	expect(&w,
	       "permit \"p\" { agent uplink  action any  level propose }\n"
	       "forbid \"f\" { on link { lan0 } }",
	       LEVEL_DENY, "forbid \"f\"");
	/* Unknown membership: the permit is not proven. */
	world_propose(&w, "link.set");
	world_arg(&w.proposal.action[0], "dev", "wan0");
	world_arg(&w.proposal.action[0], "mtu", "1400");
	world_fact(&w, "link", "wan0", "role", "unknown");
	expect(&w,
	       "set uplinks = link where role == uplink\n"
	       "permit \"p\" { agent uplink  action link.set  on uplinks  level propose }",
	       LEVEL_DENY, "unknown whether link wan0 is in uplinks");
	world_done(&w);
}

Test(decide, knows_agents_by_name_and_by_set)
{
	struct world w;

	edge(&w);
	expect(&w,
	       "set doctors = agent { uplink, arp }\n"
	       "permit \"p\" { agent doctors  action any  level propose }",
	       LEVEL_PROPOSE, "permit \"p\"");
	expect(&w,
	       "set doctors = agent { planner, arp }\n"
	       "permit \"p\" { agent doctors  action any  level propose }",
	       LEVEL_DENY, "no permit names");
	world_policy(&w, "permit \"p\" { agent any  action any  level propose }");
	cr_expect(world_level(&w, "stranger") == LEVEL_PROPOSE);
	world_done(&w);
}

Test(decide, lets_the_worst_action_decide)
{
	struct anod_action *a;
	struct world w;

	edge(&w);
	a = world_also(&w, "link.set");
	world_arg(a, "dev", "wan0");
	world_arg(a, "mtu", "1400");
	expect(&w, STEER, LEVEL_DENY, "link.set");
	expect(&w, STEER "permit \"m\" { agent uplink  action link.set  level propose }",
	       LEVEL_PROPOSE, "permit \"m\"");
	world_done(&w);
}

Test(decide, decides_nothing_on_what_it_cannot_believe)
{
	struct world w;

	edge(&w);
	w.out_of_sync = true;
	expect(&w, STEER, LEVEL_DENY, "lost events");
	w.out_of_sync = false;
	w.paused = true;
	expect(&w, STEER, LEVEL_OBSERVE, "paused by the operator");
	w.paused = false;
	world_propose(&w, "route.del");
	world_arg(&w.proposal.action[0], "dst", "203.0.113.0/24");
	expect(&w, "permit \"p\" { agent uplink  action any  level propose }", LEVEL_DENY,
	       "not possible: route.del");
	world_propose(&w, "disk.format");
	expect(&w, "permit \"p\" { agent uplink  action any  level propose }", LEVEL_DENY,
	       "no actuator for action 'disk.format'");
	world_done(&w);
}

Test(decide, leaves_the_objects_of_others_alone)
{
	struct anod_object o = world_route_object("0.0.0.0/0", 254, 50, "192.0.2.1", 2);
	struct world w;

	edge(&w);
	cr_assert(model_put(w.model, &o) == 0); /* static, not ours */
	expect(&w, STEER, LEVEL_DENY,
	       "belongs to proto static and the permit does not say \"foreign");
	expect(&w, "permit \"p\" { agent uplink  action any  level propose  foreign objects }",
	       LEVEL_PROPOSE, "permit \"p\"");
	world_done(&w);
}

Test(decide, gives_no_autonomy_to_what_cannot_be_undone)
{
	struct anod_object o = { .type = ANOD_OBJ_NEIGH };
	struct world w;

	edge(&w);
	o.u.neigh.ifindex = 4;
	o.u.neigh.dst = world_prefix("10.0.0.9");
	o.u.neigh.state = 2;
	cr_assert(model_put(w.model, &o) == 0);
	world_fact(&w, "neigh", "lan0/10.0.0.9", "state", "stale");
	world_propose(&w, "neigh.flush");
	world_arg(&w.proposal.action[0], "dev", "lan0");
	world_arg(&w.proposal.action[0], "dst", "10.0.0.9");
	expect(&w,
	       "permit \"p\" { agent uplink  action neigh.flush  when neigh.state == stale\n level "
	       "auto\n"
	       " verify within 5s that neigh.state == reachable }",
	       LEVEL_AUTO, "neigh.lan0/10.0.0.9.state stale");
	world_done(&w);
}

Test(decide, holds_invariants_on_the_predicted_state)
{
	const char *count = STEER
		"permit \"down\" { agent uplink  action link.*  level auto  verify within 5s }\n"
		"invariant \"up\" { require count(uplinks up) >= 2 }";
	struct world w;

	edge(&w);
	expect(&w, count, LEVEL_AUTO, "steer");
	world_propose(&w, "link.down");
	world_arg(&w.proposal.action[0], "dev", "wan0");
	expect(&w, count, LEVEL_DENY, "count(uplinks up) after = 1, need >= 2");
	expect(&w,
	       STEER
	       "permit \"down\" { agent uplink  action link.*  level auto  verify within 5s }\n"
	       "invariant \"load\" { require every uplinks load <= 80% of capacity }",
	       LEVEL_DENY, "the load of no link is measured");
	world_done(&w);
}

Test(decide, names_what_would_flip_it)
{
	struct world w;
	struct decision *d;

	edge(&w);
	world_fact(&w, "link", "wan1", "rx_loss", "3%");
	world_policy(&w,
		     "permit \"p\" { agent uplink  action route.replace  when link.rx_loss < 1%\n"
		     " level auto  verify within 5s }");
	d = world_decide(&w, "uplink");
	cr_expect(d->level == LEVEL_DENY);
	cr_assert(d->flip);
	cr_expect_str_eq(d->flip, "link.wan1.rx_loss < 1%");
	decision_free(d);

	world_policy(&w, STEER "cap \"c\" { when link.wan0.carrier  to propose }");
	d = world_decide(&w, "uplink");
	cr_assert(d->flip);
	cr_expect_str_eq(d->flip, "link.wan0.carrier false");
	decision_free(d);

	world_policy(
		&w,
		"permit \"p\" { agent uplink  action any  level approve by 1 of noc within 10m }");
	d = world_decide(&w, "uplink");
	cr_assert(d->flip);
	cr_expect_str_eq(d->flip, "approval by 1 of noc within 10m");
	decision_free(d);

	world_link(&w, 3, "wan1", "uplink", true, false);
	world_policy(&w, "set uplinks = link where role == uplink\n"
			 "permit \"p\" { agent uplink  action any  level propose }\n"
			 "invariant \"up\" { require count(uplinks up) >= 2 }");
	d = world_decide(&w, "uplink");
	cr_assert(d->flip, "%s", d->reason);
	cr_expect_str_eq(d->flip, "link.wan1.carrier true");
	decision_free(d);
	world_done(&w);
}

Test(decide, suggests_a_permit_that_loads_and_helps)
{
	static const char *const others[] = {
		"",
		"cap \"c\" { to propose }\n",
		"permit \"uplink route.replace\" { agent uplink  action route.replace\n"
		" when link.wan0.rx_loss < 1%  level approve }\n",
	};
	struct world w;

	edge(&w);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct decision *d;
		char policy[2048];
		enum level named;

		world_policy(&w, others[i]);
		d = world_decide(&w, "uplink");
		cr_assert(d->suggest, "%s", d->reason);
		named = strstr(d->suggest, "level approve") ? LEVEL_APPROVE : LEVEL_PROPOSE;
		(void) snprintf(policy, sizeof(policy), "%s%s\n", others[i], d->suggest);
		decision_free(d);
		cr_assert(world_policy_loads(&w, policy), "%s", policy);
		cr_expect(world_level(&w, "uplink") >= named, "%s", policy);
		d = world_decide(&w, "uplink");
		cr_expect(!d->suggest || d->level < LEVEL_APPROVE, "still: %s", d->suggest);
		decision_free(d);
	}
	/* No permit helps against a forbid. */
	world_policy(&w, "forbid \"f\" { action any }");
	{
		struct decision *d = world_decide(&w, "uplink");

		cr_expect(!d->suggest);
		decision_free(d);
	}
	world_done(&w);
}

Test(decide, makes_the_same_record_from_the_same_inputs)
{
	struct world w;
	char *text[2];
	cJSON *o;

	edge(&w);
	world_policy(&w, STEER "cap \"c\" { when path.wan0.loss > 1%  to propose }\n"
			       "invariant \"up\" { require count(uplinks up) >= 1 }");
	for (int i = 0; i < 2; i++) {
		struct decision *d = world_decide(&w, "uplink");

		o = decision_json(d);
		cr_assert(o);
		text[i] = cJSON_PrintUnformatted(o);
		cJSON_Delete(o);
		decision_free(d);
	}
	cr_expect_str_eq(text[0], text[1]);
	o = cJSON_Parse(text[0]);
	cr_expect_str_eq(cJSON_GetObjectItem(o, "level")->valuestring, "propose");
	cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(o, "rules")) == 2);
	cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(o, "invariants")) == 1);
	cr_expect(strstr(text[0], "path.wan0.loss unknown"), "%s", text[0]);
	cJSON_Delete(o);
	free(text[0]);
	free(text[1]);
	world_done(&w);
}
