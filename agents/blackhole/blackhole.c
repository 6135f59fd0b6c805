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
#include <anod/plugin.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "sweep.h"

#define HOLES_MAX  4
#define TICK_US	   UINT64_C(500000)
#define EVERY_US   250000  /* between two probes of a size */
#define SLOW_US	   2000000 /* the same while the cure is in force */
#define TIMEOUT_US 1000000
#define SWEEP_US   UINT64_C(20000000) /* then it is given up */
#define AGAIN_US   UINT64_C(60000000) /* until the same block is swept again; doubles */
#define AGAIN_MAX  6
#define WHOLE	   5 /* answers to full-sized probes, and none lost, that end it */

enum state { FREE, SWEEPING, FOUND, CURING, CURED, LIFTING, RESTING };

struct hole {
	struct agent *a;
	enum state state;
	char entity[ANOD_NAME_SIZE]; /* of tcp_prefix */
	char dev[ANOD_IFNAME_SIZE];
	struct anod_prefix host, block, gateway;
	struct rung rung[SIZES_MAX];
	struct rung base[SIZES_MAX]; /* counters when the sweep began; sent < 0: not known */
	char probe[SIZES_MAX][ANOD_NAME_SIZE];
	uint64_t ask[SIZES_MAX];
	unsigned n;
	uint32_t mtu;
	uint64_t since_us, again_us;
	unsigned tries;
	int64_t whole_sent, whole_lost; /* of the full size, when it was lost last */
	uint64_t finding, proposal;
};

struct agent {
	struct anod_ctx *ctx;
	uint64_t clean_us;
	struct hole hole[HOLES_MAX];
};

static uint64_t now_us(const struct hole *h)
{
	return h->a->ctx->host->now_us(h->a->ctx);
}

static bool get(struct agent *a, const char *kind, const char *entity, const char *attr,
		uint8_t type, struct anod_value *ret)
{
	return a->ctx->host->get(a->ctx, kind, entity, attr, ret, NULL) == 0 && ret->type == type;
}

static struct anod_arg *add_arg(struct anod_action *act, const char *name, uint8_t type)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = type;
	return arg;
}

static void add_int(struct anod_action *act, const char *name, enum anod_unit unit, int64_t i)
{
	struct anod_arg *arg = add_arg(act, name, ANOD_INT);

	arg->value.unit = (uint8_t) unit;
	arg->value.u.i = i;
}

/* ---- probes ------------------------------------------------------------------------------- */

static void ask(struct hole *h, unsigned i, int64_t every_us)
{
	struct anod_action q = { .size = sizeof(q), .kind = "probe" };
	const struct anod_host *host = h->a->ctx->host;
	char text[INET6_ADDRSTRLEN] = "";
	int r;

	(void) inet_ntop(h->host.family, h->host.addr, text, sizeof(text));
	if (h->rung[i].size)
		(void) snprintf(h->probe[i], sizeof(h->probe[i]), "%s/%s/size/%u", h->dev, text,
				h->rung[i].size);
	else
		(void) snprintf(h->probe[i], sizeof(h->probe[i]), "%s/%s", h->dev, text);
	(void) snprintf(add_arg(&q, "dev", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s", h->dev);
	add_arg(&q, "target", ANOD_PREFIX)->value.u.prefix = h->host;
	add_int(&q, "every", ANOD_UNIT_TIME, every_us);
	add_int(&q, "timeout", ANOD_UNIT_TIME, TIMEOUT_US);
	if (h->rung[i].size)
		add_int(&q, "size", ANOD_UNIT_BYTES, h->rung[i].size);
	h->base[i].sent = -1;
	r = host->sense(h->a->ctx, &q, &h->ask[i]);
	if (r < 0) {
		h->ask[i] = 0;
		host->log(h->a->ctx, LOG_WARNING, "%s cannot be probed: %s", h->probe[i],
			  strerror(-r));
	}
}

static void hush(struct hole *h, unsigned i)
{
	if (h->ask[i])
		(void) h->a->ctx->host->cancel(h->a->ctx, h->ask[i]);
	h->ask[i] = 0;
}

static void hush_all(struct hole *h)
{
	for (unsigned i = 0; i < h->n; i++)
		hush(h, i);
}

/* What each size has said since it was asked. */
static void read_rungs(struct hole *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct anod_value sent, lost, voided;

		if (!h->ask[i] || !get(h->a, "probe", h->probe[i], "sent", ANOD_INT, &sent) ||
		    !get(h->a, "probe", h->probe[i], "lost", ANOD_INT, &lost) ||
		    !get(h->a, "probe", h->probe[i], "void", ANOD_INT, &voided))
			continue;
		if (h->base[i].sent < 0 || sent.u.i - voided.u.i < h->base[i].sent)
			h->base[i] =
				(struct rung){ .sent = sent.u.i - voided.u.i, .lost = lost.u.i };
		h->rung[i].sent = sent.u.i - voided.u.i - h->base[i].sent;
		h->rung[i].lost = lost.u.i - h->base[i].lost;
	}
}

/* ---- findings and proposals --------------------------------------------------------------- */

static void add_ref(struct anod_finding *f, const char *kind, const char *entity, const char *attr)
{
	struct anod_ref *r = &f->ref[f->n_refs++];

	(void) snprintf(r->kind, sizeof(r->kind), "%s", kind);
	(void) snprintf(r->entity, sizeof(r->entity), "%s", entity);
	(void) snprintf(r->attr, sizeof(r->attr), "%s", attr);
}

static void tell(struct hole *h)
{
	struct anod_finding f = { .size = sizeof(f),
				  .code = "mtu-black-hole",
				  .kind = "tcp_prefix",
				  .confidence = 0.95,
				  .n_rivals = 2,
				  .rival = { { "plain-loss", 0.02 }, { "peer-gone", 0.01 } } };

	(void) snprintf(f.entity, sizeof(f.entity), "%s", h->entity);
	(void) snprintf(f.summary, sizeof(f.summary),
			"packets of %u bytes pass to %s, those of %u do not, and nobody says so: "
			"connections are stuck on full segments",
			h->mtu, h->entity + strlen(h->dev) + 1, h->rung[0].size);
	add_ref(&f, "tcp_prefix", h->entity, "stuck");
	add_ref(&f, "tcp_prefix", h->entity, "stuck_alive");
	add_ref(&f, "tcp_prefix", h->entity, "stuck_size");
	add_ref(&f, "tcp_prefix", h->entity, "bytes_retrans");
	add_ref(&f, "probe", h->probe[0], "loss");
	for (unsigned i = 1; i < h->n; i++)
		if (h->rung[i].size == h->mtu)
			add_ref(&f, "probe", h->probe[i], "loss");
	(void) h->a->ctx->host->find(h->a->ctx, &f, &h->finding);
}

static void rest(struct hole *h)
{
	hush_all(h);
	h->state = RESTING;
	h->again_us = now_us(h) + (AGAIN_US << h->tries);
	if (h->tries < AGAIN_MAX)
		h->tries++;
}

/* The full size is asked on, to learn of the end. */
static void keep_asking(struct hole *h)
{
	hush_all(h);
	h->n = 1;
	ask(h, 0, SLOW_US);
	h->whole_sent = h->whole_lost = -1;
}

static void over(struct hole *h, const char *why)
{
	if (h->finding)
		(void) h->a->ctx->host->clear(h->a->ctx, h->finding, why);
	h->finding = 0;
	hush_all(h);
	h->state = FREE;
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct hole *h = data;
	bool lifting = h->state == LIFTING;

	(void) error;
	if (id != h->proposal || v < ANOD_DENIED)
		return;
	h->proposal = 0;
	if (v == ANOD_COMMITTED && lifting) {
		over(h, "large packets pass again, and our route is gone");
		return;
	}
	if (v == ANOD_COMMITTED) {
		h->state = CURED;
		h->tries = 0;
		return;
	}
	ctx->host->log(ctx, LOG_NOTICE, "%s: its route was not %s: %s", h->entity,
		       lifting ? "taken away" : "made", why ? why : "no reason");
	h->state = lifting ? CURED : FOUND;
	h->again_us = now_us(h) + (AGAIN_US << h->tries);
	if (h->tries < AGAIN_MAX)
		h->tries++;
}

static void propose(struct hole *h, bool lift)
{
	struct anod_proposal p = {
		.size = sizeof(p), .n_actions = 1, .finding = h->finding, .confidence = 0.95
	};
	struct anod_action *act = &p.action[0];
	int r;

	act->size = sizeof(*act);
	(void) snprintf(act->kind, sizeof(act->kind), lift ? "route.del" : "route.replace");
	add_arg(act, "dst", ANOD_PREFIX)->value.u.prefix = h->block;
	if (lift) {
		(void) snprintf(p.reason, sizeof(p.reason), "packets of %u bytes pass again",
				h->rung[0].size);
		(void) snprintf(p.expect, sizeof(p.expect),
				"the route that was there before counts");
	} else {
		if (h->gateway.family)
			add_arg(act, "via", ANOD_PREFIX)->value.u.prefix = h->gateway;
		(void) snprintf(add_arg(act, "dev", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s",
				h->dev);
		add_int(act, "mtu", ANOD_UNIT_BYTES, h->mtu);
		(void) snprintf(p.reason, sizeof(p.reason),
				"packets of more than %u bytes vanish on the way, by the same next "
				"hop smaller ones pass",
				h->mtu);
		(void) snprintf(p.expect, sizeof(p.expect),
				"connections go on with segments that pass");
		(void) snprintf(p.verify, sizeof(p.verify), "tcp_prefix.\"%s\".stuck == 0",
				h->entity);
	}
	h->state = lift ? LIFTING : CURING;
	r = h->a->ctx->host->propose(h->a->ctx, &p, on_verdict, h, &h->proposal);
	if (r < 0) {
		h->proposal = 0;
		h->state = lift ? CURED : FOUND;
		h->again_us = now_us(h) + AGAIN_US;
		h->a->ctx->host->log(h->a->ctx, LOG_WARNING, "a proposal was refused: %s",
				     strerror(-r));
	}
}

/* ---- one hole ----------------------------------------------------------------------------- */

static void begin(struct hole *h)
{
	struct anod_value dev, host, block, gateway, size;
	struct agent *a = h->a;

	if (!get(a, "tcp_prefix", h->entity, "dev", ANOD_TEXT, &dev) ||
	    !get(a, "tcp_prefix", h->entity, "stuck_host", ANOD_PREFIX, &host) ||
	    !get(a, "tcp_prefix", h->entity, "prefix", ANOD_PREFIX, &block) ||
	    !get(a, "tcp_prefix", h->entity, "stuck_size", ANOD_INT, &size))
		return; /* the next tick looks again */
	(void) snprintf(h->dev, sizeof(h->dev), "%.15s", dev.u.text);
	h->host = host.u.prefix;
	h->block = block.u.prefix;
	h->gateway = (struct anod_prefix){ 0 };
	if (get(a, "tcp_prefix", h->entity, "gateway", ANOD_PREFIX, &gateway))
		h->gateway = gateway.u.prefix;
	h->n = sweep_sizes((uint32_t) size.u.i, h->host.family == AF_INET6, h->rung);
	for (unsigned i = 0; i < h->n; i++)
		ask(h, i, EVERY_US);
	h->since_us = now_us(h);
	h->state = SWEEPING;
}

static void sweep(struct hole *h)
{
	enum verdict v;

	read_rungs(h);
	v = sweep_judge(h->rung, h->n, &h->mtu);
	if (v == SWEEP_HOLE) {
		h->state = FOUND;
		h->again_us = 0;
		h->tries = 0;
		tell(h);
		keep_asking(h);
	} else if (v != SWEEP_OPEN || now_us(h) - h->since_us > SWEEP_US) {
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
	read_rungs(h);
	if (!h->ask[0] || h->base[0].sent < 0)
		return false;
	if (h->whole_sent < 0 || h->rung[0].lost != h->whole_lost) {
		h->whole_sent = h->rung[0].sent;
		h->whole_lost = h->rung[0].lost;
		h->since_us = now_us(h);
	}
	return h->rung[0].sent - h->whole_sent >= WHOLE &&
	       now_us(h) - h->since_us >= h->a->clean_us;
}

/* Where that is not known it may be. */
static bool is_stuck(struct agent *a, const char *entity)
{
	struct anod_value v;

	return !get(a, "tcp_prefix", entity, "stuck", ANOD_INT, &v) || v.u.i > 0;
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
			over(h, "large packets pass again");
		else if (now_us(h) >= h->again_us)
			propose(h, false);
		break;
	case CURED:
		if (now_us(h) >= h->again_us && whole_again(h))
			propose(h, true);
		break;
	case RESTING: /* until its time has come, or until this story is over */
		if (now_us(h) >= h->again_us || !is_stuck(h->a, h->entity))
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

		if (get(a, "tcp_prefix", name, "stuck", ANOD_INT, &v) && v.u.i > 0)
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
