/* Not too many at once, not the same again and again, and never late for what is allowed. */
#include "txn/brake.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "txn_world.h"

TestSuite(brake, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

static const struct policy_brake plain = {
	.count = 10,
	.window_us = MINUTE,
	.shared_count = 60,
	.shared_window_us = HOUR,
	.mute_after = 5,
};

static unsigned seed_of(void)
{
	unsigned seed = getenv("SEED") ? (unsigned) atoi(getenv("SEED")) : (unsigned) time(NULL);

	cr_log_info("seed %u", seed);
	srand(seed);
	return seed;
}

/* In any time T at most count + count * T / window begin. */
Test(brake, the_buckets_are_never_exceeded)
{
	static struct brake b;
	static uint64_t at[4000];
	unsigned seed = seed_of(), n = 0;
	uint64_t now = HOUR, until;
	char why[128];

	brake_set(&b, &plain, now);
	for (unsigned i = 0; i < 20000; i++) {
		now += (uint64_t) (rand() % 10 ? rand() % 3000 : rand() % 300000) * US_PER_MS;
		if (!brake_allows(&b, now, &until, why, sizeof(why))) {
			cr_assert_gt(until, now);
			if (rand() % 4 == 0)
				now = until;
			continue;
		}
		if (n == ARRAY_SIZE(at))
			break;
		brake_take(&b, now);
		at[n++] = now;
	}
	cr_assert_gt(n, 1000);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i; k < n && k < i + 200; k++) {
			double t = (double) (at[k] - at[i]);

			cr_assert(k - i + 1 <= 10 + 10 * t / MINUTE + 1e-4, "seed %u", seed);
			cr_assert(k - i + 1 <= 60 + 60 * t / HOUR + 1e-4, "seed %u", seed);
		}
}

Test(brake, who_does_not_ask_is_counted_and_other_numbers_keep_the_use)
{
	static struct brake b;
	struct policy_brake other = plain;
	uint64_t until;
	char why[128];

	cr_assert(brake_allows(&b, HOUR, &until, why, sizeof(why)), "off");
	brake_set(&b, &plain, HOUR);
	for (unsigned i = 0; i < 12; i++)
		brake_take(&b, HOUR);
	cr_assert_not(brake_allows(&b, HOUR, &until, why, sizeof(why)));
	cr_assert_str_eq(why, "the storm brake holds it: at most 10 changes per 1m");
	cr_assert_eq(until, HOUR + 18 * US_PER_S, "one token in 6 s, and 2 are owed");
	cr_assert_not(brake_allows(&b, until - 1000, &until, why, sizeof(why)));
	cr_assert(brake_allows(&b, HOUR + 18 * US_PER_S, &until, why, sizeof(why)));
	other.count = 20;
	brake_set(&b, &other, HOUR + 18 * US_PER_S);
	for (unsigned i = 0; i < 11; i++) {
		cr_assert(brake_allows(&b, HOUR + 18 * US_PER_S, &until, why, sizeof(why)));
		brake_take(&b, HOUR + 18 * US_PER_S);
	}
	cr_assert_not(brake_allows(&b, HOUR + 18 * US_PER_S, &until, why, sizeof(why)));
	other.off = true;
	brake_set(&b, &other, HOUR);
	cr_assert(brake_allows(&b, HOUR, &until, why, sizeof(why)));
}

Test(brake, back_off_doubles_to_five_minutes_with_a_quarter_of_jitter)
{
	static struct brake b;
	uint64_t now = HOUR;
	unsigned seed = seed_of();

	brake_set(&b, &plain, now);
	b.dice = seed | 1;
	for (unsigned i = 0; i < 20; i++) {
		double want = MIN_OF((double) (1u << MIN_OF(i, 12u)), 300.0) * US_PER_S;
		double is;

		(void) brake_deny(&b, "uplink", i, 1, now);
		is = (double) (b.agent[0].until_us - now);
		cr_assert(is >= want * 0.75 && is <= MIN_OF(want * 1.25, 300.0 * US_PER_S),
			  "seed %u, %u: %g", seed, i, is);
		now = b.agent[0].until_us;
	}
	brake_allow(&b, "uplink");
	(void) brake_deny(&b, "uplink", 1, 1, now);
	cr_assert_leq(b.agent[0].until_us, now + 2 * US_PER_S);
	/* More agents than places: the one denied longest ago makes room. */
	for (unsigned i = 0; i < BRAKE_AGENTS; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "a%u", i);
		(void) brake_deny(&b, name, 1, 1, ++now);
	}
	cr_assert_eq(b.n_agents, BRAKE_AGENTS);
	cr_assert_str_eq(b.agent[0].name, "a63");
}

/* ---- in the engine ------------------------------------------------------------------------ */

static int say(int64_t cell, int64_t value, uint64_t *ret)
{
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { cell, value } });

	return txns_propose(world.engine, "uplink", 1, 2, &p, ret);
}

Test(brake, the_same_denied_five_times_is_muted_until_something_changes)
{
	uint64_t id;

	txns_brake(world.engine, &plain);
	world.level = LEVEL_DENY;
	world.mark = 7;
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(say(1, 500, &id), 0, "%u", i);
		cr_assert_eq(world_state(id), TXN_DENIED);
		cr_assert_eq(say(1, 500, &id), -EAGAIN, "%u", i);
		if (i < 4)
			cr_assert_not_null(strstr(txns_brake_why(world.engine),
						  i ? "times in a row and backs off"
						    : "was denied 1 time in a row and backs off"));
		sim_pass(&world, 40 * US_PER_S);
	}
	cr_assert_eq(say(1, 500, &id), -EAGAIN);
	cr_assert_eq(strstr(txns_brake_why(world.engine),
			    "muted: this was denied 5 times and nothing that the answer depended "
			    "on has changed; heard again in "),
		     txns_brake_why(world.engine), "%s", txns_brake_why(world.engine));
	cr_assert_eq(say(2, 500, &id), 0, "another one is heard");
	sim_pass(&world, 60 * US_PER_S);
	/* Something else is why it is denied now. */
	world.mark = 8;
	cr_assert_eq(say(1, 500, &id), 0);
	cr_assert_eq(world_state(id), TXN_DENIED);
	for (unsigned i = 0; i < 4; i++) {
		sim_pass(&world, 300 * US_PER_S);
		cr_assert_eq(say(1, 500, &id), 0);
	}
	sim_pass(&world, 300 * US_PER_S);
	cr_assert_eq(say(1, 500, &id), -EAGAIN);
	sim_pass(&world, 1800 * US_PER_S);
	cr_assert_eq(say(1, 500, &id), 0, "the time is over");
}

Test(brake, what_is_allowed_by_now_is_heard_at_once)
{
	unsigned looks;
	uint64_t id;

	txns_brake(world.engine, &plain);
	world.level = LEVEL_DENY;
	for (unsigned i = 0; i < 6; i++, sim_pass(&world, 200 * US_PER_S))
		(void) say(1, 500, &id);
	cr_assert_eq(say(1, 500, &id), -EAGAIN);
	/* A storm costs ten looks a second and nothing else. */
	looks = world.n_looks;
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(say(1, 500, &id), -EAGAIN);
		world.now_us += US_PER_MS;
	}
	cr_assert_leq(world.n_looks - looks, 11);
	world.level = LEVEL_AUTO;
	sim_pass(&world, 100 * US_PER_MS);
	cr_assert_eq(say(1, 500, &id), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	/* Another policy forgives. */
	world.level = LEVEL_DENY;
	cr_assert_eq(say(2, 500, &id), 0);
	cr_assert_eq(say(2, 500, &id), -EAGAIN);
	txns_policy_changed(world.engine);
	cr_assert_eq(say(2, 500, &id), 0);
}

Test(brake, a_storm_is_spread_and_people_go_past)
{
	struct policy_brake few = { .count = 2, .window_us = MINUTE, .mute_after = 5 };
	uint64_t id[6], signed_one;

	txns_brake(world.engine, &few);
	world.resource[0] = '\0';
	for (unsigned i = 0; i < 4; i++) {
		id[i] = world_set(i, 500 + i);
		sim_quiet(&world);
	}
	cr_assert_eq(world_state(id[1]), TXN_DONE);
	cr_assert_eq(world_state(id[2]), TXN_WAITING);
	cr_assert_str_eq(txns_get(world.engine, id[3])->why,
			 "the storm brake holds it: at most 2 changes per 1m");
	cr_assert_eq(txns_get_brake(world.engine)->n_waited, 2);

	world.level = LEVEL_APPROVE;
	world.permit.approvals = 1;
	signed_one = world_set(5, 700);
	cr_assert_eq(world_approve(signed_one, "alice", true), 0);
	sim_quiet(&world);
	cr_assert_eq(world_state(signed_one), TXN_DONE, "%s",
		     txns_get(world.engine, signed_one)->why);
	world.level = LEVEL_AUTO;
	sim_pass(&world, 31 * US_PER_S);
	cr_assert_eq(world_state(id[2]), TXN_WAITING, "the signed one was counted");
	sim_pass(&world, 30 * US_PER_S);
	cr_assert_eq(world_state(id[2]), TXN_DONE);
	cr_assert_eq(world_state(id[3]), TXN_WAITING);
	sim_pass(&world, 30 * US_PER_S);
	cr_assert_eq(world_state(id[3]), TXN_DONE);
}

Test(brake, when_too_many_are_sick_nothing_is_done_by_itself)
{
	uint64_t id;

	txns_brake(world.engine, &plain);
	txns_sick(world.engine, "3 of 4 uplinks have findings, more than 50%");
	id = world_set(1, 500);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(txns_get(world.engine, id)->why,
			 "only observed: 3 of 4 uplinks have findings, more than 50%");
	world.level = LEVEL_APPROVE;
	cr_assert_eq(world_state(world_set(2, 500)), TXN_WAITING, "people may");
	world.level = LEVEL_AUTO;
	txns_sick(world.engine, NULL);
	cr_assert_eq(world_state(world_set(1, 501)), TXN_PREPARING);
	sim_settle(&world, 700 * US_PER_S);
}
