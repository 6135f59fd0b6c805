/* "history" on the control socket, who is kept, and the flight recorder's pace; a host without a
 * loop, whose clock is therefore the real one. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/history_host.h"
#include "record/flight.h"

static const struct anod_attr attrs[] = {
	{ .name = "rx_bytes", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
	{ .name = "rx_bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 5000 },
	{ .name = "rx_crc_errors",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_PACKETS,
	  .max_age_ms = 5000 },
	{ .name = "tx_late", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
	{ 0 }
};
static const struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
static char dir[] = "/tmp/anod-flights-XXXXXX";
static struct host host;
static uint32_t eth0;
static char error[512];

static void open_host(void)
{
	static const char text[] = "policy \"t\" revision 1\n"
				   "history { memory 1MiB  keep link.rx_crc_errors }\n";
	static const struct anod_action_desc *const actions[] = { NULL };
	static const struct anod_plugin *const plugins[] = { NULL };
	struct config_env env = { .actions = actions, .plugins = plugins };
	struct diag_list diags = { 0 };
	const char *why;

	log_open("test", LOG_CRIT);
	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	host = (struct host){ .state_dir = dir, .schema = schema_new() };
	cr_assert(schema_declare(host.schema, "test", kinds, &why) >= 0);
	cr_assert(eq(int, flights_schema(host.schema), 0));
	env.schema = host.schema;
	cr_assert(eq(int, config_load_text("t", text, &env, &diags, &host.config), 0));
	diag_done(&diags);
	host.link_kind = schema_kind_id(host.schema, "link");
	host.store = store_new(host.schema);
	host.incidents = incidents_new(1, NULL, NULL);
	cr_assert(eq(int, history_open(&host), 0));
	cr_assert(eq(int, flights_open(&host), 0));
	cr_assert(store_entity(host.store, host.link_kind, "eth0", 0, &eth0) >= 0);
	cr_assert(store_entity(host.store, schema_kind_id(host.schema, "host"), "self", 0,
			       &host.host_entity) >= 0);
}

static void close_host(void)
{
	char command[80];

	flights_close(&host);
	history_close(&host);
	incidents_free(host.incidents);
	config_free(host.config);
	store_free(host.store);
	schema_free(host.schema);
	(void) snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(commands_history, .init = open_host, .fini = close_host);

/* The answer, or NULL with the error and its errno. */
static cJSON *ask(const char *args, int *ret_errno)
{
	cJSON *request = cJSON_CreateObject(), *data;

	cJSON_AddStringToObject(request, "command", "history");
	cJSON_AddItemToObject(request, "args", cJSON_Parse(args));
	error[0] = '\0';
	*ret_errno = 0;
	data = command_run(&host, "root", request, error, ret_errno);
	cJSON_Delete(request);
	return data;
}

static const cJSON *get(const cJSON *o, const char *name)
{
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(o, name);

	cr_assert_not_null(x, "%s", name);
	return x;
}

/* Twenty seconds up to now, two of them missing. */
static void measure(void)
{
	uint64_t now = clock_boot_us();
	const struct schema_attr *a = schema_attr(host.schema, "link", "rx_bytes");

	history_beat(&host);
	for (unsigned i = 0; i < 21; i++) {
		uint64_t t = now - (20 - i) * US_PER_S;
		int64_t raw[] = { INT64_C(9007199254740993) + i, 800 + i % 2, i, i };

		(void) store_put(host.store, eth0, a->slot, 4, raw, i == 10 ? 0 : 15, t);
		history_run(host.history, t);
		store_settle(host.store);
	}
}

Test(commands_history, answers_with_the_points_of_what_is_kept)
{
	cJSON *data, *points;
	char *text;
	int e;

	measure();
	data = ask("{\"entity\":\"link/eth0\",\"attr\":\"rx_bytes\"}", &e);
	cr_assert_not_null(data, "%s", error);
	cr_assert(cJSON_IsTrue(get(data, "kept")));
	cr_assert(cJSON_IsTrue(get(data, "counter")));
	cr_assert_str_eq(get(data, "why")->valuestring, "default");
	cr_assert(eq(dbl, get(data, "step_us")->valuedouble, 1e6));
	text = cJSON_PrintUnformatted(data);
	cr_assert_not_null(strstr(text, ",9007199254740993]"), "%s", text);
	cr_assert_not_null(strstr(text, ",9007199254741013]]"), "%s", text);
	cr_assert_not_null(strstr(text, ",null],"), "%s", text);
	cJSON_Delete(data);
	data = cJSON_Parse(text);
	points = cJSON_GetObjectItemCaseSensitive(data, "points");
	cr_assert(eq(int, cJSON_GetArraySize(points), 21));
	cJSON_free(text);
	cJSON_Delete(data);

	data = ask("{\"entity\":\"link/eth0\",\"attr\":\"rx_bps\",\"last_us\":20000000,"
		   "\"step_us\":10000000}",
		   &e);
	text = cJSON_PrintUnformatted(data);
	cr_assert_not_null(strstr(text, ",800,80"), "%s", text); /* rounded, by the step */
	cJSON_free(text);
	cJSON_Delete(data);

	data = ask("{\"entity\":\"link/eth0\",\"attr\":\"rx_crc_errors\"}", &e);
	cr_assert_str_eq(get(data, "why")->valuestring, "configuration");
	cJSON_Delete(data);
	data = ask("{\"entity\":\"link/eth0\",\"attr\":\"tx_late\"}", &e);
	cr_assert(cJSON_IsFalse(get(data, "kept")));
	cr_assert_str_eq(get(data, "why")->valuestring, "not watched");
	cJSON_Delete(data);
	data = ask("{}", &e);
	cr_assert(eq(int, cJSON_GetArraySize(get(data, "series")), 3));
	cr_assert(eq(dbl, get(data, "bytes_max")->valuedouble, 1 << 20));
	cJSON_Delete(data);
}

Test(commands_history, what_somebody_needs_is_kept_and_let_go_again)
{
	const struct schema_attr *late = schema_attr(host.schema, "link", "tx_late");
	const struct schema_attr *crc = schema_attr(host.schema, "link", "rx_crc_errors");

	history_beat(&host);
	cr_assert_null(history_why(&host, late, "eth0"));
	cr_assert(eq(uint, store_needed(host.store, crc), 1)); /* by the configuration */
	store_need(host.store, late, true);
	history_beat(&host);
	cr_assert_str_eq(history_why(&host, late, "eth0"), "watch");
	cr_assert(eq(uint, store_needed(host.store, late), 1)); /* not by us */
	store_need(host.store, late, false);
	history_beat(&host);
	cr_assert_null(history_why(&host, late, "eth0"));
}

Test(commands_history, what_makes_no_sense_gets_a_sentence)
{
	static const struct {
		const char *args;
		int err;
		const char *says;
	} c[] = {
		{ "{\"entity\":\"eth0\",\"attr\":\"rx_bytes\"}", EINVAL, "KIND/NAME" },
		{ "{\"entity\":\"link/eth0\"}", EINVAL, "attr" },
		{ "{\"entity\":\"lnk/eth0\",\"attr\":\"rx_bytes\"}", ENOENT, "no kind 'lnk'" },
		{ "{\"entity\":\"link/eth0\",\"attr\":\"rx_bites\"}", ENOENT, "'rx_bytes'?" },
		{ "{\"entity\":\"link/eth9\",\"attr\":\"rx_bytes\"}", ENOENT, "no link 'eth9'" },
		{ "{\"entity\":\"link/eth0\",\"attr\":\"rx_bytes\",\"last_us\":-1}", EINVAL,
		  "last_us" },
		{ "{\"entity\":\"link/eth0\",\"attr\":\"rx_bytes\",\"from_us\":9e15}", EINVAL,
		  "before" },
		{ "{\"entity\":\"link/eth0\",\"attr\":\"rx_bytes\",\"incident\":9}", ENOENT, "I9" },
		{ "{\"incident\":\"I9x\"}", EINVAL, "I12" },
		{ "{\"incident\":\"-1\"}", EINVAL, "I12" },
	};
	int e;

	measure();
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		cr_assert_null(ask(c[i].args, &e), "%s", c[i].args);
		cr_assert(eq(int, e, c[i].err), "%s: %s", c[i].args, error);
		cr_assert_not_null(strstr(error, c[i].says), "%s: %s", c[i].args, error);
	}
}

Test(commands_history, an_incident_is_recorded_at_once_and_whole_when_it_closes)
{
	struct anod_finding f = {
		.size = sizeof(f), .code = "loss", .kind = "link", .entity = "eth0", .summary = "s"
	};
	uint64_t now = clock_boot_us(), finding, incident;
	struct flight_entry *list;
	struct flight flight;
	char command[100];
	unsigned n;
	cJSON *data;
	int e;

	measure();
	cr_assert(incident_find(host.incidents, "a", &f, now, clock_wall_us(), &finding,
				&incident) >= 0);
	flights_on_finding(&host, incident);
	cr_assert(eq(int, flight_read(dir, incident, &flight), 0));
	cr_assert_not(flight.head.complete);
	cr_assert(eq(uint, flight.n, 3));
	flight_done(&flight);

	flights_beat(&host); /* still open: nothing more */
	cr_assert(eq(int, flight_read(dir, incident, &flight), 0));
	cr_assert_not(flight.head.complete);
	flight_done(&flight);
	(void) incident_clear(host.incidents, finding, "gone", now, clock_wall_us());
	flights_beat(&host);
	cr_assert(eq(int, flight_read(dir, incident, &flight), 0));
	cr_assert(flight.head.complete);
	flight_done(&flight);

	data = ask("{\"entity\":\"link/eth0\",\"attr\":\"rx_bps\",\"incident\":\"I1\"}", &e);
	cr_assert_not_null(data, "%s", error);
	cr_assert_str_eq(get(data, "why")->valuestring, "incident");
	cr_assert(cJSON_IsTrue(get(data, "complete")));
	cJSON_Delete(data);
	data = ask("{\"incident\":1}", &e);
	cr_assert(eq(int, cJSON_GetArraySize(get(data, "series")), 3));
	cJSON_Delete(data);

	/* Afterwards a folder that cannot be written is said, and harms nothing. */
	(void) snprintf(command, sizeof(command), "rm -rf '%s/flight'; touch '%s/flight'", dir,
			dir);
	cr_assert(eq(int, system(command), 0));
	(void) snprintf(f.entity, sizeof(f.entity), "other");
	(void) snprintf(f.code, sizeof(f.code), "else");
	now += 100 * US_PER_S;
	cr_assert(incident_find(host.incidents, "a", &f, now, clock_wall_us() + 100 * US_PER_S,
				&finding, &incident) >= 0);
	cr_assert(eq(u64, incident, 2));
	cr_assert_null(flights_trouble(&host));
	flights_on_finding(&host, incident);
	cr_assert_not_null(flights_trouble(&host));
	cr_assert(eq(int, flight_list(dir, &list, &n), 0));
	cr_assert(eq(uint, n, 0));
}
