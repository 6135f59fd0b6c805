/*
 * rtnl - the sensor that knows what the kernel's network looks like.
 *
 * Design.  Listens first and reads everything afterwards, so nothing falls between.  Events keep
 * facts and model current; whole tables are read again when events were lost or when the kernel
 * is known to change things without an event.  Needs no privilege; with CAP_NET_ADMIN its event
 * buffers may be larger than net.core.rmem_max.
 */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

void health(struct rtnl *r, enum anod_health what, uint64_t n)
{
	(void) r->ctx->host->health(r->ctx, what, n);
}

static int rtnl_init(struct anod_ctx *ctx)
{
	struct rtnl *r = ctx->host->alloc(ctx, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	r->ctx = ctx;
	ctx->state = r;
	return 0;
}

static int rtnl_start(struct anod_ctx *ctx)
{
	struct rtnl *r = ctx->state;
	struct anod_value v;
	int e;

	e = ctx->host->opt(ctx, "event-buffer", 0, &v);
	if (e >= 0)
		e = facts_init(r);
	if (e < 0)
		return e;

	e = feed_open_all(r, (size_t) v.u.i);
	if (e >= 0)
		e = feed_open_dump(r);
	if (e < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot listen to the kernel: %s", strerror(-e));
		return e;
	}
	for (unsigned i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++)
		if (table_is_ours(i))
			dump_want(r, i, AT_ONCE);
	return 0;
}

static void rtnl_stop(struct anod_ctx *ctx)
{
	struct rtnl *r = ctx->state;

	for (unsigned i = 0; i < FEEDS; i++)
		feed_stop(r, &r->feed[i]);
	feed_stop(r, &r->dump);
	if (r->timer)
		(void) ctx->host->cancel(ctx, r->timer);
	r->timer = 0;
	life_stop(r);
}

static void rtnl_fini(struct anod_ctx *ctx)
{
	struct rtnl *r = ctx->state;

	if (!r)
		return;
	rtnl_stop(ctx); /* a failed start leaves some open */
	feed_close_all(r);
	rows_free(r);
}

static const struct anod_opt opts[] = {
	{ .name = "event-buffer",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_BYTES,
	  .dflt = "16777216",
	  .min = 2048,
	  .max = 1 << 30,
	  .help = "bytes of route events that the kernel keeps for us (832 for each route); a "
		  "quarter of it for others. Small ones lose events, which costs dumps" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "rtnl",
	.version = "1",
	.summary = "links, addresses, routes, rules, next hops and neighbours from rtnetlink",
	.opts = opts,
	.kinds = rtnl_kinds,
	.init = rtnl_init,
	.start = rtnl_start,
	.stop = rtnl_stop,
	.fini = rtnl_fini,
};
