/* What a transaction holds alone, who is next, and that nobody waits for ever. */
#include "txn/lease.h"

#include <stdlib.h>
#include <time.h>

#include "txn_world.h"

TestSuite(lease, .init = world_open, .fini = world_close);

Test(lease, keys_are_a_set_and_too_many_are_everything)
{
	static struct lease a, b;
	char text[128];
	bool all;

	lease_add(&a, "link wan0", "wan0");
	lease_add(&a, "srlg duct-a", "wan0");
	lease_add(&a, "link wan0", NULL);
	lease_add(&a, "", NULL);
	cr_assert_eq(a.n, 2);
	lease_add(&b, "link wan1", "wan1");
	cr_assert_null(lease_meets(&a, &b, &all));
	cr_assert_not(all);
	lease_add(&b, "srlg duct-a", "wan1");
	cr_assert_str_eq(lease_key_text(lease_meets(&a, &b, &all), text, sizeof(text)),
			 "srlg \"duct-a\" (link wan1)");
	cr_assert_not(all);
	cr_assert_str_eq(lease_key_text(&b.key[0], text, sizeof(text)), "link wan1");

	lease_clear(&b);
	for (unsigned i = 0; i <= LEASE_KEYS_MAX; i++) {
		cr_assert_eq(b.all, false);
		(void) snprintf(text, sizeof(text), "link x%u", i);
		lease_add(&b, text, NULL);
	}
	cr_assert(b.all && b.n == LEASE_KEYS_MAX);
	cr_assert_not_null(lease_meets(&a, &b, &all));
	cr_assert(all);
	lease_clear(&a);
	cr_assert_null(lease_meets(&a, &b, &all), "who wants nothing meets nobody");
}

Test(lease, the_order_is_redundancy_evidence_priority_age)
{
	static const struct lease_rank order[] = {
		{ .redundancy = 1, .id = 9 },
		{ .evidence = 4, .id = 8 },
		{ .evidence = 3, .priority = 9, .id = 7 },
		{ .evidence = 3, .priority = 1, .id = 2 },
		{ .evidence = 3, .priority = 1, .id = 6 },
		{ .redundancy = -1, .evidence = 9, .priority = 9, .id = 1 },
	};
	static const char *const why[] = {
		"it restores redundancy and this one does not",
		"it rests on more measured evidence (2 facts, not 1.5)",
		"its priority is 9, this one's is 1",
		"it is older",
		"this one reduces redundancy",
	};
	char buf[128];

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
			cr_assert_eq(lease_before(&order[i], &order[k]), i < k, "%u, %u", i, k);
	for (unsigned i = 0; i < ARRAY_SIZE(why); i++)
		cr_assert_str_eq(lease_before_why(&order[i], &order[i + 1], buf, sizeof(buf)),
				 why[i]);
}

/* ---- in the engine ------------------------------------------------------------------------ */

/* Cells 1 and 2 run through one duct; 3 has its own. */
static void ducts(struct sim *s, const struct txn *t, struct lease *l)
{
	(void) s;
	for (uint32_t i = 0; i < t->proposal.n_actions; i++) {
		int64_t cell = t->proposal.action[i].arg[0].value.u.i;
		char key[32], link[ANOD_IFNAME_SIZE];

		(void) snprintf(link, sizeof(link), "wan%d", (int) cell);
		(void) snprintf(key, sizeof(key), "link %s", link);
		lease_add(l, key, link);
		lease_add(l, cell <= 2 ? "srlg duct-a" : "srlg duct-b", link);
	}
}

/* The value tells: 2xx restores, 3xx reduces; the last digit is evidence. */
static void by_value(struct sim *s, const struct txn *t, struct lease_rank *ret)
{
	int64_t value = t->proposal.action[0].arg[1].value.u.i;

	(void) s;
	ret->redundancy = value / 100 == 2 ? 1 : value / 100 == 3 ? -1 : 0;
	ret->evidence = (unsigned) (value % 10);
}

static const char *why_of(uint64_t id)
{
	return txns_get(world.engine, id)->why;
}

Test(lease, what_fails_together_is_changed_one_after_the_other)
{
	uint64_t a, b, c;

	world.resource[0] = '\0';
	world.lease_of = ducts;
	world.permit.confirm_us = 60 * US_PER_S;
	a = world_set(1, 500);
	b = world_set(2, 500);
	c = world_set(3, 500);
	sim_quiet(&world);
	cr_assert_eq(world_state(a), TXN_SOAK);
	cr_assert_eq(world_state(b), TXN_WAITING);
	cr_assert_eq(world_state(c), TXN_SOAK, "another duct");
	cr_assert_str_eq(why_of(b), "transaction T1 holds srlg \"duct-a\" (link wan1)");
	sim_settle(&world, 300 * US_PER_S);
	cr_assert_eq(world_state(b), TXN_DONE, "%s", why_of(b));
}

Test(lease, of_those_that_wait_the_better_one_goes_first)
{
	uint64_t holder, worse, plain, better;

	world.lease_of = ducts;
	world.rank_of = by_value;
	world.permit.confirm_us = 60 * US_PER_S;
	holder = world_set(1, 500);
	worse = world_set(1, 309);
	plain = world_set(1, 501);
	better = world_set(1, 200);
	sim_quiet(&world);
	cr_assert_eq(world_state(holder), TXN_SOAK);
	cr_assert_str_eq(why_of(better), "transaction T1 holds link sim0");
	cr_assert_str_eq(
		why_of(plain),
		"transaction T1 holds link sim0; T4, which wants link sim0, goes first: it "
		"restores redundancy and this one does not");
	cr_assert_not_null(strstr(why_of(worse), "this one reduces redundancy"), "%s",
			   why_of(worse));

	sim_pass(&world, 61 * US_PER_S);
	cr_assert_eq(world_state(holder), TXN_DONE);
	cr_assert_eq(world_state(better), TXN_SOAK);
	cr_assert_eq(world_state(plain), TXN_WAITING);
	sim_pass(&world, 61 * US_PER_S);
	cr_assert_eq(world_state(plain), TXN_SOAK);
	cr_assert_eq(world_state(worse), TXN_WAITING);
	sim_pass(&world, 130 * US_PER_S);
	cr_assert_eq(world_state(worse), TXN_DONE);
}

/* The plan tells more than the proposal: both change cell 4, by resources that differ. */
static void by_agent(struct sim *s, const struct txn *t, struct lease *l)
{
	(void) s;
	lease_add(l, t->proposal.action[0].arg[1].value.u.i == 500 ? "link a" : "link b", NULL);
}

Test(lease, what_the_plan_changes_is_held_as_well)
{
	uint64_t a, b;

	world.resource[0] = '\0';
	world.lease_of = by_agent;
	world.permit.confirm_us = 60 * US_PER_S;
	a = world_set(4, 500);
	sim_quiet(&world);
	b = world_set(4, 501);
	sim_quiet(&world);
	cr_assert_eq(world_state(a), TXN_SOAK);
	cr_assert_eq(world_state(b), TXN_WAITING);
	cr_assert_not_null(strstr(why_of(b), "transaction T1 holds "), "%s", why_of(b));
	sim_settle(&world, 300 * US_PER_S);
	cr_assert_eq(world_state(b), TXN_DONE, "%s", why_of(b));
	cr_assert_eq(world.kernel.value[4], 501);
}

/* ---- together they would do harm ----------------------------------------------------------- */

/* Allowed as long as nobody else has one of the two uplinks (cells 1 and 2) in flight. */
static enum level one_uplink_stays(struct sim *s, const struct txn *t)
{
	struct anod_change flight[16];
	uint64_t tx[16];
	unsigned n = s->engine ? txns_in_flight(s->engine, flight, tx, 16) : 0;

	for (unsigned i = 0; i < MIN_OF(n, 16u); i++)
		if (tx[i] != t->id)
			return LEVEL_DENY;
	return LEVEL_AUTO;
}

Test(lease, two_that_are_harmless_alone_are_judged_together_at_intent)
{
	uint64_t a, b, c;

	world.resource[0] = '\0';
	world.lease_of = world_own_link;
	world.level_of = one_uplink_stays;
	world.permit.confirm_us = 60 * US_PER_S;
	/* Both are decided while nothing is in flight, and the model has heard of nothing since. */
	a = world_set(1, 500);
	b = world_set(2, 500);
	cr_assert_eq(world_state(a), TXN_PREPARING);
	cr_assert_eq(world_state(b), TXN_PREPARING);
	sim_quiet(&world);
	cr_assert_eq(world_state(a), TXN_SOAK);
	cr_assert_eq(world_state(b), TXN_DENIED, "%s", txn_state_name(world_state(b)));
	cr_assert_eq(world.kernel.value[2], 102);

	c = world_set(2, 501);
	cr_assert_eq(world_state(c), TXN_DENIED, "and at the decision");
}

/* ---- any order ----------------------------------------------------------------------------- */

#define KEYS 5

static void random_keys(struct sim *s, const struct txn *t, struct lease *l)
{
	uint64_t mask = (uint64_t) t->proposal.action[0].arg[1].value.u.i;

	(void) s;
	for (unsigned i = 0; i < KEYS; i++) {
		char key[16];

		(void) snprintf(key, sizeof(key), "link k%u", i);
		if (mask >> i & 1)
			lease_add(l, key, NULL);
	}
}

static void random_rank(struct sim *s, const struct txn *t, struct lease_rank *ret)
{
	(void) s;
	ret->redundancy = (int) (t->id * 7 % 3) - 1;
	ret->evidence = (unsigned) (t->id * 5 % 4);
}

static void check_exclusive(unsigned seed)
{
	const struct txn *a, *b;

	for (unsigned i = 0; (a = txns_nth(world.engine, i)); i++)
		for (unsigned k = i + 1; (b = txns_nth(world.engine, k)); k++) {
			uint64_t both = (uint64_t) (a->proposal.action[0].arg[1].value.u.i &
						    b->proposal.action[0].arg[1].value.u.i) &
					((1u << KEYS) - 1);

			if (a->state >= TXN_PREPARING && b->state >= TXN_PREPARING)
				cr_assert_eq(both, 0, "seed %u: T%d and T%d", seed, (int) a->id,
					     (int) b->id);
		}
}

Test(lease, nobody_waits_for_ever_and_nobody_shares_whatever_the_order)
{
	unsigned seed = getenv("SEED") ? (unsigned) atoi(getenv("SEED")) : (unsigned) time(NULL);

	cr_log_info("seed %u", seed);
	srand(seed);
	world.resource[0] = '\0';
	world.lease_of = random_keys;
	world.rank_of = random_rank;
	world.permit.approve_within_us = 24 * 3600 * US_PER_S;
	for (unsigned round = 0; round < 300; round++) {
		int64_t mask = (rand() % (1 << KEYS)) | (1 << KEYS) * (int64_t) (round + 1);

		if (!txns_nth(world.engine, 40))
			(void) world_set(rand() % 7, mask);
		world.permit.confirm_us = (unsigned) (rand() % 4) * US_PER_S;
		world.verify = rand() % 8 ? TXN_VERIFY_YES : TXN_VERIFY_NO;
		for (int i = rand() % 4; i > 0 && sim_step(&world); i--)
			check_exclusive(seed);
		if (rand() % 4 == 0)
			sim_pass(&world, (unsigned) (rand() % 3000) * US_PER_MS);
		check_exclusive(seed);
	}
	world.verify = TXN_VERIFY_YES;
	sim_settle(&world, 3600 * US_PER_S);
	cr_assert_null(txns_nth(world.engine, 0), "seed %u: T%d waits: %s", seed,
		       (int) txns_nth(world.engine, 0)->id, txns_nth(world.engine, 0)->why);
}
