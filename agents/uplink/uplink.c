/*
 * uplink - keeps traffic on an uplink that works.
 *
 * Design.  Facts and probe outcomes come in as events; the health of an uplink is judged at
 * each one that matters (uplink_health), a plan is made from the healths (uplink_plan) and
 * becomes at most one proposal (steer).  Nothing here has a deadline of its own but the wake-up
 * timer, which is set for the earliest time at which the clock alone changes something, and the
 * check that the probes still speak.  While facts are unknown nothing is proposed, and the log
 * says so once.
 */
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

/* For so long the attributes of a route may still be on their way. */
#define SETTLE_US 20000

int uplink_index(const struct agent *a, const char *dev)
{
	for (unsigned i = 0; i < a->n_uplinks; i++)
		if (!strcmp(a->uplink[i]->dev, dev))
			return (int) i;
	return -1;
}

/* ---- judging ---------------------------------------------------------------------------- */

static void on_wake(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;

	(void) ctx;
	(void) id;
	a->wake_timer = 0;
	uplink_judge(a);
}

static void set_wake(struct agent *a, uint64_t now)
{
	const struct anod_host *h = a->ctx->host;
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < a->n_uplinks; i++) {
		uint64_t t = health_next_us(&a->uplink[i]->health, &a->params);

		next = t < next ? t : next;
	}
	if (!a->steering.id && a->steering.not_before_us > now && a->steering.not_before_us < next)
		next = a->steering.not_before_us;
	if (a->wake_timer && a->wake_us == next)
		return;

	if (a->wake_timer)
		(void) h->cancel(a->ctx, a->wake_timer);
	a->wake_timer = 0;
	a->wake_us = next;
	if (next != UINT64_MAX)
		(void) h->timer(a->ctx, next > now ? next - now : 1, 0, on_wake, a, &a->wake_timer);
}

static bool blind(struct agent *a)
{
	const char *what = a->routes_unknown ? "routes" : a->links_unknown ? "links" : NULL;

	if (what && !a->said_blind)
		a->ctx->host->log(a->ctx, LOG_INFO,
				  "facts of the %s are unknown: nothing is proposed until they are "
				  "known again",
				  what);
	a->said_blind = what != NULL;
	return what != NULL;
}

void uplink_judge(struct agent *a)
{
	uint64_t now = a->ctx->host->now_us(a->ctx);

	a->links_unknown = false;
	for (unsigned i = 0; i < a->n_uplinks; i++) {
		struct uplink *u = a->uplink[i];
		struct health_input in;

		facts_read_uplink(a, u, &in);
		a->links_unknown = a->links_unknown || in.link == ANOD_DOUBT;
		if (health_update(&u->health, &a->params, &in, now))
			a->ctx->host->log(a->ctx, LOG_INFO, "%s is %s", u->dev,
					  health_state_name(u->health.state));
	}
	if (!blind(a))
		steer(a);
	set_wake(a, now);
}

static void on_settled(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;

	(void) ctx;
	(void) id;
	a->settle_timer = 0;
	facts_read_routes(a);
	uplink_judge(a);
}

void uplink_settle(struct agent *a)
{
	a->routes_dirty = true;
	if (!a->settle_timer)
		(void) a->ctx->host->timer(a->ctx, SETTLE_US, 0, on_settled, a, &a->settle_timer);
}

static void on_check(struct anod_ctx *ctx, uint64_t id, void *data)
{
	(void) ctx;
	(void) id;
	uplink_judge(data);
}

/* ---- events ----------------------------------------------------------------------------- */

/* "wan0/192.0.2.1": a router has thousands of neighbours that are none of our business. */
static bool of_an_uplink(const struct agent *a, const char *neigh)
{
	for (unsigned i = 0; i < a->n_uplinks; i++) {
		size_t len = strlen(a->uplink[i]->dev);

		if (!strncmp(neigh, a->uplink[i]->dev, len) && neigh[len] == '/')
			return true;
	}
	return false;
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent *a = ctx->state;

	if (!strcmp(e->kind, "probe")) {
		probes_event(a, e);
	} else if (!strcmp(e->kind, "route")) {
		uplink_settle(a);
	} else if (!strcmp(e->kind, "neigh")) {
		if (of_an_uplink(a, e->entity))
			uplink_judge(a);
	} else if (uplink_index(a, e->entity) >= 0) {
		uplink_judge(a);
	}
	return 0;
}

/* ---- uplinks ---------------------------------------------------------------------------- */

int uplink_add(struct agent *a, const char *dev, unsigned weight)
{
	const struct anod_host *h = a->ctx->host;
	struct uplink *u;
	int r;

	if (a->n_uplinks == UPLINKS_MAX) {
		if (!a->said_full)
			h->log(a->ctx, LOG_WARNING, "more than %d uplinks: %s is left out",
			       UPLINKS_MAX, dev);
		a->said_full = true;
		return -ENOSPC;
	}
	u = h->alloc(a->ctx, sizeof(*u));
	if (!u)
		return -ENOMEM;
	(void) snprintf(u->dev, sizeof(u->dev), "%s", dev);
	u->weight = weight;
	r = health_init(&u->health, &a->params);
	if (r < 0)
		return r;

	probes_ask(a, u);
	a->uplink[a->n_uplinks++] = u;
	return (int) a->n_uplinks - 1;
}

/* ---- life ------------------------------------------------------------------------------- */

static int64_t opt_int(struct anod_ctx *ctx, const char *name, int64_t dflt)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 ? v.u.i : dflt;
}

static double opt_real(struct anod_ctx *ctx, const char *name, double dflt)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 ? v.u.r : dflt;
}

static int read_targets(struct agent *a)
{
	const struct anod_host *h = a->ctx->host;
	struct anod_value v;

	for (unsigned n = 0; h->opt(a->ctx, "probe", n, &v) == 0; n++) {
		if (v.u.prefix.len != (v.u.prefix.family == AF_INET6 ? 128 : 32)) {
			h->log(a->ctx, LOG_ERR, "probe %u is a network: give an address", n + 1);
			return -EINVAL;
		}
		if (a->n_targets == HEALTH_TARGETS) {
			h->log(a->ctx, LOG_ERR, "more than %d probe targets", HEALTH_TARGETS);
			return -E2BIG;
		}
		a->target[a->n_targets++] = v.u.prefix;
	}
	if (h->opt(a->ctx, "probe.proto", 0, &v) == 0)
		(void) snprintf(a->proto, sizeof(a->proto), "%.7s", v.u.text);
	a->port = opt_int(a->ctx, "probe.port", 0);
	if ((a->port != 0) == !strcmp(a->proto, "icmp")) {
		h->log(a->ctx, LOG_ERR, "probe.port goes with probe.proto tcp or udp, and must");
		return -EINVAL;
	}
	return 0;
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));
	struct anod_value v;
	struct loss_test t;

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	a->every_us = (uint64_t) opt_int(ctx, "probe.every", 200000);
	a->params = (struct health_params){
		.loss = { .healthy = opt_real(ctx, "healthy", 0.001),
			  .burst = opt_real(ctx, "burst", 0.3),
			  .alarm_every = opt_real(ctx, "alarm-every", 1e9) },
		.clean_us = (uint64_t) opt_int(ctx, "clean", 60000000),
		.timeout_us = (uint64_t) opt_int(ctx, "probe.timeout", 1000000),
		.quorum = (unsigned) opt_int(ctx, "quorum", 0),
	};
	a->metric = opt_int(ctx, "metric", 5);
	a->table = opt_int(ctx, "table", 254);
	a->balance = ctx->host->opt(ctx, "mode", 0, &v) == 0 && !strcmp(v.u.text, "balance");
	a->discover = ctx->host->opt(ctx, "uplinks", 0, &v) < 0;
	if (loss_test_init(&t, &a->params.loss) < 0) {
		ctx->host->log(ctx, LOG_ERR, "burst must not be less than healthy");
		return -EINVAL;
	}
	return read_targets(a);
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	struct anod_value v, w;
	uint64_t id;
	int r;

	for (unsigned n = 0; ctx->host->opt(ctx, "uplinks", n, &v) == 0; n++) {
		bool has = ctx->host->opt(ctx, "weights", n, &w) == 0;

		if (uplink_index(a, v.u.text) >= 0)
			continue;
		r = uplink_add(a, v.u.text, has ? (unsigned) w.u.i : 1);
		if (r < 0 && r != -ENOSPC)
			return r;
	}
	if (a->n_targets)
		/* An uplink whose probes fall silent is unknown, and nobody sends that. */
		(void) ctx->host->timer(ctx, 2000000 + 2 * a->every_us, 2000000 + 2 * a->every_us,
					on_check, a, &id);
	uplink_settle(a);
	return 0;
}

static const struct anod_opt opts[] = {
	{ "uplinks", ANOD_TEXT, .many = 1,
	  .help = "links, best first; none: those that have default routes, by metric" },
	{ "weights", ANOD_INT, .many = 1, .min = 1, .max = 256,
	  .help = "of the uplinks, in their order: higher is preferred, and gets more in balance" },
	{ "mode", ANOD_TEXT, .dflt = "prefer", .words = "prefer balance",
	  .help = "the best healthy uplink, or all healthy ones by weight" },
	{ "probe", ANOD_PREFIX, .many = 1, .help = "addresses to probe over every uplink" },
	{ "probe.every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "200ms", .min = 50e3, .max = 60e6,
	  .help = "time between two probes of one target" },
	{ "probe.timeout", ANOD_INT, ANOD_UNIT_TIME, .dflt = "1s", .min = 10e3, .max = 10e6,
	  .help = "an answer later than this is a loss" },
	{ "probe.proto", ANOD_TEXT, .dflt = "icmp", .words = "icmp tcp udp",
	  .help = "kind of probe" },
	{ "probe.port", ANOD_INT, .min = 1, .max = 65535, .help = "of tcp and udp" },
	{ "quorum", ANOD_INT, .min = 1, .max = HEALTH_TARGETS,
	  .help = "dead targets that make an uplink dead; default: more than half" },
	{ "clean", ANOD_INT, ANOD_UNIT_TIME, .dflt = "60s", .min = 0, .max = 86400e6,
	  .help = "without a fault for so long before traffic returns" },
	{ "healthy", ANOD_REAL, ANOD_UNIT_RATIO, .dflt = "0.1%", .min = 1e-6, .max = 0.05,
	  .help = "loss of a healthy path" },
	{ "burst", ANOD_REAL, ANOD_UNIT_RATIO, .dflt = "30%", .min = 1e-6, .max = 0.9,
	  .help = "chance that a healthy path loses the probe after a lost one" },
	{ "alarm-every", ANOD_REAL, .dflt = "1e9", .min = 1e3, .max = 1e15,
	  .help = "mean number of probes between false alarms of gray loss, per uplink" },
	{ "metric", ANOD_INT, .dflt = "5", .min = 0, .max = 4294967295.0,
	  .help = "of the steering route; must be below that of the other default routes" },
	{ "table", ANOD_INT, .dflt = "254", .min = 1, .max = 4294967295.0,
	  .help = "routing table of the default routes" },
	{ NULL },
};

static const char *const reads[] = {
	"link.carrier", "link.admin_up", "route.*",    "neigh.state", "probe.*",
	"probe.sent",	"probe.lost",	 "probe.void", "probe.up",    NULL
};
static const char *const proposes[] = { "route.replace", "route.del", NULL };
static const char *const senses[] = { "probe", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "uplink",
	.version = "0.1.0",
	.summary = "keeps traffic on an uplink that works: carrier, gateway, quorum and gray loss",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.senses = senses,
	.init = on_init,
	.start = on_start,
	.event = on_event,
};
