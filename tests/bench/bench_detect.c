/*
 * bench_detect - how many probes until a loss is found?
 *
 * usage: bench_detect     prints a JSON line for each case and detector
 *
 * Paths are two-state chains (Gilbert): a loss with 'enter' after a delivered probe, with 'stay'
 * after a lost one.  A healthy path has 0.1 % and 30 %.  Detectors:
 *   limit           ln(alarm_every) over the evidence of one probe (Lorden 1971): on average no
 *                   detector with that rate of false alarms can do much better; it is a bound
 *                   on means, so the rows have the mean too, and that is what is compared
 *   anod            agents/uplink/loss_test.c at one false alarm in 1e9 probes
 *   three-in-a-row  what most scripts and daemons do
 * Case "healthy" counts false alarms in 1e8 probes instead; its limit is the stated rate.
 * The same seed gives the same numbers.
 */
#include "agents/uplink/loss_test.c"

#include <stdio.h>
#include <stdlib.h>

#define RUNS	   1000
#define GIVE_UP	   20000000 /* probes of one run */
#define HEALTHY_N  100000000
#define ROW_LENGTH 3

static const struct loss_test_params usual = { .healthy = 0.001, .burst = 0.3, .alarm_every = 1e9 };

struct path {
	double enter, stay;
	bool lost;
	uint64_t random; /* xorshift64; not 0 */
};

struct detector {
	const char *who;
	bool by_row;
	struct loss_test test;
	unsigned row;
};

static bool path_next(struct path *p)
{
	double u;

	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	u = (double) (p->random >> 11) * 0x1p-53;
	return p->lost = u < (p->lost ? p->stay : p->enter);
}

static void detector_start(struct detector *d)
{
	d->row = 0;
	(void) loss_test_init(&d->test, &usual);
}

static bool detector_feed(struct detector *d, bool lost)
{
	struct loss_finding f;

	if (!d->by_row)
		return loss_test_feed(&d->test, lost, &f);
	d->row = lost ? d->row + 1 : 0;
	if (d->row < ROW_LENGTH)
		return false;
	d->row = 0;
	return true;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static void print_row(const char *name, const char *who, const char *unit, double *v, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	qsort(v, (size_t) n, sizeof(*v), by_value);
	printf("{\"work\":\"detect\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":%d,"
	       "\"min\":%.4g,\"p50\":%.7g,\"p90\":%.7g,\"p99\":%.7g,\"max\":%.8g,\"mean\":%.7g}\n",
	       name, who, unit, n, v[0], v[n / 2], v[n * 9 / 10], v[n * 99 / 100], v[n - 1],
	       sum / n);
	(void) fflush(stdout);
}

static double nats(double p, double q)
{
	return (p > 0 ? p * log(p / q) : 0) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

static double bound(double enter, double stay)
{
	double at_loss = enter / (enter + 1 - stay);

	return log(usual.alarm_every) /
	       ((1 - at_loss) * nats(enter, usual.healthy) + at_loss * nats(stay, usual.burst));
}

static void run_case(const char *name, double enter, double stay, struct detector *d)
{
	static double v[RUNS];
	struct path p = { enter, stay, false, 88172645463325252 };
	/* A loss of 1 % is found by three in a row after a million probes: fewer runs do. */
	int runs = d->by_row && enter < 0.02 ? RUNS / 10 : RUNS;

	for (int i = 0; i < runs; i++) {
		uint64_t n = 1;

		detector_start(d);
		p.lost = false;
		while (!detector_feed(d, path_next(&p)) && n < GIVE_UP)
			n++;
		v[i] = (double) n;
	}
	print_row(name, d->who, "probes", v, runs);
}

static void run_healthy(struct detector *d)
{
	struct path p = { usual.healthy, usual.burst, false, 88172645463325252 };
	double alarms = 0;

	detector_start(d);
	for (long i = 0; i < HEALTHY_N; i++)
		alarms += detector_feed(d, path_next(&p));
	print_row("healthy", d->who, "alarms in 1e8 probes", &alarms, 1);
}

int main(void)
{
	static const struct {
		const char *name;
		double enter, stay;
	} c[] = {
		{ "loss-1", 0.01, 0.01 },
		{ "loss-5", 0.05, 0.05 },
		{ "loss-30", 0.3, 0.3 },
		{ "loss-100", 1, 1 },
		/* 5 % in bursts of two on average: enter = 0.05 x 0.5 / 0.95. */
		{ "burst-5", 0.05 * 0.5 / 0.95, 0.5 },
	};
	static struct detector d[] = { { .who = "anod" },
				       { .who = "three-in-a-row", .by_row = true } };
	double limit;

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		limit = bound(c[i].enter, c[i].stay);
		print_row(c[i].name, "limit", "probes", &limit, 1);
		for (size_t k = 0; k < sizeof(d) / sizeof(d[0]); k++)
			run_case(c[i].name, c[i].enter, c[i].stay, &d[k]);
	}
	limit = HEALTHY_N / usual.alarm_every;
	print_row("healthy", "limit", "alarms in 1e8 probes", &limit, 1);
	for (size_t k = 0; k < sizeof(d) / sizeof(d[0]); k++)
		run_healthy(&d[k]);
	return 0;
}
