/* The observation budget in the host: facts, words, and what the configuration may say. */
#include "host/observe.h"

#include <criterion/criterion.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/log.h"

static const struct anod_attr attrs[] = { { .name = "x", .type = ANOD_INT }, { 0 } };
static const struct anod_kind kinds[] = { { "thing", "", attrs }, { 0 } };
static const struct anod_plugin eye = { .roles = ANOD_SENSOR, .name = "eye", .kinds = kinds };
static const struct anod_plugin ear = { .roles = ANOD_SENSOR, .name = "ear", .kinds = kinds };
static const struct anod_host table = { .size = sizeof(table) };

static struct host host;
static struct instance *sensor[2];

static void open_host(void)
{
	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	host.schema = schema_new();
	host.store = store_new(host.schema);
	cr_assert_eq(observe_open(&host), 0);
	sensor[0] = instance_new(&eye, "eye", &table, host.loop, host.store, &host);
	sensor[1] = instance_new(&ear, "ear", &table, host.loop, host.store, &host);
	for (unsigned i = 0; i < 2; i++) {
		sensor[i]->meter = observe_meter(&host, sensor[i]);
		cr_assert_not_null(sensor[i]->meter);
		sensor[i]->meter->n_beats = PACE_GRACE;
	}
}

static void close_host(void)
{
	instance_free(sensor[0]);
	instance_free(sensor[1]);
	observe_close(&host);
	store_free(host.store);
	schema_free(host.schema);
	sd_event_unref(host.loop);
}

TestSuite(observe, .init = open_host, .fini = close_host);

static double fact(const char *name, const char *attr)
{
	const struct schema_attr *a = schema_attr(host.schema, "sensor", attr);
	struct fact f = { 0 };

	cr_assert_not_null(a);
	(void) store_get(host.store, store_find(host.store, a->kind, name), a->slot,
			 host_now(&host), &f);
	return f.value.type == ANOD_REAL  ? f.value.u.r
	       : f.value.type == ANOD_INT ? (double) f.value.u.i
					  : -1;
}

/* So many seconds, in each of which 'm' takes 'ns' and would like four times as many. */
static void seconds(unsigned n, struct meter *m, uint64_t ns, double slowed)
{
	while (n--) {
		m->cpu_ns[m->slot] += ns;
		m->slowed = slowed;
		m->slowed_until_us = UINT64_MAX;
		m->wait_us = (uint64_t) (slowed * 1e6);
		m->wanted_us = 1000000;
		observe_beat(&host);
	}
}

static cJSON *told(void)
{
	cJSON *o = cJSON_CreateObject();

	observe_json(&host, o);
	return o;
}

Test(observe, what_a_sensor_costs_and_may_cost_are_facts)
{
	struct meter *m = sensor[0]->meter;

	m->paced = true;
	m->held_ns[m->slot] = 3000000;
	seconds(1, m, 5000000, 1);
	cr_expect_float_eq(fact("eye", "share"), 0.008, 1e-6);
	cr_expect_float_eq(fact("eye", "limit"), 0.01, 1e-6);
	cr_expect_float_eq(fact("eye", "slowed"), 1, 1e-6);
	cr_expect_float_eq(fact("eye", "held"), 3000, 1e-6);
	cr_expect_float_eq(fact("ear", "share"), 0, 1e-6);
	cr_expect(fact("ear", "limit") >= 0.002, "what the other leaves");
}

Test(observe, who_is_slowed_down_is_told_of_once_and_again_when_it_is_over)
{
	struct meter *m = sensor[0]->meter;
	cJSON *o;

	m->paced = true;
	seconds(3, m, 2500000, 4);
	o = told();
	cr_expect_null(o->child, "a few seconds are no news");
	cJSON_Delete(o);
	seconds(5, m, 2500000, 4);
	o = told();
	cr_assert_not_null(o->child);
	cr_expect_str_eq(cJSON_GetObjectItem(o->child->child, "sensor")->valuestring, "eye");
	cr_expect_float_eq(cJSON_GetObjectItem(o->child->child, "slowed")->valuedouble, 4, 1e-6);
	cJSON_Delete(o);
	cr_expect_float_eq(fact("eye", "slowed"), 4, 1e-6);

	o = cJSON_CreateArray();
	observe_doctor(o, &host);
	cr_expect_eq(cJSON_GetArraySize(o), 2);
	cr_expect(strstr(cJSON_GetObjectItem(o->child, "text")->valuestring,
			 "reads every 4s instead of every 1s"),
		  "%s", cJSON_GetObjectItem(o->child, "text")->valuestring);
	cJSON_Delete(o);

	seconds(31, m, 100000, 1);
	o = told();
	cr_expect_null(o->child, "it is over");
	cJSON_Delete(o);
}

Test(observe, who_cannot_be_slowed_down_is_named)
{
	struct meter *m = sensor[1]->meter;
	cJSON *o;

	seconds(12, m, 30000000, 1);
	o = cJSON_CreateArray();
	observe_doctor(o, &host);
	cr_assert_eq(cJSON_GetArraySize(o), 2);
	cr_expect_str_eq(cJSON_GetObjectItem(o->child, "name")->valuestring, "ear");
	cr_expect(strstr(cJSON_GetObjectItem(o->child, "text")->valuestring, "takes 2.7"), "%s",
		  cJSON_GetObjectItem(o->child, "text")->valuestring);
	cJSON_Delete(o);
}
