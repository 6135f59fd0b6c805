/*
 * http - does a web service answer, with what status, and how fast?
 *
 * Design.  Each URL has one call at a time and a rhythm of its own, spread over the period, so that
 * ten of them are not ten connections at once.  A call that fails says so in 'up' and 'error'; its
 * times are then unknown, never the last ones.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <anod/call.h>

#define URLS_MAX 32

enum { UP, STATUS, CONNECT, ANSWER, CALLS, FAILED, ERROR, N_FACTS };

struct http;

struct target {
	struct http *h;
	struct anod_call_spec spec;
	struct anod_call *call;
	uint32_t entity;
	uint64_t timer;
	int64_t calls, failed;
};

struct http {
	struct anod_ctx *ctx;
	int fact; /* of the first */
	uint64_t every_us;
	unsigned n;
	struct target target[URLS_MAX];
};

static void publish(struct target *t, int which, uint8_t type, uint8_t unit, int64_t n)
{
	struct anod_value v = { .type = type, .unit = unit, .u.i = n };

	(void) t->h->ctx->host->publish(t->h->ctx, t->entity, t->h->fact + which,
					n < 0 ? NULL : &v);
}

static void on_outcome(struct anod_ctx *ctx, const struct anod_call_outcome *o, void *data)
{
	struct target *t = data;
	struct anod_value text = { .type = ANOD_TEXT };

	t->call = NULL;
	t->calls++;
	t->failed += o->error < 0 || o->status >= 500;
	publish(t, UP, ANOD_BOOL, 0, o->error == 0 && o->status < 500);
	publish(t, STATUS, ANOD_INT, 0, o->status ? (int64_t) o->status : -1);
	publish(t, CONNECT, ANOD_INT, ANOD_UNIT_TIME, o->connected ? (int64_t) o->connect_us : -1);
	publish(t, ANSWER, ANOD_INT, ANOD_UNIT_TIME, o->answer_us ? (int64_t) o->answer_us : -1);
	publish(t, CALLS, ANOD_INT, 0, t->calls);
	publish(t, FAILED, ANOD_INT, 0, t->failed);
	if (o->error < 0)
		(void) snprintf(text.u.text, sizeof(text.u.text), "%s", strerror(-o->error));
	(void) ctx->host->publish(ctx, t->entity, t->h->fact + ERROR, &text);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct target *t = data;
	int r;

	(void) id;
	if (t->call)
		return; /* the time-out is shorter than the period, so this is our own lateness */
	r = anod_call(ctx, &t->spec, on_outcome, t, &t->call);
	if (r < 0)
		on_outcome(ctx, &(struct anod_call_outcome){ .error = r }, t);
}

static int add(struct http *h, const char *url)
{
	struct target *t = &h->target[h->n];
	struct anod_ctx *ctx = h->ctx;
	char why[ANOD_REASON_SIZE], name[ANOD_NAME_SIZE];
	int r;

	if (h->n == URLS_MAX) {
		ctx->host->log(ctx, LOG_ERR, "more than %d URLs: '%s' is left out", URLS_MAX, url);
		return -E2BIG;
	}
	r = anod_call_url(url, &t->spec, why);
	if (r < 0) {
		ctx->host->log(ctx, LOG_ERR, "url \"%s\": %s", url, why);
		return r;
	}
	t->h = h;
	(void) snprintf(name, sizeof(name), "%s", strstr(url, "://") + 3);
	r = ctx->host->entity(ctx, "http", name, &t->entity);
	if (r >= 0)
		h->n++;
	return r;
}

static int on_start(struct anod_ctx *ctx)
{
	struct anod_value v, every, timeout;
	struct http *h;
	int r;

	h = ctx->host->alloc(ctx, sizeof(*h));
	if (!h)
		return -ENOMEM;
	ctx->state = h;
	h->ctx = ctx;
	h->fact = ctx->host->fact_id(ctx, "http.up");
	if (h->fact < 0)
		return h->fact;
	if (ctx->host->opt(ctx, "every", 0, &every) < 0 ||
	    ctx->host->opt(ctx, "timeout", 0, &timeout) < 0)
		return -EINVAL;
	if (timeout.u.i > every.u.i)
		timeout.u.i = every.u.i; /* one call at a time */
	for (unsigned n = 0; ctx->host->opt(ctx, "url", n, &v) >= 0; n++) {
		r = add(h, v.u.text);
		if (r < 0 && r != -EINVAL && r != -E2BIG) /* told; the others are called */
			return r;
	}
	for (unsigned i = 0; i < h->n; i++) {
		struct target *t = &h->target[i];

		t->spec.timeout_us = (uint64_t) timeout.u.i;
		r = ctx->host->timer(ctx, 1 + (uint64_t) every.u.i * i / h->n, (uint64_t) every.u.i,
				     on_timer, t, &t->timer);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_stop(struct anod_ctx *ctx)
{
	struct http *h = ctx->state;

	for (unsigned i = 0; h && i < h->n; i++) {
		anod_call_cancel(h->target[i].call);
		h->target[i].call = NULL;
	}
}

static const struct anod_opt opts[] = {
	{ "url", ANOD_TEXT, .many = 1,
	  .help = "what to call: http://192.0.2.1:8080/health; addresses only" },
	{ "every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "5s", .min = 1e5, .max = 2e7,
	  .help = "time between two calls of one URL" },
	{ "timeout", ANOD_INT, ANOD_UNIT_TIME, .dflt = "2s", .min = 1e4, .max = 2e7,
	  .help = "of a whole call; at most 'every'" },
	{ NULL },
};

/* Three of the longest periods, ms. */
#define MAX_AGE 60000

static const struct anod_attr attrs[] = {
	[UP] = { "up", ANOD_BOOL, 0, 0, MAX_AGE, "answered with a status below 500 (RFC 9110)" },
	[STATUS] = { "status", ANOD_INT, 0, 0, MAX_AGE, "status code of the answer, RFC 9110, 15" },
	[CONNECT] = { "connect", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE,
		      "TCP handshake as the kernel measured it (tcpi_rtt, uapi/linux/tcp.h)" },
	[ANSWER] = { "answer", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE,
		     "from the request to the first byte of the answer (SO_TIMESTAMPNS)" },
	[CALLS] = { "calls", ANOD_INT, 0, 0, MAX_AGE, "calls since the start" },
	[FAILED] = { "failed", ANOD_INT, 0, 0, MAX_AGE,
		     "of them without an answer, or with a status of 500 and more" },
	[ERROR] = { "error", ANOD_TEXT, 0, 0, MAX_AGE,
		    "why the last call failed; \"\": it did not" },
	[N_FACTS] = { NULL },
};

static const struct anod_kind kinds[] = {
	{ "http", "a web service that is called; named by its URL without the scheme", attrs },
	{ NULL },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "http",
	.version = "1",
	.summary = "calls web services and reads their status line",
	.opts = opts,
	.kinds = kinds,
	.start = on_start,
	.stop = on_stop,
	.source = "one GET over TCP for each URL and period (RFC 9112); https is connected to only",
	.example = "sensor http { url \"http://192.0.2.1:8080/health\"  every 5s }",
};
