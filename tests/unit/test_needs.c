/* What is used is read often, what is in an incident oftener, and a sensor hears only of changes. */
#include "host/host.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static char said[512];

static int hear(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	size_t n = strlen(said);

	(void) ctx;
	(void) snprintf(said + n, sizeof(said) - n, "%s/%s=%llu ", kind, entity ? entity : "*",
			(unsigned long long) every_us / 1000);
	return 0;
}

static const struct anod_attr attrs[] = { { .name = "rx_bytes", .type = ANOD_INT }, { 0 } };
static const struct anod_kind kinds[] = { { "link", "", attrs }, { 0 } };
static const struct anod_plugin plugin = {
	.roles = ANOD_SENSOR, .name = "test", .kinds = kinds, .need = hear
};
static const struct anod_host table = { .size = sizeof(table) };

static struct host host;
static struct instance *sensor;
static const struct schema_attr *rx;

static void open_host(void)
{
	struct anod_value period = { .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .u.i = 2000000 };
	const char *why;
	uint32_t e;

	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	host.schema = schema_new();
	host.store = store_new(host.schema);
	cr_assert_eq(schema_declare(host.schema, "test", kinds, &why), 0);
	host.incidents = incidents_new(1, NULL, NULL);
	sensor = instance_new(&plugin, "test", &table, host.loop, host.store, &host);
	cr_assert_eq(instance_add_option(sensor, "period", &period), 0);
	host.sensor = &sensor;
	host.n_sensors = 1;
	rx = schema_attr(host.schema, "link", "rx_bytes");
	cr_assert_eq(store_entity(host.store, rx->kind, "wan0", 1, &e), 0);
	cr_assert_eq(store_entity(host.store, rx->kind, "wan1", 1, &e), 0);
}

static void close_host(void)
{
	needs_done(&host);
	instance_free(sensor);
	incidents_free(host.incidents);
	store_free(host.store);
	schema_free(host.schema);
	sd_event_unref(host.loop);
}

TestSuite(needs, .init = open_host, .fini = close_host);

static const char *beat(void)
{
	said[0] = '\0';
	needs_beat(&host);
	return said;
}

Test(needs, a_kind_is_needed_while_somebody_uses_an_attribute_of_it)
{
	cr_expect_str_eq(beat(), "", "nobody asked, nothing is told");
	store_need(host.store, rx, true);
	cr_expect_str_eq(beat(), "link/*=2000 ", "the sensor's own option");
	store_need(host.store, rx, true);
	cr_expect_str_eq(beat(), "", "only what has changed");
	store_need(host.store, rx, false);
	cr_expect_str_eq(beat(), "");
	store_need(host.store, rx, false);
	cr_expect_str_eq(beat(), "link/*=0 ");
}

Test(needs, what_is_in_an_open_incident_is_needed_ten_times_a_second)
{
	struct anod_finding f = { .size = sizeof(f), .code = "lossy", .kind = "path" };
	uint64_t finding, incident;

	(void) copy_text(f.entity, sizeof(f.entity), "wan0");
	(void) beat();
	cr_assert_geq(incident_find(host.incidents, "test", &f, 1000000, 1, &finding, &incident),
		      0);
	cr_expect_str_eq(beat(), "link/wan0=100 ",
			 "a finding about the path is one about the link");
	cr_expect_str_eq(beat(), "");
	cr_assert_geq(incident_clear(host.incidents, finding, "over", 2000000, 1), 0);
	cr_expect_str_eq(beat(), "link/wan0=0 ");
	cr_expect_str_eq(beat(), "");
}
