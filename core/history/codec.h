/*
 * codec - a stream of 64-bit numbers in few bits.
 *
 * Numbers are predicted, and what is left is written by an adaptive binary range coder.  A
 * channel is one stream of numbers that resemble each other; one coder may take several in turn.
 * Decoding asks for the same channels in the same order.
 *
 * Exact for any int64_t (differences wrap).  A decoder reads any bytes without harm: what comes
 * out of bytes that no encoder wrote is numbers, never a fault.
 *
 * Pure; no allocation.  Threads: plain data.  The format is that of flight files, so whatever
 * changes it changes FLIGHT_VERSION, too.
 */
#ifndef HISTORY_CODEC_H
#define HISTORY_CODEC_H

#include "base/util.h"

#define CODEC_UNARY	 12 /* steps of the magnitude's class; what lies further off is escaped */
#define CODEC_PREDICTORS 3
/* No number takes more bytes than this, and no skip. */
#define CODEC_NUMBER_MAX 52
#define CODEC_SKIP_MAX	 12

struct codec_probs { /* each of a 0, in 1/65536 */
	uint16_t zero[7], up[CODEC_UNARY], down[CODEC_UNARY], sign[3];
};

struct codec_channel {
	int64_t last, fast, slow;	 /* the number before; running means, in 1/16 */
	uint64_t scale;			 /* running mean of the residual's size, in 1/16 */
	uint32_t cost[CODEC_PREDICTORS]; /* running mean of each predictor's bits, in 1/4096 */
	uint8_t warm, sign;		 /* residuals seen, up to 4; sign of the last one */
	struct codec_probs probs;
};

/* 'first' is a number near those to come; 'scale' codec_scale() of a channel like this, 0: none. */
void codec_channel_init(struct codec_channel *c, int64_t first, uint8_t scale);
uint8_t codec_scale(const struct codec_channel *c);

/* Called for each byte in order. */
typedef void codec_sink(void *data, uint8_t byte);

struct codec_encoder {
	uint64_t low;
	uint32_t range, n_held; /* bytes that a carry may yet change: 'held', then 0xffs */
	uint8_t held;
	bool begun;	  /* the first byte, always 0, has been left out */
	uint16_t skip[2]; /* probabilities of "the next step" and of "no gap" */
};
void codec_encoder_init(struct codec_encoder *e);
void codec_put(struct codec_encoder *e, struct codec_channel *c, int64_t number, codec_sink *sink,
	       void *data);
/* How far the next numbers are from those before: 'steps' > 0, 'gap' when it was unknown between. */
void codec_put_skip(struct codec_encoder *e, uint32_t steps, bool gap, codec_sink *sink,
		    void *data);
/* The last bytes; 'e' is used up.  Bytes behind the end read as zeros. */
void codec_finish(struct codec_encoder *e, codec_sink *sink, void *data);

struct codec_decoder {
	const uint8_t *at, *end; /* borrowed */
	uint32_t range, code;
	uint16_t skip[2];
};
void codec_decoder_init(struct codec_decoder *d, const uint8_t *bytes, size_t size);
int64_t codec_get(struct codec_decoder *d, struct codec_channel *c);
uint32_t codec_get_skip(struct codec_decoder *d, bool *ret_gap);

#endif
