/*
 * qdisc - the kernel's message of a queueing discipline, taken apart.
 *
 * Pure.  Threads: any.  Memory: the caller's; nothing outside of the message is read, whatever its
 * lengths say.  Source: uapi/linux/pkt_sched.h, gen_stats.h.
 */
#ifndef TC_QDISC_H
#define TC_QDISC_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#define QDISC_TINS_MAX	8 /* CAKE_MAX_TINS of net/sched/sch_cake.c */
#define QDISC_KIND_SIZE 16

enum {
	QDISC_BASIC = 1,	/* bytes, packets */
	QDISC_QUEUE = 2,	/* backlog, qlen, drops, requeues, overlimits */
	QDISC_MARKS = 4,	/* it can mark, so 'marks' is known */
	QDISC_DELAY = 8,	/* it measures 'delay_us' itself */
	QDISC_TIMES = 16,	/* peak_us and base_us as well */
	QDISC_LIMIT = 32,	/* packets */
	QDISC_LIMIT_BYTES = 64, /* bytes */
	QDISC_RATE = 128,	/* it is shaped */
	QDISC_CAPACITY = 256,
};

struct qdisc_tin {
	uint64_t bytes, rate_bps; /* rate: the threshold above which it loses its priority */
	uint32_t packets, drops, marks, backlog, qlen;
	uint32_t delay_us, peak_us, base_us;
};

struct qdisc {
	uint32_t ifindex, handle, parent;
	char kind[QDISC_KIND_SIZE];
	uint32_t has; /* QDISC_*; what it does not have is 0 */
	uint64_t bytes, packets;
	uint32_t drops, requeues, overlimits, backlog, qlen, marks;
	uint32_t delay_us, peak_us, base_us;
	uint32_t limit;
	uint64_t limit_bytes, rate_bps, capacity_bps;
	unsigned n_tins; /* of cake */
	struct qdisc_tin tin[QDISC_TINS_MAX];
};

/* 'm' lies whole in the buffer, header and all.  1: *ret is a qdisc, 0: a message of no interest,
 * -EBADMSG: too short, or without a kind. */
int qdisc_parse(const struct nlmsghdr *m, struct qdisc *ret);

#endif
