/*
 * bench_detect - how many probes it takes to see that a path has begun to lose packets.
 *
 * usage: bench_detect [TRIALS [HEALTHY_PROBES]]
 *
 * Design.  Simulated paths, one outcome a probe, the change at the first probe.  The contenders:
 *
 *   anod            agents/uplink's loss test at its defaults
 *   three-in-a-row  alarm at the third loss in a row: mwan3, keepalived, most scripts
 *   limit           ln(ALARM_EVERY) / (evidence in one probe), Lorden 1971: no test that
 *                   promises one false alarm in ALARM_EVERY probes has a smaller mean delay when
 *                   ALARM_EVERY is large.  At 1e9 and high loss a mean may lie below it.
 *   limit-iid       the same for a promise that holds only where the losses of a healthy path
 *                   are independent, which they are not on real ones
 *
 * "burst-5" loses 5 % in bursts (a two-state chain, Gilbert 1960, in which a loss follows a loss
 * with the probability that the test takes for usual).  "healthy" counts false alarms on a path
 * that is as bad as the parameters call healthy.  Figures are lines of JSON, unit probes (mean in
 * "mean": the promise of a sequential test is one on means).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agents/uplink/loss_test.c"

#define HEALTHY	    0.001
#define BURST	    0.3
#define ALARM_EVERY 1e9
#define GIVE_UP	    UINT64_C(20000000)
#define TRIALS_MAX  10000

struct path {
	double after_ok, after_loss; /* probability of a loss */
	bool last;
};

struct contender {
	const char *name;
	bool (*feed)(bool lost);
	void (*begin)(void);
};

static const struct loss_test_params params = { HEALTHY, BURST, ALARM_EVERY };
static struct loss_test test;
static unsigned in_a_row;
static uint64_t random_state = 88172645463325252u;

/* xorshift64*: the same sequence in every run. */
static double uniform(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (double) (random_state * 2685821657736338717u >> 11) * 0x1p-53;
}

static bool next_lost(struct path *p)
{
	p->last = uniform() < (p->last ? p->after_loss : p->after_ok);
	return p->last;
}

static void anod_begin(void)
{
	(void) loss_test_init(&test, &params);
}

static bool anod_feed(bool lost)
{
	struct loss_finding f;

	return loss_test_feed(&test, lost, &f);
}

static void row_begin(void)
{
	in_a_row = 0;
}

static bool row_feed(bool lost)
{
	in_a_row = lost ? in_a_row + 1 : 0;
	if (in_a_row < 3)
		return false;
	in_a_row = 0;
	return true;
}

static const struct contender contenders[] = {
	{ "anod", anod_feed, anod_begin },
	{ "three-in-a-row", row_feed, row_begin },
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void detect(const char *name, const struct contender *c, struct path p, unsigned trials)
{
	static double n[TRIALS_MAX];
	double sum = 0;

	for (unsigned i = 0; i < trials; i++) {
		uint64_t probes = 1;

		p.last = false;
		c->begin();
		while (!c->feed(next_lost(&p)) && probes < GIVE_UP)
			probes++;
		n[i] = (double) probes;
		sum += n[i];
	}
	qsort(n, trials, sizeof(*n), by_value);
	printf("{\"work\":\"detect\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"probes\",\"n\":%u,"
	       "\"min\":%.0f,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f,\"mean\":%.1f}\n",
	       name, c->name, trials, n[0], n[trials / 2], n[trials * 9 / 10], n[trials * 99 / 100],
	       n[trials - 1], sum / trials);
}

/* Kullback-Leibler divergence of a probe that is lost with probability p from one with q. */
static double divergence(double p, double q)
{
	return p * log(p / q) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

/* Mean evidence in one probe of 'p' against a chain that loses as 'after_ok' and 'after_loss'. */
static double evidence(const struct path *p, double after_ok, double after_loss)
{
	double share = p->after_ok / (p->after_ok + 1 - p->after_loss); /* of lost probes */

	return (1 - share) * divergence(p->after_ok, after_ok) +
	       share * divergence(p->after_loss, after_loss);
}

static void limit(const char *name, const char *who, double evidence)
{
	double n = log(ALARM_EVERY) / evidence;

	printf("{\"work\":\"detect\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"probes\",\"n\":1,"
	       "\"p50\":%.1f,\"mean\":%.1f}\n",
	       name, who, n, n);
}

static void case_of(const char *name, struct path p, unsigned trials)
{
	limit(name, "limit", evidence(&p, HEALTHY, BURST));
	limit(name, "limit-iid", evidence(&p, HEALTHY, HEALTHY));
	for (unsigned i = 0; i < sizeof(contenders) / sizeof(*contenders); i++)
		detect(name, &contenders[i], p,
		       /* 1e6 probes each: three in a row at 1 % */
		       i > 0 && p.after_loss < 0.02 && trials > 20 ? 20 : trials);
}

static void false_alarms(uint64_t probes)
{
	for (unsigned i = 0; i < sizeof(contenders) / sizeof(*contenders); i++) {
		struct path p = { HEALTHY, BURST, false };
		unsigned long alarms = 0;

		contenders[i].begin();
		for (uint64_t k = 0; k < probes; k++)
			alarms += contenders[i].feed(next_lost(&p));
		printf("{\"work\":\"detect\",\"case\":\"healthy\",\"who\":\"%s\",\"unit\":\"false "
		       "alarms\",\"n\":1,\"p50\":%lu,\"probes\":%llu}\n",
		       contenders[i].name, alarms, (unsigned long long) probes);
	}
	printf("{\"work\":\"detect\",\"case\":\"healthy\",\"who\":\"limit\",\"unit\":\"false "
	       "alarms\",\"n\":1,\"p50\":%g,\"probes\":%llu}\n",
	       (double) probes / ALARM_EVERY, (unsigned long long) probes);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		double loss;
	} iid[] = { { "loss-1", 0.01 }, { "loss-5", 0.05 }, { "loss-30", 0.3 }, { "loss-100", 1 } };
	unsigned trials = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : 1000;
	uint64_t probes = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000000;
	/* Losses begin with probability 'a' after a delivered probe, so that 5 % are lost. */
	double a = 0.05 * (1 - BURST) / 0.95;

	if (trials == 0 || trials > TRIALS_MAX || probes == 0) {
		(void) fprintf(stderr, "usage: bench_detect [TRIALS [HEALTHY_PROBES]]\n");
		return 2;
	}
	for (unsigned i = 0; i < sizeof(iid) / sizeof(*iid); i++)
		case_of(iid[i].name, (struct path){ iid[i].loss, iid[i].loss, false }, trials);
	case_of("burst-5", (struct path){ a, BURST, false }, trials);
	false_alarms(probes);
	return 0;
}
