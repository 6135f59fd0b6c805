/* What is changed to and fro is left alone; what we take back ourselves costs nothing. */
#include "policy/damp.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "world.h"

#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

static const struct policy_damping plain = {
	.suppress = 6000,
	.reuse = 750,
	.half_life_us = 15 * MINUTE,
	.max_us = 60 * MINUTE,
	.lockout_us = HOUR,
	.window_us = 30 * MINUTE,
};

struct bed {
	struct track *t;
	uint64_t tx, now_us;
};

static void begin(struct bed *b)
{
	*b = (struct bed){ .t = track_new(), .now_us = 100 * HOUR };
}

static struct track_entry entry(const char *resource, int way)
{
	struct track_entry e = {
		.turn = { .key = 7, .way = way, .from = way > 0 ? 1 : 2, .to = way > 0 ? 2 : 1 },
	};

	(void) copy_text(e.agent, sizeof(e.agent), "uplink");
	(void) copy_text(e.permit, sizeof(e.permit), "p");
	(void) copy_text(e.action, sizeof(e.action), "link.up");
	(void) copy_text(e.role, sizeof(e.role), "uplink");
	(void) copy_text(e.resource, sizeof(e.resource), resource);
	return e;
}

/* A change now; its transaction. */
static uint64_t change(struct bed *b, int way)
{
	struct track_entry e = entry("link wan0", way);

	e.tx = ++b->tx;
	e.at_us = (int64_t) b->now_us;
	cr_assert_eq(track_add(b->t, &e, 1), 0);
	cr_assert_eq(track_applied(b->t, e.tx, (int64_t) b->now_us), 1);
	(void) track_end(b->t, e.tx, OUTCOME_VERIFIED, (int64_t) b->now_us);
	return e.tx;
}

static struct damp_state look(const struct bed *b, int way)
{
	struct track_entry e = entry("link wan0", way);
	struct damp_state s;

	damp_look(b->t, &plain, "link wan0", way ? &e.turn : NULL, b->now_us, &s);
	return s;
}

Test(damp, two_reversals_lock_and_the_time_doubles)
{
	static const uint64_t want[] = { 1, 2, 4, 8, 16, 24, 24 };
	struct damp_state s;
	struct bed b;
	char text[256];
	int way = 1;

	begin(&b);
	(void) change(&b, 1);
	b.now_us += MINUTE;
	(void) change(&b, -1);
	s = look(&b, 0);
	cr_assert(!s.damped && s.reversals == 1);
	b.now_us += MINUTE;
	(void) change(&b, 1);
	s = look(&b, 0);
	cr_assert(s.damped && s.locked && s.reversals == 2 && !s.critical);
	cr_assert_eq(s.unlock_us, b.now_us + HOUR);
	cr_assert_str_eq(damp_text(&s, &plain, "link wan0", b.now_us, 0, text, sizeof(text)),
			 "link wan0 was turned round 2 times in 30m; locked until "
			 "1970-01-01T01:00:00.000Z (1h)");
	b.now_us += HOUR - 1;
	cr_assert(look(&b, 0).locked);
	b.now_us += 1;
	s = look(&b, 0);
	cr_assert(!s.damped && s.reversals == 2, "an hour, and it may; the window stood still");

	for (unsigned i = 1; i < ARRAY_SIZE(want); i++) {
		way = -way;
		(void) change(&b, way);
		s = look(&b, 0);
		cr_assert(s.locked && s.critical && s.locks == i + 1, "%u", i);
		cr_assert_eq(s.unlock_us, b.now_us + want[i] * HOUR, "%u", i);
		b.now_us = s.unlock_us;
	}
	/* Calm for long: it begins anew. */
	b.now_us += 25 * HOUR;
	for (unsigned i = 0; i < 3; i++, way = -way)
		(void) change(&b, -way);
	s = look(&b, 0);
	cr_assert(s.locked && !s.critical);
	cr_assert_eq(s.unlock_us, b.now_us + HOUR);
	track_free(b.t);
}

Test(damp, slow_turns_and_people_do_not_lock)
{
	struct bed b;
	int way = 1;

	begin(&b);
	for (unsigned i = 0; i < 20; i++, way = -way, b.now_us += 31 * MINUTE) {
		(void) change(&b, way);
		cr_assert_not(look(&b, 0).damped, "%u", i);
	}
	/* While it is locked only people change it: that prolongs nothing. */
	for (unsigned i = 0; i < 3; i++, way = -way)
		(void) change(&b, way);
	cr_assert(look(&b, 0).locked);
	b.now_us += 30 * MINUTE;
	for (unsigned i = 0; i < 4; i++, way = -way)
		(void) change(&b, way);
	cr_assert_eq(look(&b, 0).locks, 1);
	b.now_us += 31 * MINUTE;
	cr_assert_not(look(&b, 0).locked);
	track_free(b.t);
}

Test(damp, the_penalty_is_of_rfc_2439)
{
	struct damp_state s;
	struct bed b;

	begin(&b);
	for (unsigned i = 0; i < 5; i++)
		(void) change(&b, 1);
	s = look(&b, 1);
	cr_assert(s.penalty == 5000 && !s.damped);
	b.now_us += 15 * MINUTE;
	cr_assert_eq(look(&b, 1).penalty, 2500, "half after a half-life");
	for (unsigned i = 0; i < 4; i++)
		(void) change(&b, 1);
	s = look(&b, 1);
	cr_assert(s.penalty == 6500 && s.suppressed && s.damped && !s.locked);
	cr_assert_not(look(&b, -1).damped, "the way back is free");
	/* 750 = 6500 / 2^n: n = 3.1155, of 15 min */
	cr_assert_float_eq((double) (s.reuse_us - b.now_us) / MINUTE, 46.73, 0.01);
	b.now_us = s.reuse_us;
	cr_assert_not(look(&b, 1).damped);
	for (unsigned i = 0; i < 50; i++)
		(void) change(&b, 1);
	s = look(&b, 1);
	cr_assert_eq(s.penalty, 12000, "not more than falls to 750 in 60m");
	cr_assert_eq(s.reuse_us, b.now_us + 60 * MINUTE);
	track_free(b.t);
}

/* A change that we take back is charged once, as a change, and never as a turn. */
Test(damp, our_own_undo_never_locks)
{
	uint64_t seed = dice_seed("damp");
	struct dice d = { seed };

	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 3 + dice_roll(&d, 30), undone = 0;
		struct damp_state s;
		struct bed b;

		begin(&b);
		for (unsigned i = 0; i < n; i++) {
			uint64_t tx = change(&b, dice_roll(&d, 2) ? 1 : -1);

			b.now_us += dice_roll(&d, 60) * US_PER_S;
			undone += track_undone(b.t, tx, (int64_t) b.now_us);
			b.now_us += dice_roll(&d, 600) * US_PER_S;
		}
		s = look(&b, 0);
		cr_assert_eq(undone, n);
		cr_assert(!s.locked && !s.locks && !s.reversals, "seed %llu round %u",
			  (unsigned long long) seed, round);
		cr_assert_leq(s.penalty, n * DAMP_CHANGE);
		track_free(b.t);
	}
}

/* ---- in decisions ------------------------------------------------------------------------- */

static void down(struct world *w)
{
	world_arg(world_propose(w, "link.down"), "dev", "wan0");
}

/* Turn wan0 round so often, in the past of the world. */
static void turn_round(struct world *w, unsigned n)
{
	for (unsigned i = 0; i <= n; i++) {
		struct decision *d;

		world_link(w, 2, "wan0", "uplink", i % 2, true);
		world_arg(world_propose(w, i % 2 ? "link.down" : "link.up"), "dev", "wan0");
		d = world_decide(w, "uplink");
		cr_assert_eq(d->n_entries, 1, "%s", d->reason);
		d->entry[0].tx = i + 1;
		d->entry[0].at_us = (int64_t) w->now_us;
		cr_assert_eq(track_add(w->track, d->entry, 1), 0);
		(void) track_applied(w->track, i + 1, (int64_t) w->now_us);
		(void) track_end(w->track, i + 1, OUTCOME_VERIFIED, (int64_t) w->now_us);
		decision_free(d);
		w->now_us += US_PER_S;
	}
	world_link(w, 2, "wan0", "uplink", true, true);
}

#define PERMIT(name, level)                                                                        \
	"permit \"" name "\" { agent any  action link.*  level " level                             \
	"  verify within 5s that link.wan1.carrier }\n"

static void decides(struct world *w, const char *policy, enum level level, const char *why)
{
	struct decision *d;

	world_policy(w, policy);
	down(w);
	d = world_decide(w, "arp");
	cr_expect_eq(d->level, level, "%s", d->reason);
	cr_expect(strstr(d->reason, why), "%s", d->reason);
	cr_expect(d->damped || strncmp(d->reason, "damped: ", 8) != 0);
	decision_free(d);
}

Test(damp, a_damped_resource_is_observed_by_any_agent_and_people_may)
{
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_policy(&w, PERMIT("p", "auto"));
	w.track = track_new();
	turn_round(&w, 1);
	decides(&w, PERMIT("p", "auto"), LEVEL_AUTO, "permit \"p\"");
	track_free(w.track);
	w.track = track_new();
	turn_round(&w, 2);
	decides(&w, PERMIT("p", "auto"), LEVEL_OBSERVE,
		"damped: link wan0 was turned round 2 times in 30m; locked until ");
	decides(&w, PERMIT("p", "auto") PERMIT("q", "approve"), LEVEL_APPROVE, "needs approval");
	decides(&w, PERMIT("p", "approve"), LEVEL_APPROVE, "permit \"p\"");
	decides(&w, PERMIT("p", "propose"), LEVEL_PROPOSE, "permit \"p\"");
	decides(&w, PERMIT("p", "auto") "damping off\n", LEVEL_AUTO, "permit \"p\"");
	decides(&w, PERMIT("p", "auto") "damping { lockout 2s }\n", LEVEL_OBSERVE, "(1s)");
	decides(&w, PERMIT("p", "auto") "damping { window 1s }\n", LEVEL_AUTO, "permit \"p\"");
	decides(&w, PERMIT("p", "auto") "forbid \"f\" { action link.down }\n", LEVEL_DENY,
		"forbid \"f\"");
	/* A history that is lost raises nothing. */
	track_free(w.track);
	w.track = track_new();
	track_forget(w.track, (int64_t) w.now_us - 10);
	decides(&w, PERMIT("p", "auto"), LEVEL_OBSERVE, "the history was lost; locked until");
	track_free(w.track);
	w.track = track_new();
	track_forget(w.track, (int64_t) w.now_us - (int64_t) HOUR);
	decides(&w, PERMIT("p", "auto"), LEVEL_AUTO, "permit");
	turn_round(&w, 2);
	/* Another resource is free. */
	world_policy(&w, PERMIT("p", "auto"));
	world_arg(world_propose(&w, "link.down"), "dev", "wan1");
	cr_expect_eq(world_level(&w, "arp"), LEVEL_AUTO);
	track_free(w.track);
	w.track = NULL;
	world_done(&w);
}
