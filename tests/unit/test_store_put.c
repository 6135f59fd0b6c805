/* A row of numbers at a time: the same as publishing them one by one, but for the lock. */
#include "facts/store.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/table.h"
#include "facts/value.h"
#include "unit/facts_help.h"

#define ROWS  5
#define ATTRS 4

/* Of every type and age that may be put. */
static struct schema *open_schema(void)
{
	static const struct anod_attr attrs[] = {
		{ .name = "flag", .type = ANOD_BOOL },
		{ .name = "level", .type = ANOD_REAL, .max_age_ms = 4000 },
		{ .name = "count", .type = ANOD_INT, .max_age_ms = 2000 },
		{ .name = "fixed", .type = ANOD_INT, .flags = ANOD_VALUE_OUTSIDE },
		{ .name = "text", .type = ANOD_TEXT },
		{ 0 },
	};
	static const struct anod_kind kinds[] = { { .name = "thing", .attrs = attrs }, { 0 } };
	struct schema *s = help_schema();
	const char *why;

	cr_assert(eq(int, schema_declare(s, "things", kinds, &why), 0));
	return s;
}

struct heard {
	unsigned n;
	uint64_t sum; /* of all that was said, in order */
};

static void listen(void *data, const struct store_change *c)
{
	struct heard *h = data;

	h->n++;
	h->sum = h->sum * 31 + (uint64_t) c->slot;
	h->sum = h->sum * 31 + (uint64_t) c->old.u.i + c->old.type;
	h->sum = h->sum * 31 + c->lapsed + 2 * c->again + 4 * c->gone;
	if (c->fact)
		h->sum = h->sum * 31 + (uint64_t) c->fact->value.u.i + c->fact->value.type +
			 c->fact->time_us;
}

static int64_t real_bits(double d)
{
	int64_t i;

	memcpy(&i, &d, sizeof(i));
	return i;
}

static void publish_all(struct store *s, uint32_t e, const int64_t *raw, uint64_t known,
			uint64_t now)
{
	uint16_t kind = store_entity_kind(s, e);

	for (uint16_t k = 0; k < ATTRS; k++) {
		const struct schema_attr *a = schema_attr_at(store_schema(s), kind, k);
		struct anod_value v = { .type = a->type, .unit = a->unit, .u.i = raw[k] };

		cr_assert(eq(int, store_publish(s, e, k, known >> k & 1 ? &v : NULL, now), 0));
	}
}

static void compare(const struct store *a, const struct store *b, uint32_t e, uint64_t now)
{
	uint16_t kind = store_entity_kind(a, e);

	for (uint16_t k = 0; k < ATTRS; k++) {
		const struct table_block *x = table_block(a, kind, k, 0);
		const struct table_block *y = table_block(b, kind, k, 0);
		struct fact f, g;

		cr_assert(eq(int, store_get(a, e, k, now, &f), store_get(b, e, k, now, &g)));
		cr_assert(eq(int, memcmp(&f.value, &g.value, sizeof(f.value)), 0));
		cr_assert(eq(u64, f.time_us, g.time_us));
		cr_assert(eq(u64, f.changed_us, g.changed_us));
		cr_assert(eq(ptr, (void *) (uintptr_t) f.why, (void *) (uintptr_t) g.why));
		cr_assert(eq(int, x == NULL, y == NULL));
		cr_assert(x == NULL || memcmp(x, y, offsetof(struct table_block, time_us)) == 0);
	}
}

static void step(struct store *const *s, uint32_t e, unsigned dice, uint64_t now)
{
	uint16_t kind = store_entity_kind(s[0], e);
	int64_t raw[ATTRS] = { dice & 1, real_bits(dice % 3), dice / 8 % 3, dice / 32 % 2 };
	uint64_t known = dice / 64 % 4 == 0 ? dice / 256 % 16 : 15;

	for (unsigned i = 0; i < 2; i++) {
		if (dice / 4096 % 16 == 0) {
			(void) store_expire(s[i], now);
			store_settle(s[i]);
		} else if (dice / 4096 % 16 == 1) {
			(void) store_sync(s[i], "things", kind,
					  (enum anod_sync)(1 + dice / 65536 % 3), now);
		} else if (i == 0) {
			cr_assert(eq(int, store_put(s[i], e, 0, ATTRS, raw, known, now), 0));
		} else {
			publish_all(s[i], e, raw, known, now);
		}
	}
}

Test(store_put, a_put_equals_its_publishes)
{
	for (unsigned round = 0; round < 40; round++) {
		_cleanup_(schema_freep) struct schema *schema = open_schema();
		_cleanup_(store_freep) struct store *put = store_new(schema);
		_cleanup_(store_freep) struct store *one = store_new(schema);
		struct store *const both[] = { put, one };
		unsigned short seed[3] = { (unsigned short) round, 5, 6 };
		uint16_t kind = schema_kind_id(schema, "thing");
		struct heard heard[2] = { 0 };
		uint64_t now = SECOND;

		for (unsigned i = 0; i < 2 && round % 2; i++) {
			(void) store_listen(both[i], listen, &heard[i]);
			store_want(both[i], schema_attr(schema, "thing", "count"), true);
		}
		for (unsigned n = 0; n < 800; n++) {
			unsigned dice = (unsigned) nrand48(seed);
			char name[8];
			uint32_t e, same;

			(void) snprintf(name, sizeof(name), "t%u", (dice >> 20) % ROWS);
			cr_assert(eq(int, store_entity(put, kind, name, now, &e), 0));
			cr_assert(eq(int, store_entity(one, kind, name, now, &same), 0));
			cr_assert(eq(u32, e, same));
			now += dice % 7 == 0 ? SECOND : 1;
			step(both, e, dice, now);
			if (store_entity_kind(put, e))
				compare(put, one, e, now);
			cr_assert(eq(uint, heard[0].n, heard[1].n));
			cr_assert(eq(u64, heard[0].sum, heard[1].sum));
		}
	}
}

Test(store_put, what_does_not_fit_is_refused_and_nothing_is_written)
{
	_cleanup_(schema_freep) struct schema *schema = open_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint32_t e = help_entity(s, "thing", "a"), link = help_entity(s, "link", "wan0");
	int64_t raw[64] = { 0, real_bits(NAN), 3, 4, 5 };
	uint16_t mtu = schema_attr(schema, "link", "mtu")->slot;
	uint16_t util = schema_attr(schema, "link", "util")->slot;

	cr_expect(eq(int, store_put(s, e, 0, 0, raw, 1, 1), -EINVAL));
	cr_expect(eq(int, store_put(s, e, 0, 65, raw, 1, 1), -EINVAL));
	cr_expect(eq(int, store_put(s, help_entity(s, "path", "p"), 0, 3, raw, 0, 1), -EINVAL),
		  "beyond the last");
	cr_expect(eq(int, store_put(s, e, 99, 1, raw, 1, 1), -EINVAL));
	cr_expect(eq(int, store_put(s, e, 0, 5, raw, 0, 1), -EPROTO), "a text");
	cr_expect(eq(int, store_put(s, link, mtu, util - mtu, raw, 0, 1), -EPROTO), "two sources");
	cr_expect(eq(int, store_put(s, e + 1000, 0, 1, raw, 1, 1), -ENOENT));
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 15, 1), -EPROTO), "not a number");
	cr_expect_str_eq(help_get(s, "thing", "a", "count", 1).why, "never seen");

	/* Bits of what is unknown anyway may be anything; a BOOL is 0 or 1. */
	raw[0] = 77;
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 13, 1), 0));
	cr_expect(eq(i64, help_get(s, "thing", "a", "flag", 1).value.u.i, 1));
	cr_expect_str_eq(help_get(s, "thing", "a", "level", 1).why, "never seen");
	cr_expect(eq(int, help_get(s, "thing", "a", "fixed", 1).value.flags, ANOD_VALUE_OUTSIDE));
}

Test(store_put, a_sweep_marks_its_columns_and_costs_no_memory_after_the_first)
{
	_cleanup_(schema_freep) struct schema *schema = open_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint16_t kind = schema_kind_id(schema, "thing");
	struct store_stats before, after;
	int64_t raw[ATTRS] = { 0 };
	struct table_block *t;
	uint32_t e[200];

	for (unsigned i = 0; i < 200; i++) {
		char name[8];

		(void) snprintf(name, sizeof(name), "t%u", i);
		e[i] = help_entity(s, "thing", name);
		(void) store_put(s, e[i], 0, ATTRS, raw, 15, SECOND);
	}
	store_get_stats(s, &before);
	store_settle(s);
	cr_expect(eq(u64, table_touched(s, kind)[0], 0));
	t = table_block(s, kind, 2, 2);
	t->dirty = t->again = 0;
	table_dirty(s, kind)[0] = 0;

	raw[2] = 1;
	for (unsigned i = 128; i < 192; i++)
		(void) store_put(s, e[i], 0, ATTRS, raw, 15, 2 * SECOND);
	cr_expect(eq(u64, table_touched(s, kind)[0], 1u << 2));
	cr_expect(eq(u64, table_dirty(s, kind)[0], 1u << 2));
	cr_expect(eq(u64, t->touched, UINT64_MAX));
	cr_expect(eq(u64, t->dirty, UINT64_MAX));
	cr_expect(eq(u64, t->again, 0));
	cr_expect(eq(u64, table_block(s, kind, 0, 2)->touched, UINT64_MAX));
	raw[2] = 2;
	(void) store_put(s, e[130], 0, ATTRS, raw, 15, 2 * SECOND);
	cr_expect(eq(u64, t->again, 1u << 2));
	store_get_stats(s, &after);
	cr_expect(eq(sz, before.bytes, after.bytes));
	cr_expect(eq(u64, after.published - before.published, 65u * ATTRS));
	cr_expect(eq(u64, after.changed - before.changed, 65));
}

Test(store_put, what_was_never_known_has_no_column)
{
	_cleanup_(schema_freep) struct schema *schema = open_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint32_t e = help_entity(s, "thing", "a"), f = help_entity(s, "thing", "b");
	uint16_t kind = schema_kind_id(schema, "thing"),
		 text = schema_attr(schema, "thing", "text")->slot;
	int64_t raw[ATTRS] = { 1, 0, 3, 4 };
	struct anod_value v = value_text("x");

	/* Neither by a row nor one by one. */
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 1, 1), 0));
	cr_expect(eq(int, store_publish(s, e, text, NULL, 1), 0));
	cr_expect_not_null(table_block(s, kind, 0, 0));
	for (uint16_t slot = 1; slot <= text; slot++)
		cr_expect_null(table_block(s, kind, slot, 0));
	cr_expect_null(help_get(s, "thing", "a", "flag", 1).why);
	cr_expect_str_eq(help_get(s, "thing", "a", "count", 1).why, "never seen");

	/* Another row, whose run of columns is remembered, knows more of them, and then the first. */
	cr_expect(eq(int, store_put(s, f, 0, ATTRS, raw, 5, 2), 0));
	cr_expect(eq(i64, help_get(s, "thing", "b", "count", 2).value.u.i, 3));
	cr_expect_null(table_block(s, kind, 1, 0));
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 15, 3), 0));
	cr_expect(eq(i64, help_get(s, "thing", "a", "fixed", 3).value.u.i, 4));
	cr_expect(eq(int, store_publish(s, e, text, &v, 3), 0));
	cr_expect_null(help_get(s, "thing", "a", "text", 3).why);

	/* And what was known is withdrawn. */
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 1, 4), 0));
	cr_expect(eq(int, store_publish(s, e, text, NULL, 4), 0));
	cr_expect_str_eq(help_get(s, "thing", "a", "fixed", 4).why, "withdrawn");
	cr_expect_str_eq(help_get(s, "thing", "a", "text", 4).why, "withdrawn");
}

Test(store_put, an_entity_of_which_all_is_unknown_outlives_a_resync_that_names_it)
{
	_cleanup_(schema_freep) struct schema *schema = open_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint16_t kind = schema_kind_id(schema, "thing"),
		 text = schema_attr(schema, "thing", "text")->slot;
	uint32_t e = help_entity(s, "thing", "a"), f = help_entity(s, "thing", "b");
	uint32_t g = help_entity(s, "thing", "c");
	int64_t raw[ATTRS] = { 0 };

	/* All three are the source's own, and nothing of them was ever known. */
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 0, 1), 0));
	cr_expect(eq(int, store_publish(s, f, text, NULL, 1), 0));
	cr_expect(eq(int, store_publish(s, g, text, NULL, 1), 0));
	cr_expect(eq(int, store_sync(s, "things", kind, ANOD_SYNC_BEGIN, 2), 0));
	cr_expect(eq(int, store_put(s, e, 0, ATTRS, raw, 0, 2), 0));
	cr_expect(eq(int, store_publish(s, f, text, NULL, 2), 0));
	cr_expect(eq(int, store_sync(s, "things", kind, ANOD_SYNC_DONE, 2), 0));
	cr_expect(eq(u32, store_find(s, kind, "a"), e));
	cr_expect(eq(u32, store_find(s, kind, "b"), f));
	cr_expect(eq(u32, store_find(s, kind, "c"), 0));
}
