/* Asking neighbours and granting to them: one at a time, whatever the network does. */
#include <errno.h>
#include <sodium.h>

#include "peer_net.h"
#include "random_policy.h"

#define HOLD (30 * US_PER_S)

static void three(void)
{
	net_open(3);
}

TestSuite(peers, .init = three, .fini = net_close);

static const struct peer_given *given(unsigned r)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++)
		if (peers_given(net.router[r].peers, i))
			return peers_given(net.router[r].peers, i);
	return NULL;
}

static struct peer_info info(unsigned r, unsigned peer)
{
	struct peer_info i;

	cr_assert(peers_nth(net.router[r].peers, net_number(r, peer), &i));
	return i;
}

Test(peers, a_grant_is_given_kept_and_given_back)
{
	char why[256];

	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, true, why), TXN_GRANTS_ASKED);
	cr_assert_str_eq(why, "waits for 1 of 1 peers to grant \"drain\": pe1");
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, true, why), TXN_GRANTS_GIVEN);
	cr_assert_not_null(given(1));
	cr_assert_str_eq(given(1)->peer, "pe0");
	cr_assert_eq(given(1)->tx, 7);
	cr_assert_eq(net.router[1].n_given, 1);
	/* Another plan, and another time, are not what was granted. */
	cr_assert_eq(net_ask(0, 8, 2, 1, HOLD, false, why), TXN_GRANTS_BUSY);
	cr_assert_eq(net_ask(0, 7, 2, 1, 2 * HOLD, false, why), TXN_GRANTS_BUSY);
	peers_end(net.router[0].peers, 7, false, net.now_us);
	net_pass(50 * US_PER_MS);
	cr_assert_null(given(1));
	cr_assert_eq(net.router[1].n_over, 1);
	cr_assert_eq(net.router[1].n_news[PEER_RELEASES], 1);
}

Test(peers, a_grant_runs_out_and_the_asker_stops_first)
{
	uint64_t end;

	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(100 * US_PER_MS);
	end = given(1)->until_us;
	net.now_us = end - US_PER_MS;
	cr_assert_neq(net_ask(0, 7, 2, 1, US_PER_MS, false, NULL), TXN_GRANTS_GIVEN,
		      "the asker counts from its question");
	net_pass(10 * US_PER_MS);
	cr_assert_null(given(1));
}

Test(peers, a_refusal_says_why_and_is_told_as_it_was_said)
{
	char why[256];

	net.router[1].no = "link.wan0.carrier false";
	net.catch = NULL;
	(void) net_ask(0, 7, 2 | 4, 2, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 7, 2 | 4, 2, HOLD, false, why), TXN_GRANTS_REFUSED);
	cr_assert_str_eq(why, "pe1: no: link.wan0.carrier false");
	peers_end(net.router[0].peers, 7, false, net.now_us);
	net_pass(US_PER_S);
	cr_assert_null(given(2), "pe2 has said yes in vain");

	net.router[2].limit = 0;
	(void) net_ask(0, 8, 4, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 8, 4, 1, HOLD, false, why), TXN_GRANTS_REFUSED);
	cr_assert_str_eq(why, "pe2: no: its policy has no grant \"drain\"");
	peers_end(net.router[0].peers, 8, false, net.now_us);

	net.router[2].limit = 1;
	net.router[2].disk_fails = true;
	net.router[2].n_given = 0;
	(void) net_ask(0, 9, 4, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 9, 4, 1, HOLD, false, why), TXN_GRANTS_REFUSED,
		     "what cannot be written down is not given");
	cr_assert_eq(net.router[2].n_given, 0);
}

Test(peers, silence_is_a_no_in_time)
{
	char why[256];

	net.lose = 1000;
	net.router[1].no = NULL;
	(void) net_ask(0, 7, 2 | 4, 1, HOLD, true, NULL);
	net_pass(1900 * US_PER_MS);
	cr_assert_eq(net_ask(0, 7, 2 | 4, 1, HOLD, false, why), TXN_GRANTS_ASKED);
	net_pass(200 * US_PER_MS);
	cr_assert_eq(net_ask(0, 7, 2 | 4, 1, HOLD, false, why), TXN_GRANTS_REFUSED);
	cr_assert_str_eq(why, "pe1: no answer in 2s; pe2: no answer in 2s");
}

Test(peers, half_of_all_datagrams_lost_is_no_matter)
{
	unsigned yes = 0;

	net.lose = 500;
	for (uint64_t tx = 1; tx <= 20; tx++) {
		(void) net_ask(0, tx, 2, 1, HOLD, true, NULL);
		net_pass(2 * US_PER_S + 100 * US_PER_MS);
		yes += net_ask(0, tx, 2, 1, US_PER_S, false, NULL) == TXN_GRANTS_GIVEN;
		peers_end(net.router[0].peers, tx, false, net.now_us);
		net_pass(20 * US_PER_S);
		cr_assert_null(given(1), "given back in the end");
	}
	cr_assert_geq(yes, 10, "%u of 20", yes);
}

Test(peers, only_as_many_as_needed_keep_their_grant)
{
	(void) net_ask(0, 7, 2 | 4, 1, HOLD, true, NULL);
	net_pass(US_PER_S);
	cr_assert_eq(net_ask(0, 7, 2 | 4, 1, HOLD / 2, false, NULL), TXN_GRANTS_GIVEN);
	cr_assert_eq(!!given(1) + !!given(2), 1);
}

Test(peers, one_at_a_time_unless_written_otherwise)
{
	char why[256];

	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	(void) net_ask(2, 9, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(2, 9, 2, 1, HOLD, false, why), TXN_GRANTS_REFUSED);
	cr_assert(strstr(why, "pe1: no: pe0 has it, for another "), "%s", why);
	peers_end(net.router[2].peers, 9, false, net.now_us);

	/* Who has given it away does not use it himself, and the other way round. */
	cr_assert_eq(net_ask(1, 3, 4, 1, HOLD, true, why), TXN_GRANTS_BUSY);
	cr_assert_str_eq(why, "waits for the grant \"drain\": pe0 has it");
	(void) net_ask(2, 10, 1, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(2, 10, 1, 1, HOLD, false, why), TXN_GRANTS_REFUSED);
	cr_assert_str_eq(why, "pe0: no: it has a transaction of its own for it");
	peers_end(net.router[2].peers, 10, false, net.now_us);

	net.router[1].limit = 2;
	(void) net_ask(2, 11, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(2, 11, 2, 1, HOLD, false, why), TXN_GRANTS_GIVEN);
	cr_assert_eq(net_ask(1, 3, 4, 1, HOLD, true, why), TXN_GRANTS_BUSY);
	/* Two of our own count as well. */
	peers_end(net.router[2].peers, 11, false, net.now_us);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 12, 4, 1, HOLD, true, why), TXN_GRANTS_BUSY);
	cr_assert_str_eq(why, "waits for the grant \"drain\": another transaction here uses it");
}

Test(peers, who_ask_each_other_at_once_do_not_both_get_it)
{
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	(void) net_ask(1, 8, 1, 1, HOLD, true, NULL);
	net_pass(US_PER_S);
	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, false, NULL), TXN_GRANTS_REFUSED);
	cr_assert_eq(net_ask(1, 8, 1, 1, HOLD, false, NULL), TXN_GRANTS_REFUSED);
	cr_assert_eq(net.router[0].n_given + net.router[1].n_given, 0);
}

Test(peers, a_budget_that_is_used_up_grants_no_more)
{
	char why[256];

	net.router[1].budget = 2;
	for (uint64_t tx = 1; tx <= 3; tx++) {
		(void) net_ask(0, tx, 2, 1, HOLD, true, NULL);
		net_pass(100 * US_PER_MS);
		cr_assert_eq(net_ask(0, tx, 2, 1, HOLD, false, why),
			     tx <= 2 ? TXN_GRANTS_GIVEN : TXN_GRANTS_REFUSED);
		peers_end(net.router[0].peers, tx, false, net.now_us);
		net_pass(100 * US_PER_MS);
	}
	cr_assert_str_eq(why, "pe1: no: the budget is used up");
}

Test(peers, a_grant_survives_the_death_of_who_gave_it)
{
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	net_start(1);
	cr_assert_not_null(given(1));
	(void) net_ask(2, 9, 2, 1, HOLD, true, NULL);
	net_pass(100 * US_PER_MS);
	cr_assert_eq(net_ask(2, 9, 2, 1, HOLD, false, NULL), TXN_GRANTS_REFUSED);
	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, false, NULL), TXN_GRANTS_GIVEN);
	peers_end(net.router[0].peers, 7, false, net.now_us);
	net_pass(100 * US_PER_MS);
	cr_assert_null(given(1), "it takes it back from the new one, too");
}

Test(peers, an_asker_that_was_started_again_frees_it_when_nothing_is_open)
{
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	net.router[0].leftover = true;
	net_start(0);
	net_pass(15 * US_PER_S);
	cr_assert_not_null(given(1), "its transaction is open");
	net.router[0].leftover = false;
	net_pass(11 * US_PER_S);
	cr_assert_null(given(1));
	cr_assert_str_eq(net.router[1].last_why, "it was started again and has nothing open");
}

Test(peers, a_stuck_transaction_keeps_it_until_it_runs_out)
{
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	peers_end(net.router[0].peers, 7, true, net.now_us);
	net_pass(HOLD - US_PER_S);
	cr_assert_not_null(given(1));
	net_pass(5 * US_PER_S);
	cr_assert_null(given(1));
}

/* ---- attackers ------------------------------------------------------------------------------ */

static struct flying caught[256];
static unsigned n_caught;

static bool catch_all(struct flying *f)
{
	if (n_caught < ARRAY_SIZE(caught))
		caught[n_caught++] = *f;
	return false;
}

static void replay_all(void)
{
	for (unsigned i = 0; i < n_caught; i++) {
		peers_receive(net.router[caught[i].to].peers,
			      net_number(caught[i].to, caught[i].from), caught[i].data,
			      PEER_MSG_SIZE, net.now_us);
		/* And back to who said it, as if the other had. */
		peers_receive(net.router[caught[i].from].peers,
			      net_number(caught[i].from, caught[i].to), caught[i].data,
			      PEER_MSG_SIZE, net.now_us);
		net.now_us += 200 * US_PER_MS;
	}
}

Test(peers, recorded_datagrams_are_worth_nothing)
{
	unsigned n;

	n_caught = 0;
	net.catch = catch_all;
	net_pass(10 * US_PER_MS);
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_pass(50 * US_PER_MS);
	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, false, NULL), TXN_GRANTS_GIVEN);
	peers_end(net.router[0].peers, 7, false, net.now_us);
	net_pass(50 * US_PER_MS);
	net.catch = NULL;
	cr_assert_geq(n_caught, 6);

	n = net.router[1].n_given;
	replay_all(); /* in the same session */
	cr_assert_eq(net.router[1].n_given + net.router[0].n_given, n);
	cr_assert_gt(info(1, 0).n_replayed, 0);
	net_start(1); /* the giver has forgotten the session */
	replay_all();
	net_start(0); /* and the asker its run */
	replay_all();
	net_pass(100 * US_PER_MS);
	replay_all();
	net_configure(1, true); /* a key was changed and changed back */
	net_configure(1, false);
	replay_all();
	cr_assert_eq(net.router[1].n_given + net.router[0].n_given, n);
	cr_assert_null(given(1));
	cr_assert_null(given(0));
}

Test(peers, a_wrong_mac_is_counted_and_never_answered)
{
	unsigned before;

	net_pass(100 * US_PER_MS);
	net_configure(0, true);
	before = net.router[1].n_news[PEER_ASKS];
	(void) net_ask(0, 7, 2, 1, HOLD, true, NULL);
	net_deliver();
	net.now_us += US_PER_MS;
	net.n_sent = 0;
	net_deliver();
	cr_assert_eq(net.n_sent, 0, "no word");
	cr_assert_gt(info(1, 0).n_wrong_mac, 0);
	cr_assert_eq(net.router[1].n_news[PEER_ASKS], before);
	net_pass(3 * US_PER_S);
	cr_assert_eq(net_ask(0, 7, 2, 1, HOLD, false, NULL), TXN_GRANTS_REFUSED);
	cr_assert_not(info(0, 1).answers);
}

Test(peers, junk_and_floods_are_dropped)
{
	uint8_t junk[PEER_MSG_SIZE + 1] = { 0 };
	struct peer_msg m = { .type = PEER_ASK, .seq = 1 };
	struct ocra_key key;

	for (size_t size = 0; size <= sizeof(junk); size++)
		peers_receive(net.router[1].peers, 0, junk, size, net.now_us);
	cr_assert_eq(info(1, 0).n_malformed, sizeof(junk) + 1);
	peers_receive(net.router[1].peers, 99, junk, sizeof(junk), net.now_us);

	net_key(0, 1, false, &key);
	net.n_sent = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t data[PEER_MSG_SIZE];

		m.seq++;
		peer_msg_seal(&m, &key, data);
		peers_receive(net.router[1].peers, 0, data, sizeof(data), net.now_us);
	}
	cr_assert_leq(net.n_sent, 2 * PEER_REQUESTS_PER_S);
	cr_assert_geq(info(1, 0).n_limited, 900);
}

Test(peers, pings_tell_who_answers_and_how_fast)
{
	net_pass(100 * US_PER_MS);
	cr_assert(info(0, 1).answers);
	cr_assert_gt(info(0, 1).rtt_us, 0);
	cr_assert_gt(info(0, 1).last_us, 0);
	net.router[1].peers = peers_free(net.router[1].peers);
	net_pass(25 * US_PER_S);
	cr_assert_not(info(0, 1).answers);
	net_start(1);
	net_pass(11 * US_PER_S);
	cr_assert(info(0, 1).answers, "a new run is a new session");
}

/* ---- property ------------------------------------------------------------------------------- */

struct use { /* what a router believes to have of another */
	uint64_t tx;
	unsigned who;
};
static struct use use[NET_ROUTERS];

/* Everybody who is at it now, by what he himself knows, and whose grants he counts on. */
static void check(uint64_t seed, unsigned step)
{
	unsigned at_it[NET_ROUTERS] = { 0 };

	for (unsigned r = 0; r < net.n; r++) {
		struct quorum_info q;

		if (!use[r].tx || net_ask(r, use[r].tx, use[r].who, 1, US_PER_MS, false, NULL) !=
					  TXN_GRANTS_GIVEN)
			continue;
		at_it[r]++;
		for (unsigned i = 0; peers_asked(net.router[r].peers, use[r].tx, i, &q); i++)
			if (strcmp(q.answer, "granted") == 0)
				at_it[q.peer[2] - '0']++;
	}
	for (unsigned r = 0; r < net.n; r++)
		cr_assert_leq(at_it[r], net.router[r].limit,
			      "seed %llu, step %u: router %u has %u at once, %u are allowed",
			      (unsigned long long) seed, step, r, at_it[r], net.router[r].limit);
}

static void one_story(uint64_t seed)
{
	uint64_t tx = 0;

	net_open(2 + (unsigned) (seed % 3));
	net.seed = seed * 2654435761u + 1;
	net.lose = (unsigned) net_random(500);
	net.repeat = (unsigned) net_random(500);
	net.delay_us = net_random(800 * US_PER_MS);
	memset(use, 0, sizeof(use));
	for (unsigned r = 0; r < net.n; r++)
		net.router[r].limit = 1 + (unsigned) net_random(2) * (unsigned) net_random(2);
	for (unsigned step = 0; step < 60; step++) {
		unsigned r = (unsigned) net_random(net.n);

		switch (net_random(8)) {
		case 0: /* it is killed; what it was at is undone before it asks again */
			net_start(r);
			use[r].tx = 0;
			break;
		case 1:
		case 2:
			if (use[r].tx)
				peers_end(net.router[r].peers, use[r].tx, false, net.now_us);
			use[r].tx = 0;
			break;
		default:
			if (!use[r].tx)
				use[r] = (struct use){ ++tx, ((1u << net.n) - 1) & ~(1u << r) };
			(void) net_ask(r, use[r].tx, use[r].who, 1, HOLD / 10, true, NULL);
		}
		for (unsigned i = net_random(40); i; i--) {
			net_pass(5 * US_PER_MS);
			check(seed, step);
		}
	}
	net_close();
}

Test(property, peers_never_have_more_grants_at_once_than_allowed)
{
	const char *first = getenv("ANOD_SEED");
	uint64_t seed = first ? strtoull(first, NULL, 10) : 1;
	unsigned stories = MAX_OF(rounds_of(0) / 1000, 100u);

	fprintf(stderr, "peers: seeds %llu to %llu (ANOD_SEED, ANOD_ROUNDS)\n",
		(unsigned long long) seed, (unsigned long long) (seed + stories - 1));
	for (unsigned i = 0; i < stories; i++)
		one_story(seed + i);
}
