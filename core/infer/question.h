/*
 * question - what the host asks, parsed and held until it is answered.
 *
 * The text of an INFER_ASK (see infer.h).  It comes from our own host, and is checked all the
 * same: the two run with different rights.
 */
#ifndef INFER_QUESTION_H
#define INFER_QUESTION_H

#include "infer/endpoint.h"

#define QUESTION_ENDPOINTS_MAX 8
#define QUESTION_ACTIONS_MAX   32
#define QUESTION_LINKS_MAX     128
#define QUESTION_TIMEOUT_MAX   (10u * 60 * 1000) /* ms */
#define QUESTION_TOKENS_MAX    4096

struct cJSON;

struct question {
	struct cJSON *root; /* owned; the texts below lie in it */
	unsigned n_endpoints;
	struct endpoint endpoint[QUESTION_ENDPOINTS_MAX];
	const struct anod_action_desc *action[QUESTION_ACTIONS_MAX + 1]; /* NULL-ended */
	const char *link[QUESTION_LINKS_MAX + 1];			 /* NULL-ended */
	const char *task;						 /* NULL: the usual */
	char *user;							 /* owned; framed */
	uint32_t timeout_ms, max_tokens;
	double sure; /* 0: every valid answer is good enough */
};

/* 0, -ENOMEM, or -EINVAL with one sentence.  question_done() is due in any case. */
int question_parse(struct question *q, const char *text, size_t size,
		   const struct anod_dialect *const *dialects,
		   const struct anod_action_desc *const *actions, char *why, size_t why_size);
void question_done(struct question *q);

/* The HTTP body for endpoint 'at', malloc()ed, or NULL: no memory.  'again': an answer before
 * this one was refused. */
char *question_encode(const struct question *q, unsigned at, bool again);

#endif
