/*
 * http - many HTTP calls at once: libcurl's multi interface on sd-event.
 *
 * One connection is used again and again (keep-alive).  TLS is always verified against the
 * system's CA bundle, redirects are not followed, proxies of the environment are ignored, only
 * http and https are spoken, and an answer is read up to INFER_BODY_MAX bytes with its headers.
 *
 * Loop: the callback never runs inside http_start(); after http_cancel() it does not run.
 * Errors: http_start() -ENOMEM; all else is told to the callback.
 */
#ifndef INFER_HTTP_H
#define INFER_HTTP_H

#include <systemd/sd-event.h>

#include "base/util.h"

struct http;
struct http_call;

struct http_request {
	const char *url;     /* copied */
	const char *header;  /* one more header, or NULL; copied, and wiped after use */
	char *body;	     /* ownership goes over when http_start() succeeds */
	uint64_t timeout_us; /* of the whole call; 0: none */
};

struct http_result {
	int error;	  /* 0: 'status' and 'body' count */
	bool may_pass;	  /* of an error: the same call may work later */
	long status;	  /* HTTP */
	const char *body; /* valid during the callback */
	size_t size;
	uint64_t retry_after_us; /* 0: not said */
	char why[256];		 /* of an error; may hold words of the other side, not cleaned */
};

/* The call is over and its handle is gone.  It may start and cancel others. */
typedef void http_done_fn(void *data, const struct http_result *res);

int http_open(sd_event *loop, struct http **ret);
struct http *http_free(struct http *h); /* cancels what is open */
DEFINE_CLEANUP(struct http *, http_free);

int http_start(struct http *h, const struct http_request *req, http_done_fn *done, void *data,
	       struct http_call **ret);
struct http_call *http_cancel(struct http_call *c);

#endif
