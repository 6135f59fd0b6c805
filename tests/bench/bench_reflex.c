/*
 * bench_reflex - from the kernel's link event to the new route in force, by ready bytes.
 *
 * usage: bench_reflex [TRIALS]
 *
 * Design.  Three contenders, each in a network namespace of its own, take turns: the bare loop of
 * one recv and one message built before ("limit"), the same under SCHED_FIFO ("limit-fifo"), and
 * the real program anod-guardian with one reflex armed ("anod"), for which the driver stands in as
 * the host.  In the case "hogs" two busy processes run beside.  A listener on another CPU, ahead
 * of all of them, stamps the event of the link and that of the route as the kernel sends them.
 *
 * Then the carrier sentinel at 1 ms: the CPU time of the whole guardian for each question, and the
 * time between question and answer.
 *
 * Output: a line of JSON for each contender and case; and of the guardian's own account, the time
 * from the trigger seen to the messages taken.  Needs root.
 */
#include "bench.h"
#include "bench_row.h"

#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "exec/guardian.h"

#define GATEWAY	   "10.0.1.2"
#define TIMEOUT_NS INT64_C(5000000000)
#define HOGS	   2

enum { PRIO_BARE = GUARDIAN_PRIORITY, PRIO_LISTENER = 60 };
enum who { LIMIT, LIMIT_FIFO, ANOD, CONTENDERS };
static const char *const names[] = { "limit", "limit-fifo", "anod" };

static struct contender {
	pid_t pid;
	int first, standby; /* interface indices */
	int far;	    /* the other end of the first */
	int nl;		    /* requests */
	int hear;	    /* events of links and routes */
	int host;	    /* anod: our end of the guardian's socket */
} who[CONTENDERS];

static char dir[] = "/tmp/anod-bench-XXXXXX";
static _Atomic(struct contender *) heard;
static _Atomic int64_t link_ns, route_ns;

static void run_as(int priority, int cpu)
{
	struct sched_param p = { .sched_priority = priority };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		DIE("CPU %d", cpu);
	if (priority && sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		DIE("SCHED_FIFO");
}

/* ---- contenders ------------------------------------------------------------------------------ */

static void be_bare(const struct contender *c)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	union nl_request q;
	int events = nl_open(RTMGRP_LINK), act = nl_open(0);

	nl_steer(&q, true, GATEWAY, c->standby);
	for (;;) {
		int n = (int) recv(events, &in, sizeof(in), 0);

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			const struct ifinfomsg *i = NLMSG_DATA(h);

			if (h->nlmsg_type != RTM_NEWLINK || i->ifi_index != c->first ||
			    (i->ifi_flags & LOWER_UP))
				continue;
			if (send(act, &q, q.head.nlmsg_len, 0) < 0)
				DIE("send");
			break;
		}
		while (recv(act, &in, sizeof(in), MSG_DONTWAIT) > 0)
			continue;
	}
}

static void be_guardian(int fd)
{
	char text[16];
	int null = open("/dev/null", O_WRONLY);

	(void) dup2(null, STDERR_FILENO);
	(void) fcntl(fd, F_SETFD, 0);
	(void) snprintf(text, sizeof(text), "%d", fd);
	(void) execl(BUILD_DIR "/anod-guardian", "anod-guardian", text, "-1", dir, (char *) NULL);
	_exit(127);
}

static void start(enum who w)
{
	struct contender *c = &who[w];
	int fd[2];

	if (unshare(CLONE_NEWNET) < 0 ||
	    system("ip link set lo up && ip link add wan0 type veth peer name isp0 && "
		   "ip link add wan1 type veth peer name isp1 && "
		   "for l in wan0 isp0 wan1 isp1; do ip link set $l up; done && "
		   "ip addr add 10.0.0.1/24 dev wan0 && ip addr add 10.0.1.1/24 dev wan1") != 0)
		DIE("a network namespace");
	c->first = (int) if_nametoindex("wan0");
	c->standby = (int) if_nametoindex("wan1");
	c->far = (int) if_nametoindex("isp0");
	c->nl = nl_open(0);
	c->hear = nl_open(RTMGRP_LINK | RTMGRP_IPV4_ROUTE);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		DIE("socketpair");
	c->host = fd[0];
	c->pid = fork();
	if (c->pid == 0) {
		run_as(w == LIMIT_FIFO ? PRIO_BARE : 0, 1);
		if (w == ANOD)
			be_guardian(fd[1]);
		be_bare(c);
	}
	(void) close(fd[1]);
}

static void add_step(const struct contender *c, struct exec_step *s)
{
	struct anod_route *r = &s->change.post.u.route;
	int get, undo;

	s->change.has_post = 1;
	s->change.post.type = ANOD_OBJ_ROUTE;
	r->dst.family = AF_INET;
	r->metric = STEER_METRIC;
	r->table = RT_TABLE_MAIN;
	r->protocol = ANOD_RTPROT;
	r->type = RTN_UNICAST;
	r->n_legs = 1;
	r->leg[0].weight = 1;
	r->leg[0].ifindex = (uint32_t) c->standby;
	r->leg[0].via =
		(struct anod_prefix){ .family = AF_INET, .len = 32, .addr = { 10, 0, 1, 2 } };
	get = anod_rtnl_encode(ANOD_RTNL_GET, &s->change.post, NULL, s->get);
	undo = anod_rtnl_encode(ANOD_RTNL_DEL, &s->change.post, NULL, s->undo);
	if (get < 0 || undo < 0)
		DIE("the messages");
	s->get_len = (uint32_t) get;
	s->undo_len = (uint32_t) undo;
}

/* Until the link is seen up; only then can a reflex be armed. */
static void arm_guardian(const struct contender *c, uint32_t sentinel_us)
{
	static struct guard_arm m;
	union {
		struct chan_head head;
		struct exec_result room;
	} in;

	memset(&m, 0, sizeof(m));
	m.head = (struct chan_head){ GUARD_ARM, offsetof(struct guard_arm, step[1]), 1 };
	m.deadline_us = clock_boot_us() + 600 * US_PER_S;
	m.flags = GUARD_REFLEX;
	m.n_steps = 1;
	m.trigger = (struct guard_trigger){ .ifindex = (uint32_t) c->first,
					    .sentinel_us = sentinel_us,
					    .link = "wan0",
					    .hold_us = 600 * US_PER_S };
	add_step(c, &m.step[0]);
	do {
		sleep_us(200);
		if (send(c->host, &m, m.head.size, 0) < 0 || recv(c->host, &in, sizeof(in), 0) < 0)
			DIE("the guardian");
	} while (in.head.type != GUARD_ARMED);
}

/* It has fired: what its own account says; and its undo is not wanted. */
static double take_account(const struct contender *c)
{
	struct guard_ack disarm = { { GUARD_DISARM, sizeof(disarm), 1 }, 0, 0 };
	struct guard_reflexed m;
	struct guard_ack ack;

	if (recv(c->host, &m, sizeof(m), 0) != sizeof(m) || m.head.type != GUARD_REFLEXED ||
	    m.error != 0 || send(c->host, &disarm, sizeof(disarm), 0) < 0 ||
	    recv(c->host, &ack, sizeof(ack), 0) != sizeof(ack))
		DIE("the guardian's account");
	return (double) (m.sent_ns - m.seen_ns) / 1e3;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static void stamp(struct nlmsghdr *h, const struct contender *c, int64_t now)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	if (h->nlmsg_type == RTM_NEWLINK && i->ifi_index == c->first &&
	    !(i->ifi_flags & LOWER_UP) && !link_ns)
		link_ns = now;
	if (h->nlmsg_type == RTM_NEWROUTE && link_ns && !route_ns)
		route_ns = now;
}

static void *listen_to_all(void *data)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	struct pollfd p[CONTENDERS];

	(void) data;
	run_as(PRIO_LISTENER, 0);
	for (unsigned w = 0; w < CONTENDERS; w++)
		p[w] = (struct pollfd){ .fd = who[w].hear, .events = POLLIN };
	for (;;) {
		if (poll(p, CONTENDERS, -1) < 0)
			continue;
		for (unsigned w = 0; w < CONTENDERS; w++) {
			int n = p[w].revents ? (int) recv(p[w].fd, &in, sizeof(in), 0) : 0;
			int64_t now = now_ns();

			for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
			     h = NLMSG_NEXT(h, n))
				if (heard == &who[w])
					stamp(h, &who[w], now);
		}
	}
	return NULL;
}

static double run_trial(enum who w, double *ret_own)
{
	struct contender *c = &who[w];
	int64_t end = now_ns() + TIMEOUT_NS;
	union nl_request q;

	if (w == ANOD)
		arm_guardian(c, 0);
	sleep_us(3000 + rand() % 2000);
	link_ns = route_ns = 0;
	heard = c;
	if (nl_set_link(c->nl, c->far, false) < 0)
		DIE("cannot shut the far end");
	while (!route_ns) {
		if (now_ns() > end)
			DIE("%s did not steer", names[w]);
		sleep_us(100);
	}
	heard = NULL;
	*ret_own = w == ANOD ? take_account(c) : 0;

	nl_steer(&q, false, NULL, 0);
	if (nl_talk(c->nl, &q) < 0 || nl_set_link(c->nl, c->far, true) < 0)
		DIE("cannot put it back");
	return (double) (route_ns - link_ns) / 1e3;
}

static void report(const char *name, const char *whose, double *us, unsigned n)
{
	print_row("reflex", name, whose, "us", us, n);
}

static void run_case(const char *name, unsigned trials)
{
	double *us[CONTENDERS], *own = calloc(trials, sizeof(*own)), none;
	char account[32];

	for (unsigned w = 0; w < CONTENDERS; w++)
		us[w] = calloc(trials, sizeof(*us[w]));
	for (unsigned i = 0; i < trials; i++)
		for (unsigned w = 0; w < CONTENDERS; w++)
			us[w][i] = run_trial(w, w == ANOD ? &own[i] : &none);
	for (unsigned w = 0; w < CONTENDERS; w++) {
		report(name, names[w], us[w], trials);
		free(us[w]);
	}
	(void) snprintf(account, sizeof(account), "%s-account", name);
	report(account, "anod", own, trials);
	free(own);
}

static struct guard_state ask_state(const struct contender *c)
{
	struct guard_ack ask = { { GUARD_STATUS, sizeof(ask), 1 }, 0, 0 };
	struct guard_state m;

	if (send(c->host, &ask, sizeof(ask), 0) < 0 ||
	    recv(c->host, &m, sizeof(m), 0) != sizeof(m) || m.head.type != GUARD_STATE)
		DIE("the guardian's state");
	return m;
}

static double cpu_us(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		DIE("the CPU time of %d", pid);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void run_sentinel(void)
{
	const struct contender *c = &who[ANOD];
	struct guard_state before, after;
	double us, asking;
	uint64_t n;

	arm_guardian(c, 1000);
	before = ask_state(c);
	us = cpu_us(c->pid);
	sleep_us(2000000);
	us = cpu_us(c->pid) - us;
	after = ask_state(c);
	n = after.n_asks - before.n_asks;
	if (n == 0)
		DIE("the sentinel did not ask");
	us /= (double) n;
	asking = (double) (after.ask_ns - before.ask_ns) / 1e3 / (double) n;
	report("sentinel-cpu", "anod", &us, 1);
	report("sentinel-ask", "anod", &asking, 1);
}

static void start_hogs(pid_t hog[HOGS])
{
	for (unsigned i = 0; i < HOGS; i++) {
		hog[i] = fork();
		if (hog[i] == 0)
			for (;;)
				;
	}
}

static void end_all(const pid_t *pid, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		(void) kill(pid[i], SIGKILL);
		(void) waitpid(pid[i], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	unsigned trials = argc > 1 ? (unsigned) atoi(argv[1]) : 200;
	char command[64];
	pthread_t listener;
	pid_t hog[HOGS];

	if (trials == 0 || !mkdtemp(dir))
		DIE("%s", dir);
	for (unsigned w = 0; w < CONTENDERS; w++)
		start(w);
	if (pthread_create(&listener, NULL, listen_to_all, NULL) != 0)
		DIE("no thread");
	sleep_us(200000); /* until the bare loops listen; a trial would fail, not lie */

	run_case("quiet", trials);
	run_sentinel();
	start_hogs(hog);
	run_case("hogs", trials);

	end_all(hog, HOGS);
	for (unsigned w = 0; w < CONTENDERS; w++)
		end_all(&who[w].pid, 1);
	(void) snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
