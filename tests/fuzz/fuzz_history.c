/*
 * fuzz_history - any bytes as a block, and any numbers through the codec and back.
 *
 * Input: byte 0 even: byte 1 is the form of a series, byte 2 the tier, byte 3 the number of samples
 * (times 8), byte 4 the scale, and the rest a block's bytes.  Odd: the rest are samples, each a byte
 * that says how many of the next 8 bytes are the number, whether there is a gap and a skip.
 *
 * Holds: no crash; a walk of any block gives at most as many points as its head says, each a
 * number between its low and high; numbers come back as they were, steps and gaps too; levels come back as themselves.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "history/level.h"
#include "history/series.h"

#define SAMPLES_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned n, max;
};

static void see(void *data, const struct history_point *p, bool gap)
{
	struct seen *s = data;

	(void) gap;
	if (++s->n > s->max || !isfinite(p->value) || !(p->low <= p->value) ||
	    !(p->high >= p->value))
		abort();
}

static void any_block(const uint8_t *data, size_t size)
{
	enum series_form form = (enum series_form)(data[0] % 3);
	bool coarse = data[1] % 2;
	struct block_head head = { .n = (uint16_t) (data[2] * 8), .base = data[3], .first = -3 };
	struct seen seen = { .max = head.n };
	struct series_walk w = { .to_us = UINT64_MAX, .fn = see, .data = &seen };
	struct tier_shape shape;
	struct block_reader r;

	head.scale[0] = head.scale[1] = data[3];
	series_shape(form, coarse, &shape);
	block_reader_init(&r, &head, &shape, data + 4, size - 4);
	series_walk_block(form, coarse, &r, &w);
}

static unsigned read_samples(const uint8_t *data, size_t size, struct sample *s)
{
	unsigned n = 0;
	size_t at = 0;

	while (at < size && n < SAMPLES_MAX) {
		unsigned width = data[at] % 9;

		s[n] = (struct sample){ .step = data[at] & 0x40 ? 1 + data[at] * 977u : 1,
					.gap = data[at] & 0x80 };
		at++;
		if (width > size - at)
			break;
		memcpy(&s[n].number[0], data + at, width);
		if (data[at - 1] & 0x20)
			s[n].number[0] = -(int64_t) (uint64_t) (s[n].number[0] & INT64_MAX);
		at += width;
		n++;
	}
	return n;
}

static uint8_t out[SAMPLES_MAX * (CODEC_NUMBER_MAX + CODEC_SKIP_MAX) + 64];
static size_t n_out;

static void sink(void *data, uint8_t byte)
{
	(void) data;
	out[n_out++] = byte;
}

static void round_trip(const uint8_t *data, size_t size)
{
	static struct sample s[SAMPLES_MAX];
	unsigned n = read_samples(data, size, s);
	struct codec_encoder e;
	struct codec_decoder d;
	struct codec_channel c;
	bool gap;

	n_out = 0;
	codec_encoder_init(&e);
	codec_channel_init(&c, 0, size ? data[0] : 0);
	for (unsigned i = 0; i < n; i++) {
		codec_put_skip(&e, s[i].step, s[i].gap, sink, NULL);
		codec_put(&e, &c, s[i].number[0], sink, NULL);
	}
	codec_finish(&e, sink, NULL);
	codec_decoder_init(&d, out, n_out);
	codec_channel_init(&c, 0, size ? data[0] : 0);
	for (unsigned i = 0; i < n; i++) {
		double v = (double) s[i].number[0], w;

		if (codec_get_skip(&d, &gap) != s[i].step || gap != s[i].gap ||
		    codec_get(&d, &c) != s[i].number[0])
			abort();
		w = level_value(level_of(v, 8, 6), 8, 6);
		if (fabs(w - v) > fmax(fabs(v) / 512, 0.01) ||
		    level_of(w, 8, 6) != level_of(v, 8, 6))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5)
		return 0;
	if (data[0] % 2 == 0)
		any_block(data + 1, size - 1);
	else
		round_trip(data + 1, size - 1);
	return 0;
}
