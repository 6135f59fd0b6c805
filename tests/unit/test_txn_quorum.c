/* A transaction that needs grants of neighbours: when it asks, waits, goes on, and gives back. */
#include <errno.h>

#include "txn_world.h"

#define MINUTE (60 * US_PER_S)

static void open_world(void)
{
	world_open();
	world.permit.quorum.n = 1;
	world.grants = TXN_GRANTS_ASKED;
	world.grants_why = "waits for pe2";
}

TestSuite(txn_quorum, .init = open_world, .fini = world_close);

static const struct txn *get(uint64_t id)
{
	return txns_get(world.engine, id);
}

Test(txn_quorum, waits_for_the_grants_and_goes_on_with_them)
{
	uint64_t id = world_propose(1);

	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_str_eq(get(id)->why, "waits for pe2");
	cr_assert_eq(world.n_grants_asked, 1);
	cr_assert_geq(world.grants_hold_us, world.permit.verify_within_us);
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_gt(world.n_decides, 2, "the world goes on");
	cr_assert_eq(world.n_grants_asked, 1, "the plan is the same");
	cr_assert_eq(world.n_charges, 0);

	world.grants = TXN_GRANTS_GIVEN;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_grants_ended, 1);
	cr_assert_eq(world.n_grants_kept, 0);
}

Test(txn_quorum, is_denied_in_the_words_of_the_peers)
{
	uint64_t id = world_propose(1);

	sim_quiet(&world);
	world.grants = TXN_GRANTS_REFUSED;
	world.grants_why = "pe2: no: link.wan0.carrier false; pe3: no answer in 5s";
	sim_pass(&world, US_PER_S);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(get(id)->why,
			 "denied: pe2: no: link.wan0.carrier false; pe3: no answer in 5s");
	cr_assert(world_is_before());
	cr_assert_eq(world.n_grants_ended, 1);
}

Test(txn_quorum, grants_of_another_plan_do_not_count)
{
	uint64_t id = world_propose(1);

	sim_quiet(&world);
	sim_meddle(&world, 1, 555); /* what it would change is not as it was */
	world.grants = TXN_GRANTS_GIVEN;
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world.n_grants_asked, 2);
	world.grants = TXN_GRANTS_GIVEN;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_quorum, a_plan_that_changes_while_it_is_prepared_is_asked_for_again)
{
	uint64_t id = world_propose(1);

	sim_quiet(&world);
	world.grants = TXN_GRANTS_GIVEN;
	(void) txns_run(world.engine);
	cr_assert_eq(world_state(id), TXN_PREPARING);
	world.policy[3]++;
	world.generation++;
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world.n_grants_asked, 2);
	cr_assert(world_is_before());
}

Test(txn_quorum, without_peers_it_is_denied)
{
	struct txn_ops ops = sim_ops;
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { 1, 1001 } });
	_cleanup_(txns_freep) struct txns *e = NULL;
	uint64_t id = 0;

	ops.grants = NULL;
	ops.grants_end = NULL;
	e = txns_new(&ops, &world);
	cr_assert_eq(txns_propose(e, "uplink", 1, 2, &p, &id), 0);
	cr_assert_eq(txns_get(e, id)->state, TXN_DENIED);
	cr_assert_str_eq(txns_get(e, id)->why, "denied: there are no peers to ask");
}

Test(txn_quorum, people_come_first_and_grants_last)
{
	uint64_t id;

	world.level = LEVEL_APPROVE;
	world.permit.approvals = 1;
	id = world_propose(1);
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world.n_grants_asked, 0, "they are short-lived");
	cr_assert_eq(world_approve(id, "ann", true), 0);
	sim_quiet(&world);
	cr_assert_eq(world.n_grants_asked, 1);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(txns_approve(world.engine, id, "bob", true, get(id)->plan.hash), -EINVAL,
		     "no signature is missing");

	/* The plan changes: signatures are dropped, and the grants are given back. */
	sim_meddle(&world, 1, 555);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world.n_dropped, 1);
	cr_assert_eq(world.n_grants_ended, 1);
	cr_assert_eq(world_approve(id, "ann", true), 0);
	world.grants = TXN_GRANTS_GIVEN;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_grants_asked, 2);
}

Test(txn_quorum, the_brake_and_our_own_part_make_it_wait)
{
	uint64_t id;

	txns_pause(world.engine, true);
	id = world_propose(1);
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world.n_grants_asked, 0);
	world.grants = TXN_GRANTS_BUSY;
	world.grants_why = "pe1 has it";
	txns_pause(world.engine, false);
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_str_eq(get(id)->why, "pe1 has it");
	world.grants = TXN_GRANTS_ASKED;
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world.n_grants_asked, 1);
	world.grants = TXN_GRANTS_GIVEN;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_quorum, the_grant_is_kept_as_long_as_the_change_stands_for_a_while)
{
	uint64_t id;

	world.permit.undo_after_us = 10 * US_PER_S;
	world.permit.undo_unless_renewed = true;
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_geq(world.grants_hold_us, 10 * US_PER_S);
	world.grants = TXN_GRANTS_GIVEN;
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	cr_assert_eq(world.n_grants_ended, 0);
	/* Its grants would not be renewed, so it is not. */
	{
		struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { 1, 1001 } });
		uint64_t same = 0;

		cr_assert_eq(txns_propose(world.engine, "uplink", 1, 2, &p, &same), -EALREADY);
		cr_assert_eq(same, id);
	}
	sim_pass(&world, 8 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_eq(world.n_grants_ended, 1);
}

Test(txn_quorum, one_that_is_stuck_keeps_its_grants)
{
	uint64_t id = world_propose(1);

	sim_quiet(&world);
	world.grants = TXN_GRANTS_GIVEN;
	world.verify = TXN_VERIFY_NO;
	world.kernel.jam_cell = 1;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_STUCK);
	cr_assert_eq(world.n_grants_ended, 1);
	cr_assert_eq(world.n_grants_kept, 1);
}
