#include <criterion/criterion.h>
#include <netinet/in.h>

#include "unit/config_help.h"

Test(policy_reflex, keeps_what_the_clause_says, .init = setup, .fini = teardown)
{
	struct config *c = load_good("set nets = prefix { 10.0.0.0/8 }\n"
				     "permit \"a\" { agent reflex  action route.*  level auto\n"
				     "  verify within 1s\n"
				     "  reflex { trigger link wan0\n"
				     "    standby wan1 via 192.0.2.1, 2001:db8::1\n"
				     "    for nets  sentinel 200us  refractory 5s\n"
				     "    table 17310  at most 500 prefixes }\n"
				     "  budget b }\n"
				     "budget b = 3 per 1h\n");
	const struct policy_reflex *x = &c->policy->rule[0].reflex;

	cr_expect(x->there);
	cr_expect_eq(x->place.line, 4);
	cr_expect_str_eq(x->link, "wan0");
	cr_expect_null(x->when);
	cr_expect_str_eq(x->standby, "wan1");
	cr_expect_eq(x->n_via, 2);
	cr_expect_eq(x->via[0].family, AF_INET);
	cr_expect_eq(x->via[1].family, AF_INET6);
	cr_expect_str_eq(x->scope, "nets");
	cr_expect_eq(x->sentinel_us, 200);
	cr_expect_eq(x->refractory_us, 5000000);
	cr_expect_eq(x->table, 17310);
	cr_expect_eq(x->max_prefixes, 500);
	cr_expect_str_eq(c->policy->rule[0].budget, "b", "clauses go on behind the block");
	config_free(c);
}

Test(policy_reflex, has_defaults_and_reads_actions, .init = setup, .fini = teardown)
{
	struct config *c =
		load_good("permit \"a\" { agent reflex  action link.set  level auto\n"
			  "  verify within 1s\n"
			  "  reflex { trigger when path.wan0.rtt > 300ms for 5s\n"
			  "    do \"link.set dev wan0 mtu 1400\", \"link wan1 mtu 1300\"\n"
			  "    do \"link.set dev \\\"wan2\\\" mtu 1200\" } }\n");
	const struct policy_reflex *x = &c->policy->rule[0].reflex;

	cr_expect_null(x->link);
	cr_expect_not_null(x->when);
	cr_expect_null(x->standby);
	cr_expect_eq(x->refractory_us, 30000000);
	cr_expect_eq(x->max_prefixes, REFLEX_PREFIXES);
	cr_expect_eq(x->table, 0);
	cr_expect_eq(x->sentinel_us, 0);
	cr_assert_eq(x->n_actions, 3);
	cr_expect_str_eq(x->action[1].kind, "link.set");
	cr_expect_str_eq(x->action[2].arg[0].value.u.text, "wan2");
	cr_expect_eq(x->action[2].arg[1].value.u.i, 1200);
	config_free(c);

	c = load_good(
		"permit \"a\" { agent any  action link.set  level auto  verify within 1s }\n");
	cr_expect_not(c->policy->rule[0].reflex.there);
	config_free(c);
}
