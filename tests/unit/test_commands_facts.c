/* "facts" on the control socket: pages. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "facts/value.h"
#include "host/host.h"

static const struct anod_attr attrs[] = {
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES },
	{ .name = "rx_bytes", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
	{ 0 }
};
static const struct anod_kind kinds[] = { { "link", "a link", attrs }, { 0 } };

static struct host host;
static char error[512];

static void open_host(void)
{
	const char *why;

	log_open("test", LOG_CRIT);
	host = (struct host){ 0 };
	host.schema = schema_new();
	host.store = store_new(host.schema);
	cr_assert_eq(schema_declare(host.schema, "test", kinds, &why), 0);
	cr_assert_eq(sd_event_new(&host.loop), 0);
	for (int k = 0; k < 3000; k++) {
		const struct schema_attr *a = schema_attr(host.schema, "link", "mtu");
		struct anod_value v = value_int(1500, ANOD_UNIT_NONE);
		char name[16];
		uint32_t e;

		(void) snprintf(name, sizeof(name), "eth%d", k);
		cr_assert_eq(store_entity(host.store, a->kind, name, host_now(&host), &e), 0);
		cr_assert_eq(store_publish(host.store, e, a->slot, &v, host_now(&host)), 0);
	}
}

static void close_host(void)
{
	sd_event_unref(host.loop);
	store_free(host.store);
	schema_free(host.schema);
}

TestSuite(commands_facts, .init = open_host, .fini = close_host);

static cJSON *facts(const char *args)
{
	char text[256];
	cJSON *request, *data;
	int err = 0;

	(void) snprintf(text, sizeof(text), "{\"command\":\"facts\",\"args\":%s}", args);
	request = cJSON_Parse(text);
	error[0] = '\0';
	data = command_run(&host, "root", request, error, &err);
	cJSON_Delete(request);
	return data;
}

Test(commands_facts, an_answer_is_a_page_and_says_how_many_there_are)
{
	/* link has two attributes of ours, and role and capacity. */
	static const struct {
		const char *args;
		int n, total;
		const char *first;
	} c[] = {
		{ "{}", 2000, 12000, "eth0.role" },
		{ "{\"limit\":3}", 3, 12000, "eth0.role" },
		{ "{\"limit\":3,\"offset\":5}", 3, 12000, "eth1.capacity" },
		{ "{\"limit\":0}", 0, 12000, NULL },
		{ "{\"limit\":99999,\"offset\":11999}", 1, 12000, "eth2999.rx_bytes" },
		{ "{\"offset\":12000}", 0, 12000, NULL },
		{ "{\"pattern\":\"link/*.mtu\",\"offset\":2998}", 2, 3000, "eth2998.mtu" },
		{ "{\"pattern\":\"link/eth7\"}", 4, 4, "eth7.role" },
		{ "{\"pattern\":[\"link/eth7.mtu\",\"link/eth9.mtu\"],\"offset\":1}", 1, 2,
		  "eth9.mtu" },
		{ "{\"pattern\":\"nonsense\"}", 0, 0, NULL },
		{ "{\"limit\":-5,\"offset\":\"x\"}", 2000, 12000, "eth0.role" },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		cJSON *d = facts(c[k].args);
		const cJSON *list = cJSON_GetObjectItem(d, "facts");
		const cJSON *first = cJSON_GetArrayItem(list, 0);
		char name[64] = "";

		cr_assert_not_null(d, "%s: %s", c[k].args, error);
		cr_expect_eq(cJSON_GetArraySize(list), c[k].n, "%s", c[k].args);
		cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(d, "total")), c[k].total,
			     "%s", c[k].args);
		if (first)
			(void) snprintf(name, sizeof(name), "%s.%s",
					cJSON_GetStringValue(cJSON_GetObjectItem(first, "entity")),
					cJSON_GetStringValue(cJSON_GetObjectItem(first, "attr")));
		cr_expect_str_eq(name, c[k].first ? c[k].first : "", "%s: %s", c[k].args, name);
		cJSON_Delete(d);
	}
}

Test(commands_facts, what_is_no_pattern_gets_a_sentence)
{
	cr_expect_null(facts("{\"pattern\":7}"));
	cr_expect_not_null(strstr(error, "pattern is"), "%s", error);
}
