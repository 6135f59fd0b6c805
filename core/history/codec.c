/*
 * codec - a stream of 64-bit numbers in few bits.
 *
 * Design.  Found by measuring (docs/facts.md, "History"; tests/bench/bench_history.c).  Three
 * predictors run beside each other - the last number, a quick and a slow mean - and the one that
 * was the cheapest lately speaks next.  The residual is written as its class (the number of its
 * bits) relative to the running size of residuals, a sign, and the bits below the first as they
 * are: whatever the scale of a counter, it is the same few decisions, so their probabilities can
 * begin where 600,000 samples of real counters have brought them, and a block of a hundred
 * numbers does not pay for learning them.  A model of the bits below the first gains nothing.
 *
 * The range coder is that of LZMA with the carry held back (Martin 1979, Subbotin 1999): low has
 * 33 bits, and a byte goes out when no carry can reach it any more.  The first byte, always 0,
 * and zeros at the end are left out.
 */
#include "history/codec.h"

#include <string.h>

#include "history/codec_prior.h"

#define RATE	    4 /* a probability moves by 1/16 of its distance */
#define PROB_FLOOR  64
#define RANGE_MIN   (UINT32_C(1) << 24)
#define SCALE_SHIFT 3
#define WARM	    SCALE_SHIFT
#define COST_SHIFT  4
#define MEAN_MAX    (INT64_C(1) << 56) /* running means stay within, so that none overflows */
#define CLASS_MAX   64

static unsigned bits_of(uint64_t x)
{
	return x ? 64 - (unsigned) __builtin_clzll(x) : 0;
}

/* ---- prediction ------------------------------------------------------------------------------- */

static int64_t within(int64_t x)
{
	return x > MEAN_MAX ? MEAN_MAX : x < -MEAN_MAX ? -MEAN_MAX : x;
}

static int64_t difference(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a - (uint64_t) b);
}

static uint64_t size_of(int64_t residual)
{
	return residual < 0 ? -(uint64_t) residual : (uint64_t) residual;
}

static int64_t predict(const struct codec_channel *c, unsigned which)
{
	return which == 0 ? c->last : which == 1 ? c->fast >> 4 : c->slow >> 4;
}

static unsigned cheapest(const struct codec_channel *c)
{
	unsigned best = c->cost[1] < c->cost[0];

	return c->cost[2] < c->cost[best] ? 2 : best;
}

/* Bits of a residual in 1/16: the class, and what follows its first bit as a fraction. */
static uint32_t price(uint64_t size)
{
	unsigned n = bits_of(size);
	uint64_t below = n > 5 ? size >> (n - 5) : size << (5 - n);

	return n << 4 | ((uint32_t) below & 15);
}

static void channel_learn(struct codec_channel *c, int64_t number, uint64_t size)
{
	int64_t scaled = within(number) * 16, step;
	unsigned shift = MIN_OF(c->warm, (unsigned) SCALE_SHIFT);

	for (unsigned k = 0; k < CODEC_PREDICTORS; k++) {
		uint32_t bits = price(size_of(difference(number, predict(c, k)))) << 8;

		c->cost[k] += (uint32_t) ((int32_t) (bits - c->cost[k]) >> COST_SHIFT);
	}
	c->fast += (scaled - c->fast) >> 2;
	c->slow += (scaled - c->slow) >> 4;
	step = ((int64_t) MIN_OF(size, (uint64_t) MEAN_MAX) * 16 - (int64_t) c->scale) >> shift;
	c->scale += (uint64_t) step;
	if (c->warm < WARM)
		c->warm++;
	c->last = number;
}

uint8_t codec_scale(const struct codec_channel *c)
{
	return (uint8_t) (bits_of(c->scale) + 1);
}

void codec_channel_init(struct codec_channel *c, int64_t first, uint8_t scale)
{
	memset(c, 0, sizeof(*c));
	c->last = first;
	c->fast = c->slow = within(first) * 16;
	c->scale = scale > 1	? UINT64_C(3) << (MIN_OF(scale, 60) - 2) >> 1
		   : scale == 1 ? 0
				: size_of(within(first)) * 4 + 16;
	c->warm = scale ? 2 : 1;
	c->probs = codec_prior;
}

/* ---- the range coder --------------------------------------------------------------------------- */

static void learn(uint16_t *prob, bool bit)
{
	if (bit)
		*prob = (uint16_t) MAX_OF(*prob - (*prob >> RATE), PROB_FLOOR);
	else
		*prob = (uint16_t) MIN_OF(*prob + ((65536 - *prob) >> RATE), 65536 - PROB_FLOOR);
}

static void shift_low(struct codec_encoder *e, codec_sink *sink, void *data)
{
	if (e->low < 0xff000000u || e->low > UINT32_MAX) {
		uint8_t carry = (uint8_t) (e->low >> 32);

		if (e->begun)
			sink(data, (uint8_t) (e->held + carry));
		for (; e->n_held > 1; e->n_held--)
			sink(data, (uint8_t) (0xff + carry));
		e->begun = true;
		e->n_held = 0;
		e->held = (uint8_t) (e->low >> 24);
	}
	e->n_held++;
	e->low = (e->low & 0x00ffffff) << 8;
}

static void put_bit(struct codec_encoder *e, uint16_t *prob, bool bit, codec_sink *sink, void *data)
{
	uint32_t bound = (e->range >> 16) * *prob;

	if (bit) {
		e->low += bound;
		e->range -= bound;
	} else {
		e->range = bound;
	}
	learn(prob, bit);
	while (e->range < RANGE_MIN) {
		e->range <<= 8;
		shift_low(e, sink, data);
	}
}

static void put_raw(struct codec_encoder *e, uint64_t bits, unsigned n, codec_sink *sink,
		    void *data)
{
	while (n > 0) {
		unsigned now = MIN_OF(n, 16u);

		n -= now;
		e->range >>= now;
		e->low += (uint64_t) e->range * ((bits >> n) & ((1u << now) - 1));
		while (e->range < RANGE_MIN) {
			e->range <<= 8;
			shift_low(e, sink, data);
		}
	}
}

void codec_encoder_init(struct codec_encoder *e)
{
	*e = (struct codec_encoder){ .range = UINT32_MAX,
				     .n_held = 1,
				     .skip = { CODEC_PRIOR_NEXT, CODEC_PRIOR_GAP } };
}

/* The shortest bytes that lie within the range: with zeros behind them, which are not written. */
void codec_finish(struct codec_encoder *e, codec_sink *sink, void *data)
{
	uint64_t last = e->low + e->range - 1;
	unsigned shift = 0;

	while (shift < 32 && (last >> (shift + 8) << (shift + 8)) >= e->low)
		shift += 8;
	e->low = last >> shift << shift;
	for (; shift < 40; shift += 8)
		shift_low(e, sink, data);
}

static void fill(struct codec_decoder *d)
{
	while (d->range < RANGE_MIN) {
		d->range <<= 8;
		d->code = d->code << 8 | (d->at < d->end ? *d->at++ : 0u);
	}
}

static bool get_bit(struct codec_decoder *d, uint16_t *prob)
{
	uint32_t bound = (d->range >> 16) * *prob;
	bool bit = d->code >= bound;

	if (bit) {
		d->code -= bound;
		d->range -= bound;
	} else {
		d->range = bound;
	}
	learn(prob, bit);
	fill(d);
	return bit;
}

static uint64_t get_raw(struct codec_decoder *d, unsigned n)
{
	uint64_t bits = 0;

	while (n > 0) {
		unsigned now = MIN_OF(n, 16u);
		uint32_t part;

		n -= now;
		d->range >>= now;
		part = d->code / d->range;
		d->code -= part * d->range;
		bits = bits << now | (part & ((1u << now) - 1));
		fill(d);
	}
	return bits;
}

void codec_decoder_init(struct codec_decoder *d, const uint8_t *bytes, size_t size)
{
	*d = (struct codec_decoder){ .at = bytes,
				     .end = bytes + size,
				     .range = 1,
				     .skip = { CODEC_PRIOR_NEXT, CODEC_PRIOR_GAP } };
	for (unsigned i = 0; i < 4; i++)
		d->code = d->code << 8 | (d->at < d->end ? *d->at++ : 0u);
	d->range = UINT32_MAX;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

void codec_put(struct codec_encoder *e, struct codec_channel *c, int64_t number, codec_sink *sink,
	       void *data)
{
	int64_t residual = difference(number, predict(c, cheapest(c)));
	uint64_t size = size_of(residual);
	unsigned class = bits_of(size), usual = bits_of(c->scale >> 4), i;
	unsigned low = usual < ARRAY_SIZE(c->probs.zero), from = MAX_OF(usual, 1u);

	if (low)
		put_bit(e, &c->probs.zero[usual], class != 0, sink, data);
	if (!low || class) {
		bool up = class > from;
		uint16_t *prob = up ? c->probs.up : c->probs.down;
		unsigned far = up ? class - from : from - class;
		unsigned room = up ? CLASS_MAX - from : from - low;

		put_bit(e, &c->probs.up[0], up, sink, data);
		for (i = 1; i < CODEC_UNARY && i < room + !up; i++) {
			put_bit(e, &prob[i], far >= i + up, sink, data);
			if (far < i + up)
				break;
		}
		if (i == CODEC_UNARY && i < room + !up)
			put_raw(e, far, 7, sink, data);
	}
	if (class) {
		put_bit(e, &c->probs.sign[c->sign], residual < 0, sink, data);
		c->sign = residual < 0 ? 1 : 2;
		put_raw(e, size, class - 1, sink, data);
	}
	channel_learn(c, number, size);
}

int64_t codec_get(struct codec_decoder *d, struct codec_channel *c)
{
	int64_t guess = predict(c, cheapest(c)), number;
	unsigned class = 0, usual = bits_of(c->scale >> 4), i;
	unsigned low = usual < ARRAY_SIZE(c->probs.zero), from = MAX_OF(usual, 1u);
	uint64_t size = 0;
	bool minus = false;

	if (!low || get_bit(d, &c->probs.zero[usual])) {
		bool up = get_bit(d, &c->probs.up[0]);
		uint16_t *prob = up ? c->probs.up : c->probs.down;
		unsigned far = up, room = up ? CLASS_MAX - from : from - low;

		for (i = 1; i < CODEC_UNARY && i < room + !up; i++) {
			if (!get_bit(d, &prob[i]))
				break;
			far = i + up;
		}
		if (i == CODEC_UNARY && i < room + !up)
			far = (unsigned) get_raw(d, 7);
		far = MIN_OF(far, room);
		class = MIN_OF(up ? from + far : from - far, (unsigned) CLASS_MAX);
	}
	if (class) {
		minus = get_bit(d, &c->probs.sign[c->sign]);
		c->sign = minus ? 1 : 2;
		size = UINT64_C(1) << (class - 1) | get_raw(d, class - 1);
	}
	number = (int64_t) ((uint64_t) guess + (minus ? -size : size));
	channel_learn(c, number, size);
	return number;
}

void codec_put_skip(struct codec_encoder *e, uint32_t steps, bool gap, codec_sink *sink, void *data)
{
	unsigned n = bits_of(steps);

	put_bit(e, &e->skip[0], steps != 1 || gap, sink, data);
	if (steps == 1 && !gap)
		return;
	put_bit(e, &e->skip[1], gap, sink, data);
	put_raw(e, n, 6, sink, data);
	put_raw(e, steps, n, sink, data);
}

uint32_t codec_get_skip(struct codec_decoder *d, bool *ret_gap)
{
	uint32_t steps;
	unsigned n;

	*ret_gap = false;
	if (!get_bit(d, &d->skip[0]))
		return 1;
	*ret_gap = get_bit(d, &d->skip[1]);
	n = (unsigned) get_raw(d, 6);
	steps = (uint32_t) get_raw(d, MIN_OF(n, 32u));
	return MAX_OF(steps, 1u);
}
