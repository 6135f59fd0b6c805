/*
 * tc - the sensor of queues: how much waits on a link, how long, and what is thrown away.
 *
 * Design.  One RTM_GETQDISC dump for all links.  The root of a link is an entity of the link's
 * name, others are worth one when somebody gave them a handle (those that the kernel makes under
 * 'mq' have none, and mq's own numbers are their sums); of cake each tin.  A "noqueue" has nothing
 * to tell.  A change of a
 * queueing discipline is an event, after which the whole is read soon.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <anod/netlink.h>
#include <anod/object.h>
#include <anod/poll.h>

#include "facts.h"
#include "qdisc.h"

#define KEY_ROOT    UINT32_MAX /* a root that is replaced is the same entity */
#define KEY_INGRESS (UINT32_MAX - 1)
#define KEY_TIN(n)  (0x100 + (n)) /* the low half of a qdisc's handle is 0 */

struct tc {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *events;
	struct anod_poll *poll;
	struct anod_rows *rows;
	char last_dev[ANOD_IFNAME_SIZE]; /* of the message before: they come link by link */
	uint32_t last_ifindex;
	uint64_t begun_us;
};

/* ---- one message -------------------------------------------------------------------------- */

static const char *dev_of(struct tc *t, uint32_t ifindex)
{
	if (ifindex != t->last_ifindex) {
		t->last_dev[0] = '\0';
		t->last_ifindex = ifindex;
	}
	return anod_link_name(t->ctx, ifindex, t->last_dev) == 0 ? t->last_dev : NULL;
}

/* The entity of the qdisc, DEV or DEV/..., or false: not worth one. */
static bool name_of(const struct qdisc *q, const char *dev, uint32_t *ret_key, char *name)
{
	if (q->parent == TC_H_ROOT) {
		*ret_key = KEY_ROOT;
		(void) snprintf(name, ANOD_NAME_SIZE, "%s", dev);
		return true;
	}
	if (q->parent == TC_H_INGRESS) {
		*ret_key = KEY_INGRESS;
		(void) snprintf(name, ANOD_NAME_SIZE, "%s/ingress", dev);
		return true;
	}
	*ret_key = q->handle;
	(void) snprintf(name, ANOD_NAME_SIZE, "%s/%x", dev, TC_H_MAJ(q->handle) >> 16);
	return q->handle != 0;
}

static void take_row(struct tc *t, const struct qdisc *q, uint32_t key, const char *name,
		     const char *dev)
{
	struct anod_row *row = anod_rows_take(t->rows, (uint64_t) q->ifindex << 32 | key, name);
	int64_t raw[FACTS_NUMBERS];
	uint64_t known;

	if (!row)
		return;
	known = facts_fill(q, row->own, t->begun_us, raw);
	anod_rows_put(t->rows, row, raw, known);
	anod_rows_text(t->rows, row, FACT_KIND, q->kind);
	anod_rows_text(t->rows, row, FACT_DEV, dev);
}

static void take_tin(struct tc *t, const struct qdisc *q, unsigned n, uint32_t key,
		     const char *name, const char *dev)
{
	uint32_t tin_key = (key == KEY_ROOT ? 0 : TC_H_MAJ(key)) | KEY_TIN(n);
	char tin_name[ANOD_NAME_SIZE + 16];
	struct qdisc as;

	facts_tin(q, n, &as);
	(void) snprintf(tin_name, sizeof(tin_name), "%s/tin%u", name, n);
	tin_name[ANOD_NAME_SIZE - 1] = '\0';
	take_row(t, &as, tin_key, tin_name, dev);
}

static void on_qdisc(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct tc *t = ctx->state;
	char name[ANOD_NAME_SIZE];
	struct qdisc q;
	const char *dev;
	uint32_t key;

	(void) data;
	if (qdisc_parse(msg, &q) <= 0 || strcmp(q.kind, "noqueue") == 0)
		return;
	dev = dev_of(t, q.ifindex);
	if (!dev || !name_of(&q, dev, &key, name))
		return;
	take_row(t, &q, key, name, dev);
	for (unsigned i = 0; q.n_tins > 1 && i < q.n_tins; i++)
		take_tin(t, &q, i, key, name, dev);
}

/* ---- readings ----------------------------------------------------------------------------- */

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct tc *t = ctx->state;

	(void) data, (void) held_us;
	if (error == 0)
		anod_rows_end(t->rows);
	anod_poll_end(t->poll, error, why, 0);
}

static void read_all(struct anod_ctx *ctx)
{
	struct tc *t = ctx->state;
	struct anod_nl_put p;
	int r;

	anod_rows_begin(t->rows);
	t->begun_us = ctx->host->now_us(ctx);
	(void) anod_nl_begin(&p, RTM_GETQDISC, NLM_F_DUMP, sizeof(struct tcmsg));
	r = anod_nl_ask(t->nl, anod_nl_end(&p), on_qdisc, on_done, NULL);
	if (r < 0)
		anod_poll_end(t->poll, r, NULL, 0);
}

static void on_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct tc *t = ctx->state;

	(void) data;
	/* Classes and filters come by this group, too. */
	if (t->poll && (!msg || msg->nlmsg_type == RTM_NEWQDISC || msg->nlmsg_type == RTM_DELQDISC))
		anod_poll_soon(t->poll);
}

/* ---- life --------------------------------------------------------------------------------- */

static int tc_init(struct anod_ctx *ctx)
{
	struct tc *t = ctx->host->alloc(ctx, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ctx = ctx;
	ctx->state = t;
	return 0;
}

static int tc_start(struct anod_ctx *ctx)
{
	struct tc *t = ctx->state;
	int r = anod_rows_new(ctx, &tc_kinds[0], sizeof(struct facts_last), &t->rows);

	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &t->nl);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &t->events);
	if (r >= 0)
		r = anod_nl_listen(t->events, RTNLGRP_TC, on_event, NULL);
	if (r >= 0)
		r = anod_poll_start(ctx, tc_kinds, "queueing disciplines", read_all, &t->poll);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "cannot start: %s", strerror(-r));
	return r;
}

static int tc_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	return anod_poll_need(((struct tc *) ctx->state)->poll, kind, entity, every_us);
}

static void tc_stop(struct anod_ctx *ctx)
{
	struct tc *t = ctx->state;

	anod_poll_stop(t->poll);
	anod_nl_close(t->nl);
	anod_nl_close(t->events);
	t->nl = t->events = NULL;
}

static void tc_fini(struct anod_ctx *ctx)
{
	struct tc *t = ctx->state;

	if (!t)
		return;
	tc_stop(ctx); /* a failed start leaves some open */
	t->rows = anod_rows_free(t->rows);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "200ms",
	  .min = 20e3,
	  .max = 30e6,
	  .help = "the same while a link with a queue is in an open incident" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "tc",
	.version = "1",
	.summary = "queues: backlog, delay, drops and marks of queueing disciplines",
	.opts = opts,
	.kinds = tc_kinds,
	.init = tc_init,
	.start = tc_start,
	.stop = tc_stop,
	.fini = tc_fini,
	.need = tc_need,
	.source = "RTM_GETQDISC, RTNLGRP_TC (uapi/linux/pkt_sched.h, gen_stats.h)",
	.cost = "0.6 ms a reading of 64 queues (64 veth with tbf, 1 s, sensor.share; 6.18, load "
		"15)",
	.example = "watch qdisc.wan0.delay > 50ms; rate(qdisc.drops, 10s) > 100",
};
