/*
 * loss - finds a rise in the loss ratio of two counters (sent, lost) as early as evidence allows.
 *
 * Design.  A mixture of Shiryaev-Roberts sums over a ladder of loss ratios, because how bad it
 * will be is unknown: each sum follows R <- (1 + R) x likelihood ratio of the feed, so on a healthy
 * path R minus the number of feeds is a martingale, and the mean time until the mean of the sums
 * reaches LOSS_ALARM_EVERY is at least LOSS_ALARM_EVERY feeds (Shiryaev 1963, Roberts 1966;
 * Pollak 1985).  agents/uplink has the same test for single probes with known parameters; here
 * both unknowns of a counter are learned:
 *
 *   healthy  the ratio of a healthy path: an upper bound of it (the rule of three, and two standard
 *            deviations), because the martingale only needs that it is not too low.
 *   clumps   a batch of n packets varies more than n coin tosses do when losses come in bursts.
 *            Evidence is divided by the variance ratio (quasi-likelihood, Wedderburn 1974).  For
 *            single probes the chain of outcomes does the same: a loss after a loss says nothing
 *            below a dead path (Gilbert 1960).
 *   worth    what is left of bursts, which have tails of their own: the mean likelihood ratio of
 *            healthy batches, level by level.  It ought to be 1; what it is more is taken off.
 *
 * The way back is one more such sum, from the ratio that was found to a fifth of it.
 */
#include "detect/loss.h"

#include <math.h>

#include "base/util.h"

static const double ladder[LOSS_LEVELS] = { 1e-5, 1e-4, 0.002, 0.005, 0.01,
					    0.02, 0.05, 0.1,   0.3,   0.999999 };

#define LADDER_STEP    2.0  /* a level below this times healthy would find health */
#define DEAD_RATIO     0.9  /* a level above it is a dead path */
#define BURST	       0.3  /* P(lost | the probe before was lost) on a healthy path */
#define RULE_LOST      3.0  /* rule of three */
#define MEMORY_FEEDS   1e5  /* what is healthy is forgotten over so many feeds */
#define CLUMPS_SPEED   1e-3 /* 'clumps' follows within 1000 batches */
#define CLUMPS_UNKNOWN 10.0 /* bursts of a path that has lost nothing yet */
#define CLUMPS_SEEN    20.0 /* losses that halve it */
#define CLUMPS_YOUNG   20.0 /* batches that the prior is worth */
#define CLUMPS_MAX     100.0
#define CLUMPS_MARGIN  1.3  /* for bursts that vary in length */
#define WORTH_CALM     10.0 /* evidence (nats) above which nothing is learned of it */
#define WORTH_MOST     4.0  /* so that one rare batch does not teach too much */
#define WORTH_YOUNG    20.0 /* batches that a mean likelihood ratio of 1 is worth at first */
#define BACK_EVERY     1e4  /* feeds between false all-clears */
#define BACK_PART      0.2

static double healthy_ratio(const struct loss *l)
{
	double p = (l->healthy_lost + RULE_LOST) / (l->healthy_sent + RULE_LOST / LOSS_HEALTHY_MAX);

	return fmin(fmax(p, LOSS_HEALTHY_MIN), LOSS_HEALTHY_MAX);
}

/* Log of the likelihood ratio of loss 'q' to loss 'p' in n of which k were lost. */
static double evidence(double n, double k, double q, double p)
{
	return k * log(q / p) + (n - k) * log1p((p - q) / (1 - p));
}

/* How many packets of a batch are worth one that is lost or not on its own.  Until some tens of
 * losses have been seen, bursts are expected. */
static double clump(const struct loss *l, double n)
{
	double unknown = CLUMPS_UNKNOWN / (1 + l->healthy_lost / CLUMPS_SEEN);

	return n > 1 ? CLUMPS_MARGIN * fmax(2 + l->clumps, unknown) : 1;
}

/*
 * The evidence of a batch for level i.  A likelihood ratio is 1 on average while all is well, and
 * that is all that the martingale needs; where bursts are so long that it is more, what healthy
 * batches have shown is taken off.  Of N batches nothing can be learned that is rarer than one in
 * N, so no batch is worth more than N / WORTH_MOST.
 */
static double batch_evidence(struct loss *l, unsigned i, double llr)
{
	double n = fmin((double) l->feeds, MEMORY_FEEDS) + WORTH_YOUNG;
	double worth = log1p(fmax(l->worth[i], 0));

	llr = fmin(llr, log(n / WORTH_MOST));
	if (l->level[i].page < WORTH_CALM)
		l->worth[i] += (exp(llr) - 1 - l->worth[i]) / n;
	return llr - worth;
}

static void level_feed(struct loss_level *v, double llr, uint64_t time_us, double n, double k)
{
	v->odds = (1 + v->odds) * exp(fmin(llr, 600));

	/* Page's recursion: evidence of health is forgotten, the change has not begun yet. */
	if (v->page <= 0) {
		v->page = 0;
		v->since_us = time_us;
		v->sent = v->lost = 0;
	}
	v->page += llr;
	v->sent += n;
	v->lost += k;
}

static void learn(struct loss *l, double n, double k, double p)
{
	double off = k - n * p, keep = 1 - 1 / fmin((double) l->feeds, MEMORY_FEEDS);

	l->healthy_sent = l->healthy_sent * keep + n;
	l->healthy_lost = l->healthy_lost * keep + k;
	if (n > 1)
		l->clumps += fmax(CLUMPS_SPEED, 1 / (CLUMPS_YOUNG + (double) l->feeds)) *
			     (fmin(off * off / (n * p * (1 - p)), CLUMPS_MAX) - 2 - l->clumps);
	l->clumps = fmax(l->clumps, -1);
}

/* One feed on a path that is healthy so far. */
static bool feed_healthy(struct loss *l, uint64_t time_us, double n, double k)
{
	double p = healthy_ratio(l), sum = 0;
	bool again = l->last_lost && n <= 1;
	const struct loss_level *best = NULL;
	unsigned levels = 0;

	for (unsigned i = 0; i < LOSS_LEVELS; i++) {
		struct loss_level *v = &l->level[i];
		bool dead = ladder[i] > DEAD_RATIO;
		double llr = 0;

		if (ladder[i] < LADDER_STEP * p) {
			*v = (struct loss_level){ 0 };
			continue;
		}
		if (!again)
			llr = evidence(n, k, ladder[i], p) / clump(l, n);
		else if (dead)
			llr = evidence(n, k, ladder[i], BURST);
		if (n > 1)
			llr = batch_evidence(l, i, llr);
		level_feed(v, llr, time_us, n, k);
		sum += v->odds;
		levels++;
		if (!best || v->odds > best->odds)
			best = v;
	}
	l->last_lost = k > 0;
	if (sum < LOSS_ALARM_EVERY * levels) {
		learn(l, n, k, p);
		return false;
	}
	l->ratio = fmax(best->lost / best->sent, p);
	l->back = 0;
	l->back_at = fmax(l->ratio * BACK_PART, p);
	return true;
}

/* One feed on a lossy path: true when it has stopped being so. */
static bool feed_lossy(struct loss *l, double n, double k)
{
	double now = fmin(l->ratio, ladder[LOSS_LEVELS - 1]);
	double llr = evidence(n, k, l->back_at, now) / clump(l, n);

	l->back = (1 + l->back) * exp(fmin(llr, 600));
	return l->back >= BACK_EVERY;
}

bool loss_feed(struct loss *l, uint64_t time_us, uint64_t sent, uint64_t lost,
	       struct loss_news *ret)
{
	double n = (double) sent, k = (double) MIN_OF(lost, sent), was = l->ratio;
	struct loss_news news = { .since_us = time_us };

	if (sent == 0)
		return false;
	l->feeds++;
	if (was > 0) {
		if (!feed_lossy(l, n, k))
			return false;
		news.ratio = was;
		loss_reset(l);
	} else {
		const struct loss_level *best = &l->level[0];

		if (!feed_healthy(l, time_us, n, k))
			return false;
		for (unsigned i = 1; i < LOSS_LEVELS; i++)
			if (l->level[i].odds > best->odds)
				best = &l->level[i];
		news = (struct loss_news){ true, l->ratio, best->since_us };
	}
	if (ret)
		*ret = news;
	return true;
}

void loss_reset(struct loss *l)
{
	for (unsigned i = 0; i < LOSS_LEVELS; i++)
		l->level[i] = (struct loss_level){ 0 };
	l->ratio = 0;
	l->back = 0;
	l->last_lost = false;
}
