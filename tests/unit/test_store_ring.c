/* Changes for other processes. */
#include "facts/store.h"

#include <errno.h>

#include "facts/value.h"
#include "unit/facts_help.h"

static const struct schema_attr *link_attr(const struct store *s, const char *attr)
{
	return schema_attr(store_schema(s), "link", attr);
}

Test(store_ring, a_reader_hears_what_was_asked_for_in_order)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
	uint64_t at;
	struct store_news n;
	int64_t raw[1] = { 7 };
	uint32_t e;

	cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
	store_event(s, link_attr(s, "carrier"), true);
	store_event(s, link_attr(s, "operstate"), true);
	at = store_news_end(reader);
	cr_expect(eq(int, store_next_news(reader, &at, &n), 0));

	e = help_entity(s, "link", "wan0");
	help_put(s, "link", "wan0", "mtu", value_int(1500, 0), 1); /* nobody asked */
	help_put(s, "link", "wan0", "carrier", value_bool(true), 2);
	help_put(s, "link", "wan0", "carrier", value_bool(true), 3);
	help_put(s, "link", "wan0", "operstate", value_text("up"), 4);
	help_put(s, "link", "wan0", "carrier", value_unknown(), 5);
	cr_assert(eq(int, store_remove(s, e, 6), 0));

	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(uint, n.flags, STORE_CAME));
	cr_expect(eq(u32, n.entity, e));
	cr_expect(eq(u16, n.kind, 1));
	cr_expect(eq(u16, n.attr, 0));
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(u16, n.attr, link_attr(s, "carrier")->id));
	cr_expect(eq(uint, n.flags, STORE_KNOWN));
	cr_expect(eq(i64, n.raw, 1));
	cr_expect(eq(u64, n.time_us, 2));
	cr_expect(eq(u64, n.seq, at));
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(u16, n.attr, link_attr(s, "operstate")->id));
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(uint, n.flags, 0));
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(uint, n.flags, STORE_GONE));
	cr_expect(eq(int, store_next_news(reader, &at, &n), 0));

	/* A sampled one, by put; and no more when nobody asks. */
	e = help_entity(s, "link", "wan1");
	store_event(s, link_attr(s, "rx_bps"), true);
	(void) store_put(s, e, link_attr(s, "rx_bps")->slot, 1, raw, 1, 7);
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_assert(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(i64, n.raw, 7));
	store_event(s, link_attr(s, "rx_bps"), false);
	raw[0] = 8;
	(void) store_put(s, e, link_attr(s, "rx_bps")->slot, 1, raw, 1, 8);
	cr_expect(eq(int, store_next_news(reader, &at, &n), 0));
}

Test(store_ring, a_reader_that_was_lapped_is_told_once)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
	uint64_t at;
	struct store_news n;
	unsigned seen = 0;

	cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
	store_event(s, link_attr(s, "mtu"), true);
	(void) help_entity(s, "link", "wan0");
	at = store_news_end(reader);
	for (int i = 1; i <= STORE_RING; i++)
		help_put(s, "link", "wan0", "mtu", value_int(i, 0), 1);
	while (store_next_news(reader, &at, &n) == 1)
		cr_assert(eq(i64, n.raw, ++seen));
	cr_expect(eq(uint, seen, STORE_RING));

	for (int i = 0; i <= STORE_RING; i++)
		help_put(s, "link", "wan0", "mtu", value_int(i, 0), 2);
	cr_expect(eq(int, store_next_news(reader, &at, &n), -EOVERFLOW));
	cr_expect(eq(int, store_next_news(reader, &at, &n), 0));
	help_put(s, "link", "wan0", "mtu", value_int(9000, 0), 3);
	cr_expect(eq(int, store_next_news(reader, &at, &n), 1));
	cr_expect(eq(i64, n.raw, 9000));
}
