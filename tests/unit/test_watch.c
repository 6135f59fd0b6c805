#include "facts/watch.h"

#include <errno.h>

#include "base/clock.h"
#include "unit/watch_help.h"

Test(watch, says_the_truth_once_at_first_and_then_its_changes)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan1", true, 1);
	rig_carrier(&r, "wan0", false, 1);
	(void) help_entity(r.store, "link", "wan2");
	(void) rig_watch(&r, "link.carrier == false");
	cr_expect(watch_pending(r.w));
	cr_expect_str_eq(rig_run(&r, 2), "wan1=false wan0=true wan2=unknown ");
	cr_expect(eq(u64, r.next_us, US_INFINITY));
	cr_expect(not(watch_pending(r.w)));

	help_put(r.store, "link", "wan0", "mtu", value_int(9000, 0), 3);
	rig_carrier(&r, "wan0", false, 3);
	cr_expect(not(watch_pending(r.w)));
	rig_carrier(&r, "wan2", true, 3);
	cr_expect_str_eq(rig_run(&r, 3), "wan2=false ");

	/* There and back between two runs: no change of the truth. */
	rig_carrier(&r, "wan0", true, 4);
	rig_carrier(&r, "wan0", false, 4);
	cr_expect_str_eq(rig_run(&r, 4), "");
	rig_done(&r);
}

Test(watch, subjects_come_and_go_with_entities)
{
	struct rig r;

	rig_init(&r);
	(void) rig_watch(&r, "link.carrier");
	cr_expect_str_eq(rig_run(&r, 1), "");
	rig_carrier(&r, "wan0", true, 2);
	rig_carrier(&r, "wan1", true, 2);
	cr_expect_str_eq(rig_run(&r, 2), "wan0=true wan1=true ");
	(void) store_remove(r.store, store_find(r.store, 1, "wan0"), 3);
	cr_expect_str_eq(rig_run(&r, 3), "wan0=unknown ");
	(void) store_remove(r.store, store_find(r.store, 1, "wan1"), 4);
	rig_carrier(&r, "wan1", true, 4);
	cr_expect_str_eq(rig_run(&r, 4), "wan1=unknown wan1=true ");
	rig_done(&r);
}

Test(watch, named_and_counted_facts_concern_every_subject)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, 1);
	(void) rig_watch(&r, "link.wan0.carrier and link.wan1.carrier");
	cr_expect_str_eq(rig_run(&r, 1), "=unknown ");
	rig_carrier(&r, "wan1", true, 2);
	cr_expect_str_eq(rig_run(&r, 2), "=true ");
	(void) store_remove(r.store, store_find(r.store, 1, "wan1"), 3);
	cr_expect_str_eq(rig_run(&r, 3), "=unknown ");

	(void) rig_watch(&r, "link.carrier and count(link where carrier) >= 2");
	cr_expect_str_eq(rig_run(&r, 4), "wan0=false ");
	rig_carrier(&r, "lan0", true, 5);
	cr_expect_str_eq(rig_run(&r, 5), "wan0=true lan0=true ");
	rig_carrier(&r, "lan0", false, 6);
	cr_expect_str_eq(rig_run(&r, 6), "wan0=false lan0=false ");
	rig_done(&r);
}

Test(watch, facts_of_another_kind_are_those_of_the_same_name)
{
	struct rig r;

	rig_init(&r);
	rig_carrier(&r, "wan0", true, 1);
	(void) rig_watch(&r, "link.carrier and path.loss > 1%");
	cr_expect_str_eq(rig_run(&r, 1), "wan0=unknown ");
	help_put(r.store, "path", "wan1", "loss", value_real(0.5, 0), 2);
	cr_expect_str_eq(rig_run(&r, 2), "");
	help_put(r.store, "path", "wan0", "loss", value_real(0.5, 0), 3);
	cr_expect_str_eq(rig_run(&r, 3), "wan0=true ");
	/* The probe dies: 10 s later nobody knows. */
	cr_expect_str_eq(rig_run(&r, 3 + 10 * SECOND), "");
	cr_expect_str_eq(rig_run(&r, 4 + 10 * SECOND), "wan0=unknown ");
	(void) store_remove(r.store, store_find(r.store, schema_kind_id(r.schema, "path"), "wan0"),
			    5);
	cr_expect_str_eq(rig_run(&r, 5 + 10 * SECOND), "");
	rig_done(&r);
}

static const struct expr *uplinks_where;

static const struct expr *set_where(const struct expr_env *env, const char *set)
{
	(void) env;
	return strcmp(set, "uplinks") == 0 ? uplinks_where : NULL;
}

static const char *the_member(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return env->data;
}

static enum anod_tri member(const struct expr_env *env, const char *set, uint16_t kind,
			    const char *entity)
{
	struct expr_env inner = { .store = env->store,
				  .now_us = env->now_us,
				  .subject = the_member,
				  .data = (void *) (uintptr_t) entity };

	(void) set;
	(void) kind;
	return expr_truth(uplinks_where, &inner);
}

Test(watch, a_set_is_followed_to_the_facts_that_define_it)
{
	struct rig r;

	rig_init(&r);
	uplinks_where = rig_expr(&r, "link.role == \"uplink\" and link.util > 1%");
	watches_set_env(r.w, &(struct expr_env){ .member = member, .set_where = set_where });
	rig_carrier(&r, "wan0", true, 1);
	help_put(r.store, "link", "wan0", "admin_up", value_bool(true), 1);
	help_put(r.store, "link", "wan0", "role", value_text("core"), 1);
	(void) rig_watch(&r, "count(uplinks up) >= 1");
	cr_expect_str_eq(rig_run(&r, 1), "=false ");
	help_put(r.store, "link", "wan0", "role", value_text("uplink"), 2);
	cr_expect_str_eq(rig_run(&r, 2), "=unknown ");
	help_put(r.store, "link", "wan0", "util", value_real(0.5, 0), 3);
	cr_expect_str_eq(rig_run(&r, 3), "=true ");
	help_put(r.store, "link", "wan0", "rx_bps", value_int(5, 0), 4);
	cr_expect(not(watch_pending(r.w)));
	rig_done(&r);

	/* Nobody tells the condition: every event-driven fact may be part of it. */
	rig_init(&r);
	uplinks_where = rig_expr(&r, "link.mtu > 1500");
	watches_set_env(r.w, &(struct expr_env){ .member = member });
	help_put(r.store, "link", "wan0", "mtu", value_int(1500, 0), 1);
	(void) rig_watch(&r, "count(uplinks) >= 1");
	cr_expect_str_eq(rig_run(&r, 1), "=false ");
	help_put(r.store, "link", "wan0", "mtu", value_int(9000, 0), 2);
	cr_expect_str_eq(rig_run(&r, 2), "=true ");
	rig_done(&r);
}

struct meddler {
	struct rig *rig;
	const struct expr *expr;
	uint64_t own, other, added;
	unsigned n_calls;
};

static void meddle(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct meddler *m = data;

	(void) entity;
	(void) truth;
	m->n_calls++;
	cr_expect(eq(u64, id, m->own));
	cr_expect(eq(int, watch_remove(m->rig->w, m->own), 0));
	cr_expect(eq(int, watch_remove(m->rig->w, m->other), 0));
	cr_expect(eq(int, watch_add(m->rig->w, m->expr, rig_heard, m->rig, &m->added), 0));
	rig_carrier(m->rig, "wan9", true, 1);
	(void) store_remove(m->rig->store, store_find(m->rig->store, 1, "wan0"), 1);
}

Test(watch, a_callback_may_add_and_remove_watches_and_change_the_store)
{
	struct meddler m;
	struct rig r;

	rig_init(&r);
	m = (struct meddler){ .rig = &r, .expr = rig_expr(&r, "link.carrier") };
	rig_carrier(&r, "wan0", true, 1);
	rig_carrier(&r, "wan1", true, 1);
	cr_assert(eq(int, watch_add(r.w, m.expr, meddle, &m, &m.own), 0));
	m.other = rig_watch(&r, "link.carrier == true");
	cr_expect_str_eq(rig_run(&r, 1), "");
	cr_expect(eq(uint, m.n_calls, 1));
	cr_expect(eq(u64, r.next_us, 1)); /* there is more to do */
	cr_expect_str_eq(rig_run(&r, 1), "wan1=true wan9=true ");
	cr_expect(eq(int, watch_remove(r.w, m.own), -ENOENT));
	rig_done(&r);
}

Test(watch, the_number_of_watches_is_limited)
{
	const struct expr *e;
	uint64_t id, first;
	struct rig r;

	rig_init(&r);
	e = rig_expr(&r, "link.carrier for 1s");
	cr_assert(eq(int, watch_add(r.w, e, rig_heard, &r, &first), 0));
	for (unsigned i = 1; i < WATCHES_MAX; i++)
		cr_assert(eq(int, watch_add(r.w, e, rig_heard, &r, &id), 0));
	cr_expect(eq(int, watch_add(r.w, e, rig_heard, &r, &id), -ENOSPC));
	cr_expect(eq(int, watch_remove(r.w, first), 0));
	cr_expect(eq(int, watch_add(r.w, e, rig_heard, &r, &id), 0));
	cr_expect(gt(u64, id, WATCHES_MAX));
	rig_done(&r);
}
