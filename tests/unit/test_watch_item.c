#include "facts/watch.h"

#include "base/clock.h"
#include "unit/watch_help.h"

Test(watch_item, a_for_node_lives_as_long_as_somebody_uses_it)
{
	const struct expr *e;
	uint64_t id, other;
	struct rig r;

	rig_init(&r);
	e = rig_expr(&r, "link.carrier for 10s");
	rig_carrier(&r, "wan0", true, 1);
	cr_assert(eq(int, watch_track(r.w, e), 0));
	(void) rig_run(&r, SECOND);
	cr_assert(eq(int, watch_add(r.w, e, rig_heard, &r, &id), 0));
	cr_assert(eq(int, watch_add(r.w, e, rig_heard, &r, &other), 0));
	/* The history of the guard is that of the watches. */
	cr_expect_str_eq(rig_run(&r, 11 * SECOND), "wan0=true wan0=true ");
	cr_expect(eq(int, watch_remove(r.w, id), 0));
	watch_untrack(r.w, e);
	rig_carrier(&r, "wan0", false, 12 * SECOND);
	cr_expect_str_eq(rig_run(&r, 12 * SECOND), "wan0=false ");
	cr_expect(eq(int, watch_remove(r.w, other), 0));
	cr_expect(eq(int, (int) watch_held(r.w, e, "wan0", 12 * SECOND), ANOD_DOUBT));
	rig_done(&r);
}

Test(watch_item, a_for_over_another_kind_tells_its_watch_when_its_entity_goes)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, SECOND);
	help_put(r.store, "path", "wan0", "loss", value_real(0, 0), SECOND);
	(void) rig_watch(&r, "link.carrier and path.loss > 1% for 5s");
	cr_expect_str_eq(rig_run(&r, SECOND), "wan0=false ");
	(void) store_remove(r.store, store_find(r.store, schema_kind_id(r.schema, "path"), "wan0"),
			    2 * SECOND);
	cr_expect_str_eq(rig_run(&r, 2 * SECOND), "wan0=unknown ");
	rig_done(&r);
}

Test(watch_item, thousands_of_links_cost_only_what_changed)
{
	struct rig r;
	char name[16];

	rig_init(&r);
	for (int i = 0; i < 5000; i++) {
		(void) snprintf(name, sizeof(name), "eth%d", i);
		rig_carrier(&r, name, true, 1);
	}
	(void) rig_watch(&r, "link.carrier == false for 3s");
	(void) rig_watch(&r, "count(link where carrier) >= 5000");
	(void) rig_run(&r, SECOND);
	cr_expect(eq(uint, r.n_calls, 5001));
	rig_carrier(&r, "eth4711", false, 2 * SECOND);
	cr_expect_str_eq(rig_run(&r, 2 * SECOND), "=false ");
	cr_expect_str_eq(rig_run(&r, 5 * SECOND), "eth4711=true ");
	cr_expect(eq(u64, r.next_us, US_INFINITY));
	rig_done(&r);
}
