/*
 * call - one question on its way: tries, back-off, endpoints in turn, one answer.
 *
 *   start -> asking <-> waiting -> answered (call_fn, then the call is gone)
 *
 * The deadline of the question ends it in either state.  The callback never runs inside
 * call_start().
 */
#ifndef INFER_CALL_H
#define INFER_CALL_H

#include "infer/fetch.h"
#include "infer/infer.h"
#include "infer/question.h"

struct call;

/* The answer; the call is freed when this returns. */
typedef void call_fn(void *data, const struct infer_answer *answer);

/* Everything of *q is taken over (on failure, too).  'id' names the question. */
int call_start(sd_event *loop, struct fetch *fetch, struct question *q, uint64_t id, call_fn *done,
	       void *data, struct call **ret);
struct call *call_free(struct call *c); /* drops it without an answer */

#endif
