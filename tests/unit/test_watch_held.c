#include "facts/watch.h"

#include "base/clock.h"
#include "unit/watch_help.h"

Test(watch_held, for_comes_true_when_its_time_is_over_and_not_before)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, SECOND);
	(void) rig_watch(&r, "link.carrier == false for 10s");
	cr_expect_str_eq(rig_run(&r, SECOND), "wan0=false ");
	cr_expect(eq(u64, r.next_us, US_INFINITY));

	rig_carrier(&r, "wan0", false, 5 * SECOND);
	cr_expect_str_eq(rig_run(&r, 5 * SECOND), "");
	cr_expect(eq(u64, r.next_us, 15 * SECOND));
	cr_expect_str_eq(rig_run(&r, 15 * SECOND - 1), "");
	cr_expect_str_eq(rig_run(&r, 15 * SECOND), "wan0=true ");
	cr_expect(eq(u64, r.next_us, US_INFINITY));

	/* A break, and it begins anew. */
	rig_carrier(&r, "wan0", true, 20 * SECOND);
	cr_expect_str_eq(rig_run(&r, 20 * SECOND), "wan0=false ");
	rig_carrier(&r, "wan0", false, 21 * SECOND);
	cr_expect_str_eq(rig_run(&r, 21 * SECOND), "");
	cr_expect_str_eq(rig_run(&r, 30 * SECOND), "");
	cr_expect_str_eq(rig_run(&r, 31 * SECOND), "wan0=true ");
	rig_done(&r);
}

Test(watch_held, what_was_before_the_first_look_is_doubt)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", false, SECOND);
	(void) rig_watch(&r, "link.carrier == false for 10s");
	cr_expect_str_eq(rig_run(&r, 100 * SECOND), "wan0=unknown ");
	cr_expect(eq(u64, r.next_us, 110 * SECOND));
	cr_expect_str_eq(rig_run(&r, 110 * SECOND), "wan0=true ");
	rig_done(&r);
}

Test(watch_held, not_knowing_in_between_is_doubt_and_not_false)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, 1);
	(void) rig_watch(&r, "link.carrier for 10s");
	(void) rig_run(&r, SECOND);
	cr_expect_str_eq(rig_run(&r, 11 * SECOND), "wan0=true ");
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_LOST, 12 * SECOND);
	cr_expect_str_eq(rig_run(&r, 12 * SECOND), "wan0=unknown ");
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_BEGIN, 13 * SECOND);
	rig_carrier(&r, "wan0", true, 13 * SECOND);
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_DONE, 13 * SECOND);
	cr_expect_str_eq(rig_run(&r, 13 * SECOND), "");
	cr_expect_str_eq(rig_run(&r, 23 * SECOND), "wan0=true ");
	rig_done(&r);
}

Test(watch_held, a_break_between_two_runs_is_not_overlooked)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, 1);
	(void) rig_watch(&r, "link.carrier for 10s");
	(void) rig_run(&r, SECOND);
	cr_expect_str_eq(rig_run(&r, 11 * SECOND), "wan0=true ");
	rig_carrier(&r, "wan0", false, 20 * SECOND);
	rig_carrier(&r, "wan0", true, 20 * SECOND);
	cr_expect_str_eq(rig_run(&r, 20 * SECOND), "wan0=unknown ");
	cr_expect_str_eq(rig_run(&r, 30 * SECOND), "wan0=true ");

	/* Loss and resync in one go. */
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_LOST, 40 * SECOND);
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_BEGIN, 40 * SECOND);
	rig_carrier(&r, "wan0", true, 40 * SECOND);
	(void) store_sync(r.store, "rtnl", 1, ANOD_SYNC_DONE, 40 * SECOND);
	cr_expect_str_eq(rig_run(&r, 40 * SECOND), "wan0=unknown ");
	rig_done(&r);
}

Test(watch_held, a_sample_that_came_late_breaks_the_time)
{
	struct rig r;

	rig_init(&r);
	help_put(r.store, "link", "wan0", "util", value_real(0.9, 0), SECOND);
	(void) rig_watch(&r, "link.util > 80% for 5s");
	(void) rig_run(&r, SECOND);
	cr_expect_str_eq(rig_run(&r, 6 * SECOND), "wan0=true ");
	/* 20 s of silence that nobody announced, then the same value. */
	help_put(r.store, "link", "wan0", "util", value_real(0.9, 0), 21 * SECOND);
	cr_expect_str_eq(rig_run(&r, 21 * SECOND), "wan0=unknown ");
	cr_expect_str_eq(rig_run(&r, 26 * SECOND), "wan0=true ");
	rig_done(&r);
}

Test(watch_held, two_facts_of_one_sweep_do_not_look_like_a_break)
{
	struct rig r;

	rig_init(&r);
	(void) rig_watch(&r, "(link.rx_bps > 1Mbps and link.util > 1%) for 10s");
	for (uint64_t t = 1; t <= 20; t++) {
		help_put(r.store, "link", "wan0", "rx_bps", value_int((int64_t) t * 10000000, 0),
			 t * SECOND);
		help_put(r.store, "link", "wan0", "util", value_real((double) t / 50, 0),
			 t * SECOND);
		cr_expect_str_eq(rig_run(&r, t * SECOND), t == 1    ? "wan0=unknown "
							  : t == 11 ? "wan0=true "
								    : "");
	}
	rig_done(&r);
}

Test(watch_held, for_may_stand_in_a_count_and_in_another_for)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", false, 1);
	rig_carrier(&r, "wan1", false, 1);
	(void) rig_watch(&r, "count(link where link.carrier for 5s) >= 2");
	(void) rig_watch(&r, "((link.wan0.carrier for 5s) for 5s)");
	cr_expect_str_eq(rig_run(&r, SECOND), "=false =false ");
	rig_carrier(&r, "wan0", true, 2 * SECOND);
	cr_expect_str_eq(rig_run(&r, 2 * SECOND), "");
	rig_carrier(&r, "wan1", true, 4 * SECOND);
	cr_expect_str_eq(rig_run(&r, 4 * SECOND), "");
	cr_expect(eq(u64, r.next_us, 7 * SECOND));
	cr_expect_str_eq(rig_run(&r, 7 * SECOND), "");
	cr_expect_str_eq(rig_run(&r, 9 * SECOND), "=true ");
	cr_expect_str_eq(rig_run(&r, 12 * SECOND), "=true ");
	cr_expect(eq(u64, r.next_us, US_INFINITY));
	rig_done(&r);
}

Test(watch_held, a_tracked_guard_is_answered_also_between_change_and_run)
{
	const struct expr *e, *node;
	struct rig r;

	rig_init(&r);
	e = rig_expr(&r, "link.mtu > 9 and link.carrier for 10s");
	node = e->b;
	cr_assert(eq(int, (int) node->op, EXPR_FOR));
	rig_carrier(&r, "wan0", true, 1);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 1), ANOD_DOUBT));
	cr_assert(eq(int, watch_track(r.w, e), 0));
	cr_assert(eq(int, watch_track(r.w, e), 0));
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 1), ANOD_DOUBT));
	(void) rig_run(&r, SECOND);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 11 * SECOND - 1), ANOD_DOUBT));
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 11 * SECOND), ANOD_TRUE));
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan7", 11 * SECOND), ANOD_DOUBT));

	rig_carrier(&r, "wan0", false, 12 * SECOND);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 12 * SECOND), ANOD_FALSE));
	rig_carrier(&r, "wan0", true, 12 * SECOND);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 12 * SECOND), ANOD_DOUBT));

	watch_untrack(r.w, e);
	(void) rig_run(&r, 13 * SECOND);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 23 * SECOND), ANOD_TRUE));
	watch_untrack(r.w, e);
	cr_expect(eq(int, (int) watch_held(r.w, node, "wan0", 23 * SECOND), ANOD_DOUBT));
	watch_untrack(r.w, e);
	rig_done(&r);
}

/* ---- against the definition ------------------------------------------------------------- */

#define STEPS 300

/* The least (FOR) or the most (WITHIN) that was seen in the last 'dur'; before the first look:
 * doubt. */
static enum anod_tri by_definition(bool within, const enum anod_tri *truth, const uint64_t *at,
				   unsigned last, uint64_t dur)
{
	uint64_t now = at[last];
	enum anod_tri found = within ? ANOD_FALSE : ANOD_TRUE;

	if (now - at[0] < dur)
		found = ANOD_DOUBT;
	for (unsigned k = 0; k <= last; k++) {
		uint64_t end = k == last ? now + 1 : at[k + 1];

		if (end > now - dur)
			found = within ? MAX_OF(found, truth[k]) : MIN_OF(found, truth[k]);
	}
	return found;
}

static void check_histories(bool within)
{
	for (unsigned short round = 0; round < 40; round++) {
		unsigned short seed[3] = { round, 5, 6 };
		enum anod_tri truth[STEPS];
		uint64_t at[STEPS], now = 100 * SECOND;
		const struct expr *e;
		struct rig r;

		rig_init(&r);
		e = rig_expr(&r, within ? "link.wan0.carrier in 7s" : "link.wan0.carrier for 7s");
		cr_assert(eq(int, watch_track(r.w, e), 0));
		for (unsigned i = 0; i < STEPS; i++) {
			unsigned dice = (unsigned) nrand48(seed);

			truth[i] = dice % 3 ? (within ? ANOD_FALSE : ANOD_TRUE) : dice / 3 % 3;
			at[i] = now;
			help_put(r.store, "link", "wan0", "carrier",
				 truth[i] == ANOD_DOUBT ? value_unknown()
							: value_bool(truth[i] == ANOD_TRUE),
				 now);
			(void) rig_run(&r, now);
			cr_assert(eq(int, (int) watch_held(r.w, e, "", now),
				     (int) by_definition(within, truth, at, i, 7 * SECOND)),
				  "round %u step %u", round, i);
			now += dice / 16 % (4 * SECOND) + 1;
		}
		rig_done(&r);
	}
}

Test(watch_held, random_histories_agree_with_the_definition)
{
	check_histories(false);
	check_histories(true);
}

Test(watch_held, within_remembers_what_was_true_and_doubts_what_it_did_not_see)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, SECOND);
	(void) rig_watch(&r, "link.carrier == false in 10s");
	cr_expect_str_eq(rig_run(&r, SECOND), "wan0=unknown ");
	cr_expect(eq(u64, r.next_us, 11 * SECOND));
	cr_expect_str_eq(rig_run(&r, 11 * SECOND), "wan0=false ");

	rig_carrier(&r, "wan0", false, 20 * SECOND);
	cr_expect_str_eq(rig_run(&r, 20 * SECOND), "wan0=true ");
	rig_carrier(&r, "wan0", true, 21 * SECOND);
	cr_expect_str_eq(rig_run(&r, 21 * SECOND), "");
	cr_expect(eq(u64, r.next_us, 31 * SECOND));
	cr_expect_str_eq(rig_run(&r, 31 * SECOND), "wan0=false ");

	/* There and back between two runs: nobody saw it, but nobody can say that it was not. */
	rig_carrier(&r, "wan0", false, 40 * SECOND);
	rig_carrier(&r, "wan0", true, 40 * SECOND);
	cr_expect_str_eq(rig_run(&r, 40 * SECOND), "wan0=unknown ");
	cr_expect_str_eq(rig_run(&r, 50 * SECOND), "wan0=false ");

	/* Unknown for a while. */
	help_put(r.store, "link", "wan0", "carrier", value_unknown(), 60 * SECOND);
	cr_expect_str_eq(rig_run(&r, 60 * SECOND), "wan0=unknown ");
	rig_done(&r);
}
