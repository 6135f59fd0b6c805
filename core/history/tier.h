/*
 * tier - a chain of compressed blocks of one series, the oldest first.
 *
 * A sample has a step (its time, in units of the tier's), says whether the value was unknown
 * since the one before, and holds one number, or three (mean, low, high).  Blocks are whole by
 * themselves: the oldest one drops off, and the others still read.
 *
 * What a number means is the series' affair (history/series.h): a value, or of a counter the
 * increase since the sample before.
 *
 * Pure.  Memory: chunks of the arena.
 */
#ifndef HISTORY_TIER_H
#define HISTORY_TIER_H

#include "history/arena.h"
#include "history/codec.h"

/* The longest sample needs so many free chunks. */
#define TIER_CHUNKS_MAX 5

struct block_head {    /* of a block, in its first chunk */
	uint32_t next; /* block; 0: this is the newest */
	uint32_t last_step;
	int64_t base;  /* of a counter, its value at the first sample; else the first number */
	int64_t first; /* what the (second) channel begins with */
	uint32_t step; /* of the first sample */
	uint16_t n, size;
	uint8_t scale[2]; /* codec_scale() of the channels */
	bool gap;	  /* before the first sample */
};

struct tier {
	struct codec_encoder encoder; /* of the newest block */
	uint32_t oldest, newest;      /* blocks; 0: none */
	uint32_t tail;		      /* chunk that is written */
	uint32_t n, n_chunks;	      /* samples and chunks of all blocks */
	uint8_t fill;		      /* bytes used of 'tail' */
	bool torn;		      /* the arena ran dry inside a sample: the block is void */
};

struct sample {
	uint32_t step;
	bool gap;
	int64_t number[3]; /* [1], [2]: differences of low and high to [0], both >= 0 */
};

struct tier_shape {
	uint32_t n_block;   /* samples of a full block */
	unsigned n_numbers; /* 1 or 3 */
	bool counter;
};

/* True: the next sample has to begin a block. */
bool tier_full(const struct arena *a, const struct tier *t, const struct tier_shape *shape);
/* 'channel': one or two, the tier's own.  'begin': the sample begins a block, and 'base' (see
 * block_head) stands for number[0].  -ENOSPC: the arena is full, and the sample is not kept. */
int tier_add(struct arena *a, struct tier *t, const struct tier_shape *shape,
	     struct codec_channel *channel, const struct sample *s, bool begin, int64_t base);
void tier_drop_oldest(struct arena *a, struct tier *t);
/* Blocks whose last sample is before 'step'. */
void tier_drop_before(struct arena *a, struct tier *t, uint32_t step);
void tier_drop_all(struct arena *a, struct tier *t);
const struct block_head *tier_block(const struct arena *a, uint32_t block);

/* The bytes of a block ('channel' is not looked at), malloc()ed; a newest block is read as if it
 * were finished. */
int tier_bytes(const struct arena *a, const struct tier *t, uint32_t block, uint8_t **ret,
	       size_t *ret_size);

/* Reads the samples of a block again. */
struct block_reader {
	struct codec_decoder decoder;
	struct codec_channel channel[2];
	struct block_head head;
	unsigned n_numbers, at;
	bool counter;
	uint32_t step;
};
void block_reader_init(struct block_reader *r, const struct block_head *head,
		       const struct tier_shape *shape, const uint8_t *bytes, size_t size);
/* False: no more.  number[0] of a counter's first sample is 0: it is at 'base'. */
bool block_reader_next(struct block_reader *r, struct sample *ret);

#endif
