/*
 * dropmon - sensor: packets that the kernel drops, by reason (drop monitor, "NET_DM").
 *
 * Design.  Off unless asked for: while it is on, the kernel makes a message of each packet that it
 * drops.  It is told to keep one byte of each (0 would be all of it), and at most QUEUE packets a
 * CPU; what that queue lost the kernel counts, and that is published beside ("all".lost).  A flood
 * may also overrun our socket, then nobody knows how many were lost: that is counted as
 * "all".overruns.  Messages are counted as they come and published once a period.
 *
 * The monitor is one for the whole machine.  When somebody else has it running it cannot be
 * configured: then his messages are read along, and it is left running at the end.
 *
 * Kernels from 6.7 on, and stable ones that are as new (6.1 of Debian 12), let only CAP_SYS_ADMIN
 * listen, which anod does not raise for this: what is refused is said once and tried rarely.
 */
#include <anod/netlink.h>
#include <anod/poll.h>

#include <errno.h>
#include <linux/net_dropmon.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "alerts.h"

#define REASONS_MAX 64 /* with "all" and "other" */
#define MAX_AGE_MS  100000
#define QUEUE	    1024u /* packets of a CPU that wait for their message */
#define NEEDS_ADMIN "starting the drop monitor needs CAP_NET_ADMIN"
#define ALL	    0
#define OTHER	    (REASONS_MAX - 1)

enum fact { FACT_PACKETS, FACT_SHARE, FACT_LOST, FACT_OVERRUNS, FACTS };

struct reason {
	char name[ANOD_NAME_SIZE];
	uint64_t packets;
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *events; /* events NULL: it is not on */
	struct anod_nl_family family;
	struct anod_poll *poll;
	struct anod_rows *rows;
	struct reason reason[REASONS_MAX];
	unsigned n;    /* of 'reason' that are used, without OTHER */
	bool ours;     /* we have started it */
	bool has_lost; /* 'lost' and 'lost_at_start' are known */
	uint64_t lost, lost_at_start, overruns;
};

static const struct anod_kind kinds[];

/* ---- what comes --------------------------------------------------------------------------- */

static void count(void *data, const char *name, uint64_t packets)
{
	struct sensor *s = data;
	unsigned i = 1;

	while (i < s->n && strcmp(s->reason[i].name, name) != 0)
		i++;
	if (i == s->n) {
		if (s->n < OTHER)
			(void) snprintf(s->reason[s->n++].name, ANOD_NAME_SIZE, "%s", name);
		else
			i = OTHER;
	}
	s->reason[i].packets += packets;
	s->reason[ALL].packets += packets;
}

static void on_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;

	if (!msg)
		s->overruns++;
	else if (msg->nlmsg_type == s->family.id && alert_parse(msg, count, s) < 0)
		(void) ctx->host->health(ctx, ANOD_HEALTH_ERROR, 1);
}

static void tell(struct sensor *s, unsigned i)
{
	double all = (double) s->reason[ALL].packets;
	double share = all > 0 ? (double) s->reason[i].packets / all : 0;
	int64_t raw[FACTS] = {
		[FACT_PACKETS] = (int64_t) s->reason[i].packets,
		[FACT_LOST] = (int64_t) (s->lost - s->lost_at_start),
		[FACT_OVERRUNS] = (int64_t) s->overruns,
	};
	uint64_t known = 1u << FACT_PACKETS;
	struct anod_row *row = anod_rows_take(s->rows, i, s->reason[i].name);

	memcpy(&raw[FACT_SHARE], &share, sizeof(share));
	if (all > 0)
		known |= 1u << FACT_SHARE;
	if (i == ALL)
		known |= 1u << FACT_OVERRUNS | (s->has_lost ? 1u << FACT_LOST : 0);
	if (row)
		anod_rows_put(s->rows, row, raw, known);
}

static void on_stats(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;

	(void) ctx;
	if (!alert_lost(msg, &s->lost))
		return;
	/* The kernel's count is as old as its module. */
	if (!s->has_lost || s->lost < s->lost_at_start)
		s->lost_at_start = s->lost;
	s->has_lost = true;
}

static void on_read_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held,
			 void *data)
{
	struct sensor *s = data;

	(void) ctx;
	if (!error) {
		for (unsigned i = 0; i < s->n; i++)
			tell(s, i);
		if (s->reason[OTHER].packets)
			tell(s, OTHER);
	}
	anod_poll_end(s->poll, error, why, held);
}

/* ---- on and off --------------------------------------------------------------------------- */

static int ask(struct sensor *s, uint8_t cmd, anod_nl_msg_fn *each, anod_nl_done_fn *done)
{
	struct anod_nl_put put;

	anod_nl_begin_genl(&put, &s->family, cmd, NLM_F_ACK);
	if (cmd == NET_DM_CMD_CONFIG) {
		anod_nl_u8(&put, NET_DM_ATTR_ALERT_MODE, NET_DM_ALERT_MODE_PACKET);
		anod_nl_u32(&put, NET_DM_ATTR_TRUNC_LEN, 1);
		anod_nl_u32(&put, NET_DM_ATTR_QUEUE_LEN, QUEUE);
	} else if (cmd != NET_DM_CMD_STATS_GET) {
		anod_nl_attr(&put, NET_DM_ATTR_SW_DROPS, NULL, 0);
	}
	return anod_nl_ask(s->nl, anod_nl_end(&put), each, done, s);
}

static void refuse(struct sensor *s, int error, const char *why)
{
	anod_nl_close(s->events);
	s->events = NULL;
	/* To be told and tried again like what is not there at all. */
	if (error == -EPERM)
		error = -EOPNOTSUPP;
	anod_poll_end(s->poll, error, why, 0);
}

static void read_stats(struct sensor *s)
{
	int r = ask(s, NET_DM_CMD_STATS_GET, on_stats, on_read_done);

	if (r < 0)
		anod_poll_end(s->poll, r, NULL, 0);
}

static void on_started(struct anod_ctx *ctx, int error, const char *why, uint64_t held, void *data)
{
	struct sensor *s = data;

	(void) held;
	if (error < 0 && error != -EAGAIN) {
		refuse(s, error, error == -EPERM ? NEEDS_ADMIN : why);
		return;
	}
	s->ours = !error;
	if (!s->ours)
		ctx->host->log(
			ctx, LOG_NOTICE,
			"the drop monitor was running: read along, and left running at the end");
	read_stats(s);
}

static void on_configured(struct anod_ctx *ctx, int error, const char *why, uint64_t held,
			  void *data)
{
	struct sensor *s = data;
	int r = error;

	(void) ctx, (void) held;
	/* It cannot be configured while it runs; starting it says so again. */
	if (!error || error == -EBUSY)
		r = ask(s, NET_DM_CMD_START, NULL, on_started);
	if (r < 0)
		refuse(s, r, r == -EPERM ? NEEDS_ADMIN : why);
}

static void turn_on(struct sensor *s)
{
	int r = anod_nl_family(s->nl, "NET_DM", &s->family);

	if (r < 0) {
		anod_poll_end(
			s->poll, r,
			r == -ENOENT ? "modprobe drop_monitor (CONFIG_NET_DROP_MONITOR)" : NULL, 0);
		return;
	}
	r = anod_nl_open(s->ctx, NETLINK_GENERIC, 0, &s->events);
	if (r >= 0)
		r = anod_nl_listen(s->events, anod_nl_group(&s->family, "events"), on_event, s);
	if (r < 0) {
		refuse(s, r, r == -EPERM ? "this kernel lets CAP_SYS_ADMIN alone listen" : NULL);
		return;
	}
	r = ask(s, NET_DM_CMD_CONFIG, NULL, on_configured);
	if (r < 0)
		refuse(s, r, NULL);
}

static void turn_off(struct sensor *s)
{
	anod_nl_close(s->nl); /* with what waits in it, so that this is sent at once */
	s->nl = NULL;
	if (s->events && s->ours &&
	    anod_nl_open(s->ctx, NETLINK_GENERIC, ANOD_NL_ADMIN, &s->nl) >= 0) {
		if (anod_nl_family(s->nl, "NET_DM", &s->family) >= 0)
			(void) ask(s, NET_DM_CMD_STOP, NULL, NULL);
		anod_nl_close(s->nl);
		s->nl = NULL;
	}
	s->ours = false;
	anod_nl_close(s->events);
	s->events = NULL;
}

static void on_read(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (s->events)
		read_stats(s);
	else
		turn_on(s);
}

static int on_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	struct sensor *s = ctx->state;

	return s->poll ? anod_poll_need(s->poll, kind, entity, every_us) : 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static int on_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	(void) snprintf(s->reason[ALL].name, ANOD_NAME_SIZE, "all");
	(void) snprintf(s->reason[OTHER].name, ANOD_NAME_SIZE, "other");
	s->n = 1;
	return anod_rows_new(ctx, &kinds[0], 0, &s->rows);
}

static int on_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	struct anod_value on;
	int r;

	if (ctx->host->opt(ctx, "on", 0, &on) < 0 || on.type != ANOD_BOOL || !on.u.i)
		return 0;
	r = anod_nl_open(ctx, NETLINK_GENERIC, ANOD_NL_ADMIN, &s->nl);
	return r < 0 ? r : anod_poll_start(ctx, kinds, "drops of the kernel", on_read, &s->poll);
}

static void on_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	anod_poll_stop(s->poll);
	s->poll = NULL;
	turn_off(s);
}

static void on_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	on_stop(ctx);
	s->rows = anod_rows_free(s->rows);
}

#define ATTR(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}

static const struct anod_attr attrs[FACTS + 1] = {
	[FACT_PACKETS] = ATTR("packets", ANOD_INT, ANOD_UNIT_PACKETS,
			      "dropped since the sensor was started, as far as it was told"),
	[FACT_SHARE] =
		ATTR("share", ANOD_REAL, ANOD_UNIT_RATIO, "of all packets dropped since then"),
	[FACT_LOST] =
		ATTR("lost", ANOD_INT, ANOD_UNIT_PACKETS,
		     "of 'all' alone: drops that the kernel's own queue had no room to tell of"),
	[FACT_OVERRUNS] =
		ATTR("overruns", ANOD_INT, ANOD_UNIT_NONE,
		     "of 'all' alone: how often the sensor's socket was full; how many drops "
		     "were not told of then is not known"),
	{ 0 },
};

static const struct anod_kind kinds[] = {
	{ "drop", "packets that the kernel dropped for one reason", attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "on",
	  .type = ANOD_BOOL,
	  .dflt = "false",
	  .help = "watch drops; costs the kernel a message for each packet that it drops" },
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "2s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two publications while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "15s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "dropmon",
	.version = "1",
	.summary = "packets that the kernel drops, by reason; off unless 'on true'",
	.opts = opts,
	.kinds = kinds,
	.init = on_init,
	.start = on_start,
	.stop = on_stop,
	.fini = on_fini,
	.need = on_need,
	.source = "NET_DM_CMD_PACKET_ALERT, NET_DM_CMD_STATS_GET (uapi/linux/net_dropmon.h)",
	.cost = "none while off; else one message of the kernel for each packet that it drops",
	.example = "rate(drop.NO_SOCKET.packets, 10s) > 100",
};
