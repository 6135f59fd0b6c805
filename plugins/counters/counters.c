/*
 * counters - the sensor of link counters and rates.
 *
 * Design.  This file decides when links are read.  All of them every 'period' while anybody uses
 * the values (a watch, a statistic, a guard: the host says so by need()), else every
 * 'idle-period'; links in an open incident every 'incident-period', alone when they are few.
 * One timer ticks at the shorter of the two periods, and at each tick all or some are read.
 *
 * A value is good until the next reading should have come.  When a reading fails, or none has
 * ended well for three periods, because the kernel or the daemon itself was busy, the sensor
 * says that it lost sync: its values are unknown at once, and until a whole sweep has succeeded.
 */
#include <anod/option.h>

#include "counters.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>

#define LATE_PERIODS 3
/* Requests for single links are cheaper than a dump while they are not more than this part of
 * all links. */
#define FEW_PART 4

static uint64_t full_period(const struct counters *c)
{
	uint64_t p = c->every_us ? c->every_us : c->idle_us;

	return c->crowd_us && c->crowd_us < p ? c->crowd_us : p;
}

static uint64_t wanted_period(const struct counters *c)
{
	uint64_t p = UINT64_MAX;

	for (unsigned i = 0; i < c->n_wanted; i++)
		if (c->wanted[i].every_us < p)
			p = c->wanted[i].every_us;
	return p;
}

/* ---- ticks -------------------------------------------------------------------------------- */

static void say_lost(struct counters *c)
{
	if (!c->lost)
		(void) c->ctx->host->sync(c->ctx, "link", ANOD_SYNC_LOST);
	c->lost = true;
}

/* A sweep over all links has ended well: the next one when the budget allows. */
static void pace(struct counters *c)
{
	uint64_t wanted_us = full_period(c);

	c->paced_us =
		ANOD_HOST_HAS(c->ctx, pace) ? c->ctx->host->pace(c->ctx, wanted_us, 0) : wanted_us;
	if (c->paced_us > wanted_us)
		c->full_due_us = c->good_us + c->paced_us;
	(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_PERIOD,
				    c->paced_us > wanted_us ? c->paced_us : c->tick_us);
}

void swept(struct counters *c, int error)
{
	if (error == 0) {
		if (c->lost)
			(void) c->ctx->host->sync(c->ctx, "link", ANOD_SYNC_DONE);
		c->lost = false;
		c->failing = false;
		c->good_us = c->ctx->host->now_us(c->ctx);
		pace(c);
		return;
	}

	(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_ERROR, 1);
	say_lost(c);
	if (!c->failing) /* once, until it works again */
		c->ctx->host->log(c->ctx, LOG_ERR, "cannot read link counters: %s",
				  strerror(-error));
	c->failing = true;
}

static void read_all(struct counters *c, uint64_t now_us)
{
	c->full_due_us = now_us + full_period(c);
	if (c->lost)
		(void) c->ctx->host->sync(c->ctx, "link", ANOD_SYNC_BEGIN);
	sweep_all(c);
}

static bool all_due(const struct counters *c, uint64_t now_us)
{
	return c->lost || now_us + c->tick_us / 2 >= c->full_due_us ||
	       (c->n_wanted * FEW_PART > c->n_links && c->paced_us <= full_period(c));
}

/* So long at most without a sweep that ended well. */
static uint64_t patience(const struct counters *c)
{
	uint64_t p = full_period(c);

	return LATE_PERIODS * (c->paced_us > p ? c->paced_us : p);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct counters *c = ctx->state;
	uint64_t now_us = ctx->host->now_us(ctx);

	(void) id, (void) data;
	(void) ctx->host->health(ctx, ANOD_HEALTH_BEHIND,
				 now_us > c->due_us ? now_us - c->due_us : 0);
	c->due_us = now_us + c->tick_us;
	if (c->good_us && now_us - c->good_us > patience(c))
		say_lost(c);
	if (c->sweeping)
		return;

	if (all_due(c, now_us))
		read_all(c, now_us);
	else
		sweep_wanted(c);
}

/* The periods have changed: tick as they want it, the first time after 'first_us'. */
static int start_ticking(struct counters *c, uint64_t first_us)
{
	uint64_t full = full_period(c), some = wanted_period(c);
	uint64_t tick = some < full ? some : full;

	if (c->timer && tick == c->tick_us)
		return 0;
	if (c->timer)
		(void) c->ctx->host->cancel(c->ctx, c->timer);
	c->timer = 0;
	c->tick_us = tick;
	c->due_us = c->ctx->host->now_us(c->ctx) + first_us;
	(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_PERIOD, tick);
	return c->ctx->host->timer(c->ctx, first_us, tick, on_timer, NULL, &c->timer);
}

/* ---- need --------------------------------------------------------------------------------- */

static struct wanted *find_wanted(struct counters *c, const char *name)
{
	for (unsigned i = 0; i < c->n_wanted; i++)
		if (strcmp(c->wanted[i].name, name) == 0)
			return &c->wanted[i];
	return NULL;
}

static void want(struct counters *c, const char *name, uint64_t every_us)
{
	struct wanted *w = find_wanted(c, name);

	if (!every_us) {
		if (w)
			*w = c->wanted[--c->n_wanted];
		if (!c->n_wanted)
			c->crowd_us = 0;
		return;
	}
	if (!w && c->n_wanted == WANTED_MAX) {
		if (!c->crowd_us || every_us < c->crowd_us)
			c->crowd_us = every_us;
		return;
	}
	if (!w) {
		w = &c->wanted[c->n_wanted++];
		memset(w, 0, sizeof(*w));
		memcpy(w->name, name, strnlen(name, sizeof(w->name) - 1));
	}
	w->every_us = every_us;
}

static int counters_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			 uint64_t every_us)
{
	struct counters *c = ctx->state;
	uint64_t before_us = full_period(c);
	bool same = !entity && every_us == c->every_us; /* said again: do not put it off */

	(void) kind; /* there is one */
	if (entity)
		want(c, entity, every_us);
	else
		c->every_us = every_us;
	/* What is wanted more often than before is read now, not after the long period. */
	if (full_period(c) < before_us || (same && c->paced_us > before_us))
		c->full_due_us = 0;
	else if (full_period(c) > before_us)
		c->full_due_us = ctx->host->now_us(ctx) + full_period(c);
	return start_ticking(c, 1000);
}

static int counters_reload(struct anod_ctx *ctx)
{
	rows_refresh(ctx->state);
	return 1;
}

/* ---- life --------------------------------------------------------------------------------- */

static int counters_init(struct anod_ctx *ctx)
{
	struct counters *c = ctx->host->alloc(ctx, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	ctx->state = c;
	return rows_init(c);
}

static int counters_start(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;
	uint64_t period_us;
	int r;

	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	c->first_fact = ctx->host->fact_id(ctx, "link.rx_bytes");
	if (c->first_fact < 0)
		return c->first_fact;
	r = anod_option(ctx, "idle-period", &c->idle_us);
	if (r >= 0)
		r = anod_option(ctx, "period", &period_us);
	if (r < 0)
		return r;
	/* Nobody would understand links that are read more often when nobody looks. */
	if (c->idle_us < period_us)
		c->idle_us = period_us;

	r = sweep_open(c);
	if (r < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot open a netlink socket: %s", strerror(-r));
		return r;
	}
	r = ctx->host->io(ctx, c->fd, EPOLLIN, sweep_io, NULL, &c->io);
	if (r < 0)
		return r;
	/* The first one soon, when the sensor rtnl has named the links. */
	return start_ticking(c, period_us / 4);
}

static void counters_stop(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;

	if (c->timer)
		(void) ctx->host->cancel(ctx, c->timer);
	if (c->io)
		(void) ctx->host->cancel(ctx, c->io);
	c->timer = c->io = 0;
}

static void counters_fini(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;

	if (!c)
		return;
	counters_stop(ctx); /* a failed start leaves some open */
	sweep_close(c);
	rows_free(c);
}

/* The host hands the first and the last of these back in need(). */
static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings of all links while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "5s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "100ms",
	  .min = 20e3,
	  .max = 30e6,
	  .help = "time between two readings of a link in an open incident" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "counters",
	.version = "2",
	.summary = "counters, rates and utilisation of links",
	.opts = opts,
	.kinds = counters_kinds,
	.init = counters_init,
	.start = counters_start,
	.reload = counters_reload,
	.stop = counters_stop,
	.fini = counters_fini,
	.need = counters_need,
};
