/*
 * cake - what the queueing discipline of this name tells beside what all tell.
 *
 * Design.  A tin is a class of traffic with a delay of its own: peak and base are quick and slow
 * followers of the mean.  The whole is as late as its worst tin that has sent something.
 */
#include "cake.h"

#include <linux/pkt_sched.h>
#include <string.h>

#include <netlink/attr.h>

static uint64_t number(const struct nlattr *a)
{
	uint64_t v64 = 0;
	uint32_t v32 = 0;

	if (nla_len(a) >= (int) sizeof(v64))
		memcpy(&v64, nla_data(a), sizeof(v64));
	else if (nla_len(a) >= (int) sizeof(v32))
		memcpy(&v32, nla_data(a), sizeof(v32));
	return v64 ? v64 : v32;
}

static uint64_t bits(uint64_t bytes)
{
	return bytes < UINT64_MAX / 8 ? 8 * bytes : UINT64_MAX;
}

void cake_options(const struct nlattr *options, struct qdisc *q)
{
	const struct nlattr *a;
	int left;

	nla_for_each_nested(a, options, left)
	{
		switch (nla_type(a)) {
		case TCA_CAKE_BASE_RATE64:
			q->rate_bps = bits(number(a));
			if (q->rate_bps) /* 0: unlimited */
				q->has |= QDISC_RATE;
			break;
		case TCA_CAKE_MEMORY: /* 0: what it thinks right, told in its statistics */
			if (!number(a))
				break;
			q->limit_bytes = number(a);
			q->has |= QDISC_LIMIT_BYTES;
			break;
		}
	}
}

static void take_tin(const struct nlattr *nest, struct qdisc_tin *t)
{
	const struct nlattr *a;
	int left;

	nla_for_each_nested(a, nest, left)
	{
		uint64_t v = number(a);

		switch (nla_type(a)) {
		case TCA_CAKE_TIN_STATS_SENT_PACKETS:
			t->packets = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_SENT_BYTES64:
			t->bytes = v;
			break;
		case TCA_CAKE_TIN_STATS_DROPPED_PACKETS:
			t->drops = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_ECN_MARKED_PACKETS:
			t->marks = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_BACKLOG_PACKETS:
			t->qlen = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_BACKLOG_BYTES:
			t->backlog = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_THRESHOLD_RATE64:
			t->rate_bps = bits(v);
			break;
		case TCA_CAKE_TIN_STATS_PEAK_DELAY_US:
			t->peak_us = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_AVG_DELAY_US:
			t->delay_us = (uint32_t) v;
			break;
		case TCA_CAKE_TIN_STATS_BASE_DELAY_US:
			t->base_us = (uint32_t) v;
			break;
		}
	}
}

static void take_tins(const struct nlattr *tins, struct qdisc *q)
{
	const struct nlattr *a;
	int left;

	nla_for_each_nested(a, tins, left)
	{
		struct qdisc_tin *t;

		if (q->n_tins == QDISC_TINS_MAX)
			return;
		t = &q->tin[q->n_tins++];
		take_tin(a, t);
		q->marks += t->marks;
		if (t->packets && t->delay_us >= q->delay_us) {
			q->delay_us = t->delay_us;
			q->peak_us = t->peak_us;
			q->base_us = t->base_us;
		}
	}
	q->has |= QDISC_MARKS | QDISC_DELAY | QDISC_TIMES;
}

void cake_app(const struct nlattr *app, struct qdisc *q)
{
	const struct nlattr *a;
	int left;

	if (!app)
		return;
	nla_for_each_nested(a, app, left)
	{
		switch (nla_type(a)) {
		case TCA_CAKE_STATS_CAPACITY_ESTIMATE64: /* 0 without autorate-ingress */
			q->capacity_bps = bits(number(a));
			if (q->capacity_bps)
				q->has |= QDISC_CAPACITY;
			break;
		case TCA_CAKE_STATS_MEMORY_LIMIT:
			q->limit_bytes = number(a);
			q->has |= QDISC_LIMIT_BYTES;
			break;
		case TCA_CAKE_STATS_TIN_STATS:
			if (q->n_tins == 0)
				take_tins(a, q);
			break;
		}
	}
}
