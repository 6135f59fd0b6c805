#include "facts/watch_priv.h"

#include "unit/watch_help.h"

Test(watch_rows, who_came_and_went_between_two_runs_is_nobodys_business)
{
	struct rig r;

	rig_init(&r);
	(void) rig_watch(&r, "link.carrier");
	(void) rig_run(&r, 1);
	rig_carrier(&r, "wan0", true, 2);
	(void) store_remove(r.store, store_find(r.store, 1, "wan0"), 2);
	cr_expect_str_eq(rig_run(&r, 2), "");
	cr_expect_null(r.w->gone_first);

	/* One of whom only doubt was told has nothing to take back. */
	(void) help_entity(r.store, "link", "wan1");
	cr_expect_str_eq(rig_run(&r, 3), "wan1=unknown ");
	(void) store_remove(r.store, store_find(r.store, 1, "wan1"), 4);
	cr_expect_str_eq(rig_run(&r, 4), "");
	rig_done(&r);
}

/* All rows of a block are in use, so that the next entity gets a row that was another's. */
Test(watch_rows, an_entity_in_the_row_of_another_inherits_nothing)
{
	const struct expr *e;
	char name[16];
	uint32_t old;
	int row;
	struct rig r;

	rig_init(&r);
	e = rig_expr(&r, "link.carrier for 10s");
	cr_assert(eq(int, watch_track(r.w, e), 0));
	for (unsigned i = 0; i < TABLE_BLOCK; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		rig_carrier(&r, name, true, 1);
	}
	(void) rig_watch(&r, "link.carrier");
	(void) rig_run(&r, SECOND);
	(void) rig_run(&r, 11 * SECOND);
	cr_expect(eq(int, (int) watch_held(r.w, e, "eth7", 11 * SECOND), ANOD_TRUE));

	old = store_find(r.store, 1, "eth7");
	row = table_row(r.store, old);
	(void) store_remove(r.store, old, 12 * SECOND);
	for (unsigned i = 0; table_entity(r.store, 1, (unsigned) row) == 0; i++) {
		cr_assert(lt(uint, i, 5000), "the row is never used again");
		(void) snprintf(name, sizeof(name), "new%u", i);
		rig_carrier(&r, name, true, 12 * SECOND);
	}
	/* Between change and run, and after it. */
	cr_expect(eq(int, (int) watch_held(r.w, e, "eth7", 12 * SECOND), ANOD_DOUBT));
	cr_expect(eq(int, (int) watch_held(r.w, e, name, 12 * SECOND), ANOD_DOUBT));
	(void) rig_run(&r, 12 * SECOND);
	cr_expect(strncmp(r.said, "eth7=unknown ", 13) == 0, "%s", r.said);
	cr_expect(eq(int, (int) watch_held(r.w, e, name, 12 * SECOND), ANOD_DOUBT));
	cr_expect(eq(int, (int) watch_held(r.w, e, name, 22 * SECOND), ANOD_TRUE));
	rig_done(&r);
}
