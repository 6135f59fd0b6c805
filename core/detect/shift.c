/*
 * shift - finds lasting changes in the level of a series (latency, above all) and dates them.
 *
 * Design.  A generalised likelihood ratio test between "one level since 'start'" and "another one
 * since k" (Lorden 1971; Basseville and Nikiforov 1993), on a Laplace likelihood, whose estimate
 * is the median and whose tails fit round-trip times, with the scale of each part integrated out
 * under an inverse-gamma prior around the usual scale of this series.  The prior is what lets five
 * samples be judged: without it their scale is whatever they happen to say.  Two things about real
 * series spoil such tests, and each has a remedy of its own:
 *
 *   neighbours are alike   the evidence is divided by the number of samples that are worth one
 *                          independent one, estimated from the same samples;
 *   the noise changes too  the change also has to be likelier than "one level, two scales".
 *
 * The exact test costs microseconds, so it runs only when the median of the last 5, 6 ... 128
 * samples leaves the level by more than 2.5 of its own standard deviations.  Each of these medians
 * is taken once in a quarter of its length.
 */
#include "detect/shift.h"

#include <math.h>
#include <string.h>

#include "base/util.h"
#include "detect/rank.h"

static const unsigned scale[] = { 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128 };

#define HUGE_X	       1e150 /* larger samples are cut: squares of them must not overflow */
#define PRIOR	       2.0   /* samples that the prior of the scale is worth */
#define SCALE_FLOOR    0.1   /* of SHIFT_LEAST times the level: least scale that is believed */
#define USUAL_MEMORY   512.0 /* samples over which the usual scale is forgotten */
#define TRIGGER	       4.0   /* spreads over the root of the length */
#define LONG	       48 /* samples from which on it is lower: half of what the level says is new then */
#define LONG_TRIGGER   3.0
#define EFFECT	       0.5  /* scales of the old level that the new one has to be away */
#define OLD_MIN	       4    /* samples of the old level */
#define ROUNDS	       2    /* of: where is the split, what is on both sides */
#define REFRESH	       16   /* samples between two looks at the level */
#define LEARN	       8    /* samples before the first test */
#define PURE	       5.0  /* and to "only the noise has" */
#define DOUBT	       0.5  /* standard deviations that a correlation has to be above 0 */
#define ODDS	       18.0 /* log of the likelihood ratio to "nothing has changed" */
#define DEPENDENCE_MAX 0.6
#define LAPLACE_SD     1.4142 /* standard deviation over mean absolute deviation */

/* One side of a split. */
struct side {
	double level, sum, scale; /* median, summed deviation from it, scale with the prior */
	double n;
};

static double at(const struct shift *s, uint64_t i)
{
	return s->x[i % SHIFT_RING];
}

/* Median of samples [from, to), at most SHIFT_RING of them. */
static double median(const struct shift *s, uint64_t from, uint64_t to)
{
	double v[SHIFT_RING];
	unsigned n = (unsigned) (to - from);

	for (unsigned i = 0; i < n; i++)
		v[i] = at(s, from + i);
	return rank_median(v, n);
}

static double deviation(const struct shift *s, uint64_t from, uint64_t to, double level)
{
	double sum = 0;

	for (uint64_t i = from; i < to; i++)
		sum += fabs(at(s, i) - level);
	return sum;
}

static double scale_floor(double level)
{
	return fmax(SCALE_FLOOR * SHIFT_LEAST * fabs(level), 1e-12);
}

/* Log of the marginal likelihood of a part, less what all splits have in common. */
static double fit(const struct side *v, double prior)
{
	return lgamma(v->n + PRIOR) - lgamma(PRIOR) + PRIOR * log(PRIOR * prior) -
	       (v->n + PRIOR) * log(PRIOR * prior + v->sum);
}

/* The same of both sides if only their scales differ and the level is one: the best of three. */
static double fit_one_level(const struct shift *s, uint64_t from, uint64_t k,
			    const struct side *before, const struct side *after, double level,
			    double prior)
{
	double at_level[] = { before->level, after->level, level }, best = -INFINITY;

	for (unsigned i = 0; i < ARRAY_SIZE(at_level); i++) {
		struct side a = *before, b = *after;

		a.sum = deviation(s, from, k, at_level[i]);
		b.sum = deviation(s, k, s->n, at_level[i]);
		best = fmax(best, fit(&a, prior) + fit(&b, prior));
	}
	return best;
}

/* How many samples are worth one that is independent: (1 + r) / (1 - r) for a first-order process
 * with correlation r, which is taken from the signs of neighbours. */
static double dependence(const struct shift *s, uint64_t from, uint64_t k, double before,
			 double after)
{
	double same = 0, n = (double) (s->n - from), r;

	for (uint64_t i = from + 1; i < s->n; i++)
		same += (at(s, i) > (i < k ? before : after)) ==
			(at(s, i - 1) > (i - 1 < k ? before : after));
	r = fmin(fmax((2 * same - n) / n - DOUBT / sqrt(n), 0), DEPENDENCE_MAX);
	return (1 + r) / (1 - r);
}

/* The split of the last 2 m samples that is most likely, given level and scale on both sides. */
static uint64_t split(const struct shift *s, unsigned m, const struct side *a, const struct side *b)
{
	uint64_t from = MAX_OF(s->start + OLD_MIN, s->n - MIN_OF(s->n, 2 * m));
	uint64_t best = s->n - m;
	double sum = 0, top = -INFINITY, both = log(a->scale / b->scale);

	if (s->n - from > SHIFT_RING - OLD_MIN)
		from = s->n - (SHIFT_RING - OLD_MIN);
	/* sum: how much better the new level explains the samples from i on */
	for (uint64_t i = s->n; i-- > from;) {
		double x = at(s, i);

		sum += fabs(x - a->level) / a->scale - fabs(x - b->level) / b->scale + both;
		if (sum > top) {
			top = sum;
			best = i;
		}
	}
	return best;
}

static struct side side_of(const struct shift *s, uint64_t from, uint64_t to, double prior)
{
	struct side v = { .level = median(s, from, to), .n = (double) (to - from) };

	v.sum = deviation(s, from, to, v.level);
	v.scale = (v.sum + PRIOR * prior) / (v.n + PRIOR);
	return v;
}

/* Is the new level still there, or has it been for long enough?  A spike and its end are none. */
static bool persists(const struct shift *s, uint64_t k, double before, double after)
{
	unsigned n = 0;
	bool near = false;

	for (uint64_t i = k; i < s->n; i++) {
		near = fabs(at(s, i) - after) < fabs(at(s, i) - before);
		n += near;
	}
	return near || n >= SHIFT_PERSISTS;
}

static bool test(struct shift *s, unsigned m, struct shift_news *ret)
{
	uint64_t from = MAX_OF(s->start, s->n - MIN_OF(s->n, SHIFT_RING)), k = s->n - m;
	double prior = fmax(s->usual, scale_floor(s->level)), least, odds, two, pure;
	struct side before, after, whole;

	if (k < from + OLD_MIN)
		return false;
	for (unsigned i = 0; i < ROUNDS; i++) {
		before = side_of(s, from, k, prior);
		after = side_of(s, k, s->n, prior);
		k = split(s, m, &before, &after);
	}
	if (s->n - k < SHIFT_PERSISTS)
		return false;
	before = side_of(s, from, k, prior);
	after = side_of(s, k, s->n, prior);
	least = fmax(SHIFT_LEAST * fmax(fabs(before.level), fabs(after.level)),
		     EFFECT * before.scale);
	if (fabs(after.level - before.level) < least || !persists(s, k, before.level, after.level))
		return false;
	whole = side_of(s, from, s->n, prior);
	two = fit(&before, prior) + fit(&after, prior);
	odds = two - fit(&whole, prior);
	pure = two - fit_one_level(s, from, k, &before, &after, whole.level, prior);
	odds /= dependence(s, from, k, before.level, after.level);
	if (odds < ODDS || pure < PURE)
		return false;
	*ret = (struct shift_news){ s->time_us[k % SHIFT_RING], (unsigned) (s->n - 1 - k),
				    before.level, after.level, odds };
	s->start = k;
	s->since_us = ret->since_us;
	s->level = after.level;
	s->spread = fmax(after.sum / after.n, scale_floor(after.level));
	return true;
}

static void refresh(struct shift *s)
{
	uint64_t from = MAX_OF(s->start, s->n - MIN_OF(s->n, SHIFT_RING));

	s->level = median(s, from, s->n);
	s->spread = fmax(deviation(s, from, s->n, s->level) / (double) (s->n - from),
			 scale_floor(s->level));
}

bool shift_feed(struct shift *s, uint64_t time_us, double x, struct shift_news *ret)
{
	struct shift_news news;

	if (!isfinite(x))
		return false;
	x = fmin(fmax(x, -HUGE_X), HUGE_X);
	if (s->n == 0)
		s->since_us = time_us;
	s->x[s->n % SHIFT_RING] = x;
	s->time_us[s->n % SHIFT_RING] = time_us;
	s->n++;
	if (s->n >= LEARN)
		s->usual += (fmin(fabs(x - s->level), 4 * fmax(s->spread, s->usual)) - s->usual) /
			    fmin((double) (s->n - LEARN + 1), USUAL_MEMORY);
	if (s->n - s->start <= LEARN || s->n % REFRESH == 0)
		refresh(s);
	if (s->n < LEARN)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(scale); i++) {
		unsigned m = scale[i];
		double recent;

		if (s->n - s->start < m + OLD_MIN)
			break;
		if (s->n % (m / 4))
			continue;
		recent = median(s, s->n - m, s->n);
		if (fabs(recent - s->level) * sqrt(m) <
			    (m < LONG ? TRIGGER : LONG_TRIGGER) * s->spread ||
		    fabs(recent - s->level) < SHIFT_LEAST * fabs(s->level) * 0.9 ||
		    !test(s, m, &news))
			continue;
		if (ret)
			*ret = news;
		return true;
	}
	return false;
}

double shift_level(const struct shift *s)
{
	return s->n < LEARN ? NAN : s->level;
}

double shift_spread(const struct shift *s)
{
	return s->n < LEARN ? NAN : s->spread * LAPLACE_SD;
}
