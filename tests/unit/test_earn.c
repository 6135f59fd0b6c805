/*
 * What history earns, in decisions: promotion on the weakest link, demotion, formerly, reversals.
 * The seed of the property is printed; ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes it longer.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

#define PROMOTE                                                                                    \
	"permit \"p\" {\n agent uplink\n action route.replace, link.set\n level approve by 1 of "  \
	"noc\n verify within 5s that link.carrier\n"                                               \
	" promote to auto after 2 verified and rollbacks == 0 in 30d\n"

static void edge(struct world *w)
{
	struct anod_action *a;

	world_init(w);
	w->track = track_new();
	world_link(w, 2, "wan0", "uplink", true, true);
	world_link(w, 3, "wan1", "uplink", true, true);
	world_link(w, 4, "lan0", "core", true, true);
	world_link(w, 5, "mgmt0", "", true, true);
	world_route(w, "0.0.0.0/0", 100, "192.0.2.1", 2);
	world_route(w, "198.51.100.0/24", 0, NULL, 3);
	a = world_propose(w, "route.replace");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "via", "198.51.100.1");
	world_arg(a, "dev", "wan1");
	world_arg(a, "metric", "100");
}

static void done(struct world *w)
{
	track_free(w->track);
	world_done(w);
}

/* What was decided is carried out and ends so. */
static void carry_out(struct world *w, uint64_t tx, const struct decision *d, enum outcome o)
{
	cr_assert_gt(d->n_entries, 0);
	for (unsigned i = 0; i < d->n_entries; i++) {
		d->entry[i].tx = tx;
		d->entry[i].at_us = (int64_t) w->now_us;
	}
	cr_assert_eq(track_add(w->track, d->entry, d->n_entries), 0);
	cr_assert_eq(track_applied(w->track, tx, (int64_t) w->now_us), d->n_entries);
	if (o == OUTCOME_ROLLED_BACK)
		cr_assert_eq(track_undone(w->track, tx, (int64_t) w->now_us), d->n_entries);
	cr_assert_eq(track_end(w->track, tx, o, (int64_t) w->now_us), d->n_entries);
	w->now_us += 1000000;
}

static void decide_and_do(struct world *w, uint64_t tx, enum outcome o)
{
	struct decision *d = world_decide(w, "uplink");

	carry_out(w, tx, d, o);
	decision_free(d);
}

static void expect(struct world *w, enum level level, const char *reason)
{
	struct decision *d = world_decide(w, "uplink");

	cr_expect(d->level == level, "%s, not %s: %s", level_name(d->level), level_name(level),
		  d->reason);
	cr_expect(strstr(d->reason, reason), "'%s' not in: %s", reason, d->reason);
	cr_expect_eq(d->n_entries > 0, level >= LEVEL_APPROVE);
	decision_free(d);
}

static void set_mtu(struct world *w, const char *dev, const char *mtu)
{
	struct anod_action *a = world_propose(w, "link.set");

	world_arg(a, "dev", dev);
	world_arg(a, "mtu", mtu);
}

Test(earn, a_permit_gives_more_when_it_was_verified_often_enough)
{
	struct world w;

	edge(&w);
	world_policy(&w, PROMOTE "}\n");
	expect(&w, LEVEL_APPROVE, "0 of 2 verified for auto; needs approval by 1 of noc");
	decide_and_do(&w, 1, OUTCOME_VERIFIED);
	expect(&w, LEVEL_APPROVE, "1 of 2 verified for auto");
	decide_and_do(&w, 2, OUTCOME_VERIFIED);
	expect(&w, LEVEL_AUTO, "promoted to auto: 2 verified, none rolled back in 30d");
	cr_expect_eq(world_level(&w, "arp"), LEVEL_DENY);
	decide_and_do(&w, 3, OUTCOME_ROLLED_BACK);
	expect(&w, LEVEL_APPROVE, "0 of 2 verified, 1 rolled back in 30d for auto");
	w.now_us += 31 * 86400 * UINT64_C(1000000);
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");
	w.track = track_free(w.track);
	expect(&w, LEVEL_APPROVE, "what was done before is not known");
	done(&w);
}

Test(earn, it_is_earned_by_kind_of_action_and_class_of_link)
{
	struct anod_action *a;
	struct world w;

	edge(&w);
	world_policy(&w, PROMOTE "}\n");
	decide_and_do(&w, 1, OUTCOME_VERIFIED);
	decide_and_do(&w, 2, OUTCOME_VERIFIED);
	expect(&w, LEVEL_AUTO, "promoted");
	set_mtu(&w, "wan1", "1400");
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");
	decide_and_do(&w, 3, OUTCOME_VERIFIED);
	decide_and_do(&w, 4, OUTCOME_VERIFIED);
	set_mtu(&w, "wan0", "1400");
	expect(&w, LEVEL_AUTO, "promoted");
	set_mtu(&w, "lan0", "1400");
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");
	set_mtu(&w, "mgmt0", "1400");
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");

	/* Nobody knows what it is: nothing was earned there. */
	world_fact(&w, "link", "wan1", "role", "unknown");
	set_mtu(&w, "wan1", "1400");
	expect(&w, LEVEL_APPROVE, "what was done before is not known");
	world_fact(&w, "link", "wan1", "role", "uplink");

	/* Two legs are as trusted as the one where less was earned. */
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "dev", "wan1");
	world_arg(a, "via", "198.51.100.1");
	expect(&w, LEVEL_AUTO, "promoted");
	world_arg(a, "dev2", "lan0");
	world_arg(a, "via2", "198.51.100.2");
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");
	done(&w);
}

Test(earn, nothing_is_earned_on_links_that_nobody_can_name)
{
	struct track_entry e = { .outcome = OUTCOME_VERIFIED,
				 .audited = true,
				 .agent = "uplink",
				 .permit = "q",
				 .action = "route.del",
				 .role = "prefix" };
	struct anod_action *a;
	struct world w;

	edge(&w);
	world_policy(&w, "permit \"q\" { agent uplink  action route.del  level approve\n verify "
			 "within 5s that link.wan1.carrier\n promote to auto after 1 verified }\n");
	e.tx = 1;
	e.at_us = (int64_t) w.now_us;
	cr_assert_eq(track_add(w.track, &e, 1), 0);
	a = world_propose(&w, "route.del");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "metric", "9");
	world_route(&w, "203.0.113.0/24", 9, NULL, 77);
	expect(&w, LEVEL_APPROVE, "what was done before is not known");
	done(&w);
}

Test(earn, only_the_condition_of_the_permit_that_gave_the_level_counts)
{
	struct world w;
	struct decision *d;

	edge(&w);
	world_policy(&w, "permit \"a\" { agent uplink  action route.replace  level approve\n"
			 " verify within 5s }\n");
	d = world_decide(&w, "uplink");
	cr_assert_eq(d->n_entries, 2, "on wan1, and wan0 is left");
	cr_expect_not(d->entry[0].audited, "read back is no measurement");
	cr_expect_str_eq(d->entry[0].resource, "link wan1");
	cr_expect_str_eq(d->entry[0].role, "uplink");
	cr_expect_str_eq(d->entry[0].permit, "a");
	cr_expect(d->entry[1].touched);
	cr_expect_str_eq(d->entry[1].resource, "link wan0");
	decision_free(d);
	world_policy(&w, PROMOTE "}\n");
	d = world_decide(&w, "uplink");
	cr_expect(d->entry[0].audited);
	decision_free(d);
	done(&w);
}

Test(earn, a_demotion_takes_a_level_for_its_time)
{
	struct world w;

	edge(&w);
	world_policy(&w, PROMOTE " demote to observe for 1h after rollback\n}\n");
	decide_and_do(&w, 1, OUTCOME_VERIFIED);
	decide_and_do(&w, 2, OUTCOME_ROLLED_BACK);
	expect(&w, LEVEL_OBSERVE, "demoted to observe for 59m59s more: rolled back 1s ago");
	w.now_us += 3600 * UINT64_C(1000000);
	expect(&w, LEVEL_APPROVE, "0 of 2 verified");
	track_forget(w.track, (int64_t) w.now_us);
	expect(&w, LEVEL_OBSERVE, "demoted to observe for 1h more");
	done(&w);
}

/* ---- formerly, reversals --------------------------------------------------------------------- */

#define AUTO                                                                                       \
	"damping off\n"                                                                            \
	"permit \"p\" { agent uplink  action link.set, route.replace, route.metric  level auto\n"  \
	" verify within 5s\n"

static void to_and_fro(struct world *w, uint64_t tx, const char *mtu, uint32_t now)
{
	struct anod_object o = world_link_object(3, "wan1", true, true);

	o.u.link.mtu = now;
	cr_assert_eq(model_put(w->model, &o), 0);
	set_mtu(w, "wan1", mtu);
	decide_and_do(w, tx, OUTCOME_VERIFIED);
}

Test(earn, reversals_are_seen_in_every_kind_of_rule)
{
	static const struct {
		const char *policy;
		enum level level;
	} row[] = {
		{ AUTO "}\n", LEVEL_AUTO },
		{ AUTO " when reversals(resource, 30m) == 2 }\n", LEVEL_AUTO },
		{ AUTO " when reversals(resource, 30m) < 2 }\n", LEVEL_DENY },
		{ AUTO "}\ncap \"c\" { when reversals(resource) >= 2 in 30m  to propose }\n",
		  LEVEL_PROPOSE },
		{ AUTO "}\ncap \"c\" { when reversals(resource) >= 3 in 30m  to propose }\n",
		  LEVEL_AUTO },
		{ AUTO "}\nforbid \"f\" { when 2 <= reversals(resource, 10s) }\n", LEVEL_DENY },
		{ AUTO "}\nforbid \"f\" { when 2 <= reversals(resource, 1s) }\n", LEVEL_AUTO },
		{ AUTO "}\ninvariant \"i\" { require reversals(resource, 10s) < 2 }\n",
		  LEVEL_DENY },
		{ AUTO "}\ninvariant \"i\" { require reversals(resource, 10s) < 3 }\n",
		  LEVEL_AUTO },
		{ AUTO " when not formerly link.set within 1h }\n", LEVEL_DENY },
		{ AUTO " when not formerly link.set within 1s }\n", LEVEL_AUTO },
		{ AUTO " when not formerly route.replace within 1h }\n", LEVEL_AUTO },
		{ AUTO "}\nforbid \"f\" { when formerly link.* any within 1h }\n", LEVEL_DENY },
		{ AUTO "}\ninvariant \"i\" { require not formerly link.set within 1h }\n",
		  LEVEL_DENY },
		{ AUTO "}\ninvariant \"i\" { require formerly link.set within 1h }\n", LEVEL_AUTO },
	};
	struct world w;

	edge(&w);
	world_policy(&w, AUTO "}\n");
	to_and_fro(&w, 1, "1400", 1500);
	to_and_fro(&w, 2, "1450", 1400);
	to_and_fro(&w, 3, "1420", 1450);
	w.now_us += 1000000; /* the last one is 2 s ago */
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		world_policy(&w, row[i].policy);
		cr_expect_eq(world_level(&w, "uplink"), row[i].level, "%s: %s", row[i].policy,
			     level_name(world_level(&w, "uplink")));
	}

	/* Another link has another history, but not for "any". */
	set_mtu(&w, "wan0", "1400");
	world_policy(&w, AUTO " when reversals(resource, 30m) == 0 and not formerly link.set "
			      "within 1h and formerly link.set any within 1h }\n");
	cr_expect_eq(world_level(&w, "uplink"), LEVEL_AUTO);

	/* Nothing is known: permits are not proven, forbids and invariants count. */
	set_mtu(&w, "wan1", "1400");
	track_forget(w.track, (int64_t) w.now_us);
	for (size_t i = 1; i < ARRAY_SIZE(row); i++) {
		world_policy(&w, row[i].policy);
		cr_expect_leq(world_level(&w, "uplink"), row[i].level, "%s", row[i].policy);
	}
	world_policy(&w, AUTO " when reversals(resource, 30m) < 9 }\n");
	cr_expect_eq(world_level(&w, "uplink"), LEVEL_DENY);
	world_policy(&w, AUTO " when reversals(resource, 30m) >= 2 }\n");
	cr_expect_eq(world_level(&w, "uplink"), LEVEL_AUTO, "there were at least so many");
	done(&w);
}

static struct track_turn turn_now(struct world *w)
{
	struct decision *d = world_decide(w, "uplink");
	struct track_turn m;

	cr_assert_gt(d->n_entries, 0, "%s", d->reason);
	m = d->entry[0].turn;
	decision_free(d);
	return m;
}

Test(earn, the_direction_of_a_change_is_read_from_what_it_changes)
{
	struct anod_object o;
	struct anod_action *a;
	struct track_turn up, down, other;
	struct world w;

	edge(&w);
	world_policy(&w, "permit \"p\" { agent uplink  action any  level approve  verify within 5s "
			 " foreign objects }\n");
	a = world_propose(&w, "link.down");
	world_arg(a, "dev", "wan1");
	down = turn_now(&w);
	o = world_link_object(3, "wan1", false, true);
	cr_assert_eq(model_put(w.model, &o), 0);
	a = world_propose(&w, "link.up");
	world_arg(a, "dev", "wan1");
	up = turn_now(&w);
	cr_expect(down.way == -1 && up.way == 1 && up.key == down.key && up.from == down.to);
	o = world_link_object(3, "wan1", true, true);
	cr_assert_eq(model_put(w.model, &o), 0);
	a = world_propose(&w, "link.down");
	world_arg(a, "dev", "wan0");
	cr_expect_neq(turn_now(&w).key, down.key, "another link");
	set_mtu(&w, "wan1", "9000");
	cr_expect_eq(turn_now(&w).way, 1);
	cr_expect_neq(turn_now(&w).key, down.key, "another side of it");

	/* A route that is made, moved, renumbered and deleted. */
	a = world_propose(&w, "route.add");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "dev", "wan1");
	world_arg(a, "via", "198.51.100.1");
	world_arg(a, "metric", "7");
	up = turn_now(&w);
	world_route(&w, "203.0.113.0/24", 7, "198.51.100.1", 3);
	a = world_propose(&w, "route.del");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "metric", "7");
	down = turn_now(&w);
	cr_expect(up.way == 1 && down.way == -1 && up.key == down.key && up.to == down.from);
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "dev", "wan0");
	world_arg(a, "via", "192.0.2.1");
	world_arg(a, "metric", "7");
	other = turn_now(&w);
	cr_expect(other.way == 0 && other.key == up.key && other.from == up.to &&
		  other.to != other.from);
	a = world_propose(&w, "route.metric");
	world_arg(a, "dst", "203.0.113.0/24");
	world_arg(a, "metric", "7");
	world_arg(a, "to", "9");
	up = turn_now(&w);
	cr_expect(up.way == 1 && up.key != down.key);
	done(&w);
}

/* ---- property ---------------------------------------------------------------------------------- */

/* However much of the past is known, knowing more of it never takes an allow away that was made
 * without it by promotion, and a permit never gives more than its promotion and never less than
 * its demotion says. */
Test(earn, a_lost_history_never_raises_an_answer)
{
	uint64_t seed = dice_seed("earn");
	struct dice d = { seed };
	const char *text = getenv("ANOD_ROUNDS");
	unsigned rounds = text ? (unsigned) atoi(text) / 10 : 1000, autos = 0, differ = 0;
	struct world w;

	edge(&w);
	world_policy(&w, "damping off\n"
			 "permit \"p\" {\n agent uplink\n action link.set\n level approve\n"
			 " verify within 5s that link.carrier\n"
			 " promote to auto after 2 verified and rollbacks == 1 in 1m\n"
			 " demote to observe for 5s after rollback\n}\n"
			 "cap \"c\" { when reversals(resource) >= 3 in 30s or formerly link.set "
			 "any within 2s  to approve }\n");
	for (unsigned i = 0; i < rounds; i++) {
		struct track *lost;
		enum level whole, part;

		set_mtu(&w, dice_roll(&d, 2) ? "wan0" : "wan1", "1400");
		whole = world_level(&w, "uplink");
		cr_assert(whole == LEVEL_AUTO || whole == LEVEL_APPROVE || whole == LEVEL_OBSERVE);
		autos += whole == LEVEL_AUTO;

		/* The same with the history of before some moment lost. */
		lost = w.track;
		w.track = track_new();
		for (unsigned k = 0; k < track_count(lost); k++)
			if (track_nth(lost, k)->at_us > (int64_t) w.now_us - 20 * 1000000)
				cr_assert_eq(track_add(w.track, track_nth(lost, k), 1), 0);
		track_forget(w.track, (int64_t) w.now_us - 20 * 1000000);
		part = world_level(&w, "uplink");
		cr_assert(part <= whole, "seed %llu round %u: %s with less, %s with more",
			  (unsigned long long) seed, i, level_name(part), level_name(whole));
		differ += part != whole;
		track_free(w.track);
		w.track = lost;

		if (whole >= LEVEL_APPROVE)
			decide_and_do(&w, i + 1,
				      dice_roll(&d, 6) ? OUTCOME_VERIFIED : OUTCOME_ROLLED_BACK);
		w.now_us += dice_roll(&d, 8) * 1000000;
	}
	fprintf(stderr, "earn: %u decisions, %u auto, %u would be less without the past\n", rounds,
		autos, differ);
	cr_assert(autos > rounds / 50 && differ > 0, "the test must see both answers");
	done(&w);
}
