/* What a cell can no longer do. */
#include "host/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

#if defined(__SANITIZE_ADDRESS__)
#define FILTERED 0
#else
#define FILTERED 1
#endif

enum { FINE = 0, NOT_ENTERED = 90 };

static int enter_cell(void)
{
	return sandbox_enter(0);
}

/* Run 'fn' in a sandboxed child; its wait status. */
static int in_sandbox(int (*enter)(void), int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (enter() < 0)
			_exit(NOT_ENTERED);
		_exit(fn());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_exit(int (*enter)(void), int (*fn)(void), const char *what)
{
	int status = in_sandbox(enter, fn);

	cr_expect(WIFEXITED(status), "%s: signal %d", what, WTERMSIG(status));
	cr_expect_eq(WEXITSTATUS(status), FINE, "%s: %d", what, WEXITSTATUS(status));
}

static void expect_killed(int (*fn)(void), const char *what)
{
	int status = in_sandbox(enter_cell, fn);

	cr_expect(WIFSIGNALED(status), "%s: exit %d", what, WEXITSTATUS(status));
	cr_expect_eq(WTERMSIG(status), SIGSYS, "%s: signal %d", what, WTERMSIG(status));
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? FINE : 1;
}

static int open_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 && errno == EPERM ? FINE : 1;
}

static int has_limits(void)
{
	struct rlimit core, files;

	if (getrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 1;
	return core.rlim_max == 0 && files.rlim_max <= 64 ? FINE : 2;
}

static int allocate(void)
{
	void *p = malloc(SANDBOX_MEMORY);

	if (p)
		return 1;
	p = malloc(1 << 20);
	free(p);
	return p ? FINE : 2;
}

static int log_file;

static int write_log(void)
{
	return write(log_file, "x", 1) < 0 && errno == EFBIG ? FINE : 1;
}

static int do_fork(void)
{
	return fork() >= 0;
}

static int do_exec(void)
{
	return execl("/bin/true", "true", (char *) NULL);
}

static int signal_other(void)
{
	return (int) syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int limit_other(void)
{
	struct rlimit l;

	return prlimit(getppid(), RLIMIT_NOFILE, NULL, &l);
}

Test(sandbox, a_cell_has_no_files_no_network_and_little_memory)
{
	char path[] = "/tmp/anod-sandbox-XXXXXX";

	log_file = mkstemp(path);
	cr_assert_geq(log_file, 0);
	(void) unlink(path);
	expect_exit(enter_cell, open_file, "open");
	expect_exit(enter_cell, has_limits, "limits");
	expect_exit(enter_cell, write_log, "a log that is a file");
	if (!FILTERED)
		return;
	expect_exit(enter_cell, open_socket, "socket");
	expect_exit(enter_cell, allocate, "memory");
}

Test(sandbox, a_cell_starts_nothing_and_touches_no_other_process)
{
	if (!FILTERED)
		cr_skip_test("a sanitizer's calls are not filtered");
	expect_killed(do_fork, "fork");
	expect_killed(do_exec, "execve");
	expect_killed(signal_other, "a signal to another process");
	expect_killed(limit_other, "limits of another process");
}

static int read_only(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 1;
	fd = open("/tmp/anod-sandbox-new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		return 2;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? FINE : 4;
}

Test(sandbox, inference_reads_files_and_writes_none)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		cr_skip_test("no Landlock in this kernel");
	expect_exit(sandbox_enter_network, read_only, "reading, and the network");
}
