/* Declarative agents at work, on facts that the test writes. */
#include <criterion/criterion.h>
#include <string.h>

#include "declared.h"

#define NARROW                                                                                     \
	"agent narrow {\n"                                                                         \
	" option floor default 1400B\n"                                                            \
	" on link where link.carrier and name != \"lo\" and name != lan0\n"                        \
	" keep was = link.lan0.mtu\n"                                                              \
	" when link.mtu < floor for 2s\n"                                                          \
	" find \"narrow\" confidence 0.7 \"{name} has {link.mtu}, not {floor}\"\n"                 \
	" rival \"small\" confidence 0.3 when link.mtu < 1000\n"                                   \
	" rival \"odd\" confidence 0.9 when link.mtu == 1234\n"                                    \
	" suppress when link.operstate == testing \"it is being tested\"\n"                        \
	" propose link.set { dev lan0 mtu 2 x link.mtu / 2 + 0.4 }\n"                              \
	"   when link.lan0.mtu > link.mtu reason \"for {name}\" expect \"less\"\n"                 \
	"   verify \"link.mtu == before and link.lan0.mtu <= floor\"\n"                            \
	" propose link.down { dev name }\n"                                                        \
	" restore link.set { dev lan0 mtu was }\n"                                                 \
	" again after 10s\n"                                                                       \
	" clear when link.mtu >= floor for 3s \"wide again\"\n"                                    \
	"}\n"

static struct declared *narrow(const char *options)
{
	struct declared *d = declared_text(NARROW, options);

	declared_set(d, "link", "lan0", "mtu", "1500B");
	declared_set(d, "link", "lan0", "carrier", "true");
	declared_set(d, "link", "lan0", "operstate", "up");
	declared_set(d, "link", "wan0", "mtu", "1500B");
	declared_set(d, "link", "wan0", "carrier", "true");
	declared_set(d, "link", "wan0", "operstate", "up");
	declared_run(d, 5);
	return d;
}

static void is(struct declared *d, unsigned n, const char *text)
{
	cr_assert_str_eq(declared_action(d, n), text, "proposal %u is '%s', not '%s'\n%s", n,
			 declared_action(d, n), text, d->log);
}

Test(agent_run, finds_proposes_and_restores)
{
	struct declared *d = narrow(NULL);
	const struct anod_finding *f;

	cr_assert_eq(d->n_findings, 0);
	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 1.5);
	cr_assert_eq(d->n_findings, 0, "before its time");
	declared_run(d, 1);
	f = declared_finding(d, "narrow", "wan0");
	cr_assert(f);
	cr_expect_str_eq(f->summary, "wan0 has 1300B, not 1400B");
	cr_expect_eq(f->confidence, 0.7);
	cr_expect_eq(f->n_rivals, 0);
	cr_expect_eq(f->no_cure, 0);
	cr_expect_eq(f->n_refs, 1);
	cr_expect_str_eq(f->ref[0].attr, "mtu");
	is(d, 0, "link.set dev lan0 mtu 1300B");
	cr_expect_str_eq(d->proposal[0].p.reason, "for wan0");
	cr_expect_str_eq(d->proposal[0].p.expect, "less");
	cr_expect_str_eq(d->proposal[0].p.verify,
			 "link.wan0.mtu == before and link.lan0.mtu <= 1400B");
	cr_expect_eq(d->proposal[0].p.finding, d->finding[0].id);

	declared_commit(d, 0);
	declared_set(d, "link", "lan0", "mtu", "1300B");
	declared_set(d, "link", "wan0", "mtu", "1500B");
	declared_run(d, 2);
	cr_expect_eq(d->n_proposals, 1);
	declared_run(d, 2);
	is(d, 1, "link.set dev lan0 mtu 1500B");
	cr_expect(declared_finding(d, "narrow", "wan0"), "it ends with the verdict");
	declared_commit(d, 1);
	declared_run(d, 1);
	cr_expect_eq(declared_n_open(d), 0);
	cr_expect_str_eq(d->finding[0].why, "cleared, and what was done is put back");
	declared_free(d);
}

Test(agent_run, tries_the_next_one_and_waits_longer_with_each_failure)
{
	struct declared *d = narrow(NULL);

	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 3);
	declared_verdict(d, 0, ANOD_DENIED, "no permit");
	declared_run(d, 0.2);
	is(d, 1, "link.down dev wan0");
	declared_verdict(d, 1, ANOD_ROLLED_BACK, "not verified");
	/* Both were tried: after 20 s, because one failed before, from the first. */
	declared_run(d, 19);
	cr_expect_eq(d->n_proposals, 2);
	declared_run(d, 2);
	is(d, 2, "link.set dev lan0 mtu 1300B");
	/* Carried out and of no help: the next one after the wait, which is 40 s by now. */
	declared_commit(d, 2);
	declared_run(d, 39);
	cr_expect_eq(d->n_proposals, 3);
	declared_run(d, 2);
	is(d, 3, "link.down dev wan0");
	declared_verdict(d, 3, ANOD_EXPIRED, "nobody approved");
	declared_run(d, 200);
	is(d, 4, "link.down dev wan0");
	declared_free(d);
}

Test(agent_run, holds_back_what_may_be_something_else)
{
	struct declared *d = narrow(NULL);

	/* A look-alike, and one of which nothing is known. */
	declared_set(d, "link", "wan0", "operstate", "testing");
	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 5);
	cr_assert(declared_finding(d, "narrow", "wan0"));
	cr_expect_eq(d->n_proposals, 0);
	cr_expect(strstr(d->log, "nothing is proposed: it is being tested"), "%s", d->log);
	declared_set(d, "link", "wan0", "operstate", NULL);
	declared_run(d, 5);
	cr_expect_eq(d->n_proposals, 0);
	declared_set(d, "link", "wan0", "operstate", "up");
	declared_run(d, 0.1);
	cr_expect_eq(d->n_proposals, 1);

	/* A rival is told; a likelier one holds back as well. */
	declared_set(d, "link", "wan1", "operstate", "up");
	declared_set(d, "link", "wan1", "carrier", "true");
	declared_set(d, "link", "wan1", "mtu", "1234B");
	declared_run(d, 5);
	cr_assert(declared_finding(d, "narrow", "wan1"));
	cr_expect_eq(declared_finding(d, "narrow", "wan1")->n_rivals, 1);
	cr_expect_str_eq(declared_finding(d, "narrow", "wan1")->rival[0].code, "odd");
	cr_expect_eq(d->n_proposals, 1);
	declared_set(d, "link", "wan1", "mtu", "900B");
	declared_run(d, 0.1);
	cr_expect_str_eq(declared_finding(d, "narrow", "wan1")->rival[0].code, "small");
	cr_expect_eq(d->n_proposals, 2);
	declared_free(d);
}

Test(agent_run, unknown_neither_opens_nor_ends_and_what_is_gone_ends)
{
	struct declared *d = narrow("floor=1450B");

	declared_set(d, "link", "wan0", "mtu", NULL);
	declared_run(d, 10);
	cr_expect_eq(d->n_findings, 0);
	declared_set(d, "link", "wan0", "mtu", "1420B");
	declared_run(d, 5);
	cr_assert(declared_finding(d, "narrow", "wan0"), "the option counts");
	declared_set(d, "link", "wan0", "mtu", NULL);
	declared_run(d, 10);
	cr_expect(declared_finding(d, "narrow", "wan0"));
	declared_gone(d, "link", "wan0");
	declared_run(d, 1);
	cr_expect_eq(declared_n_open(d), 0);
	cr_expect_str_eq(d->finding[0].why, "it is gone");
	cr_expect(d->proposal[0].cancelled);

	/* It comes back and goes again, and nobody knew anything of it by then. */
	declared_set(d, "link", "wan0", "carrier", "true");
	declared_set(d, "link", "wan0", "mtu", "1420B");
	declared_run(d, 5);
	cr_assert_eq(declared_n_open(d), 1);
	declared_set(d, "link", "wan0", "carrier", NULL);
	declared_set(d, "link", "wan0", "mtu", NULL);
	declared_run(d, 5);
	cr_assert_eq(declared_n_open(d), 1);
	declared_gone(d, "link", "wan0");
	declared_run(d, 1);
	cr_expect_eq(declared_n_open(d), 0);

	/* It comes back, and does not concern the agent any more. */
	declared_set(d, "link", "wan0", "carrier", "true");
	declared_set(d, "link", "wan0", "operstate", "up");
	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 5);
	cr_assert_eq(declared_n_open(d), 1);
	declared_set(d, "link", "wan0", "carrier", "false");
	declared_run(d, 1);
	cr_expect_eq(declared_n_open(d), 0);
	/* The loopback never did. */
	declared_set(d, "link", "lo", "carrier", "true");
	declared_set(d, "link", "lo", "mtu", "1300B");
	declared_run(d, 5);
	cr_expect_eq(declared_n_open(d), 0);
	declared_free(d);
}

Test(agent_run, waits_for_what_is_applied_and_withdraws_what_is_not)
{
	struct declared *d = narrow(NULL);

	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 3);
	declared_verdict(d, 0, ANOD_WAITING, "for a window");
	declared_set(d, "link", "wan0", "mtu", "1500B");
	declared_run(d, 4);
	cr_expect(d->proposal[0].cancelled);
	cr_expect_eq(declared_n_open(d), 0);

	declared_set(d, "link", "wan0", "mtu", "1300B");
	declared_run(d, 3);
	cr_assert_eq(d->n_proposals, 2);
	declared_verdict(d, 1, ANOD_APPLIED, "");
	declared_set(d, "link", "wan0", "mtu", "1500B");
	declared_run(d, 4);
	cr_expect(!d->proposal[1].cancelled);
	cr_expect_eq(declared_n_open(d), 1);
	declared_verdict(d, 1, ANOD_COMMITTED, "");
	cr_assert_eq(d->n_proposals, 3);
	declared_verdict(d, 2, ANOD_DENIED, "frozen");
	cr_expect_eq(declared_n_open(d), 0);
	cr_expect_str_eq(d->finding[1].why, "cleared, but what was done stays: frozen");
	declared_free(d);
}

Test(agent_run, finds_other_entities_and_proposes_nothing_unknown)
{
	struct declared *d = declared_text(
		"agent lower {\n"
		" option worse default 4000\n"
		" on link\n"
		" with r = route where r.dev == name and r.dst == 0.0.0.0/0 lowest r.metric\n"
		" with other = link where other.carrier and other.role == uplink\n"
		" when link.mtu < 1000\n"
		" find \"low\" \"{name}: {r.gateway} of {r.table}, {{other}\"\n"
		" propose route.metric { dst r.dst table r.table metric r.metric to worse }\n"
		"   when r.metric < worse and link.mtu < 900 and rate(link.rx_bytes, 2s) >= 0\n"
		"   confidence 0.5\n"
		"}\n",
		NULL);

	declared_set(d, "link", "wan0", "mtu", "800B");
	declared_grow(d, "link", "wan0", "rx_bytes", 10);
	declared_run(d, 3);
	cr_assert(declared_finding(d, "low", "wan0"));
	cr_expect_str_eq(declared_finding(d, "low", "wan0")->summary,
			 "wan0: unknown of unknown, {other}");
	cr_expect_eq(d->n_proposals, 0);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "main/0.0.0.0/0/10" : "main/0.0.0.0/0/20";

		declared_set(d, "route", name, "dev", "wan0");
		declared_set(d, "route", name, "dst", "0.0.0.0/0");
		declared_set(d, "route", name, "table", "254");
		declared_set(d, "route", name, "metric", i ? "10" : "20");
	}
	declared_set(d, "route", "main/0.0.0.0/0/5", "dev", "wan1");
	declared_set(d, "route", "main/0.0.0.0/0/5", "dst", "0.0.0.0/0");
	declared_set(d, "route", "main/0.0.0.0/0/5", "metric", "5");
	declared_run(d, 62); /* nothing tells when a lookup would find something: asked again */
	is(d, 0, "route.metric dst 0.0.0.0/0 table 254 metric 10 to 4000");
	cr_expect_eq(d->proposal[0].p.confidence, 0.5);
	declared_free(d);
}

Test(agent_run, watches_what_is_of_no_entity_for_all)
{
	struct declared *d = declared_text("agent both {\n"
					   " on link\n"
					   " when link.mtu < 1000\n"
					   " find \"x\"\n"
					   " suppress when link.lan0.carrier\n"
					   " propose link.down { dev name } when count(link where "
					   "link.carrier) >= 1\n"
					   " again after 1s\n"
					   "}\n",
					   NULL);

	declared_set(d, "link", "lan0", "carrier", "true");
	declared_set(d, "link", "wan0", "mtu", "900B");
	declared_set(d, "link", "wan1", "mtu", "900B");
	declared_run(d, 3);
	cr_expect_eq(declared_n_open(d), 2);
	cr_expect_eq(d->n_proposals, 0);
	declared_set(d, "link", "lan0", "carrier", "false");
	declared_set(d, "link", "wan0", "carrier", "true");
	declared_run(d, 2);
	cr_expect_eq(d->n_proposals, 2);
	declared_free(d);
}

Test(agent_run, asks_a_sensor_for_each_subject_that_concerns_it)
{
	struct declared *d = declared_text("agent ask {\n"
					   " option target default 192.0.2.1\n"
					   " on link where link.role == uplink\n"
					   " when path.loss > 5% and link.carrier for 2s\n"
					   " find \"lossy\" \"{name} loses {path.loss}\"\n"
					   " sense probe { dev name  target target  every 1s  "
					   "proto icmp }\n"
					   "}\n",
					   NULL);

	declared_set(d, "link", "wan0", "role", "uplink");
	declared_set(d, "link", "wan0", "carrier", "true");
	declared_set(d, "link", "lan0", "role", "lan");
	declared_run(d, 1);
	cr_assert_eq(d->n_senses, 1);
	cr_expect_str_eq(d->sense[0].kind, "probe");
	cr_expect_str_eq(d->sense[0].arg[0].value.u.text, "wan0");
	cr_expect_eq(d->sense[0].arg[1].value.type, ANOD_PREFIX);
	cr_expect_str_eq(d->sense[0].arg[3].value.u.text, "icmp");
	/* A fact of another kind by the same name. */
	declared_set(d, "path", "wan0", "loss", "10%");
	declared_run(d, 3);
	cr_assert(declared_finding(d, "lossy", "wan0"), "%s", d->log);
	cr_expect_str_eq(declared_finding(d, "lossy", "wan0")->summary, "wan0 loses 10%");
	cr_expect_eq(declared_finding(d, "lossy", "wan0")->no_cure, 1);
	declared_free(d);
}

Test(agent_run, restores_by_facts_what_it_does_not_remember)
{
	struct declared *d =
		declared_text("agent back {\n"
			      " on link\n"
			      " when link.mtu < 1000\n"
			      " find \"x\"\n"
			      " propose link.set { dev name mtu 900B } and link.up { dev "
			      "name } when link.mtu != 900\n"
			      " restore link.set { dev name mtu 1500B } when link.mtu == "
			      "1400\n"
			      " clear when link.mtu >= 1400\n"
			      "}\n",
			      NULL);

	/* Changed before this agent was started: nothing to propose, something to put back. */
	declared_set(d, "link", "wan0", "mtu", "900B");
	declared_run(d, 1);
	cr_assert(declared_finding(d, "x", "wan0"));
	cr_expect_eq(d->n_proposals, 0);
	declared_set(d, "link", "wan0", "mtu", "1400B");
	declared_run(d, 1);
	is(d, 0, "link.set dev wan0 mtu 1500B");
	declared_commit(d, 0);
	cr_expect_eq(declared_n_open(d), 0);

	/* Where its condition is false nothing is put back. */
	declared_set(d, "link", "wan0", "mtu", "950B");
	declared_run(d, 61); /* the refractory time */
	cr_assert_eq(d->n_proposals, 2);
	cr_expect_eq(d->proposal[1].p.n_actions, 2);
	cr_expect_str_eq(d->proposal[1].p.action[1].kind, "link.up");
	declared_commit(d, 1);
	declared_set(d, "link", "wan0", "mtu", "1500B");
	declared_run(d, 1);
	cr_expect_eq(d->n_proposals, 2);
	cr_expect_eq(declared_n_open(d), 0);
	declared_free(d);
}
