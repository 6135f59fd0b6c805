/* The sensor of queues: messages recorded from this kernel (tests/fuzz/corpus/tc/host) and from
 * Debian's 6.1 (vm), its arithmetic, and the sensor against the kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/messages.h"
#include "unit/netlab.h"

#include "plugins/tc/cake.c"
#include "plugins/tc/facts.c"
#include "plugins/tc/qdisc.c"

#define WAIT_MS 10000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(tc, .fini = stop, .timeout = 60);

struct all {
	struct qdisc q[64];
	unsigned n;
};

static void collect(const struct nlmsghdr *m, void *data)
{
	struct all *a = data;

	cr_assert_eq(qdisc_parse(m, &a->q[a->n]), 1);
	a->n++;
}

static const struct qdisc *of_kind(const struct all *a, const char *kind)
{
	for (unsigned i = 0; i < a->n; i++)
		if (strcmp(a->q[i].kind, kind) == 0)
			return &a->q[i];
	cr_assert_fail("no %s", kind);
	return NULL;
}

/* The numbers are those that tc -s showed when the messages were recorded. */
Test(tc, reads_what_the_kernel_says_of_each_kind)
{
	struct all a = { 0 };
	const struct qdisc *q;

	cr_assert_eq(messages_each("tc/host", collect, &a), 7);
	q = of_kind(&a, "tbf");
	cr_expect_eq(q->bytes, 23688);
	cr_expect_eq(q->packets, 20);
	cr_expect_eq(q->drops, 19);
	cr_expect_eq(q->overlimits, 54);
	cr_expect_eq(q->backlog, 2484);
	cr_expect_eq(q->qlen, 2);
	cr_expect_eq(q->rate_bps, 1000000);
	cr_expect_eq(q->limit_bytes, 16490, "10 kB and 50 ms of 1 Mbit/s");
	cr_expect(q->has & QDISC_RATE && q->has & QDISC_LIMIT_BYTES && !(q->has & QDISC_LIMIT));
	q = &a.q[a.n - 1];
	for (unsigned i = 0; i < a.n; i++)
		if (a.q[i].handle == 7 << 16)
			q = &a.q[i];
	cr_expect_eq(q->rate_bps, 80000000000, "more than 32 bits of bytes");
	q = of_kind(&a, "pfifo");
	cr_expect_eq(q->limit, 50);
	cr_expect_eq(q->packets, 42);
	cr_expect_eq(q->parent, 2 << 16 | 0x10);
	cr_expect_eq(of_kind(&a, "ingress")->parent, TC_H_INGRESS);

	a.n = 0;
	cr_assert_eq(messages_each("tc/vm", collect, &a), 32);
	cr_expect_eq(of_kind(&a, "fq_codel")->limit, 10240);
	cr_expect(of_kind(&a, "fq_codel")->has & QDISC_MARKS);
	cr_expect_eq(of_kind(&a, "codel")->limit, 1000);
	cr_expect(of_kind(&a, "codel")->has & QDISC_DELAY);
	cr_expect(of_kind(&a, "pie")->has & QDISC_DELAY);
	cr_expect_eq(of_kind(&a, "fq")->limit, 10000);
	cr_expect_eq(of_kind(&a, "sfq")->limit, 127);
	cr_expect_eq(of_kind(&a, "netem")->limit, 77);
	cr_expect_eq(of_kind(&a, "red")->limit_bytes, 60000);
	cr_expect_eq(of_kind(&a, "fq_pie")->limit, 10240);
	cr_expect_eq(of_kind(&a, "mq")->parent, TC_H_ROOT);
	q = of_kind(&a, "cake");
	cr_expect_eq(q->rate_bps, 20000000);
	cr_expect_eq(q->n_tins, 4, "diffserv4");
	cr_expect_eq(q->tin[0].rate_bps, 1250000, "bulk: a sixteenth");
	cr_expect_gt(q->tin[1].packets, 0, "best effort");
	cr_expect_gt(q->bytes, 0);
	cr_expect_eq(q->limit_bytes, 4 << 20);
}

static void try(const struct nlmsghdr *m, void *data)
{
	struct facts_last last = { 0 };
	int64_t raw[FACTS_NUMBERS];
	struct qdisc q, tin;

	(void) data;
	if (qdisc_parse(m, &q) <= 0)
		return;
	cr_assert_lt(strlen(q.kind), sizeof(q.kind));
	cr_assert_leq(q.n_tins, QDISC_TINS_MAX);
	(void) facts_fill(&q, &last, 1, raw);
	(void) facts_fill(&q, &last, 2, raw);
	for (unsigned i = 0; i < q.n_tins; i++)
		facts_tin(&q, i, &tin);
}

Test(tc, survives_messages_that_are_cut_or_lie)
{
	messages_torment("tc/host", try, NULL);
	messages_torment("tc/vm", try, NULL);
}

static bool fill(const struct qdisc *q, struct facts_last *last, uint64_t now_us, unsigned fact,
		 int64_t *ret)
{
	int64_t raw[FACTS_NUMBERS];
	uint64_t known = facts_fill(q, last, now_us, raw);

	*ret = raw[fact];
	return known >> fact & 1;
}

Test(tc, the_delay_is_measured_or_follows_from_backlog_and_rate)
{
	struct qdisc q = { .kind = "pfifo",
			   .has = QDISC_BASIC | QDISC_QUEUE | QDISC_LIMIT,
			   .bytes = 1000,
			   .backlog = 12500,
			   .qlen = 10,
			   .limit = 100 };
	struct facts_last last = { 0 };
	int64_t v;
	double full;

	cr_expect(!fill(&q, &last, 1000000, FACT_DELAY, &v), "no rate yet");
	q.bytes += 125000;
	cr_expect(fill(&q, &last, 2000000, FACT_DELAY, &v) && v == 100000,
		  "12500 bytes at 1 Mbit/s are 100 ms, not %lld us", (long long) v);
	cr_expect(!fill(&q, &last, 3000000, FACT_DELAY, &v), "it stands: nobody knows how long");
	cr_expect(fill(&q, &last, 4000000, FACT_SENT_BPS, &v) && v == 0);
	cr_expect(fill(&q, &last, 5000000, FACT_FULL, &v));
	memcpy(&full, &v, sizeof(full));
	cr_expect_float_eq(full, 0.1, 1e-9);

	q.bytes = 10;
	cr_expect(!fill(&q, &last, 6000000, FACT_SENT_BPS, &v), "another queue of this name");
	q.backlog = q.qlen = 0;
	cr_expect(fill(&q, &(struct facts_last){ 0 }, 1, FACT_DELAY, &v) && v == 0, "empty");

	q.backlog = 12500;
	q.has |= QDISC_RATE;
	q.rate_bps = 100000;
	cr_expect(fill(&q, &last, 7000000, FACT_DELAY, &v) && v == 1000000, "of the shaper");

	q.has |= QDISC_DELAY;
	q.delay_us = 4242;
	q.qlen = 3;
	cr_expect(fill(&q, &last, 8000000, FACT_DELAY, &v) && v == 4242, "measured");
	q.qlen = 0;
	cr_expect(fill(&q, &last, 9000000, FACT_DELAY, &v) && v == 0,
		  "what codel keeps is of the last packet, however long ago");
}

/* ---- the sensor --------------------------------------------------------------------------- */

struct want {
	const char *name, *attr;
	int64_t least;
};

static bool reached(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, "qdisc", w->name, w->attr);

	return v && v->type == ANOD_INT && v->u.i >= w->least;
}

static bool is_kind(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "qdisc", "v0", "kind");

	return v && v->type == ANOD_TEXT && strcmp(v->u.text, data) == 0;
}

static bool is_gone(struct fake_host *h, void *data)
{
	return !fake_host_fact(h, "qdisc", data, "kind");
}

static void sh(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

Test(tc, tells_of_a_queue_that_fills_changes_and_goes)
{
	struct want backlog = { "v0", "backlog", 10000 }, drops = { "v0", "drops", 10 },
		    delay = { "v0", "delay", 50000 }, leaf = { "w0/3", "limit", 50 };

	netlab_enter();
	netlab_veth("v0", "w0");
	sh("tc qdisc add dev v0 root handle 1: tbf rate 1mbit burst 5k limit 20k");
	sh("tc qdisc add dev w0 root handle 2: htb default 10 && "
	   "tc class add dev w0 parent 2: classid 2:10 htb rate 5mbit && "
	   "tc qdisc add dev w0 parent 2:10 handle 3: pfifo limit 50 && "
	   "ip addr add 10.0.0.1/24 dev v0 && "
	   "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0");
	host = fake_host_new("tc");
	fake_host_set_int(host, "idle-period", 50000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "period", 50000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_kind, "tbf", WAIT_MS));
	cr_assert(fake_host_wait(host, reached, &leaf, WAIT_MS));
	cr_expect_eq(fake_host_fact(host, "qdisc", "v0", "rate")->u.i, 1000000);
	cr_expect_eq(fake_host_fact(host, "qdisc", "w0", "limit")->type, ANOD_UNKNOWN);
	cr_expect(!fake_host_fact(host, "qdisc", "lo", "kind"), "noqueue has nothing to tell");

	sh("bash -c 'for i in {1..60}; do printf %01200d 1 >/dev/udp/10.0.0.2/9; done'");
	cr_assert(fake_host_wait(host, reached, &backlog, WAIT_MS));
	cr_assert(fake_host_wait(host, reached, &drops, WAIT_MS));
	cr_assert(fake_host_wait(host, reached, &delay, WAIT_MS));

	/* The entity stays, whatever is at the root. */
	sh("tc qdisc replace dev v0 root handle 4: pfifo limit 7");
	cr_assert(fake_host_wait(host, is_kind, "pfifo", WAIT_MS));
	cr_expect_eq(fake_host_fact(host, "qdisc", "v0", "limit")->u.i, 7);
	cr_expect_eq(fake_host_fact(host, "qdisc", "v0", "rate")->type, ANOD_UNKNOWN);
	sh("tc qdisc del dev w0 root");
	cr_assert(fake_host_wait(host, is_gone, "w0/3", WAIT_MS));
	cr_assert(fake_host_wait(host, is_gone, "w0", WAIT_MS));
	sh("ip link set v0 down && ip link set v0 name x0");
	cr_assert(fake_host_wait(host, is_gone, "v0", WAIT_MS));
	cr_expect_not_null(fake_host_fact(host, "qdisc", "x0", "kind"));
}

Test(tc, a_change_is_read_soon_and_idleness_costs_nothing)
{
	netlab_enter();
	netlab_veth("v0", "w0");
	sh("tc qdisc add dev v0 root pfifo limit 5");
	host = fake_host_new("tc"); /* idle: every 30 s */
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_kind, "pfifo", WAIT_MS));
	cr_expect_geq(fake_host_health(host, ANOD_HEALTH_PERIOD), 30000000);
	sh("tc qdisc replace dev v0 root tbf rate 1mbit burst 5k limit 20k");
	cr_assert(fake_host_wait(host, is_kind, "tbf", WAIT_MS), "by the event");
	cr_assert_eq(fake_host_need(host, "qdisc", NULL, 100000), 0);
	cr_assert_eq(fake_host_need(host, "qdisc", "v0", 50000), 0);
	sh("tc qdisc replace dev v0 root pfifo limit 5");
	cr_assert(fake_host_wait(host, is_kind, "pfifo", WAIT_MS));
	cr_expect_lt(fake_host_health(host, ANOD_HEALTH_PERIOD), 100000);
}
