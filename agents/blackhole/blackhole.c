/*
 * blackhole - finds paths that swallow large packets, and makes them smaller there.
 *
 * Design.  A connection that is stuck on full segments (tcp_prefix.stuck) gives the suspicion, and a
 * sweep of echo requests that must not be fragmented the proof: a small one is answered, a large one
 * never.  Without an answer to the small one nothing is said: the peer has gone away, or answers no
 * ping.  When the large one passes it was loss, or is over.
 *
 * The cure is a route of our own to the block of destinations, by the same next hop, with the MTU that
 * passes.  The full size is asked on, slowly, past that route's MTU, so the agent learns when the path
 * is whole again and takes its route away.  What it did is remembered here alone: a permit should
 * have "undo after".
 */
#include "blackhole.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define TICK_US	 UINT64_C(500000)
#define SWEEP_US UINT64_C(20000000) /* then it is given up */
#define WHOLE	 5		    /* answers to full-sized probes, and none lost, that end it */

uint64_t hole_now(const struct hole *h)
{
	return h->a->ctx->host->now_us(h->a->ctx);
}

bool hole_get(struct agent *a, const char *kind, const char *entity, const char *attr, uint8_t type,
	      struct anod_value *ret)
{
	return a->ctx->host->get(a->ctx, kind, entity, attr, ret, NULL) == 0 && ret->type == type;
}

void hole_wait(struct hole *h)
{
	h->again_us = hole_now(h) + (AGAIN_US << h->tries);
	if (h->tries < AGAIN_MAX)
		h->tries++;
}

static void rest(struct hole *h)
{
	probe_hush(h);
	h->state = RESTING;
	hole_wait(h);
}

/* The full size is asked on, to learn of the end. */
static void keep_asking(struct hole *h)
{
	probe_hush(h);
	h->n = 1;
	probe_ask(h, 0, SLOW_US);
	h->whole_sent = h->whole_lost = -1;
}

void hole_over(struct hole *h, const char *why)
{
	if (h->finding)
		(void) h->a->ctx->host->clear(h->a->ctx, h->finding, why);
	h->finding = 0;
	probe_hush(h);
	h->state = FREE;
}

/* ---- one hole ----------------------------------------------------------------------------- */

static void begin(struct hole *h)
{
	struct anod_value dev, host, block, gateway, size;
	struct agent *a = h->a;

	if (!hole_get(a, "tcp_prefix", h->entity, "dev", ANOD_TEXT, &dev) ||
	    !hole_get(a, "tcp_prefix", h->entity, "stuck_host", ANOD_PREFIX, &host) ||
	    !hole_get(a, "tcp_prefix", h->entity, "prefix", ANOD_PREFIX, &block) ||
	    !hole_get(a, "tcp_prefix", h->entity, "stuck_size", ANOD_INT, &size))
		return; /* the next tick looks again */
	(void) snprintf(h->dev, sizeof(h->dev), "%.15s", dev.u.text);
	h->host = host.u.prefix;
	h->block = block.u.prefix;
	h->gateway = (struct anod_prefix){ 0 };
	if (hole_get(a, "tcp_prefix", h->entity, "gateway", ANOD_PREFIX, &gateway))
		h->gateway = gateway.u.prefix;
	h->n = sweep_sizes((uint32_t) size.u.i, h->host.family == AF_INET6, h->rung);
	for (unsigned i = 0; i < h->n; i++)
		probe_ask(h, i, EVERY_US);
	h->since_us = hole_now(h);
	h->state = SWEEPING;
}

static void sweep(struct hole *h)
{
	enum verdict v;

	probe_read(h);
	v = sweep_judge(h->rung, h->n, &h->mtu);
	if (v == SWEEP_HOLE) {
		h->state = FOUND;
		h->again_us = 0;
		h->tries = 0;
		cure_tell(h);
		keep_asking(h);
	} else if (v != SWEEP_OPEN || hole_now(h) - h->since_us > SWEEP_US) {
		h->a->ctx->host->log(h->a->ctx, LOG_INFO, "%s: no black hole: %s", h->entity,
				     v == SWEEP_PASSES	    ? "large packets pass"
				     : v == SWEEP_NO_ANSWER ? "its host answers no ping"
							    : "packets of all sizes are lost");
		rest(h);
	}
}

/* Do full-sized packets pass again, WHOLE in a row and for the clean time? */
static bool whole_again(struct hole *h)
{
	probe_read(h);
	if (!h->ask[0] || h->base[0].sent < 0)
		return false;
	if (h->whole_sent < 0 || h->rung[0].lost != h->whole_lost) {
		h->whole_sent = h->rung[0].sent;
		h->whole_lost = h->rung[0].lost;
		h->since_us = hole_now(h);
	}
	return h->rung[0].sent - h->whole_sent >= WHOLE &&
	       hole_now(h) - h->since_us >= h->a->clean_us;
}

/* Where that is not known it may be. */
static bool is_stuck(struct agent *a, const char *entity)
{
	struct anod_value v;

	return !hole_get(a, "tcp_prefix", entity, "stuck", ANOD_INT, &v) || v.u.i > 0;
}

static void step(struct hole *h)
{
	switch (h->state) {
	case FREE:
	case CURING:
	case LIFTING:
		break;
	case SWEEPING:
		if (h->n)
			sweep(h);
		else
			begin(h);
		break;
	case FOUND:
		if (whole_again(h))
			hole_over(h, "large packets pass again");
		else if (hole_now(h) >= h->again_us)
			cure_propose(h, false);
		break;
	case CURED:
		if (hole_now(h) >= h->again_us && whole_again(h))
			cure_propose(h, true);
		break;
	case RESTING: /* until its time has come, or until this story is over */
		if (hole_now(h) >= h->again_us || !is_stuck(h->a, h->entity))
			h->state = FREE;
		break;
	}
}

static void suspect(struct agent *a, const char *entity)
{
	struct hole *room = NULL;

	for (unsigned i = 0; i < HOLES_MAX; i++) {
		struct hole *h = &a->hole[i];

		if (h->state != FREE && strcmp(h->entity, entity) == 0)
			return;
		if (h->state == FREE && (!room || strcmp(h->entity, entity) == 0))
			room = h;
	}
	if (!room)
		return;
	if (strcmp(room->entity, entity) != 0)
		*room = (struct hole){ .a = a };
	(void) snprintf(room->entity, sizeof(room->entity), "%s", entity);
	room->n = 0;
	room->state = SWEEPING;
	begin(room);
}

/* ---- what is told us ---------------------------------------------------------------------- */

static void on_tick(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;
	const char *name;

	(void) id;
	for (unsigned i = 0; i < HOLES_MAX; i++)
		step(&a->hole[i]);
	/* One that rested, or had no room, may be stuck still. */
	for (unsigned n = 0; (name = ctx->host->each(ctx, "tcp_prefix", n)); n++) {
		struct anod_value v;

		if (hole_get(a, "tcp_prefix", name, "stuck", ANOD_INT, &v) && v.u.i > 0)
			suspect(a, name);
	}
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));
	struct anod_value v;

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	for (unsigned i = 0; i < HOLES_MAX; i++)
		a->hole[i].a = a;
	if (ctx->host->opt(ctx, "clean", 0, &v) == 0)
		a->clean_us = (uint64_t) v.u.i;
	return 0;
}

static void on_stuck(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri stuck,
		     void *data)
{
	(void) ctx, (void) id;
	if (stuck == ANOD_TRUE)
		suspect(data, entity);
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	uint64_t id;
	int r = ctx->host->watch(ctx, "tcp_prefix.stuck > 0", on_stuck, a, &id);

	return r < 0 ? r : ctx->host->timer(ctx, TICK_US, TICK_US, on_tick, a, &id);
}

static const struct anod_opt opts[] = {
	{ "clean", ANOD_INT, ANOD_UNIT_TIME, .dflt = "60s", .min = 1e6, .max = 86400e6,
	  .help = "large packets have to pass for so long before the route is taken away" },
	{ NULL },
};

static const char *const reads[] = { "tcp_prefix.*", "probe.*", NULL };
static const char *const proposes[] = { "route.replace", "route.del", NULL };
static const char *const senses[] = { "probe", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "blackhole",
	.version = "1",
	.summary = "finds paths that swallow large packets, and makes them smaller there",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.senses = senses,
	.init = on_init,
	.start = on_start,
	.source = "facts tcp_prefix (tcpinfo), probe",
	.example = "agent blackhole { clean 60s }",
};
