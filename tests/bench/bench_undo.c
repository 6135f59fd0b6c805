/*
 * bench_undo - from the death of the daemon to the state restored; and what a change costs.
 *
 * Design.  A stand-in for the host arms the real program anod-guardian with the undo of a route
 * that has been moved, and is killed with SIGKILL; the clock stops when the kernel announces the
 * old route.  The journal holds the INTENT, so the guardian reads it as it does in earnest.  The
 * limit is a process that waits for the same death and sends the same message, and no more.
 * The other cases are the executor's answers to PREPARE, APPLY and UNDO of one route.replace.
 * One line of JSON each goes to stdout.  Needs root, for a network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "bench_row.h"
#include "exec/guardian.h"
#include "exec/serve.h"
#include "txn/journal.h"

#define ROUNDS	     200
#define ROUNDS_EXEC  2000
#define MOVED_METRIC 5
#define ASLEEP_US    3000 /* a host that ran just now has to wait before it may die */

static struct anod_object here, there; /* the route before and after */
static struct exec_result last;
static char dir[] = "/tmp/anod-bench-XXXXXX";

static void must(bool ok, const char *what)
{
	if (ok)
		return;

	(void) fprintf(stderr, "bench_undo: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void report_as(const char *who, const char *name, double *us, unsigned n)
{
	print_row("undo", name, who, "us", us, n);
}

static void report(const char *name, double *us, unsigned n)
{
	report_as("anod", name, us, n);
}

/* ---- the change ---------------------------------------------------------------------------- */

static struct anod_object route_by(const char *dev, uint8_t net)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = (struct anod_prefix){ .family = AF_INET, .len = 24, .addr = { 192, 0, 2 } };
	r->metric = MOVED_METRIC;
	r->table = RT_TABLE_MAIN;
	r->protocol = ANOD_RTPROT;
	r->type = RTN_UNICAST;
	r->n_legs = 1;
	r->leg[0].weight = 1;
	r->leg[0].ifindex = if_nametoindex(dev);
	r->leg[0].via =
		(struct anod_prefix){ .family = AF_INET, .len = 32, .addr = { 10, 0, net, 2 } };
	return o;
}

/* Moves the route to the other link, wherever it is. */
static int plan_move(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_change *c = &ret->change[0];
	int r = v->get(v, &here, &c->pre);

	(void) a;
	if (r < 0)
		return r;

	c->has_pre = c->has_post = 1;
	c->post = anod_object_matches(&c->pre, &here, NULL) ? there : here;
	ret->n_changes = 1;
	return 0;
}

static const struct anod_param no_params[] = { { 0 } };
static const struct anod_action_desc move = {
	.kind = "route.replace", .params = no_params, .flags = ANOD_ACT_UNDO, .plan = plan_move
};
static const struct anod_action_desc *const actions[] = { &move, NULL };

static int take_reply(void *data, struct chan_head *head, size_t size)
{
	(void) data;
	if (head->type != EXEC_PREPARED)
		memcpy(&last, head, MIN_OF(size, sizeof(last)));
	return 0;
}

static void set_route(struct kernel *k, const struct anod_object *o)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	int n = anod_rtnl_encode(ANOD_RTNL_SET, o, NULL, msg);

	errno = -kernel_send(k, msg, (size_t) n);
	must(errno == 0, "setting the route");
}

static void prepare(struct serve *s, uint64_t tx)
{
	static struct exec_prepare p = { .head = { EXEC_PREPARE, sizeof(p), 0 }, .n_actions = 1 };

	p.head.id = tx;
	p.action[0].size = sizeof(p.action[0]);
	(void) copy_text(p.action[0].kind, sizeof(p.action[0].kind), move.kind);
	must(serve_message(s, &p.head) == 0 && s->steps.error == 0, s->steps.why);
}

static void bench_exec(struct serve *s)
{
	static double us[3][ROUNDS_EXEC];

	for (unsigned i = 0; i < ROUNDS_EXEC; i++) {
		struct exec_apply a = { { EXEC_APPLY, sizeof(a), 1 } };
		double t[4];

		t[0] = now_us();
		prepare(s, 1);
		t[1] = now_us();
		must(serve_message(s, &a.head) == 0 && last.error == 0, last.why);
		t[2] = now_us();
		s->steps.head =
			(struct chan_head){ EXEC_UNDO, offsetof(struct exec_steps, step[1]), 1 };
		must(serve_message(s, &s->steps.head) == 0 && last.state[0] == STEP_UNDONE,
		     last.why);
		t[3] = now_us();
		for (unsigned k = 0; k < 3; k++)
			us[k][i] = t[k + 1] - t[k];
	}
	report("prepare", us[0], ROUNDS_EXEC);
	report("apply", us[1], ROUNDS_EXEC);
	report("undo", us[2], ROUNDS_EXEC);
}

/* ---- kill -9 ------------------------------------------------------------------------------- */

static int open_events(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	must(fd >= 0 && bind(fd, (struct sockaddr *) &a, sizeof(a)) == 0, "route events");
	return fd;
}

/* When the kernel announced that the route is 'want'. */
static double wait_route(int events, const struct anod_object *want)
{
	union {
		struct nlmsghdr h;
		uint8_t room[8192];
	} m;
	struct anod_object o;
	bool gone;

	for (;;) {
		must(recv(events, &m, sizeof(m), 0) > 0, "reading route events");
		if (anod_rtnl_decode(&m.h, &o, &gone) > 0 && !gone &&
		    anod_object_matches(&o, want, NULL))
			return now_us();
	}
}

/* The stand-in: arms, says so, and waits to be killed. */
static void be_host(int fd, int ready, const struct exec_steps *steps, uint64_t tx)
{
	static struct guard_arm arm;
	struct guard_ack ack;

	arm.head = (struct chan_head){ GUARD_ARM, offsetof(struct guard_arm, step[1]), tx };
	arm.deadline_us = clock_boot_us() + 600 * US_PER_S;
	arm.n_steps = 1;
	arm.step[0] = steps->step[0];
	must(send(fd, &arm, arm.head.size, 0) > 0, "arming");
	must(recv(fd, &ack, sizeof(ack), 0) == sizeof(ack) && ack.head.type == GUARD_ARMED,
	     "no proof of arming");
	must(write(ready, "r", 1) == 1, "pipe");
	for (;;)
		(void) pause();
}

static pid_t start_guardian(int fd, pid_t host)
{
	int pidfd = (int) syscall(SYS_pidfd_open, host, 0);
	char a[16], b[16];
	pid_t pid;

	must(pidfd >= 0, "pidfd_open");
	(void) snprintf(a, sizeof(a), "%d", fd);
	(void) snprintf(b, sizeof(b), "%d", pidfd);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		(void) dup2(null, STDERR_FILENO);
		(void) fcntl(fd, F_SETFD, 0);
		(void) fcntl(pidfd, F_SETFD, 0);
		(void) execl(BUILD_DIR "/anod-guardian", "anod-guardian", a, b, dir, (char *) NULL);
		_exit(127);
	}
	must(pid > 0, "fork");
	(void) close(pidfd);
	return pid;
}

static void write_intent(uint64_t tx, const struct exec_steps *steps)
{
	struct exec_step step = steps->step[0];
	struct journal_record r = { .type = JOURNAL_INTENT, .tx = tx, .n_steps = 1, .step = &step };
	struct journal *j = NULL;

	must(journal_open(dir, US_PER_S, &j) == 0 && journal_append(j, &r, true) == 0, "journal");
	(void) journal_close(j);
}

/* What the guardian itself says: from the death seen to the undo seen in the kernel. */
static double own_account(void)
{
	struct guardian_entry *e = NULL;
	unsigned n;
	double us;

	must(guardian_read(dir, &e, &n) == 0 && n > 0, "the guardian's file");
	us = (double) e[n - 1].took_us;
	free(e);
	return us;
}

/* The route is moved, and the host dies: the time until it is back. */
static double kill_host(struct serve *s, int events, pid_t host)
{
	double start, end;

	set_route(&s->kernel, &there);
	(void) wait_route(events, &there);
	(void) usleep(ASLEEP_US);
	start = now_us();
	(void) kill(host, SIGKILL);
	end = wait_route(events, &here);
	(void) waitpid(host, NULL, 0);
	return end - start;
}

static double kill_once(struct serve *s, int events, uint64_t tx, double *ret_own)
{
	int fd[2], ready[2], status;
	pid_t host, guardian;
	double us;
	char c;

	set_route(&s->kernel, &here);
	prepare(s, tx);
	write_intent(tx, &s->steps);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0 &&
		     pipe2(ready, O_CLOEXEC) == 0,
	     "socketpair");
	host = fork();
	must(host >= 0, "fork");
	if (host == 0) {
		(void) close(fd[1]);
		be_host(fd[0], ready[1], &s->steps, tx);
	}
	(void) close(fd[0]);
	guardian = start_guardian(fd[1], host);
	(void) close(fd[1]);
	(void) close(ready[1]);
	must(read(ready[0], &c, 1) == 1, "the stand-in failed");

	us = kill_host(s, events, host);
	(void) waitpid(guardian, &status, 0);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the guardian failed");
	(void) close(ready[0]);
	*ret_own = own_account();
	return us;
}

/* The least that is possible: a process that waits for the death and sends one message. */
static void be_bare(pid_t host, int ready, const struct exec_step *step)
{
	const struct sched_param p = { .sched_priority = GUARDIAN_PRIORITY };
	struct pollfd dead = { .fd = (int) syscall(SYS_pidfd_open, host, 0), .events = POLLIN };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	(void) sched_setscheduler(0, SCHED_FIFO, &p);
	must(dead.fd >= 0 && fd >= 0 && write(ready, "r", 1) == 1, "the bare guardian");
	must(poll(&dead, 1, -1) == 1 && send(fd, step->undo, step->undo_len, 0) > 0, "its undo");
	_exit(EXIT_SUCCESS);
}

static double kill_bare(struct serve *s, int events, uint64_t tx)
{
	int ready[2];
	pid_t host, bare;
	double us;
	char c;

	set_route(&s->kernel, &here);
	prepare(s, tx);
	must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
	host = fork();
	must(host >= 0, "fork");
	while (host == 0)
		(void) pause();
	bare = fork();
	must(bare >= 0, "fork");
	if (bare == 0)
		be_bare(host, ready[1], &s->steps.step[0]);
	must(read(ready[0], &c, 1) == 1, "the bare guardian failed");

	us = kill_host(s, events, host);
	(void) waitpid(bare, NULL, 0);
	(void) close(ready[0]);
	(void) close(ready[1]);
	return us;
}

static void bench_kill(struct serve *s)
{
	/* Who looks when the route is back must not be what is late. */
	const struct sched_param first = { .sched_priority = GUARDIAN_PRIORITY + 10 },
				 usual = { 0 };
	static double us[ROUNDS], own[ROUNDS], bare[ROUNDS];
	int events = open_events();

	(void) sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = kill_once(s, events, 2 * i + 1, &own[i]);
		bare[i] = kill_bare(s, events, 2 * i + 2);
	}
	(void) sched_setscheduler(0, SCHED_OTHER, &usual);
	report_as("limit", "kill9", bare, ROUNDS);
	report("kill9", us, ROUNDS);
	report("kill9-account", own, ROUNDS);
	(void) close(events);
}

int main(void)
{
	static struct serve s = { .actions = actions, .reply = take_reply };
	char command[64];

	must(unshare(CLONE_NEWNET) == 0, "a network namespace");
	must(system("ip link set lo up && ip link add wan0 type veth peer name isp0 && "
		    "ip link add wan1 type veth peer name isp1 && "
		    "for l in wan0 isp0 wan1 isp1; do ip link set $l up; done && "
		    "ip addr add 10.0.0.1/24 dev wan0 && ip addr add 10.0.1.1/24 dev wan1") == 0,
	     "ip(8)");
	must(mkdtemp(dir) != NULL, dir);
	here = route_by("wan0", 0);
	there = route_by("wan1", 1);
	must(kernel_open(&s.kernel) == 0, "rtnetlink");
	set_route(&s.kernel, &here);

	bench_kill(&s);
	bench_exec(&s);

	serve_done(&s);
	(void) snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
