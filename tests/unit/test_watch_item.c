#include "facts/watch_priv.h"

#include "base/clock.h"
#include "facts/stats.h"
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

Test(watch_item, who_watches_the_same_shares_it_and_hears_everything_once)
{
	const struct expr *with_set;
	uint64_t id[3], late;
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, 1);
	id[0] = rig_watch(&r, "link.carrier == true");
	id[1] = rig_watch(&r, "link.carrier  ==  true");
	cr_expect(eq(uint, HASH_COUNT(r.w->shared), 1));
	cr_expect_str_eq(rig_run(&r, 1), "wan0=true wan0=true ");
	late = rig_watch(&r, "link.carrier == true");
	cr_expect(watch_pending(r.w));
	cr_expect_str_eq(rig_run(&r, 2), "wan0=true ");
	rig_carrier(&r, "wan0", false, 3);
	cr_expect_str_eq(rig_run(&r, 3), "wan0=false wan0=false wan0=false ");

	/* The first one goes, and the tree that it brought: the others keep theirs. */
	cr_expect(eq(int, watch_remove(r.w, id[0]), 0));
	r.expr[0] = expr_free(r.expr[0]);
	rig_carrier(&r, "wan0", true, 4);
	cr_expect_str_eq(rig_run(&r, 4), "wan0=true wan0=true ");
	cr_expect(eq(int, watch_remove(r.w, id[1]), 0));
	cr_expect(eq(int, watch_remove(r.w, late), 0));
	cr_expect(eq(uint, HASH_COUNT(r.w->shared), 0));

	/* What a set means is known to who asked. */
	with_set = rig_expr(&r, "count(uplinks) > 1");
	watches_set_env(r.w, &(struct expr_env){ .set_where = NULL });
	cr_assert(eq(int, watch_add(r.w, with_set, rig_heard, &r, &id[2]), 0));
	cr_expect(eq(uint, HASH_COUNT(r.w->shared), 0));
	rig_done(&r);
}

Test(watch_item, a_function_over_time_is_watched_like_a_fact)
{
	struct stats *stats;
	const char *why = "";
	struct expr *e;
	struct rig r;

	rig_init(&r);
	stats = stats_new(r.schema, r.store);
	e = help_expr(r.schema, "mean(link.rx_bps, 4s) > 5Mbps");
	r.expr[r.n_exprs++] = e;
	cr_assert(eq(int, stats_bind(stats, e, &why), 0), "%s", why);
	cr_assert(eq(int, watch_add(r.w, e, rig_heard, &r, &(uint64_t){ 0 }), 0));
	for (uint64_t t = 1; t <= 20; t++) {
		help_put(r.store, "link", "wan0", "rx_bps", value_int(t < 10 ? 1 : 10000000, 0),
			 t * SECOND);
		(void) stats_run(stats, t * SECOND);
		store_settle(r.store);
		(void) rig_run(&r, t * SECOND);
		if (r.said[0] && t > 1)
			cr_expect_str_eq(r.said, t < 10 ? "wan0=false " : "wan0=true ");
	}
	cr_expect(eq(uint, r.n_calls, 3)); /* unknown until the window was seen, false, true */
	stats_unbind(stats, e);
	watches_free(TAKE(r.w));
	stats_free(stats);
	rig_done(&r);
}
