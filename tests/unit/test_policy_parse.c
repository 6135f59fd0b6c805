#include <criterion/criterion.h>
#include <errno.h>

#include "unit/config_help.h"

#define BASICS "agent doctor { }\ngroup noc { a, b }\nset ups = link { wan0, wan1 }\n"

static struct config *load(const char *text)
{
	_cleanup_(freep) char *all = NULL;

	cr_assert_gt(asprintf(&all, "%s%s", BASICS, text), 0);
	return load_good(all);
}

static bool warned(const char *part)
{
	for (unsigned i = 0; i < diags.n; i++) {
		if (diags.item[i].level == DIAG_WARNING && strstr(diags.item[i].text, part))
			return true;
	}
	return false;
}

Test(policy_parse, reads_sets_of_every_kind, .init = setup, .fini = teardown)
{
	struct config *c = load("set roles = link where role == uplink and carrier\n"
				"set ours = prefix { 10.0.0.0/8, 2001:db8::/32 }\n"
				"set mgmt = flow { 192.0.2.10 -> ssh, ::/0 -> any }\n"
				"set docs = agent { doctor }\n"
				"set dead = neigh where state == failed\n");
	const struct policy *p = c->policy;
	const struct policy_set *s = policy_find_set(p, "roles");

	cr_expect_eq(s->kind, SET_LINK);
	cr_expect_not_null(s->where);
	cr_expect_eq(s->where->a->a->op, EXPR_FACT, "role is bound to link.role");
	s = policy_find_set(p, "ours");
	cr_expect_eq(s->kind, SET_PREFIX);
	cr_expect_eq(s->n_prefixes, 2);
	cr_expect_eq(s->prefix[0].len, 8);
	s = policy_find_set(p, "mgmt");
	cr_expect_eq(s->n_flows, 2);
	cr_expect_str_eq(s->flow[0].service, "ssh");
	s = policy_find_set(p, "docs");
	cr_expect_eq(s->kind, SET_AGENT);
	cr_expect_str_eq(s->member[0], "doctor");
	s = policy_find_set(p, "dead");
	cr_expect_eq(s->kind, SET_OTHER);
	cr_expect_str_eq(s->kind_name, "neigh");
	cr_expect_null(policy_find_set(p, "none"));
	config_free(c);
}

Test(policy_parse, reads_windows_and_budgets, .init = setup, .fini = teardown)
{
	struct config *c = load("window night = daily 22:00..05:30 tz \"Europe/Kyiv\"\n"
				"window freeze = 2026-12-20 00:00 .. 2027-01-03 12:00\n"
				"budget a = 3 per 1h shared 6 per 24h\n"
				"budget b = 10 per 10m per link\n"
				"budget c = 1 per 1m per agent\n");
	const struct policy_window *w = policy_find_window(c->policy, "night");
	const struct policy_budget *b = policy_find_budget(c->policy, "a");

	cr_expect(w->daily);
	cr_expect_eq(w->from_s, 79200);
	cr_expect_eq(w->to_s, 19800);
	cr_expect_str_eq(w->zone, "Europe/Kyiv");
	w = policy_find_window(c->policy, "freeze");
	cr_expect_not(w->daily);
	cr_expect_eq(w->from_wall_s, INT64_C(1797724800));
	cr_expect_eq(w->to_wall_s, INT64_C(1798977600));
	cr_expect_str_eq(w->zone, "UTC");
	cr_expect_eq(b->count, 3);
	cr_expect_eq(b->window_us, UINT64_C(3600000000));
	cr_expect_eq(b->shared_count, 6);
	cr_expect_eq(b->per, BUDGET_PER_NONE);
	cr_expect_eq(policy_find_budget(c->policy, "b")->per, BUDGET_PER_RESOURCE);
	cr_expect_eq(policy_find_budget(c->policy, "c")->per, BUDGET_PER_AGENT);
	cr_expect_null(policy_find_window(c->policy, "x"));
	cr_expect_null(policy_find_budget(c->policy, "x"));
	config_free(c);
}

Test(policy_parse, reads_every_clause_of_a_permit, .init = setup, .fini = teardown)
{
	struct config *c = load("budget moves = 3 per 1h\nwindow night = daily 01:00..02:00\n"
				"permit \"p\" {\n\tagent doctor\n\taction link.set, route.*\n"
				"\ton ups, prefix not in ours, link wan9, \"wan8\"\n"
				"\twhen link.util > 70%\n\t\tand link.carrier\n\tduring night\n"
				"\tlevel approve by 2 of noc within 30m\n\tbudget moves\n"
				"\tcooldown 2m per agent\n"
				"\tverify within 20s that link.util <= before\n"
				"\tconfirm after 5m\n\tundo after 24h unless renewed\n"
				"\tforeign objects\n\ton crash hold\n}\n"
				"set ours = prefix { 10.0.0.0/8 }\n");
	const struct policy_rule *r = &c->policy->rule[0];

	cr_expect_eq(r->kind, RULE_PERMIT);
	cr_expect_eq(r->n_agents, 1);
	cr_expect_eq(r->n_actions, 2);
	cr_expect_str_eq(r->action[1], "route.*");
	cr_assert_eq(r->n_on, 3);
	cr_expect_str_eq(r->on[0].set, "ups");
	cr_expect(r->on[1].negated);
	cr_expect_str_eq(r->on[1].kind, "prefix");
	cr_expect_eq(r->on[2].n_names, 2);
	cr_expect_str_eq(r->on[2].name[1], "wan8");
	cr_expect_eq(r->when->op, EXPR_AND);
	cr_expect_str_eq(r->during, "night");
	cr_expect_eq(r->level, LEVEL_APPROVE);
	cr_expect_eq(r->approvals, 2);
	cr_expect_str_eq(r->group[0], "noc");
	cr_expect_eq(r->approve_within_us, UINT64_C(1800000000));
	cr_expect_str_eq(r->budget, "moves");
	cr_expect_eq(r->cooldown_us, 120000000);
	cr_expect_str_eq(r->cooldown_per, "agent");
	cr_expect_eq(r->verify_within_us, 20000000);
	cr_expect_not_null(r->verify);
	cr_expect_eq(r->confirm_us, 300000000);
	cr_expect_not(r->confirm_by_hand);
	cr_expect_eq(r->undo_after_us, UINT64_C(86400000000));
	cr_expect(r->undo_unless_renewed);
	cr_expect(r->touch_foreign);
	cr_expect(r->hold_on_crash);
	cr_expect_eq(r->place.line, 6);
	config_free(c);
}

Test(policy_parse, takes_several_clauses_on_one_line, .init = setup, .fini = teardown)
{
	struct config *c =
		load("permit \"p\" { agent any  action any  on link wan1  level approve }\n"
		     "permit \"q\" { agent doctor  action link.set  on prefix 10.0.0.0/8, ::/0  "
		     "level auto  "
		     "verify within 2s  confirm by operator within 5m }\n"
		     "forbid \"f\" { action any  on link { eno1 } }\n"
		     "cap \"c\" { when link.carrier for 5s  to observe for 1h }\n"
		     "cap \"d\" { to propose }\n");
	const struct policy_rule *r = c->policy->rule;

	cr_expect_eq(c->policy->n_rules, 5);
	cr_expect_eq(r[0].n_agents, 0);
	cr_expect_eq(r[0].n_actions, 0);
	cr_expect_str_eq(r[0].on[0].kind, "link");
	cr_expect_str_eq(r[0].on[0].name[0], "wan1");
	cr_expect_eq(r[0].approvals, 1);
	cr_expect_eq(r[1].on[0].n_prefixes, 2);
	cr_expect_null(r[1].verify);
	cr_expect_eq(r[1].verify_within_us, 2000000);
	cr_expect(r[1].confirm_by_hand);
	cr_expect_eq(r[1].confirm_us, 300000000);
	cr_expect_eq(r[2].kind, RULE_FORBID);
	cr_expect_eq(r[2].level, LEVEL_DENY);
	cr_expect_eq(r[3].kind, RULE_CAP);
	cr_expect_eq(r[3].when->op, EXPR_FOR);
	cr_expect_eq(r[3].level, LEVEL_OBSERVE);
	cr_expect_eq(r[3].cap_for_us, UINT64_C(3600000000));
	cr_expect_eq(r[4].level, LEVEL_PROPOSE);
	config_free(c);
}

Test(policy_parse, reads_every_requirement, .init = setup, .fini = teardown)
{
	struct config *c =
		load("set mgmt = flow { 192.0.2.1 -> ssh }\n"
		     "invariant \"i\" {\n\trequire every mgmt reachable via 2 disjoint links\n"
		     "\trequire every mgmt reachable with 1 link lost\n"
		     "\trequire every mgmt reachable  # a comment\n"
		     "\trequire count(ups up) >= 2\n"
		     "\trequire new blackhole <= 3 prefixes\n"
		     "\trequire moved prefixes <= 10% of table\n"
		     "\trequire moved prefixes < 500\n"
		     "\trequire link.wan0.carrier\n"
		     "\trequire every(ups where carrier)\n"
		     "\trequire loop free\n\trequire every ups load <= 80% of capacity\n"
		     "\tif broken now allow when not worse\n}\n");
	const struct policy_invariant *inv = &c->policy->invariant[0];
	const struct policy_require *q = inv->require;

	cr_assert_eq(inv->n_requires, 11);
	cr_expect(inv->not_worse);
	cr_expect_eq(q[0].kind, REQUIRE_REACHABLE);
	cr_expect_eq(q[0].n, 2);
	cr_expect_str_eq(q[0].set, "mgmt");
	cr_expect_str_eq(q[0].text, "every mgmt reachable via 2 disjoint links");
	cr_expect_eq(q[1].kind, REQUIRE_WITHOUT_LINK);
	cr_expect_eq(q[2].n, 1);
	cr_expect_str_eq(q[2].text, "every mgmt reachable");
	cr_expect_eq(q[3].kind, REQUIRE_COUNT_UP);
	cr_expect_eq(q[3].cmp, VALUE_GE);
	cr_expect_eq(q[3].n, 2);
	cr_expect_str_eq(q[3].set, "ups");
	cr_expect_str_eq(q[3].text, "count(ups up) >= 2");
	cr_expect_eq(q[4].kind, REQUIRE_NEW_BLACKHOLE);
	cr_expect_eq(q[4].cmp, VALUE_LE);
	cr_expect_eq(q[4].n, 3);
	cr_expect_eq(q[5].kind, REQUIRE_MOVED_PREFIXES);
	cr_expect_float_eq(q[5].ratio, 0.1, 1e-12);
	cr_expect_eq(q[6].n, 500);
	cr_expect_eq(q[6].cmp, VALUE_LT);
	cr_expect_eq(q[7].kind, REQUIRE_EXPR);
	cr_expect_eq(q[8].kind, REQUIRE_EXPR);
	cr_expect_eq(q[9].kind, REQUIRE_LOOP_FREE);
	cr_expect_eq(q[10].kind, REQUIRE_LOAD);
	config_free(c);
}

Test(policy_parse, says_what_is_not_evaluated_and_never_grants_by_it, .init = setup,
     .fini = teardown)
{
	struct config *c = load(
		"peer pe2 { address 192.0.2.7  key file \"/keys/pe2\" }\n"
		"peer pe3 { address 192.0.2.8  port 99  key file \"/keys/pe3\" }\n"
		"permit \"q\" { agent doctor  action link.set  level auto  verify within 5s\n"
		"\tquorum 1 of peers { pe2, pe3 } grant \"edge-drain\" within 5s }\n"
		"permit \"r\" { agent doctor  action link.set  level propose\n"
		"\tverify within 5s that link.carrier\n"
		"\tpromote to auto after 20 verified and rollbacks == 0 in 30d\n"
		"\tdemote to observe for 1h after rollback }\n"
		"objective \"voice\" { require path.wan0.rtt < 30ms  budget 99.9% per 30d }\n");

	cr_expect_eq(c->policy->n_rules, 2);
	cr_expect_eq(c->policy->rule[0].level, LEVEL_AUTO, "a quorum is asked for, not decided");
	cr_expect_eq(c->policy->rule[0].quorum.n, 1);
	cr_expect_str_eq(c->policy->rule[0].quorum.peer[1], "pe3");
	cr_expect_str_eq(c->policy->rule[0].quorum.grant, "edge-drain");
	cr_expect_eq(c->policy->rule[1].promote.to, LEVEL_AUTO);
	cr_expect_eq(c->policy->rule[1].promote.after, 20);
	cr_expect_eq(c->policy->rule[1].demote.to, LEVEL_OBSERVE);
	cr_expect_eq(c->policy->rule[1].demote.for_us, 3600 * UINT64_C(1000000));
	cr_expect_eq(c->policy->objective[0].n_requires, 1);
	cr_expect_not(warned("quorum"));
	cr_expect_eq(config_find_peer(c, "pe2")->port, CONFIG_PEER_PORT);
	cr_expect_eq(config_find_peer(c, "pe3")->port, 99);
	cr_expect_null(config_find_peer(c, "pe4"));
	cr_expect(warned("\"r\" can never be promoted: at level propose nothing is"));
	cr_expect_not(warned("objective"));
	config_free(c);
}

Test(policy_parse, reads_the_policy_line, .init = setup, .fini = teardown)
{
	struct config *c = load("policy \"pe1 edge\" revision 7\n");

	cr_expect_str_eq(c->policy->name, "pe1 edge");
	cr_expect_eq(c->policy->revision, 7);
	cr_expect_str_eq(level_name(LEVEL_AUTO), "auto");
	cr_expect_str_eq(level_name(LEVEL_DENY), "deny");
	config_free(c);
}
