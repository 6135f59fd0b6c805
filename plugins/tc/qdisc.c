/*
 * qdisc - the kernel's message of a queueing discipline, taken apart.
 *
 * Design.  What all have (TCA_STATS2) is read here, and of the kinds that say more (TCA_STATS_APP,
 * TCA_OPTIONS) one small function each.  The structures of the kernel grow at their end, so each
 * is copied as far as it came, and a member counts only when it came whole.
 */
#include "qdisc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include <netlink/attr.h>

#include "cake.h"

/* libnl reads no further than 'size' and drops what is malformed behind. */
static const struct nlattr *find(const struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

static bool read_u32(const struct nlattr *a, uint32_t *ret)
{
	if (!a || nla_len(a) < (int) sizeof(*ret))
		return false;
	memcpy(ret, nla_data(a), sizeof(*ret));
	return true;
}

static bool read_u64(const struct nlattr *a, uint64_t *ret)
{
	if (!a || nla_len(a) < (int) sizeof(*ret))
		return false;
	memcpy(ret, nla_data(a), sizeof(*ret));
	return true;
}

/* A structure as far as it came, the rest zero; true: 'need' bytes of it are there. */
static bool read_struct(const struct nlattr *a, void *ret, size_t size, size_t need)
{
	size_t n = a ? (size_t) nla_len(a) : 0;

	memset(ret, 0, size);
	if (n < need)
		return false;
	memcpy(ret, nla_data(a), n < size ? n : size);
	return true;
}

#define READ_STRUCT(a, ret, last)                                                                  \
	read_struct(a, ret, sizeof(*(ret)),                                                        \
		    offsetof(__typeof__(*(ret)), last) + sizeof((ret)->last))

/* ---- what all have ------------------------------------------------------------------------ */

static void read_stats(const struct nlattr *stats, struct qdisc *q)
{
	struct gnet_stats_basic basic;
	struct gnet_stats_queue queue;
	uint64_t packets;

	if (READ_STRUCT(find(stats, TCA_STATS_BASIC), &basic, packets)) {
		q->bytes = basic.bytes;
		q->packets = basic.packets;
		q->has |= QDISC_BASIC;
	}
	if (read_u64(find(stats, TCA_STATS_PKT64), &packets))
		q->packets = packets;
	if (READ_STRUCT(find(stats, TCA_STATS_QUEUE), &queue, overlimits)) {
		q->qlen = queue.qlen;
		q->backlog = queue.backlog;
		q->drops = queue.drops;
		q->requeues = queue.requeues;
		q->overlimits = queue.overlimits;
		q->has |= QDISC_QUEUE;
	}
}

/* ---- what some kinds tell besides --------------------------------------------------------- */

static void app_codel(const struct nlattr *app, struct qdisc *q)
{
	struct tc_codel_xstats x;

	if (!READ_STRUCT(app, &x, ce_mark))
		return;
	q->delay_us = x.ldelay;
	q->marks = x.ecn_mark + x.ce_mark;
	q->has |= QDISC_DELAY | QDISC_MARKS;
}

/* It measures the delay of each flow, and tells it of classes only: one for each flow. */
static void app_fq_codel(const struct nlattr *app, struct qdisc *q)
{
	struct tc_fq_codel_xstats x;

	if (!READ_STRUCT(app, &x, qdisc_stats.ce_mark) || x.type != TCA_FQ_CODEL_XSTATS_QDISC)
		return;
	q->marks = x.qdisc_stats.ecn_mark + x.qdisc_stats.ce_mark;
	q->has |= QDISC_MARKS;
}

/* "in ms", says the header; net/sched/sch_pie.c divides by PSCHED_TICKS_PER_SEC into us. */
static void app_pie(const struct nlattr *app, struct qdisc *q)
{
	struct tc_pie_xstats x;

	if (!READ_STRUCT(app, &x, ecn_mark))
		return;
	q->delay_us = x.delay;
	q->marks = x.ecn_mark;
	q->has |= QDISC_DELAY | QDISC_MARKS;
}

static void app_fq_pie(const struct nlattr *app, struct qdisc *q)
{
	struct tc_fq_pie_xstats x;

	if (!READ_STRUCT(app, &x, ecn_mark))
		return;
	q->marks = x.ecn_mark;
	q->has |= QDISC_MARKS;
}

static void app_fq(const struct nlattr *app, struct qdisc *q)
{
	struct tc_fq_qd_stats x;

	if (!READ_STRUCT(app, &x, ce_mark))
		return;
	q->marks = (uint32_t) x.ce_mark;
	q->has |= QDISC_MARKS;
}

static void app_red(const struct nlattr *app, struct qdisc *q)
{
	struct tc_red_xstats x;

	if (!READ_STRUCT(app, &x, marked))
		return;
	q->marks = x.marked;
	q->has |= QDISC_MARKS;
}

/* ---- what they are set to ----------------------------------------------------------------- */

static void take_limit(struct qdisc *q, const struct nlattr *a)
{
	if (read_u32(a, &q->limit))
		q->has |= QDISC_LIMIT;
}

static void take_limit_bytes(struct qdisc *q, uint32_t bytes)
{
	q->limit_bytes = bytes;
	q->has |= QDISC_LIMIT_BYTES;
}

static void options_pfifo(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, o); /* struct tc_fifo_qopt has one member */
}

static void options_bfifo(const struct nlattr *o, struct qdisc *q)
{
	uint32_t bytes;

	if (read_u32(o, &bytes))
		take_limit_bytes(q, bytes);
}

static void options_tbf(const struct nlattr *o, struct qdisc *q)
{
	struct tc_tbf_qopt t;
	uint64_t rate;

	if (!READ_STRUCT(find(o, TCA_TBF_PARMS), &t, limit))
		return;
	take_limit_bytes(q, t.limit);
	rate = t.rate.rate;
	(void) read_u64(find(o, TCA_TBF_RATE64), &rate); /* of more than 32 bits */
	q->rate_bps = rate < UINT64_MAX / 8 ? 8 * rate : UINT64_MAX;
	q->has |= QDISC_RATE;
}

static void options_fq_codel(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, find(o, TCA_FQ_CODEL_LIMIT));
}

static void options_codel(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, find(o, TCA_CODEL_LIMIT));
}

static void options_fq(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, find(o, TCA_FQ_PLIMIT));
}

static void options_pie(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, find(o, TCA_PIE_LIMIT));
}

static void options_fq_pie(const struct nlattr *o, struct qdisc *q)
{
	take_limit(q, find(o, TCA_FQ_PIE_LIMIT));
}

static void options_sfq(const struct nlattr *o, struct qdisc *q)
{
	struct tc_sfq_qopt s;

	if (!READ_STRUCT(o, &s, limit))
		return;
	q->limit = s.limit;
	q->has |= QDISC_LIMIT;
}

static void options_netem(const struct nlattr *o, struct qdisc *q)
{
	struct tc_netem_qopt n;

	if (!READ_STRUCT(o, &n, limit))
		return;
	q->limit = n.limit;
	q->has |= QDISC_LIMIT;
}

static void options_red(const struct nlattr *o, struct qdisc *q)
{
	struct tc_red_qopt r;

	if (READ_STRUCT(find(o, TCA_RED_PARMS), &r, limit))
		take_limit_bytes(q, r.limit);
}

static const struct {
	const char *kind;
	void (*options)(const struct nlattr *options, struct qdisc *q);
	void (*app)(const struct nlattr *app, struct qdisc *q);
} kinds[] = {
	{ "pfifo", options_pfifo, NULL },      { "pfifo_head_drop", options_pfifo, NULL },
	{ "bfifo", options_bfifo, NULL },      { "tbf", options_tbf, NULL },
	{ "codel", options_codel, app_codel }, { "fq_codel", options_fq_codel, app_fq_codel },
	{ "cake", cake_options, cake_app },    { "cake_mq", cake_options, cake_app },
	{ "fq", options_fq, app_fq },	       { "sfq", options_sfq, NULL },
	{ "pie", options_pie, app_pie },       { "fq_pie", options_fq_pie, app_fq_pie },
	{ "red", options_red, app_red },       { "netem", options_netem, NULL },
};

int qdisc_parse(const struct nlmsghdr *m, struct qdisc *ret)
{
	const struct nlattr *kind, *stats, *options, *head;
	struct tcmsg t;
	int left;

	if (m->nlmsg_type != RTM_NEWQDISC)
		return 0;
	if (m->nlmsg_len < NLMSG_HDRLEN + sizeof(t))
		return -EBADMSG;
	memcpy(&t, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(t));
	head = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN + sizeof(t));
	left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(t));
	kind = nla_find(head, left, TCA_KIND);
	if (!kind || nla_len(kind) < 2)
		return -EBADMSG;

	memset(ret, 0, sizeof(*ret));
	ret->ifindex = (uint32_t) t.tcm_ifindex;
	ret->handle = t.tcm_handle;
	ret->parent = t.tcm_parent;
	(void) nla_strlcpy(ret->kind, kind, sizeof(ret->kind));
	stats = nla_find(head, left, TCA_STATS2);
	options = nla_find(head, left, TCA_OPTIONS);
	read_stats(stats, ret);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, ret->kind) != 0)
			continue;
		if (options && kinds[i].options)
			kinds[i].options(options, ret);
		if (stats && kinds[i].app)
			kinds[i].app(find(stats, TCA_STATS_APP), ret);
	}
	return 1;
}
