/*
 * retry - what to do after a try: take the answer, try again, ask the next endpoint, give up.
 *
 * Design.  Exponential back-off with full jitter: many questions that were refused at once come
 * back spread over the whole interval.  A wait that does not fit before the deadline is not
 * begun, because another endpoint may still have the time.
 */
#include "infer/retry.h"

static struct retry_step next(struct retry *r, unsigned at)
{
	if (at >= r->n_endpoints)
		return (struct retry_step){ .what = RETRY_GIVE_UP };

	r->at = at;
	r->busy = r->invalid = 0;
	return (struct retry_step){ .what = RETRY_NEXT };
}

static uint64_t back_off(unsigned n, const struct retry_facts *f)
{
	uint64_t most = RETRY_FIRST_US << MIN_OF(n, 16);
	uint64_t jitter = f->random % (MIN_OF(most, RETRY_MOST_US) + 1);

	/* The server's wish is a lower bound; the jitter comes on top, for the same reason. */
	return f->asked_us > 0 ? f->asked_us + jitter % RETRY_FIRST_US : jitter;
}

struct retry_step retry_decide(struct retry *r, enum outcome o, const struct retry_facts *f)
{
	struct retry_step again = { .what = RETRY_AGAIN };

	switch (o) {
	case OUTCOME_VALID:
		return (struct retry_step){ .what = RETRY_DONE };
	case OUTCOME_UNSURE:
		if (f->large_at < 0 || f->left_us == 0)
			return (struct retry_step){ .what = RETRY_DONE };
		return next(r, (unsigned) f->large_at);
	case OUTCOME_INVALID:
		if (++r->invalid >= RETRY_INVALID_MAX)
			break;
		return again;
	case OUTCOME_BUSY:
		again.wait_us = back_off(r->busy, f);
		if (++r->busy >= RETRY_TRIES_MAX || again.wait_us >= f->left_us)
			break;
		return again;
	case OUTCOME_FAILED:
	case OUTCOME_TIMEOUT:
		break;
	}
	return next(r, r->at + 1);
}
