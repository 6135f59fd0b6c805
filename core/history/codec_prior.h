/*
 * codec_prior - where the probabilities of a new block begin.
 *
 * Measured over counters and gauges of routers and servers (docs/facts.md, "History"), each data
 * set with the same weight.  Part of the format of flight files.
 */
#ifndef HISTORY_CODEC_PRIOR_H
#define HISTORY_CODEC_PRIOR_H

#include "history/codec.h"

#define CODEC_PRIOR_NEXT 64500 /* the next number belongs to the next step */
#define CODEC_PRIOR_GAP	 32768 /* else: nothing was unknown between them */

/* Of [0] of 'up': that the class is not above the usual one.  'down' has no use for its [0]. */
static const struct codec_probs codec_prior = {
	.zero = { 58608, 22539, 17183, 16128, 14466, 14353, 13918 },
	.up = { 49068, 40607, 39784, 36453, 24070, 24120, 21799, 21503, 19273, 21573, 33936,
		41723 },
	.down = { 32768, 17066, 17626, 16422, 15606, 14342, 12102, 11922, 11519, 9213, 6561, 3365 },
	.sign = { 54146, 40521, 27660 },
};

#endif
