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

/* ---- everything, at every operation ------------------------------------------------------- */

enum way { WAY_HAPPY, WAY_VERIFY_FAILS, WAY_APPROVE, WAY_REFUSED, WAY_HOLD, WAYS };

struct trial {
	enum way way;
	enum sim_crash crash, again;
	unsigned at, again_after;
	enum sim_tear tear;
	bool drains, lazy;
};

static uint8_t pristine[128 << 10];

/* An empty journal again, without making the file anew. */
static void reset_journal(void)
{
	char path[96];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/journal", world_dir);
	fd = open(path, O_RDWR);
	if (!pristine[0])
		cr_assert_eq(pread(fd, pristine, sizeof(pristine), 0), (ssize_t) sizeof(pristine));
	cr_assert_eq(pwrite(fd, pristine, sizeof(pristine), 0), (ssize_t) sizeof(pristine));
	(void) close(fd);
}

static void take_way(enum way way)
{
	world.permit.confirm_us = way == WAY_HAPPY || way == WAY_HOLD ? 10 * US_PER_S : 0;
	world.permit.hold_on_crash = way == WAY_HOLD;
	if (way == WAY_VERIFY_FAILS)
		world.verify = TXN_VERIFY_NO;
	if (way == WAY_REFUSED)
		world.kernel.refuse_cell = world.boot_config.refuse_cell = 3;
	if (way == WAY_APPROVE)
		world.level = LEVEL_APPROVE;
}

/* One run; the number of operations that it took, and the transaction. */
static unsigned run(const struct trial *t, uint64_t *ret_id)
{
	static const int64_t set[3][2] = { { 1, 1001 }, { 2, 1002 }, { 3, 1003 } };
	struct anod_proposal p = sim_proposal(3, set);

	sim_done(&world);
	reset_journal();
	sim_init(&world, world_dir);
	cr_assert_eq(sim_start_host(&world), 0);
	take_way(t->way);
	world.n_ops = 0;
	world.crash_at = t->at;
	world.crash = t->crash;
	world.again_after = t->again_after;
	world.again = t->again;
	world.tear = t->tear;
	world.exec_drains = t->drains;
	world.lazy_disk = t->lazy;

	*ret_id = 0;
	(void) txns_propose(world.engine, "uplink", 1, 0, &p, ret_id);
	sim_quiet(&world);
	if (t->way == WAY_APPROVE)
		(void) world_approve(*ret_id, "ann", true);
	sim_settle(&world, 10 * MINUTE);
	return world.n_ops;
}

static void judge(const struct trial *t, uint64_t id)
{
	struct world_records w = world_journal(id);
	bool after = world_is_after(3);
	char what[128];

	(void) snprintf(what, sizeof(what), "way %d crash %d at %u, %d after %u, tear %d drains %d",
			t->way, t->crash, t->at, t->again, t->again_after, t->tear, t->drains);
	cr_assert(after || world_is_before(), "between: %s", what);
	cr_assert_leq(world.n_charges, 1, "charged %u times: %s", world.n_charges, what);
	cr_assert_null(txns_nth(world.engine, 0), "still open: %s", what);
	cr_assert_eq(world.n_armed, 0, "still armed: %s", what);
	cr_assert_eq(w.n_terminal, w.n > 0, "%u terminal records: %s", w.n_terminal, what);
	if (w.n == 0) {
		cr_assert_not(after, "without a record: %s", what);
		return;
	}
	cr_assert_eq(w.type[0], JOURNAL_INTENT, "%s", what);
	cr_assert(journal_type_terminal((enum journal_type) w.type[w.n - 1]), "%s", what);
	if (t->crash != SIM_CRASH_POWER && t->again != SIM_CRASH_POWER)
		cr_assert_eq(after, w.type[w.n - 1] == JOURNAL_DONE, "ends %s: %s",
			     journal_type_name((enum journal_type) w.type[w.n - 1]), what);
}

static unsigned every_operation(enum way way, enum sim_crash crash, enum sim_tear tear, bool drains)
{
	struct trial t = { .way = way, .crash = crash, .tear = tear, .drains = drains };
	unsigned n, at;
	uint64_t id;

	n = run(&t, &id); /* without a crash */
	judge(&t, id);
	cr_assert_gt(n, 20);
	for (at = 1; at <= n; at++) {
		t.at = at;
		(void) run(&t, &id);
		cr_assert_geq(world.n_crashes, 1);
		judge(&t, id);
	}
	return n;
}

static void every_crash(enum way way)
{
	for (int c = SIM_CRASH_HOST; c < SIM_CRASH_POWER; c++)
		for (int drains = 0; drains < 2; drains++)
			(void) every_operation(way, (enum sim_crash) c, 0, drains);
	for (int tear = 0; tear < SIM_TEARS; tear++)
		(void) every_operation(way, SIM_CRASH_POWER, (enum sim_tear) tear, false);
}

/*
 * Effects that a reboot undoes need no disk before them: the page cache outlives every process,
 * and what the power takes from it, it takes from the kernel too.
 */
static void every_crash_lazy(enum way way)
{
	for (int c = SIM_CRASH_HOST; c <= SIM_CRASH_POWER; c++) {
		for (int tear = 0; tear < (c == SIM_CRASH_POWER ? 2 : 1); tear++) {
			struct trial t = { .way = way,
					   .crash = (enum sim_crash) c,
					   .tear = (enum sim_tear) tear,
					   .lazy = true };
			uint64_t id;
			unsigned n = run(&t, &id);

			judge(&t, id);
			for (t.at = 1; t.at <= n; t.at++) {
				(void) run(&t, &id);
				judge(&t, id);
			}
		}
	}
}

Test(txn_crash, every_operation_when_the_disk_comes_later)
{
	every_crash_lazy(WAY_HAPPY);
	every_crash_lazy(WAY_VERIFY_FAILS);
}

Test(txn_crash, every_operation_of_the_happy_path)
{
	every_crash(WAY_HAPPY);
}

Test(txn_crash, every_operation_of_a_failed_verification)
{
	every_crash(WAY_VERIFY_FAILS);
}

Test(txn_crash, every_operation_of_an_approved_one)
{
	every_crash(WAY_APPROVE);
}

Test(txn_crash, every_operation_of_a_refusal_of_the_kernel)
{
	every_crash(WAY_REFUSED);
}

Test(txn_crash, every_operation_of_one_that_is_held_on_a_crash)
{
	every_crash(WAY_HOLD);
}

/* The recovery is killed as well, at each of its operations. */
Test(txn_crash, every_operation_of_the_recovery_after_every_third_crash)
{
	static const enum sim_crash again[] = { SIM_CRASH_HOST, SIM_CRASH_ALL, SIM_CRASH_POWER };
	static const enum way way[] = { WAY_HAPPY, WAY_VERIFY_FAILS };
	unsigned n_runs = 0;

	for (unsigned w = 0; w < ARRAY_SIZE(way); w++) {
		for (unsigned a = 0; a < ARRAY_SIZE(again); a++) {
			struct trial t = { .way = way[w], .crash = again[(w + a) % 2] };
			uint64_t id;
			unsigned n = run(&t, &id);

			t.again = again[a];
			for (t.at = 1 + a; t.at <= n; t.at += 3) {
				for (t.again_after = 1; t.again_after < 16; t.again_after++) {
					(void) run(&t, &id);
					judge(&t, id);
					n_runs++;
				}
			}
		}
	}
	cr_assert_gt(n_runs, 500);
}
