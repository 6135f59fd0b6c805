/*
 * gray - finds a member of a next-hop group that loses a little, and takes weight from it.
 *
 * Design.  A link that loses half a percent is up for every protocol that asks only whether it is
 * up; a routing daemon without BFD never notices, and with BFD only what kills three packets in a
 * row.  The counters of our own connections do (tcpinfo), and control probes over each member say
 * where it is.  A member is not taken out: it keeps the weight 'keep'.
 *
 * Watches speak of connections, events of probes, and a tick of a second looks at queues and at
 * time; nothing else runs.
 */
#include "gray.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

int64_t number(struct agent *a, const char *kind, const char *entity, const char *attr,
	       int64_t dflt)
{
	struct anod_value v;

	if (a->ctx->host->get(a->ctx, kind, entity, attr, &v, NULL) < 0 || v.type != ANOD_INT)
		return dflt;
	return v.u.i;
}

/* ---- paths -------------------------------------------------------------------------------- */

static void add_arg(struct anod_action *q, const char *name, struct anod_value v)
{
	struct anod_arg *arg = &q->arg[q->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value = v;
}

static void ask_probe(struct path *p, struct target *t)
{
	struct anod_value dev = { .type = ANOD_TEXT },
			  to = { .type = ANOD_PREFIX, .u.prefix = t->address },
			  every = { .type = ANOD_INT,
				    .unit = ANOD_UNIT_TIME,
				    .u.i = (int64_t) p->a->every_us };
	struct anod_action q = { .size = sizeof(q), .kind = "probe" };
	char text[INET6_ADDRSTRLEN];
	uint64_t id;
	int r;

	if (!inet_ntop(t->address.family, t->address.addr, text, sizeof(text)))
		return;
	(void) snprintf(t->entity, sizeof(t->entity), "%s/%s", p->dev, text);
	(void) snprintf(dev.u.text, sizeof(dev.u.text), "%s", p->dev);
	add_arg(&q, "dev", dev);
	add_arg(&q, "target", to);
	add_arg(&q, "every", every);
	r = p->a->ctx->host->sense(p->a->ctx, &q, &id);
	if (r < 0)
		p->a->ctx->host->log(p->a->ctx, LOG_WARNING, "%s cannot be probed: %s", t->entity,
				     strerror(-r));
}

struct path *path_get(struct agent *a, const char *dev)
{
	struct path *p;

	for (unsigned i = 0; i < a->n_paths; i++)
		if (strcmp(a->path[i]->dev, dev) == 0)
			return a->path[i];
	if (a->n_paths == PATHS_MAX)
		return NULL;
	p = a->ctx->host->alloc(a->ctx, sizeof(*p));
	if (!p)
		return NULL;
	(void) snprintf(p->dev, sizeof(p->dev), "%s", dev);
	p->a = a;
	p->tcp = ANOD_DOUBT;
	a->path[a->n_paths++] = p;
	for (unsigned i = 0; i < a->n_probes; i++) {
		p->target[i].address = a->probe[i];
		ask_probe(p, &p->target[i]);
	}
	return p;
}

/* ---- what is told us ---------------------------------------------------------------------- */

static void on_tcp(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri lossy,
		   void *data)
{
	struct agent *a = data;

	(void) ctx, (void) id;
	for (unsigned i = 0; i < a->n_paths; i++)
		if (strcmp(a->path[i]->dev, entity) == 0)
			path_tcp(a->path[i], lossy);
}

static void on_prefix(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri lossy,
		      void *data)
{
	struct agent *a = data;
	char *room = NULL;

	(void) ctx, (void) id;
	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		if (strcmp(a->lossy[i], entity) == 0) {
			if (lossy != ANOD_TRUE)
				a->lossy[i][0] = '\0';
			return;
		}
		if (!a->lossy[i][0])
			room = a->lossy[i];
	}
	if (lossy == ANOD_TRUE && room)
		(void) snprintf(room, ANOD_NAME_SIZE, "%s", entity);
}

static void probe_event(struct path *p, struct target *t, const struct anod_event *e)
{
	if (!e->attr) {
		t->based = false;
		return;
	}
	if (e->value->type != ANOD_INT)
		return;
	if (!strcmp(e->attr, "lost")) {
		t->lost = e->value->u.i;
	} else if (!strcmp(e->attr, "void")) {
		t->voided = e->value->u.i;
	} else if (!strcmp(e->attr, "sent")) { /* published last */
		t->sent = e->value->u.i;
		path_probed(p, t);
	}
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent *a = ctx->state;

	if (!strcmp(e->kind, "nexthop")) {
		groups_read(a);
		return 0;
	}
	if (strcmp(e->kind, "probe") != 0)
		return 0;
	for (unsigned i = 0; i < a->n_paths; i++)
		for (unsigned k = 0; k < a->n_probes; k++)
			if (!strcmp(a->path[i]->target[k].entity, e->entity)) {
				probe_event(a->path[i], &a->path[i]->target[k], e);
				return 0;
			}
	return 0;
}

static void on_tick(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;

	(void) ctx, (void) id;
	for (unsigned i = 0; i < a->n_paths; i++)
		path_tick(a->path[i]);
	groups_review(a);
}

/* ---- life --------------------------------------------------------------------------------- */

static int read_probes(struct agent *a)
{
	struct anod_value v;

	for (unsigned n = 0; a->ctx->host->opt(a->ctx, "probe", n, &v) == 0; n++) {
		const struct anod_prefix *p = &v.u.prefix;

		if (p->len != (p->family == AF_INET6 ? 128 : 32)) {
			a->ctx->host->log(a->ctx, LOG_ERR, "probe %u is a network: give an address",
					  n + 1);
			return -EINVAL;
		}
		if (a->n_probes == TARGETS_MAX) {
			a->ctx->host->log(a->ctx, LOG_ERR, "more than %d probe targets",
					  TARGETS_MAX);
			return -E2BIG;
		}
		a->probe[a->n_probes++] = *p;
	}
	return 0;
}

static int64_t opt_int(struct anod_ctx *ctx, const char *name)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 ? v.u.i : 0;
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	a->every_us = (uint64_t) opt_int(ctx, "probe.every");
	a->clean_us = (uint64_t) opt_int(ctx, "clean");
	a->keep = (unsigned) opt_int(ctx, "keep");
	return read_probes(a);
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	uint64_t id;
	int r;

	r = ctx->host->watch(ctx, "lossy(tcp.lost, tcp.segs)", on_tcp, a, &id);
	if (r >= 0)
		r = ctx->host->watch(ctx, "lossy(tcp_prefix.lost, tcp_prefix.segs)", on_prefix, a,
				     &id);
	if (r >= 0)
		r = ctx->host->timer(ctx, TICK_US, TICK_US, on_tick, a, &id);
	groups_read(a);
	return r;
}

static const struct anod_opt opts[] = {
	{ "probe", ANOD_PREFIX, .many = 1,
	  .help = "addresses to probe over every member of a group, as a control" },
	{ "probe.every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "200ms", .min = 50e3, .max = 60e6,
	  .help = "time between two probes of one target" },
	{ "keep", ANOD_INT, .dflt = "1", .min = 1, .max = 256,
	  .help = "weight that a lossy member keeps" },
	{ "clean", ANOD_INT, ANOD_UNIT_TIME, .dflt = "60s", .min = 1e6, .max = 86400e6,
	  .help = "without loss for so long before a member has its weight again; doubled when "
		  "the loss comes back soon" },
	{ NULL },
};

/* Of "KIND.*" no event comes for each sample; of what is named in full it does. */
static const char *const reads[] = { "tcp.*",	    "tcp_prefix.*",    "probe.*",
				     "probe.sent",  "probe.lost",      "probe.void",
				     "nexthop.dev", "nexthop.weights", "link.carrier",
				     NULL };
static const char *const proposes[] = { "nexthop.weight", NULL };
static const char *const senses[] = { "probe", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "gray",
	.version = "1",
	.summary = "takes weight from a member of a next-hop group that loses a little",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.senses = senses,
	.init = on_init,
	.start = on_start,
	.event = on_event,
	.source = "facts tcp, tcp_prefix (tcpinfo), probe, nexthop",
	.example = "agent gray { probe 192.0.2.1, 198.51.100.1 every 100ms  clean 60s }",
};
