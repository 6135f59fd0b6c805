/* The engine without crashes: decisions, people, leases, verification, ways back. */
#include "txn/txn.h"

#include <errno.h>

#include "txn_world.h"

TestSuite(txn, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)

Test(txn, auto_goes_all_the_way_and_leaves_the_router_as_wanted)
{
	static const enum txn_state way[] = {
		TXN_DECIDED,   TXN_PREPARING, TXN_INTENT, TXN_ARMING,	 TXN_APPLYING,
		TXN_VERIFYING, TXN_SOAK,      TXN_COMMIT, TXN_DISARMING, TXN_DONE,
	};
	struct anod_change flight[8];
	uint64_t id;

	world.permit.verify_within_us = 10 * US_PER_S;
	world.permit.confirm_us = 60 * US_PER_S;
	id = world_propose(2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_SOAK);
	cr_assert_eq(world.n_armed, 1);
	cr_assert_eq(world.armed[0].deadline_us, world.now_us + 75 * US_PER_S,
		     "verify + confirm + margin");
	cr_assert_eq(txns_in_flight(world.engine, flight, NULL, 8), 2);
	cr_assert_eq(flight[1].post.u.qdisc.limit, 1002);
	cr_assert_eq(world.n_before, 1);
	cr_assert(world_is_after(2));

	sim_pass(&world, 59 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SOAK);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert(world_is_after(2));
	cr_assert_eq(world.n_armed, 0);
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(world.n_changes, ARRAY_SIZE(way));
	for (unsigned i = 0; i < ARRAY_SIZE(way); i++)
		cr_assert_eq(world.seen[i], way[i], "%u: %s", i, txn_state_name(world.seen[i]));
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_DONE);
	cr_assert_eq(txns_in_flight(world.engine, flight, NULL, 8), 0);
}

/* Ended ones stay readable, and a reload frees the rules that they were decided by. */
Test(txn, an_ended_one_points_to_no_rule)
{
	const struct txn *t;
	uint64_t id;

	world.permit.confirm_us = 60 * US_PER_S;
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_not_null(txns_get(world.engine, id)->decision->permit);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	t = txns_get(world.engine, id);
	cr_assert_null(t->decision->permit);
	cr_assert_eq(t->decision->n_rules, 0);
}

/* What was allowed by the old policy and has no INTENT yet is asked of the new one. */
Test(txn, another_policy_is_asked_before_intent)
{
	uint64_t id;

	world.level = LEVEL_APPROVE;
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_neq(txns_get(world.engine, id)->decision->generation, UINT64_MAX);
	world.level = LEVEL_AUTO;
	txns_policy_changed(world.engine);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE, "%s", txn_state_name(world_state(id)));
}

Test(txn, deny_observe_and_propose_end_at_once_and_say_why)
{
	static const struct {
		enum level level;
		const char *why;
	} c[] = {
		{ LEVEL_DENY, "denied: cap \"sim\"" },
		{ LEVEL_OBSERVE, "only observed: cap \"sim\"" },
		{ LEVEL_PROPOSE, "only proposed, a person may carry it out: cap \"sim\"" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		uint64_t id;

		world.level = c[i].level;
		id = world_propose(1);
		cr_assert_eq(world_state(id), TXN_DENIED, "final when propose returns");
		cr_assert_str_eq(txns_get(world.engine, id)->why, c[i].why);
		cr_assert_eq(world_last_record(id), 0);
	}
	sim_quiet(&world);
	cr_assert(world_is_before());
	cr_assert_eq(world.n_charges, 0);
	cr_assert_null(txns_nth(world.engine, 0));
}

Test(txn, approve_wants_distinct_people_of_the_group)
{
	unsigned decides;
	uint64_t id;

	world.level = LEVEL_APPROVE;
	world.permit.approvals = 2;
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world_approve(99, "ann", true), -ENOENT);
	cr_assert_eq(world_approve(id, "eve", false), -EPERM);
	cr_assert_eq(world_approve(id, "ann", true), 0);
	cr_assert_eq(world_approve(id, "ann", true), -EALREADY);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_str_eq(txns_get(world.engine, id)->why,
			 "waits for 1 of 2 approvals: permit \"sim\"");
	decides = world.n_decides;
	cr_assert_eq(world_approve(id, "bob", true), 0);
	cr_assert_gt(world.n_decides, decides, "decided again on what is true now");
	cr_assert_eq(world_approve(id, "cid", true), -EINVAL, "it waits no more");
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(txns_get(world.engine, id)->n_approvals, 2);
	cr_assert_eq(world.n_charges, 1);
}

Test(txn, an_approval_comes_too_late_or_is_denied_or_outrun_by_facts)
{
	uint64_t id;

	world.level = LEVEL_APPROVE;
	world.permit.approve_within_us = 30 * US_PER_S;
	id = world_propose(1);
	sim_pass(&world, 31 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_EXPIRED);

	id = world_propose(1);
	cr_assert_eq(txns_deny(world.engine, id, "ann"), 0);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(txns_get(world.engine, id)->why, "denied by ann");
	cr_assert_eq(txns_deny(world.engine, id, "ann"), -ENOENT);

	id = world_propose(1);
	world.level = LEVEL_DENY;
	cr_assert_eq(world_approve(id, "ann", true), 0);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert(world_is_before());
}

Test(txn, a_moved_model_is_decided_on_again_before_intent)
{
	uint64_t id = world_propose(1);

	cr_assert_eq(world.n_decides, 1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world.n_decides, 1, "nothing moved");

	id = world_set(2, 7);
	world.generation++;
	world.level = LEVEL_DENY;
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_eq(world_last_record(id), 0);
	cr_assert_eq(world.n_charges, 1);
}

Test(txn, identical_open_proposals_are_one)
{
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { 1, 1001 } });
	uint64_t a, b;

	world.permit.confirm_us = MINUTE;
	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 0, &p, &a), 0);
	cr_assert_eq(txns_propose(world.engine, "uplink", 2, 0, &p, &b), -EALREADY);
	cr_assert_eq(a, b);
	cr_assert_eq(txns_propose(world.engine, "other", 2, 0, &p, &b), 0);
	cr_assert_neq(a, b);
	p.n_actions = ANOD_ACTIONS_MAX + 1;
	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 0, &p, &a), -EINVAL);
}

Test(txn, one_transaction_holds_a_resource_and_the_next_waits_for_it)
{
	uint64_t a, b, c;

	world.permit.confirm_us = MINUTE;
	a = world_set(1, 1001);
	sim_quiet(&world);
	b = world_set(2, 1002);
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	c = world_set(3, 1003);
	sim_quiet(&world);
	cr_assert_eq(world_state(b), TXN_WAITING);
	cr_assert_str_eq(txns_get(world.engine, b)->why, "transaction T1 holds link sim0");
	cr_assert_eq(world_state(c), TXN_SOAK, "another resource");
	cr_assert_eq(txns_nth(world.engine, 0)->id, a);

	/* 'b' is decided again with the resource of now, which 'c' holds a little longer. */
	sim_pass(&world, 2 * MINUTE);
	cr_assert_eq(world_state(a), TXN_DONE);
	cr_assert_eq(world_state(c), TXN_DONE);
	sim_settle(&world, 3 * MINUTE);
	cr_assert_eq(world_state(b), TXN_DONE);
	cr_assert(world_is_after(3));
}

Test(txn, pause_holds_what_has_no_intent_and_lets_the_rest_end)
{
	uint64_t a, b, c;

	world.permit.confirm_us = MINUTE;
	a = world_set(1, 1001);
	sim_quiet(&world);
	world.resource[5] = 'x';
	b = world_set(2, 1002);
	txns_pause(world.engine, true); /* while the executor plans it */
	c = world_set(3, 1003);
	sim_pass(&world, 2 * MINUTE);
	cr_assert_eq(world_state(a), TXN_DONE);
	cr_assert_eq(world_state(b), TXN_WAITING);
	cr_assert_eq(world_state(c), TXN_WAITING);
	cr_assert_eq(world.kernel.value[2], 102);
	txns_pause(world.engine, false);
	sim_settle(&world, 5 * MINUTE);
	cr_assert(world_state(b) == TXN_DONE && world_state(c) == TXN_DONE);
}

Test(txn, an_empty_budget_denies_and_nothing_to_change_is_done)
{
	uint64_t id;

	world.charge_error = "budget \"steer\" is used up";
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(txns_get(world.engine, id)->why, "denied: budget \"steer\" is used up");
	cr_assert_eq(world_last_record(id), 0);

	world.charge_error = NULL;
	id = world_set(1, 101); /* its value already */
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world_last_record(id), 0);
	cr_assert_eq(world.n_charges, 0);
}

Test(txn, what_is_not_verified_in_time_is_undone)
{
	uint64_t id;

	world.permit.verify_within_us = 10 * US_PER_S;
	world.permit.confirm_us = MINUTE;
	world.verify = TXN_VERIFY_NO;
	id = world_propose(3);
	sim_pass(&world, 9 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_VERIFYING);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_str_eq(txns_get(world.engine, id)->why, "not verified in time");
	cr_assert(world_is_before());
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_ROLLBACK, JOURNAL_ROLLED_BACK);
	cr_assert_not(txns_get(world.engine, id)->by_guardian);

	world.verify = TXN_VERIFY_DOUBT;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "unknown is not fine");

	world.verify = TXN_VERIFY_YES;
	id = world_propose(1);
	sim_pass(&world, 20 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SOAK);
	world.verify = TXN_VERIFY_NO;
	sim_settle(&world, US_PER_S);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "verified on during soak");

	world.verify = TXN_VERIFY_YES;
	id = world_propose(1);
	sim_pass(&world, 20 * US_PER_S);
	world.verify = TXN_VERIFY_DOUBT;
	sim_pass(&world, 20 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SOAK, "doubt may pass");
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "but not at the end");
	cr_assert(world_is_before());
}

Test(txn, a_refusal_of_the_kernel_undoes_the_steps_that_it_took)
{
	uint64_t id;

	world.kernel.refuse_cell = 1;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED, "nothing had been applied");
	cr_assert_str_eq(txns_get(world.engine, id)->why,
			 "the kernel says: Network is unreachable");
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);

	world.kernel.refuse_cell = 2;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "the first step had been");
	cr_assert_str_eq(txns_get(world.engine, id)->why,
			 "the kernel says: Network is unreachable");
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ROLLBACK, JOURNAL_ROLLED_BACK);
	cr_assert(world_is_before());
	cr_assert_eq(world.n_armed, 0);
}

Test(txn, C16_what_somebody_else_changed_in_soak_is_left_alone)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_meddled(1, 77);
	cr_assert_eq(world.n_armed, 0, "the guardian was let go");
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_SUPERSEDED);

	/* One of two: the other one goes back. */
	world.kernel = world.boot_config;
	cr_assert_eq(txns_unlock(world.engine, "link sim0", "ann"), 0);
	id = world_meddled(2, 77);
	cr_assert_eq(world.kernel.value[2], 102);

	/* In the last moment: read back before COMMIT. */
	world.kernel = world.boot_config;
	cr_assert_eq(txns_unlock(world.engine, "link sim0", "ann"), 0);
	id = world_propose(1);
	sim_pass(&world, 59900 * US_PER_MS);
	cr_assert_eq(world_state(id), TXN_SOAK);
	sim_meddle(&world, 1, 77);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_SUPERSEDED);
	cr_assert_eq(world.kernel.value[1], 77);
}

Test(txn, an_operator_rolls_back_and_confirms_by_hand)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_propose(1);
	cr_assert_eq(txns_rollback(world.engine, id, "rolled back by ann"), -EINVAL, "too early");
	sim_quiet(&world);
	cr_assert_eq(txns_confirm(world.engine, id, "ann"), -EINVAL, "nobody asked");
	cr_assert_eq(txns_rollback(world.engine, id, "rolled back by ann"), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_str_eq(txns_get(world.engine, id)->why, "rolled back by ann");
	cr_assert_eq(txns_rollback(world.engine, id, "again"), -ENOENT);
	cr_assert_eq(txns_confirm(world.engine, id, "ann"), -ENOENT);

	world.permit.confirm_by_hand = true;
	id = world_propose(1);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "nobody confirmed");

	id = world_propose(1);
	sim_pass(&world, 10 * US_PER_S);
	cr_assert_eq(txns_confirm(world.engine, id, "ann"), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert(world_is_after(1));
}

Test(txn, undo_after_stands_until_its_time_without_lease_or_guardian)
{
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { 1, 1001 } });
	uint64_t id, other;

	world.permit.undo_after_us = 30 * MINUTE;
	world.permit.undo_unless_renewed = true;
	id = world_set(1, 1001);
	sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	cr_assert_eq(world.n_armed, 0);
	world.permit.undo_after_us = 0;
	other = world_set(2, 1002);
	sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(other), TXN_DONE, "the lease is free");

	world.permit.undo_after_us = 30 * MINUTE;
	sim_pass(&world, 20 * MINUTE);
	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 0, &p, &other), -EALREADY);
	cr_assert_eq(other, id);
	sim_pass(&world, 29 * MINUTE);
	cr_assert_eq(world_state(id), TXN_COMMIT, "renewed");
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_eq(world.kernel.value[1], 101);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_COMMIT, JOURNAL_ROLLBACK, JOURNAL_ROLLED_BACK);
}

Test(txn, a_daemon_that_hangs_is_overtaken_by_the_guardian)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_propose(2);
	sim_quiet(&world);
	/* The loop does not run until the guardian's deadline. */
	world.now_us = world.armed[0].deadline_us;
	sim_guard_fire(&world, false);
	cr_assert(world_is_before());
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->by_guardian);
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn, nothing_is_committed_next_to_the_guardians_deadline)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_propose(1);
	sim_quiet(&world);
	world.now_us = world.armed[0].deadline_us - 100 * US_PER_MS;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(world_is_before());
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn, an_executor_that_answers_nothing_harms_nothing)
{
	uint64_t id;

	world.exec_is_deaf = true;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED, "not planned");

	world.exec_is_deaf = false;
	world.permit.confirm_us = MINUTE;
	id = world_propose(1);
	sim_quiet(&world);
	world.exec_is_deaf = true;
	sim_settle(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->by_guardian, "the guardian did what it could not");
	cr_assert(world_is_before());
}

Test(txn, a_guardian_that_answers_nothing_or_wrongly_stops_it_before_the_first_effect)
{
	struct guard_ack ack = { .head = { .type = GUARD_ARMED, .size = sizeof(ack) }, .crc = 1 };
	uint64_t id;

	world.guard_is_deaf = true;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);

	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ARMING);
	ack.head.id = id;
	cr_assert_eq(txns_on_guard(world.engine, &ack.head), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ABORTED, "another CRC than that of the ARM message");

	id = world_propose(1);
	sim_quiet(&world);
	ack.head.id = id;
	ack.head.type = GUARD_DISARMED;
	cr_assert_eq(txns_on_guard(world.engine, &ack.head), 0);
	cr_assert_eq(world_state(id), TXN_ABORTED, "refused");
	cr_assert(world_is_before());
}

Test(txn, an_undo_that_the_kernel_refuses_is_tried_again_and_then_stuck)
{
	uint64_t id;

	world.verify = TXN_VERIFY_NO;
	world.kernel.jam_cell = 1;
	id = world_propose(1);
	sim_pass(&world, 5 * US_PER_S + 100 * US_PER_MS);
	cr_assert_eq(world_state(id), TXN_UNDOING);
	world.kernel.jam_cell = -1;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "the second try");
	cr_assert(world_is_before());

	world.kernel.jam_cell = 1;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_STUCK);
	cr_assert_eq(world_last_record(id), JOURNAL_STUCK);
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn, broken_and_late_messages_are_told_apart)
{
	struct exec_result m = { .head = { .type = EXEC_APPLIED, .size = sizeof(m), .id = 1 } };
	uint64_t id = world_propose(1);

	m.head.id = 0;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO);
	m.head.id = id + 1;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO, "never given out");
	m.head.id = id;
	m.n_steps = 5;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO, "a wrong number of steps");
	m.n_steps = 0;
	m.head.size--;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO);
	m.head.size++;
	m.head.type = 77;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO);
	cr_assert_eq(txns_on_guard(world.engine, &m.head), -EPROTO);
	memset(m.why, 'x', sizeof(m.why));
	m.head.type = EXEC_APPLIED;
	m.error = -ENOENT;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), -EPROTO, "text without an end");
	m.why[0] = 0;
	cr_assert_eq(txns_on_exec(world.engine, &m.head), 0, "late or early: ignored");
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(txns_on_exec(world.engine, &m.head), 0, "it has ended");
}

Test(txn, sixty_four_are_open_at_most_and_old_ends_are_forgotten)
{
	struct anod_proposal p;
	uint64_t id, first = 0;

	world.level = LEVEL_APPROVE;
	for (int64_t i = 0; i < TXNS_MAX; i++) {
		id = world_set(1, 2000 + i);
		first = first ? first : id;
	}
	p = sim_proposal(1, (const int64_t[1][2]){ { 2, 1 } });
	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 0, &p, &id), -EBUSY);
	for (unsigned i = 0; i < TXNS_MAX; i++)
		cr_assert_eq(txns_deny(world.engine, first + i, "ann"), 0);
	cr_assert_null(txns_nth(world.engine, 0));
	cr_assert_null(txns_get(world.engine, first));
	cr_assert_not_null(txns_get(world.engine, first + TXNS_MAX - 1));
	cr_assert_not_null(txns_get(world.engine, first + TXNS_MAX - TXNS_KEPT));
}

Test(txn, every_state_has_a_name_and_only_ends_are_final)
{
	for (int s = TXN_DECIDED; s <= TXN_UNDOING; s++)
		cr_assert(txn_state_name(s) && !txn_state_final(s));
	for (int s = TXN_DONE; s <= TXN_CLOSED_BY_REBOOT; s++)
		cr_assert(txn_state_name(s) && txn_state_final(s));
	cr_assert_null(txn_state_name(31));
}
