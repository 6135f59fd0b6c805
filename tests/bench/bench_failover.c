/*
 * bench_failover - takes an uplink's carrier away and watches when traffic has another way.
 *
 * usage: bench_failover ROUTER FAR1|tun FAR2 CLIENT TRIALS PACKET_US SETTLE_MS [hold]
 *
 *   ROUTER, FAR1, FAR2, CLIENT   namespaces of examples/lab/lab.py
 *   tun         wan0 is a persistent tun device, whose carrier this program holds
 *   PACKET_US   0, or the time between two packets from the client: then the outage is told too
 *   SETTLE_MS   pause before a trial, when the path leads by the first uplink again
 *   hold        packets go on after the loss until the caller says so
 *
 * The caller leads: "next" on stdout asks for a line on stdin before each trial (the contender is
 * ready), with "hold" also "lost" (it has converged).  A trial is answered with one line
 * "= link->route start->route outage lost", in us and packets, "-" where there is none.
 *
 * Design.  The contender runs beside in ROUTER, at its own scheduling policy; trigger, listeners
 * and packets are SCHED_FIFO where that is allowed, because they stand for hardware.
 * Stamps are CLOCK_MONOTONIC:
 *
 *   start   before the far end is set down, or the tun's carrier
 *   link    a listener of our own sees the router's uplink without carrier: the kernel's share
 *   route   a listener of our own hears of the link, a route, a rule or a next hop, and the FIB
 *           leaves by the second uplink
 *   outage  time without delivery: between two packets that arrived while some between them did
 *           not, from the sending of the one to that of the other, all such together
 *
 * A tun has no far end that stops taking packets, so those that come out of it after its carrier
 * was taken count as lost.  100 ms before, the carrier of another tun changes: the kernel tells
 * changes of such links at most once a second (net/core/link_watch.c), which veth is exempt from.
 */
#include "bench.h"

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "bench_stream.h"
#include "bench_tun.h"

#define TIMEOUT_NS  INT64_C(15000000000)
#define RETURN_NS   INT64_C(60000000000)
#define DISTANCE_NS INT64_C(100000000) /* between the link events of "tun" */

/* Ahead of every contender: it must not hear late because one of them runs. */
enum { PRIO_TRIGGER = 5, PRIO_LISTENER = 60 };
#define EVENTS (RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | 1u << (RTNLGRP_NEXTHOP - 1))

static struct {
	int first, second, far, other; /* interface indices */
	int trigger, far_nl;
	int tun, other_tun; /* 0: veth */
} lab;

static atomic_bool armed;
static _Atomic int64_t start_ns, done_ns, link_ns, route_ns;
static _Atomic int64_t other_ns; /* last event of the other tun; negative: without carrier */

/* The kernel answers only when the link is shut, so this has a thread of its own. */
static void *trigger(void *data)
{
	uint64_t n;

	(void) data;
	run_as(PRIO_TRIGGER);
	while (read(lab.trigger, &n, sizeof(n)) == sizeof(n)) {
		start_ns = now_ns();
		if (lab.tun)
			tun_carrier(lab.tun, false);
		else if (nl_set_link(lab.far_nl, lab.far, false) < 0)
			DIE("cannot shut the far end");
		done_ns = now_ns();
	}
	return NULL;
}

/* Something has changed: is it the way?  'now': when that was told; 0: it was not. */
static void look(int ask, int64_t now)
{
	int64_t none = 0;

	if (armed && start_ns && !route_ns && nl_way(ask, STREAM_DST) == lab.second)
		(void) atomic_compare_exchange_strong(&route_ns, &none, now ? now : now_ns());
}

static void *hear_links(void *data)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	int *fd = data; /* [0] the events, [1] the questions */

	run_as(PRIO_LISTENER);
	for (;;) {
		int n = (int) recv(fd[0], &in, sizeof(in), 0);
		int64_t now = now_ns();

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			const struct ifinfomsg *i = NLMSG_DATA(h);

			if (i->ifi_index == lab.other)
				other_ns = i->ifi_flags & LOWER_UP ? now : -now;
			if (armed && !link_ns && i->ifi_index == lab.first &&
			    !(i->ifi_flags & LOWER_UP)) {
				link_ns = now;
				look(fd[1], 0); /* the kernel tells nobody that it switched */
			}
		}
	}
	return NULL;
}

/* A daemon moves 100,000 routes: ask only where it may concern us. */
static bool concerns(struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	int left = (int) RTM_PAYLOAD(h);
	struct in_addr dst;

	if (h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE)
		return true;
	if (r->rtm_dst_len != 32)
		return r->rtm_dst_len == 0;
	(void) inet_pton(AF_INET, STREAM_DST, &dst);
	for (const struct rtattr *t = RTM_RTA(r); RTA_OK(t, left); t = RTA_NEXT(t, left))
		if (t->rta_type == RTA_DST)
			return memcmp(RTA_DATA(t), &dst, sizeof(dst)) == 0;
	return false;
}

static void *hear_routes(void *data)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	int *fd = data;

	run_as(PRIO_LISTENER);
	for (;;) {
		int n = (int) recv(fd[0], &in, sizeof(in), 0);
		int64_t now = now_ns();
		bool any = n < 0; /* some were lost */

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n))
			any = any || concerns(h);
		if (any)
			look(fd[1], now);
	}
	return NULL;
}

/* ---- trials -------------------------------------------------------------------------------- */

static void ask_caller(const char *what)
{
	char line[16];

	(void) printf("%s\n", what);
	(void) fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(EXIT_SUCCESS);
}

static void await_return(int ask)
{
	int64_t end = now_ns() + RETURN_NS;

	while (nl_way(ask, STREAM_DST) != lab.first) {
		errno = ETIMEDOUT;
		if (now_ns() > end)
			DIE("the path never returned to the first uplink");
		sleep_us(1000);
	}
}

/* Wait for the event of the other tun. */
static void await_other(bool up)
{
	int64_t end = now_ns() + TIMEOUT_NS;

	while (up != (other_ns > 0)) {
		errno = ETIMEDOUT;
		if (now_ns() > end)
			DIE("the event of the other tun");
		sleep_us(200);
	}
}

/* From an event on, the next one of such a link is told a second later. */
static void distract(void)
{
	int64_t left;

	tun_carrier(lab.other_tun, true);
	await_other(true);
	tun_carrier(lab.other_tun, false);
	await_other(false);
	left = -other_ns + DISTANCE_NS - now_ns();
	sleep_us(left > 0 ? left / 1000 : 0);
}

static void print_us(bool known, int64_t ns)
{
	if (known)
		printf(" %.1f", (double) ns / 1e3);
	else
		printf(" -");
}

static void print_trial(void)
{
	uint64_t lost;
	int64_t ns;
	bool both = stream_outage(start_ns, &ns, &lost);

	printf("=");
	print_us(route_ns && link_ns, route_ns - link_ns);
	print_us(route_ns, route_ns - start_ns);
	print_us(both, ns);
	if (both)
		printf(" %llu\n", (unsigned long long) lost);
	else
		printf(" -\n");
	(void) fflush(stdout);
}

static void run_trial(bool hold)
{
	uint64_t one = 1;
	int64_t end;

	if (lab.tun)
		distract();
	start_ns = done_ns = link_ns = route_ns = 0;
	armed = true;
	stream_start();

	end = now_ns() + TIMEOUT_NS;
	if (write(lab.trigger, &one, sizeof(one)) != sizeof(one))
		DIE("eventfd");
	while ((!route_ns && now_ns() < end) || !done_ns)
		sleep_us(500);
	if (hold)
		ask_caller("lost");
	stream_stop();
	armed = false;
	print_trial();
}

static void open_lab(char **argv)
{
	if (strcmp(argv[2], "tun") != 0) {
		enter_netns(argv[2]);
		lab.far = (int) if_nametoindex("r");
		lab.far_nl = nl_open(0);
		stream_sink(0, -1);
	}
	enter_netns(argv[3]);
	stream_sink(1, -1);
	enter_netns(argv[1]);
	if (!lab.far) {
		lab.tun = tun_open("wan0");
		lab.other_tun = tun_open("other0");
		lab.other = (int) if_nametoindex("other0");
		stream_sink(0, lab.tun);
	}
	lab.first = (int) if_nametoindex("wan0");
	lab.second = (int) if_nametoindex("wan1");
	lab.trigger = eventfd(0, EFD_CLOEXEC);
}

static void open_link(int up)
{
	if (lab.tun)
		tun_carrier(lab.tun, true);
	else if (nl_set_link(up, lab.far, true) < 0)
		DIE("cannot open the far end");
}

int main(int argc, char **argv)
{
	int links[2], routes[2], ask, up, trials, settle_ms;

	if (argc < 8 || argc > 9) {
		fprintf(stderr, "usage: bench_failover ROUTER FAR1|tun FAR2 CLIENT TRIALS "
				"PACKET_US SETTLE_MS [hold]\n");
		return 2;
	}
	trials = atoi(argv[5]);
	settle_ms = atoi(argv[7]);
	open_lab(argv);
	ask = nl_open(0);
	links[0] = nl_open(RTMGRP_LINK);
	links[1] = nl_open(0);
	routes[0] = nl_open(EVENTS);
	routes[1] = nl_open(0);
	start_thread(trigger, NULL);
	start_thread(hear_links, links);
	start_thread(hear_routes, routes);
	stream_open(argv[4], atoi(argv[6]));
	if (lab.tun) /* who has no IFF_UP has no events */
		(void) nl_set_link(ask, lab.other, true);
	else
		enter_netns(argv[2]); /* for the far end's link */
	up = nl_open(0);

	for (int i = 0; i < trials; i++) {
		ask_caller("next");
		await_return(ask);
		sleep_us(settle_ms * 1000 + rand() % 10000); /* against lock-step with pollers */
		run_trial(argc == 9);
		open_link(up);
	}
	return 0;
}
