/*
 * compute - how near is the machine that thinks?  Inference endpoints, and how many answer in time.
 *
 * Design.  What is measured is the way, not the model: the TCP handshake and the answer of a health
 * page that costs the server nothing.  A call is fast when its handshake took no longer than the
 * target (1 ms by default: a regional computing network promises that); the share of calls is over
 * the last WINDOW calls of each endpoint, the share of endpoints counts those whose last call was
 * fast.  An endpoint that does not answer is not fast; one that was never called counts nowhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <anod/call.h>

#define ENDPOINTS_MAX 32
#define WINDOW	      64 /* bits of a word */

enum { UP, CONNECT, ANSWER, CALLS, FAST, FAILED, SHARE, N_FACTS };
enum { A_ENDPOINTS, A_UP, A_FAST, A_SHARE, A_CALLS_SHARE, N_ALL };

struct compute;

struct endpoint {
	struct compute *c;
	struct anod_call_spec spec;
	struct anod_call *call;
	uint32_t entity;
	uint64_t timer;
	int64_t calls, fast, failed;
	uint64_t window; /* the last calls, the newest in bit 0; 1: fast */
	bool up, last_fast;
};

struct compute {
	struct anod_ctx *ctx;
	int fact, all_fact; /* of the first */
	uint32_t all;
	int64_t target_us;
	unsigned n;
	struct endpoint endpoint[ENDPOINTS_MAX];
};

static void publish(struct compute *c, uint32_t entity, int fact, uint8_t type, uint8_t unit,
		    int64_t n)
{
	struct anod_value v = { .type = type, .unit = unit, .u.i = n };

	(void) c->ctx->host->publish(c->ctx, entity, fact, n < 0 ? NULL : &v);
}

static void publish_share(struct compute *c, uint32_t entity, int fact, double part, double whole)
{
	struct anod_value v = { .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO };

	v.u.r = whole > 0 ? part / whole : 0;
	(void) c->ctx->host->publish(c->ctx, entity, fact, whole > 0 ? &v : NULL);
}

static int in_window(const struct endpoint *e)
{
	return e->calls < WINDOW ? (int) e->calls : WINDOW;
}

static void publish_all(struct compute *c)
{
	int up = 0, fast = 0, called = 0, calls = 0, fast_calls = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct endpoint *e = &c->endpoint[i];

		called += e->calls > 0;
		up += e->up;
		fast += e->last_fast;
		calls += in_window(e);
		fast_calls += __builtin_popcountll(e->window);
	}
	publish(c, c->all, c->all_fact + A_ENDPOINTS, ANOD_INT, 0, called);
	publish(c, c->all, c->all_fact + A_UP, ANOD_INT, 0, up);
	publish(c, c->all, c->all_fact + A_FAST, ANOD_INT, 0, fast);
	publish_share(c, c->all, c->all_fact + A_SHARE, fast, called);
	publish_share(c, c->all, c->all_fact + A_CALLS_SHARE, fast_calls, calls);
}

static void on_outcome(struct anod_ctx *ctx, const struct anod_call_outcome *o, void *data)
{
	struct endpoint *e = data;
	struct compute *c = e->c;

	(void) ctx;
	e->call = NULL;
	e->calls++;
	e->up = o->error == 0 && o->status < 500;
	e->failed += !e->up;
	e->last_fast = e->up && (int64_t) o->connect_us <= c->target_us;
	e->fast += e->last_fast;
	e->window = e->window << 1 | e->last_fast;

	publish(c, e->entity, c->fact + UP, ANOD_BOOL, 0, e->up);
	publish(c, e->entity, c->fact + CONNECT, ANOD_INT, ANOD_UNIT_TIME,
		o->connected ? (int64_t) o->connect_us : -1);
	publish(c, e->entity, c->fact + ANSWER, ANOD_INT, ANOD_UNIT_TIME,
		o->answer_us ? (int64_t) o->answer_us : -1);
	publish(c, e->entity, c->fact + CALLS, ANOD_INT, 0, e->calls);
	publish(c, e->entity, c->fact + FAST, ANOD_INT, 0, e->fast);
	publish(c, e->entity, c->fact + FAILED, ANOD_INT, 0, e->failed);
	publish_share(c, e->entity, c->fact + SHARE, __builtin_popcountll(e->window), in_window(e));
	publish_all(c);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct endpoint *e = data;
	int r;

	(void) id;
	if (e->call)
		return; /* the time-out is shorter than the period, so this is our own lateness */
	r = anod_call(ctx, &e->spec, on_outcome, e, &e->call);
	if (r < 0)
		on_outcome(ctx, &(struct anod_call_outcome){ .error = r }, e);
}

static int add(struct compute *c, const char *url)
{
	struct endpoint *e = &c->endpoint[c->n];
	struct anod_ctx *ctx = c->ctx;
	char why[ANOD_REASON_SIZE], name[ANOD_NAME_SIZE];
	int r;

	if (c->n == ENDPOINTS_MAX) {
		ctx->host->log(ctx, LOG_ERR, "more than %d endpoints: '%s' is left out",
			       ENDPOINTS_MAX, url);
		return -E2BIG;
	}
	r = anod_call_url(url, &e->spec, why);
	if (r < 0) {
		ctx->host->log(ctx, LOG_ERR, "endpoint \"%s\": %s", url, why);
		return r;
	}
	e->c = c;
	(void) snprintf(name, sizeof(name), "%s", e->spec.host);
	r = ctx->host->entity(ctx, "compute", name, &e->entity);
	if (r >= 0)
		c->n++;
	return r;
}

static int get_time(struct anod_ctx *ctx, const char *name, int64_t *ret)
{
	struct anod_value v;
	int r = ctx->host->opt(ctx, name, 0, &v);

	if (r >= 0)
		*ret = v.u.i;
	return r;
}

static int start_calls(struct compute *c, int64_t every, int64_t timeout)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct endpoint *e = &c->endpoint[i];
		int r;

		e->spec.timeout_us = (uint64_t) (timeout < every ? timeout : every);
		r = c->ctx->host->timer(c->ctx, 1 + (uint64_t) every * i / c->n, (uint64_t) every,
					on_timer, e, &e->timer);
		if (r < 0)
			return r;
	}
	return 0;
}

static int on_start(struct anod_ctx *ctx)
{
	int64_t every, timeout;
	struct anod_value v;
	struct compute *c;
	int r;

	c = ctx->host->alloc(ctx, sizeof(*c));
	if (!c)
		return -ENOMEM;
	ctx->state = c;
	c->ctx = ctx;
	c->fact = ctx->host->fact_id(ctx, "compute.up");
	c->all_fact = ctx->host->fact_id(ctx, "computing.endpoints");
	if (c->fact < 0 || c->all_fact < 0)
		return c->fact < 0 ? c->fact : c->all_fact;
	r = get_time(ctx, "every", &every);
	if (r >= 0)
		r = get_time(ctx, "timeout", &timeout);
	if (r >= 0)
		r = get_time(ctx, "target", &c->target_us);
	if (r < 0)
		return r;

	for (unsigned n = 0; ctx->host->opt(ctx, "endpoint", n, &v) >= 0; n++) {
		r = add(c, v.u.text);
		if (r < 0 && r != -EINVAL && r != -E2BIG) /* told; the others are called */
			return r;
	}
	if (c->n == 0)
		return 0;
	r = ctx->host->entity(ctx, "computing", "all", &c->all);
	return r < 0 ? r : start_calls(c, every, timeout);
}

static void on_stop(struct anod_ctx *ctx)
{
	struct compute *c = ctx->state;

	for (unsigned i = 0; c && i < c->n; i++) {
		anod_call_cancel(c->endpoint[i].call);
		c->endpoint[i].call = NULL;
	}
}

static const struct anod_opt opts[] = {
	{ "endpoint", ANOD_TEXT, .many = 1,
	  .help = "what to call: http://192.0.2.1:8080/health; addresses only" },
	{ "every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "1s", .min = 1e5, .max = 2e7,
	  .help = "time between two calls of one endpoint" },
	{ "timeout", ANOD_INT, ANOD_UNIT_TIME, .dflt = "1s", .min = 1e4, .max = 2e7,
	  .help = "of a whole call; at most 'every'" },
	{ "target", ANOD_INT, ANOD_UNIT_TIME, .dflt = "1ms", .min = 1, .max = 1e6,
	  .help = "a handshake of at most so long is fast" },
	{ NULL },
};

/* Three of the longest periods, ms. */
#define MAX_AGE 60000

static const struct anod_attr attrs[] = {
	[UP] = { "up", ANOD_BOOL, 0, 0, MAX_AGE, "answered with a status below 500 (RFC 9110)" },
	[CONNECT] = { "connect", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE,
		      "TCP handshake as the kernel measured it (tcpi_rtt, uapi/linux/tcp.h)" },
	[ANSWER] = { "answer", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE,
		     "from the request of its health page to the first byte of the answer" },
	[CALLS] = { "calls", ANOD_INT, 0, 0, MAX_AGE, "calls since the start" },
	[FAST] = { "fast", ANOD_INT, 0, 0, MAX_AGE,
		   "of them answered, with a handshake within the option 'target'" },
	[FAILED] = { "failed", ANOD_INT, 0, 0, MAX_AGE, "of them not answered, or with an error" },
	[SHARE] = { "fast_share", ANOD_REAL, ANOD_UNIT_RATIO, 0, MAX_AGE,
		    "share of fast calls among the last 64" },
	[N_FACTS] = { NULL },
};

static const struct anod_attr all_attrs[] = {
	[A_ENDPOINTS] = { "endpoints", ANOD_INT, 0, 0, MAX_AGE, "endpoints that were called" },
	[A_UP] = { "endpoints_up", ANOD_INT, 0, 0, MAX_AGE, "of them answering" },
	[A_FAST] = { "endpoints_fast", ANOD_INT, 0, 0, MAX_AGE, "of them fast at their last call" },
	[A_SHARE] = { "endpoint_share", ANOD_REAL, ANOD_UNIT_RATIO, 0, MAX_AGE,
		      "endpoints_fast / endpoints" },
	[A_CALLS_SHARE] = { "call_share", ANOD_REAL, ANOD_UNIT_RATIO, 0, MAX_AGE,
			    "share of fast calls among the last 64 of each endpoint" },
	[N_ALL] = { NULL },
};

static const struct anod_kind kinds[] = {
	{ "compute", "an endpoint of model inference, by ADDRESS:PORT as configured", attrs },
	{ "computing", "all of them together; its only entity is \"all\"", all_attrs },
	{ NULL },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "compute",
	.version = "1",
	.summary = "how near inference endpoints are, and how many calls are fast enough",
	.opts = opts,
	.kinds = kinds,
	.start = on_start,
	.stop = on_stop,
	.source = "a TCP handshake (tcpi_rtt) and one GET of a health page for each endpoint and "
		  "period",
	.example = "sensor compute { endpoint \"http://192.0.2.1:8080/health\"  target 1ms }",
};
