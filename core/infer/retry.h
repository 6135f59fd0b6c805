/*
 * retry - what to do after a try: take the answer, try again, ask the next endpoint, give up.
 *
 * Pure: the caller brings time left and random bits.
 */
#ifndef INFER_RETRY_H
#define INFER_RETRY_H

#include "base/util.h"

#define RETRY_TRIES_MAX	  4 /* of one endpoint that is busy or unreachable */
#define RETRY_INVALID_MAX 2 /* answers of one endpoint that do not follow the schema */
#define RETRY_FIRST_US	  UINT64_C(200000)   /* the first back-off is between 0 and this */
#define RETRY_MOST_US	  UINT64_C(10000000) /* the longest one between 0 and this */

enum outcome {
	OUTCOME_VALID,	 /* an answer that follows the schema */
	OUTCOME_UNSURE,	 /* the same, but its confidence is lower than asked for */
	OUTCOME_INVALID, /* an answer that does not */
	OUTCOME_BUSY,	 /* 408, 429, 5xx, no connection: may pass */
	OUTCOME_FAILED,	 /* will fail again: other statuses, TLS, key, url */
	OUTCOME_TIMEOUT, /* the endpoint's own time for a try is over */
};

enum retry_what { RETRY_DONE, RETRY_AGAIN, RETRY_NEXT, RETRY_GIVE_UP };

struct retry {
	unsigned n_endpoints, at; /* at: index of the endpoint that was asked */
	unsigned busy, invalid;	  /* outcomes at this endpoint so far */
};

struct retry_facts {
	uint64_t left_us;  /* until the deadline */
	uint64_t asked_us; /* Retry-After; 0: none */
	uint64_t random;
	int large_at; /* index of the next large endpoint behind 'at', or -1 */
};

struct retry_step {
	enum retry_what what;
	uint64_t wait_us; /* RETRY_AGAIN: before it */
};

/* Changes *r: counts, and 'at' for RETRY_NEXT. */
struct retry_step retry_decide(struct retry *r, enum outcome o, const struct retry_facts *f);

#endif
