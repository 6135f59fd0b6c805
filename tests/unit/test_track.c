/*
 * The track: what promotion, formerly and reversals say, against a reference that forgets nothing
 * and counts everything anew.  The seed is printed; ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes
 * it longer.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "policy/track.h"
#include "world.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

static struct policy_rule permit_of(const char *name, unsigned after, int64_t within_us,
				    unsigned failures)
{
	return (struct policy_rule){ .kind = RULE_PERMIT,
				     .name = (char *) (uintptr_t) name,
				     .level = LEVEL_APPROVE,
				     .promote = { .to = LEVEL_AUTO,
						  .after = after,
						  .within_us = (uint64_t) within_us,
						  .max_failures = failures } };
}

static struct track_entry entry_of(uint64_t tx, const char *permit, const char *resource,
				   int64_t at_us)
{
	struct track_entry e = { .tx = tx, .at_us = at_us, .audited = true };

	(void) copy_text(e.agent, sizeof(e.agent), "puppet");
	(void) copy_text(e.permit, sizeof(e.permit), permit);
	(void) copy_text(e.action, sizeof(e.action), "link.down");
	(void) copy_text(e.resource, sizeof(e.resource), resource);
	(void) copy_text(e.role, sizeof(e.role), "uplink");
	return e;
}

/* One that ended so at 'at_us'. */
static void past(struct track *t, uint64_t tx, enum outcome o, int64_t at_us)
{
	struct track_entry e = entry_of(tx, "p", "link wan0", at_us);

	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_assert_eq(track_applied(t, tx, at_us), 1);
	if (o == OUTCOME_ROLLED_BACK)
		cr_assert_eq(track_undone(t, tx, at_us), 1);
	cr_assert_eq(track_end(t, tx, o, at_us), 1);
}

static struct track_standing stand(const struct track *t, const struct policy_rule *r,
				   int64_t now_us)
{
	struct track_standing s;

	track_standing(t, r, "puppet", "link.down", "uplink", (uint64_t) now_us, &s);
	return s;
}

Test(track, a_promotion_is_earned_and_lost_at_the_first_rollback)
{
	struct policy_rule r = permit_of("p", 3, 0, 0);
	struct track *t = track_new();
	uint64_t tx = 1;

	cr_assert_eq(stand(t, &r, DAY).verified, 0);
	for (unsigned i = 1; i <= 3; i++) {
		past(t, tx++, OUTCOME_VERIFIED, DAY + i);
		cr_expect_eq(stand(t, &r, DAY + 10).verified, i);
		cr_expect_eq(stand(t, &r, DAY + 10).promoted, i == 3);
	}
	past(t, tx++, OUTCOME_SUPERSEDED, DAY + 4);
	cr_expect(stand(t, &r, DAY + 10).promoted, "what others changed says nothing");
	past(t, tx++, OUTCOME_ROLLED_BACK, DAY + 5);
	cr_expect_not(stand(t, &r, DAY + 10).promoted);
	cr_expect_eq(stand(t, &r, DAY + 10).verified, 0, "from zero");
	for (unsigned i = 6; i <= 8; i++)
		past(t, tx++, OUTCOME_VERIFIED, DAY + i);
	cr_expect(stand(t, &r, DAY + 10).promoted, "earned anew");
	past(t, tx++, OUTCOME_STUCK, DAY + 9);
	cr_expect_not(stand(t, &r, DAY + 10).promoted);
	track_free(t);
}

Test(track, only_what_a_condition_measured_on_this_class_and_kind_counts)
{
	struct policy_rule r = permit_of("p", 1, 0, 0);
	struct track *t = track_new();
	struct track_entry e = entry_of(1, "p", "link wan0", DAY);
	struct track_standing s;

	e.outcome = OUTCOME_VERIFIED;
	e.audited = false;
	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_expect_eq(stand(t, &r, DAY + 1).verified, 0, "read back only");
	e.audited = e.touched = true;
	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_expect_eq(stand(t, &r, DAY + 1).verified, 0, "only touched");
	e.touched = false;
	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_expect(stand(t, &r, DAY + 1).promoted);

	track_standing(t, &r, "other", "link.down", "uplink", DAY + 1, &s);
	cr_expect_not(s.promoted, "another agent");
	track_standing(t, &r, "puppet", "link.up", "uplink", DAY + 1, &s);
	cr_expect_not(s.promoted, "another kind of action");
	track_standing(t, &r, "puppet", "link.down", "core", DAY + 1, &s);
	cr_expect_not(s.promoted, "another class");
	track_standing(t, &r, "puppet", "link.down", "", DAY + 1, &s);
	cr_expect(!s.promoted && s.unknown, "an unknown class");
	track_standing(NULL, &r, "puppet", "link.down", "uplink", DAY + 1, &s);
	cr_expect(!s.promoted && s.unknown, "no track");

	/* A rollback of another kind counts against the permit. */
	e = entry_of(2, "p", "link wan0", DAY + 1);
	(void) copy_text(e.action, sizeof(e.action), "link.up");
	e.outcome = OUTCOME_ROLLED_BACK;
	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_expect_not(stand(t, &r, DAY + 2).promoted);
	track_free(t);
}

Test(track, a_transaction_of_many_actions_and_links_counts_once)
{
	struct policy_rule r = permit_of("p", 2, DAY, 0);
	struct track *t = track_new();
	struct track_entry e[3];

	for (unsigned i = 0; i < 3; i++) {
		e[i] = entry_of(7, "p", i ? "link wan1" : "link wan0", DAY);
		e[i].nth = i;
	}
	cr_assert_eq(track_add(t, e, 3), 0);
	cr_expect_eq(track_end(t, 7, OUTCOME_VERIFIED, DAY + 1), 3);
	cr_expect_eq(stand(t, &r, DAY + 2).verified, 1);
	cr_assert_eq(track_add(t, e, 3), 0, "a newer journal begins to count anew");
	cr_expect_eq(track_end(t, 7, OUTCOME_ROLLED_BACK, DAY + 2), 3);
	cr_expect_eq(stand(t, &r, DAY + 3).failed, 1);
	track_free(t);
}

Test(track, demotion_has_the_last_word_and_ends)
{
	struct policy_rule r = permit_of("p", 1, 0, 0);
	struct track *t = track_new();
	struct track_standing s;

	r.demote = (struct policy_demote){ .to_set = true, .to = LEVEL_OBSERVE, .for_us = DAY };
	past(t, 1, OUTCOME_ROLLED_BACK, 2 * DAY);
	past(t, 2, OUTCOME_VERIFIED, 2 * DAY + 1);
	s = stand(t, &r, 3 * DAY - 1);
	cr_expect(s.demoted && s.promoted);
	cr_expect_eq(track_level(&r, &s), LEVEL_OBSERVE);
	s = stand(t, &r, 3 * DAY);
	cr_expect_not(s.demoted);
	cr_expect_eq(track_level(&r, &s), LEVEL_AUTO);

	r.demote.for_us = 0; /* until it is earned back, or out of the window */
	r.demote.to = LEVEL_PROPOSE;
	s = stand(t, &r, 3 * DAY);
	cr_expect_eq(track_level(&r, &s), LEVEL_AUTO);
	r.promote.after = 2;
	s = stand(t, &r, 300 * DAY);
	cr_expect_eq(track_level(&r, &s), LEVEL_PROPOSE);
	cr_expect_eq(s.demoted_until_us, INT64_MAX);
	r.promote.within_us = 30 * (uint64_t) DAY;
	s = stand(t, &r, 32 * DAY);
	cr_expect_not(s.demoted);
	cr_expect_eq(track_level(&r, &s), LEVEL_APPROVE);
	track_free(t);
}

Test(track, after_a_loss_nothing_is_promoted_and_failures_are_feared)
{
	struct policy_rule r = permit_of("p", 1, 3 * DAY, 0);
	struct track *t = track_new();
	int64_t low, high;

	track_forget(t, 10 * DAY);
	past(t, 1, OUTCOME_VERIFIED, 10 * DAY + 1);
	cr_expect_not(stand(t, &r, 13 * DAY - 1).promoted, "the window is not known whole");
	cr_expect(stand(t, &r, 13 * DAY - 1).unknown);
	cr_expect(stand(t, &r, 13 * DAY).promoted);
	r.demote = (struct policy_demote){ .to_set = true, .to = LEVEL_OBSERVE, .for_us = DAY };
	cr_expect(stand(t, &r, 11 * DAY - 1).demoted);
	cr_expect_not(stand(t, &r, 11 * DAY).demoted);

	cr_expect_eq(track_formerly(t, "link.up", NULL, DAY, 11 * DAY - 1), ANOD_DOUBT);
	cr_expect_eq(track_formerly(t, "link.up", NULL, DAY, 11 * DAY), ANOD_FALSE);
	cr_expect_eq(track_formerly(t, "link.*", "link wan0", 2 * DAY, 11 * DAY), ANOD_TRUE);
	track_reversals(t, "link wan0", DAY, 11 * DAY - 1, &low, &high);
	cr_expect(low == 0 && high == INT64_MAX);
	track_reversals(t, "link wan0", DAY, 11 * DAY, &low, &high);
	cr_expect(low == 0 && high == 0);
	cr_expect_eq(track_formerly(NULL, "link.up", NULL, 1, 1), ANOD_DOUBT);
	track_free(t);
}

Test(track, a_full_one_forgets_successes_first_and_says_so)
{
	struct policy_rule r = permit_of("p", 5, 0, 0);
	struct track *t = track_new();
	unsigned failures = 0;
	uint64_t tx = 1;

	past(t, tx++, OUTCOME_ROLLED_BACK, DAY);
	past(t, tx++, OUTCOME_VERIFIED, DAY + 1);
	for (; tx < 3 * TRACK_MAX; tx++)
		past(t, tx, OUTCOME_VERIFIED, DAY + (int64_t) tx);
	cr_expect_leq(track_count(t), TRACK_MAX);
	cr_expect_eq(track_nth(t, 0)->outcome, OUTCOME_ROLLED_BACK, "a failure stays");
	cr_expect_eq(track_known_since(t), TRACK_EVER, "of failures all is known");
	cr_expect(stand(t, &r, 2 * DAY).promoted);
	cr_expect_eq(track_formerly(t, "link.up", NULL, DAY + 5, 2 * DAY), ANOD_DOUBT,
		     "but not of all that was done");
	for (; tx < 6 * TRACK_MAX; tx++)
		past(t, tx, OUTCOME_STUCK, 2 * DAY + (int64_t) tx);
	for (unsigned i = 0; i < track_count(t); i++)
		failures += track_nth(t, i)->outcome == OUTCOME_STUCK;
	cr_expect_gt(failures, TRACK_MAX / 2);
	cr_expect_gt(track_known_since(t), 2 * DAY);
	track_free(t);
}

/* ---- reversals ------------------------------------------------------------------------------ */

static void change(struct track *t, uint64_t tx, const char *resource, struct track_turn turn,
		   int64_t at_us, bool undo)
{
	struct track_entry e = entry_of(tx, "p", resource, at_us);

	e.turn = turn;
	cr_assert_eq(track_add(t, &e, 1), 0);
	cr_assert_eq(track_applied(t, tx, at_us), 1);
	if (undo)
		cr_assert_eq(track_undone(t, tx, at_us + 1), 1);
}

static int64_t turns(const struct track *t, const char *resource, int64_t within_us, int64_t now_us)
{
	int64_t low, high;

	track_reversals(t, resource, (uint64_t) within_us, (uint64_t) now_us, &low, &high);
	cr_expect_eq(low, high);
	return low;
}

Test(track, there_and_back_is_one_reversal_wherever_it_is_seen)
{
	const struct track_turn down = { 9, -1, 1, 0 }, up = { 9, 1, 0, 1 };
	const struct track_turn ab = { 5, 0, 10, 11 }, ba = { 5, 0, 11, 10 }, bc = { 5, 0, 11, 12 };
	const struct track_turn made = { 7, 1, 0, 3 }, moved = { 7, 0, 3, 4 },
				gone = { 7, -1, 4, 0 };
	struct track *t = track_new();

	change(t, 1, "link wan0", down, DAY, false);
	cr_expect_eq(turns(t, "link wan0", DAY, DAY + 9), 0);
	change(t, 2, "link wan0", up, DAY + 10, false);
	cr_expect_eq(turns(t, "link wan0", DAY, DAY + 19), 1);
	change(t, 3, "link wan0", up, DAY + 20, false);
	cr_expect_eq(turns(t, "link wan0", DAY, DAY + 29), 1, "the same way again");
	change(t, 4, "link wan0", down, DAY + 30, true);
	cr_expect_eq(turns(t, "link wan0", DAY, DAY + 39), 3, "an undo turns, too");
	cr_expect_eq(turns(t, "link wan0", 20, DAY + 39), 2, "both ends in the window");
	cr_expect_eq(turns(t, "link wan0", 19, DAY + 39), 1);
	cr_expect_eq(turns(t, "link wan0", 10, DAY + 39), 1);
	cr_expect_eq(turns(t, "link wan0", 9, DAY + 39), 0);
	cr_expect_eq(turns(t, "link wan1", DAY, DAY + 39), 0);

	/* A route that moves between two links is seen on both. */
	change(t, 5, "link wan1", ab, DAY + 50, false);
	change(t, 6, "link wan2", ba, DAY + 51, false);
	cr_expect_eq(turns(t, "link wan2", DAY, DAY + 60), 1);
	change(t, 7, "link wan1", ab, DAY + 52, false);
	cr_expect_eq(turns(t, "link wan1", DAY, DAY + 60), 1);
	change(t, 8, "link wan1", bc, DAY + 53, false);
	cr_expect_eq(turns(t, "link wan1", DAY, DAY + 60), 1, "on to a third one is no way back");

	change(t, 9, "prefix x", made, DAY + 70, false);
	change(t, 10, "prefix x", moved, DAY + 71, false);
	cr_expect_eq(turns(t, "prefix x", DAY, DAY + 80), 0);
	change(t, 11, "prefix x", gone, DAY + 72, false);
	cr_expect_eq(turns(t, "prefix x", DAY, DAY + 80), 1, "made, moved, gone");
	track_free(t);
}

/* ---- against the reference ------------------------------------------------------------------- */

#define TXS_MAX	  120
#define RESOURCES 3
#define KEYS	  3

struct naive { /* one transaction of one entry */
	unsigned permit, role, action, resource;
	bool audited, applied, undone, vague, ended;
	enum outcome outcome;
	int64_t at_us, applied_us, undone_us;
	struct track_turn turn;
};

static const char *const permits[] = { "p", "q" }, *const roles[] = { "uplink", "core" };
static const char *const actions[] = { "link.down", "route.replace" };
static const char *const resources[] = { "link wan0", "link wan1", "prefix ::/0" };

/* A table for each thing: state before and after every change of it is a number below 4. */
static void random_change(struct dice *d, uint32_t *state, struct naive *x)
{
	uint32_t key = dice_roll(d, KEYS), to = dice_roll(d, 4);

	x->turn = (struct track_turn){ .key = key + 1, .from = state[key] + 1, .to = to + 1 };
	if (key == 0) /* a number */
		x->turn.way = (to > state[key]) - (to < state[key]);
	else if (key == 1) /* 0 is "not there" */
		x->turn.way = (to > 0) - (state[key] > 0);
	if (!x->undone)
		state[key] = to;
}

static struct track *begin(struct dice *d, struct track *t, const struct naive *x, uint64_t tx,
			   int64_t now_us)
{
	struct track_entry e = {
		.tx = tx, .audited = x->audited, .at_us = now_us, .turn = x->turn
	};

	(void) d;
	(void) copy_text(e.agent, sizeof(e.agent), "puppet");
	(void) copy_text(e.permit, sizeof(e.permit), permits[x->permit]);
	(void) copy_text(e.action, sizeof(e.action), actions[x->action]);
	(void) copy_text(e.resource, sizeof(e.resource), resources[x->resource]);
	(void) copy_text(e.role, sizeof(e.role), roles[x->role]);
	cr_assert_eq(track_add(t, &e, 1), 0);
	if (x->applied)
		cr_assert_eq(track_applied(t, tx, x->applied_us), 1);
	if (x->undone)
		cr_assert_eq(track_undone(t, tx, x->undone_us), 1);
	if (x->ended)
		cr_assert_eq(track_end(t, tx, x->outcome, x->at_us), 1);
	if (x->vague)
		cr_assert_eq(track_doubt(t, tx), 1);
	return t;
}

static void random_past(struct dice *d, uint32_t *state, struct naive *x, int64_t *now_us)
{
	static const enum outcome ends[] = { OUTCOME_VERIFIED,	 OUTCOME_VERIFIED,
					     OUTCOME_VERIFIED,	 OUTCOME_VERIFIED,
					     OUTCOME_SUPERSEDED, OUTCOME_ROLLED_BACK,
					     OUTCOME_STUCK };

	*x = (struct naive){ .permit = dice_roll(d, 2),
			     .role = dice_roll(d, 2),
			     .action = dice_roll(d, 2),
			     .resource = dice_roll(d, RESOURCES),
			     .audited = dice_roll(d, 4) > 0,
			     .applied = true,
			     .vague = dice_roll(d, 20) == 0,
			     .ended = dice_roll(d, 10) > 0,
			     .at_us = *now_us };
	if (x->ended)
		x->outcome = ends[dice_roll(d, ARRAY_SIZE(ends))];
	*now_us += 1 + dice_roll(d, 10);
	x->applied_us = *now_us;
	*now_us += 1 + dice_roll(d, 10);
	x->undone = x->ended && (x->outcome == OUTCOME_ROLLED_BACK || dice_roll(d, 8) == 0);
	x->undone_us = *now_us;
	if (x->ended)
		x->at_us = *now_us;
	random_change(d, state, x);
}

static bool naive_failed(const struct naive *x)
{
	return x->outcome == OUTCOME_ROLLED_BACK || x->outcome == OUTCOME_STUCK;
}

/* Word by word: N verified since the window began and since the failures that are too many, none
 * of them in doubt; not more rollbacks in the window than are accepted. */
static bool naive_promoted(const struct naive *x, unsigned n, const struct policy_rule *r,
			   unsigned permit, unsigned role, unsigned action, int64_t now_us)
{
	int64_t from_us =
		r->promote.within_us ? now_us - (int64_t) r->promote.within_us : INT64_MIN;
	unsigned failed = 0, verified = 0;

	for (unsigned i = 0; i < n; i++)
		if (x[i].permit == permit && x[i].role == role && naive_failed(&x[i]))
			failed += x[i].at_us > from_us;
	if (failed > r->promote.max_failures && r->promote.within_us)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (x[i].permit == permit && x[i].role == role && naive_failed(&x[i]) &&
		    !r->promote.within_us)
			verified = 0;
		else if (x[i].permit == permit && x[i].role == role && x[i].action == action &&
			 x[i].outcome == OUTCOME_VERIFIED && x[i].audited && x[i].at_us > from_us &&
			 (!x[i].vague || (!r->promote.within_us && !failed)))
			verified++;
	}
	return verified >= r->promote.after;
}

struct event {
	unsigned resource;
	struct track_turn turn;
	int64_t at_us;
	bool vague;
};

/* Every change and every undo, one after the other. */
static unsigned naive_events(const struct naive *x, unsigned n, struct event *ret)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct track_turn *m = &x[i].turn;

		ret[k++] = (struct event){ x[i].resource, *m, x[i].applied_us, x[i].vague };
		if (x[i].undone)
			ret[k++] = (struct event){ x[i].resource,
						   { m->key, -m->way, m->to, m->from },
						   x[i].undone_us,
						   x[i].vague };
	}
	return k;
}

static void naive_turns(const struct event *e, unsigned n, unsigned resource, int64_t from_us,
			int64_t *low, int64_t *high)
{
	*low = *high = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct event *last = NULL, *last_way = NULL, *turned = NULL;

		for (unsigned k = 0; k < i; k++) {
			if (e[k].turn.key != e[i].turn.key)
				continue;
			last = &e[k];
			last_way = e[k].turn.way ? &e[k] : last_way;
		}
		if (last && e[i].turn.to == last->turn.from && e[i].turn.from != e[i].turn.to)
			turned = last;
		else if (last_way && e[i].turn.way && e[i].turn.way == -last_way->turn.way)
			turned = last_way;
		if (!turned || e[i].resource != resource || turned->at_us <= from_us)
			continue;
		*high += 1;
		*low += !e[i].vague;
	}
}

/* Everything to text and back, as a restart 'away_us' later reads it. */
static struct track *restart(struct track *t, int64_t now_us, int64_t *ret_now_us)
{
	struct track *fresh = track_new();
	struct track_entry e;

	*ret_now_us = 5 * SECOND; /* boot time begins anew */
	for (unsigned i = 0; i < track_count(t); i++) {
		cJSON *o = track_entry_json(track_nth(t, i), now_us);

		cr_assert_eq(track_entry_read(o, *ret_now_us, 0, &e), 0);
		cr_assert_eq(track_add(fresh, &e, 1), 0);
		cJSON_Delete(o);
	}
	track_free(t);
	return fresh;
}

static unsigned compare(const struct track *t, const struct naive *x, unsigned n, struct dice *d,
			int64_t naive_now, int64_t now_us, uint64_t seed)
{
	unsigned permit = dice_roll(d, 2), role = dice_roll(d, 2), action = dice_roll(d, 2);
	unsigned resource = dice_roll(d, RESOURCES);
	int64_t within_us = dice_roll(d, 3) ? 1 + dice_roll(d, 900) : 0, low, high, a, b;
	struct policy_rule r = permit_of(permits[permit], 1 + dice_roll(d, 4), within_us,
					 within_us ? dice_roll(d, 3) : 0);
	struct event event[2 * TXS_MAX];
	struct track_standing s;
	enum anod_tri was = ANOD_FALSE;
	bool promoted = naive_promoted(x, n, &r, permit, role, action, naive_now);

	track_standing(t, &r, "puppet", actions[action], roles[role], (uint64_t) now_us, &s);
	cr_assert_eq(s.promoted, promoted, "seed %llu: %u of %u verified, %u failed, %s",
		     (unsigned long long) seed, s.verified, r.promote.after, s.failed,
		     promoted ? "should be promoted" : "should not");
	cr_assert_eq(track_level(&r, &s), promoted ? LEVEL_AUTO : LEVEL_APPROVE);

	within_us = 1 + dice_roll(d, 900);
	naive_turns(event, naive_events(x, n, event), resource, naive_now - within_us, &a, &b);
	track_reversals(t, resources[resource], (uint64_t) within_us, (uint64_t) now_us, &low,
			&high);
	cr_assert(low == a && high == b, "seed %llu: %lld..%lld turns, should be %lld..%lld",
		  (unsigned long long) seed, (long long) low, (long long) high, (long long) a,
		  (long long) b);

	for (unsigned i = 0; i < n; i++)
		if (x[i].resource == resource && x[i].action == action &&
		    x[i].applied_us > naive_now - within_us)
			was = MAX_OF(was, x[i].vague ? ANOD_DOUBT : ANOD_TRUE);
	cr_assert_eq(track_formerly(t, actions[action], resources[resource], (uint64_t) within_us,
				    (uint64_t) now_us),
		     was, "seed %llu", (unsigned long long) seed);
	return promoted;
}

Test(track, says_what_the_reference_says)
{
	static const char *const rounds_text = "ANOD_ROUNDS";
	uint64_t seed = dice_seed("track");
	struct dice d = { seed };
	const char *text = getenv(rounds_text);
	unsigned rounds = text ? (unsigned) atoi(text) : 10000, promoted = 0, asked = 0;

	for (unsigned done = 0; done < rounds;) {
		struct naive x[TXS_MAX];
		uint32_t state[KEYS] = { 0 };
		int64_t now_us = DAY, offset_us = 0, other;
		struct track *t = track_new();

		for (unsigned n = 0; n < TXS_MAX && done < rounds; n++, done++) {
			random_past(&d, state, &x[n], &now_us);
			if (x[n].vague && !x[n].undone)
				x[n].undone_us = 0;
			{
				struct naive shifted = x[n];

				shifted.at_us += offset_us;
				shifted.applied_us += offset_us;
				shifted.undone_us += offset_us;
				begin(&d, t, &shifted, n + 1, shifted.at_us);
			}
			now_us += dice_roll(&d, 40);
			if (dice_roll(&d, 30) == 0) {
				t = restart(t, now_us + offset_us, &other);
				offset_us = other - now_us;
			}
			promoted += compare(t, x, n + 1, &d, now_us, now_us + offset_us, seed);
			asked++;
		}
		track_free(t);
	}
	fprintf(stderr, "track: %u sequences asked, %u times promoted\n", asked, promoted);
	cr_assert_gt(promoted, asked / 20, "the test must see both answers");
}

Test(track, json_that_is_no_entry_is_refused)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"tx\":-1}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":"
		"\"link a\",\"class\":\"c\",\"end\":\"won\",\"age_us\":1}",
		"{\"tx\":1,\"nth\":64,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":\"link a\",\"class\":\"c\",\"end\":\"open\",\"age_us\":1}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":"
		"\"link a\",\"class\":\"c\",\"end\":\"open\"}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":"
		"\"link a\",\"class\":\"c\",\"end\":\"open\",\"age_us\":-5}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":"
		"\"link "
		"a\",\"class\":\"c\",\"end\":\"open\",\"age_us\":1,\"applied_age_us\":\"x\"}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"x\","
		"\"resource\":"
		"\"link a\",\"class\":\"c\",\"end\":\"open\",\"age_us\":1,\"key\":0}",
		"{\"tx\":1,\"nth\":0,\"agent\":\"a\",\"permit\":\"p\",\"action\":\"a word that is "
		"far "
		"too long\",\"resource\":\"link a\",\"class\":\"c\",\"end\":\"open\",\"age_us\":1}",
	};
	struct track_entry e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cJSON *o = cJSON_Parse(bad[i]);

		cr_assert_not_null(o);
		cr_expect_eq(track_entry_read(o, DAY, 0, &e), -EBADMSG, "%s", bad[i]);
		cJSON_Delete(o);
	}
}

Test(track, relapses_within_the_probation_are_counted_up_to_the_first_gap)
{
	_cleanup_(track_freep) struct track *t = track_new();
	int64_t at = 0;

	cr_assert_eq(track_relapses(t, "p", "link wan0", 60 * SECOND), 0);
	for (uint64_t tx = 1; tx <= 5; tx++) {
		struct track_entry e = entry_of(tx, "p", "link wan0", at);

		/* 10 s in force, 30 s of rest; before the third 100 s of rest */
		at += tx == 3 ? 100 * SECOND : 30 * SECOND;
		e.at_us = at;
		cr_assert_eq(track_add(t, &e, 1), 0);
		(void) track_applied(t, tx, at);
		(void) track_end(t, tx, OUTCOME_VERIFIED, at);
		at += 10 * SECOND;
		if (tx < 5)
			(void) track_undone(t, tx, at);
	}
	cr_assert_eq(track_relapses(t, "p", "link wan0", 60 * SECOND), 2);
	cr_assert_eq(track_relapses(t, "p", "link wan0", 20 * SECOND), 0);
	cr_assert_eq(track_relapses(t, "p", "link wan0", 1000 * SECOND), 4);
	cr_assert_eq(track_relapses(t, "p", "link wan1", 60 * SECOND), 0);
	cr_assert_eq(track_relapses(t, "q", "link wan0", 60 * SECOND), 0);

	/* One that was rolled back is no return. */
	t = track_free(t);
	t = track_new();
	past(t, 1, OUTCOME_ROLLED_BACK, SECOND);
	past(t, 2, OUTCOME_VERIFIED, 2 * SECOND);
	cr_assert_eq(track_relapses(t, "p", "link wan0", 60 * SECOND), 0);
}
