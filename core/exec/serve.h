/*
 * serve - what the executor does with each message, without the channel that brings it.
 *
 * Errors: -EPROTO, the message is not sound; nothing was done and the channel is to be closed.
 * Otherwise 'reply' is called exactly once, from inside.
 * Memory: 'actions' and 'data' are borrowed; a message is read during the call only.
 */
#ifndef EXEC_SERVE_H
#define EXEC_SERVE_H

#include "exec/kernel.h"

/* Prepared and not yet applied; the oldest is forgotten when one more comes. */
#define SERVE_PREPARED_MAX 64

typedef int serve_reply_fn(void *data, struct chan_head *head, size_t size);

struct prepared {
	uint64_t id;
	uint64_t age;
	uint32_t n_steps;
	struct exec_step *step; /* owned; NULL: a free place */
};

struct serve {
	struct kernel kernel;
	const struct anod_action_desc *const *actions;
	serve_reply_fn *reply;
	void *data;
	uint64_t age;
	struct prepared prepared[SERVE_PREPARED_MAX];
	struct exec_steps steps; /* the answer to PREPARE */
};

int serve_message(struct serve *s, const struct chan_head *msg);
/* Frees what is prepared and closes the socket. */
void serve_done(struct serve *s);

#endif
