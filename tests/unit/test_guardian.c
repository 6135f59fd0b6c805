/* The guardian undoes on a deadline and on the host's death, and only what it should. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "txn/fence.h"
#include "unit/guardian_help.h"

static struct exec_steps kept;

/* A route moved from wan0 to wan1 by transaction 'tx', and a guardian. */
static void open_lab(int pidfd)
{
	struct anod_change c = open_route();

	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	serve_done(&s);
	open_folder("/tmp/anod-guardian-XXXXXX");
	cr_assert_eq(journal_open(lab.dir, 0, &lab.journal), 0);
	open_guardian(pidfd);
}

static void close_lab(void)
{
	close_guardian();
	netlab_run("rm -r %s", lab.dir);
}

static void write_record(uint64_t tx, enum journal_type type)
{
	struct journal_record r = { .type = type, .tx = tx };

	if (type == JOURNAL_INTENT) {
		r.n_steps = kept.n_steps;
		r.step = kept.step;
	}
	cr_assert_eq(journal_append(lab.journal, &r, false), 0);
}

static const void *answer(uint32_t type, size_t size)
{
	static union {
		struct chan_head head;
		struct exec_result room;
	} m;

	cr_assert_eq(recv(lab.fd, &m, sizeof(m), MSG_DONTWAIT), (ssize_t) size, "%s",
		     strerror(errno));
	cr_assert_eq(m.head.type, type, "%u", m.head.type);
	cr_assert_eq(m.head.size, size);
	return &m;
}

static struct guard_arm *arm_message(uint64_t tx, uint64_t deadline_us, uint32_t flags)
{
	struct guard_arm *m = arm_of(tx, flags, kept.n_steps);

	m->deadline_us = deadline_us;
	memcpy(m->step, kept.step, kept.n_steps * sizeof(struct exec_step));
	return m;
}

static void arm(uint64_t tx, uint64_t deadline_us, uint32_t flags)
{
	const struct guard_arm *m = arm_message(tx, deadline_us, flags);
	const struct guard_ack *ack;

	cr_assert_gt(send(lab.fd, m, m->head.size, 0), 0);
	cr_assert_eq(run(), 1);
	ack = answer(GUARD_ARMED, sizeof(*ack));
	cr_assert_eq(ack->head.id, tx);
	cr_assert_eq(ack->crc, crc32c(0, m, m->head.size));
	cr_assert(guardian_needed(lab.g));
}

static struct guardian_entry only_entry(void)
{
	_cleanup_(freep) struct guardian_entry *e = NULL;
	unsigned n;

	cr_assert_eq(guardian_read(lab.dir, &e, &n), 0);
	cr_assert_eq(n, 1, "%u entries", n);
	cr_assert_str_eq(e->boot_id, clock_boot_id());
	return *e;
}

static bool no_entry(void)
{
	struct guardian_entry *e = NULL;
	unsigned n;

	cr_assert_eq(guardian_read(lab.dir, &e, &n), 0);
	free(e);
	return n == 0;
}

Test(guardian, a_deadline_that_passes_undoes_and_is_reported)
{
	const struct exec_result *fired;
	struct guardian_entry e;
	uint64_t deadline;

	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	deadline = clock_boot_us() + 300 * US_PER_MS;
	arm(1, deadline, 0);
	cr_assert(lab_is(&new), "not before its time");
	while (lab_is(&new))
		cr_assert_eq(run(), 1);

	cr_assert_geq(clock_boot_us(), deadline);
	cr_assert(lab_is(&old));
	fired = answer(GUARD_FIRED, sizeof(*fired));
	cr_assert_eq(fired->head.id, 1);
	cr_assert_eq(fired->error, 0);
	cr_assert_eq(fired->n_steps, 1);
	cr_assert_eq(fired->state[0], STEP_UNDONE);
	e = only_entry();
	cr_assert_eq(e.tx, 1);
	cr_assert_eq(e.cause, GUARDIAN_DEADLINE);
	cr_assert_eq(e.when_us, deadline);
	cr_assert_eq(e.state[0], STEP_UNDONE);
	cr_assert(!guardian_needed(lab.g));

	/* Once; and the host may still say that it is over. */
	cr_assert_eq(guardian_run(lab.g), 1);
	cr_assert(no_answer(lab.fd));
	close_lab();
}

Test(guardian, the_hosts_death_undoes_at_once)
{
	struct guardian_entry e;

	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	write_record(1, JOURNAL_APPLIED);
	arm(1, clock_boot_us() + LONG_US, 0);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0, "nothing is left to guard");
	cr_assert(lab_is(&old));
	e = only_entry();
	cr_assert_eq(e.cause, GUARDIAN_HOST_DIED);
	cr_assert_eq(e.state[0], STEP_UNDONE);
	close_lab();
}

Test(guardian, the_pidfd_tells_of_death_too_and_the_last_words_count)
{
	struct guard_ack disarm = { { GUARD_DISARM, sizeof(disarm), 2 }, 0, 0 };
	pid_t pid = fork();
	int pidfd;

	if (pid == 0)
		for (;;)
			pause();
	pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) { /* valgrind 3.19 does not know it */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		cr_skip_test("no pidfd_open() here");
	}
	open_lab(pidfd);
	write_record(1, JOURNAL_INTENT);
	arm(1, clock_boot_us() + LONG_US, 0);
	arm(2, clock_boot_us() + LONG_US, 0);

	/* Our end of the socket stays open, as a child of the host may keep it. */
	cr_assert_eq(send(lab.fd, &disarm, sizeof(disarm), 0), sizeof(disarm));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	cr_assert_eq(only_entry().tx, 1, "2 was disarmed before");
	close_lab();
}

Test(guardian, it_stands_down_when_the_journal_says_that_all_is_well)
{
	static const enum journal_type last[] = { JOURNAL_COMMIT, JOURNAL_DONE,
						  JOURNAL_ROLLED_BACK };

	for (unsigned i = 0; i < ARRAY_SIZE(last); i++) {
		open_lab(-1);
		write_record(1, JOURNAL_INTENT);
		write_record(1, last[i]);
		arm(1, clock_boot_us() + LONG_US, 0);
		close(lab.fd);
		lab.fd = -1;
		cr_assert_eq(run(), 0);
		cr_assert(lab_is(&new), "%s", journal_type_name(last[i]));
		cr_assert(no_entry());
		close_lab();
	}

	/* The same for a deadline that comes while the host is about to disarm. */
	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	write_record(1, JOURNAL_COMMIT);
	arm(1, clock_boot_us() + 300 * US_PER_MS, 0);
	while (guardian_needed(lab.g))
		cr_assert_eq(run(), 1);
	cr_assert(lab_is(&new));
	cr_assert(no_answer(lab.fd));
	close_lab();
}

Test(guardian, a_rollback_that_was_not_finished_or_no_journal_is_no_reason_to_wait)
{
	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	write_record(1, JOURNAL_ROLLBACK);
	arm(1, clock_boot_us() + LONG_US, 0);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	close_lab();

	open_lab(-1);
	arm(1, clock_boot_us() + LONG_US, 0);
	netlab_run("rm %s/" JOURNAL_FILE, lab.dir);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	close_lab();
}

Test(guardian, what_somebody_else_changed_stays)
{
	struct anod_object theirs;

	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	arm(1, clock_boot_us() + LONG_US, 0);
	theirs = lab_route("192.0.2.0/24", 5, "10.0.0.99", "wan0");
	cr_assert_eq(netlab_set(&theirs, &new), 0);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&theirs));
	cr_assert_eq(only_entry().state[0], STEP_OTHER);
	close_lab();
}

Test(guardian, hold_on_crash_waits_for_the_deadline)
{
	uint64_t deadline;

	open_lab(-1);
	write_record(1, JOURNAL_INTENT);
	deadline = clock_boot_us() + US_PER_S;
	arm(1, deadline, GUARD_HOLD_ON_CRASH);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 1, "the host is dead, and something is armed");
	cr_assert(lab_is(&new));
	cr_assert(!guardian_needed(lab.g), "a signal may end it now");
	while (run() == 1)
		;
	cr_assert_geq(clock_boot_us(), deadline);
	cr_assert(lab_is(&old));
	cr_assert_eq(only_entry().cause, GUARDIAN_DEADLINE);
	close_lab();
}

Test(guardian, newest_first_and_a_new_arm_replaces_the_old)
{
	struct guard_ack disarm = { { GUARD_DISARM, sizeof(disarm), 77 }, 0, 0 };
	struct exec_steps first;
	struct anod_object third;
	struct anod_change c;
	_cleanup_(freep) struct guardian_entry *e = NULL;
	unsigned n;

	open_lab(-1);
	first = kept;
	arm(1, clock_boot_us() + US_PER_S, 0);
	arm(1, clock_boot_us() + LONG_US, 0); /* confirmed: it may stay for longer */

	/* A second transaction on the same route; only undone in this order is it as at first. */
	memset(&s, 0, sizeof(s));
	third = lab_route("192.0.2.0/24", 5, "10.0.1.3", "wan1");
	kept.step[0].change.pre = new;
	kept.step[0].change.post = third;
	kept.step[0].undo_len =
		(uint32_t) anod_rtnl_encode(ANOD_RTNL_SET, &new, &third, kept.step[0].undo);
	c = kept.step[0].change;
	cr_assert_eq(netlab_set(&c.post, &c.pre), 0);
	arm(2, clock_boot_us() + LONG_US, 0);

	/* Unknown to it, and said to be so. */
	cr_assert_eq(send(lab.fd, &disarm, sizeof(disarm), 0), sizeof(disarm));
	cr_assert_eq(run(), 1);
	cr_assert_eq(((const struct chan_head *) answer(GUARD_DISARMED, sizeof(disarm)))->id, 77);

	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	cr_assert_eq(guardian_read(lab.dir, &e, &n), 0);
	cr_assert_eq(n, 2);
	cr_assert_eq(e[0].tx, 2);
	cr_assert_eq(e[1].tx, 1);
	cr_assert_eq(first.n_steps, 1);
	close_lab();
}

Test(guardian, unsound_messages_are_refused_and_arm_nothing)
{
	struct guard_arm *m;

	open_lab(-1);
#define REFUSED(size, ...)                                                                         \
	do {                                                                                       \
		m = arm_message(5, clock_boot_us() + LONG_US, 0);                                  \
		__VA_ARGS__;                                                                       \
		cr_assert_gt(send(lab.fd, m, size, 0), 0);                                         \
		cr_assert_eq(run(), 1);                                                            \
		cr_assert(!guardian_needed(lab.g), #__VA_ARGS__);                                  \
	} while (0)
#define TOLD answer(GUARD_DISARMED, sizeof(struct guard_ack))

	REFUSED(7, );
	REFUSED(m->head.size - 1, );
	cr_assert(no_answer(lab.fd), "torn: nobody to answer");
	REFUSED(m->head.size, m->head.type = 1);
	TOLD;
	REFUSED(m->head.size, m->n_steps = 0);
	TOLD;
	REFUSED(m->head.size, m->n_steps = UINT32_MAX);
	TOLD;
	REFUSED(m->head.size, m->flags = 2);
	TOLD;
	REFUSED(m->head.size, m->step[0].undo_len = 0xffff);
	TOLD;
	REFUSED(m->head.size, m->step[0].undo[4] = 17, m->step[0].undo[5] = 0);
	TOLD;
	REFUSED(sizeof(struct chan_head), m->head.size = sizeof(struct chan_head));
	TOLD;

	for (uint64_t tx = 1; tx <= GUARDIAN_ARMED_MAX; tx++)
		arm(tx, clock_boot_us() + LONG_US, 0);
	m = arm_message(100, clock_boot_us() + LONG_US, 0);
	cr_assert_gt(send(lab.fd, m, m->head.size, 0), 0);
	cr_assert_eq(run(), 1);
	cr_assert_eq(((const struct chan_head *) TOLD)->id, 100, "full, and said so");
	close_lab();
}

Test(guardian, a_host_that_is_committing_is_not_overtaken_and_one_that_comes_too_late_is_told)
{
	int host;

	open_lab(-1);
	host = fence_open(lab.dir);
	cr_assert_geq(host, 0);
	write_record(1, JOURNAL_INTENT);
	cr_assert_eq(fence_take(host, 1), 0);
	arm(1, clock_boot_us(), 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(run(), 1);
	cr_assert(lab_is(&new), "the host is at it");
	cr_assert(guardian_needed(lab.g));
	write_record(1, JOURNAL_COMMIT);
	fence_release(host, 1);
	while (guardian_needed(lab.g))
		cr_assert_eq(run(), 1);
	cr_assert(lab_is(&new));
	cr_assert(no_entry());
	cr_assert_eq(fence_take(host, 1), 0, "given back");

	write_record(2, JOURNAL_INTENT);
	arm(2, clock_boot_us() + 20 * US_PER_MS, 0);
	while (lab_is(&new))
		cr_assert_eq(run(), 1);
	cr_assert_eq(fence_take(host, 2), -EAGAIN, "it can no longer be committed");
	close(host);
	close_lab();
}
