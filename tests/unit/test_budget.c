#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>

#include "policy/budget.h"
#include "world.h"

#define MINUTE UINT64_C(60000000)
#define HOUR   (60 * MINUTE)

static char drains[] = "drains";

Test(budget, is_a_sliding_window)
{
	struct policy_budget p = { .name = drains, .count = 3, .window_us = HOUR };
	_cleanup_(budgets_freep) struct budgets *b = budgets_new();
	uint64_t now = WORLD_NOW_US, free_us;

	for (int i = 0; i < 3; i++)
		cr_expect(budget_charge(b, &p, "", now + i * MINUTE) == 0);
	cr_expect(!budget_allows(b, &p, "", now + 3 * MINUTE, &free_us));
	cr_expect(free_us == now + HOUR);
	cr_expect(budget_charge(b, &p, "", now + 3 * MINUTE) == -EBUSY);
	cr_expect(budget_charge(b, &p, "", now + HOUR) == 0);
	cr_expect(budget_charge(b, &p, "", now + HOUR) == -EBUSY);
	/* The same key of another budget has nothing to do with it. */
	p.name = (char[]){ "other" };
	cr_expect(budget_allows(b, &p, "", now, &free_us));
}

Test(budget, is_shared_over_all_keys)
{
	struct policy_budget p = { .name = drains,
				   .count = 1,
				   .window_us = HOUR,
				   .shared_count = 2,
				   .shared_window_us = 24 * HOUR,
				   .per = BUDGET_PER_RESOURCE };
	_cleanup_(budgets_freep) struct budgets *b = budgets_new();
	uint64_t now = WORLD_NOW_US, free_us;

	cr_expect(budget_charge(b, &p, "link a", now) == 0);
	cr_expect(budget_charge(b, &p, "link a", now) == -EBUSY);
	cr_expect(budget_charge(b, &p, "link b", now + 1) == 0);
	cr_expect(!budget_allows(b, &p, "link c", now + 2 * HOUR, &free_us));
	cr_expect(free_us == now + 24 * HOUR);
	cr_expect(budget_charge(b, &p, "link c", now + 24 * HOUR) == 0);
}

/* In no window of its length are there more charges than the budget has. */
Test(budget, is_never_exceeded)
{
	struct dice d = { dice_seed("budget") };
	struct policy_budget p = { .name = drains, .count = 4, .window_us = HOUR };
	_cleanup_(budgets_freep) struct budgets *b = budgets_new();
	uint64_t now = WORLD_NOW_US, at[1000], free_us;
	unsigned n = 0;

	for (unsigned step = 0; step < 5000 && n < ARRAY_SIZE(at); step++) {
		bool may = budget_allows(b, &p, "", now, &free_us);
		int r = budget_charge(b, &p, "", now);

		cr_assert((r == 0) == may);
		if (r == 0)
			at[n++] = now;
		now += dice_roll(&d, 20) * MINUTE;
	}
	cr_expect(n > 100);
	for (unsigned i = 4; i < n; i++)
		cr_assert(at[i] - at[i - 4] >= HOUR, "5 charges in less than an hour");
}

Test(budget, outlives_a_reboot)
{
	struct policy_budget p = { .name = drains, .count = 1, .window_us = HOUR };
	_cleanup_(budgets_freep) struct budgets *b = budgets_new(), *c = budgets_new();
	uint64_t now = WORLD_NOW_US, free_us;
	cJSON *saved;

	cr_assert(budget_charge(b, &p, "", now) == 0);
	cr_assert(budget_rest(b, "permit", "link a", now + 30 * MINUTE, now) == 0);
	cr_assert(budget_hold_cap(b, "cap", "", now + 10 * MINUTE, now) == 0);
	saved = budgets_json(b, now + 5 * MINUTE);
	cr_assert(saved);

	/* The boot time began anew; by the wall clock ten minutes have passed since. */
	now = 2 * MINUTE;
	cr_assert(budgets_load(c, saved, now, 10 * MINUTE) == 0);
	cJSON_Delete(saved);
	cr_expect(!budget_allows(c, &p, "", now, &free_us));
	cr_expect(free_us == now + 45 * MINUTE, "%llu", (unsigned long long) free_us);
	cr_expect(budget_rest_until(c, "permit", "link a", now) == now + 15 * MINUTE);
	cr_expect(budget_rest_until(c, "permit", "link b", now) == 0);
	cr_expect(budget_cap_until(c, "cap", "", now) == 0);
}

Test(budget, refuses_damaged_memory)
{
	static const char *const bad[] = {
		"{}",
		"[1]",
		"[{\"use\":\"charge\"}]",
		"[{\"use\":\"x\",\"name\":\"a\",\"key\":\"\",\"age_us\":1,\"left_us\":1}]",
		"[{\"use\":\"cap\",\"name\":\"a\",\"key\":\"\",\"age_us\":-1,\"left_us\":1}]",
		"[{\"use\":\"cap\",\"name\":\"a\",\"key\":\"\",\"age_us\":1,\"left_us\":1e300}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(budgets_freep) struct budgets *b = budgets_new();
		cJSON *o = cJSON_Parse(bad[i]);

		cr_expect(budgets_load(b, o, WORLD_NOW_US, 0) == -EBADMSG, "%s", bad[i]);
		cJSON_Delete(o);
	}
}

Test(budget, is_charged_once_for_what_was_decided)
{
	struct anod_action *a;
	struct decision *d;
	const char *why = "";
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_policy(&w, "budget few = 1 per 1h per link\n"
			 "permit \"mtu\" { agent uplink  action link.set  level auto  budget few\n"
			 " verify within 5s  cooldown 2h per agent }\n"
			 "permit \"ask\" { agent uplink  action link.set  level approve }");
	a = world_propose(&w, "link.set");
	world_arg(a, "dev", "wan0");
	world_arg(a, "mtu", "1400");
	d = world_decide(&w, "uplink");
	cr_expect(d->level == LEVEL_AUTO && d->n_charges == 1);
	cr_expect_str_eq(d->resource, "link wan0");
	cr_expect(decide_charge(w.budgets, d, "uplink", w.now_us, &why) == 0);
	/* Decided before it was charged, charged after: refused. */
	cr_expect(decide_charge(w.budgets, d, "uplink", w.now_us, &why) == -EBUSY);
	cr_expect(why[0]);
	decision_free(d);
	/* The permit rests; the lesser one still counts. */
	cr_expect(world_level(&w, "uplink") == LEVEL_APPROVE);
	w.now_us += HOUR + 1;
	cr_expect(world_level(&w, "uplink") == LEVEL_APPROVE, "cools down");
	w.now_us += HOUR;
	cr_expect(world_level(&w, "uplink") == LEVEL_AUTO);
	world_done(&w);
}

Test(budget, keeps_a_cap_in_force_for_its_time)
{
	struct anod_action *a;
	struct decision *d;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_fact(&w, "link", "wan0", "a", "9");
	world_policy(
		&w, "permit \"p\" { agent uplink  action link.set  level auto  verify within 5s }\n"
		    "cap \"c\" { when link.a > 5  to propose for 1h }");
	a = world_propose(&w, "link.set");
	world_arg(a, "dev", "wan0");
	world_arg(a, "mtu", "1400");
	d = world_decide(&w, "uplink");
	cr_expect(d->level == LEVEL_PROPOSE);
	cr_expect(decide_remember(w.budgets, d, w.now_us) == 0);
	decision_free(d);

	world_fact(&w, "link", "wan0", "a", "1");
	w.now_us += 59 * MINUTE;
	d = world_decide(&w, "uplink");
	cr_expect(d->level == LEVEL_PROPOSE, "%s", d->reason);
	/* What only its memory keeps alive is not prolonged. */
	cr_expect(decide_remember(w.budgets, d, w.now_us) == 0);
	decision_free(d);
	w.now_us += MINUTE;
	cr_expect(world_level(&w, "uplink") == LEVEL_AUTO);
	world_done(&w);
}
