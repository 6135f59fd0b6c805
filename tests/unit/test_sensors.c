/* The host table as a sensor uses it: many numbers at once, and nothing that is not its own. */
#include "host/host.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static struct anod_ctx *ctx;

static int keep_ctx(struct anod_ctx *c)
{
	ctx = c;
	return 0;
}

static const struct anod_attr link_attrs[] = {
	{ .name = "a", .type = ANOD_INT, .max_age_ms = 1000 },
	{ .name = "b", .type = ANOD_REAL, .max_age_ms = 1000 },
	{ .name = "c", .type = ANOD_BOOL, .max_age_ms = 1000 },
	{ 0 }
};
static const struct anod_attr box_attrs[] = { { .name = "x", .type = ANOD_INT },
					      { .name = "word", .type = ANOD_TEXT },
					      { 0 } };
static const struct anod_kind kinds[] = { { "link", "", link_attrs },
					  { "box", "", box_attrs },
					  { 0 } };
static const struct anod_plugin plugin = {
	.roles = ANOD_SENSOR, .name = "eye", .kinds = kinds, .init = keep_ctx
};

static struct host host;
static struct plugins plugins;
static struct loaded_plugin loaded = { .desc = &plugin };
static struct config config;

static void open_host(void)
{
	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	host.schema = schema_new();
	host.store = store_new(host.schema);
	host.config = &config;
	plugins = (struct plugins){ .n = 1, .item = &loaded };
	host.plugins = &plugins;
	cr_assert_eq(sensors_declare(&host), 0);
	cr_assert_eq(store_entity(host.store, schema_kind_id(host.schema, "host"), "self", 1,
				  &host.host_entity),
		     0);
	cr_assert_eq(truth_open(&host), 0);
	cr_assert_eq(sensors_start(&host), 0);
}

static void close_host(void)
{
	sensors_stop(&host);
	truth_close(&host);
	store_free(host.store);
	schema_free(host.schema);
	sd_event_unref(host.loop);
}

TestSuite(sensors, .init = open_host, .fini = close_host);

static struct anod_value fact(uint32_t entity, const char *kind, const char *attr)
{
	const struct schema_attr *a = schema_attr(host.schema, kind, attr);
	struct fact f = { 0 };

	(void) store_get(host.store, entity, a->slot, host_now(&host), &f);
	return f.value;
}

Test(sensors, put_stores_neighbours_as_one)
{
	int64_t raw[3] = { 42, 0, 7 };
	double half = 0.5;
	uint32_t e;
	int a;

	cr_assert_eq(ctx->host->entity(ctx, "link", "wan0", &e), 0);
	a = ctx->host->fact_id(ctx, "link.a");
	cr_assert_gt(a, 0);
	memcpy(&raw[1], &half, sizeof(half));
	cr_assert_eq(ctx->host->put(ctx, e, a, 3, raw, 7), 0);
	cr_expect_eq(fact(e, "link", "a").u.i, 42);
	cr_expect_eq(fact(e, "link", "b").u.r, 0.5);
	cr_expect_eq(fact(e, "link", "c").u.i, 1, "a truth value is 0 or 1");
	cr_assert_eq(ctx->host->put(ctx, e, a, 3, raw, 5), 0);
	cr_expect_eq(fact(e, "link", "b").type, ANOD_UNKNOWN, "its bit is clear");
	cr_assert_eq(ctx->host->put(ctx, e, a + 1, 2, raw + 1, 3), 0, "from the middle");
	cr_expect_eq(fact(e, "link", "b").u.r, 0.5);

	cr_assert_eq(ctx->host->entity_gone(ctx, e), 0);
	cr_expect_eq(ctx->host->put(ctx, e, a, 3, raw, 7), -ENOENT);
}

Test(sensors, put_refuses_what_is_not_its_own)
{
	int64_t raw[64] = { 0 };
	uint32_t e, box;
	int a, x;

	cr_assert_eq(ctx->host->entity(ctx, "link", "wan0", &e), 0);
	cr_assert_eq(ctx->host->entity(ctx, "box", "b", &box), 0);
	a = ctx->host->fact_id(ctx, "link.a");
	x = ctx->host->fact_id(ctx, "box.x");
	cr_expect_eq(ctx->host->put(ctx, e, a, 0, raw, 0), -EINVAL);
	cr_expect_eq(ctx->host->put(ctx, e, a, 65, raw, 0), -EINVAL);
	cr_expect_eq(ctx->host->put(ctx, e, 0, 1, raw, 1), -EINVAL);
	cr_expect_eq(ctx->host->put(ctx, e, -1, 1, raw, 1), -EINVAL);
	cr_expect_eq(ctx->host->put(ctx, e, 60000, 1, raw, 1), -ENOENT);
	cr_expect_eq(ctx->host->put(ctx, box, a, 1, raw, 1), -EINVAL, "another kind");
	cr_expect_eq(ctx->host->put(ctx, e, a, 4, raw, 1), -EINVAL, "into the next kind");
	cr_expect_eq(ctx->host->put(ctx, box, x, 2, raw, 3), -EPROTO, "a text among them");
	cr_expect_lt(ctx->host->put(ctx, e, 1, 1, raw, 1), 0, "link.role is the core's: a text");
	cr_expect_eq(ctx->host->put(ctx, e, a, 1, raw, 1), 0);
}
