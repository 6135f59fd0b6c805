/* Every blind spot is a line with what it means and the cure. */
#include "host/doctor.h"

#include <criterion/criterion.h>
#include <string.h>

#include <cjson/cJSON.h>

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
	const char *why;

	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	host.schema = schema_new();
	host.store = store_new(host.schema);
	host.model = model_new();
	cr_assert_eq(schema_declare(host.schema, "eye", kinds, &why), 0);
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
	model_free(host.model);
	store_free(host.store);
	schema_free(host.schema);
	sd_event_unref(host.loop);
}

TestSuite(doctor, .init = open_host, .fini = close_host);

/* Is there a line of this verdict that says so? */
static bool says(void (*check)(cJSON *), const char *verdict, const char *text)
{
	cJSON *list = cJSON_CreateArray(), *o;
	bool found = false;

	if (check)
		check(list);
	else
		doctor_facts(list, &host);
	cJSON_ArrayForEach(o, list)
	{
		const cJSON *ok = cJSON_GetObjectItem(o, "ok");
		const char *v = cJSON_IsNull(ok) ? "?" : cJSON_IsTrue(ok) ? "ok" : "BAD";

		found |= strcmp(v, verdict) == 0 &&
			 strstr(cJSON_GetObjectItem(o, "text")->valuestring, text) &&
			 (strcmp(v, "BAD") != 0 || cJSON_GetObjectItem(o, "cure"));
	}
	cJSON_Delete(list);
	return found;
}

Test(doctor, a_sensor_that_does_not_see_well_is_told)
{
	(void) truth_health(&host, sensor, ANOD_HEALTH_PERIOD, 1000000);
	(void) truth_health(&host, sensor, ANOD_HEALTH_BEHIND, 400000);
	truth_beat(&host);
	cr_expect(says(NULL, "?", "sensor eye has published nothing yet"));
	cr_expect(!says(NULL, "BAD", "sensor eye"));

	(void) truth_health(&host, sensor, ANOD_HEALTH_BEHIND, 600000);
	(void) truth_health(&host, sensor, ANOD_HEALTH_OVERRUN, 3);
	(void) truth_health(&host, sensor, ANOD_HEALTH_ERROR, 4);
	(void) truth_health(&host, sensor, ANOD_HEALTH_GAP, 5);
	(void) truth_health(&host, sensor, ANOD_HEALTH_MISSED, 6);
	truth_beat(&host);
	cr_expect(says(NULL, "BAD", "is 600ms behind its period of 1s"));
	cr_expect(says(NULL, "BAD", "was full 3 times"));
	cr_expect(says(NULL, "BAD", "4 readings failed"));
	cr_expect(says(NULL, "BAD", "5 answers never came"));
	cr_expect(says(NULL, "?", "6 changes of a carrier"));
	cr_expect(says(NULL, "BAD", "out of sync"));
}

Test(doctor, what_is_used_and_not_known_is_told)
{
	const struct schema_attr *x = schema_attr(host.schema, "thing", "x");
	struct anod_value v = { .type = ANOD_INT };
	uint32_t e;

	cr_expect(says(NULL, "ok", "all of 0 attributes in use are known"));
	store_need(host.store, x, true);
	cr_expect(says(NULL, "BAD", "thing.x is used, and nobody provides it (source eye)"));
	cr_assert_eq(store_entity(host.store, x->kind, "a", 1, &e), 0);
	cr_expect(says(NULL, "BAD", "1 of 1 are unknown"));
	cr_assert_eq(store_publish(host.store, e, x->slot, &v, 2), 0);
	cr_expect(says(NULL, "ok", "all of 1 attributes in use are known"));
	cr_assert_eq(store_entity(host.store, x->kind, "b", 1, &e), 0);
	cr_expect(says(NULL, "?", "1 of 2 are unknown"));
}

static void one_note(cJSON *list)
{
	doctor_add(list, "n", NOTE, "do this", "it could be better");
}

Test(doctor, what_the_daemon_has_made_none_of_is_known_and_a_note_is_not_bad)
{
	const struct schema_attr *code = schema_attr(host.schema, "finding", "code");
	static const struct anod_attr code_attr[] = { { .name = "code", .type = ANOD_TEXT },
						      { 0 } };
	static const struct anod_kind finding[] = { { "finding", "", code_attr }, { 0 } };
	const char *why;

	if (!code) {
		cr_assert_eq(schema_declare(host.schema, "core", finding, &why), 0);
		code = schema_attr(host.schema, "finding", "code");
	}
	store_need(host.store, code, true);
	cr_expect(says(NULL, "ok", "all of 1 attributes in use are known"));
	cr_expect(says(one_note, "ok", "it could be better"));
	cr_expect(!says(one_note, "BAD", "it could be better"));
}

Test(doctor, the_kernel_is_asked_and_not_its_version)
{
	cr_expect(says(doctor_kernel, "ok", "RTM_GETSTATS") ||
		  says(doctor_kernel, "BAD", "RTM_GETSTATS"));
	cr_expect(says(doctor_kernel, "ok", "next-hop") || says(doctor_kernel, "BAD", "next-hop"));
	cr_expect(says(doctor_kernel, "ok", "/proc") || says(doctor_kernel, "BAD", "/proc"));
}
