/*
 * procs - starts, watches and restarts the other processes.
 *
 * Design.  Executor, cell and inference are this binary again ("anod exec 3"), so that they share
 * no memory and no descriptor with us but the channel at 3; the guardian is a static program of
 * its own, because it has to outlive us.  A child that ends is started again after a back-off that
 * doubles from 50 ms to 10 s and is forgotten after a quiet minute.  Under --single the other end
 * of the channel is served by our own loop (procs_single.c).  Ends are noticed by pidfd, which cannot be
 * confused by a reused pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/handover.h"
#include "host/reflexes.h"

#define BACKOFF_MIN_US (50 * US_PER_MS)
#define BACKOFF_MAX_US (10 * US_PER_S)
#define QUIET_US       (60 * US_PER_S)

static const char *const names[] = {
	[PROC_EXEC] = "exec",
	[PROC_GUARDIAN] = "guardian",
	[PROC_CELL] = "cell",
	[PROC_INFER] = "infer",
};

static int pidfd_open_(pid_t pid)
{
	return (int) syscall(SYS_pidfd_open, pid, 0);
}

/* ---- what to run -------------------------------------------------------------------------- */

static void self_folder(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	buf[MAX_OF(n, 0)] = '\0';
	slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
}

const char *installed_file(const char *name, char *ret, size_t size)
{
	char folder[512];

	self_folder(folder, sizeof(folder));
	(void) snprintf(ret, size, "%s/%s", folder, name);
	if (access(ret, F_OK) < 0)
		(void) snprintf(ret, size, "%s/../lib/anod/%s", folder, name);
	if (access(ret, F_OK) < 0)
		(void) snprintf(ret, size, "%s/lib/anod/%s", ANOD_INSTALL_PREFIX, name);
	return ret;
}

/* In the child: a descriptor gets a number, and outlives exec. */
static void place(int fd, int number)
{
	if (fd == number)
		(void) fcntl(fd, F_SETFD, 0);
	else
		(void) dup2(fd, number);
}

/* In the child: descriptor 'fd' becomes 3, the guardian's pidfd or a cell's facts 4, and everything
 * else but stdio is closed by exec, also what we have been started with ourselves. */
static void become(struct proc *p, int fd)
{
	char guardian[600], pid[24];
	const char *single[] = { "anod",
				 p->name,
				 "3",
				 p->host->plugin_dir,
				 p->host->options.priority >= LOG_DEBUG ? "-v" : "-q",
				 NULL };
	sigset_t none;
	int facts = -1;

	if (p->kind == PROC_CELL) /* 3 may be the very one, and be written over */
		facts = fcntl(store_fd(p->host->store), F_DUPFD_CLOEXEC, 5);
	place(fd, 3);
	(void) close_range(4, ~0u, CLOSE_RANGE_CLOEXEC);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	if (p->kind == PROC_GUARDIAN) {
		int self = pidfd_open_(getppid());

		if (self >= 0)
			place(self, 4);
		(void) installed_file("anod-guardian", guardian, sizeof(guardian));
		/* Without a pidfd the end of the channel tells of our death. */
		(void) snprintf(pid, sizeof(pid), "%d", self < 0 ? -1 : 4);
		(void) execl(guardian, "anod-guardian", "3", pid, p->host->state_dir,
			     (char *) NULL);
	} else {
		if (facts >= 0)
			place(facts, CELL_FACTS_FD);
		/* The guardian outlives us; the others must not. */
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) execv("/proc/self/exe", (char *const *) (uintptr_t) single);
	}
	_exit(127);
}

/* ---- life --------------------------------------------------------------------------------- */

static void start_again(struct proc *p);

static int on_retry(sd_event_source *s, uint64_t due, void *data)
{
	struct proc *p = data;

	(void) due;
	p->retry = sd_event_source_disable_unref(s);
	if (p->wanted && !p->host->stopping && proc_open(p->host, p) < 0 && !p->chan)
		start_again(p);
	return 0;
}

static void forget(struct proc *p)
{
	p->chan = chan_free(p->chan);
	p->exit = sd_event_source_disable_unref(p->exit);
	if (p->pidfd >= 0)
		(void) close(TAKE_FD(p->pidfd));
	p->pid = 0;
}

/* By its pidfd: the number of a process that is not our child may be another's by now. */
static void send_kill(struct proc *p)
{
	if (p->pidfd < 0 || syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0) < 0)
		(void) kill(p->pid, SIGKILL);
}

/* At once; what was killed takes no time to end. */
static void reap(struct proc *p)
{
	if (p->pid > 0) {
		send_kill(p);
		(void) waitpid(p->pid, NULL, 0);
	}
	forget(p);
}

static void ended(struct proc *p)
{
	struct host *h = p->host;

	forget(p);
	switch (p->kind) {
	case PROC_EXEC:
	case PROC_GUARDIAN:
		break; /* told when the new one is there, or cannot be had */
	case PROC_CELL:
		cells_on_end(h, p->agent);
		break;
	case PROC_INFER:
		advice_on_end(h);
		break;
	}
}

static void start_again(struct proc *p)
{
	uint64_t now = clock_boot_us();
	int r;

	if (!p->wanted || p->host->stopping || p->retry)
		return;

	if (now - p->started_us > QUIET_US)
		p->backoff_us = 0;
	p->restarts++;
	/* The first time at once: an executor or guardian is missed by open transactions. */
	if (p->backoff_us == 0) {
		p->backoff_us = BACKOFF_MIN_US;
		if (proc_open(p->host, p) >= 0)
			return;
	}
	r = sd_event_add_time_relative(p->host->loop, &p->retry, CLOCK_BOOTTIME, p->backoff_us,
				       US_PER_MS, on_retry, p);
	if (r < 0)
		log_error("%s: cannot schedule a restart: %s", p->name, strerror(-r));
	p->backoff_us = MIN_OF(p->backoff_us * 2, BACKOFF_MAX_US);
	/* Open transactions must not lean on it meanwhile. */
	if (p->kind == PROC_EXEC)
		txns_exec_restarted(p->host->txns, false);
	if (p->kind == PROC_GUARDIAN)
		txns_guard_restarted(p->host->txns, false);
}

static int on_exit_(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct proc *p = data;
	siginfo_t info = { 0 };
	bool adopted;

	(void) s, (void) events;
	/* The guardian of another daemon is nobody's child whose status we could have. */
	adopted = waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD;
	if (!adopted && info.si_pid == 0)
		return 0;

	if (adopted && !p->host->stopping)
		log_warning("%s (pid %d) of the last run has ended", p->name, p->pid);
	else if (p->stopping || p->host->stopping || (p->kind == PROC_INFER && info.si_status == 0))
		log_debug("%s has ended", p->name);
	else if (info.si_code == CLD_EXITED)
		log_warning("%s (pid %d) ended with status %d", p->name, info.si_pid,
			    info.si_status);
	else
		log_warning("%s (pid %d) was killed by signal %d (%s)", p->name, info.si_pid,
			    info.si_status, strsignal(info.si_status));
	proof_failed(p, &info);
	ended(p);
	start_again(p);
	return 0;
}

static int on_message(void *data, const struct chan_head *msg)
{
	struct proc *p = data;
	struct host *h = p->host;

	if (proof_taken(p, msg))
		return 0;
	switch (p->kind) {
	case PROC_EXEC:
		if (msg->type == EXEC_TABLED)
			return reflexes_on_exec(h, msg);
		return txns_on_exec(h->txns, msg);
	case PROC_GUARDIAN:
		return handover_on_guard(h, msg) ? 0 : txns_on_guard(h->txns, msg);
	case PROC_CELL:
		return cells_on_message(h, p->agent, msg);
	case PROC_INFER:
		return advice_on_message(h, msg);
	}
	return -EPROTO;
}

/* The channel broke before the process did: it must not go on without us. */
static void on_close(void *data, int error)
{
	struct proc *p = data;

	if (error && !p->host->stopping)
		log_error("%s: channel closed: %s", p->name, strerror(-error));
	p->chan = chan_free(p->chan);
	if (p->pid > 0)
		send_kill(p);
}

static int start_process(struct proc *p, int ours, int theirs)
{
	_cleanup_(closep) int fd = ours;
	pid_t pid = fork();
	int r = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(p, theirs);

	p->pid = pid;
	p->pidfd = pidfd_open_(pid); /* close-on-exec by itself */
	if (p->pidfd < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_io(p->host->loop, &p->exit, p->pidfd, EPOLLIN, on_exit_, p);
	if (r >= 0)
		r = chan_open(p->host->loop, TAKE_FD(fd), p->name, on_message, on_close, p,
			      &p->chan);
	if (r < 0)
		reap(p);
	return r;
}

static int start_inside(struct proc *p, int ours, int theirs)
{
	int r = single_open(p, theirs);

	if (r < 0) {
		(void) close(ours);
		return r;
	}
	return chan_open(p->host->loop, ours, p->name, on_message, on_close, p, &p->chan);
}

/* ---- public ------------------------------------------------------------------------------- */

int proc_hangs(struct proc *p)
{
	if (p->pid <= 0)
		return -ESRCH; /* --single, or it has ended already */

	log_error("%s (pid %d) does not answer; it is killed and started again", p->name, p->pid);
	send_kill(p);
	return 0;
}

int proc_open(struct host *h, struct proc *p)
{
	int fd[2] = { -1, -1 }, r;

	if (p->chan)
		return 0;
	if (p->pid > 0) /* killed, and its end not yet seen: its number must not be lost */
		return -EAGAIN;

	p->host = h;
	p->name = names[p->kind];
	p->started_us = clock_boot_us();
	p->stopping = false;
	p->wanted = true;
	r = chan_pair(fd);
	if (r < 0)
		return r;

	if (h->options.single) {
		r = start_inside(p, fd[0], fd[1]);
	} else {
		r = start_process(p, fd[0], fd[1]);
		(void) close(fd[1]);
	}
	if (r < 0) {
		log_error("cannot start %s: %s", p->name, strerror(-r));
		return r;
	}

	switch (p->kind) {
	case PROC_EXEC:
	case PROC_GUARDIAN:
		proof_ask(p);
		break;
	case PROC_CELL:
		return cells_on_start(h, p->agent);
	case PROC_INFER:
		break;
	}
	return 0;
}

int proc_start(struct host *h, enum proc_kind kind)
{
	h->proc[kind].kind = kind;
	return proc_open(h, &h->proc[kind]);
}

int proc_adopt(struct host *h, enum proc_kind kind, int fd, pid_t pid)
{
	struct proc *p = &h->proc[kind];
	int r = 0;

	p->kind = kind;
	p->host = h;
	p->name = names[kind];
	p->started_us = clock_boot_us();
	p->wanted = true;
	p->proven = true; /* it has answered already */
	p->pidfd = pidfd_open_(pid);
	if (p->pidfd < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_io(h->loop, &p->exit, p->pidfd, EPOLLIN, on_exit_, p);
	if (r >= 0)
		r = chan_open(h->loop, TAKE_FD(fd), p->name, on_message, on_close, p, &p->chan);
	closep(&fd);
	if (r < 0)
		forget(p);
	else
		p->pid = pid;
	return r;
}

void proc_renew(struct proc *p)
{
	forget(p);
	if (proc_open(p->host, p) < 0)
		start_again(p);
}

/* A cell or an inference process holds nothing that its death could lose. */
void proc_kill(struct proc *p)
{
	p->retry = sd_event_source_disable_unref(p->retry);
	if (!p->host)
		return;

	p->wanted = false;
	p->stopping = true;
	single_close(p);
	reap(p);
	ended(p);
}

/*
 * The guardian decides for itself when it ends: end of file on its channel and our death are its
 * triggers, and what is still armed then is its work.
 */
void procs_done(struct host *h)
{
	struct proc *g = &h->proc[PROC_GUARDIAN];

	cells_kill(h);
	proc_kill(&h->proc[PROC_INFER]);
	proc_kill(&h->proc[PROC_EXEC]);
	if (!g->host)
		return;

	g->retry = sd_event_source_disable_unref(g->retry);
	g->exit = sd_event_source_disable_unref(g->exit);
	g->chan = chan_free(g->chan);
	/* Under --single nobody would come back for the work that our going leaves to it. */
	if (g->inside)
		(void) guardian_run(g->inside);
	single_close(g);
	if (g->pidfd >= 0)
		(void) close(TAKE_FD(g->pidfd));
}
