/* What a sensor costs is measured, and it is made to wait until it is within its share. */
#include "host/pace.h"

#include <criterion/criterion.h>
#include <math.h>

#define MS UINT64_C(1000000) /* ns */
#define S  UINT64_C(1000000) /* us */

static uint64_t cpu_ns, wall_ns, switches, looks;

static uint64_t fake_cpu(void)
{
	return cpu_ns;
}

static uint64_t fake_wall(void)
{
	return wall_ns;
}

static uint64_t fake_switches(void)
{
	looks++;
	return switches;
}

static void fake_clocks(void)
{
	meter_clocks = (struct meter_clocks){ fake_cpu, fake_wall, fake_switches };
	cpu_ns = wall_ns = 1000 * MS;
	switches = looks = 0;
}

TestSuite(pace, .init = fake_clocks);

/* A callback that takes so much. */
static void work(struct meter *m, uint64_t ns, uint64_t away_ns)
{
	bool begun = meter_begin(m);

	cpu_ns += ns;
	wall_ns += ns + away_ns;
	meter_end(m, begun);
}

/* After the first seconds, which are free. */
static void settled(struct meter *m, double limit)
{
	meter_init(m, limit);
	m->n_beats = PACE_GRACE;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 0.02 * fabs(b) + 1e-9;
}

Test(pace, a_share_is_of_the_last_ten_seconds)
{
	struct meter m;

	meter_init(&m, 0.01);
	work(&m, 20 * MS, 0);
	cr_expect(near(meter_share(&m), 0.02), "of the first second: %g", meter_share(&m));
	for (unsigned i = 1; i < 10; i++) {
		meter_beat(&m, i * S);
		work(&m, 20 * MS, 0);
	}
	cr_expect(near(meter_share(&m), 0.02));
	for (unsigned i = 10; i < 15; i++)
		meter_beat(&m, i * S);
	cr_expect(near(meter_share(&m), 0.01), "half of it is out: %g", meter_share(&m));
	for (unsigned i = 15; i < 20; i++)
		meter_beat(&m, i * S);
	cr_expect_eq(meter_share(&m), 0);
	/* Inside of another, and where nobody measures. */
	{
		bool outer = meter_begin(&m), inner = meter_begin(&m);

		cr_expect(outer && !inner);
		cpu_ns += 10 * MS;
		meter_end(&m, inner);
		meter_end(&m, outer);
		cr_expect(near(meter_share(&m), 0.001));
		meter_end(NULL, meter_begin(NULL));
	}
}

Test(pace, time_without_a_cpu_counts_only_when_the_callback_waited_for_something)
{
	struct meter m;

	meter_init(&m, 0.01);
	work(&m, MS, MS / 10);
	cr_expect_eq(looks, 0, "nobody asks the kernel while there is no suspicion");
	work(&m, MS, 40 * MS);
	cr_expect_eq(meter_held_us(&m), 0, "the first time nobody knows");
	work(&m, MS, 40 * MS);
	cr_expect_eq(meter_held_us(&m), 0, "somebody else had the CPU");
	switches++; /* between two callbacks: the loop waits */
	work(&m, MS, 40 * MS);
	cr_expect_eq(meter_held_us(&m), 0);
	{
		bool begun = meter_begin(&m);

		cpu_ns += MS;
		wall_ns += 41 * MS;
		switches++;
		meter_end(&m, begun);
	}
	cr_expect_eq(meter_held_us(&m), 40000);
	cr_expect(near(meter_share(&m), 0.045), "%g", meter_share(&m));
	looks = 0;
	for (unsigned i = 0; i < 200; i++)
		work(&m, MS / 1000, 0);
	cr_expect_leq(looks, 130, "the suspicion ends: %llu looks", (unsigned long long) looks);
}

/* Reads every so often as pace() says, for so long; how often. */
static unsigned run(struct meter *m, uint64_t *now_us, uint64_t wanted_us, uint64_t ns,
		    uint64_t held_us, uint64_t for_us)
{
	uint64_t end_us = *now_us + for_us, next_us = *now_us, beat_us = *now_us + S;
	unsigned n = 0;

	while (*now_us < end_us) {
		if (*now_us >= beat_us) {
			meter_beat(m, *now_us);
			beat_us += S;
		}
		if (*now_us >= next_us) {
			bool begun = meter_begin(m);

			cpu_ns += ns;
			wall_ns += ns;
			next_us = *now_us + meter_pace(m, *now_us, wanted_us, held_us);
			meter_end(m, begun);
			n++;
		}
		*now_us += 10000;
	}
	return n;
}

Test(pace, what_fits_is_never_put_off)
{
	struct meter m;
	uint64_t now = S;

	settled(&m, 0.01);
	cr_expect_eq(run(&m, &now, S, 9 * MS, 0, 100 * S), 100);
	cr_expect_eq(meter_slowed(&m), 1);
	cr_expect(near(meter_share(&m), 0.009), "%g", meter_share(&m));
	/* One reading that was ten times as dear is paid from what was saved. */
	work(&m, 50 * MS, 0);
	cr_expect_eq(run(&m, &now, 10 * S, 9 * MS, 0, 100 * S), 10);
}

Test(pace, what_does_not_fit_is_put_off_until_it_does)
{
	struct meter m;
	uint64_t now = S;
	unsigned n;

	settled(&m, 0.005);
	(void) run(&m, &now, S, 20 * MS, 0, 60 * S);
	n = run(&m, &now, S, 20 * MS, 0, 400 * S);
	cr_expect(n >= 98 && n <= 102, "20 ms at 0.5 %% of a core is every 4 s, not %u in 400 s",
		  n);
	cr_expect(near(meter_slowed(&m), 4), "%g", meter_slowed(&m));
	cr_expect(meter_share(&m) < 0.0065 && meter_share(&m) > 0.0035, "%g", meter_share(&m));
	cr_expect_eq(m.wanted_us, S);

	/* A thread that is held counts like our own time. */
	n = run(&m, &now, S, 0, 20000, 400 * S);
	cr_expect(n >= 98 && n <= 102, "%u", n);
	/* It is over when it costs less. */
	n = run(&m, &now, S, MS, 0, 100 * S);
	cr_expect_geq(n, 95);
	cr_expect_eq(meter_slowed(&m), 1);
	/* And while it is needed nothing is put off. */
	m.free = true;
	cr_expect_eq(run(&m, &now, S, 20 * MS, 0, 100 * S), 100);
	cr_expect_eq(meter_slowed(&m), 1);
	/* Nonsense is bounded. */
	m.free = false;
	cr_expect_leq(meter_pace(&m, now, S, UINT64_MAX), PACE_MAX_US);
	cr_expect_eq(meter_pace(&m, now, 0, 0), 0);
}

Test(pace, opening_everything_is_free_and_no_wait_is_long_for_the_sake_of_others)
{
	struct meter m;
	uint64_t now = S;

	meter_init(&m, 0.01);
	cr_expect_eq(run(&m, &now, S, 100 * MS, 0, PACE_GRACE * S), PACE_GRACE);
	cr_expect_eq(meter_need(&m), 0, "it says nothing of what it will need");
	(void) run(&m, &now, S, 1 * MS, 0, 20 * S);
	cr_expect_eq(meter_slowed(&m), 1);

	/* 100 ms every minute would be fine if the others took less. */
	m.limit = 0.0001;
	work(&m, 100 * MS, 0);
	work(&m, 100 * MS, 0);
	cr_expect_leq(meter_pace(&m, now, S, 0), PACE_STEP_US);
	/* A reading that holds a lock for three seconds is another matter. */
	cr_expect(near((double) meter_pace(&m, now, S, 3 * S), 300e6));
}

Test(pace, two_readings_of_one_sensor_share_what_it_may_have)
{
	struct meter m;
	uint64_t now = S, next[2] = { S, S };
	unsigned n[2] = { 0 };

	settled(&m, 0.005);
	for (; now < 1000 * S; now += 10000) {
		for (unsigned k = 0; k < 2; k++)
			if (now >= next[k]) {
				bool begun = meter_begin(&m);

				cpu_ns += (k ? 5 : 10) * MS;
				wall_ns += (k ? 5 : 10) * MS;
				next[k] = now + meter_pace(&m, now, k ? 20 * S : S, 0);
				meter_end(&m, begun);
				n[k]++;
			}
		if (now % S == 0)
			meter_beat(&m, now);
	}
	cr_expect(n[1] >= 48 && n[1] <= 50, "the rare one is not put off: %u", n[1]);
	cr_expect(n[0] * 10 + n[1] * 5 < 5100, "together 0.5 %%: %u, %u", n[0], n[1]);
	cr_expect(n[0] > 430, "and it is used: %u", n[0]);
}

static void needs(struct meter *m, double share, double slowed)
{
	settled(m, 0.01);
	m->cpu_ns[0] = (uint64_t) (share * 1e9);
	m->slowed = slowed;
	m->slowed_until_us = UINT64_MAX;
	m->paced = true;
}

Test(pace, who_needs_less_leaves_the_rest_to_the_others)
{
	struct meter m[4], *p[4] = { &m[0], &m[1], &m[2], &m[3] };

	needs(&m[0], 0.001, 1);
	needs(&m[1], 0.002, 1);
	needs(&m[2], 0.004, 5); /* would like 2 % */
	needs(&m[3], 0.003, 2); /* 0.6 % */
	meters_share(p, 4, 0.01);
	cr_expect(near(m[2].limit, 0.0035), "%g", m[2].limit);
	cr_expect(near(m[3].limit, 0.0035), "%g", m[3].limit);
	cr_expect(m[0].limit >= 0.0025 && m[1].limit >= 0.0025, "room to grow: %g %g", m[0].limit,
		  m[1].limit);

	/* The big one alone gets all that is left. */
	needs(&m[3], 0.001, 1);
	meters_share(p, 4, 0.01);
	cr_expect(near(m[2].limit, 0.006), "%g", m[2].limit);

	/* What cannot be slowed down is taken off first, but not everything. */
	m[1].paced = false;
	needs(&m[0], 0.001, 1);
	m[1].cpu_ns[0] = 4 * MS;
	meters_share(p, 4, 0.01);
	cr_expect(near(m[2].limit, 0.004), "%g", m[2].limit);
	m[1].cpu_ns[0] = 100 * MS;
	meters_share(p, 4, 0.01);
	cr_expect(near(m[2].limit, 0.003), "%g", m[2].limit);
	cr_expect(m[1].limit < 0.01 && m[1].limit >= 0.0025, "its own: %g", m[1].limit);
	/* Everybody has something, and nobody alone has all. */
	meters_share(p, 1, 0.01);
	cr_expect(near(m[0].limit, 0.01), "%g", m[0].limit);
	meters_share(p, 4, 0.00001);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_geq(m[i].limit, PACE_LEAST);
	meters_share(p, 0, 0.01);
}
