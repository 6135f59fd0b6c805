/* The agent that takes weight from a lossy member of a next-hop group, and its test. */
#include "fake_agent_host.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/gray/sprt.c"

#define S 1000000ULL

Test(gray, test_is_sure_both_ways_and_soon)
{
	struct sprt t;
	unsigned n = 0;

	sprt_init(&t, 0.03);
	while (sprt_feed(&t, 1, 0) == SPRT_OPEN)
		n++;
	cr_expect_eq(sprt_word(&t), SPRT_WELL);
	cr_expect(n > 200 && n < 260, "%u probes without a loss refute 3 %%", n);
	sprt_reset(&t);
	cr_expect_eq(sprt_feed(&t, 66, 2), SPRT_OPEN);
	cr_expect_eq(sprt_feed(&t, 34, 2), SPRT_LOSSY, "4 of 100");

	/* On the way back a bad stretch is forgotten as soon as it is over. */
	sprt_reset(&t);
	cr_expect_eq(sprt_feed_back(&t, 100, 50), SPRT_OPEN);
	cr_expect_eq(t.sum, 0);
	cr_expect_eq(sprt_feed_back(&t, 260, 0), SPRT_WELL);

	sprt_init(&t, NAN);
	cr_expect(isfinite(t.lost) && isfinite(t.kept) && t.lost > 0 && t.kept < 0);
	sprt_init(&t, 5);
	cr_expect(isfinite(t.kept));
}

/* ---- the agent ---------------------------------------------------------------------------- */

static const char *const links[] = { "wan0", "wan1" };
static const char *const targets[] = { "192.0.2.1", "198.51.100.1" };
static int64_t segs[2], lost[2], sent[2][2], gone[2][2];

static void tell_tcp(struct fake *f, unsigned i, int64_t n, int64_t k)
{
	fake_int(f, "tcp", links[i], "segs", segs[i] += n);
	fake_int(f, "tcp", links[i], "lost", lost[i] += k);
}

static void tell_probe(struct fake *f, unsigned i, int64_t n, int64_t k)
{
	char name[ANOD_NAME_SIZE];

	for (unsigned t = 0; t < 2; t++) {
		(void) snprintf(name, sizeof(name), "%s/%s", links[i], targets[t]);
		fake_int(f, "probe", name, "lost", gone[i][t] += k);
		fake_int(f, "probe", name, "void", 0);
		fake_int(f, "probe", name, "sent", sent[i][t] += n);
	}
}

/* Seconds of traffic: so many probes a second, of which so many are lost over wan0. */
static void seconds(struct fake *f, unsigned n, int64_t probes_lost, int64_t segs_lost)
{
	while (n--) {
		tell_tcp(f, 0, 1000, segs_lost);
		tell_tcp(f, 1, 1000, 0);
		tell_probe(f, 0, 50, probes_lost);
		tell_probe(f, 1, 50, 0);
		fake_advance(f, S);
	}
}

static void is_lossy(struct fake *f, unsigned watch, const char *entity, enum anod_tri truth)
{
	struct fake_watch *w = &f->watches[watch];

	w->fn(&f->ctx, w->id, entity, truth, w->data);
}

static struct fake *new_gray(void)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/gray.so");

	memset(segs, 0, sizeof(segs));
	memset(lost, 0, sizeof(lost));
	memset(sent, 0, sizeof(sent));
	memset(gone, 0, sizeof(gone));
	fake_opt_prefix(f, "probe", targets[0]);
	fake_opt_prefix(f, "probe", targets[1]);
	fake_opt_int(f, "probe.every", 200000);
	fake_opt_int(f, "keep", 1);
	fake_opt_int(f, "clean", 5 * S);
	for (unsigned i = 0; i < 2; i++) {
		fake_bool(f, "link", links[i], "carrier", true);
		fake_int(f, "tcp", links[i], "rtt", 1000);
		fake_int(f, "tcp", links[i], "min_rtt", 900);
	}
	fake_text(f, "nexthop", "10", "dev", "wan0");
	fake_text(f, "nexthop", "11", "dev", "wan1");
	fake_text(f, "nexthop", "20", "weights", "10=64 11=32");
	cr_assert_eq(fake_start(f), 0);
	cr_assert_eq(f->n_watches, 2);
	cr_expect_str_eq(f->watches[0].expr, "lossy(tcp.lost, tcp.segs)");
	cr_expect_eq(f->n_senses, 4, "each target over each member");
	seconds(f, 5, 0, 0);
	is_lossy(f, 0, "wan0", ANOD_FALSE);
	is_lossy(f, 0, "wan1", ANOD_FALSE);
	return f;
}

static const struct anod_action *proposed(struct fake *f, unsigned n)
{
	cr_assert_eq(f->n_proposals, n, "%u proposals: %s", f->n_proposals, f->log);
	return &f->proposal[n - 1].p.action[0];
}

Test(gray, weight_is_taken_from_a_lossy_member_and_given_back)
{
	struct fake *f = new_gray();
	const struct anod_action *a;

	seconds(f, 3, 1, 30);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	cr_expect_eq(fake_n_open(f), 0, "connections alone do not say where it is");
	seconds(f, 3, 2, 30);
	cr_assert_not_null(fake_open(f, "gray-loss", "wan0"));
	a = proposed(f, 1);
	cr_expect_str_eq(a->kind, "nexthop.weight");
	cr_expect_eq(fake_arg(a, "id")->u.i, 20);
	cr_expect_eq(fake_arg(a, "member")->u.i, 10);
	cr_expect_eq(fake_arg(a, "weight")->u.i, 1);
	cr_expect_not_null(strstr(f->proposal[0].p.verify, "lossy(tcp.wan1.lost, tcp.wan1.segs)"));
	fake_verdict(f, 0, ANOD_APPLIED, NULL);
	fake_text(f, "nexthop", "20", "weights", "10=1 11=32");
	fake_verdict(f, 0, ANOD_COMMITTED, NULL);

	seconds(f, 30, 1, 0);
	(void) proposed(f, 1);
	seconds(f, 10, 0, 0);
	a = proposed(f, 2);
	cr_expect_eq(fake_arg(a, "weight")->u.i, 64, "what it was");
	fake_text(f, "nexthop", "20", "weights", "10=64 11=32");
	fake_verdict(f, 1, ANOD_COMMITTED, NULL);
	cr_expect_eq(fake_n_open(f), 0);
	seconds(f, 20, 0, 0);
	(void) proposed(f, 2);
	fake_free(f);
}

Test(gray, loss_behind_the_path_is_no_reason)
{
	struct fake *f = new_gray();

	seconds(f, 3, 0, 30);
	is_lossy(f, 1, "wan0/203.0.113.0/24", ANOD_TRUE);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	seconds(f, 30, 0, 30);
	cr_expect_eq(f->n_proposals, 0);
	cr_expect_not_null(fake_open(f, "destination-loss", "wan0/203.0.113.0/24"));
	is_lossy(f, 1, "wan0/203.0.113.0/24", ANOD_FALSE);
	is_lossy(f, 0, "wan0", ANOD_FALSE);
	cr_expect_eq(fake_n_open(f), 0);
	fake_free(f);
}

Test(gray, two_destinations_over_one_link_are_the_link)
{
	struct fake *f = new_gray();

	is_lossy(f, 1, "wan0/203.0.113.0/24", ANOD_TRUE);
	is_lossy(f, 1, "wan1/203.0.113.0/24", ANOD_TRUE);
	is_lossy(f, 1, "wan0/198.18.0.0/24", ANOD_TRUE);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	seconds(f, 1, 0, 30);
	cr_expect_eq(fake_n_open(f), 0, "one of the two loses over the other link, too");
	is_lossy(f, 1, "wan1/203.0.113.0/24", ANOD_FALSE);
	seconds(f, 1, 0, 30);
	cr_expect_not_null(fake_open(f, "gray-loss", "wan0"));
	fake_free(f);
}

Test(gray, our_own_full_queue_is_no_gray_loss)
{
	struct fake *f = new_gray();

	fake_int(f, "tcp", "wan0", "rtt", 40000);
	seconds(f, 2, 0, 30);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	fake_int(f, "tcp", "wan0", "rtt", 1000);
	seconds(f, 30, 2, 30);
	cr_expect_eq(fake_n_open(f), 0, "what began in a queue is the queue's");
	is_lossy(f, 0, "wan0", ANOD_FALSE);
	seconds(f, 15, 0, 0);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	seconds(f, 10, 2, 30);
	cr_expect_not_null(fake_open(f, "gray-loss", "wan0"), "the next one is judged");
	fake_free(f);
}

Test(gray, nothing_is_moved_to_a_member_that_is_not_known_to_be_well)
{
	struct fake *f = new_gray();

	fake_bool(f, "link", "wan1", "carrier", false);
	is_lossy(f, 0, "wan0", ANOD_TRUE);
	seconds(f, 10, 2, 30);
	cr_expect_not_null(fake_open(f, "gray-loss", "wan0"));
	cr_expect_eq(f->n_proposals, 0);
	fake_bool(f, "link", "wan1", "carrier", true);
	seconds(f, 2, 2, 30);
	(void) proposed(f, 1);
	/* A refusal is not asked for again at once. */
	fake_verdict(f, 0, ANOD_DENIED, "no");
	seconds(f, 30, 2, 30);
	(void) proposed(f, 1);
	seconds(f, 40, 2, 30);
	(void) proposed(f, 2);
	fake_free(f);
}
