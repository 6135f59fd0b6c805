/* The program itself: few privileges, deaf to signals while it is needed, gone when it is not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "exec/guardian.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

#define PROGRAM BUILD_DIR "/anod-guardian"

static struct serve s;
static struct guard_arm arm;
static char dir[64];

/* Start it with 'fd' as the host's socket. */
static pid_t start(int fd, int pidfd, const char *state_dir)
{
	char a[16], b[16];
	pid_t pid;

	if (access(PROGRAM, X_OK) < 0)
		cr_skip_test("%s is not built", PROGRAM);
	(void) snprintf(a, sizeof(a), "%d", fd);
	(void) snprintf(b, sizeof(b), "%d", pidfd);
	pid = fork();
	if (pid == 0) {
		execl(PROGRAM, "anod-guardian", a, b, state_dir, (char *) NULL);
		_exit(127);
	}
	cr_assert_gt(pid, 0);
	return pid;
}

static int exit_status(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void answer(int fd, uint32_t type)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct exec_result m;

	cr_assert_eq(poll(&p, 1, 10000), 1, "no answer");
	cr_assert_gt(recv(fd, &m, sizeof(m), 0), 0);
	cr_assert_eq(m.head.type, type);
}

/* True when /proc/PID/status has this line. */
static bool status_has(pid_t pid, const char *key, const char *value)
{
	char path[64], line[256];
	_cleanup_(fclosep) FILE *f = NULL;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			return strstr(line, value);
	return false;
}

static bool may_be_realtime(void)
{
	struct sched_param p = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		return false;
	p.sched_priority = 0;
	(void) sched_setscheduler(0, SCHED_OTHER, &p);
	return true;
}

Test(guardian_main, it_guards_with_one_capability_and_ends_with_its_host)
{
	struct anod_object o;
	struct anod_change c;
	int fd[2];
	pid_t pid;

	lab_open(&s);
	o = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	c = lab_change(NULL, &o);
	lab_do(&s, 1, &c, 1);
	strcpy(dir, "/tmp/anod-guardian-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	/* A state folder of a lesser user must do, too. */
	cr_assert_eq(chown(dir, 65534, 65534), 0);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	cr_assert_eq(fcntl(fd[1], F_SETFD, 0), 0);
	pid = start(fd[1], -1, dir);
	close(fd[1]);

	arm.head = (struct chan_head){ GUARD_ARM, offsetof(struct guard_arm, step[1]), 1 };
	arm.deadline_us = clock_boot_us() + 600 * US_PER_S;
	arm.n_steps = 1;
	arm.step[0] = s.steps.step[0];
	cr_assert_gt(send(fd[0], &arm, arm.head.size, 0), 0);
	answer(fd[0], GUARD_ARMED);

	cr_assert(sched_getscheduler(pid) == SCHED_FIFO || !may_be_realtime());
	cr_assert(status_has(pid, "CapEff:", "0000000000001000"));
	cr_assert(status_has(pid, "CapPrm:", "0000000000001000"));
	cr_assert(status_has(pid, "NoNewPrivs:", "1"));
	cr_assert(status_has(pid, "Name:", "anod-guardian"));

	/* Deaf while it is needed: it still answers afterwards. */
	kill(pid, SIGTERM);
	kill(pid, SIGINT);
	kill(pid, SIGHUP);
	cr_assert_gt(send(fd[0], &arm, arm.head.size, 0), 0);
	answer(fd[0], GUARD_ARMED);
	cr_assert(lab_is(&o));

	close(fd[0]); /* the host dies */
	cr_assert_eq(exit_status(pid), 0);
	cr_assert_null(lab_now(&o));
	netlab_run("stat -c %%u %s/" GUARDIAN_FILE " | grep -qx 65534", dir);
	netlab_run("rm -r %s", dir);
	serve_done(&s);
}

Test(guardian_main, a_signal_ends_it_when_nothing_is_armed)
{
	struct guard_ack disarm = { { GUARD_DISARM, sizeof(disarm), 1 }, 0, 0 };
	int fd[2];
	pid_t pid;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	cr_assert_eq(fcntl(fd[1], F_SETFD, 0), 0);
	pid = start(fd[1], -1, "/tmp");
	cr_assert_gt(send(fd[0], &disarm, sizeof(disarm), 0), 0);
	answer(fd[0], GUARD_DISARMED);
	kill(pid, SIGTERM);
	cr_assert_eq(exit_status(pid), 0);
}

Test(guardian_main, wrong_arguments_are_refused)
{
	cr_assert_eq(exit_status(start(99, -1, "/tmp")), 2, "no such descriptor");
	cr_assert_eq(exit_status(start(0, -2, "/tmp")), 2);
	cr_assert_eq(exit_status(start(0, -1, "/nonexistent")), 1);
}
