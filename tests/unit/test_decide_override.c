/* An override in a decision: it lifts one invariant, is named in the record, and nothing else. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "world.h"

#define MINUTE (60 * US_PER_S)
#define HEAD                                                                                       \
	"set uplinks = link where role == uplink\n"                                                \
	"group two { ann, bob }\n"                                                                 \
	"permit \"all\" { agent uplink  action any  level auto  verify within 5s that "            \
	"link.wan1.carrier  foreign objects }\n"
#define BY_TWO "override by 2 of two for 30m\n}\n"

static struct world w;

static void setup(void)
{
	const uint8_t nonce[APPROVAL_NONCE] = { 1 };

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_route(&w, "0.0.0.0/0", 100, NULL, 2);
	world_arg(world_propose(&w, "link.down"), "dev", "wan0");
	w.overrides = overrides_new(nonce);
	w.wall_us = 1700000000 * US_PER_S;
}

static void done(void)
{
	overrides_free(w.overrides);
	world_done(&w);
}

TestSuite(decide_override, .init = setup, .fini = done);

static void lift(const char *name, uint64_t for_us)
{
	const struct policy *p = w.config->policy;

	for (unsigned i = 0; i < p->n_invariants; i++) {
		const struct policy_invariant *v = &p->invariant[i];

		if (strcmp(v->name, name) != 0)
			continue;
		cr_assert_eq(override_ask(w.overrides, w.config, v, "ann", for_us, w.now_us), 1);
		cr_assert_eq(override_ask(w.overrides, w.config, v, "bob", for_us, w.now_us), 0);
		cr_assert_neq(override_begin(w.overrides, v, w.now_us), 0);
		return;
	}
	cr_assert_fail("no invariant %s", name);
}

static void expect(enum level level, const char *reason)
{
	struct decision *d = world_decide(&w, "uplink");

	cr_expect_eq(d->level, level, "%s: %s", level_name(d->level), d->reason);
	cr_expect(strstr(d->reason, reason), "%s, not %s", d->reason, reason);
	decision_free(d);
}

Test(decide_override, lifts_what_fails_for_its_time_and_says_by_whom)
{
	struct decision *d;
	const cJSON *by;
	cJSON *o;

	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 2\n" BY_TWO);
	expect(LEVEL_DENY, "invariant \"i\" would break");
	lift("i", 20 * MINUTE);
	expect(LEVEL_AUTO, "; invariant \"i\" is overridden by ann, bob");

	d = world_decide(&w, "uplink");
	cr_assert_eq(d->invariant[0].holds, ANOD_FALSE, "it is not said to hold");
	cr_assert_str_eq(d->invariant[0].lifted_by, "ann, bob");
	cr_assert_eq(d->invariant[0].lifted_until_us, w.wall_us + 20 * MINUTE);
	o = decision_json(d);
	by = cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(o, "invariants"), 0),
				 "overridden");
	cr_assert_str_eq(cJSON_GetObjectItem(by, "by")->valuestring, "ann, bob");
	cr_assert_str_eq(cJSON_GetObjectItem(by, "until")->valuestring, "2023-11-14T22:33:20.000Z");
	cJSON_Delete(o);
	decision_free(d);

	w.now_us += 20 * MINUTE - 1;
	expect(LEVEL_AUTO, "overridden");
	w.now_us++;
	expect(LEVEL_DENY, "invariant \"i\" would break");
}

Test(decide_override, lifts_doubt_too_and_what_holds_needs_none)
{
	struct decision *d;

	world_policy(&w, HEAD "invariant \"i\" { require link.wan1.rx_loss < 1%\n" BY_TWO);
	expect(LEVEL_DENY, "is not known to hold");
	lift("i", 20 * MINUTE);
	expect(LEVEL_AUTO, "overridden by ann, bob");
	world_fact(&w, "link", "wan1", "rx_loss", "0%");
	d = world_decide(&w, "uplink");
	cr_assert_eq(d->level, LEVEL_AUTO);
	cr_assert_null(d->invariant[0].lifted_by);
	cr_assert_null(strstr(d->reason, "overridden"));
	decision_free(d);
}

Test(decide_override, lifts_nothing_else)
{
	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 2\n" BY_TWO
			      "invariant \"j\" { require count(link up) >= 2 }\n");
	lift("i", 20 * MINUTE);
	expect(LEVEL_DENY, "invariant \"j\" would break");
	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 2\n" BY_TWO
			      "forbid \"f\" { action link.down  on link wan0 }\n");
	expect(LEVEL_DENY, "forbid \"f\" forbids it");
	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 2\n" BY_TWO
			      "cap \"c\" { to propose }\n");
	expect(LEVEL_PROPOSE, "cap \"c\"");
	/* Another text of the same name is not what they agreed to. */
	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 3\n" BY_TWO);
	expect(LEVEL_DENY, "invariant \"i\" would break");
	world_policy(&w, HEAD "invariant \"i\" { require count(uplinks up) >= 2 }\n");
	expect(LEVEL_DENY, "invariant \"i\" would break");
}
