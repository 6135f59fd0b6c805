/*
 * guardian_main - the program anod-guardian.
 *
 * Design.  Static, without plugins, parsers or a loop library: what it does not have cannot fail.
 * It gives up every privilege but CAP_NET_ADMIN.  It stays root by name, so that a host of a
 * lesser user, once taken over, cannot kill it, and reads and writes the state folder as that
 * folder's owner (setfsuid), because root without CAP_DAC_OVERRIDE may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "exec/guardian.h"

#define HEAP_RESERVE (1 << 20)

static int parse_fd(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end || n < -1 || n > INT32_MAX)
		return -EINVAL;
	if (n >= 0 && fcntl((int) n, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;

	return (int) n;
}

/* Ahead of everything that is not real-time itself: with two busy processes beside it, an ordinary
 * process is late by milliseconds.  Always, not only while a reflex is armed, because an undo must
 * not wait either, and because the privilege is given up below.  It sleeps nearly always; what a
 * turn does is bounded, and the kernel's limit for real-time processes (sched(7)) holds as well. */
static void be_first(void)
{
	const struct sched_param p = { .sched_priority = GUARDIAN_PRIORITY };

	if (sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		log_notice(
			"no real-time priority (%s, it takes CAP_SYS_NICE): reflexes and undos may "
			"wait behind busy processes",
			strerror(errno));
}

/* What an undo takes (reading the journal above all) is taken from the kernel now and never given
 * back: with locked memory each fresh page is zeroed at once, which cost half of the time from the
 * host's death to the state restored. */
static void reserve_heap(void)
{
	void *room;

	(void) mallopt(M_MMAP_THRESHOLD, HEAP_RESERVE);
	(void) mallopt(M_TRIM_THRESHOLD, INT_MAX);
	room = malloc(HEAP_RESERVE / 2);
	if (room)
		memset(room, 0, HEAP_RESERVE / 2);
	/* Used in earnest, or the compiler would leave all of it out. */
	__asm__ volatile("" : : "r"(room) : "memory");
	free(room);
}

/* To be the last that the kernel kills, and never to wait for a page.  Both need privileges that
 * a container may lack, and the guardian works without. */
static void stay_alive(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-1000", 5) != 5)
		log_info("oom_score_adj stays as it is: %s", strerror(errno));
	closep(&fd);
	(void) mlockall(MCL_CURRENT | MCL_FUTURE);
	reserve_heap();
}

static int become_owner_of(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return -errno;

	/* No error is reported by these; a file that cannot be opened is. */
	(void) setfsgid(st.st_gid);
	(void) setfsuid(st.st_uid);
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct cap[2] = { 0 };
	uint32_t bit = 1u << CAP_NET_ADMIN;

	if (syscall(SYS_capget, &head, cap) < 0)
		return -errno;

	/* Without CAP_SETPCAP the bounding set stays, which no_new_privs makes harmless. */
	for (unsigned long c = 0; c <= CAP_LAST_CAP; c++)
		if (c != CAP_NET_ADMIN)
			(void) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	(void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);

	cap[0].effective = cap[0].permitted &= bit;
	cap[0].inheritable = 0;
	cap[1] = (struct __user_cap_data_struct){ 0 };
	if (syscall(SYS_capset, &head, cap) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (!(cap[0].permitted & bit))
		return -EPERM;

	return 0;
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGINT);
	(void) sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;

	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* True: a signal that may end us.  Its sender believes that the host stops as well; while an undo
 * is armed for a living host, that is not so yet. */
static bool told_to_end(int fd, const struct guardian *g)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (!guardian_needed(g))
			return true;
		log_notice("%s ignored: an undo is armed", strsignal((int) info.ssi_signo));
	}

	return false;
}

/* Waits in the guardian's own epoll, because one that is inside another wakes up later. */
static int run(struct guardian *g, int signals)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = signals };
	int r;

	if (epoll_ctl(guardian_fd(g), EPOLL_CTL_ADD, signals, &event) < 0)
		return -errno;

	do {
		if (epoll_wait(guardian_fd(g), &event, 1, -1) < 0 && errno != EINTR)
			return -errno;

		r = guardian_run(g);
		if (r > 0 && event.data.fd == signals && told_to_end(signals, g))
			return 0;
	} while (r > 0);

	return r;
}

int main(int argc, char **argv)
{
	struct guardian *g = NULL;
	int fd, pidfd, signals, r;

	log_open("guardian", LOG_INFO);
	fd = argc == 4 ? parse_fd(argv[1]) : -EINVAL;
	pidfd = argc == 4 ? parse_fd(argv[2]) : -EINVAL;
	if (fd < 0 || pidfd < -1) {
		log_error("usage: anod-guardian FD HOST-PIDFD STATE-DIR (started by anod)");
		return 2;
	}

	(void) prctl(PR_SET_NAME, "anod-guardian", 0, 0, 0);
	stay_alive();
	be_first();
	signals = open_signals();
	r = signals < 0 ? signals : become_owner_of(argv[3]);
	if (r >= 0)
		r = guardian_open(fd, pidfd, argv[3], &g);
	if (r >= 0)
		r = drop_capabilities();
	if (r >= 0)
		r = run(g, signals);
	if (r < 0)
		log_error("cannot guard (state folder %s): %s", argv[3], strerror(-r));

	(void) guardian_free(g);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
