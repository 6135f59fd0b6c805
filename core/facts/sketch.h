/*
 * sketch - a histogram of the values of a sliding window, with a bound on its relative error.
 *
 * A bucket is the values that share sign, power of two and the next SKETCH_BITS bits, so its
 * representative is within 1 / (2^(SKETCH_BITS + 1) + 1) = 1.54 % of each of them: the guarantee
 * of DDSketch (Masson, Rim, Lee 2019) without a logarithm.  Less than 2^-40 in magnitude counts
 * as zero.
 *
 * Values are added to numbered parts of the window, and leave with their part.  Memory follows
 * what the values need, up to SKETCH_ENTRIES_MAX entries; beyond it two neighbouring parts become
 * one, down to a quarter of their number, and beyond that sketch_add() gives up.
 *
 * Errors: -ENOMEM (or the limit of 'memory'), -ENOSPC (values too different for the room); the
 * sketch is then empty.
 */
#ifndef FACTS_SKETCH_H
#define FACTS_SKETCH_H

#include "facts/stat.h"

#define SKETCH_BITS	   5
#define SKETCH_ENTRIES_MAX 2048
#define SKETCH_COARSE_MAX  2

struct sketch_entry { /* samples of a part that are in one bucket */
	uint16_t bucket;
	uint8_t n;
	uint8_t part; /* modulo 256 */
};

struct sketch { /* zeroed memory is an empty one */
	struct sketch_entry *ring;
	uint16_t *bucket; /* of the whole window, sorted */
	uint32_t *count;
	uint32_t total;
	uint32_t below;		/* samples before 'at' */
	uint32_t newest;	/* part, after 'coarse' */
	uint16_t room, head, n; /* of the ring; head: the oldest */
	uint16_t room_buckets, n_buckets;
	uint16_t at;	/* where the quantile was found last */
	uint8_t coarse; /* parts are 2^coarse as long */
};

/* Add a value to a part that is not older than the newest, and let go of those before 'oldest'. */
int sketch_add(struct sketch *k, uint32_t part, uint32_t oldest, double v,
	       struct stat_memory *memory);
void sketch_done(struct sketch *k, struct stat_memory *memory);

/* The bucket of rank floor(q (n - 1)); 'k' has samples.  Cheap when asked for the same q again. */
uint16_t sketch_quantile(struct sketch *k, double q);

uint16_t sketch_bucket(double v);
double sketch_value(uint16_t bucket);
/* The same where all values are whole numbers: exact below 2^(SKETCH_BITS + 1). */
double sketch_whole(uint16_t bucket);

#endif
