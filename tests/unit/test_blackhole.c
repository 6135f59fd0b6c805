/* The agent that finds paths that swallow large packets: its verdict on sizes, and what it does. */
#include "fake_agent_host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "agents/blackhole/sweep.c"

#define S     1000000ULL
#define BLOCK "wan0/203.0.113.0/24"

static unsigned ladder(struct rung *r, uint32_t passes, bool pings)
{
	unsigned n = sweep_sizes(1500, false, r);

	for (unsigned i = 0; i < n; i++) {
		r[i].sent = 4;
		r[i].lost = r[i].size <= passes && (r[i].size || pings) ? 0 : 4;
	}
	return n;
}

Test(blackhole, sizes_say_what_passes_and_only_in_order)
{
	struct rung r[SIZES_MAX];
	uint32_t mtu = 0;
	unsigned n = ladder(r, 1420, true);

	cr_expect_eq(r[0].size, 1500);
	cr_expect_eq(r[n - 1].size, 0);
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_HOLE);
	cr_expect_eq(mtu, 1420);
	r[n - 2].sent = 3;
	r[n - 2].lost = 3;
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_OPEN, "not enough of 576 yet");
	r[n - 2].sent = r[n - 2].lost = 4;
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_MIXED, "smaller ones are lost as well");
	n = ladder(r, 1500, true);
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_PASSES);
	n = ladder(r, 0, false);
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_NO_ANSWER);
	n = ladder(r, 0, true);
	cr_expect_eq(sweep_judge(r, n, &mtu), SWEEP_MIXED, "it may answer small ones only");
	n = sweep_sizes(9000, true, r);
	cr_expect(n <= SIZES_MAX && r[1].size == 8942 && r[n - 2].size == 1280);
}

/* ---- the agent ---------------------------------------------------------------------------- */

static int64_t asked;

/* What the probes that are asked for say by now: those up to 'passes' bytes are answered. */
static void probes_say(struct fake *f, int64_t passes)
{
	asked += 5;
	for (unsigned i = 0; i < f->n_senses; i++) {
		const struct anod_action *q = &f->sense[i].request;
		const struct anod_value *size = fake_arg(q, "size");
		char name[ANOD_NAME_SIZE];
		int64_t bytes = size ? size->u.i : 60;

		if (f->sense[i].cancelled)
			continue;
		(void) snprintf(name, sizeof(name),
				size ? "wan0/203.0.113.1/size/%lld" : "wan0/203.0.113.1",
				(long long) bytes);
		fake_int(f, "probe", name, "void", 0);
		fake_int(f, "probe", name, "lost",
			 fake_get(f, "probe", name, "lost").u.i + (bytes <= passes ? 0 : 5));
		fake_int(f, "probe", name, "sent", asked);
	}
	fake_advance(f, S);
}

static struct fake *new_blackhole(void)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/blackhole.so");

	asked = 0;
	fake_opt_int(f, "clean", 3 * S);
	cr_assert_eq(fake_start(f), 0);
	fake_text(f, "tcp_prefix", BLOCK, "dev", "wan0");
	fake_prefix(f, "tcp_prefix", BLOCK, "prefix", "203.0.113.0/24");
	fake_prefix(f, "tcp_prefix", BLOCK, "stuck_host", "203.0.113.1");
	fake_prefix(f, "tcp_prefix", BLOCK, "gateway", "10.1.0.1");
	fake_int(f, "tcp_prefix", BLOCK, "stuck_size", 1500);
	fake_int(f, "tcp_prefix", BLOCK, "stuck", 1);
	f->watch.fn(&f->ctx, f->watch.id, BLOCK, ANOD_TRUE, f->watch.data);
	return f;
}

Test(blackhole, route_with_the_mtu_that_passes_comes_and_goes)
{
	struct fake *f = new_blackhole();
	const struct anod_action *a;

	cr_expect_gt(f->n_senses, 8, "all sizes at once");
	probes_say(f, 1400);
	probes_say(f, 1400);
	probes_say(f, 1400);
	cr_assert_not_null(fake_open(f, "mtu-black-hole", BLOCK), "%s", f->log);
	cr_assert_eq(f->n_proposals, 1);
	a = &f->proposal[0].p.action[0];
	cr_expect_str_eq(a->kind, "route.replace");
	cr_expect_eq(fake_arg(a, "mtu")->u.i, 1400);
	cr_expect(fake_arg_is(a, "via", "10.1.0.1"));
	cr_expect(fake_arg_is(a, "dev", "wan0"));
	fake_verdict(f, 0, ANOD_COMMITTED, NULL);
	fake_int(f, "tcp_prefix", BLOCK, "stuck", 0);
	for (unsigned i = 0; i < 10; i++)
		probes_say(f, 1400);
	cr_expect_eq(f->n_proposals, 1);
	for (unsigned i = 0; i < 8; i++)
		probes_say(f, 1500);
	cr_assert_eq(f->n_proposals, 2);
	cr_expect_str_eq(f->proposal[1].p.action[0].kind, "route.del");
	fake_verdict(f, 1, ANOD_COMMITTED, NULL);
	cr_expect_eq(fake_n_open(f), 0);
	for (unsigned i = 0; i < f->n_senses; i++)
		cr_expect(f->sense[i].cancelled, "nothing is asked any more");
	fake_free(f);
}

Test(blackhole, peer_that_went_away_and_plain_loss_are_left_alone)
{
	struct fake *f = new_blackhole();

	for (unsigned i = 0; i < 10; i++)
		probes_say(f, 0);
	cr_expect(!fake_n_open(f) && !f->n_proposals);
	cr_expect_not_null(strstr(f->log, "answers no ping"));
	fake_free(f);

	f = new_blackhole();
	for (unsigned i = 0; i < 10; i++)
		probes_say(f, 1500);
	cr_expect(!fake_n_open(f) && !f->n_proposals);
	/* It is looked at again, but not at once, unless the story is a new one. */
	unsigned before = f->n_senses;
	fake_advance(f, 20 * S);
	cr_expect_eq(f->n_senses, before);
	fake_int(f, "tcp_prefix", BLOCK, "stuck", 0);
	fake_advance(f, S);
	fake_int(f, "tcp_prefix", BLOCK, "stuck", 1);
	fake_advance(f, S);
	cr_expect_gt(f->n_senses, before);
	fake_free(f);
}
