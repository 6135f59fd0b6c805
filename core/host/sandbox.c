/*
 * sandbox - takes everything from a process but computing and talking to the host.
 *
 * Design.  In the order in which each step is still allowed: limits, a network namespace of its
 * own (when we may), Landlock, user and capabilities, seccomp last.  Landlock is asked for its
 * ABI and handles every right that the ABI knows, without a rule, so nothing may be opened.
 * A sanitizer needs system calls that we do not allow; such builds have no seccomp filter.
 */
#include "host/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/util.h"

#define NOBODY 65534

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int limit(int what, rlim_t n)
{
	struct rlimit l = { n, n };

	return setrlimit((__rlimit_resource_t) what, &l) < 0 ? -errno : 0;
}

static int set_limits(size_t shared)
{
	int r = limit(RLIMIT_CORE, 0);

	/* A log that is a file takes nothing more from here; that must not end the process. */
	(void) signal(SIGXFSZ, SIG_IGN);
	/* ASan maps terabytes of shadow. */
	if (r >= 0 && !SANITIZED)
		r = limit(RLIMIT_AS, (rlim_t) SANDBOX_MEMORY + shared);
	if (r >= 0)
		r = limit(RLIMIT_NOFILE, 64);
	if (r >= 0)
		r = limit(RLIMIT_FSIZE, 0);
	return r;
}

/* Rights of ABI 1 to 5; the header of Debian 12 ends at ABI 2. */
static uint64_t landlock_rights(int abi)
{
	uint64_t rights = (1u << 13) - 1;

	if (abi >= 2)
		rights |= 1u << 13; /* REFER */
	if (abi >= 3)
		rights |= 1u << 14; /* TRUNCATE */
	if (abi >= 5)
		rights |= 1u << 15; /* IOCTL_DEV */
	return rights;
}

/* Take every right to files but those in 'keep'. */
static int close_files(uint64_t keep)
{
	struct landlock_ruleset_attr attr = { 0 };
	int abi = (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
				LANDLOCK_CREATE_RULESET_VERSION);
	int fd, r = 0;

	if (abi < 1) /* not in this kernel: seccomp refuses open() to cells anyway */
		return 0;

	attr.handled_access_fs = landlock_rights(abi) & ~keep;
	fd = (int) syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -errno;

	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	(void) close(fd);
	return r;
}

static int drop_user(void)
{
	if (geteuid() != 0)
		return 0;

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return 0;
}

static int drop_caps(void)
{
	cap_t none = cap_init();
	int r = 0;

	if (!none)
		return -errno;

	if (cap_set_proc(none) < 0)
		r = -errno;
	(void) cap_free(none);
	return r;
}

static int filter(void)
{
	static const int allowed[] = {
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(writev),
		SCMP_SYS(recvmsg),
		SCMP_SYS(sendmsg),
		SCMP_SYS(recvfrom),
		SCMP_SYS(sendto),
		SCMP_SYS(epoll_wait),
		SCMP_SYS(epoll_pwait),
		SCMP_SYS(epoll_pwait2),
		SCMP_SYS(epoll_ctl),
		SCMP_SYS(epoll_create1),
		SCMP_SYS(timerfd_create),
		SCMP_SYS(timerfd_settime),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(clock_nanosleep),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(mmap),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(mprotect),
		SCMP_SYS(madvise),
		SCMP_SYS(brk),
		SCMP_SYS(futex),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(getrandom),
		SCMP_SYS(close),
		SCMP_SYS(fcntl),
		SCMP_SYS(fstat),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(sched_yield),
	};
	static const int refused[] = {
		/* glibc asks and lives with a no */
		SCMP_SYS(openat), SCMP_SYS(open),	SCMP_SYS(newfstatat),
		SCMP_SYS(ioctl),  SCMP_SYS(sysinfo),	SCMP_SYS(socket),
		SCMP_SYS(lseek),  SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	};
	scmp_filter_ctx f;
	int r = 0;

	if (SANITIZED)
		return 0;

	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!f)
		return -ENOMEM;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(refused); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	/* Only for itself: other processes may run as nobody, too. */
	if (r >= 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid()));
	if (r >= 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				     SCMP_A0(SCMP_CMP_EQ, 0));
	if (r >= 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

int sandbox_enter(size_t shared)
{
	int r = set_limits(shared);

	if (r < 0)
		return r;

	/* Without the right to do so, seccomp alone keeps us from the network. */
	(void) unshare(CLONE_NEWNET | CLONE_NEWIPC);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	(void) prctl(PR_SET_DUMPABLE, 0);
	r = close_files(0);
	if (r >= 0)
		r = drop_user();
	/* Another user means that the kernel forgot it; an agent that hangs ends with the host. */
	if (r >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	if (r >= 0)
		r = drop_caps();
	if (r >= 0)
		r = filter();
	return r;
}

int sandbox_enter_network(void)
{
	int r = limit(RLIMIT_CORE, 0);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	(void) prctl(PR_SET_DUMPABLE, 0);
	/* Keys and certificates are read; root without capabilities could still write its files. */
	if (r >= 0)
		r = close_files(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				(1u << 15));
	return r < 0 ? r : drop_caps();
}

static int add_caps(cap_t c, cap_flag_t set, const int *list)
{
	for (; *list >= 0; list++) {
		cap_value_t v = *list;
		cap_flag_value_t have;
		cap_t now = cap_get_proc();
		int r = 0;

		/* Keep what we have; asking for what we never had would fail as a whole. */
		if (now && cap_get_flag(now, v, CAP_PERMITTED, &have) == 0 && have == CAP_SET)
			r = cap_set_flag(c, set, 1, &v, CAP_SET);
		(void) cap_free(now);
		if (r < 0)
			return -errno;
	}
	return 0;
}

int sandbox_keep(const int *effective, const int *permitted)
{
	cap_t c = cap_init();
	int r;

	if (!c)
		return -errno;

	r = add_caps(c, CAP_PERMITTED, effective);
	if (r >= 0)
		r = add_caps(c, CAP_EFFECTIVE, effective);
	if (r >= 0)
		r = add_caps(c, CAP_PERMITTED, permitted);
	if (r >= 0 && cap_set_proc(c) < 0)
		r = -errno;
	(void) cap_free(c);
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r;
}
