/* agents/lacp-member: a member that the partner leaves out, its healthy twin, and what looks like it. */
#include <criterion/criterion.h>
#include <string.h>

#include "declared.h"

static void member(struct declared *d, const char *dev, const char *mii_up, const char *carries,
		   const char *spare)
{
	declared_set(d, "bond_member", dev, "lacp", "true");
	declared_set(d, "bond_member", dev, "bond", "b0");
	declared_set(d, "bond_member", dev, "mii_up", mii_up);
	declared_set(d, "bond_member", dev, "carries", carries);
	declared_set(d, "bond_member", dev, "spare", spare);
	declared_set(d, "bond_member", dev, "expired", "false");
	declared_set(d, "bond_member", dev, "partner_state", "7");
	declared_set(d, "link", dev, "tx_bps", "1Mbps");
}

static struct declared *two_members(const char *options)
{
	struct declared *d = declared_agent("lacp-member", options);

	member(d, "m0", "true", "true", "true");
	member(d, "m1", "true", "true", "true");
	declared_run(d, 30);
	return d;
}

Test(lacp_member, pulls_the_member_and_tries_it_again)
{
	struct declared *d = two_members(NULL);

	cr_expect_eq(d->n_findings, 0, "healthy");
	member(d, "m1", "true", "false", "true");
	declared_run(d, 9);
	cr_expect_eq(d->n_findings, 0, "LACP takes some seconds");
	declared_run(d, 3);
	cr_assert(declared_finding(d, "lacp-member-out", "m1"), "%s", d->log);
	cr_expect_str_eq(declared_action(d, 0), "link.down dev m1");
	member(d, "m1", "false", "false", "true");
	declared_commit(d, 0);

	/* Held down, then tried again. */
	declared_run(d, 15);
	cr_expect_eq(declared_n_open(d), 1);
	cr_expect_eq(d->n_proposals, 1);
	declared_run(d, 10);
	cr_assert_eq(d->n_proposals, 2, "%s", d->log);
	cr_expect_str_eq(declared_action(d, 1), "link.up dev m1");
	member(d, "m1", "true", "false", "true");
	declared_commit(d, 1);
	cr_expect_eq(declared_n_open(d), 0);

	/* The partner has not changed its mind: it is told, and left alone for five minutes. */
	declared_run(d, 60);
	cr_expect_eq(declared_n_open(d), 1);
	cr_expect_eq(d->n_proposals, 2, "again after 5m");
	member(d, "m1", "true", "true", "true");
	declared_run(d, 2);
	cr_expect_eq(declared_n_open(d), 0, "it carries");
	declared_free(d);
}

Test(lacp_member, leaves_alone_what_is_no_fault_of_one_member)
{
	struct declared *d = two_members(NULL);

	member(d, "m1", "false", "false", "true");
	declared_run(d, 60);
	cr_expect_eq(d->n_findings, 0, "its link is down: a shutdown");
	member(d, "m0", "true", "false", "false");
	member(d, "m1", "true", "false", "false");
	declared_run(d, 60);
	cr_expect_eq(d->n_findings, 0, "the partner has gone on all of them");
	member(d, "m0", "true", "true", "false");
	declared_set(d, "bond_member", "m1", "spare", NULL);
	declared_run(d, 60);
	cr_expect_eq(d->n_findings, 0, "unknown is not spare");
	declared_free(d);
}

Test(lacp_member, does_not_pull_what_the_others_could_not_carry)
{
	struct declared *d = two_members("room=100Mbps");

	member(d, "m1", "true", "false", "true");
	declared_set(d, "link", "m1", "tx_bps", "400Mbps");
	declared_run(d, 30);
	cr_expect(declared_finding(d, "lacp-member-out", "m1"), "told");
	cr_expect_eq(d->n_proposals, 0, "and left");
	declared_free(d);
}
