/* A regression in the soak of several: the youngest goes back first, then the next. */
#include <errno.h>

#include "txn_world.h"

TestSuite(blame, .init = world_open, .fini = world_close);

static uint64_t sufferer, culprit; /* while the latter is in force, the former is not verified */
static bool self;		   /* the sufferer's own fault */

static enum txn_verify suffers(struct sim *s, const struct txn *t)
{
	const struct txn *c = txns_get(s->engine, culprit);
	bool bad = self || (c && c->state >= TXN_VERIFYING && c->state < TXN_ROLLBACK);

	return t->id == sufferer && bad ? TXN_VERIFY_NO : TXN_VERIFY_YES;
}

static uint64_t one(int64_t cell)
{
	uint64_t id = world_set(cell, 500);

	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_SOAK);
	sim_pass(&world, US_PER_S);
	return id;
}

static void begin(void)
{
	world.resource[0] = '\0';
	world.lease_of = world_own_link;
	world.verify_of = suffers;
	world.permit.verify_within_us = 5 * US_PER_S;
	world.permit.confirm_us = 120 * US_PER_S;
	self = false;
	sufferer = culprit = 0;
}

/* An older and a younger one; tx[which] is not verified any longer, by its own fault. */
static void two(uint64_t tx[2], unsigned which)
{
	begin();
	tx[0] = one(1);
	tx[1] = one(2);
	sufferer = tx[which];
	self = true;
}

static const char *why_of(uint64_t id)
{
	return txns_get(world.engine, id)->why;
}

Test(blame, the_youngest_goes_back_first_and_that_was_it)
{
	uint64_t a, b, c;

	begin();
	a = one(1);
	b = one(2);
	sufferer = a;
	culprit = c = world_set(3, 500);
	sim_quiet(&world);
	sim_pass(&world, US_PER_S);
	cr_assert_eq(world_state(c), TXN_ROLLED_BACK, "%s", txn_state_name(world_state(c)));
	cr_assert_str_eq(why_of(c),
			 "what T1 was verified by is so no longer: the verification of permit "
			 "\"sim\"; this is the youngest of 3 that are not committed and goes back "
			 "first");
	sim_settle(&world, 300 * US_PER_S);
	cr_assert_eq(world_state(a), TXN_DONE);
	cr_assert_eq(world_state(b), TXN_DONE);
	cr_assert_eq(world.kernel.value[3], 103);
}

Test(blame, the_next_one_follows_when_it_has_settled)
{
	uint64_t a, b, c;

	begin();
	a = one(1);
	b = one(2);
	c = one(3);
	sufferer = a;
	culprit = b;
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_state(c), TXN_ROLLED_BACK);
	cr_assert_eq(world_state(b), TXN_SOAK, "not before that had time to help");
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(b), TXN_ROLLED_BACK);
	cr_assert_not_null(strstr(why_of(b), "youngest of 2"), "%s", why_of(b));
	sim_settle(&world, 300 * US_PER_S);
	cr_assert_eq(world_state(a), TXN_DONE);
}

Test(blame, at_last_it_is_the_sufferer)
{
	uint64_t tx[2];

	two(tx, 0);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_state(tx[1]), TXN_ROLLED_BACK);
	cr_assert_eq(world_state(tx[0]), TXN_SOAK);
	sim_pass(&world, 6 * US_PER_S);
	cr_assert_eq(world_state(tx[0]), TXN_ROLLED_BACK);
	cr_assert_str_eq(why_of(tx[0]), "it was verified and is so no longer");
	cr_assert(world_is_before());
}

/* An older one is not to blame: all was well when it was alone. */
Test(blame, the_youngest_blames_nobody)
{
	uint64_t tx[2];

	two(tx, 1);
	sim_pass(&world, US_PER_S);
	cr_assert_eq(world_state(tx[1]), TXN_ROLLED_BACK);
	sim_settle(&world, 300 * US_PER_S);
	cr_assert_eq(world_state(tx[0]), TXN_DONE);
}
