/*
 * series - the samples of one attribute of one entity, in two tiers.
 *
 * Private to core/history.
 */
#ifndef HISTORY_SERIES_H
#define HISTORY_SERIES_H

#include <sys/queue.h>

#include "history/history.h"
#include "history/tier.h"

#define FINE_BLOCK   150 /* samples of a block */
#define COARSE_BLOCK 1440

enum series_form { SERIES_COUNTER, SERIES_INT, SERIES_REAL };

struct series {
	TAILQ_ENTRY(series) all;
	TAILQ_ENTRY(series) shed; /* with a coarse tier: who gives it up next */
	const struct schema_attr *attr;
	uint32_t entity; /* 0: gone */
	uint8_t form;
	bool fed, coarse_off;
	bool gap;     /* it was unknown since the last sample */
	bool pending; /* 'pend_*': the sample that the present second may yet replace */
	bool pend_gap, acc_gap;
	uint32_t pend_step;
	int64_t pend_raw;  /* of a REAL its bits */
	uint64_t last_us;  /* when the last sample was taken */
	uint64_t idle_us;  /* since when nobody keeps it or its entity is gone; 0: in use */
	int64_t fine_last; /* of a counter: at the last sample of the fine tier */
	int64_t hat;	   /* of a counter: what the coarse tier gives for its last sample */
	/* The coarse step that has begun. */
	uint32_t acc_step, acc_n;
	int64_t acc_value; /* of a counter: the first in the step */
	double acc_sum, acc_low, acc_high;
	struct tier fine, coarse;
	size_t size;			/* of this object */
	const char *name;		/* behind the channels */
	struct codec_channel channel[]; /* fine, coarse and, unless a counter, its spread */
};

enum series_form series_form(const struct schema_attr *a);
void series_shape(enum series_form form, bool coarse, struct tier_shape *ret);
/* Bytes of one with that name. */
size_t series_size(enum series_form form, const char *name);
/* In zeroed memory of series_size(). */
void series_init(struct series *s, const struct schema_attr *a, uint32_t entity, const char *name);
void series_done(struct arena *a, struct series *s);

/* A sample in time; one that is a second before the last is ignored: -ERANGE.  -ENOSPC: the arena
 * is full; call again after making room, or series_skip(). */
int series_feed(struct arena *a, struct series *s, uint64_t time_us, int64_t raw);
/* Give up what series_feed() could not write, which leaves a gap. */
void series_skip(struct series *s);
/* Drop blocks that are older than their tier's span. */
void series_age(struct arena *a, struct series *s, uint64_t now_us);

struct series_walk {
	uint64_t from_us, to_us;
	void (*fn)(void *data, const struct history_point *p, bool gap_before);
	void *data;
};
/* Every sample of a tier, oldest first, with those that are not in a block yet. */
int series_walk(const struct arena *a, const struct series *s, bool coarse,
		const struct series_walk *w);
/* Time of the oldest sample of a tier; US_INFINITY: none. */
uint64_t series_begin(const struct arena *a, const struct series *s, bool coarse);

/* The same for the samples of a block of a file. */
void series_walk_block(enum series_form form, bool coarse, struct block_reader *r,
		       const struct series_walk *w);

#endif
