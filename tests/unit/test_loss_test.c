#include "agents/uplink/loss_test.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

static const struct loss_test_params usual = { .healthy = 0.001, .burst = 0.3, .alarm_every = 1e9 };

/* A Gilbert path: losses come with 'enter' after a delivered probe and 'stay' after a lost one. */
struct path {
	double enter, stay;
	bool lost;
	unsigned short seed[3];
};

static bool path_next(struct path *p)
{
	return p->lost = erand48(p->seed) < (p->lost ? p->stay : p->enter);
}

/* Probes until the alarm; 'limit' if there is none. */
static uint64_t probes_to_alarm(struct path *p, const struct loss_test_params *params,
				uint64_t limit, struct loss_finding *ret)
{
	struct loss_test t;

	cr_assert(eq(int, loss_test_init(&t, params), 0));
	for (uint64_t n = 1; n <= limit; n++)
		if (loss_test_feed(&t, path_next(p), ret))
			return n;
	return limit;
}

/* Lorden's bound for the step from 'usual' to a path: ln(alarm_every) over the evidence that
 * one probe carries in the chain's steady state. */
static double bound(double enter, double stay)
{
	double at_loss = enter / (enter + 1 - stay);
	double calm = enter * log(enter / usual.healthy) +
		      (1 - enter) * log((1 - enter) / (1 - usual.healthy));
	double burst =
		stay * log(stay / usual.burst) + (1 - stay) * log((1 - stay) / (1 - usual.burst));

	return log(usual.alarm_every) / ((1 - at_loss) * calm + at_loss * burst);
}

Test(loss_test, delay_stays_near_the_bound)
{
	static const struct {
		double enter, stay, factor;
		int runs;
	} c[] = {
		{ 0.01, 0.01, 1.1, 150 }, { 0.02, 0.02, 1.2, 300 }, { 0.05, 0.05, 1.2, 1000 },
		{ 0.1, 0.1, 1.2, 1000 },  { 0.3, 0.3, 1.2, 1000 },  { 0.0263, 0.5, 1.2, 500 },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct path p = { .enter = c[i].enter, .stay = c[i].stay, .seed = { 7, 7, 7 } };
		double mean = 0, limit = bound(c[i].enter, c[i].stay);
		struct loss_finding f;

		for (int r = 0; r < c[i].runs; r++)
			mean += (double) probes_to_alarm(&p, &usual, 1000000, &f) / c[i].runs;
		cr_expect(lt(dbl, mean, c[i].factor * limit), "loss %g: %g probes, bound %g",
			  c[i].enter, mean, limit);
	}
}

Test(loss_test, calls_a_dead_path_dead)
{
	struct path p = { .enter = 1, .stay = 1 };
	struct loss_finding f;

	cr_expect(le(u64, probes_to_alarm(&p, &usual, 1000, &f), 16));
	cr_expect(gt(dbl, f.loss, 0.99));
}

Test(loss_test, bursts_alone_raise_no_alarm)
{
	struct path healthy = { .enter = usual.healthy, .stay = usual.burst, .seed = { 1, 2, 3 } };
	struct loss_finding f;
	struct loss_test t;

	cr_expect(eq(u64, probes_to_alarm(&healthy, &usual, 20000000, &f), 20000000));

	/* Ten in a row, then silence: a burst, neither dead nor gray. */
	cr_assert(eq(int, loss_test_init(&t, &usual), 0));
	for (int i = 0; i < 10; i++)
		cr_expect(not(loss_test_feed(&t, true, &f)));
	for (int i = 0; i < 5000; i++)
		cr_expect(not(loss_test_feed(&t, false, &f)));
}

Test(loss_test, alarms_no_more_often_than_promised)
{
	for (double every = 1e3; every <= 1e5; every *= 10) {
		struct loss_test_params p = usual;
		struct path path = { .enter = p.healthy, .stay = p.burst, .seed = { 8, 9, 10 } };
		struct loss_test t;
		struct loss_finding f;
		uint64_t alarms = 0, n = 10000000;

		p.alarm_every = every;
		cr_assert(eq(int, loss_test_init(&t, &p), 0));
		for (uint64_t i = 0; i < n; i++)
			alarms += loss_test_feed(&t, path_next(&path), &f);

		cr_expect(gt(u64, alarms, 0), "a test that never alarms shows nothing");
		cr_expect(le(dbl, (double) alarms * every, (double) n), "%g", every);
	}
}

Test(loss_test, dates_the_change_and_starts_afresh)
{
	struct path p = { .enter = 0.0001, .stay = 0.0001, .seed = { 4, 5, 6 } };
	struct loss_test t;
	struct loss_finding f;
	uint64_t n = 0;

	cr_assert(eq(int, loss_test_init(&t, &usual), 0));
	for (; n < 5000; n++)
		cr_assert(not(loss_test_feed(&t, path_next(&p), &f)));
	for (p.enter = p.stay = 0.1; !loss_test_feed(&t, path_next(&p), &f); n++)
		cr_assert(lt(u64, n, 6000));

	cr_expect(ge(u64, f.since, 4900));
	cr_expect(le(u64, f.since, 5100));
	cr_expect(epsilon_eq(dbl, f.loss, 0.1, 0.08));
	cr_expect(not(loss_test_feed(&t, true, &f)), "the evidence was used up");
}

Test(loss_test, a_reset_forgets_evidence_only)
{
	struct loss_test t;
	struct loss_finding f;
	int n = 0;

	cr_assert(eq(int, loss_test_init(&t, &usual), 0));
	for (int i = 0; i < 10; i++)
		cr_assert(not(loss_test_feed(&t, true, &f)));
	loss_test_reset(&t);
	while (!loss_test_feed(&t, true, &f))
		n++;
	cr_expect(ge(int, n, 12));
	cr_expect(eq(u64, f.since, 11), "probes are numbered through");
}

Test(loss_test, refuses_parameters_out_of_range)
{
	struct loss_test_params bad[] = {
		{ 0, 0.3, 1e9 },	{ 0.06, 0.3, 1e9 },	  { NAN, 0.3, 1e9 },
		{ 0.001, 0.0005, 1e9 }, { 0.001, 0.95, 1e9 },	  { 0.001, 0.3, 10 },
		{ 0.001, 0.3, NAN },	{ 0.001, 0.3, INFINITY }, { 0.001, NAN, 1e9 },
	};
	struct loss_test_params wide = { 0.05, 0.9, 1e15 };
	struct loss_test t = { .probes = 42 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(eq(int, loss_test_init(&t, &bad[i]), -EINVAL), "case %zu", i);
	cr_expect(eq(u64, t.probes, 42), "left alone");
	cr_expect(eq(int, loss_test_init(&t, &wide), 0));
	cr_expect(eq(uint, t.n_levels, 3), "steps at or below the healthy ratio are left out");
}
