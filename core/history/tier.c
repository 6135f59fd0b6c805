/*
 * tier - a chain of compressed blocks of one series, the oldest first.
 *
 * Design.  A block is a chain of chunks, its head in the first one; there is no buffer of samples
 * that wait to be packed, so a series costs its coder's state and half a chunk.  To read the
 * newest block, its coder is copied and finished into the copy of its bytes.
 */
#include "history/tier.h"

#include <errno.h>
#include <string.h>

#define HEAD_SIZE   sizeof(struct block_head)
#define BYTES_LIMIT (UINT16_MAX - TIER_CHUNKS_MAX * CHUNK_DATA) /* so that 'size' counts them */
#define FINISH_MAX  64 /* bytes that an encoder may hold back, as far as we wait for them */

_Static_assert(HEAD_SIZE < CHUNK_DATA, "a block's head lies in its first chunk");

static struct block_head *head_of(const struct arena *a, uint32_t block)
{
	return (struct block_head *) (void *) arena_chunk(a, block)->data;
}

const struct block_head *tier_block(const struct arena *a, uint32_t block)
{
	return block ? head_of(a, block) : NULL;
}

/* ---- writing ----------------------------------------------------------------------------------- */

struct sink {
	struct arena *arena;
	struct tier *tier;
	struct block_head *head;
};

static void put_byte(void *data, uint8_t byte)
{
	struct sink *s = data;
	struct tier *t = s->tier;

	if (t->fill == CHUNK_DATA) {
		uint32_t next = arena_take(s->arena);

		if (!next) {
			t->torn = true;
			return;
		}
		arena_chunk(s->arena, t->tail)->next = next;
		t->tail = next;
		t->fill = 0;
		t->n_chunks++;
	}
	arena_chunk(s->arena, t->tail)->data[t->fill++] = byte;
	s->head->size++;
}

/* End the newest block: its last bytes go out, and its coder is free for the next one. */
static void seal(struct arena *a, struct tier *t)
{
	struct sink sink = { a, t, t->newest ? head_of(a, t->newest) : NULL };

	if (t->newest)
		codec_finish(&t->encoder, put_byte, &sink);
}

bool tier_full(const struct arena *a, const struct tier *t, const struct tier_shape *shape)
{
	const struct block_head *head = tier_block(a, t->newest);

	return !head || head->n >= shape->n_block || head->size > BYTES_LIMIT;
}

static int begin_block(struct arena *a, struct tier *t, const struct tier_shape *shape,
		       struct codec_channel *channel, const struct sample *s, int64_t base)
{
	struct block_head head = { .base = base, .step = s->step, .gap = s->gap };
	unsigned other = shape->n_numbers > 1; /* which channel begins with 'first' */
	uint32_t block;

	seal(a, t);
	block = arena_take(a);
	if (!block)
		return -ENOSPC;
	if (t->newest) {
		for (unsigned i = 0; i <= other; i++)
			head.scale[i] = codec_scale(&channel[i]);
		if (other || shape->counter)
			head.first = channel[other].last;
		head_of(a, t->newest)->next = block;
	} else {
		t->oldest = block;
	}
	codec_channel_init(&channel[0], shape->counter ? head.first : base, head.scale[0]);
	if (other)
		codec_channel_init(&channel[1], head.first, head.scale[1]);
	codec_encoder_init(&t->encoder);
	*head_of(a, block) = head;
	t->newest = t->tail = block;
	t->fill = HEAD_SIZE;
	t->n_chunks++;
	return 0;
}

int tier_add(struct arena *a, struct tier *t, const struct tier_shape *shape,
	     struct codec_channel *channel, const struct sample *s, bool begin, int64_t base)
{
	struct sink sink = { .arena = a, .tier = t };
	int r;

	if (!arena_has(a, TIER_CHUNKS_MAX))
		return -ENOSPC;
	if (begin) {
		r = begin_block(a, t, shape, channel, s, base);
		if (r < 0)
			return r;
	}
	sink.head = head_of(a, t->newest);
	if (!begin) {
		codec_put_skip(&t->encoder, s->step - sink.head->last_step, s->gap, put_byte,
			       &sink);
		codec_put(&t->encoder, &channel[0], s->number[0], put_byte, &sink);
	}
	for (unsigned i = 1; i < shape->n_numbers; i++)
		codec_put(&t->encoder, &channel[1], s->number[i], put_byte, &sink);
	sink.head->last_step = s->step;
	sink.head->n++;
	t->n++;
	if (!t->torn)
		return 0;

	/* Thousands of bytes waited for a carry: it does not happen, but then nothing reads. */
	tier_drop_all(a, t);
	return -ENOSPC;
}

/* ---- dropping ---------------------------------------------------------------------------------- */

void tier_drop_oldest(struct arena *a, struct tier *t)
{
	uint32_t block = t->oldest;

	if (!block)
		return;
	t->oldest = head_of(a, block)->next;
	t->n -= head_of(a, block)->n;
	if (block == t->newest) {
		t->newest = t->tail = 0;
		t->torn = false;
	}
	while (block) {
		uint32_t next = arena_chunk(a, block)->next;

		arena_give(a, block);
		t->n_chunks--;
		block = next;
	}
}

void tier_drop_before(struct arena *a, struct tier *t, uint32_t step)
{
	while (t->oldest && head_of(a, t->oldest)->last_step < step)
		tier_drop_oldest(a, t);
}

void tier_drop_all(struct arena *a, struct tier *t)
{
	while (t->oldest)
		tier_drop_oldest(a, t);
}

/* ---- reading ----------------------------------------------------------------------------------- */

struct copy {
	uint8_t *at, *end;
};

static void copy_byte(void *data, uint8_t byte)
{
	struct copy *c = data;

	if (c->at < c->end)
		*c->at++ = byte;
}

int tier_bytes(const struct arena *a, const struct tier *t, uint32_t block, uint8_t **ret,
	       size_t *ret_size)
{
	const struct block_head *head = head_of(a, block);
	struct codec_encoder encoder = t->encoder;
	size_t left = head->size, from = HEAD_SIZE;
	struct copy copy;
	uint8_t *bytes;

	bytes = malloc(head->size + FINISH_MAX);
	if (!bytes)
		return -ENOMEM;
	copy = (struct copy){ bytes, bytes + head->size + FINISH_MAX };
	for (uint32_t c = block; left > 0; c = arena_chunk(a, c)->next, from = 0) {
		size_t n = MIN_OF(left, CHUNK_DATA - from);

		memcpy(copy.at, arena_chunk(a, c)->data + from, n);
		copy.at += n;
		left -= n;
	}
	if (block == t->newest)
		codec_finish(&encoder, copy_byte, &copy);
	*ret = bytes;
	*ret_size = (size_t) (copy.at - bytes);
	return 0;
}

void block_reader_init(struct block_reader *r, const struct block_head *head,
		       const struct tier_shape *shape, const uint8_t *bytes, size_t size)
{
	r->head = *head;
	r->n_numbers = shape->n_numbers;
	r->counter = shape->counter;
	r->at = 0;
	r->step = head->step;
	codec_decoder_init(&r->decoder, bytes, size);
	codec_channel_init(&r->channel[0], shape->counter ? head->first : head->base,
			   head->scale[0]);
	codec_channel_init(&r->channel[1], head->first, head->scale[1]);
}

bool block_reader_next(struct block_reader *r, struct sample *ret)
{
	if (r->at >= r->head.n)
		return false;
	if (r->at == 0) {
		ret->gap = r->head.gap;
		ret->number[0] = r->counter ? 0 : r->head.base;
	} else {
		r->step += codec_get_skip(&r->decoder, &ret->gap);
		ret->number[0] = codec_get(&r->decoder, &r->channel[0]);
	}
	for (unsigned i = 1; i < r->n_numbers; i++)
		ret->number[i] = codec_get(&r->decoder, &r->channel[1]);
	ret->step = r->step;
	r->at++;
	return true;
}
