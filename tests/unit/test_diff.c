/*
 * Two policies: every change that is told is real, and every change that random requests meet is told.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "facts/value.h"
#include "host/policy_cmd.h"
#include "policy/diff.h"
#include "policy/stage.h"
#include "world.h"

static struct policy_world world;

static void setup(void)
{
	if (access(BUILD_DIR "/plugins/act_rtnl.so", R_OK) < 0)
		cr_skip_test("the plugins are not built");
	cr_assert(policy_world_open(&world, BUILD_DIR "/plugins", stderr) >= 0);
}

static void teardown(void)
{
	policy_world_close(&world);
}

static struct config *load(const char *text)
{
	struct diag_list diags = { 0 };
	struct config *c = NULL;
	char *whole = NULL;

	cr_assert(asprintf(&whole,
			   "agent uplink { uplinks wan0 }\nagent flap { }\n"
			   "group noc { a, b }\nlink wan0 { role uplink }\n"
			   "set ups = link where role == uplink\n"
			   "set nets = prefix { 10.0.0.0/8 }\n%s",
			   text) > 0);
	if (config_load_text("t", whole, &world.env, &diags, &c) < 0)
		diag_print(&diags, stderr);
	diag_done(&diags);
	cr_assert(c, "%s", whole);
	free(whole);
	return c;
}

/* "ROSE deny auto uplink: route.replace | where" for each change; then the notes. */
static char *compared(const char *was, const char *now)
{
	struct config *a = load(was), *b = load(now);
	struct diff d;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert(policy_diff(a, b, world.schema, &world.env, &d) == 0);
	for (unsigned i = 0; i < d.n; i++) {
		const struct change *c = &d.change[i];

		cr_expect(c->tried, "%s: %s: %s", c->where, c->example, c->untried);
		fprintf(f, "%s %s -> %s %s: %s | %s\n", c->now > c->was ? "ROSE" : "FELL",
			level_name(c->was), level_name(c->now), c->agents, c->actions, c->where);
	}
	for (unsigned i = 0; i < d.n_notes; i++)
		fprintf(f, "note %s\n", d.note[i]);
	for (unsigned i = 0; i < d.n_open; i++)
		fprintf(f, "open %s\n", d.open[i]);
	fclose(f);
	diff_done(&d);
	config_free(a);
	config_free(b);
	return text;
}

static void expect(const char *was, const char *now, const char *text)
{
	char *got = compared(was, now);

	cr_expect_str_eq(got, text, "--- got\n%s--- expected\n%s", got, text);
	free(got);
}

#define P(when, level)                                                                             \
	"permit \"p\" { agent uplink  action route.replace  when " when "\n level " level " }\n"

Test(diff, tells_each_region_once_and_the_risen_first, .init = setup, .fini = teardown)
{
	expect("", "", "");
	expect(P("link.mtu > 1500", "propose"), P("link.mtu > 1500", "propose"), "");
	expect(P("link.mtu > 1500", "propose"), P("not (link.mtu <= 1500)", "propose"), "");
	expect("", P("link.mtu > 1500", "propose"),
	       "ROSE deny -> propose uplink: route.replace | link.mtu > 1500B\n");
	expect(P("link.mtu > 1500", "propose"), P("link.mtu > 1400", "propose"),
	       "ROSE deny -> propose uplink: route.replace | link.mtu > 1400B and link.mtu <= "
	       "1500B\n");
	expect(P("link.mtu > 1400", "propose"), P("link.mtu > 1400", "auto  verify within 5s"),
	       "ROSE propose -> auto uplink: route.replace | link.mtu > 1400B\n"
	       "note permit \"p\": verify within 5s, was not asked for\n");
	expect(P("link.mtu > 1400", "propose") "forbid \"f\" { when link.carrier == false }\n",
	       P("link.mtu > 1400 and link.carrier", "propose"), "");
	expect(P("link.mtu > 1400", "approve") "cap \"c\" { when link.util > 70%  to propose }\n",
	       P("link.mtu > 1400", "approve") "cap \"c\" { when link.util > 90%  to propose }\n",
	       "ROSE propose -> approve uplink: route.replace | link.mtu > 1400B, link.util > 70% "
	       "and link.util <= 90%\n");
	/* One for two agents and two actions. */
	expect("", "permit \"p\" { agent any  action link.up, link.down  level propose }\n",
	       "ROSE deny -> propose uplink, flap: link.up, link.down | always\n");
}

Test(diff, follows_sets_windows_and_what_was_held, .init = setup, .fini = teardown)
{
	expect("permit \"p\" { agent uplink  action route.del  on nets  level propose }\n",
	       "permit \"p\" { agent uplink  action route.del  on prefix 10.0.0.0/9  level propose "
	       "}\n",
	       "FELL propose -> deny uplink: route.del | action.dst in 10.0.0.0/8, "
	       "10.128.0.0/9\n");
	expect(P("link.carrier for 10s", "propose"), P("link.carrier for 30s", "propose"),
	       "FELL propose -> deny uplink: route.replace | link.carrier for 10s, link.carrier, "
	       "link.carrier for 30s not known to be true\n");
	expect("window w = daily 01:00..05:00 tz UTC\n" P("link.carrier",
							  "propose") "forbid \"f\" { during w }\n",
	       P("link.carrier", "propose"),
	       "ROSE deny -> propose uplink: route.replace | link.carrier, time of day in UTC >= "
	       "01:00 and time of day in UTC < 05:00\n");
	expect("permit \"p\" { agent uplink  action link.down  on ups  level propose }\n",
	       "permit \"p\" { agent uplink  action link.down  on link { wan0 }  level propose }\n",
	       "ROSE deny -> propose uplink: link.down | on link == wan0, link.role != uplink or "
	       "unknown\n"
	       "FELL propose -> deny uplink: link.down | on link not in none, wan0, link.role == "
	       "uplink\n");
}

Test(diff, notes_terms_and_invariants, .init = setup, .fini = teardown)
{
	expect("invariant \"i\" { require count(ups up) >= 1 }\n"
	       "budget b = 3 per 1h\n" P("link.carrier", "propose  budget b"),
	       "invariant \"i\" { require count(ups up) >= 2 }\n"
	       "budget b = 4 per 1h\n" P("link.carrier", "propose  budget b  cooldown 5s"),
	       "note permit \"p\": cooldown 5s, was not asked for\n"
	       "note budget b: 4 per 1h, was 3 per 1h\n"
	       "note invariant \"i\" now requires 'count(ups up) >= 2'\n"
	       "note invariant \"i\" no longer requires 'count(ups up) >= 1'\n");
}

/* ---- random policies ------------------------------------------------------------------------- */

static const char *const guards[] = {
	"link.mtu > 1500",
	"link.mtu <= 1400",
	"link.carrier",
	"not link.carrier",
	"link.util > 70%",
	"link.mtu > 1400 and link.carrier",
	"link.mtu == 1500 or link.util < 10%",
	"action.metric < 100",
	"action.dst overlaps 10.1.0.0/16",
	"evidence.count >= 2",
	"model.confidence >= 0.9 or link.carrier",
	"not (link.util > 70% and link.carrier)",
};
static const char *const levels[] = { "observe", "propose", "approve", "auto  verify within 5s" };

static void random_policy(struct dice *d, char *buf, size_t size)
{
	unsigned n = 1 + dice_roll(d, 4);
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *guard = guards[dice_roll(d, ARRAY_SIZE(guards))];
		uint32_t kind = dice_roll(d, 5);

		if (kind < 3)
			at += (size_t) snprintf(
				buf + at, size - at,
				"permit \"%u\" { agent uplink  action route.replace "
				" when %s\n level %s }\n",
				i, guard, levels[dice_roll(d, 4)]);
		else if (kind == 3)
			at += (size_t) snprintf(buf + at, size - at,
						"forbid \"%u\" { action route.replace  when %s }\n",
						i, guard);
		else
			at += (size_t) snprintf(
				buf + at, size - at,
				"cap \"%u\" { action route.replace  when %s\n to %s "
				"}\n",
				i, guard, dice_roll(d, 2) ? "propose" : "observe");
	}
}

static void random_fact(struct dice *d, struct stage *s, const char *attr, const char *const *v,
			unsigned n)
{
	const char *text = v[dice_roll(d, n)], *why = "";
	char fact[64];

	(void) snprintf(fact, sizeof(fact), "link.w0.%s=%s", attr, text);
	cr_assert(stage_fact_text(s, fact, &why) >= 0, "%s: %s", fact, why);
}

static void random_request(struct dice *d, struct stage *s)
{
	static const char *const mtu[] = { "1399B", "1400B", "1500B", "1501B", "unknown" };
	static const char *const yes[] = { "true", "false", "unknown" };
	static const char *const util[] = { "5%", "70%", "71%", "unknown" };
	static const char *const dst[] = { "10.0.0.0/8", "10.1.0.0/24", "10.2.0.0/16",
					   "0.0.0.0/0" };
	struct anod_action *a = &s->proposal.action[0];

	cr_assert(stage_link(s, "w0") == 0);
	random_fact(d, s, "mtu", mtu, ARRAY_SIZE(mtu));
	random_fact(d, s, "carrier", yes, ARRAY_SIZE(yes));
	random_fact(d, s, "util", util, ARRAY_SIZE(util));
	s->evidence = dice_roll(d, 4);
	s->proposal.confidence = dice_roll(d, 3) ? 0.8 + dice_roll(d, 3) * 0.1 : -1;
	s->proposal.n_actions = 1;
	*a = (struct anod_action){ .size = sizeof(*a) };
	(void) copy_text(a->kind, sizeof(a->kind), "route.replace");
	world_arg(a, "dst", dst[dice_roll(d, ARRAY_SIZE(dst))]);
	world_arg(a, "dev", "w0");
	if (dice_roll(d, 2))
		world_arg(a, "metric", dice_roll(d, 2) ? "50" : "100");
}

static int level_of(struct stage *s, struct config *c)
{
	struct decision *d = NULL;
	int level;

	cr_assert(stage_decide(s, c, "uplink", false, &d) == 0);
	level = (int) d->level;
	decision_free(d);
	return level;
}

static void check_requests(struct dice *dice, struct config *a, struct config *b,
			   const struct diff *d, const char *text)
{
	for (unsigned n = 0; n < 60; n++) {
		struct stage *s = stage_new(world.schema, world.env.actions);
		int was, now;
		bool told = false;

		random_request(dice, s);
		was = level_of(s, a);
		now = level_of(s, b);
		for (unsigned i = 0; i < d->n; i++)
			told |= (int) d->change[i].was == was && (int) d->change[i].now == now &&
				strcmp(d->change[i].actions, "route.replace") == 0;
		cr_assert(was == now || told, "%s -> %s is not told:\n%s", level_name(was),
			  level_name(now), text);
		stage_free(s);
	}
}

Test(diff, tells_what_random_requests_meet_and_nothing_that_is_not_so, .init = setup,
     .fini = teardown)
{
	struct dice dice = { dice_seed("diff") };
	unsigned cases = getenv("ANOD_CASES") ? (unsigned) atoi(getenv("ANOD_CASES")) : 60;
	unsigned changes = 0;

	for (unsigned n = 0; n < cases; n++) {
		char was[2048] = "", now[2048] = "", text[4200];
		struct config *a, *b;
		struct diff d, back;

		random_policy(&dice, was, sizeof(was));
		random_policy(&dice, now, sizeof(now));
		(void) snprintf(text, sizeof(text), "%s--- new\n%s", was, now);
		a = load(was);
		b = load(now);
		cr_assert(policy_diff(a, b, world.schema, &world.env, &d) == 0);
		for (unsigned i = 0; i < d.n; i++)
			cr_assert(d.change[i].tried, "%s: %s\n%s", d.change[i].where,
				  d.change[i].untried, text);
		changes += d.n;
		check_requests(&dice, a, b, &d, text);
		cr_assert(policy_diff(b, a, world.schema, &world.env, &back) == 0);
		cr_assert_eq(d.n, back.n, "the way back has %u changes, not %u:\n%s", back.n, d.n,
			     text);
		diff_done(&d);
		diff_done(&back);
		config_free(a);
		config_free(b);
	}
	cr_expect(changes > cases / 2);
}
