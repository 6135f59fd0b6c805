/* Facts that grow too old. */
#include "facts/store.h"

#include "base/clock.h"
#include "facts/store_priv.h"
#include "facts/value.h"
#include "unit/store_heard.h"

Test(store_age, ageing_tells_listeners_once_and_in_time)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };

	help_want(s, "link", "util");
	help_want(s, "link", "rx_bps");
	cr_expect(eq(u64, store_next_expiry(s), US_INFINITY));
	help_put(s, "link", "wan0", "rx_bps", value_int(1, 0), SECOND);
	help_put(s, "link", "wan0", "util", value_real(0.1, 0), SECOND);
	help_put(s, "link", "wan1", "util", value_real(0.1, 0), 2 * SECOND);
	put_carrier(s, "wan0", true, SECOND);
	cr_expect(eq(u64, store_next_expiry(s), 11 * SECOND + 1));

	(void) store_listen(s, listen, &h);
	cr_expect(eq(uint, store_expire(s, 11 * SECOND), 0));
	help_put(s, "link", "wan0", "util", value_real(0.1, 0), 5 * SECOND);
	cr_expect(eq(uint, h.known, 0)); /* renewed, not changed */
	cr_expect(eq(u64, store_next_expiry(s), 11 * SECOND + 1));
	cr_expect(eq(uint, store_expire(s, 11 * SECOND + 1), 0)); /* now it looks */
	cr_expect(eq(u64, store_next_expiry(s), 12 * SECOND + 1));
	cr_expect(eq(uint, store_expire(s, 15 * SECOND), 1));
	cr_expect(eq(uint, store_expire(s, 15 * SECOND + 1), 1));
	cr_expect(eq(uint, store_expire(s, 15 * SECOND + 2), 0));
	cr_expect(eq(uint, h.unknown, 2));
	cr_expect(eq(u64, store_next_expiry(s), 31 * SECOND + 1));
	cr_expect(eq(uint, store_expire(s, 100 * SECOND), 1));
	cr_expect(eq(u64, store_next_expiry(s), US_INFINITY));
	cr_expect(carrier_known(s, "wan0"));

	help_put(s, "link", "wan0", "util", value_real(0.1, 0), 101 * SECOND);
	cr_expect(eq(uint, h.known, 1));
	(void) store_remove(s, store_find(s, 1, "wan0"), 102 * SECOND);
	cr_expect(eq(uint, store_expire(s, 200 * SECOND), 0));
	cr_expect(eq(u64, store_next_expiry(s), US_INFINITY));
}

Test(store_age, a_renewed_age_costs_nothing_until_it_may_be_over)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint16_t util = schema_attr(schema, "link", "util")->slot;
	uint32_t e = help_entity(s, "link", "wan0");
	int64_t raw = 0;
	struct place p;

	cr_assert(eq(int, place_find(s, e, &p), 0));
	for (uint64_t t = 1; t <= 10; t++)
		(void) store_put(s, e, util, 1, &raw, 1, t * SECOND);
	cr_expect(eq(u64, p.block->age.due_us, 11 * SECOND + 1), "of the first");
	/* A put that comes before store_expire() looks itself, and loses nothing. */
	(void) store_put(s, e, util, 1, &raw, 1, 12 * SECOND);
	cr_expect(eq(u64, p.block->age.due_us, 20 * SECOND + 1));
	cr_expect(eq(u64, store_next_expiry(s), 20 * SECOND + 1));
	cr_expect(not(age_pending(s, p.block, 22 * SECOND)));
	cr_expect(age_pending(s, p.block, 22 * SECOND + 1));
	cr_expect(eq(uint, store_expire(s, 22 * SECOND + 1), 1));
	cr_expect(eq(u64, store_next_expiry(s), US_INFINITY));
}
