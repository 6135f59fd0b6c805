#include "agents/uplink/uplink_health.h"
#include "agents/uplink/uplink_health.c"
#include "agents/uplink/uplink_rivals.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#define S 1000000ULL

static const struct health_params params = {
	.loss = { .healthy = 0.001, .burst = 0.3, .alarm_every = 1e9 },
	.clean_us = 60 * S,
	.timeout_us = 1 * S,
};
static const struct health_input fine = { ANOD_TRUE, ANOD_TRUE, 2, 2, 0 };

static struct health *new_health(void)
{
	struct health *h = malloc(sizeof(*h));

	cr_assert(eq(int, health_init(h, &params), 0));
	return h;
}

static enum health_state state_after(struct health *h, const struct health_input *in, uint64_t now)
{
	(void) health_update(h, &params, in, now);
	return h->state;
}

Test(uplink_health, hard_faults_follow_the_facts)
{
	static const struct {
		struct health_input in;
		unsigned quorum;
		enum health_state want;
	} c[] = {
		{ { ANOD_TRUE, ANOD_TRUE, 0, 0, 0 }, 0, HEALTH_HEALTHY },
		{ { ANOD_FALSE, ANOD_TRUE, 0, 0, 0 }, 0, HEALTH_DOWN },
		{ { ANOD_DOUBT, ANOD_FALSE, 2, 0, 2 }, 0, HEALTH_UNKNOWN },
		{ { ANOD_TRUE, ANOD_FALSE, 2, 0, 1 }, 0, HEALTH_GATEWAY },
		{ { ANOD_TRUE, ANOD_FALSE, 0, 0, 0 }, 0, HEALTH_GATEWAY },
		/* Answers come through it: somebody flushed the neighbours. */
		{ { ANOD_TRUE, ANOD_FALSE, 2, 2, 0 }, 0, HEALTH_HEALTHY },
		{ { ANOD_TRUE, ANOD_FALSE, 2, 1, 1 }, 0, HEALTH_HEALTHY },
		{ { ANOD_TRUE, ANOD_DOUBT, 2, 2, 0 }, 0, HEALTH_UNKNOWN },
		{ { ANOD_TRUE, ANOD_TRUE, 2, 0, 2 }, 0, HEALTH_DEAD },
		{ { ANOD_TRUE, ANOD_DOUBT, 2, 0, 2 }, 0, HEALTH_DEAD }, /* certain enough */
		{ { ANOD_TRUE, ANOD_TRUE, 2, 1, 1 }, 0, HEALTH_HEALTHY },
		{ { ANOD_TRUE, ANOD_TRUE, 2, 1, 1 }, 1, HEALTH_DEAD },
		{ { ANOD_TRUE, ANOD_TRUE, 2, 0, 0 }, 0, HEALTH_UNKNOWN }, /* nobody knows */
		{ { ANOD_TRUE, ANOD_TRUE, 2, 0, 1 }, 0, HEALTH_UNKNOWN },
		{ { ANOD_TRUE, ANOD_TRUE, 3, 1, 2 }, 0, HEALTH_DEAD },
		{ { ANOD_TRUE, ANOD_TRUE, 3, 2, 1 }, 0, HEALTH_HEALTHY },
		{ { ANOD_TRUE, ANOD_TRUE, 3, 1, 1 }, 0, HEALTH_UNKNOWN },
		{ { ANOD_TRUE, ANOD_TRUE, 2, 0, 2 },
		  9,
		  HEALTH_DEAD }, /* quorum above the targets */
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct health *h = new_health();
		struct health_params p = params;

		p.quorum = c[i].quorum;
		(void) health_update(h, &p, &c[i].in, 5 * S);
		cr_expect(eq(int, h->state, c[i].want), "case %zu: %s", i,
			  health_state_name(h->state));
		free(h);
	}
}

Test(uplink_health, traffic_returns_after_the_refractory_time_only)
{
	struct health *h = new_health();
	struct health_input down = fine;

	down.link = ANOD_FALSE;
	cr_expect(eq(int, state_after(h, &fine, 1 * S), HEALTH_HEALTHY), "never bad: at once");
	cr_expect(eq(int, state_after(h, &down, 10 * S), HEALTH_DOWN));
	cr_expect(eq(u64, health_next_us(h, &params), UINT64_MAX));
	cr_expect(eq(int, state_after(h, &down, 20 * S), HEALTH_DOWN));
	cr_expect(eq(int, state_after(h, &fine, 30 * S), HEALTH_RETURNING));
	cr_expect(eq(u64, health_next_us(h, &params), 90 * S), "from the end of the fault");
	cr_expect(eq(int, state_after(h, &fine, 79 * S), HEALTH_RETURNING));
	cr_expect(eq(int, state_after(h, &down, 79 * S), HEALTH_DOWN), "a relapse");
	cr_expect(eq(int, state_after(h, &fine, 80 * S), HEALTH_RETURNING));
	cr_expect(eq(int, state_after(h, &fine, 139 * S), HEALTH_RETURNING));
	cr_expect(eq(int, state_after(h, &fine, 140 * S), HEALTH_HEALTHY));
	free(h);
}

Test(uplink_health, a_long_silent_fault_is_not_clean_time)
{
	struct health *h = new_health();
	struct health_input down = fine, unknown = fine;

	down.link = ANOD_FALSE;
	unknown.link = ANOD_DOUBT;
	(void) state_after(h, &fine, 1 * S);
	(void) state_after(h, &down, 10 * S);
	cr_expect(eq(int, state_after(h, &fine, 1000 * S), HEALTH_RETURNING));
	cr_expect(eq(int, state_after(h, &fine, 1060 * S), HEALTH_HEALTHY));

	(void) state_after(h, &down, 2000 * S);
	(void) state_after(h, &unknown, 2001 * S);
	cr_expect(eq(int, state_after(h, &fine, 2500 * S), HEALTH_RETURNING),
		  "unknown behind a fault");
	cr_expect(eq(int, state_after(h, &fine, 2560 * S), HEALTH_HEALTHY));
	(void) state_after(h, &unknown, 2570 * S);
	cr_expect(eq(int, state_after(h, &fine, 2571 * S), HEALTH_HEALTHY),
		  "unknown without a fault is none");
	free(h);
}

/* Feed a repeating pattern until the loss test alarms; the number of probes. */
static unsigned lose(struct health *h, unsigned one_in, uint64_t *now, unsigned limit)
{
	uint64_t since;
	double loss;

	for (unsigned n = 1; n <= limit; n++) {
		*now += S / 10;
		if (health_probe(h, &params, n / one_in % 2, n % one_in == 0, *now, &since,
				 &loss)) {
			health_blame(h, loss, true, *now);
			return n;
		}
	}
	return limit;
}

Test(uplink_health, gray_loss_ends_by_proof_not_by_waiting)
{
	struct health *h = new_health();
	uint64_t now = 10 * S, since, end;
	double loss;
	unsigned n = 0;

	(void) health_update(h, &params, &fine, now);
	cr_expect(lt(uint, lose(h, 20, &now, 1000), 200), "5 %%");
	cr_expect(eq(int, h->state, HEALTH_GRAY));
	cr_expect(epsilon_eq(dbl, h->loss, 0.05, 0.02));

	/* The refractory time alone is not enough without probes. */
	cr_expect(eq(int, state_after(h, &fine, now + 1000 * S), HEALTH_GRAY));

	/* Nor is the proof alone, within the refractory time. */
	for (end = now; n < 2000; n++) {
		end += S / 100;
		cr_expect(not(health_probe(h, &params, 0, false, end, &since, &loss)));
		(void) health_update(h, &params, &fine, end);
	}
	cr_expect(eq(int, h->state, HEALTH_GRAY));
	cr_expect(eq(u64, health_next_us(h, &params), now + 60 * S));
	cr_expect(eq(int, state_after(h, &fine, now + 60 * S), HEALTH_HEALTHY));
	free(h);
}

Test(uplink_health, loss_of_half_as_much_is_no_proof)
{
	struct health *h = new_health();
	uint64_t now = 10 * S, since;
	double loss;

	(void) health_update(h, &params, &fine, now);
	(void) lose(h, 20, &now, 1000);
	for (unsigned n = 1; n <= 1000; n++) {
		now += S / 10;
		if (health_probe(h, &params, 0, n % 40 == 0, now, &since, &loss))
			health_blame(h, loss, true, now);
		cr_assert(not(health_update(h, &params, &fine, now)));
	}
	cr_expect(eq(int, h->state, HEALTH_GRAY));
	free(h);
}

Test(uplink_health, echoes_of_a_hard_fault_are_not_fed)
{
	struct health *h = new_health();
	struct health_input down = fine;
	uint64_t since;
	double loss;

	down.link = ANOD_FALSE;
	(void) health_update(h, &params, &fine, 1 * S);
	(void) health_update(h, &params, &down, 2 * S);
	for (int i = 0; i < 100; i++)
		cr_expect(not(health_probe(h, &params, 0, true, 3 * S, &since, &loss)));
	(void) health_update(h, &params, &fine, 4 * S);
	for (int i = 0; i < 100; i++)
		cr_expect(not(health_probe(h, &params, 0, true, 4 * S + S / 2, &since, &loss)));
	cr_expect(eq(u64, h->test.probes, 0));
	cr_expect(lt(uint, lose(h, 1, &(uint64_t){ 6 * S }, 100), 20), "later ones are");
	free(h);
}

/* Loss on (uplink, target) cells as given, one probe of each in turn; who is blamed? */
static struct rivals judge_cells(double cell[2][2])
{
	const struct health *h[2];
	struct health *own[2] = { new_health(), new_health() };
	unsigned short seed[3] = { 3, 1, 4 };
	struct rivals r;
	uint64_t since;
	double loss;

	for (uint64_t n = 0; n < 300; n++)
		for (int u = 0; u < 2; u++)
			(void) health_probe(own[u], &params, (unsigned) n % 2,
					    erand48(seed) < cell[u][n % 2], n * S / 5, &since,
					    &loss);
	h[0] = own[0];
	h[1] = own[1];
	rivals_judge(h, 2, 0, 2, 0.001, 10 * S, &r);
	free(own[0]);
	free(own[1]);
	return r;
}

Test(uplink_rivals, blames_the_uplink_the_target_or_what_all_share)
{
	struct rivals r;

	r = judge_cells((double[2][2]){ { 0.05, 0.05 }, { 0, 0 } });
	cr_expect(gt(dbl, r.uplink, 0.9), "%g %g %g", r.uplink, r.target, r.shared);
	r = judge_cells((double[2][2]){ { 0.05, 0.05 }, { 0.05, 0.05 } });
	cr_expect(gt(dbl, r.shared, 0.9), "%g %g %g", r.uplink, r.target, r.shared);
	r = judge_cells((double[2][2]){ { 0.1, 0 }, { 0.1, 0 } });
	cr_expect(gt(dbl, r.target, 0.9), "%g %g %g", r.uplink, r.target, r.shared);
	cr_expect(eq(uint, r.worst_target, 0));
	r = judge_cells((double[2][2]){ { 0.5, 0.5 }, { 0.001, 0.001 } });
	cr_expect(gt(dbl, r.uplink, 0.98));
	cr_expect(epsilon_eq(dbl, r.uplink + r.target + r.shared, 1, 0.02));
}

Test(uplink_health, a_shared_loss_does_not_bring_traffic_back)
{
	struct health *h = new_health();

	(void) health_update(h, &params, &fine, 1 * S);
	health_blame(h, 0.05, false, 2 * S);
	cr_expect(eq(int, h->state, HEALTH_ELSEWHERE));
	health_blame(h, 0.05, true, 3 * S);
	cr_expect(eq(int, h->state, HEALTH_GRAY));
	health_blame(h, 0.05, false, 4 * S);
	cr_expect(eq(int, h->state, HEALTH_GRAY));
	cr_expect(eq(u64, h->since_us, 3 * S));
	free(h);
}
