#include <errno.h>

#include "facts/table.h"
#include "unit/facts_help.h"

static struct schema *schema;
static struct store *store;
static const struct schema_attr *attr, *event;
static uint32_t entity[3];

static void open_all(void)
{
	static const struct anod_attr real = { .name = "mean(x, 5s)",
					       .type = ANOD_REAL,
					       .max_age_ms = 5000 };
	static const struct anod_attr truth = { .name = "changed(x)", .type = ANOD_BOOL };
	const char *why;

	schema = help_schema();
	cr_assert_eq(schema_derive(schema, schema_kind_id(schema, "link"), &real, &why, &attr), 0);
	cr_assert_eq(schema_derive(schema, schema_kind_id(schema, "link"), &truth, &why, &event),
		     0);
	store = store_new(schema);
	entity[0] = help_entity(store, "link", "a");
	entity[1] = help_entity(store, "link", "b");
	entity[2] = help_entity(store, "link", "c");
}

static void close_all(void)
{
	store_free(store);
	schema_free(schema);
}

static int64_t bits(double v)
{
	int64_t i;

	memcpy(&i, &v, sizeof(i));
	return i;
}

static void expect_value(unsigned n, double v, uint64_t time_us, uint64_t changed_us)
{
	struct fact f;

	cr_assert_eq(store_get(store, entity[n], attr->slot, time_us, &f), 0);
	cr_expect_eq(f.value.type, ANOD_REAL, "row %u", n);
	cr_expect_eq(f.value.u.r, v, "row %u: %g", n, f.value.u.r);
	cr_expect_eq(f.time_us, time_us, "row %u", n);
	cr_expect_eq(f.changed_us, changed_us, "row %u", n);
}

Test(store_put_column, writes_as_store_put_does, .init = open_all, .fini = close_all)
{
	int64_t raw[TABLE_BLOCK] = { bits(1.5), bits(2.5), bits(3.5) };
	uint64_t t[TABLE_BLOCK] = { SECOND, SECOND, SECOND };
	struct table_block *b;
	struct fact f;

	/* Rows that are no entities are left alone. */
	cr_assert_eq(table_put(store, attr, 0, 0xff, 0xff, raw, t), 0);
	b = table_block(store, attr->kind, attr->slot, 0);
	cr_expect_eq(b->known, 7);
	cr_expect_eq(b->touched, 7);
	cr_expect_eq(b->dirty, 7);
	cr_expect_eq(b->again, 0);
	expect_value(0, 1.5, SECOND, SECOND);

	store_settle(store);
	b->dirty = 0;
	t[0] = t[1] = t[2] = 2 * SECOND;
	raw[1] = bits(9);
	cr_assert_eq(table_put(store, attr, 0, 7, 7, raw, t), 0);
	cr_expect_eq(b->touched, 7);
	cr_expect_eq(b->dirty, 2);
	cr_expect_eq(*table_touched(store, attr->kind), 1);
	expect_value(0, 1.5, 2 * SECOND, SECOND);
	expect_value(1, 9, 2 * SECOND, 2 * SECOND);
	raw[1] = bits(10);
	cr_assert_eq(table_put(store, attr, 0, 7, 7, raw, t), 0);
	cr_expect_eq(b->again, 2);

	/* Withdrawn, and too old. */
	cr_assert_eq(table_put(store, attr, 0, 2, 0, NULL, t), 0);
	cr_expect_eq(b->known, 5);
	cr_assert_eq(store_get(store, entity[1], attr->slot, 2 * SECOND, &f), 0);
	cr_expect_str_eq(f.why, "withdrawn");
	cr_assert_eq(store_get(store, entity[0], attr->slot, 8 * SECOND, &f), 0);
	cr_expect_str_eq(f.why, "too old");
	t[0] = t[1] = t[2] = 9 * SECOND;
	cr_assert_eq(table_put(store, attr, 0, 7, 7, raw, t), 0);
	expect_value(0, 1.5, 9 * SECOND, 9 * SECOND);
	expect_value(1, 10, 9 * SECOND, 9 * SECOND);
	cr_expect_eq(store_expire(store, 14 * SECOND), 0);
	cr_expect_eq(store_expire(store, 15 * SECOND), 3);
	cr_expect_eq(table_put(store, attr, 5, 1, 1, raw, t), -ENOENT);
}

static unsigned n_told;

static void count(void *data, const struct store_change *c)
{
	(void) data;
	n_told += c->slot >= 0;
}

Test(store_put_column, tells_whom_it_has_to, .init = open_all, .fini = close_all)
{
	int64_t raw[TABLE_BLOCK] = { 1, 0, 1 };
	uint64_t t[TABLE_BLOCK] = { SECOND, SECOND, SECOND };

	cr_assert_eq(store_listen(store, count, NULL), 0);
	n_told = 0;
	cr_assert_eq(table_put(store, event, 0, 7, 7, raw, t), 0);
	cr_expect_eq(n_told, 3);
	t[0] = t[1] = t[2] = 2 * SECOND;
	raw[1] = 1;
	cr_assert_eq(table_put(store, event, 0, 7, 7, raw, t), 0);
	cr_expect_eq(n_told, 4);
	cr_assert_eq(table_put(store, attr, 0, 7, 7, raw, t), 0);
	cr_expect_eq(n_told, 4);
	store_want(store, attr, true);
	raw[0] = bits(77);
	cr_assert_eq(table_put(store, attr, 0, 7, 7, raw, t), 0);
	cr_expect_eq(n_told, 5);
}
