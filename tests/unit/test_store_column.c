/* Columns and rows as their walkers see them. */
#include "facts/table.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/shm.h"
#include "facts/value.h"
#include "unit/facts_help.h"

Test(store_column, a_column_takes_what_its_type_needs)
{
	cr_expect(eq(sz, table_block_size(ANOD_INT), 64 + 3 * 512));
	cr_expect(eq(sz, table_block_size(ANOD_BOOL), table_block_size(ANOD_REAL)));
	cr_expect(eq(sz, table_block_size(ANOD_TEXT), 64 + 2 * 512 + 64 * ANOD_TEXT_SIZE));
	cr_expect(eq(sz, table_block_size(ANOD_TEXT), sizeof(struct table_block)));
	cr_expect(lt(sz, table_block_size(ANOD_PREFIX), sizeof(struct table_block)));
}

Test(store_column, rows_do_not_move_and_come_back_last)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	char name[16];
	uint32_t e[130];

	cr_expect(eq(uint, table_n_blocks(s, 1), 0));
	for (int i = 0; i < 130; i++) {
		(void) snprintf(name, sizeof(name), "eth%d", 1000 - i);
		e[i] = help_entity(s, "link", name);
		cr_assert(eq(int, table_row(s, e[i]), i));
		cr_assert(eq(u32, table_entity(s, 1, (unsigned) i), e[i]));
	}
	cr_expect(eq(uint, table_n_blocks(s, 1), 3));
	cr_expect(eq(u64, table_rows(s, 1, 0), UINT64_MAX));
	cr_expect(eq(u64, table_rows(s, 1, 2), 3));
	cr_expect(eq(u64, table_rows(s, 1, 3), 0));
	cr_expect(eq(u32, table_entity(s, 1, 130), 0));
	cr_expect(eq(u32, table_entity(s, 99, 0), 0));

	(void) store_remove(s, e[70], 1);
	(void) store_remove(s, e[3], 1);
	cr_expect(eq(int, table_row(s, e[70]), -ENOENT));
	cr_expect(eq(u32, table_entity(s, 1, 70), 0));
	cr_expect(eq(u64, table_rows(s, 1, 1), ~(UINT64_C(1) << 6)));
	cr_expect(eq(int, table_row(s, e[71]), 71));
	cr_expect(eq(int, table_row(s, help_entity(s, "link", "x")), 70));
	cr_expect(eq(int, table_row(s, help_entity(s, "link", "y")), 3));
	cr_expect(eq(int, table_row(s, help_entity(s, "link", "z")), 130));
}

#define WIDE 40

static uint16_t declare_wide(struct schema *schema, const char *name, struct anod_attr *attr,
			     char (*names)[8])
{
	struct anod_kind kinds[2] = { { .name = name, .help = "x", .attrs = attr } };
	const char *why = "";

	for (unsigned i = 0; i < WIDE; i++) {
		(void) snprintf(names[i], sizeof(names[i]), "a%u", i);
		attr[i] = (struct anod_attr){
			.name = names[i], .type = ANOD_INT, .max_age_ms = 10000, .help = "x"
		};
	}
	cr_assert(ge(int, schema_declare(schema, name, kinds, &why), 0), "%s", why);
	return schema_kind_id(schema, name);
}

/* Who goes by the marks of kinds, blocks and groups finds every marked column. */
static void expect_found(struct store *s, uint16_t kind)
{
	for (unsigned block = 0; block < table_n_blocks(s, kind); block++) {
		for (uint16_t slot = 0; slot < WIDE; slot++) {
			struct table_block *t = table_block(s, kind, slot, block);
			struct table_block *group[TABLE_COLUMNS];
			unsigned k = slot / TABLE_COLUMNS;

			if (!t)
				continue;
			cr_assert(table_columns(s, kind, block, k * TABLE_COLUMNS, group));
			cr_assert(eq(ptr, group[slot % TABLE_COLUMNS], t));
			if (t->touched) {
				cr_assert(table_touched_kinds(s) >> (kind - 1) & 1);
				cr_assert(table_touched(s, kind)[0] >> block & 1);
			}
			if (!t->dirty)
				continue;
			cr_assert(table_dirty_kinds(s)[0] >> (kind - 1) & 1);
			cr_assert(table_dirty(s, kind)[0] >> block & 1);
			cr_assert(table_dirty_groups(s, kind, block)[0] >> k & 1);
		}
	}
}

Test(store_column, marks_of_groups_and_kinds_miss_no_column)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	struct anod_attr attr[2][WIDE + 1] = { 0 };
	char names[2][WIDE][8], name[16];
	uint16_t kind[2] = { declare_wide(schema, "wide", attr[0], names[0]),
			     declare_wide(schema, "width", attr[1], names[1]) };
	_cleanup_(store_freep) struct store *s = store_new(schema);
	int64_t raw[64] = { 0 };

	srandom(1);
	for (unsigned round = 1; round < 400; round++) {
		uint16_t k = kind[random() % 2];
		uint16_t first = (uint16_t) (random() % WIDE);
		unsigned n = 1 + (unsigned) random() % (WIDE - first);
		uint32_t e;

		(void) snprintf(name, sizeof(name), "e%ld", random() % 150);
		cr_assert(eq(int, store_entity(s, k, name, round, &e), 0));
		raw[random() % WIDE] = random() % 3;
		if (round % 17 == 0)
			(void) store_remove(s, e, round);
		else
			cr_assert(eq(int,
				     store_put(s, e, first, n, raw, (uint64_t) random(), round),
				     0));
		(void) store_expire(s, round);
		expect_found(s, k);
		if (round % 5)
			continue;
		store_settle(s);
		cr_assert(eq(u64, table_touched_kinds(s), 0));
		for (uint16_t slot = 0; slot < WIDE; slot++)
			for (unsigned b = 0; b < table_n_blocks(s, k); b++)
				if (table_block(s, k, slot, b))
					cr_assert(eq(u64, table_block(s, k, slot, b)->touched, 0));
	}
	cr_expect_null(table_dirty_groups(s, kind[0], 99));
	cr_expect_not(table_columns(s, kind[0], 0, SCHEMA_ATTRS_MAX, NULL));
}

Test(store_column, marks_say_what_happened)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	const struct schema_attr *carrier = schema_attr(schema, "link", "carrier");
	const struct schema_attr *util = schema_attr(schema, "link", "util");
	struct table_block *t;
	uint32_t e;

	cr_expect_null(table_block(s, 1, carrier->slot, 0));
	help_put(s, "link", "wan0", "carrier", value_bool(true), 1);
	help_put(s, "link", "wan1", "carrier", value_bool(true), 1);
	t = table_block(s, 1, carrier->slot, 0);
	cr_assert_not_null(t);
	cr_expect(eq(u64, t->known, 3));
	cr_expect(eq(u64, t->stored, 3));
	cr_expect(eq(u64, t->touched, 3));
	cr_expect(eq(u64, t->dirty, 3));
	cr_expect(eq(u64, t->again, 0));
	cr_expect(eq(u64, *table_dirty(s, 1), 1));
	cr_expect(eq(u64, *table_touched(s, 1), 1));
	cr_expect_null(table_block(s, 1, util->slot, 0));

	/* Published again with the same value: touched, not changed. */
	store_settle(s);
	t->dirty = *table_dirty(s, 1) = 0;
	help_put(s, "link", "wan1", "carrier", value_bool(true), 2);
	cr_expect(eq(u64, t->touched, 2));
	cr_expect(eq(u64, t->dirty, 0));
	cr_expect(eq(u64, *table_dirty(s, 1), 0));
	cr_expect(eq(u64, *table_touched(s, 1), 1));
	help_put(s, "link", "wan1", "carrier", value_bool(false), 3);
	help_put(s, "link", "wan1", "carrier", value_bool(true), 4);
	cr_expect(eq(u64, t->dirty, 2));
	cr_expect(eq(u64, t->again, 2));

	/* Withdrawn, and a loss of its source. */
	store_settle(s);
	t->dirty = t->again = *table_dirty(s, 1) = 0;
	help_put(s, "link", "wan1", "carrier", value_unknown(), 5);
	cr_expect(eq(u64, t->known, 1));
	cr_expect(eq(u64, t->stored, 1));
	cr_expect(eq(u64, t->withdrawn, 2));
	cr_expect(eq(u64, t->dirty, 2));
	(void) store_sync(s, "rtnl", 1, ANOD_SYNC_LOST, 6);
	cr_expect(eq(u64, t->known, 0));
	cr_expect(eq(u64, t->stored, 1));
	cr_expect(eq(u64, t->dirty, 3));
	cr_expect(eq(u64, t->touched, 3));
	cr_expect(eq(u64, *table_dirty(s, 1), 1));
	(void) store_sync(s, "rtnl", 1, ANOD_SYNC_BEGIN, 7);
	cr_expect(eq(u64, t->named, 0));
	help_put(s, "link", "wan0", "carrier", value_bool(true), 8);
	cr_expect(eq(u64, t->known, 0));
	(void) store_sync(s, "rtnl", 1, ANOD_SYNC_DONE, 9);
	cr_expect(eq(u64, t->known, 1));
	cr_expect(eq(u64, t->again, 1), "it went and came");

	/* Grown too old. */
	help_put(s, "link", "wan0", "util", value_real(0.1, 0), SECOND);
	t = table_block(s, 1, util->slot, 0);
	t->dirty = *table_dirty(s, 1) = 0;
	store_settle(s);
	(void) store_expire(s, 60 * SECOND);
	cr_expect(eq(u64, t->known, 0));
	cr_expect(eq(u64, t->stored, 1));
	cr_expect(eq(u64, t->dirty, 1));
	cr_expect(eq(u64, t->touched, 1));

	/* Nothing remains of an entity that goes, and where it was known that is a change. */
	help_put(s, "link", "wan0", "util", value_real(0.1, 0), 61 * SECOND);
	e = store_find(s, 1, "wan0");
	t->dirty = t->again = *table_dirty(s, 1) = 0;
	(void) store_remove(s, e, 62 * SECOND);
	cr_expect(eq(u64, t->known | t->stored | t->withdrawn | t->named, 0));
	cr_expect(eq(u64, t->dirty, 1));
	cr_expect(eq(u64, *table_dirty(s, 1), 1));
	t = table_block(s, 1, schema_attr(schema, "link", "mtu")->slot, 0);
	cr_expect_null(t);
}

static void limit_memory(rlim_t size)
{
	struct rlimit l = { size, RLIM_INFINITY };

	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &l), 0));
}

Test(store_column, want_of_memory_is_refused_and_leaves_everything_as_it_was)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	const struct schema_attr *alias = schema_attr(schema, "link", "alias");
	struct anod_value v = value_text("x");
	struct store_stats stats;
	char name[16];
	uint32_t e;
	int i, r = 0;

	(void) signal(SIGXFSZ, SIG_IGN);
	store_get_stats(s, &stats);
	limit_memory((rlim_t) stats.bytes + SHM_STEP);
	for (i = 0; r == 0; i++) {
		(void) snprintf(name, sizeof(name), "eth%d", i);
		r = store_entity(s, 1, name, 1, &e);
		if (r == 0)
			r = store_publish(s, e, alias->slot, &v, 1);
	}
	cr_expect(eq(int, r, -ENOSPC));
	cr_expect(gt(int, i, 500));
	store_get_stats(s, &stats);
	cr_expect(eq(uint, store_count(s, 1), stats.n_entities));
	for (int k = 0; k < i - 1; k++) {
		(void) snprintf(name, sizeof(name), "eth%d", k);
		cr_assert_null(help_get(s, "link", name, "alias", 1).why);
	}

	limit_memory(RLIM_INFINITY);
	for (int k = 0; k < 200; k++, i++) {
		(void) snprintf(name, sizeof(name), "eth%d", i - 1);
		help_put(s, "link", name, "alias", v, 2);
		cr_assert_null(help_get(s, "link", name, "alias", 2).why);
	}
	cr_expect(eq(u32, store_nth(s, 1, (unsigned) i - 2), store_find(s, 1, name)));
}
