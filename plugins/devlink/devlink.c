/*
 * devlink - the sensor of what network devices say of their own health.
 *
 * Design.  A reading is a row of dumps, one for each subject and for all devices at once;
 * resources alone have to be asked of each device.  Health reporters change by events as well
 * (multicast group "config").  A trap that never caught anything is no entity: a switch has a
 * hundred of them.  Requests go by a thread, because drivers ask their firmware.
 *
 * Nothing is changed here: a recovery (DEVLINK_CMD_HEALTH_REPORTER_RECOVER) would be an action.
 */
#include <anod/option.h>

#include "devlink.h"

#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define LOOK_US                                                                                    \
	UINT64_C(60000000) /* until a family or a device that is missing is looked for again */

static anod_timer_fn on_timer;
static void ask(struct devlink *d);

static const struct {
	uint8_t cmd, what;
	bool each;   /* of one device after the other */
	bool seldom; /* with the slow readings only */
} questions[] = {
	{ DEVLINK_CMD_GET, WHAT_DEVICE, false, false },
	{ DEVLINK_CMD_INFO_GET, WHAT_DEVICE, false, true },
	{ DEVLINK_CMD_HEALTH_REPORTER_GET, WHAT_REPORTER, false, false },
	{ DEVLINK_CMD_TRAP_GROUP_GET, WHAT_GROUP, false, false },
	{ DEVLINK_CMD_TRAP_GET, WHAT_TRAP, false, false },
	{ DEVLINK_CMD_TRAP_POLICER_GET, WHAT_POLICER, false, false },
	{ DEVLINK_CMD_RESOURCE_DUMP, WHAT_RESOURCE, true, false },
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static uint64_t wanted_period(const struct devlink *d)
{
	for (unsigned i = 0; i < WHATS; i++)
		if (d->every_us[i])
			return d->period_us;
	return d->idle_us;
}

static void again_in(struct devlink *d, uint64_t us)
{
	if (d->timer)
		(void) d->ctx->host->cancel(d->ctx, d->timer);
	d->timer = 0;
	if (d->ctx->host->timer(d->ctx, us, 0, on_timer, NULL, &d->timer) < 0)
		(void) d->ctx->host->health(d->ctx, ANOD_HEALTH_ERROR, 1);
}

/* ---- a reading ---------------------------------------------------------------------------- */

static void reading_ends(struct devlink *d)
{
	uint64_t us = wanted_period(d);

	d->question = QUESTIONS;
	if (!d->failed)
		entries_end(d);
	d->failing = d->failed;
	/* Nothing costs nothing: a router without such devices is looked at once a minute. */
	if (d->n_devices == 0 && us < LOOK_US)
		us = LOOK_US;
	if (ANOD_HOST_HAS(d->ctx, pace))
		us = d->ctx->host->pace(d->ctx, us, d->held_us);
	(void) d->ctx->host->health(d->ctx, ANOD_HEALTH_PERIOD, us);
	again_in(d, us);
}

static void on_item(const struct item *i, void *data)
{
	struct devlink *d = data;

	if (i->what == WHAT_DEVICE && questions[d->question].cmd == DEVLINK_CMD_GET &&
	    d->n_devices < DEVICES_MAX)
		d->device[d->n_devices++] = *i;
	entries_take(d, i);
}

static void on_answer(struct anod_ctx *ctx, const struct nlmsghdr *m, void *data)
{
	struct devlink *d = ctx->state;

	(void) data;
	if (m->nlmsg_type == d->family.id)
		(void) items_parse(m, questions[d->question].what, on_item, d);
}

static void fail(struct devlink *d, int error, const char *why)
{
	(void) d->ctx->host->health(d->ctx,
				    error == -ETIMEDOUT ? ANOD_HEALTH_GAP
				    : error == -EINTR	? ANOD_HEALTH_INTERRUPTED
							: ANOD_HEALTH_ERROR,
				    1);
	if (!d->failing && error != -EINTR)
		d->ctx->host->log(d->ctx, LOG_WARNING, "devlink request %u: %s%s%s",
				  questions[d->question].cmd, strerror(-error), *why ? ": " : "",
				  why);
	d->failing = d->failed = true;
}

static void next(struct devlink *d)
{
	if (questions[d->question].each && ++d->at < d->n_devices)
		return;
	d->at = 0;
	do
		d->question++;
	while (d->question < QUESTIONS && questions[d->question].seldom && !d->slow);
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct devlink *d = ctx->state;

	(void) data;
	d->held_us += held_us;
	/* A driver, or a kernel, that does not do this has nothing to say. */
	if (error < 0 && error != -EOPNOTSUPP && error != -ENODEV)
		fail(d, error, why);
	if (error == -ENOENT || error == -EINVAL)
		d->family.id = 0; /* another id by now? */
	next(d);
	if (d->n_devices == 0 || !d->family.id)
		d->question = QUESTIONS;
	ask(d);
}

static void ask(struct devlink *d)
{
	struct anod_nl_put p;
	const void *m;
	int e;

	if (d->question >= QUESTIONS) {
		reading_ends(d);
		return;
	}
	anod_nl_begin_genl(&p, &d->family, questions[d->question].cmd,
			   questions[d->question].each ? NLM_F_REQUEST | NLM_F_ACK
						       : NLM_F_REQUEST | NLM_F_DUMP);
	if (questions[d->question].each) {
		anod_nl_text(&p, DEVLINK_ATTR_BUS_NAME, d->device[d->at].bus);
		anod_nl_text(&p, DEVLINK_ATTR_DEV_NAME, d->device[d->at].dev);
	}
	m = anod_nl_end(&p);
	e = m ? anod_nl_ask(d->nl, m, on_answer, on_done, NULL) : -EMSGSIZE;
	if (e < 0) {
		fail(d, e, "");
		reading_ends(d);
	}
}

/* ---- when --------------------------------------------------------------------------------- */

static void on_news_item(const struct item *i, void *data)
{
	entries_take(data, i);
}

static void on_news(struct anod_ctx *ctx, const struct nlmsghdr *m, void *data)
{
	struct devlink *d = ctx->state;
	uint8_t cmd;

	(void) data;
	if (!m) {
		(void) ctx->host->health(ctx, ANOD_HEALTH_OVERRUN, 1);
		if (d->timer)
			again_in(d, 1000);
		return;
	}
	if (!d->family.id || m->nlmsg_type != d->family.id ||
	    m->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return;
	cmd = ((const struct genlmsghdr *) ((const uint8_t *) m + NLMSG_HDRLEN))->cmd;
	if (cmd == DEVLINK_CMD_HEALTH_REPORTER_RECOVER || cmd == DEVLINK_CMD_HEALTH_REPORTER_GET)
		(void) items_parse(m, WHAT_REPORTER, on_news_item, d);
	else if ((cmd == DEVLINK_CMD_NEW || cmd == DEVLINK_CMD_DEL) && d->timer)
		again_in(d, 10000); /* a device has come or gone */
}

static int find_family(struct devlink *d)
{
	int e = anod_nl_family(d->nl, DEVLINK_GENL_NAME, &d->family);
	uint32_t group;

	if (e < 0) {
		d->family.id = 0;
		if (!d->missing)
			d->ctx->host->log(
				d->ctx, LOG_INFO,
				"this kernel has no devlink (%s); looking again every minute",
				strerror(-e));
		d->missing = true;
		return e;
	}
	d->missing = false;
	anod_nl_close(d->news);
	d->news = NULL;
	group = anod_nl_group(&d->family, DEVLINK_GENL_MCGRP_CONFIG_NAME);
	if (group)
		e = anod_nl_open(d->ctx, NETLINK_GENERIC, 0, &d->news);
	if (group && e >= 0)
		e = anod_nl_listen(d->news, group, on_news, NULL);
	if (e < 0) /* then reporters are only as fresh as the period */
		d->ctx->host->log(d->ctx, LOG_WARNING, "cannot listen for health events: %s",
				  strerror(-e));
	return 0;
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct devlink *d = ctx->state;
	uint64_t now_us = ctx->host->now_us(ctx);

	(void) id, (void) data;
	d->timer = 0;
	if (!d->family.id && find_family(d) < 0) {
		again_in(d, LOOK_US);
		return;
	}
	d->slow = now_us >= d->slow_due_us;
	if (d->slow)
		d->slow_due_us = now_us + LOOK_US;
	d->held_us = 0;
	d->failed = false;
	d->n_devices = 0;
	d->question = 0;
	d->at = 0;
	d->round++;
	ask(d);
}

static int devlink_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct devlink *d = ctx->state;
	uint64_t before = wanted_period(d);

	if (entity) /* dumps read all anyway */
		return 0;
	for (unsigned i = 0; i < WHATS; i++)
		if (strcmp(devlink_kinds[i].name, kind) == 0)
			d->every_us[i] = every_us;
	if (d->timer && d->n_devices && wanted_period(d) < before)
		again_in(d, 1000);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static int devlink_init(struct anod_ctx *ctx)
{
	struct devlink *d = ctx->host->alloc(ctx, sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	d->ctx = ctx;
	d->question = QUESTIONS;
	ctx->state = d;
	return 0;
}

static int devlink_start(struct anod_ctx *ctx)
{
	struct devlink *d = ctx->state;
	int e = entries_init(d);

	if (e >= 0)
		e = anod_option(ctx, "period", &d->period_us);
	if (e >= 0)
		e = anod_option(ctx, "idle-period", &d->idle_us);
	if (e < 0)
		return e;
	if (d->idle_us < d->period_us)
		d->idle_us = d->period_us;

	e = anod_nl_open(ctx, NETLINK_GENERIC, ANOD_NL_SLOW, &d->nl);
	if (e < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot open a netlink socket: %s", strerror(-e));
		return e;
	}
	again_in(d, 500000);
	return 0;
}

static void devlink_stop(struct anod_ctx *ctx)
{
	struct devlink *d = ctx->state;

	if (d->timer)
		(void) ctx->host->cancel(ctx, d->timer);
	d->timer = 0;
	anod_nl_close(d->news);
	anod_nl_close(d->nl);
	d->news = d->nl = NULL;
}

static void devlink_fini(struct anod_ctx *ctx)
{
	struct devlink *d = ctx->state;

	if (!d)
		return;
	devlink_stop(ctx); /* a failed start leaves some open */
	entries_free(d);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "5s",
	  .min = 100e3,
	  .max = 60e6,
	  .help = "time between two readings of all devices while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "60s",
	  .min = 100e3,
	  .max = 60e6,
	  .help = "the same while nobody does; not less than 'period'; health tells of changes "
		  "itself" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "devlink",
	.version = "1",
	.summary = "health reporters, traps, resources and firmware of network devices",
	.opts = opts,
	.kinds = devlink_kinds,
	.init = devlink_init,
	.start = devlink_start,
	.stop = devlink_stop,
	.fini = devlink_fini,
	.need = devlink_need,
	.cost = "seven requests a reading; nothing but one dump a minute where no device has "
		"devlink",
	.source = "generic netlink \"devlink\" (uapi/linux/devlink.h)",
	.example = "reporter.state == \"error\" or resource.used > 90%",
};
