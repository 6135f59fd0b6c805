/* "top" on the control socket, against a host that has nothing but facts. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "facts/value.h"
#include "host/top.h"

static const struct anod_attr link_attrs[] = {
	{ .name = "admin_up", .type = ANOD_BOOL },
	{ .name = "carrier", .type = ANOD_BOOL },
	{ .name = "operstate", .type = ANOD_TEXT },
	{ .name = "rx_bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 5000 },
	{ .name = "tx_bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 5000 },
	{ .name = "rx_errors", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
	{ .name = "tx_errors", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
	{ .name = "rx_dropped", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
	{ .name = "tx_dropped", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
	{ 0 }
};
static const struct anod_attr path_attrs[] = {
	{ .name = "rtt", .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .max_age_ms = 5000 }, { 0 }
};
static const struct anod_kind kinds[] = { { "link", "a link", link_attrs },
					  { "path", "a path", path_attrs },
					  { 0 } };

static struct host host;
static char error[512];

static void open_host(void)
{
	const char *why;

	log_open("test", LOG_CRIT);
	host = (struct host){ 0 };
	host.schema = schema_new();
	host.store = store_new(host.schema);
	host.incidents = incidents_new(1, NULL, NULL);
	cr_assert_eq(schema_declare(host.schema, "test", kinds, &why), 0);
	cr_assert_eq(sd_event_new(&host.loop), 0);
	host.link_kind = schema_kind_id(host.schema, "link");
}

static void close_host(void)
{
	top_done(&host);
	sd_event_unref(host.loop);
	incidents_free(host.incidents);
	store_free(host.store);
	schema_free(host.schema);
}

TestSuite(commands_top, .init = open_host, .fini = close_host);

static void put(const char *kind, const char *name, const char *attr, struct anod_value v)
{
	const struct schema_attr *a = schema_attr(host.schema, kind, attr);
	uint32_t e;

	cr_assert_not_null(a, "%s", attr);
	cr_assert_eq(store_entity(host.store, a->kind, name, host_now(&host), &e), 0);
	cr_assert_eq(store_publish(host.store, e, a->slot, &v, host_now(&host)), 0);
}

static void put_int(const char *name, const char *attr, int64_t i)
{
	put("link", name, attr, value_int(i, ANOD_UNIT_NONE));
}

static void add_link(const char *name, bool up, bool carrier, int64_t rx, int64_t tx)
{
	put("link", name, "admin_up", value_bool(up));
	put("link", name, "carrier", value_bool(carrier));
	put("link", name, "operstate", value_text(carrier ? "up" : "down"));
	put_int(name, "rx_bps", rx);
	put_int(name, "tx_bps", tx);
	put_int(name, "rx_errors", 10);
	put_int(name, "tx_errors", 0);
	put_int(name, "rx_dropped", 5);
	put_int(name, "tx_dropped", 0);
}

static cJSON *top(const char *args)
{
	char text[512];
	cJSON *request, *data;
	int err = 0;

	(void) snprintf(text, sizeof(text), "{\"command\":\"top\",\"args\":%s}", args);
	request = cJSON_Parse(text);
	cr_assert_not_null(request, "%s", text);
	error[0] = '\0';
	data = command_run(&host, "root", request, error, &err);
	cJSON_Delete(request);
	return data;
}

/* The names of the rows, "a b c". */
static const char *names(const char *args)
{
	static char out[512];
	cJSON *d = top(args);
	const cJSON *r;
	size_t n = 0;

	cr_assert_not_null(d, "%s: %s", args, error);
	out[0] = '\0';
	cJSON_ArrayForEach(r, cJSON_GetObjectItem(d, "rows")) n +=
		(size_t) snprintf(out + n, sizeof(out) - n, "%s%s", n ? " " : "",
				  cJSON_GetObjectItem(r, "name")->valuestring);
	cJSON_Delete(d);
	return out;
}

static double total(const cJSON *d, const char *name)
{
	const cJSON *n = cJSON_GetObjectItem(cJSON_GetObjectItem(d, "totals"), name);

	cr_assert(cJSON_IsNumber(n), "%s", name);
	return n->valuedouble;
}

Test(commands_top, the_page_is_sorted_and_cut_in_the_host)
{
	static const struct {
		const char *args, *rows;
	} c[] = {
		{ "{}", "eth1 eth2 eth10 lo" },
		{ "{\"sort\":\"name\",\"reverse\":true}", "lo eth10 eth2 eth1" },
		{ "{\"sort\":\"rx\"}", "eth2 eth10 eth1 lo" },
		{ "{\"sort\":\"rx\",\"reverse\":true}", "eth1 eth10 eth2 lo" },
		{ "{\"sort\":\"rx\",\"limit\":2}", "eth2 eth10" },
		{ "{\"sort\":\"rx\",\"limit\":2,\"offset\":1}", "eth10 eth1" },
		{ "{\"sort\":\"tx\",\"offset\":9}", "" },
		{ "{\"sort\":\"state\"}", "eth10 lo eth1 eth2" },
		{ "{\"sort\":\"rtt\"}", "eth1 eth2 eth10 lo" },
		{ "{\"sort\":\"rtt\",\"reverse\":true}", "eth1 eth2 eth10 lo" },
		{ "{\"match\":\"eth*\",\"sort\":\"tx\"}", "eth1 eth10 eth2" },
		{ "{\"limit\":0}", "" },
		{ "{\"limit\":-1,\"offset\":-5}", "eth1 eth2 eth10 lo" },
	};

	add_link("eth10", true, false, 20, 2);
	add_link("eth2", false, false, 30, 1);
	add_link("eth1", true, true, 10, 3);
	put("link", "lo", "admin_up", value_bool(true));
	put("path", "eth1", "rtt", value_int(900, ANOD_UNIT_TIME));
	for (size_t k = 0; k < ARRAY_SIZE(c); k++)
		cr_expect_str_eq(names(c[k].args), c[k].rows, "%s: %s", c[k].args,
				 names(c[k].args));
}

Test(commands_top, totals_are_of_all_that_match_and_say_what_they_lack)
{
	cJSON *d;

	add_link("eth0", true, true, 100, 10);
	add_link("eth1", true, false, 200, 20);
	add_link("eth2", false, false, 0, 0);
	put("link", "wan0", "admin_up", value_bool(true));
	d = top("{\"limit\":1}");
	cr_expect_eq(total(d, "links"), 4);
	cr_expect_eq(total(d, "matched"), 4);
	cr_expect_eq(total(d, "up"), 1);
	cr_expect_eq(total(d, "down"), 1);
	cr_expect_eq(total(d, "disabled"), 1);
	cr_expect_eq(total(d, "unknown"), 1);
	cr_expect_eq(total(d, "rx_bps"), 300);
	cr_expect_eq(total(d, "tx_bps"), 30);
	cr_expect_eq(total(d, "rate_unknown"), 1);
	cr_expect_eq(total(d, "error_unknown"), 4, "nothing is known before two readings");
	cJSON_Delete(d);
	d = top("{\"match\":\"eth[01]\"}");
	cr_expect_eq(total(d, "links"), 4);
	cr_expect_eq(total(d, "matched"), 2);
	cJSON_Delete(d);
}

Test(commands_top, an_unknown_cell_is_left_out_and_says_why)
{
	const cJSON *row, *why;
	cJSON *d;

	put("link", "eth0", "admin_up", value_bool(true));
	d = top("{}");
	row = cJSON_GetArrayItem(cJSON_GetObjectItem(d, "rows"), 0);
	why = cJSON_GetObjectItem(row, "why");
	cr_expect_null(cJSON_GetObjectItem(row, "state"));
	cr_expect_null(cJSON_GetObjectItem(row, "rx_bps"));
	cr_expect_str_eq(cJSON_GetObjectItem(why, "rx_bps")->valuestring, "never seen");
	cr_expect_str_eq(cJSON_GetObjectItem(why, "rtt")->valuestring,
			 "no probe goes over the link");
	cr_expect_str_eq(cJSON_GetObjectItem(why, "mtu")->valuestring, "no sensor provides it");
	cJSON_Delete(d);
}

Test(commands_top, an_open_finding_marks_its_link)
{
	struct anod_finding f = {
		.size = sizeof(f), .code = "lossy", .kind = "probe", .entity = "eth1/192.0.2.1"
	};
	uint64_t finding, incident;
	const cJSON *row;
	cJSON *d;

	add_link("eth0", true, true, 1, 1);
	add_link("eth1", true, true, 1, 1);
	cr_assert_eq(incident_find(host.incidents, "a", &f, 1, 1, &finding, &incident), 0);
	d = top("{\"sort\":\"incident\"}");
	row = cJSON_GetArrayItem(cJSON_GetObjectItem(d, "rows"), 0);
	cr_expect_str_eq(cJSON_GetObjectItem(row, "name")->valuestring, "eth1");
	cr_expect_eq(cJSON_GetObjectItem(row, "incident")->valuedouble, (double) incident);
	cr_expect_str_eq(cJSON_GetObjectItem(row, "finding")->valuestring, "lossy");
	cr_expect_eq(total(d, "incidents_open"), 1);
	cJSON_Delete(d);
	cr_assert_eq(incident_clear(host.incidents, finding, "", 2, 2), 0);
	d = top("{\"sort\":\"incident\"}");
	row = cJSON_GetArrayItem(cJSON_GetObjectItem(d, "rows"), 1);
	cr_expect_null(cJSON_GetObjectItem(row, "incident"));
	cJSON_Delete(d);
}

Test(commands_top, counters_are_needed_while_somebody_looks)
{
	const struct schema_attr *a = schema_attr(host.schema, "link", "rx_bps");

	cr_expect_eq(store_needed(host.store, a), 0);
	cJSON_Delete(top("{}"));
	cJSON_Delete(top("{}"));
	cr_expect_eq(store_needed(host.store, a), 1);
	top_idle(&host);
	cr_expect_eq(store_needed(host.store, a), 1);
	host.top->asked_us -= 2 * TOP_LEASE_US;
	top_idle(&host);
	cr_expect_eq(store_needed(host.store, a), 0);
	cr_expect_null(host.top);
}

Test(commands_top, wrong_arguments_get_a_sentence)
{
	cr_expect_null(top("{\"kind\":\"route\"}"));
	cr_expect_not_null(strstr(error, "kind link"), "%s", error);
	cr_expect_null(top("{\"sort\":\"erors\"}"));
	cr_expect_not_null(strstr(error, "'errors'"), "%s", error);
	cr_expect_null(top("{\"sort\":\"\\u0007xyzzy\"}"));
	cr_expect_str_eq(error, "top cannot sort by that");
	error[0] = '\0';
	cJSON_Delete(top("{\"sort\":7,\"match\":[],\"limit\":\"x\",\"reverse\":1}"));
	cr_expect_str_eq(error, "");
}

Test(commands_top, five_thousand_links_cost_little_and_the_answer_is_small)
{
	struct timespec a, b;
	double best = 1e9;
	char name[16];
	size_t size = 0;

	for (int k = 0; k < 5000; k++) {
		(void) snprintf(name, sizeof(name), "eth%d", k);
		add_link(name, true, k % 7, (k * 7919) % 5000, k);
	}
	cJSON_Delete(top("{}"));
	for (int k = 0; k < 10; k++) {
		cJSON *d;
		char *text;

		(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		d = top("{\"sort\":\"rx\",\"limit\":50}");
		text = cJSON_PrintUnformatted(d);
		(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		size = strlen(text);
		cr_assert_eq(total(d, "matched"), 5000);
		free(text);
		cJSON_Delete(d);
		best = MIN_OF(best, (double) (b.tv_sec - a.tv_sec) * 1e3 +
					    (double) (b.tv_nsec - a.tv_nsec) / 1e6);
	}
	cr_log_info("5000 links, sorted, 50 rows: %.2f ms, %zu bytes", best, size);
	cr_expect_lt(size, 64u << 10);
}
