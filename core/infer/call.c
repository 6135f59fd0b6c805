/*
 * call - one question on its way: tries, back-off, endpoints in turn, one answer.
 *
 * Design.  retry.c decides, this file does.  One timer serves both states: while waiting it is the
 * back-off, while asking it is the deadline of the question (libcurl keeps the shorter time that
 * an endpoint may take), so an answer is due at the deadline whatever libcurl does.
 *
 * A try that fails leaves its error and sentence in the answer under construction; a later success
 * takes their place.  An answer that is valid but unsure is kept beside it while a larger model
 * is asked.
 */
#include "infer/call.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "infer/retry.h"

#define CALL_ACCURACY_US 1000

struct call {
	sd_event *loop;
	sd_event_source *timer;
	struct fetch *fetch;
	struct fetch_call *asking; /* NULL: waiting */
	struct question q;
	struct retry retry;
	uint64_t started_us, deadline_us;
	call_fn *done;
	void *data;
	struct infer_answer answer;
	struct infer_answer *kept; /* owned; a valid answer that is not sure enough */
};

static void call_try(struct call *c);

static uint64_t now(const struct call *c)
{
	uint64_t us;

	return sd_event_now(c->loop, CLOCK_BOOTTIME, &us) < 0 ? clock_boot_us() : us;
}

struct call *call_free(struct call *c)
{
	if (!c)
		return NULL;

	(void) fetch_cancel(c->asking);
	(void) sd_event_source_disable_unref(c->timer);
	sd_event_unref(c->loop);
	question_done(&c->q);
	free(c->kept);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct call *, call_free);

/* Hand out the answer; 'c' is gone afterwards. */
static void finish(struct call *c)
{
	struct infer_answer *a = &c->answer;

	if (a->error && c->kept) {
		c->kept->tries = a->tries;
		c->kept->tokens_in = a->tokens_in;
		c->kept->tokens_out = a->tokens_out;
		*a = *c->kept;
	}
	a->took_us = now(c) - c->started_us;
	clean_text(a->why);
	c->done(c->data, a);
	(void) call_free(c);
}

static void fail(struct call *c, int error, const char *why)
{
	c->answer.error = error;
	(void) copy_text(c->answer.why, sizeof(c->answer.why), why);
}

static int next_large(const struct call *c)
{
	for (unsigned i = c->retry.at + 1; i < c->q.n_endpoints; i++)
		if (c->q.endpoint[i].large)
			return (int) i;
	return -1;
}

static void keep(struct call *c)
{
	free(c->kept);
	c->kept = malloc(sizeof(*c->kept));
	if (c->kept)
		*c->kept = c->answer;
}

/* One try is over with this outcome: go on or end. */
static void step(struct call *c, enum outcome o, uint64_t asked_us)
{
	uint64_t t = now(c);
	struct retry_facts f = {
		.left_us = t < c->deadline_us ? c->deadline_us - t : 0,
		.asked_us = asked_us,
		.random = arc4random(),
		.large_at = next_large(c),
	};
	struct retry_step s;

	if (f.left_us == 0 && o != OUTCOME_VALID && o != OUTCOME_UNSURE) {
		finish(c);
		return;
	}
	if (o == OUTCOME_UNSURE && f.large_at >= 0)
		keep(c);

	s = retry_decide(&c->retry, o, &f);
	switch (s.what) {
	case RETRY_DONE:
	case RETRY_GIVE_UP:
		finish(c);
		return;
	case RETRY_NEXT:
		call_try(c);
		return;
	case RETRY_AGAIN:
		break;
	}
	if (s.wait_us == 0) {
		call_try(c);
		return;
	}
	if (sd_event_source_set_time(c->timer, t + s.wait_us) < 0 ||
	    sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) < 0)
		finish(c);
}

/* What the dialect made of an HTTP answer of status 2xx. */
static enum outcome judge_reply(struct call *c, const struct anod_chat_reply *reply)
{
	struct infer_answer *a = &c->answer;

	a->tokens_in += reply->tokens_in;
	a->tokens_out += reply->tokens_out;
	a->cut = reply->cut ? 1 : 0;
	if (answer_check(reply->text, strlen(reply->text), c->q.action, c->q.link, a) < 0) {
		a->error = -EBADMSG;
		if (a->cut)
			snprintf(a->why, sizeof(a->why),
				 "the answer was cut by its limit of %u tokens", c->q.max_tokens);
		return OUTCOME_INVALID;
	}
	a->error = 0;
	a->confidence = reply->confidence >= 0 && reply->confidence <= 1 ? reply->confidence : -1;
	return a->confidence >= 0 && a->confidence < c->q.sure ? OUTCOME_UNSURE : OUTCOME_VALID;
}

static enum outcome judge_status(struct call *c, long status, const char *words, uint64_t asked_us)
{
	bool busy = status == 408 || status == 429 || status >= 500;
	char why[sizeof(c->answer.why)];

	if (status >= 300 && status < 400)
		snprintf(why, sizeof(why),
			 "HTTP %ld: redirects are not followed; configure the "
			 "final url",
			 status);
	else if (asked_us > 0 && busy)
		snprintf(why, sizeof(why), "HTTP %ld, asks to wait %llu s: %s", status,
			 (unsigned long long) (asked_us / US_PER_S), words);
	else
		snprintf(why, sizeof(why), "HTTP %ld: %s", status, words);
	fail(c, busy ? -EBUSY : status == 401 || status == 403 ? -EACCES : -EREMOTEIO, why);
	return busy ? OUTCOME_BUSY : OUTCOME_FAILED;
}

static enum outcome judge(struct call *c, const struct fetch_result *res)
{
	const struct endpoint *e = &c->q.endpoint[c->retry.at];
	struct anod_chat_reply reply = { .size = sizeof(reply), .confidence = -1 };
	enum outcome o;
	int r;

	if (res->error) {
		fail(c, res->error, res->why);
		return res->error == -ETIMEDOUT ? OUTCOME_TIMEOUT
		       : res->may_pass		? OUTCOME_BUSY
						: OUTCOME_FAILED;
	}
	r = e->dialect->decode(res->body, res->size, res->status, &reply);
	reply.why[sizeof(reply.why) - 1] = '\0';
	if (res->status < 200 || res->status >= 300)
		o = judge_status(c, res->status, reply.why, res->retry_after_us);
	else if (r < 0 || !reply.text) {
		fail(c, -EBADMSG,
		     *reply.why ? reply.why : "the answer is not of this provider's form");
		o = OUTCOME_INVALID;
	} else
		o = judge_reply(c, &reply);
	free(reply.text);
	return o;
}

static void on_fetched(void *data, const struct fetch_result *res)
{
	struct call *c = data;

	c->asking = NULL;
	step(c, judge(c, res), res->retry_after_us);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *data)
{
	struct call *c = data;

	(void) s, (void) usec;
	if (!c->asking) {
		call_try(c);
		return 0;
	}
	c->asking = fetch_cancel(c->asking);
	fail(c, -ETIMEDOUT, "no answer before the deadline");
	finish(c);
	return 0;
}

/* Ask the endpoint at hand once; -errno and the sentence in the answer. */
static int ask(struct call *c)
{
	const struct endpoint *e = &c->q.endpoint[c->retry.at];
	_cleanup_(key_freep) char *header = NULL;
	_cleanup_(freep) char *url = NULL, *body = NULL;
	struct fetch_request req = { .timeout_us = e->timeout_ms * US_PER_MS };
	char why[sizeof(c->answer.why)] = "memory ran out";
	int r;

	(void) copy_text(c->answer.endpoint, sizeof(c->answer.endpoint), e->name);
	(void) copy_text(c->answer.model, sizeof(c->answer.model), e->model);
	c->answer.cut = 0;
	c->answer.has_action = 0;
	memset(&c->answer.action, 0, sizeof(c->answer.action));
	r = endpoint_prepare(e, &url, &header, why, sizeof(why));
	if (r >= 0) {
		body = question_encode(&c->q, c->retry.at, c->retry.invalid > 0);
		r = body ? 0 : -ENOMEM;
	}
	if (r >= 0) {
		req.url = url;
		req.header = header;
		req.body = body;
		r = fetch_start(c->fetch, &req, on_fetched, c, &c->asking);
	}
	if (r < 0) {
		fail(c, r, why);
		return r;
	}
	body = NULL; /* fetch_start() took it */
	c->answer.tries++;
	return 0;
}

static void call_try(struct call *c)
{
	if (ask(c) < 0) {
		step(c, OUTCOME_FAILED, 0);
		return;
	}
	if (sd_event_source_set_time(c->timer, c->deadline_us) < 0 ||
	    sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) < 0) {
		c->asking = fetch_cancel(c->asking);
		fail(c, -ENOMEM, "memory ran out");
		finish(c);
	}
}

int call_start(sd_event *loop, struct fetch *fetch, struct question *q, uint64_t id, call_fn *done,
	       void *data, struct call **ret)
{
	_cleanup_(call_freep) struct call *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		question_done(q);
		return -ENOMEM;
	}
	c->loop = sd_event_ref(loop);
	c->fetch = fetch;
	c->q = *q;
	*q = (struct question){ 0 };
	c->retry.n_endpoints = c->q.n_endpoints;
	c->done = done;
	c->data = data;
	c->started_us = now(c);
	c->deadline_us = c->started_us + c->q.timeout_ms * US_PER_MS;
	c->answer.head = (struct chan_head){ INFER_ANSWER, sizeof(c->answer), id };
	c->answer.confidence = -1;
	r = sd_event_add_time(loop, &c->timer, CLOCK_BOOTTIME, 0, CALL_ACCURACY_US, on_timer, c);
	if (r < 0)
		return r;

	(void) sd_event_source_set_description(c->timer, "infer-call");
	*ret = TAKE(c);
	return 0;
}
