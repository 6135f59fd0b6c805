/*
 * infer - all HTTP to models, in a process of its own.
 *
 * Design.  Questions come in by the channel, each becomes a call (call.c), answers go out.  What
 * the host may name is an id, what it may choose from are the tables given at the start.  A
 * question that cannot be asked is answered with its reason; a message that is not one of ours
 * closes the channel.
 */
#include "infer/infer.h"

#include <errno.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "infer/call.h"
#include "infer/fetch.h"
#include "infer/question.h"

struct open_call {
	uint64_t id;
	struct infer *infer;
	struct call *call;
	UT_hash_handle hh;
};

struct infer {
	sd_event *loop;
	struct chan *chan;
	struct fetch *fetch;
	const struct anod_dialect *const *dialects;
	const struct anod_action_desc *const *actions;
	struct open_call *calls; /* by id */
	uint64_t last_us;
	infer_gone_fn *gone;
	void *gone_data;
};

static uint64_t now(const struct infer *i)
{
	uint64_t us;

	return sd_event_now(i->loop, CLOCK_BOOTTIME, &us) < 0 ? clock_boot_us() : us;
}

static void open_call_free(struct open_call *o)
{
	HASH_DEL(o->infer->calls, o);
	free(o);
}

/* A send that fails closes the channel, which on_close() then hears. */
static void send_answer(struct infer *i, const struct infer_answer *a)
{
	i->last_us = now(i);
	(void) chan_send(i->chan, &a->head);
}

static void on_answer(void *data, const struct infer_answer *answer)
{
	struct open_call *o = data;

	send_answer(o->infer, answer);
	open_call_free(o); /* the call frees itself */
}

static void send_refusal(struct infer *i, uint64_t id, int error, const char *why)
{
	struct infer_answer a = {
		.head = { INFER_ANSWER, sizeof(a), id },
		.error = error,
		.confidence = -1,
	};

	(void) copy_text(a.why, sizeof(a.why), why);
	clean_text(a.why);
	send_answer(i, &a);
}

static int start(struct infer *i, uint64_t id, struct question *q)
{
	struct open_call *o = calloc(1, sizeof(*o));
	int r;

	if (!o) {
		question_done(q);
		return -ENOMEM;
	}
	o->id = id;
	o->infer = i;
	r = call_start(i->loop, i->fetch, q, id, on_answer, o, &o->call);
	if (r < 0) {
		free(o);
		return r;
	}
	HASH_ADD(hh, i->calls, id, sizeof(o->id), o);
	return 0;
}

static int on_ask(struct infer *i, const struct chan_head *msg)
{
	const char *text = (const char *) (msg + 1);
	char why[sizeof(((struct infer_answer *) 0)->why)] = "memory ran out";
	struct open_call *o;
	struct question q;
	int r;

	HASH_FIND(hh, i->calls, &msg->id, sizeof(msg->id), o);
	if (o || msg->id == 0)
		return -EPROTO;
	if (HASH_COUNT(i->calls) >= INFER_OPEN_MAX) {
		send_refusal(i, msg->id, -EBUSY, "too many questions are open at once");
		return 0;
	}

	i->last_us = now(i);
	r = question_parse(&q, text, msg->size - sizeof(*msg), i->dialects, i->actions, why,
			   sizeof(why));
	if (r >= 0)
		r = start(i, msg->id, &q);
	else
		question_done(&q);
	if (r < 0)
		send_refusal(i, msg->id, r, why);
	return 0;
}

static int on_message(void *data, const struct chan_head *msg)
{
	struct infer *i = data;
	struct open_call *o;

	switch (msg->type) {
	case INFER_ASK:
		return on_ask(i, msg);
	case INFER_CANCEL:
		HASH_FIND(hh, i->calls, &msg->id, sizeof(msg->id), o);
		if (o) {
			(void) call_free(o->call);
			open_call_free(o);
		}
		return 0;
	}
	return -EPROTO;
}

static void drop_calls(struct infer *i)
{
	struct open_call *o, *next;

	HASH_ITER(hh, i->calls, o, next)
	{
		(void) call_free(o->call);
		open_call_free(o);
	}
}

static void on_close(void *data, int error)
{
	struct infer *i = data;

	drop_calls(i);
	i->chan = chan_free(i->chan);
	if (i->gone)
		i->gone(i->gone_data, error);
}

int infer_open(sd_event *loop, int fd, const struct anod_dialect *const *dialects,
	       const struct anod_action_desc *const *actions, struct infer **ret)
{
	_cleanup_(infer_freep) struct infer *i = calloc(1, sizeof(*i));
	_cleanup_(closep) int owned = fd;
	int r;

	if (!i)
		return -ENOMEM;

	i->loop = sd_event_ref(loop);
	i->dialects = dialects;
	i->actions = actions;
	i->last_us = now(i);
	r = fetch_open(loop, &i->fetch);
	if (r < 0)
		return r;
	r = chan_open(loop, TAKE_FD(owned), "infer", on_message, on_close, i, &i->chan);
	if (r < 0)
		return r;

	*ret = TAKE(i);
	return 0;
}

struct infer *infer_free(struct infer *i)
{
	if (!i)
		return NULL;

	drop_calls(i);
	(void) chan_free(i->chan);
	(void) fetch_free(i->fetch);
	sd_event_unref(i->loop);
	free(i);
	return NULL;
}

void infer_on_gone(struct infer *i, infer_gone_fn *gone, void *data)
{
	i->gone = gone;
	i->gone_data = data;
}

unsigned infer_n_open(const struct infer *i)
{
	return HASH_COUNT(i->calls);
}

uint64_t infer_last_us(const struct infer *i)
{
	return i->last_us;
}
