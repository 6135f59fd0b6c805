#include "facts/store.h"

#include <errno.h>
#include <math.h>

#include "facts/value.h"
#include "unit/facts_help.h"

struct heard {
	unsigned n;
	struct store_change last;
	struct fact fact;
};

static void listen(void *data, const struct store_change *c)
{
	struct heard *h = data;

	if (c->slot < 0)
		return;
	h->n++;
	h->last = *c;
	h->fact = *c->fact;
}

Test(store_cell, a_fact_reads_back_with_its_age_and_says_why_it_is_unknown)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct anod_prefix p;
	struct fact f;

	(void) help_entity(s, "link", "wan0");
	f = help_get(s, "link", "wan0", "mtu", 5);
	cr_expect_str_eq(f.why, "never seen");
	cr_expect(eq(u64, f.time_us, 0));

	help_put(s, "link", "wan0", "mtu", value_int(1500, ANOD_UNIT_BYTES), 100);
	help_put(s, "link", "wan0", "mtu", value_int(1500, ANOD_UNIT_NONE), 200);
	f = help_get(s, "link", "wan0", "mtu", 300);
	cr_expect_null(f.why);
	cr_expect(eq(i64, f.value.u.i, 1500));
	cr_expect(eq(int, f.value.unit, ANOD_UNIT_BYTES));
	cr_expect(eq(u64, f.time_us, 200));
	cr_expect(eq(u64, f.changed_us, 100));

	help_put(s, "link", "wan0", "mtu", value_unknown(), 400);
	f = help_get(s, "link", "wan0", "mtu", 400);
	cr_expect_str_eq(f.why, "withdrawn");
	cr_expect(eq(int, f.value.type, ANOD_UNKNOWN));
	cr_expect(eq(u64, f.changed_us, 400));

	help_put(s, "link", "wan0", "operstate", value_text("up"), 1);
	help_put(s, "link", "wan0", "operstate", value_text("down"), 2);
	cr_expect_str_eq(help_get(s, "link", "wan0", "operstate", 2).value.u.text, "down");
	cr_assert(eq(int, prefix_parse("192.0.2.1", &p), 0));
	help_put(s, "link", "wan0", "address", value_prefix(&p), 1);
	f = help_get(s, "link", "wan0", "address", 2);
	cr_expect(eq(int, f.value.u.prefix.len, 32));
	cr_expect(eq(int, store_get(s, 4711, 0, 1, &f), -ENOENT));
}

Test(store_cell, text_from_outside_is_marked_and_cleaned)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };
	struct fact f;

	(void) store_listen(s, listen, &h);
	help_put(s, "link", "wan0", "alias", value_text("to\x1b[2J ISP"), 1);
	help_put(s, "link", "wan0", "alias", value_text("to\x1b[2J ISP"), 2);
	f = help_get(s, "link", "wan0", "alias", 2);
	cr_expect_str_eq(f.value.u.text, "to?[2J ISP");
	cr_expect(eq(int, f.value.flags, ANOD_VALUE_OUTSIDE));
	cr_expect(eq(uint, h.n, 1));
}

Test(store_cell, what_does_not_fit_the_schema_is_refused)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint32_t e = help_entity(s, "link", "wan0");
	const struct {
		const char *attr;
		struct anod_value v;
	} bad[] = {
		{ "carrier", value_int(1, 0) },
		{ "mtu", value_real(1500, 0) },
		{ "mtu", value_int(1500, ANOD_UNIT_TIME) },
		{ "util", { .type = ANOD_REAL, .u.r = NAN } },
		{ "address", { .type = ANOD_PREFIX, .u.prefix = { .family = 2, .len = 33 } } },
		{ "address", { .type = ANOD_PREFIX, .u.prefix = { .family = 99 } } },
		{ "carrier", { .type = 77 } },
	};
	struct anod_value endless = { .type = ANOD_TEXT };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int,
			     store_publish(s, e, schema_attr(schema, "link", bad[i].attr)->slot,
					   &bad[i].v, 1),
			     -EPROTO),
			  "row %zu", i);
	memset(endless.u.text, 'x', sizeof(endless.u.text));
	cr_expect(
		eq(int,
		   store_publish(s, e, schema_attr(schema, "link", "operstate")->slot, &endless, 1),
		   -EPROTO));
	cr_expect(eq(int, store_publish(s, e, 999, NULL, 1), -EINVAL));
	cr_expect(eq(int, store_publish(s, 4711, 0, NULL, 1), -ENOENT));
}

Test(store_cell, listeners_hear_of_changes_only)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };
	struct store_stats stats;

	(void) store_listen(s, listen, &h);
	help_put(s, "link", "wan0", "carrier", value_bool(true), 1);
	cr_expect(eq(uint, h.n, 1));
	cr_expect(eq(int, h.last.old.type, ANOD_UNKNOWN));
	cr_expect(not(h.last.again));
	cr_expect(eq(i64, h.fact.value.u.i, 1));
	cr_expect_str_eq(h.last.attr->name, "carrier");

	help_put(s, "link", "wan0", "carrier", value_bool(true), 2);
	cr_expect(eq(uint, h.n, 1));
	help_put(s, "link", "wan0", "carrier", value_bool(false), 3);
	cr_expect(eq(uint, h.n, 2));
	cr_expect(eq(i64, h.last.old.u.i, 1));
	cr_expect(h.last.again);
	help_put(s, "link", "wan0", "carrier", value_unknown(), 4);
	help_put(s, "link", "wan0", "carrier", value_unknown(), 5);
	cr_expect(eq(uint, h.n, 3));
	cr_expect(eq(int, h.last.old.type, ANOD_BOOL));
	cr_expect_str_eq(h.fact.why, "withdrawn");
	cr_expect(eq(u64, h.fact.seq, store_seq(s)));

	store_get_stats(s, &stats);
	cr_expect(eq(u64, stats.published, 5));
	cr_expect(eq(u64, stats.changed, 3));
}

Test(store_cell, a_schema_that_grew_makes_room_in_old_rows)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	static const struct anod_attr attrs[] = { { .name = "temperature", .type = ANOD_REAL },
						  { 0 } };
	static const struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	const char *why;

	help_put(s, "link", "wan0", "carrier", value_bool(true), 1);
	cr_assert(eq(int, schema_declare(schema, "optics", kinds, &why), 0));
	cr_expect_str_eq(help_get(s, "link", "wan0", "temperature", 1).why, "never seen");
	help_put(s, "link", "wan0", "temperature", value_real(41.5, 0), 2);
	cr_expect_null(help_get(s, "link", "wan0", "temperature", 2).why);
	cr_expect_null(help_get(s, "link", "wan0", "carrier", 2).why);
}

Test(store_cell, a_fact_too_old_reads_as_unknown_before_anybody_is_told)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };

	help_put(s, "link", "wan0", "util", value_real(0.5, ANOD_UNIT_RATIO), SECOND);
	cr_expect_null(help_get(s, "link", "wan0", "util", 11 * SECOND).why);
	cr_expect_str_eq(help_get(s, "link", "wan0", "util", 11 * SECOND + 1).why, "too old");

	/* The same value again, after a reader saw it unknown, is news. */
	help_want(s, "link", "util");
	(void) store_listen(s, listen, &h);
	help_put(s, "link", "wan0", "util", value_real(0.5, ANOD_UNIT_RATIO), 20 * SECOND);
	cr_expect(eq(uint, h.n, 1));
	cr_expect(h.last.lapsed);
	cr_expect(eq(int, h.last.old.type, ANOD_UNKNOWN));
}
