/*
 * Kill anything at any operation: the router ends before or after the transaction, never
 * between, and the journal has exactly one terminal record for it (policy.md 5.3).
 */
#include "txn/txn.h"

#include <errno.h>
#include <fcntl.h>

#include "txn_world.h"

TestSuite(txn_crash, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)

static uint64_t soaking(unsigned n)
{
	uint64_t id;

	world.permit.confirm_us = MINUTE;
	id = world_propose(n);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_SOAK);
	return id;
}

/* ---- the points of the table, one by one -------------------------------------------------- */

Test(txn_crash, C1_before_INTENT_is_durable_nothing_has_happened)
{
	for (unsigned phase = 1; phase <= 2; phase++) {
		for (int tear = 0; tear < SIM_TEARS; tear++) {
			uint64_t id;

			if (phase == 2 && tear == SIM_TEAR_KEEP)
				continue; /* it was durable after all: C2 */
			world.crash = SIM_CRASH_POWER;
			world.crash_record = JOURNAL_INTENT;
			world.crash_phase = phase;
			world.tear = (enum sim_tear) tear;
			id = world_propose(2);
			sim_settle(&world, MINUTE);
			cr_assert_eq(world_last_record(id), 0, "the torn tail never was");
			cr_assert(world_is_before());
			cr_assert_null(txns_nth(world.engine, 0));
		}
	}
}

Test(txn_crash, C2_INTENT_without_guardian_is_aborted)
{
	uint64_t id;

	world.crash = SIM_CRASH_HOST;
	world.crash_record = JOURNAL_INTENT;
	world.crash_phase = 3;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ABORTED);
	cr_assert(world_is_before());
	cr_assert_eq(world_state(id), TXN_ABORTED);
}

Test(txn_crash, C3_in_the_middle_of_a_batch_the_done_steps_are_undone)
{
	static const enum sim_crash kind[] = { SIM_CRASH_EXEC, SIM_CRASH_HOST_EXEC, SIM_CRASH_ALL };

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		uint64_t id;

		world.crash = kind[i];
		world.crash_cell = 2;
		id = world_propose(3);
		while (world.n_crashes == i)
			cr_assert(sim_step(&world));
		cr_assert_eq(world.kernel.value[1], 1001, "mixed");
		cr_assert_eq(world.kernel.value[2], 102);
		sim_settle(&world, MINUTE);
		cr_assert(world_is_before());
		cr_assert_eq(world_last_record(id), JOURNAL_ROLLED_BACK);
		cr_assert_eq(world_journal(id).n_terminal, 1);
		cr_assert_eq(txns_get(world.engine, id)->by_guardian,
			     kind[i] == SIM_CRASH_HOST_EXEC);
	}
}

Test(txn_crash, C4_applied_without_a_record_is_undone)
{
	uint64_t id;

	world.crash = SIM_CRASH_HOST;
	world.crash_record = JOURNAL_APPLIED;
	world.crash_phase = 1;
	id = world_propose(2);
	while (world.host_alive)
		cr_assert(sim_step(&world));
	cr_assert(world_is_after(2));
	sim_settle(&world, MINUTE);
	cr_assert(world_is_before());
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_ROLLED_BACK);
}

Test(txn_crash, C5_verifying_or_soaking_is_undone_at_once_by_the_guardian)
{
	uint64_t id = soaking(2);

	sim_crash_now(&world, SIM_CRASH_HOST);
	cr_assert(sim_step(&world));
	cr_assert(world_is_before(), "before the new host did anything");
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->by_guardian);
	cr_assert_str_eq(txns_get(world.engine, id)->why,
			 "the daemon died and the guardian undid it");
	cr_assert_eq(world_journal(id).n_terminal, 1);

	world.verify = TXN_VERIFY_DOUBT;
	id = world_propose(2);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_VERIFYING);
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(world_is_before());
}

Test(txn_crash, C5_on_crash_hold_waits_for_a_person_until_the_deadline)
{
	uint64_t id;

	world.permit.hold_on_crash = true;
	id = soaking(1);
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_pass(&world, 30 * US_PER_S);
	cr_assert(world_is_after(1));
	cr_assert_eq(world_state(id), TXN_SOAK);
	cr_assert_eq(world.n_armed, 2, "the old guardian's and the new one's");
	cr_assert_not(txns_recovering(world.engine));
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "nobody came");
	cr_assert(world_is_before());
	cr_assert_eq(world_journal(id).n_terminal, 1);

	id = soaking(1);
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_pass(&world, 30 * US_PER_S);
	cr_assert_eq(txns_confirm(world.engine, id, "ann"), 0);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert(world_is_after(1), "the old guardian read COMMIT and stood down");
	cr_assert_eq(world.n_armed, 0);

	world.kernel = world.boot_config;
	id = soaking(1);
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_pass(&world, 10 * US_PER_S);
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_settle(&world, 5 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "held again, by nobody confirmed");
	cr_assert_eq(world_journal(id).n_terminal, 1);
	cr_assert(world_is_before());
}

Test(txn_crash, C6_COMMIT_not_durable_is_rolled_back)
{
	uint64_t id;

	world.crash = SIM_CRASH_HOST;
	world.crash_record = JOURNAL_COMMIT;
	world.crash_phase = 1;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_last_record(id), JOURNAL_ROLLED_BACK);
	cr_assert(world_is_before());

	world.crash = SIM_CRASH_POWER;
	world.crash_record = JOURNAL_COMMIT;
	world.crash_phase = 2;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_last_record(id), JOURNAL_CLOSED_BY_REBOOT);
	cr_assert(world_is_before());
}

Test(txn_crash, C7_COMMIT_is_durable_and_the_guardian_stands_down)
{
	uint64_t id;

	world.crash = SIM_CRASH_HOST;
	world.crash_record = JOURNAL_COMMIT;
	world.crash_phase = 3;
	id = world_propose(2);
	sim_settle(&world, MINUTE);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
		      JOURNAL_DONE);
	cr_assert(world_is_after(2));
	cr_assert_eq(world.n_armed, 0);
	cr_assert_eq(world.n_fired, 0);
}

Test(txn_crash, C8_behind_COMMIT_only_the_ending_is_repeated)
{
	uint64_t id;

	world.crash = SIM_CRASH_ALL;
	world.crash_record = JOURNAL_DONE;
	world.crash_phase = 1;
	id = world_propose(2);
	sim_quiet(&world);
	cr_assert_eq(world.n_crashes, 1);
	world.crash_record = JOURNAL_DONE; /* and again, in the recovery */
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_last_record(id), JOURNAL_DONE);
	cr_assert_eq(world_journal(id).n_terminal, 1);
	cr_assert(world_is_after(2));
}

Test(txn_crash, C9_in_the_middle_of_a_rollback_it_is_repeated)
{
	static const enum sim_crash kind[] = { SIM_CRASH_EXEC, SIM_CRASH_HOST_EXEC, SIM_CRASH_ALL };

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		uint64_t id = soaking(3);

		world.crash = kind[i];
		world.crash_cell = 2;
		cr_assert_eq(txns_rollback(world.engine, id, "by ann"), 0);
		while (world.n_crashes == i)
			cr_assert(sim_step(&world));
		cr_assert_eq(world.kernel.value[3], 103, "mixed: the last step is undone first");
		cr_assert_eq(world.kernel.value[2], 1002);
		sim_settle(&world, MINUTE);
		cr_assert(world_is_before());
		cr_assert_eq(world_last_record(id), JOURNAL_ROLLED_BACK);
		cr_assert_eq(world_journal(id).n_terminal, 1);
	}
}

Test(txn_crash, C10_a_dead_guardian_is_replaced_and_armed_again)
{
	uint64_t id = soaking(2), until = world.armed[0].deadline_us;

	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_quiet(&world);
	cr_assert_eq(world.n_armed, 1);
	cr_assert_eq(world.armed[0].deadline_us, until);
	cr_assert_eq(world_state(id), TXN_SOAK);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_crash, C10_without_a_guardian_open_ones_go_back_and_no_new_one_begins)
{
	uint64_t id = soaking(2);

	world.guard_is_gone = true;
	sim_crash_now(&world, SIM_CRASH_GUARD);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(world_is_before());

	id = world_propose(1);
	sim_pass(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_str_eq(txns_get(world.engine, id)->why, "there is no guardian to hold the undo");
	cr_assert(world_is_before());

	world.guard_is_gone = false;
	world.guard_alive = true;
	txns_guard_restarted(world.engine, true);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_crash, C10_without_a_guardian_in_the_middle_of_applying_it_goes_back)
{
	uint64_t id;

	world.guard_is_gone = true;
	world.crash = SIM_CRASH_GUARD;
	world.crash_cell = 2;
	id = world_propose(3);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(world_is_before());
}

Test(txn_crash, C11_both_dead_the_next_start_undoes_before_anything_else)
{
	uint64_t id = soaking(2), other;

	sim_crash_now(&world, SIM_CRASH_BOTH);
	cr_assert(sim_step(&world));
	cr_assert(world_is_after(2), "nobody was there to undo it");
	cr_assert(txns_recovering(world.engine));
	other = world_set(7, 7);
	cr_assert_eq(world_state(other), TXN_WAITING);
	cr_assert_str_eq(txns_get(world.engine, other)->why,
			 "transactions of before the restart are being undone");
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_not(txns_get(world.engine, id)->by_guardian);
	cr_assert_not(txns_recovering(world.engine));
	cr_assert_eq(world_state(other), TXN_SOAK);
	cr_assert_eq(world.kernel.value[1], 101);
}

Test(txn_crash, C12_after_a_reboot_it_is_closed_and_never_applied_again)
{
	uint64_t id = soaking(2);

	sim_crash_now(&world, SIM_CRASH_POWER);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_CLOSED_BY_REBOOT);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_CLOSED_BY_REBOOT);
	cr_assert(world_is_before());
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, MINUTE);
	cr_assert_null(txns_get(world.engine, id), "closed for good");
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn_crash, C14_a_disk_that_takes_no_INTENT_stops_it)
{
	uint64_t id;

	world.write_error = -ENOSPC;
	world.error_after = JOURNAL_INTENT;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED);
	cr_assert(world_is_before());
	world.write_error = 0;
	id = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE, "there is room again");

	world.sync_error = -EIO;
	world.error_after = JOURNAL_INTENT;
	id = world_set(2, 7);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED);
	world.sync_error = 0;
	id = world_set(2, 7);
	cr_assert(txns_capped(world.engine));
	cr_assert_eq(world_state(id), TXN_DENIED, "capped to observe for good");
	cr_assert_eq(world.kernel.value[2], 102);
}

Test(txn_crash, C15_a_disk_that_fails_after_the_first_effect_rolls_back_from_memory)
{
	static const enum journal_type at[] = { JOURNAL_APPLIED, JOURNAL_VERIFIED, JOURNAL_COMMIT,
						JOURNAL_ROLLBACK };

	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		uint64_t id;

		world.write_error = world.sync_error = -EIO;
		world.error_after = at[i];
		world.verify = at[i] == JOURNAL_ROLLBACK ? TXN_VERIFY_NO : TXN_VERIFY_YES;
		id = world_propose(2);
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_state(id), TXN_ROLLED_BACK, "%s", journal_type_name(at[i]));
		cr_assert(world_is_before());
		cr_assert_eq(world_state(world_propose(1)), TXN_DENIED, "capped");

		/* A good disk and a restart: the journal is closed too. */
		world.write_error = world.sync_error = 0;
		sim_crash_now(&world, SIM_CRASH_HOST);
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_journal(id).n_terminal, 1);
		cr_assert(world_is_before());
	}
}

Test(txn_crash, C13_a_hang_that_the_watchdog_ends_is_a_reboot)
{
	uint64_t id = soaking(2), later;

	/* Nobody does anything for an hour; then the machine is reset. */
	world.exec_is_deaf = world.guard_is_deaf = true;
	world.now_us += 60 * MINUTE;
	sim_crash_now(&world, SIM_CRASH_POWER);
	world.exec_is_deaf = world.guard_is_deaf = false;
	sim_settle(&world, MINUTE);
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_CLOSED_BY_REBOOT);
	cr_assert(world_is_before());
	world.permit.confirm_us = 0;
	later = world_propose(2);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(later), TXN_DONE);
}

Test(txn_crash, C18_nothing_is_committed_when_the_guardian_is_about_to_undo)
{
	uint64_t id = soaking(2);

	/* The loop was held up until right before, and until behind, the guardian's deadline. */
	for (unsigned i = 0; i < 2; i++) {
		uint64_t late = i ? 10 * US_PER_S : 0;

		world.guard_is_deaf = true;
		world.now_us = world.armed[0].deadline_us - 100 * US_PER_MS + late;
		(void) txns_run(world.engine);
		world.guard_is_deaf = false;
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
		cr_assert(world_is_before());
		cr_assert_eq(world_journal(id).n_terminal, 1);
		id = soaking(2);
	}
}

Test(txn_crash, C19_steps_of_the_wall_clock_move_no_deadline)
{
	static const int64_t years[] = { 10, -10, -20, 20 };
	uint64_t id;

	for (unsigned i = 0; i < ARRAY_SIZE(years); i++) {
		world.permit.undo_after_us = 30 * MINUTE;
		id = soaking(2);
		world.wall_us += (uint64_t) (years[i] * 365 * 86400 * (int64_t) US_PER_S);
		sim_pass(&world, 59 * US_PER_S);
		cr_assert_eq(world_state(id), TXN_SOAK);
		sim_pass(&world, 2 * US_PER_S);
		cr_assert_eq(world_state(id), TXN_COMMIT);
		sim_crash_now(&world, SIM_CRASH_ALL);
		world.wall_us -= (uint64_t) (years[i] * 2 * 365 * 86400 * (int64_t) US_PER_S);
		sim_pass(&world, 29 * MINUTE);
		cr_assert_eq(world_state(id), TXN_COMMIT, "in time of the boot, over the crash");
		sim_pass(&world, 2 * MINUTE);
		cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
		cr_assert(world_is_before());
		cr_assert_eq(world_journal(id).n_terminal, 1);
	}
}

Test(txn_crash, an_executor_that_cannot_be_had_leaves_the_undo_to_the_guardian)
{
	uint64_t id = soaking(2);

	world.exec_is_gone = true;
	sim_crash_now(&world, SIM_CRASH_EXEC);
	sim_settle(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(txns_get(world.engine, id)->by_guardian);
	cr_assert(world_is_before());
}

Test(txn_crash, an_executor_that_outlives_its_host_is_undone_too)
{
	uint64_t id;

	/* APPLY is under way when the host dies; the guardian looks too early. */
	world.exec_drains = true;
	id = world_propose(2);
	while (world_state(id) != TXN_APPLYING)
		cr_assert(sim_step(&world));
	sim_crash_now(&world, SIM_CRASH_HOST);
	world.guard_alive = false;
	sim_settle(&world, MINUTE);
	cr_assert(world_is_before());
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn_crash, an_executor_that_has_forgotten_its_plan_goes_back)
{
	struct exec_result m = { .head = { .type = EXEC_APPLIED, .size = sizeof(m) },
				 .error = -ENOENT };
	uint64_t id = world_propose(2);

	while (world_state(id) != TXN_APPLYING)
		cr_assert(sim_step(&world));
	m.head.id = id;
	sim_clear(&world.to_exec);
	cr_assert_eq(txns_on_exec(world.engine, &m.head), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED);
	cr_assert(world_is_before());
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn_crash, undo_after_survives_the_daemon)
{
	uint64_t id;

	world.permit.undo_after_us = 30 * MINUTE;
	id = world_set(1, 1001);
	sim_pass(&world, MINUTE);
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_pass(&world, 20 * MINUTE);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	cr_assert(world_is_after(1));
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, 20 * MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert(world_is_before());
	cr_assert_eq(world_journal(id).n_terminal, 1);
}

Test(txn_crash, an_INTENT_that_cannot_be_read_is_stuck_and_said_so)
{
	uint64_t id = soaking(1);
	int fd = open("/dev/null", O_RDONLY);
	char path[96];

	sim_crash_now(&world, SIM_CRASH_BOTH);
	(void) snprintf(path, sizeof(path), "%s/journal", world_dir);
	(void) close(fd);
	fd = open(path, O_WRONLY);
	cr_assert_eq(pwrite(fd, "!", 1, 2 * JOURNAL_SLOT + 100), 1);
	(void) close(fd);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_STUCK);
	cr_assert_eq(world_journal(id).n_terminal, 1);
}
