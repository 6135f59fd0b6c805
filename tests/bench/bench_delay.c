/*
 * bench_delay - how long until each detector tells, how often it is wrong, against the theory.
 *
 * usage: bench_delay [MILLIONS]     millions of healthy samples for the false alarms; 4
 *
 * Cases print a mean of RUNS runs beside "limit": Lorden's bound (1971) ln(samples between false
 * alarms) / (evidence in one sample), which on average no detector with that rate of false alarms
 * can do much better than.  Noise is Gaussian, or Student's t with three degrees of freedom, both
 * of standard deviation 1 around 100.  The same seed gives the same numbers.
 */
#include "tests/bench/labelled.h"

#include <math.h>

#include "detect/loss.h"
#include "detect/season.h"
#include "detect/shift.h"
#include "detect/steady.h"

#define RUNS	200
#define HEALTHY 500   /* samples before the change */
#define GIVE_UP 20000 /* samples after it */
#define YOUNG	100   /* batches after which a path is forgotten */
#define MISSED	1000  /* samples after which a shift counts as missed */
#define SECOND	UINT64_C(1000000)
#define BURST	0.3	      /* of a healthy path, as core/detect/loss.c has it */
#define T_SCALE 0.57735026919 /* 1/sqrt(3): standard deviation 1 with 3 degrees of freedom */

static uint64_t state = 88172645463325252;

static double uniform(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((double) (state >> 11) + 0.5) * 0x1p-53;
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double student(void)
{
	double a = gauss(), b = gauss(), c = gauss();

	return T_SCALE * gauss() / sqrt((a * a + b * b + c * c) / 3);
}

static double gauss_density(double x)
{
	return exp(-x * x / 2) / sqrt(2 * M_PI);
}

static double student_density(double x)
{
	x /= T_SCALE;
	return 6 * sqrt(3) / (M_PI * (3 + x * x) * (3 + x * x)) / T_SCALE;
}

static const struct noise {
	const char *name;
	double (*draw)(void), (*density)(double);
} noises[] = { { "gauss", gauss, gauss_density }, { "student", student, student_density } };

/* Nats of evidence in one sample for a shift by 'by' (Kullback and Leibler), by Simpson's rule. */
static double evidence(const struct noise *n, double by)
{
	double sum = 0, h = 0.01;

	for (int i = 0; i <= 20000; i++) {
		double x = -100 + i * h, p = n->density(x - by), q = n->density(x);
		double f = p > 0 && q > 0 ? p * log(p / q) : 0;

		sum += f * (i == 0 || i == 20000 ? 1 : i % 2 ? 4 : 2);
	}
	return sum * h / 3;
}

static void shift_delay(const struct noise *noise, double by)
{
	double sum = 0, off = 0, found = 0;
	char name[64];

	for (int run = 0; run < RUNS; run++) {
		struct shift s = { 0 };
		struct shift_news news;
		uint64_t i = 0;
		bool told = false;

		for (; i < HEALTHY; i++)
			(void) shift_feed(&s, i * SECOND, 100 + noise->draw(), NULL);
		for (; !told && i < HEALTHY + MISSED; i++)
			told = shift_feed(&s, i * SECOND, 100 + by + noise->draw(), &news);
		if (!told)
			continue;
		found++;
		sum += (double) (i - HEALTHY);
		off += fabs((double) (news.since_us / SECOND) - HEALTHY);
	}
	(void) snprintf(name, sizeof(name), "shift of %.0f sigma, %s", by, noise->name);
	figure("delay", name, "limit", "samples", log(SHIFT_ALARM_EVERY) / evidence(noise, by));
	figure("delay", name, "anod", "samples", sum / found);
	(void) snprintf(name, sizeof(name), "its date is off by, %.0f sigma, %s", by, noise->name);
	figure("delay", name, "anod", "samples", off / found);
	(void) snprintf(name, sizeof(name), "never told, %.0f sigma, %s", by, noise->name);
	figure("delay", name, "anod", "%", 100 * (RUNS - found) / RUNS);
}

static void shift_healthy(const struct noise *noise, double samples)
{
	struct shift s = { 0 };
	double alarms = 0, start = ns_now();
	char name[64];

	for (double i = 0; i < samples; i++)
		alarms += shift_feed(&s, (uint64_t) i * SECOND, 100 + noise->draw(), NULL);
	(void) snprintf(name, sizeof(name), "shift, false alarms, %s", noise->name);
	figure("delay", name, "limit", "in 1e6", 1e6 / SHIFT_ALARM_EVERY);
	figure("delay", name, "anod", "in 1e6", alarms / samples * 1e6);
	(void) snprintf(name, sizeof(name), "shift, cost with the noise, %s", noise->name);
	figure("delay", name, "anod", "ns/sample", (ns_now() - start) / samples);
}

static void steady_healthy(const struct noise *noise, double samples)
{
	struct steady s = { 0 };
	struct steady_view v;
	double alarms = 0;
	char name[64];

	for (double i = 0; i < samples; i++)
		alarms += steady_feed(&s, 100 + noise->draw(), 0, &v) && v.odd;
	(void) snprintf(name, sizeof(name), "steady, false alarms, %s", noise->name);
	figure("delay", name, "anod", "in 1e6", alarms / samples * 1e6);
}

static double nats(double p, double q)
{
	return (p > 0 ? p * log(p / q) : 0) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

/* Probes one at a time, or batches of packets with the healthy loss known by then. */
static void loss_delay(double p)
{
	double sum = 0;
	char name[64];

	for (int run = 0; run < RUNS; run++) {
		struct loss l = { 0 };
		uint64_t i = 0;

		while (!loss_feed(&l, i * SECOND, 1, uniform() < p, NULL) && i < GIVE_UP)
			i++;
		sum += (double) (i + 1);
	}
	(void) snprintf(name, sizeof(name), "loss of %g %%, probes", p * 100);
	/* A loss after a loss is judged against the bursts of a healthy path, see loss.c. */
	figure("delay", name, "limit", "probes",
	       log(LOSS_ALARM_EVERY) / ((1 - p) * nats(p, LOSS_HEALTHY_MAX) + p * nats(p, BURST)));
	figure("delay", name, "anod", "probes", sum / RUNS);
}

static uint64_t binomial(uint64_t n, double p)
{
	uint64_t k = 0;
	/* Distances between losses are geometric. */
	for (double at = floor(log(uniform()) / log1p(-p)); at < (double) n;
	     at += 1 + floor(log(uniform()) / log1p(-p)))
		k++;
	return k;
}

/* Packets lost out of 10000 in bursts: of 1 to 21, or of geometric length, 7 on average. */
static uint64_t burst_even(void)
{
	return binomial(10000, 2e-5) * (1 + binomial(20, 0.3));
}

static uint64_t burst_wild(void)
{
	uint64_t k = 0;

	for (uint64_t m = binomial(10000, 2e-5); m > 0; m--)
		k += 1 + (uint64_t) (log(uniform()) / log1p(-1.0 / 7));
	return k;
}

/* Batches of a path whose bursts are known by then lose 'p' more. */
static void batch_delay(double p)
{
	double sum = 0;
	char name[64];

	for (int run = 0; run < RUNS / 10; run++) {
		struct loss l = { 0 };
		uint64_t i = 0;

		for (; i < GIVE_UP; i++)
			(void) loss_feed(&l, i * SECOND, 10000, burst_even(), NULL);
		for (; i < 2 * GIVE_UP; i++)
			if (loss_feed(&l, i * SECOND, 10000, burst_even() + binomial(10000, p),
				      NULL))
				break;
		sum += (double) (i + 1 - GIVE_UP);
	}
	(void) snprintf(name, sizeof(name), "loss of %g %%, batches with bursts", p * 100);
	figure("delay", name, "anod", "batches", sum / (RUNS / 10));
}

static void loss_healthy(double samples)
{
	struct loss probes = { 0 }, packets = { 0 }, bursts = { 0 }, wild = { 0 }, fresh = { 0 };
	double alarms[5] = { 0 };

	for (double i = 0; i < samples; i++) {
		uint64_t t = (uint64_t) i * SECOND;

		alarms[0] += loss_feed(&probes, t, 1, uniform() < LOSS_HEALTHY_MAX, NULL) &&
			     loss_now(&probes);
		alarms[1] += loss_feed(&packets, t, 1000, binomial(1000, 1e-4), NULL) &&
			     loss_now(&packets);
		alarms[2] += loss_feed(&bursts, t, 10000, burst_even(), NULL) && loss_now(&bursts);
		alarms[3] += loss_feed(&wild, t, 10000, burst_wild(), NULL) && loss_now(&wild);
		alarms[4] += loss_feed(&fresh, t, 10000, burst_wild(), NULL) && loss_now(&fresh);
		if ((uint64_t) i % YOUNG == 0)
			fresh = (struct loss){ 0 };
	}
	figure("delay", "loss, false alarms, probes at 0.1 %", "anod", "in 1e6",
	       alarms[0] / samples * 1e6);
	figure("delay", "loss, false alarms, batches at 0.01 %", "anod", "in 1e6",
	       alarms[1] / samples * 1e6);
	figure("delay", "loss, false alarms, batches with bursts of 7", "anod", "in 1e6",
	       alarms[2] / samples * 1e6);
	figure("delay", "loss, false alarms, batches with wild bursts", "anod", "in 1e6",
	       alarms[3] / samples * 1e6);
	figure("delay", "loss, false alarms, the same, fresh each 100", "anod", "in 1e6",
	       alarms[4] / samples * 1e6);
}

/* A load with days and a weekend, noise in proportion, a sample in ten seconds. */
static double load_at(double us)
{
	double day = us / 86400e6, hour = fmod(day, 1) * 24;
	double work = fmod(day, 7) < 5 ? 1 : 0.5;

	return 100 + 900 * work * exp(-pow((hour - 14) / 5, 2));
}

static void season_healthy(const struct noise *noise)
{
	static struct season s;
	double odd[2] = { 0 }, n[2] = { 0 }, error = 0, plain = 0, sum = 0, start;
	char name[80];

	memset(&s, 0, sizeof(s));
	start = ns_now();
	for (uint64_t t = 0; t < UINT64_C(21) * 86400 * SECOND; t += 10 * SECOND) {
		double usual = load_at((double) t), x = usual * (1 + 0.05 * noise->draw());
		bool first = t < UINT64_C(7) * 86400 * SECOND;
		struct season_view v;

		if (!season_feed(&s, t, x, &v))
			continue;
		odd[!first] += fabs(v.z) >= SEASON_UNUSUAL;
		n[!first]++;
		sum++;
		if (!first) {
			error += fabs(v.expected - usual);
			plain += usual;
		}
	}
	(void) snprintf(name, sizeof(name), "season, |z| >= 6, first week, %s", noise->name);
	figure("delay", name, "anod", "in 1e6", odd[0] / n[0] * 1e6);
	(void) snprintf(name, sizeof(name), "season, |z| >= 6, later, %s", noise->name);
	figure("delay", name, "anod", "in 1e6", odd[1] / n[1] * 1e6);
	(void) snprintf(name, sizeof(name), "season, error of what is expected, %s", noise->name);
	figure("delay", name, "anod", "%", 100 * error / plain);
	(void) snprintf(name, sizeof(name), "season, cost with the load, %s", noise->name);
	figure("delay", name, "anod", "ns/sample", (ns_now() - start) / sum);
}

int main(int argc, char **argv)
{
	double samples = 1e6 * (argc > 1 ? strtod(argv[1], NULL) : 4);
	static const double loss[] = { 0.01, 0.05, 0.3, 1 }, by[] = { 1, 2, 5 };

	for (size_t i = 0; i < ARRAY_SIZE(noises); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(by); k++)
			shift_delay(&noises[i], by[k]);
		shift_healthy(&noises[i], samples);
		steady_healthy(&noises[i], samples);
		season_healthy(&noises[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(loss); i++)
		loss_delay(loss[i]);
	batch_delay(0.001);
	batch_delay(0.01);
	loss_healthy(samples);
	figure("delay", "state of loss", "anod", "bytes", sizeof(struct loss));
	figure("delay", "state of season", "anod", "bytes", sizeof(struct season));
	figure("delay", "state of shift", "anod", "bytes", sizeof(struct shift));
	figure("delay", "state of steady", "anod", "bytes", sizeof(struct steady));
	return 0;
}
