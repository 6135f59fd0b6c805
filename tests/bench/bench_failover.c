/*
 * bench_failover - takes an uplink's carrier away and watches when traffic has another way.
 *
 * usage: bench_failover ROUTER FAR1 FAR2 CLIENT TRIALS PACKET_US SETTLE_MS RESTORE
 *
 *   ROUTER, FAR1, FAR2, CLIENT   namespaces of examples/lab/lab.py
 *   PACKET_US   0, or the time between two packets from the client: then the outage is told too
 *   SETTLE_MS   pause between a return to the first uplink and the next trial
 *   RESTORE     "self": the driver removes the steering route; "auto": the contender does
 *
 * Design.  The contender runs beside in ROUTER already, at its own scheduling policy; trigger,
 * listeners and packets are SCHED_FIFO where that is allowed, because they stand for hardware.
 * Stamps are CLOCK_MONOTONIC:
 *
 *   start   before the far end is set down
 *   link    a listener of our own sees the router's uplink without carrier: the kernel's share
 *   route   a listener of our own hears of a route, and the FIB leaves by the second uplink
 *   outage  sending time of the first packet that arrived behind the second uplink, less that of
 *           the last that arrived behind the first one
 *
 * Output, a line a trial: "link->route start->route outage", in us, "-" where there is none.
 */
#include "bench.h"

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#define DST	   "203.0.113.1"
#define PORT	   9000
#define TIMEOUT_NS INT64_C(5000000000)
#define RETURN_NS  INT64_C(30000000000)

enum { PRIO_TRIGGER = 5, PRIO_SENDER = 10, PRIO_LISTENER = 20 };

struct packet {
	uint64_t seq;
	int64_t sent_ns;
};

static struct {
	int first, second, far; /* interface indices */
	int trigger, far_nl, packet_us;
	const char *client;
} lab;

static atomic_bool armed, sending;
static _Atomic int64_t start_ns, done_ns, link_ns, route_ns;

static void run_as(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	(void) pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
}

/* The kernel answers only when the link is shut, so this has a thread of its own. */
static void *trigger(void *data)
{
	uint64_t n;

	(void) data;
	run_as(PRIO_TRIGGER);
	while (read(lab.trigger, &n, sizeof(n)) == sizeof(n)) {
		start_ns = now_ns();
		if (nl_set_link(lab.far_nl, lab.far, false) < 0)
			DIE("cannot shut the far end");
		done_ns = now_ns();
	}
	return NULL;
}

static void *hear_links(void *data)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	int fd = *(int *) data;

	run_as(PRIO_LISTENER);
	for (;;) {
		int n = (int) recv(fd, &in, sizeof(in), 0);
		int64_t now = now_ns();

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			const struct ifinfomsg *i = NLMSG_DATA(h);

			if (armed && !link_ns && i->ifi_index == lab.first &&
			    !(i->ifi_flags & LOWER_UP))
				link_ns = now;
		}
	}
	return NULL;
}

static void *hear_routes(void *data)
{
	int *fd = data; /* [0] the events, [1] the questions */
	uint8_t in[32768];

	run_as(PRIO_LISTENER);
	for (;;) {
		ssize_t n = recv(fd[0], in, sizeof(in), 0);
		int64_t now = now_ns();

		if (n > 0 && armed && !route_ns && nl_way(fd[1], DST) == lab.second)
			route_ns = now;
	}
	return NULL;
}

static void *send_packets(void *data)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct packet p = { 0 };
	int64_t next = 0;
	int fd;

	(void) data;
	enter_netns(lab.client);
	(void) prctl(PR_SET_TIMERSLACK, 1UL);
	run_as(PRIO_SENDER);
	(void) inet_pton(AF_INET, DST, &to.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0)
		DIE("the packets");

	for (;;) {
		struct timespec t;

		if (!sending) {
			next = 0;
			sleep_us(500);
			continue;
		}
		p.sent_ns = now_ns();
		p.seq++;
		(void) send(fd, &p, sizeof(p), 0); /* unreachable is lost, and counts so */
		next = next + lab.packet_us * 1000 < p.sent_ns ? p.sent_ns
							       : next + lab.packet_us * 1000;
		t = (struct timespec){ next / 1000000000, next % 1000000000 };
		(void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	return NULL;
}

static int open_sink(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 64 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof(at)) < 0)
		DIE("the sink");
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* Empty the sink: how many came; the first and the last of them. */
static long drain(int fd, struct packet *first, struct packet *last)
{
	struct packet p;
	long n = 0;

	while (recv(fd, &p, sizeof(p), 0) == sizeof(p)) {
		if (n++ == 0)
			*first = p;
		*last = p;
	}
	return n;
}

/* ---- trials ------------------------------------------------------------------------------- */

static void start_thread(void *(*run)(void *), void *data)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, data) != 0)
		DIE("no thread");
}

static void await_return(int ask)
{
	int64_t end = now_ns() + RETURN_NS;

	while (nl_way(ask, DST) != lab.first) {
		errno = ETIMEDOUT;
		if (now_ns() > end)
			DIE("the path never returned to the first uplink");
		sleep_us(1000);
	}
}

static void print_us(bool known, int64_t ns, char end)
{
	if (known)
		printf("%.1f%c", (double) ns / 1e3, end);
	else
		printf("-%c", end);
}

static void run_trial(int sink[2])
{
	struct packet a = { 0 }, b = { 0 }, first = { 0 }, last = { 0 };
	uint64_t one = 1;
	int64_t end;
	bool both;

	(void) drain(sink[0], &a, &b);
	(void) drain(sink[1], &a, &b);
	start_ns = done_ns = link_ns = route_ns = 0;
	armed = true;
	sending = lab.packet_us > 0;
	if (sending)
		sleep_us(20000);

	end = now_ns() + TIMEOUT_NS;
	if (write(lab.trigger, &one, sizeof(one)) != sizeof(one))
		DIE("eventfd");
	while ((!route_ns && now_ns() < end) || !done_ns)
		sleep_us(500);
	if (sending) {
		sleep_us(20000);
		sending = false;
		sleep_us(2000);
	}
	armed = false;

	both = lab.packet_us > 0 && drain(sink[0], &a, &last) > 0 && drain(sink[1], &first, &b) > 0;
	print_us(route_ns && link_ns, route_ns - link_ns, ' ');
	print_us(route_ns, route_ns - start_ns, ' ');
	print_us(both, first.sent_ns - last.sent_ns, '\n');
	(void) fflush(stdout);
}

int main(int argc, char **argv)
{
	int links, routes[2], ask, act, up, sink[2], trials, settle_ms;
	bool self;

	if (argc != 9) {
		fprintf(stderr, "usage: bench_failover ROUTER FAR1 FAR2 CLIENT TRIALS PACKET_US "
				"SETTLE_MS self|auto\n");
		return 2;
	}
	lab.client = argv[4];
	trials = atoi(argv[5]);
	lab.packet_us = atoi(argv[6]);
	settle_ms = atoi(argv[7]);
	self = strcmp(argv[8], "self") == 0;

	enter_netns(argv[2]);
	lab.far = (int) if_nametoindex("r");
	lab.far_nl = nl_open(0);
	up = nl_open(0);
	sink[0] = open_sink();
	enter_netns(argv[3]);
	sink[1] = open_sink();
	enter_netns(argv[1]);
	lab.first = (int) if_nametoindex("wan0");
	lab.second = (int) if_nametoindex("wan1");
	lab.trigger = eventfd(0, EFD_CLOEXEC);
	ask = nl_open(0);
	act = nl_open(0);
	links = nl_open(RTMGRP_LINK);
	routes[0] = nl_open(RTMGRP_IPV4_ROUTE);
	routes[1] = nl_open(0);
	start_thread(trigger, NULL);
	start_thread(hear_links, &links);
	start_thread(hear_routes, routes);
	if (lab.packet_us > 0)
		start_thread(send_packets, NULL);

	for (int i = 0; i < trials; i++) {
		union nl_request q;

		await_return(ask);
		sleep_us(settle_ms * 1000 + rand() % 10000); /* against lock-step with pollers */
		run_trial(sink);
		if (nl_set_link(up, lab.far, true) < 0)
			DIE("cannot open the far end");
		if (self) {
			sleep_us(5000);
			nl_steer(&q, false, NULL, 0);
			(void) nl_talk(act, &q); /* ESRCH: the contender did nothing */
		}
	}
	return 0;
}
