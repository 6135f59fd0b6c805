/* Entities: names, handles, limits. */
#include "facts/store.h"

#include <errno.h>

#include "unit/facts_help.h"

Test(store_entity, an_entity_is_made_once_and_found_by_name)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint16_t link = schema_kind_id(schema, "link");
	uint32_t wan0 = help_entity(s, "link", "wan0");

	cr_expect(gt(u32, wan0, 0));
	cr_expect(eq(u32, help_entity(s, "link", "wan0"), wan0));
	cr_expect(eq(u32, store_find(s, link, "wan0"), wan0));
	cr_expect(eq(u32, store_find(s, link, "wan1"), 0));
	cr_expect(eq(u32, store_find(s, schema_kind_id(schema, "path"), "wan0"), 0));
	cr_expect_str_eq(store_entity_name(s, wan0), "wan0");
	cr_expect(eq(int, store_entity_kind(s, wan0), link));
	cr_expect(eq(uint, store_count(s, link), 1));

	cr_expect(eq(int, store_remove(s, wan0, 1), 0));
	cr_expect(eq(int, store_remove(s, wan0, 1), -ENOENT));
	cr_expect_null(store_entity_name(s, wan0));
	cr_expect(ne(u32, help_entity(s, "link", "wan0"), wan0));
}

Test(store_entity, names_are_checked)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	static const char *const bad[] = {
		"", "a\nb", "\xff",
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	uint32_t e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int, store_entity(s, 1, bad[i], 0, &e), -EINVAL));
	cr_expect(eq(int, store_entity(s, 0, "x", 0, &e), -EINVAL));
	cr_expect(eq(int, store_entity(s, 99, "x", 0, &e), -EINVAL));
	cr_expect(eq(int, store_entity(s, 1, "wan0/2001:db8::1/Київ", 0, &e), 0));
}

Test(store_entity, a_handle_comes_back_only_after_many_others)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint32_t first = help_entity(s, "link", "x"), e;
	unsigned others = 0;

	cr_assert(eq(int, store_remove(s, first, 0), 0));
	for (e = 0; e != first; others++) {
		cr_assert(eq(int, store_entity(s, 1, "x", 0, &e), 0));
		cr_assert(eq(int, store_remove(s, e, 0), 0));
	}
	cr_expect(ge(uint, others, STORE_GRACE));
}

Test(store_entity, the_limit_is_refused_and_counted)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct store_stats stats;
	uint32_t e = 0;
	char name[32];

	for (unsigned i = 0; i < STORE_ENTITIES_MAX; i++) {
		(void) snprintf(name, sizeof(name), "peer%u", i);
		cr_assert(eq(int, store_entity(s, 1, name, 0, &e), 0));
		cr_assert(gt(u32, e, 0));
	}
	cr_expect(eq(int, store_entity(s, 1, "one more", 0, &e), -ENOSPC));
	cr_expect(eq(int, store_entity(s, 1, "peer7", 0, &e), 0));
	store_get_stats(s, &stats);
	cr_expect(eq(u64, stats.refused, 1));
	cr_expect(eq(uint, stats.n_entities, STORE_ENTITIES_MAX));
	cr_expect(eq(int, store_remove(s, e, 0), 0));
	cr_expect(eq(int, store_entity(s, 1, "one more", 0, &e), 0));
}
