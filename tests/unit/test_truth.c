/* What a sensor says of itself, and what the kernel says of us, become facts. */
#include "host/host.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static const struct anod_attr attrs[] = { { .name = "x", .type = ANOD_INT }, { 0 } };
static const struct anod_kind kinds[] = { { "thing", "", attrs }, { 0 } };
static const struct anod_plugin plugin = { .roles = ANOD_SENSOR, .name = "eye", .kinds = kinds };
static const struct anod_host table = { .size = sizeof(table) };

static struct host host;
static struct plugins plugins;
static struct loaded_plugin loaded = { .desc = &plugin };
static struct instance *sensor;

static void open_host(void)
{
	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	host.schema = schema_new();
	host.store = store_new(host.schema);
	plugins = (struct plugins){ .n = 1, .item = &loaded };
	host.plugins = &plugins;
	sensor = instance_new(&plugin, "eye", &table, host.loop, host.store, &host);
	host.sensor = &sensor;
	host.n_sensors = 1;
	cr_assert_eq(store_entity(host.store, schema_kind_id(host.schema, "host"), "self", 1,
				  &host.host_entity),
		     0);
	cr_assert_eq(truth_open(&host), 0);
}

static void close_host(void)
{
	truth_close(&host);
	instance_free(sensor);
	store_free(host.store);
	schema_free(host.schema);
	sd_event_unref(host.loop);
}

TestSuite(truth, .init = open_host, .fini = close_host);

static struct anod_value fact(const char *kind, const char *entity, const char *attr)
{
	const struct schema_attr *a = schema_attr(host.schema, kind, attr);
	struct fact f = { 0 };

	cr_assert_not_null(a, "%s.%s", kind, attr);
	(void) store_get(host.store, store_find(host.store, a->kind, entity), a->slot,
			 host_now(&host), &f);
	return f.value;
}

static int64_t eye(const char *attr)
{
	struct anod_value v = fact("sensor", "eye", attr);

	return v.type == ANOD_INT ? v.u.i : -1;
}

Test(truth, counts_add_up_and_the_worst_lateness_is_told_once)
{
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_OVERRUN, 1), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_OVERRUN, 2), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_BEHIND, 700), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_BEHIND, 300), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_PERIOD, 5000), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_PERIOD, 4000), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_INTERRUPTED, 4), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_GAP, 5), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_ERROR, 6), 0);
	cr_assert_eq(truth_health(&host, sensor, ANOD_HEALTH_MISSED, 7), 0);
	cr_expect_eq(truth_health(&host, sensor, 0, 1), -EINVAL);
	cr_expect_eq(truth_health(&host, sensor, ANOD_HEALTH_PERIOD + 1, 1), -EINVAL);
	cr_expect_eq(truth_health(&host, sensor, ANOD_HEALTH_GAP, UINT64_MAX), -EINVAL);
	truth_beat(&host);
	cr_expect_eq(eye("overruns"), 3);
	cr_expect_eq(eye("behind"), 700);
	cr_expect_eq(eye("period"), 4000);
	cr_expect_eq(eye("interrupted"), 4);
	cr_expect_eq(eye("gaps"), 5);
	cr_expect_eq(eye("errors"), 6);
	cr_expect_eq(eye("missed"), 7);
	truth_beat(&host);
	cr_expect_eq(eye("behind"), 0);
	cr_expect_eq(eye("overruns"), 3);
}

Test(truth, a_resync_is_what_follows_a_loss)
{
	truth_sync(&host, sensor, ANOD_SYNC_BEGIN);
	truth_sync(&host, sensor, ANOD_SYNC_DONE);
	truth_beat(&host);
	cr_expect_eq(eye("resyncs"), 0, "the first reading makes up for nothing");
	truth_sync(&host, sensor, ANOD_SYNC_LOST);
	truth_sync(&host, sensor, ANOD_SYNC_LOST);
	truth_sync(&host, sensor, ANOD_SYNC_BEGIN);
	truth_sync(&host, sensor, ANOD_SYNC_DONE);
	truth_beat(&host);
	cr_expect_eq(eye("resyncs"), 1);

	truth_forget(&host);
	cr_expect_eq(store_find(host.store, schema_kind_id(host.schema, "sensor"), "eye"), 0);
	truth_beat(&host);
	cr_expect_eq(eye("resyncs"), 1, "it was only stopped");
}

Test(truth, what_the_kernel_says_of_us_is_a_share_or_unknown)
{
	static const char *const psi[] = { "psi_cpu", "psi_memory", "psi_io" };
	struct anod_value v;

	truth_beat(&host);
	v = fact("host", "self", "sched_delay");
	cr_expect(v.type == ANOD_UNKNOWN || (v.type == ANOD_INT && v.u.i >= 0));
	for (unsigned i = 0; i < 3; i++) {
		v = fact("host", "self", psi[i]);
		cr_expect(v.type == ANOD_UNKNOWN ||
			  (v.type == ANOD_REAL && v.u.r >= 0 && v.u.r <= 1));
	}
}
