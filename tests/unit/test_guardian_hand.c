/* A host that ends on purpose leaves its guardian to the next; one that is awaited in vain is dead. */
#include <criterion/criterion.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "exec/guardian_int.h"
#include "unit/guardian_help.h"

static struct exec_step move;
static pid_t host; /* a stand-in for the old host's process */

/* The route is moved, as transaction 1 has it armed; a long path for the socket. */
static void open_lab(void)
{
	struct anod_change c = open_route();

	lab_do(&s, 1, &c, 1);
	move = s.steps.step[0];
	open_folder("/tmp/anod-hand-"
		    "the-name-of-this-folder-is-longer-than-what-an-address-of-a-unix-socket-"
		    "has-room-for-so-it-shows-XXXXXX");
	host = fork();
	if (host == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	open_guardian((int) syscall(SYS_pidfd_open, host, 0));
}

static void close_lab(void)
{
	close_guardian();
	if (host > 0) {
		kill(host, SIGKILL);
		waitpid(host, NULL, 0);
	}
	serve_done(&s);
	cr_assert_eq(chdir("/"), 0);
	netlab_run("rm -r %s", lab.dir);
}

static bool ended(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* Arms the move as an undo, or as a reflex on wan0 with 'n' steps. */
static uint32_t arm(int fd, uint64_t tx, uint32_t flags, unsigned n)
{
	struct guard_arm *m = arm_of(tx, flags, n);

	if (n)
		m->step[0] = move;
	if (flags & GUARD_REFLEX) {
		m->trigger.hold_us = LONG_US;
		set_trigger(m, "wan0");
	}
	cr_assert_gt(send(fd, m, m->head.size, 0), 0);
	answer_on(fd, GUARD_ARMED, tx);
	return crc32c(0, m, m->head.size);
}

static void hand_over_for(int fd, uint64_t us, uint32_t flags)
{
	struct guard_handover m = { .head = { GUARD_HANDOVER, sizeof(m), 0 },
				    .until_us = clock_boot_us() + us,
				    .flags = flags };
	const struct guard_ack *ack;

	cr_assert_eq(send(fd, &m, sizeof(m), 0), sizeof(m));
	ack = answer_on(fd, GUARD_ARMED, 0);
	cr_assert_eq(ack->crc, crc32c(0, &m, sizeof(m)));
}

static void old_host_ends(void)
{
	close(lab.fd);
	lab.fd = -1;
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	host = 0;
}

static bool socket_there(void)
{
	char path[256];
	struct stat st;

	(void) snprintf(path, sizeof(path), "%s/" GUARDIAN_SOCKET, lab.dir);
	if (stat(path, &st) < 0)
		return false;
	cr_assert_eq(st.st_mode & 07777, 0600);
	return true;
}

static int connect_to_it(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = GUARDIAN_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	cr_assert_eq(chdir(lab.dir), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *) &a, sizeof(a)), 0, "%s", strerror(errno));
	return fd;
}

static struct guard_hello hello(void)
{
	struct guard_hello m = { .head = { GUARD_HELLO, sizeof(m), 0 },
				 .proto = GUARD_PROTO,
				 .arm_size = sizeof(struct guard_arm),
				 .pid = getpid(),
				 .version = "0.3" };

	return m;
}

static void greet(int fd)
{
	struct guard_hello m = hello();
	const struct guard_hello *back;

	cr_assert_eq(send(fd, &m, sizeof(m), 0), sizeof(m));
	back = answer_on(fd, GUARD_HELLO, 0);
	cr_assert_eq(back->error, 0);
	cr_assert_eq(back->pid, getpid());
	cr_assert_str_eq(back->version, ANOD_VERSION);
}

Test(guardian_hand, the_next_host_finds_all_and_goes_on)
{
	struct guard_ack disarm = { { GUARD_DISARM, sizeof(disarm), 1 }, 0, 0 };
	const struct guard_held *h;
	uint32_t crc;
	int fd;

	open_lab();
	crc = arm(lab.fd, 1, GUARD_HOLD_ON_CRASH, 1);
	arm(lab.fd, 2, GUARD_REFLEX, 0);
	hand_over_for(lab.fd, LONG_US, 0);
	/* What it says now is not heard. */
	cr_assert_gt(send(lab.fd, &disarm, sizeof(disarm), 0), 0);
	old_host_ends();
	cr_assert_eq(run(), 1);
	cr_assert(socket_there());
	cr_assert(guardian_needed(lab.g), "no signal may end it");
	cr_assert(lab_is(&new));

	/* Its link goes while nobody is there. */
	netlab_run("ip link set isp0 down");
	while (lab.g->reflex.n > 0)
		cr_assert_eq(run(), 1);

	fd = connect_to_it();
	greet(fd);
	h = answer_on(fd, GUARD_HELD, 1);
	cr_assert_eq(h->crc, crc);
	cr_assert_eq(h->flags, GUARD_HOLD_ON_CRASH);
	cr_assert_eq(h->n_steps, 1);
	cr_assert_gt(h->deadline_us, clock_boot_us());
	cr_assert_eq(h->sent_ns, 0);
	h = answer_on(fd, GUARD_HELD, 2);
	cr_assert_eq(h->flags, GUARD_REFLEX);
	cr_assert_eq(h->n_steps, 0);
	cr_assert_gt(h->seen_ns, 0);
	cr_assert_eq(h->cause, GUARD_CAUSE_EVENT);
	answer_on(fd, GUARD_HELD, 0);
	cr_assert(!socket_there());

	/* It is a guardian as any other: it takes and gives, and sees the new host's death. */
	arm(fd, 1, 0, 1);
	cr_assert(lab_is(&new));
	close(fd);
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	close_lab();
}

Test(guardian_hand, the_old_channel_may_be_kept_for_the_next_host)
{
	open_lab();
	arm(lab.fd, 1, 0, 1);
	hand_over_for(lab.fd, LONG_US, GUARD_STORED);
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	cr_assert_eq(run(), 1);
	host = 0;
	greet(lab.fd);
	answer_on(lab.fd, GUARD_HELD, 1);
	answer_on(lab.fd, GUARD_HELD, 0);
	cr_assert(!socket_there());
	cr_assert(lab_is(&new));

	/* The next time it is let go: there will be no host. */
	hand_over_for(lab.fd, LONG_US, GUARD_STORED);
	cr_assert(socket_there());
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	cr_assert(!socket_there());
	close_lab();
}

Test(guardian_hand, a_host_that_never_comes_is_dead)
{
	struct guard_handover m = { .head = { GUARD_HANDOVER, sizeof(m), 0 } };
	uint64_t until;

	open_lab();
	arm(lab.fd, 1, 0, 1);
	until = clock_boot_us() + 300 * US_PER_MS;
	hand_over_for(lab.fd, 300 * US_PER_MS, 0);
	old_host_ends();
	while (run() == 1)
		cr_assert(lab_is(&new));
	cr_assert_geq(clock_boot_us(), until);
	cr_assert(lab_is(&old));
	cr_assert(!socket_there());
	close_lab();

	/* Nothing is armed: there is nobody to wait for. */
	open_lab();
	m.until_us = clock_boot_us() + LONG_US;
	cr_assert_gt(send(lab.fd, &m, sizeof(m), 0), 0);
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&new));
	close_lab();
}

Test(guardian_hand, another_version_is_told_so_and_all_ends_as_at_a_crash)
{
	for (unsigned what = 0; what < 2; what++) {
		struct guard_hello m = hello();
		const struct guard_hello *back;
		int fd;

		open_lab();
		arm(lab.fd, 1, 0, 1);
		hand_over_for(lab.fd, LONG_US, 0);
		old_host_ends();
		cr_assert_eq(run(), 1);
		fd = connect_to_it();
		m.proto += what == 0;
		m.arm_size += what == 1;
		memset(m.version, 'x', sizeof(m.version));
		cr_assert_gt(send(fd, &m, sizeof(m), 0), 0);
		while (run() == 1)
			;
		back = answer_on(fd, GUARD_HELLO, 0);
		cr_assert_eq(back->error, -EPROTONOSUPPORT);
		while (!ended(fd)) /* what became of the undo; then no more */
			cr_assert_gt(recv(fd, &m, sizeof(m), MSG_TRUNC), 0);
		cr_assert(lab_is(&old));
		close(fd);
		close_lab();
	}
}

Test(guardian_hand, whoever_does_not_say_hello_is_shown_out)
{
	struct guard_hello m;
	int fd, other;

	open_lab();
	arm(lab.fd, 1, 0, 1);
	hand_over_for(lab.fd, LONG_US, 0);
	old_host_ends();
	cr_assert_eq(run(), 1);
#define SHOWN_OUT(size, ...)                                                                       \
	do {                                                                                       \
		fd = connect_to_it();                                                              \
		m = hello();                                                                       \
		__VA_ARGS__;                                                                       \
		cr_assert_gt(send(fd, &m, size, 0), 0);                                            \
		while (!ended(fd))                                                                 \
			cr_assert_eq(run(), 1);                                                    \
		close(fd);                                                                         \
		cr_assert(lab_is(&new));                                                           \
	} while (0)
	SHOWN_OUT(sizeof(m) - 1, );
	SHOWN_OUT(sizeof(m), m.head.size--);
	SHOWN_OUT(sizeof(m), m.head.type = GUARD_ARM);
	SHOWN_OUT(sizeof(m), m.head.id = 1);
	SHOWN_OUT(sizeof(m), m.pid = -1);

	/* One that says nothing does not keep the next from coming. */
	other = connect_to_it();
	cr_assert_eq(run(), 1);
	fd = connect_to_it();
	greet(fd);
	close(other);
	close(fd);
	cr_assert_eq(run(), 0, "and its death counts");
	cr_assert(lab_is(&old));
	close_lab();
}

Test(guardian_hand, users_without_a_right_to_it_are_not_let_in)
{
	struct guard_hello m = hello();
	int status;
	pid_t pid;

	open_lab();
	arm(lab.fd, 1, 0, 1);
	hand_over_for(lab.fd, LONG_US, 0);
	old_host_ends();
	cr_assert_eq(run(), 1);
	netlab_run("chmod 755 %s; chmod 666 %s/" GUARDIAN_SOCKET, lab.dir, lab.dir);
	pid = fork();
	if (pid == 0) {
		char c;
		int fd;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		fd = connect_to_it();
		(void) send(fd, &m, sizeof(m), MSG_NOSIGNAL);
		_exit(recv(fd, &c, 1, 0) > 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd p = { .fd = guardian_fd(lab.g), .events = POLLIN };

		if (poll(&p, 1, 20) == 1)
			cr_assert_eq(guardian_run(lab.g), 1);
	}
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	cr_assert(lab_is(&new));
	close_lab();
}

Test(guardian_hand, an_unsound_hand_over_is_refused)
{
	struct guard_handover m = { .head = { GUARD_HANDOVER, sizeof(m), 0 } };

	open_lab();
	arm(lab.fd, 1, 0, 1);
#define REFUSED(...)                                                                               \
	do {                                                                                       \
		m.head.id = 0;                                                                     \
		m.until_us = clock_boot_us() + LONG_US;                                            \
		m.flags = m.pad = 0;                                                               \
		__VA_ARGS__;                                                                       \
		cr_assert_gt(send(lab.fd, &m, sizeof(m), 0), 0);                                   \
		answer_on(lab.fd, GUARD_DISARMED, m.head.id);                                      \
	} while (0)
	REFUSED(m.head.id = 7);
	REFUSED(m.until_us = 0);
	REFUSED(m.until_us = UINT64_MAX);
	REFUSED(m.flags = 2);
	REFUSED(m.pad = 1);
	old_host_ends();
	cr_assert_eq(run(), 0, "so its end is a death");
	cr_assert(lab_is(&old));
	close_lab();
}
