/*
 * hello-sensor - the smallest sensor that publishes facts.
 *
 * It reads the system's load from /proc/loadavg and publishes it as fact load.self.one.  "make"
 * builds build/examples/hello-sensor.so; copy it to the plugin folder and write in anod.conf:
 *
 *     sensor hello-sensor { every 5s }
 *
 * Then: anodctl facts 'load/self'
 *
 * Design.  A fact has a type, a unit and a maximum age.  When the file cannot be read, the value
 * is published as unknown: never a last value, never zero.  The maximum age covers the case that
 * nothing is published at all.
 */
#include <anod/plugin.h>

#include <errno.h>
#include <stdio.h>

struct hello {
	uint32_t self; /* the entity */
	int one;       /* the attribute */
};

static const struct anod_attr load_attrs[] = {
	{ "one", ANOD_REAL, ANOD_UNIT_NONE, 0, 150000,
	  "runnable tasks, mean of a minute (/proc/loadavg)" },
	{ NULL },
};

static const struct anod_kind kinds[] = {
	{ "load", "load of this machine", load_attrs },
	{ NULL },
};

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct hello *h = data;
	struct anod_value v = { .type = ANOD_REAL };
	FILE *f = fopen("/proc/loadavg", "re");
	int n = f ? fscanf(f, "%lf", &v.u.r) : 0;

	(void) id;
	(void) ctx->host->publish(ctx, h->self, h->one, n == 1 ? &v : NULL);
	if (f)
		(void) fclose(f); /* opened for reading: nothing can be lost */
}

static int on_start(struct anod_ctx *ctx)
{
	struct hello *h = ctx->host->alloc(ctx, sizeof(*h)); /* freed by the host */
	struct anod_value every;
	uint64_t id;
	int r;

	if (!h)
		return -ENOMEM;
	h->one = ctx->host->fact_id(ctx, "load.one");
	if (h->one < 0)
		return h->one;
	r = ctx->host->entity(ctx, "load", "self", &h->self);
	if (r < 0)
		return r;
	r = ctx->host->opt(ctx, "every", 0, &every);
	if (r < 0)
		return r;
	return ctx->host->timer(ctx, 1, (uint64_t) every.u.i, on_timer, h, &id);
}

static const struct anod_opt opts[] = {
	{ "every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "5s", .min = 1e6, .max = 60e6,
	  .help = "time between two readings" },
	{ NULL },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "hello-sensor",
	.version = "0.1.0",
	.summary = "publishes the load average",
	.opts = opts,
	.kinds = kinds,
	.start = on_start,
};
