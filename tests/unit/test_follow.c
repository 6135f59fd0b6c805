/* Changes for one reader, folded when they are too many. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/follow.h"

static const struct anod_attr attrs[] = {
	{ .name = "carrier", .type = ANOD_BOOL },
	{ .name = "rx_bytes", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
	{ .name = "tx_bytes", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
	{ 0 }
};
static const struct anod_kind kinds[] = { { "link", "a link", attrs }, { 0 } };

static struct host host;
static struct follow *f;
static uint64_t now;

static void on_change(void *data, const struct store_change *c)
{
	(void) data;
	if (f)
		follow_change(f, c, now);
}

static void init(void)
{
	const char *why;

	log_open("test", LOG_CRIT);
	host = (struct host){ 0 };
	host.schema = schema_new();
	host.store = store_new(host.schema);
	cr_assert_eq(schema_declare(host.schema, "test", kinds, &why), 0);
	cr_assert_eq(sd_event_new(&host.loop), 0);
	cr_assert_eq(store_listen(host.store, on_change, NULL), 0);
	now = host_now(&host);
}

static void done(void)
{
	f = follow_free(f);
	sd_event_unref(host.loop);
	store_free(host.store);
	schema_free(host.schema);
}

TestSuite(follow, .init = init, .fini = done);

static void follow(const char *pattern)
{
	cJSON *p = cJSON_CreateString(pattern);

	f = follow_free(f);
	cr_assert_eq(follow_new(&host, p, &f), 0);
	cJSON_Delete(p);
}

static uint32_t put(const char *name, const char *attr, int64_t i)
{
	const struct schema_attr *a = schema_attr(host.schema, "link", attr);
	struct anod_value v = a->type == ANOD_BOOL ? value_bool(i) : value_int(i, ANOD_UNIT_NONE);
	uint32_t e;

	cr_assert_eq(store_entity(host.store, a->kind, name, now, &e), 0);
	cr_assert_eq(store_publish(host.store, e, a->slot, &v, now), 0);
	return e;
}

/* All lines that are due, each as "wan0.carrier=true", "wan0 came", "+2" behind folded ones. */
static const char *lines(void)
{
	static char out[4096];
	size_t n = 0;
	cJSON *o;

	out[0] = '\0';
	while ((o = follow_next(f, now))) {
		const char *event = cJSON_GetStringValue(cJSON_GetObjectItem(o, "event"));
		const cJSON *folded = cJSON_GetObjectItem(o, "folded");
		const char *entity = cJSON_GetStringValue(cJSON_GetObjectItem(o, "entity"));

		cr_assert(cJSON_IsString(cJSON_GetObjectItem(o, "t")));
		if (cJSON_GetObjectItem(o, "lost"))
			n += (size_t) snprintf(out + n, sizeof(out) - n, "%slost %g", n ? ", " : "",
					       cJSON_GetObjectItem(o, "lost")->valuedouble);
		else if (event)
			n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%s %s", n ? ", " : "",
					       entity, event);
		else
			n += (size_t) snprintf(
				out + n, sizeof(out) - n, "%s%s.%s=%s", n ? ", " : "", entity,
				cJSON_GetStringValue(cJSON_GetObjectItem(o, "attr")),
				cJSON_GetStringValue(cJSON_GetObjectItem(o, "value")));
		if (folded)
			n += (size_t) snprintf(out + n, sizeof(out) - n, "+%g",
					       folded->valuedouble);
		cJSON_Delete(o);
	}
	return out;
}

Test(follow, entities_come_and_go_and_their_facts_between)
{
	uint32_t e;

	follow("link/wan*");
	e = put("wan0", "carrier", 1);
	(void) put("lan0", "carrier", 1);
	cr_expect_str_eq(lines(), "wan0 came, wan0.carrier=true");
	cr_expect_eq(store_remove(host.store, e, now), 0);
	now += US_PER_S;
	cr_expect_not_null(strstr(lines(), "wan0 gone"));
	cr_expect_str_eq(lines(), "");
}

Test(follow, a_sampled_fact_is_told_only_when_it_is_named)
{
	const struct schema_attr *rx = schema_attr(host.schema, "link", "rx_bytes");

	follow("link/wan0");
	(void) put("wan0", "rx_bytes", 1);
	cr_expect_str_eq(lines(), "wan0 came");
	cr_expect_eq(store_needed(host.store, rx), 0);

	follow("link/wan0.rx_*");
	cr_expect_eq(store_needed(host.store, rx), 1);
	/* Somebody else wants the other one: that is not our affair. */
	store_want(host.store, schema_attr(host.schema, "link", "tx_bytes"), true);
	(void) put("wan0", "rx_bytes", 2);
	(void) put("wan0", "tx_bytes", 2);
	cr_expect_str_eq(lines(), "wan0.rx_bytes=2B");
	f = follow_free(f);
	cr_expect_eq(store_needed(host.store, rx), 0);
}

Test(follow, what_changes_fast_is_folded_and_ends_with_the_latest)
{
	follow("link/wan0.rx_bytes");
	(void) put("wan0", "rx_bytes", 1);
	cr_expect_str_eq(lines(), "wan0 came, wan0.rx_bytes=1B");
	for (int k = 2; k <= 6; k++)
		(void) put("wan0", "rx_bytes", k);
	cr_expect_str_eq(lines(), "", "too soon");
	cr_expect_leq(follow_due(f, now), now + FOLLOW_GAP_US);
	now += FOLLOW_GAP_US;
	cr_expect_str_eq(lines(), "wan0.rx_bytes=6B+4");
	now += FOLLOW_GAP_US;
	cr_expect_str_eq(lines(), "");
	cr_expect_eq(follow_due(f, now), US_INFINITY, "forgotten");
}

Test(follow, a_reader_that_is_slow_gets_every_fact_once_and_loses_nothing)
{
	follow("link/*.rx_bytes");
	for (int round = 1; round <= 50; round++) {
		(void) put("wan0", "rx_bytes", round);
		(void) put("wan1", "rx_bytes", 100 * round);
		now += US_PER_S;
	}
	cr_expect_str_eq(lines(), "wan0 came, wan0.rx_bytes=50B+49, wan1 came, "
				  "wan1.rx_bytes=5000B+49");
}

Test(follow, lines_a_second_are_limited_and_none_is_forgotten)
{
	unsigned n = 0;
	char name[16];
	cJSON *o;

	follow("link/*.rx_bytes");
	for (int k = 0; k < 2000; k++) {
		(void) snprintf(name, sizeof(name), "eth%d", k);
		(void) put(name, "rx_bytes", 1);
	}
	for (; (o = follow_next(f, now)); n++)
		cJSON_Delete(o);
	cr_expect_eq(n, FOLLOW_LINES_MAX / 4, "at once: %u", n);
	while (follow_due(f, now) != US_INFINITY) {
		now = follow_due(f, now);
		for (; (o = follow_next(f, now)); n++)
			cJSON_Delete(o);
	}
	cr_expect_eq(n, 4000);
}

Test(follow, only_beyond_its_limit_are_lines_lost_and_said_to_be)
{
	char name[16];
	cJSON *o;

	follow("link/*.carrier");
	for (int k = 0; k < FOLLOW_ENTRIES_MAX / 2 + 5; k++) {
		(void) snprintf(name, sizeof(name), "eth%d", k);
		(void) put(name, "carrier", 1);
	}
	o = follow_next(f, now);
	cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "lost")), 10);
	cJSON_Delete(o);
	o = follow_next(f, now);
	cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(o, "entity")), "eth0");
	cJSON_Delete(o);
}

Test(follow, what_is_no_pattern_is_refused)
{
	cJSON *o = cJSON_CreateNumber(7);

	cr_expect_eq(follow_new(&host, o, &f), -EINVAL);
	cJSON_Delete(o);
}
