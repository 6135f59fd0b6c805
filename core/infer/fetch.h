/*
 * fetch - many HTTP calls at once: libcurl's multi interface on sd-event.
 *
 * One connection is used again and again (keep-alive).  TLS is always verified against the
 * system's CA bundle, redirects are not followed, proxies of the environment are ignored, only
 * http and https are spoken, and an answer is read up to INFER_BODY_MAX bytes with its headers.
 *
 * Loop: the callback never runs inside fetch_start(); after fetch_cancel() it does not run.
 * Errors: fetch_start() -ENOMEM; all else is told to the callback.
 */
#ifndef INFER_FETCH_H
#define INFER_FETCH_H

#include <systemd/sd-event.h>

#include "base/util.h"

struct fetch;
struct fetch_call;

struct fetch_request {
	const char *url;     /* copied */
	const char *header;  /* one more header, or NULL; copied, and wiped after use */
	char *body;	     /* ownership goes over when fetch_start() succeeds */
	uint64_t timeout_us; /* of the whole call; 0: none */
};

struct fetch_result {
	int error;	  /* 0: 'status' and 'body' count */
	bool may_pass;	  /* of an error: the same call may work later */
	long status;	  /* HTTP */
	const char *body; /* valid during the callback */
	size_t size;
	uint64_t retry_after_us; /* 0: not said */
	char why[256];		 /* of an error; may hold words of the other side, not cleaned */
};

/* The call is over and its handle is gone.  It may start and cancel others. */
typedef void fetch_done_fn(void *data, const struct fetch_result *res);

int fetch_open(sd_event *loop, struct fetch **ret);
struct fetch *fetch_free(struct fetch *h); /* cancels what is open */
DEFINE_CLEANUP(struct fetch *, fetch_free);

int fetch_start(struct fetch *h, const struct fetch_request *req, fetch_done_fn *done, void *data,
		struct fetch_call **ret);
struct fetch_call *fetch_cancel(struct fetch_call *c);

#endif
