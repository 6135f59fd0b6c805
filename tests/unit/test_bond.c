/* The sensor of bonds: messages and a text recorded from Debian's 6.1 (tests/fuzz/corpus/bond), and
 * the sensor on a kernel without bonding.  With real bonds: tests/vm. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/messages.h"
#include "unit/netlab.h"

#include "plugins/bond/facts.c"
#include "plugins/bond/parse.c"
#include "plugins/bond/words.c"

#define WAIT_MS 10000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(bond, .fini = stop, .timeout = 60);

struct all {
	struct bond b[4];
	struct bond_member m[8];
	unsigned n_bonds, n_members;
};

static void collect(const struct nlmsghdr *m, void *data)
{
	struct all *a = data;

	if (bond_parse(m, &a->b[a->n_bonds]) > 0)
		a->n_bonds++;
	if (bond_parse_member(m, &a->m[a->n_members]) > 0)
		a->n_members++;
}

static struct bond *bond_named(struct all *a, const char *name)
{
	for (unsigned i = 0; i < a->n_bonds; i++)
		if (strcmp(a->b[i].name, name) == 0)
			return &a->b[i];
	cr_assert_fail("no bond %s", name);
	return NULL;
}

static struct bond_member *member_named(struct all *a, const char *name)
{
	for (unsigned i = 0; i < a->n_members; i++)
		if (strcmp(a->m[i].name, name) == 0)
			return &a->m[i];
	cr_assert_fail("no member %s", name);
	return NULL;
}

Test(bond, reads_both_ends_of_lacp_and_who_is_active)
{
	struct all a = { 0 };
	struct bond *b;
	struct bond_member *m;

	cr_assert_eq(messages_each("bond/lacp", collect, &a), 6);
	cr_assert_eq(a.n_bonds, 2);
	cr_assert_eq(a.n_members, 4);
	b = bond_named(&a, "b0");
	cr_expect_str_eq(bond_mode_word(b->mode), "802.3ad");
	cr_expect_str_eq(bond_hash_word(b->hash), "layer2");
	cr_expect_eq(b->min_links, 1);
	cr_expect_eq(b->lacp_fast, 1);
	cr_expect_eq(b->ports, 2);
	cr_expect_eq(b->partner_key, 15);
	cr_expect_neq(b->partner[5], 0);
	m = member_named(&a, "v1");
	cr_expect_eq(m->master, b->ifindex);
	cr_expect_eq(m->actor, 63);
	cr_expect_eq(m->partner, 63);
	cr_expect(member_carries(m, b) && member_carries(member_named(&a, "v0"), b));

	b = bond_named(&a, "a0");
	cr_expect_str_eq(bond_mode_word(b->mode), "active-backup");
	cr_expect_eq(b->active, member_named(&a, "d0")->ifindex);
	cr_expect(!(b->has & BOND_HAS_AD));
	cr_expect(member_carries(member_named(&a, "d0"), b));
	cr_expect(!member_carries(member_named(&a, "d1"), b), "the backup");
}

static void count_members(struct all *a, const struct bond *b, struct bond_count *count)
{
	memset(count, 0, sizeof(*count));
	for (unsigned i = 0; i < a->n_members; i++)
		if (a->m[i].master == b->ifindex)
			member_count(&a->m[i], b, count);
}

Test(bond, a_member_that_does_not_carry_says_whose_fault_it_is)
{
	struct all a = { 0 };
	struct bond_count count;
	struct bond_member *m;
	int64_t raw[MEMBER_NUMBERS];
	uint64_t known;
	struct bond *b;

	cr_assert_eq(messages_each("bond/degraded", collect, &a), 6);
	b = bond_named(&a, "b0");
	m = member_named(&a, "v1");
	cr_expect_eq(b->ports, 1);
	cr_expect_str_eq(bond_mii_word(m->mii), "down", "the partner left, so the veth is down");
	cr_expect_eq(m->failures, 1);
	count_members(&a, b, &count);
	cr_expect(count.members == 2 && count.up == 1 && count.carrying == 1 && count.bad == 0);

	/* Its link is up, and the partner says that it does not take it. */
	m->mii = 0;
	m->backup = 0;
	m->actor = 63;
	m->partner = 0x07;
	m->aggregator = b->aggregator;
	count_members(&a, b, &count);
	cr_expect(count.up == 2 && count.carrying == 1 && count.bad == 1);
	known = member_fill(m, b, &count, raw);
	cr_expect(raw[MEMBER_IN_SYNC] && !raw[MEMBER_PARTNER_IN_SYNC] && !raw[MEMBER_CARRIES]);
	cr_expect(known >> MEMBER_CHURNED & 1 && !raw[MEMBER_CHURNED]);
	m->partner_churn = CHURN_CHURNED;
	m->actor_churn = CHURN_UNKNOWN;
	known = member_fill(m, b, &count, raw);
	cr_expect(!(known >> MEMBER_CHURNED & 1), "unknown is not fine");
	cr_expect(known >> MEMBER_PARTNER_CHURNED & 1 && raw[MEMBER_PARTNER_CHURNED]);

	cr_expect(raw[MEMBER_SPARE] && raw[MEMBER_LACP], "the other one carries");
	b->min_links = 2;
	(void) member_fill(m, b, &count, raw);
	cr_expect(!raw[MEMBER_SPARE], "one is too few");

	m->partner = 63;
	cr_expect(member_carries(m, b));
	m->aggregator++;
	cr_expect(!member_carries(m, b), "in an aggregator that is not used");
	m->aggregator--;
	m->actor |= LACP_STATE_EXPIRED;
	cr_expect(!member_carries(m, b), "the partner fell silent");

	/* Nobody speaks LACP: one member carries, defaulted; the other is no fault of ours. */
	m->actor = LACP_STATE_DEFAULTED | 0x3d;
	m->partner = 0;
	cr_expect(member_carries(m, b));
	*member_named(&a, "v0") = *m;
	count_members(&a, b, &count);
	(void) member_fill(m, b, &count, raw);
	cr_expect(count.carrying == 2 && !raw[MEMBER_SPARE], "nobody knows what the others do");
}

static char *load(const char *name)
{
	static char text[8192];
	char path[512];
	size_t n;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void) fclose(f);
	return text;
}

Test(bond, churn_is_read_from_the_text_of_older_kernels)
{
	char *text = load("bond/proc");
	uint8_t actor = 0, partner = 0;
	char *at;

	cr_assert(bond_churn_of(text, "v0", &actor, &partner));
	cr_expect_str_eq(bond_churn_word(actor), "monitoring");
	cr_expect_str_eq(bond_churn_word(partner), "monitoring");
	at = strstr(strstr(text, "Slave Interface: v1"), "Partner Churn State: ");
	memcpy(at + strlen("Partner Churn State: "), "churned\n##", 10);
	cr_assert(bond_churn_of(text, "v1", &actor, &partner));
	cr_expect_eq(actor, CHURN_MONITORING);
	cr_expect_eq(partner, CHURN_CHURNED);
	cr_assert(bond_churn_of(text, "v0", &actor, &partner));
	cr_expect_eq(partner, CHURN_MONITORING, "that of v1 is not v0's");
	cr_expect(!bond_churn_of(text, "v", &actor, &partner));
	cr_expect(!bond_churn_of("", "v0", &actor, &partner));
	cr_expect(!bond_churn_of("Slave Interface: v0\n", "v0", &actor, &partner));
	cr_expect_null(bond_churn_word(CHURN_UNKNOWN));
}

static void try(const struct nlmsghdr *m, void *data)
{
	struct bond_member member;
	struct bond b;

	(void) data;
	(void) bond_parse(m, &b);
	cr_assert_lt(strnlen(b.name, sizeof(b.name)), sizeof(b.name));
	(void) bond_parse_member(m, &member);
	cr_assert_lt(strnlen(member.name, sizeof(member.name)), sizeof(member.name));
}

Test(bond, survives_messages_that_are_cut_or_lie)
{
	messages_torment("bond/lacp", try, NULL);
}

static bool has_looked(struct fake_host *h, void *data)
{
	(void) data;
	return strstr(fake_host_log(h), "no bonds here") || fake_host_entities(h, "bond");
}

Test(bond, without_bonding_it_says_so_once_and_is_quiet)
{
	netlab_enter();
	host = fake_host_new("bond");
	cr_assert_eq(fake_host_start(host), 0);
	if (system("ip link add b0 type bond 2>/dev/null") == 0)
		cr_skip_test("this kernel has bonding");
	cr_assert(fake_host_wait(host, has_looked, NULL, WAIT_MS));
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_ERROR), 0);
}
