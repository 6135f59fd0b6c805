/*
 * anod/call.h - a sensor calls a service over TCP and measures how long it takes.
 *
 * A call connects and, when a path is given, sends one GET (RFC 9112) and reads the first line of
 * the answer: what the service says in it is its status, the rest is never read.  The time to
 * connect is the kernel's own measurement of the handshake (tcpi_rtt), and the answer is dated by the
 * kernel's time stamp of its packet, so that our own lateness is in neither.
 *
 * Only addresses are called; nobody resolves a name here.  "https://" is connected to and no more.
 *
 * Threads: the loop thread of the plugin.  Errors: negative errno.  Memory: a call frees itself
 * when it has called back; anod_call_cancel() before that.
 */
#ifndef ANOD_CALL_H
#define ANOD_CALL_H

#include <stdbool.h>

#include <anod/plugin.h>

#define ANOD_CALL_PATH_SIZE 64

struct anod_call;

struct anod_call_spec {
	struct anod_prefix address; /* of full length */
	uint16_t port;
	bool ask;			/* GET 'path' after the connection is there */
	char path[ANOD_CALL_PATH_SIZE]; /* "/health" */
	char host[ANOD_CALL_PATH_SIZE]; /* of the Host field: as it was written in the URL */
	uint64_t timeout_us;		/* of the whole call */
};

/* "http://192.0.2.1:8080/health", "http://[2001:db8::1]/", "https://192.0.2.1".  The port is 80 or
 * 443 where none is given.  'why' (ANOD_REASON_SIZE) says what is wrong and what to write instead.
 * -EINVAL. */
int anod_call_url(const char *url, struct anod_call_spec *ret, char *why);

struct anod_call_outcome {
	int error;	     /* 0; -ETIMEDOUT, -ECONNREFUSED ... */
	bool connected;	     /* the handshake was complete */
	uint64_t connect_us; /* when connected */
	unsigned status;     /* 100..599 of the status line; 0: none was read */
	uint64_t answer_us;  /* from sending the request to its answer; 0: none */
};

typedef void anod_call_fn(struct anod_ctx *ctx, const struct anod_call_outcome *o, void *data);

/* Never calls back before it returns.  On an error there is no call. */
int anod_call(struct anod_ctx *ctx, const struct anod_call_spec *spec, anod_call_fn *fn, void *data,
	      struct anod_call **ret);
/* NULL is fine. */
void anod_call_cancel(struct anod_call *c);

#endif /* ANOD_CALL_H */
