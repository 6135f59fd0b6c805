/* Transactions that are ready before their trigger: armed, fired, judged again, taken back. */
#include "txn/txn.h"

#include <errno.h>

#include "txn_world.h"

TestSuite(txn_reflex, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)

static uint64_t armed(enum reflex_kind kind, unsigned n)
{
	uint64_t id = world_arm(kind, n);

	sim_quiet(&world);
	if (kind == REFLEX_KERNEL)
		sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(id), kind == REFLEX_KERNEL ? TXN_COMMIT : TXN_ARMED, "%s: %s",
		     txn_state_name(world_state(id)), txns_get(world.engine, id)->why);
	return id;
}

static const char *why(uint64_t id)
{
	return txns_get(world.engine, id)->why;
}

static void fire(void)
{
	sim_link(&world, true);
	sim_quiet(&world);
}

/* ---- ready bytes -------------------------------------------------------------------------- */

Test(txn_reflex, ready_bytes_wait_without_a_lease_and_go_on_as_any_transaction_when_fired)
{
	struct anod_change flight[4];
	struct guard_trigger none = { 0 };
	const struct txn *t;
	uint64_t id, other;

	world.permit.verify_within_us = 10 * US_PER_S;
	world.permit.confirm_us = MINUTE;
	id = armed(REFLEX_READY, 2);
	t = txns_get(world.engine, id);
	cr_assert(world_is_before());
	cr_assert_eq(world.n_armed, 1);
	cr_assert_eq(world.armed[0].flags, GUARD_REFLEX);
	cr_assert_eq(world.armed[0].deadline_us, US_INFINITY);
	cr_assert_eq(world.armed[0].trigger.hold_us, 75 * US_PER_S, "verify + confirm + margin");
	cr_assert_eq(world.n_charges, 0);
	cr_assert_eq(txns_in_flight(world.engine, flight, NULL, 4), 0);
	cr_assert_eq(t->deadline_us, US_INFINITY);
	WORLD_RECORDS(id, JOURNAL_INTENT);

	/* Another resource is nobody's business. */
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	other = world_set(7, 7);
	sim_pass(&world, 10 * MINUTE);
	cr_assert_eq(world_state(other), TXN_DONE);
	cr_assert_eq(t->state, TXN_ARMED);

	fire();
	cr_assert_eq(t->state, TXN_SOAK);
	cr_assert(world_is_after(2));
	cr_assert_eq(world.n_reflexes, 1);
	cr_assert_eq(t->reflex.seen_ns, world.now_us * 1000);
	cr_assert_eq(t->reflex.cause, GUARD_CAUSE_EVENT);
	cr_assert_eq(world.n_charges, 2, "the other one, and now this");
	cr_assert_eq(txns_in_flight(world.engine, flight, NULL, 4), 2);
	cr_assert_eq(txns_adopt(world.engine, id, &none, NULL), -EINVAL);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(t->state, TXN_DONE);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_DONE);
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, the_hosts_word_fires_as_well)
{
	struct txn_reflex r = { .kind = REFLEX_READY };
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { 1, 1001 } });
	uint64_t id, other;

	cr_assert_eq(txns_trigger(world.engine, 99), -ENOENT);
	r.trigger.sentinel_us = 1000;
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &id), -EINVAL, "of no link");
	r.trigger = (struct guard_trigger){ .ifindex = 3 };
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &id), -EINVAL, "without a name");
	r = (struct txn_reflex){ 0 };
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &id), -EINVAL);
	r.kind = REFLEX_READY;
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &id), 0);
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &other), -EALREADY);
	cr_assert_eq(other, id);
	sim_quiet(&world);
	fire();
	cr_assert_eq(world_state(id), TXN_ARMED, "no link is its trigger");
	cr_assert_eq(txns_trigger(world.engine, id), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(txns_get(world.engine, id)->reflex.cause, GUARD_CAUSE_HOST);
}

Test(txn_reflex, it_is_read_back_before_it_is_verified)
{
	uint64_t id = armed(REFLEX_READY, 2);

	sim_link(&world, true);
	while (world_state(id) != TXN_VERIFYING)
		cr_assert(sim_step(&world));
	sim_meddle(&world, 2, 5);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_SUPERSEDED);
	cr_assert_eq(world.kernel.value[1], 101, "its own part is undone");
	cr_assert_eq(world.kernel.value[2], 5, "somebody else's is left alone");

	sim_link(&world, false);
	world.kernel = world.boot_config;
	(void) copy_text(world.resource, sizeof(world.resource), "link other");
	id = armed(REFLEX_READY, 2);
	world.exec_is_deaf = true;
	sim_link(&world, true);
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_UNDOING, "could not be read back");
	world.exec_is_deaf = false;
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->by_guardian);
}

Test(txn_reflex, what_the_kernel_refuses_is_taken_back)
{
	uint64_t id = armed(REFLEX_READY, 2);

	world.kernel.refuse_cell = 2;
	fire();
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_str_eq(why(id), "it fired, and the kernel refused: Network is unreachable");
	cr_assert(world_is_before());

	sim_link(&world, false);
	world.kernel.refuse_cell = 1;
	id = armed(REFLEX_READY, 1);
	fire();
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED, "nothing had to be taken back");
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, the_budget_must_have_room_when_it_is_armed_and_is_charged_when_it_fires)
{
	uint64_t id;

	world.room_error = "the budget is used up";
	id = world_arm(REFLEX_READY, 1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(why(id), "denied: the budget is used up");
	cr_assert_eq(world_last_record(id), 0);

	world.room_error = NULL;
	id = armed(REFLEX_READY, 1);
	world.charge_error = "the budget is used up";
	fire();
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "at once");
	cr_assert_str_eq(why(id), "the budget is used up");
	cr_assert_eq(world.n_charges, 0);
	cr_assert(world_is_before());
}

Test(txn_reflex, people_sign_before_it_is_armed_and_grants_are_none)
{
	uint64_t id;

	world.level = LEVEL_APPROVE;
	id = world_arm(REFLEX_READY, 1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world_approve(id, "ann", true), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ARMED);
	cr_assert_eq(txns_rejudge(world.engine, id), 0, "ann's word holds");
	world.level = LEVEL_AUTO;
	world.permit.quorum.n = 2;
	cr_assert_eq(txns_rejudge(world.engine, id), -EPERM);
	cr_assert_eq(txns_disarm(world.engine, id, "grants are needed"), 0);
	sim_quiet(&world);
	id = world_arm(REFLEX_READY, 1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(why(id),
			 "denied: grants of neighbours are short-lived and a reflex waits");
}

Test(txn_reflex, judged_again_it_stands_or_says_why_not)
{
	uint64_t id = armed(REFLEX_READY, 1);
	unsigned decides = world.n_decides;

	cr_assert_eq(txns_rejudge(world.engine, 99), -ENOENT);
	cr_assert_eq(txns_rejudge(world.engine, id), 0);
	cr_assert_gt(world.n_decides, decides);
	sim_quiet(&world);
	world.level = LEVEL_OBSERVE;
	cr_assert_eq(txns_rejudge(world.engine, id), -EPERM);
	cr_assert_str_eq(why(id), "cap \"sim\"");
	cr_assert_eq(world_state(id), TXN_ARMED, "the host disarms");
	world.level = LEVEL_AUTO;
	world.permit.confirm_us = MINUTE;
	cr_assert_eq(txns_rejudge(world.engine, id), -EPERM);
	cr_assert_str_eq(why(id), "the permit has other terms now");
	cr_assert_eq(txns_disarm(world.engine, id, why(id)), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: the permit has other terms now");
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);
	cr_assert_eq(txns_rejudge(world.engine, id), -ENOENT);
	cr_assert_eq(world.n_armed, 0);
	cr_assert_eq(world.n_charges, 0);
}

Test(txn_reflex, somebody_elses_change_of_what_it_would_change_disarms_it)
{
	uint64_t id = armed(REFLEX_READY, 2);

	sim_meddle(&world, 2, 5);
	cr_assert_eq(txns_rejudge(world.engine, id), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: somebody else has changed what it would change");
	cr_assert_eq(world.kernel.value[2], 5);
}

Test(txn_reflex, another_transaction_disarms_it_first)
{
	uint64_t id = armed(REFLEX_READY, 2), other;
	char text[64];

	/* The same resource: before it is planned. */
	other = world_set(7, 1007);
	cr_assert_eq(world_state(id), TXN_DISARMING);
	cr_assert_eq(world_state(other), TXN_WAITING);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(other), TXN_DONE);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	(void) snprintf(text, sizeof(text), "disarmed: T%d is about to change the same",
			(int) other);
	cr_assert_str_eq(why(id), text);

	/* The same object under another resource: as soon as that is known. */
	id = armed(REFLEX_READY, 2);
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	other = world_set(2, 7);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_eq(world_state(other), TXN_DONE);
	cr_assert_eq(world.kernel.value[2], 7);

	/* And it is not armed while that is under way. */
	world.permit.confirm_us = MINUTE;
	other = world_set(2, 8);
	sim_quiet(&world);
	cr_assert_eq(world_state(other), TXN_SOAK);
	(void) copy_text(world.resource, sizeof(world.resource), "link sim2");
	id = world_arm(REFLEX_READY, 2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	(void) snprintf(text, sizeof(text), "transaction T%d holds qdisc dev 3 ", (int) other);
	cr_assert_eq(strstr(why(id), text), why(id), "%s", why(id));
	sim_pass(&world, 2 * MINUTE);
	cr_assert_eq(world_state(other), TXN_DONE);
	cr_assert_eq(world_state(id), TXN_ARMED);
}

Test(txn_reflex, one_that_fires_while_it_is_disarmed_is_undone)
{
	uint64_t id = armed(REFLEX_READY, 2);

	sim_link(&world, true);
	cr_assert_eq(txns_disarm(world.engine, id, "not wanted"), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_str_eq(why(id), "it fired while it was being disarmed");
	cr_assert(world_is_before());
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(world_journal(id).n_terminal, 1);
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, a_pause_or_a_person_disarms_it)
{
	uint64_t id = armed(REFLEX_READY, 2);

	txns_pause(world.engine, true);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	id = world_arm(REFLEX_READY, 2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	txns_pause(world.engine, false);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ARMED);

	cr_assert_eq(txns_rollback(world.engine, id, "by ann"), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: by ann");

	/* Paused while the guardian takes it. */
	id = world_arm(REFLEX_READY, 2);
	while (world_state(id) != TXN_ARMING)
		cr_assert(sim_step(&world));
	txns_pause(world.engine, true);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
}

Test(txn_reflex, a_link_that_is_down_cannot_be_armed_for)
{
	uint64_t id;

	sim_link(&world, true);
	id = world_arm(REFLEX_READY, 2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert(world_is_before());
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);
}

Test(txn_reflex, a_journal_that_fails_disarms_all)
{
	uint64_t id = armed(REFLEX_READY, 2), other;

	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	world.write_error = world.sync_error = -EIO;
	other = world_set(7, 7);
	sim_quiet(&world);
	cr_assert_eq(world_state(other), TXN_FAILED);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_eq(world.n_armed, 0);
	world.write_error = world.sync_error = 0;
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, MINUTE);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);
}

/* ---- the bridge --------------------------------------------------------------------------- */

Test(txn_reflex, a_bridge_stands_until_it_is_finished_as_planned)
{
	uint64_t id;

	world.permit.undo_after_us = 5 * MINUTE;
	id = armed(REFLEX_BRIDGE, 1);
	cr_assert_eq(world.armed[0].trigger.hold_us, 310 * US_PER_S, "verify, undo after, margin");
	cr_assert_eq(txns_finish(world.engine, id, "too early"), -EINVAL);
	fire();
	sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_SOAK);
	cr_assert_eq(world.n_armed, 1, "the guardian takes it back when we die");
	cr_assert_eq(txns_finish(world.engine, id, "BIRD has converged"), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->undo_was_due);
	cr_assert(world_is_before());
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_ROLLBACK,
		      JOURNAL_ROLLED_BACK);

	sim_link(&world, false);
	id = armed(REFLEX_BRIDGE, 1);
	fire();
	sim_pass(&world, 299 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SOAK);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->undo_was_due, "its time was over");
	cr_assert_not(txns_get(world.engine, id)->by_guardian);

	sim_link(&world, false);
	id = armed(REFLEX_BRIDGE, 1);
	fire();
	world.verify = TXN_VERIFY_NO;
	sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_not(txns_get(world.engine, id)->undo_was_due, "that was a failure");
}

/* ---- the kernel --------------------------------------------------------------------------- */

Test(txn_reflex, what_the_kernel_is_armed_with_stays_committed_and_watched)
{
	const struct txn *t;
	uint64_t id;

	id = armed(REFLEX_KERNEL, 2);
	t = txns_get(world.engine, id);
	cr_assert(world_is_after(2));
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(t->deadline_us, US_INFINITY);
	cr_assert_eq(world.n_armed, 1);
	cr_assert_eq(world.armed[0].n_steps, 0, "a watch");
	cr_assert_eq(world.armed[0].flags, GUARD_REFLEX);
	sim_pass(&world, 1000 * MINUTE);
	cr_assert_eq(t->state, TXN_COMMIT);
	cr_assert_eq(txns_rejudge(world.engine, id), 0);
	fire();
	cr_assert_eq(t->state, TXN_COMMIT);
	cr_assert_eq(world.n_reflexes, 1);
	cr_assert_eq(t->reflex.cause, GUARD_CAUSE_EVENT);
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(txns_settle(world.engine, id, "the kernel has moved on"), 0);
	sim_quiet(&world);
	cr_assert_eq(t->state, TXN_DONE);
	cr_assert_eq(world.n_armed, 0);
	cr_assert(world_is_after(2));
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_DONE);
}

Test(txn_reflex, what_the_kernel_is_armed_with_is_undone_as_planned)
{
	uint64_t id = armed(REFLEX_KERNEL, 2);

	cr_assert_eq(txns_disarm(world.engine, id, "the standby is gone"), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->undo_was_due);
	cr_assert(world_is_before());
	cr_assert_eq(world.n_armed, 0, "the watch as well");

	id = armed(REFLEX_KERNEL, 2);
	fire();
	cr_assert_eq(txns_finish(world.engine, id, "verified otherwise"), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_eq(txns_settle(world.engine, id, ""), -ENOENT);
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, a_new_guardian_watches_again)
{
	uint64_t id = armed(REFLEX_KERNEL, 1);

	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_quiet(&world);
	cr_assert_eq(world.n_armed, 1);
	fire();
	cr_assert_eq(world.n_reflexes, 1);
	cr_assert_eq(world_state(id), TXN_COMMIT);
}

/* ---- deaths ------------------------------------------------------------------------------- */

static void still_fires(uint64_t id)
{
	cr_assert_eq(world_state(id), TXN_ARMED);
	fire();
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_reflex, the_executors_death_is_harmless_while_it_is_armed)
{
	uint64_t id = armed(REFLEX_READY, 2);

	sim_crash_now(&world, SIM_CRASH_EXEC);
	sim_quiet(&world);
	still_fires(id);
}

Test(txn_reflex, a_new_guardian_is_armed_when_the_kernel_shows_that_it_has_not_fired)
{
	uint64_t id = armed(REFLEX_READY, 2);

	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_quiet(&world);
	cr_assert_eq(world.n_armed, 1);
	still_fires(id);
}

Test(txn_reflex, a_guardian_that_died_right_after_firing_leaves_one_that_has_fired)
{
	uint64_t id = armed(REFLEX_READY, 2);

	/* The kernel has it, nobody was told. */
	world.permit.confirm_us = 0;
	world.kernel.value[1] = 1001;
	world.kernel.value[2] = 1002;
	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(world.n_reflexes, 1);
	cr_assert_eq(world_journal(id).n_terminal, 1);

	world.kernel = world.boot_config;
	id = armed(REFLEX_READY, 2);
	world.kernel.value[1] = 1001;
	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "a part of it");
	cr_assert(world_is_before());
}

Test(txn_reflex, without_a_guardian_nothing_is_armed)
{
	uint64_t id = armed(REFLEX_READY, 2);

	world.guard_is_gone = true;
	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "the guardian died and no other could be had; nothing had been "
				  "changed");
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ROLLBACK, JOURNAL_ABORTED);
}

Test(txn_reflex, a_deaf_guardian_is_not_believed)
{
	uint64_t id = armed(REFLEX_READY, 2);

	world.guard_is_deaf = true;
	cr_assert_eq(txns_disarm(world.engine, id, "not wanted"), 0);
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_eq(world_last_record(id), JOURNAL_ABORTED);

	id = world_arm(REFLEX_READY, 1);
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_ABORTED);
}

Test(txn_reflex, after_a_crash_it_is_aborted_or_undone_and_says_which)
{
	static const enum sim_crash kind[] = { SIM_CRASH_HOST, SIM_CRASH_ALL, SIM_CRASH_BOTH };
	uint64_t id;

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		id = armed(REFLEX_READY, 2);
		sim_crash_now(&world, kind[i]);
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_state(id), TXN_ABORTED);
		cr_assert_str_eq(why(id), "the daemon died while it was armed; nothing had been "
					  "changed");
		WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);
		cr_assert_eq(world.n_armed, 0);

		world.permit.confirm_us = MINUTE;
		id = armed(REFLEX_READY, 2);
		fire();
		cr_assert_eq(world_state(id), TXN_SOAK);
		sim_crash_now(&world, kind[i]);
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
		cr_assert(world_is_before());
		cr_assert_eq(world_journal(id).n_terminal, 1);
		sim_link(&world, false);
	}
	id = armed(REFLEX_READY, 2);
	sim_crash_now(&world, SIM_CRASH_POWER);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_last_record(id), JOURNAL_CLOSED_BY_REBOOT);
}

Test(txn_reflex, the_kernel_stays_armed_through_a_crash_and_is_adopted_or_goes_back)
{
	const struct txn *t;
	uint64_t id;

	id = armed(REFLEX_KERNEL, 2);
	world.adopts = true;
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_pass(&world, 5 * MINUTE);
	t = txns_get(world.engine, id);
	cr_assert_eq(t->state, TXN_COMMIT);
	cr_assert_eq(t->reflex.kind, REFLEX_KERNEL);
	cr_assert_eq(t->proposal.n_actions, 2);
	cr_assert(world_is_after(2));
	cr_assert_eq(world.n_armed, 1, "watched again");
	cr_assert_eq(txns_rejudge(world.engine, id), 0);

	world.adopts = false;
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_pass(&world, 59 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "nobody asks for it");
	cr_assert(txns_get(world.engine, id)->undo_was_due);
	cr_assert(world_is_before());
}

/* ---- hand-over ---------------------------------------------------------------------------- */

static void hand_over(void)
{
	sim_crash_now(&world, SIM_CRASH_HANDOVER);
	cr_assert(sim_step(&world));
	sim_quiet(&world);
}

Test(txn_reflex, a_hand_over_keeps_what_is_armed_and_it_fires_without_a_host)
{
	uint64_t id;

	world.adopts = true;
	id = armed(REFLEX_READY, 2);
	hand_over();
	cr_assert_eq(world_state(id), TXN_ARMED);
	cr_assert_eq(world.n_armed, 1);
	sim_pass(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ARMED, "adopted");
	cr_assert_eq(txns_rejudge(world.engine, id), 0);
	sim_quiet(&world);
	fire();
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_charges, 1);
	cr_assert_eq(world.n_armed, 0);

	/* While nobody was there. */
	world.kernel = world.boot_config;
	sim_link(&world, false);
	id = armed(REFLEX_READY, 2);
	sim_crash_now(&world, SIM_CRASH_HANDOVER);
	sim_link(&world, true);
	sim_guard_trigger(&world);
	cr_assert(world_is_after(2));
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_charges, 2);
	cr_assert_eq(world.n_reflexes, 2);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_DONE);
}

Test(txn_reflex, a_hand_over_keeps_open_transactions)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_propose(2);
	sim_pass(&world, 10 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SOAK);
	hand_over();
	cr_assert_eq(world_state(id), TXN_SOAK);
	cr_assert_not(txns_recovering(world.engine));
	cr_assert(txns_leftover(world.engine, NULL, NULL));
	cr_assert(world_is_after(2));
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_charges, 1);

	world.kernel = world.boot_config;
	world.verify = TXN_VERIFY_DOUBT;
	world.permit.verify_within_us = MINUTE;
	id = world_propose(2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_VERIFYING);
	hand_over();
	cr_assert_eq(world_state(id), TXN_VERIFYING);
	world.verify = TXN_VERIFY_YES;
	sim_settle(&world, 3 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);

	/* Another process may have changed it while nobody looked. */
	world.kernel = world.boot_config;
	world.verify = TXN_VERIFY_DOUBT;
	id = world_propose(2);
	sim_quiet(&world);
	sim_crash_now(&world, SIM_CRASH_HANDOVER);
	sim_meddle(&world, 1, 5);
	sim_settle(&world, 3 * MINUTE);
	cr_assert_eq(world_state(id), TXN_SUPERSEDED);
}

Test(txn_reflex, without_its_permit_it_goes_back)
{
	uint64_t id, ready;

	world.permit.confirm_us = MINUTE;
	ready = armed(REFLEX_READY, 1);
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	id = world_set(7, 7);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_SOAK);
	world.permit_is_gone = true;
	hand_over();
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_eq(world_state(ready), TXN_ABORTED);
	cr_assert(world_is_before());
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, adopted_as_something_else_it_is_disarmed)
{
	uint64_t id;

	world.adopts = true;
	id = armed(REFLEX_READY, 2);
	world.adopt_trigger.ifindex = 5;
	hand_over();
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: it was armed for another trigger, or on other terms");

	id = armed(REFLEX_READY, 2);
	world.adopt_proposal = sim_proposal(1, (const int64_t[1][2]){ { 1, 9 } });
	hand_over();
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: the reflex of the policy would do something else now");

	id = armed(REFLEX_READY, 2);
	world.adopts = false;
	hand_over();
	sim_pass(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ABORTED);
	cr_assert_str_eq(why(id), "disarmed: no reflex of the policy asks for it any more");
	cr_assert_eq(world.n_armed, 0);
}

Test(txn_reflex, the_watch_is_handed_over_too)
{
	uint64_t id;

	world.adopts = true;
	id = armed(REFLEX_KERNEL, 2);
	hand_over();
	cr_assert_eq(world_state(id), TXN_COMMIT);
	cr_assert_eq(world.n_armed, 1);
	fire();
	cr_assert_eq(world.n_reflexes, 1);
	cr_assert_eq(txns_settle(world.engine, id, "the kernel has moved on"), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

/* It is being armed while the daemon is restarted: adopted afterwards, or taken back. */
Test(txn_reflex, what_the_kernel_is_being_armed_with_at_a_hand_over_ends_too)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_arm(REFLEX_KERNEL, 2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_SOAK);
	hand_over();
	sim_pass(&world, 70 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	cr_assert_eq(txns_adopt(world.engine, id, &world.adopt_trigger, &world.adopt_proposal), 0);
	sim_pass(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_COMMIT, "adopted, it stays");
	cr_assert_eq(txns_disarm(world.engine, id, "enough"), 0);
	sim_settle(&world, MINUTE);

	id = world_arm(REFLEX_KERNEL, 2);
	sim_quiet(&world);
	hand_over();
	sim_pass(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "nobody asks for it");
	cr_assert(world_is_before());
}
