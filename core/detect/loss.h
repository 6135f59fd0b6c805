/*
 * loss - finds a rise in the loss ratio of two counters (sent, lost) as early as evidence allows.
 *
 * Fed with what was sent and lost since the feed before: one probe at a time, or a million
 * packets.  What is healthy is learned: at most LOSS_HEALTHY_MAX and never less than
 * LOSS_HEALTHY_MIN of what is sent; so is how much losses clump.
 *
 *   False alarms  one in LOSS_ALARM_EVERY feeds on average, on a healthy path: proven for single
 *                 probes at LOSS_HEALTHY_MAX, aimed at else (bench_delay has none in its batches,
 *                 whose losses come in bursts of several kinds).
 *   Delay         within 20 % of the bound ln(LOSS_ALARM_EVERY) / (evidence in one probe) of
 *                 Lorden (1971) for 1 to 100 % of loss; 5 % takes about 150 probes.  At least
 *                 three batches are asked for, however large they are.
 *
 * A path is lossy from the news that it is until the reverse test says that at least four fifths
 * of that loss is gone.
 */
#ifndef DETECT_LOSS_H
#define DETECT_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define LOSS_ALARM_EVERY 1e9
#define LOSS_HEALTHY_MAX 1e-3
#define LOSS_HEALTHY_MIN 1e-6
#define LOSS_LEVELS	 10

struct loss {
	struct loss_level {
		double odds;	   /* Shiryaev-Roberts sum: decides */
		double page;	   /* log of Page's product: dates the change */
		uint64_t since_us; /* time of the feed at which 'page' left 0 */
		double sent, lost; /* since then */
	} level[LOSS_LEVELS];
	double worth[LOSS_LEVELS]; /* learned mean likelihood ratio of a healthy batch, less 1 */
	double healthy_sent, healthy_lost; /* learned, slowly forgotten */
	double clumps;	/* learned variance of a batch over that of coin tosses, less 2 */
	double ratio;	/* found; 0: healthy */
	double back;	/* odds that the loss is gone */
	double back_at; /* ratio that the reverse test looks for */
	uint64_t feeds;
	bool last_lost;
};

/* What loss_feed() found. */
struct loss_news {
	bool lossy;	   /* it began; false: it is over */
	double ratio;	   /* of what was sent since 'since_us', 0..1; of before when it is over */
	uint64_t since_us; /* time of the first feed that is part of the change */
};

/*
 * Take one pair of increments; 'lost' above 'sent' counts as all lost, and sent = 0 says nothing.
 * True: the path has become lossy, or has stopped being so; '*ret' says which.  'ret' may be NULL.
 */
bool loss_feed(struct loss *l, uint64_t time_us, uint64_t sent, uint64_t lost,
	       struct loss_news *ret);

/* Is it lossy, as far as the feeds say?  A fresh one is not. */
static inline bool loss_now(const struct loss *l)
{
	return l->ratio > 0;
}

/* Forget the evidence, not what is healthy: after a gap, or a change that we made ourselves. */
void loss_reset(struct loss *l);

#endif
