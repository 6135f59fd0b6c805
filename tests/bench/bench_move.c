/*
 * bench_move - how long it takes until many prefixes leave by another link.
 *
 * usage: bench_move ROUTER TRIGGER LINK PREFIX TRIALS
 *
 *   ROUTER    namespace of examples/lab/lab.py; the contender runs there
 *   TRIGGER   a link without traffic: the contender moves the prefixes when it is shut
 *   LINK      where they go
 *   PREFIX    an address of the one that is moved last
 *
 * The caller leads as in bench_failover: "next" on stdout asks for a line on stdin.  A trial is
 * answered with "= in-force done", in us since the event of TRIGGER was heard.
 *
 * Design.  "In force" is when the FIB says so for PREFIX; it is asked every POLL_US.  "Done" is when
 * the kernel has no work left: it tells of every route of a next hop that was replaced, under the
 * lock that the next change waits for, so a change that changes nothing is sent and waited for.
 */
#include "bench.h"

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#define POLL_US	   30
#define TIMEOUT_NS INT64_C(10000000000)

/* Ahead of every contender: it must not hear late because one of them runs. */
enum { PRIO_TRIGGER = 5, PRIO_LISTENER = 60 };

static int trigger_link, wake;
static atomic_bool armed;
static _Atomic int64_t heard_ns;

static void run_as(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	(void) pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
}

static void *shut(void *data)
{
	uint64_t n;

	run_as(PRIO_TRIGGER);
	while (read(wake, &n, sizeof(n)) == sizeof(n))
		if (nl_set_link(*(int *) data, trigger_link, false) < 0)
			DIE("cannot shut the link");
	return NULL;
}

static void *hear_links(void *data)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;

	run_as(PRIO_LISTENER);
	for (;;) {
		int n = (int) recv(*(int *) data, &in, sizeof(in), 0);
		int64_t now = now_ns();

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			const struct ifinfomsg *i = NLMSG_DATA(h);

			if (armed && !heard_ns && i->ifi_index == trigger_link &&
			    !(i->ifi_flags & LOWER_UP))
				heard_ns = now;
		}
	}
	return NULL;
}

static void run_trial(int ask, int act, const char *prefix, int to)
{
	int64_t end = now_ns() + TIMEOUT_NS, in_force, done;
	uint64_t one = 1;

	heard_ns = 0;
	armed = true;
	if (write(wake, &one, sizeof(one)) != sizeof(one))
		DIE("eventfd");
	while (!heard_ns || nl_way(ask, prefix) != to) {
		errno = ETIMEDOUT;
		if (now_ns() > end)
			DIE("the prefixes were never moved");
		sleep_us(POLL_US);
	}
	in_force = now_ns();
	(void) nl_set_link(act, (int) if_nametoindex("lo"), true);
	done = now_ns();
	armed = false;
	(void) printf("= %.1f %.1f\n", (double) (in_force - heard_ns) / 1e3,
		      (double) (done - heard_ns) / 1e3);
	(void) fflush(stdout);
}

int main(int argc, char **argv)
{
	int links, ask, act, off, to, trials;
	pthread_t t;

	if (argc != 6) {
		fprintf(stderr, "usage: bench_move ROUTER TRIGGER LINK PREFIX TRIALS\n");
		return 2;
	}
	enter_netns(argv[1]);
	trigger_link = (int) if_nametoindex(argv[2]);
	to = (int) if_nametoindex(argv[3]);
	trials = atoi(argv[5]);
	wake = eventfd(0, EFD_CLOEXEC);
	links = nl_open(RTMGRP_LINK);
	ask = nl_open(0);
	act = nl_open(0);
	off = nl_open(0);
	if (pthread_create(&t, NULL, shut, &off) != 0 ||
	    pthread_create(&t, NULL, hear_links, &links) != 0)
		DIE("no thread");
	run_as(PRIO_LISTENER);

	for (int i = 0; i < trials; i++) {
		char line[16];

		(void) printf("next\n");
		(void) fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			break;
		run_trial(ask, act, argv[4], to);
	}
	return 0;
}
