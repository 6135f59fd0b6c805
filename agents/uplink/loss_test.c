/*
 * loss_test - sequential test for a rise in packet loss.
 *
 * Design.  A mixture of Shiryaev-Roberts sums, one per loss ratio of a ladder whose steps are a
 * factor of two or three apart, because a test for ratio p loses little for its neighbours; the
 * last one is a dead path.  Each sum follows R <- (1 + R) x likelihood ratio, so on a healthy
 * path R minus the number of probes is a martingale, and so is it for the mean over the ladder.
 * Hence, whatever the ladder and however outcomes depend on the one before, the mean time until
 * the mean of the sums reaches 'alarm_every' is at least 'alarm_every' probes.  A bank of CUSUMs
 * has to pay ln 7 in its threshold for the same promise and needs 10 to 20 % more probes.
 *
 * Under a level below the dead one a loss after a loss says nothing (bursts are alike on good
 * and bad paths), so a single long burst raises no gray-loss alarm; it takes about
 * ln(alarm_every) / -ln(burst) losses in a row to be called dead.
 */
#include "loss_test.h"

#include <errno.h>
#include <math.h>

static const double ladder[LOSS_TEST_LEVELS] = { 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.999999 };

#define DEAD_RATIO 0.9 /* a level above it is a dead path */

static void level_start(struct loss_level *l)
{
	l->odds = 0;
	l->page = 1;
	l->since = 0;
	l->lost = 0;
}

static void level_init(struct loss_level *l, double ratio, const struct loss_test_params *p)
{
	bool dead = ratio > DEAD_RATIO;

	l->ratio[false][false] = (1 - ratio) / (1 - p->healthy);
	l->ratio[false][true] = ratio / p->healthy;
	l->ratio[true][false] = dead ? (1 - ratio) / (1 - p->burst) : 1;
	l->ratio[true][true] = dead ? ratio / p->burst : 1;
	level_start(l);
}

int loss_test_init(struct loss_test *t, const struct loss_test_params *p)
{
	/* Written so that a NaN fails. */
	if (!(p->healthy > 0 && p->healthy <= 0.05) ||
	    !(p->burst >= p->healthy && p->burst <= 0.9) ||
	    !(p->alarm_every >= 1e3 && p->alarm_every <= 1e15))
		return -EINVAL;

	*t = (struct loss_test){ .alarm_every = p->alarm_every };
	for (unsigned i = 0; i < LOSS_TEST_LEVELS; i++)
		/* A step at or below the healthy ratio would find health. */
		if (ladder[i] > p->healthy)
			level_init(&t->level[t->n_levels++], ladder[i], p);

	return 0;
}

void loss_test_reset(struct loss_test *t)
{
	for (unsigned i = 0; i < t->n_levels; i++)
		level_start(&t->level[i]);
	t->last_lost = false;
}

static void level_add(struct loss_level *l, double ratio, bool lost, uint64_t probe)
{
	l->odds = (1 + l->odds) * ratio;

	/* Page's recursion: evidence of health is forgotten, the change has not begun yet. */
	if (l->page <= 1) {
		l->page = 1;
		l->since = probe;
		l->lost = 0;
	}
	l->lost += lost;
	l->page *= ratio;
}

bool loss_test_feed(struct loss_test *t, bool lost, struct loss_finding *ret)
{
	const struct loss_level *best = &t->level[0];
	double sum = 0;

	t->probes++;
	for (unsigned i = 0; i < t->n_levels; i++) {
		struct loss_level *l = &t->level[i];

		level_add(l, l->ratio[t->last_lost][lost], lost, t->probes);
		sum += l->odds;
		if (l->odds > best->odds)
			best = l;
	}
	t->last_lost = lost;
	if (sum < t->alarm_every * t->n_levels)
		return false;

	ret->since = best->since;
	ret->probes = t->probes - best->since + 1;
	ret->loss = (double) best->lost / (double) ret->probes;
	loss_test_reset(t);
	return true;
}
