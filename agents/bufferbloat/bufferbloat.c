/*
 * bufferbloat - finds uplinks whose far end has a queue that is too long, and takes its place.
 *
 * Design.  Round trips are long while this router itself fills the uplink: then a queue of its own,
 * a little slower than what the far box lets through, takes the place of the far one, short and,
 * with cake, fair.  Long round trips without load of ours have another reason (a longer path,
 * others' traffic), and shaping would only make the uplink slower: they are left alone.  Each
 * reading of what is sent is one step; the last answer of the probe tells how the far queue grows,
 * the median of the path whether it is long.
 */
#include "bufferbloat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define LASTS_US UINT64_C(3000000) /* a queue has to be long for so long */
#define QUIET	 0.1		   /* share of the capacity below which the load is over */

bool fact_number(struct agent *a, const char *kind, const char *entity, const char *attr,
		 int64_t *ret)
{
	struct anod_value v;

	if (a->ctx->host->get(a->ctx, kind, entity, attr, &v, NULL) < 0 || v.type != ANOD_INT)
		return false;
	*ret = v.u.i;
	return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

/* True: it is so for 'hold_us'.  '*since' remembers since when. */
static bool lasts(bool is, uint64_t *since, uint64_t now_us, uint64_t hold_us)
{
	if (!is)
		*since = 0;
	else if (!*since)
		*since = now_us;
	return is && now_us - *since >= hold_us;
}

/* What the uplink sent since the last reading is known. */
static void step(struct uplink *u, int64_t sent_bps)
{
	struct agent *a = u->a;
	uint64_t now_us = a->ctx->host->now_us(a->ctx);
	int64_t capacity, rtt_us;
	bool bloated, quiet;

	if (!fact_number(a, "link", u->dev, "capacity", &capacity) || capacity <= 0)
		return;
	quiet = (double) sent_bps < QUIET * (double) capacity;
	if (lasts(quiet, &u->quiet_us, now_us, a->hold_us) && u->finding)
		act_lift(u);

	if (!fact_number(a, "path", u->dev, "rtt", &rtt_us) || !u->rtt_us)
		return; /* unknown is no bloat and no end of it */
	bloated =
		(uint64_t) rtt_us > a->target_us && (double) sent_bps > a->busy * (double) capacity;
	if (!bloated && !u->finding)
		estimate_forget(&u->estimate);
	else
		estimate_add(&u->estimate, now_us, sent_bps, u->rtt_us);
	if (!lasts(bloated, &u->bloated_us, now_us, LASTS_US))
		return;
	if (!u->finding)
		act_report(u, sent_bps);
	act_shape(u);
}

static struct uplink *uplink_of(struct agent *a, const char *dev)
{
	for (unsigned i = 0; i < a->n_uplinks; i++)
		if (strcmp(a->uplink[i].dev, dev) == 0)
			return &a->uplink[i];
	return NULL;
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent *a = ctx->state;
	struct uplink *u;

	if (!e->attr || e->value->type != ANOD_INT)
		return 0;
	if (strcmp(e->kind, "link") == 0 && strcmp(e->attr, "tx_bps") == 0) {
		u = uplink_of(a, e->entity);
		if (u)
			step(u, e->value->u.i);
		return 0;
	}
	for (unsigned i = 0; strcmp(e->kind, "probe") == 0 && i < a->n_uplinks; i++)
		if (strcmp(a->uplink[i].probe, e->entity) == 0)
			a->uplink[i].rtt_us = (uint64_t) e->value->u.i;
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static void sense(struct uplink *u, const struct anod_prefix *target)
{
	struct anod_action q = { .size = sizeof(q), .n_args = 3, .kind = "probe" };
	struct agent *a = u->a;
	uint64_t id;
	int r;

	(void) snprintf(q.arg[0].name, sizeof(q.arg[0].name), "dev");
	q.arg[0].value.type = ANOD_TEXT;
	memcpy(q.arg[0].value.u.text, u->dev, sizeof(u->dev));
	(void) snprintf(q.arg[1].name, sizeof(q.arg[1].name), "target");
	q.arg[1].value.type = ANOD_PREFIX;
	q.arg[1].value.u.prefix = *target;
	(void) snprintf(q.arg[2].name, sizeof(q.arg[2].name), "every");
	q.arg[2].value.type = ANOD_INT;
	q.arg[2].value.unit = ANOD_UNIT_TIME;
	q.arg[2].value.u.i = 200000;
	r = a->ctx->host->sense(a->ctx, &q, &id);
	if (r < 0)
		a->ctx->host->log(a->ctx, LOG_WARNING, "no probes over %s: %s", u->dev,
				  strerror(-r));
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));
	struct anod_value v = { 0 };

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	if (ctx->host->opt(ctx, "target", 0, &v) == 0)
		a->target_us = (uint64_t) v.u.i;
	if (ctx->host->opt(ctx, "hold", 0, &v) == 0)
		a->hold_us = (uint64_t) v.u.i;
	if (ctx->host->opt(ctx, "again", 0, &v) == 0)
		a->after_us = (uint64_t) v.u.i;
	if (ctx->host->opt(ctx, "busy", 0, &v) == 0)
		a->busy = v.u.r;
	if (ctx->host->opt(ctx, "share", 0, &v) == 0)
		a->share = v.u.r;
	if (ctx->host->opt(ctx, "discipline", 0, &v) == 0)
		memcpy(a->discipline, v.u.text, sizeof(a->discipline));
	return 0;
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	char address[INET6_ADDRSTRLEN];
	struct anod_value target, v;
	int r = ctx->host->opt(ctx, "towards", 0, &target);

	if (r < 0)
		return r;
	(void) inet_ntop(target.u.prefix.family, target.u.prefix.addr, address, sizeof(address));
	for (unsigned n = 0; ctx->host->opt(ctx, "uplinks", n, &v) == 0; n++) {
		struct uplink *u = &a->uplink[a->n_uplinks];

		if (n == UPLINKS_MAX) {
			ctx->host->log(ctx, LOG_ERR, "more than %d uplinks", UPLINKS_MAX);
			return -E2BIG;
		}
		u->a = a;
		memcpy(u->dev, v.u.text, strnlen(v.u.text, sizeof(u->dev) - 1));
		(void) snprintf(u->probe, sizeof(u->probe), "%.15s/%.45s", v.u.text, address);
		a->n_uplinks++;
		sense(u, &target.u.prefix);
	}
	return 0;
}

static const struct anod_opt opts[] = {
	{ .name = "uplinks",
	  .type = ANOD_TEXT,
	  .many = 1,
	  .required = 1,
	  .help = "links with a capacity; a slower box is beyond them" },
	{ .name = "towards",
	  .type = ANOD_PREFIX,
	  .required = 1,
	  .help = "an address beyond that box, whose round trip counts" },
	{ .name = "target",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "100ms",
	  .min = 1e3,
	  .max = 10e6,
	  .help = "a longer round trip under load is too long" },
	{ .name = "busy",
	  .type = ANOD_REAL,
	  .unit = ANOD_UNIT_RATIO,
	  .dflt = "50%",
	  .min = 0.05,
	  .max = 1,
	  .help = "share of the capacity from which our load may be the reason" },
	{ .name = "share",
	  .type = ANOD_REAL,
	  .unit = ANOD_UNIT_RATIO,
	  .dflt = "90%",
	  .min = 0.5,
	  .max = 1,
	  .help = "of what gets through: the rate to shape to" },
	{ .name = "discipline",
	  .type = ANOD_TEXT,
	  .dflt = "cake",
	  .words = "cake tbf",
	  .help = "tbf where the kernel has no cake" },
	{ .name = "hold",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "5m",
	  .min = 1e6,
	  .max = 3600e6,
	  .help = "the load has to be over for so long before the shaper goes" },
	{ .name = "again",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 1e6,
	  .max = 3600e6,
	  .help = "between two changes, doubled with each" },
	{ 0 },
};

static const char *const reads[] = { "link.tx_bps", "link.capacity",  "path.rtt",
				     "path.loss",   "probe.last_rtt", "qdisc.rate",
				     "qdisc.delay", "qdisc.backlog",  NULL };
static const char *const proposes[] = { "qdisc.replace", "qdisc.rate", "qdisc.del", NULL };
static const char *const senses[] = { "probe", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "bufferbloat",
	.version = "1",
	.summary = "uplinks whose far end has a queue that is too long: shapes them",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.senses = senses,
	.init = on_init,
	.start = on_start,
	.event = on_event,
	.source = "path.rtt and probe.last_rtt of its own probes, link.tx_bps, qdisc",
	.cost = "a step for each reading of link.tx_bps, and a probe of 5 packets a second",
	.example = "agent bufferbloat { uplinks wan0  towards 192.0.2.1/32  target 80ms }",
};
