/*
 * fetch - many HTTP calls at once: libcurl's multi interface on sd-event.
 *
 * Design.  libcurl tells which sockets it waits for and when it wants to be called (two
 * callbacks); sd-event waits.  Completed calls are taken out of the multi handle before anybody is
 * told, so a callback may start the next one at once.  libcurl's error codes become errno in one
 * function.
 *
 * A socket can be closed by libcurl while its event source lives, and its number be used again:
 * CURL_POLL_REMOVE always comes first, so the source goes with it.
 */
#include "infer/fetch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "infer/infer.h"

#define FETCH_CONNECT_MS 10000 /* to connect, TLS included */
#define FETCH_BUFFER	 4096  /* bytes; answers are small and calls may be many */
#define FETCH_SPARE_MAX	 16    /* easy handles kept for the next calls */

struct fetch {
	sd_event *loop;
	sd_event_source *timer;
	CURLM *multi;
	struct fetch_call *calls; /* doubly linked */
	CURL *spare[FETCH_SPARE_MAX];
	unsigned n_spare;
};

struct fetch_call {
	struct fetch *fetch;
	struct fetch_call *next, **back;
	CURL *easy;
	struct curl_slist *headers; /* owned; the last one may hold a key */
	char *request, *body;	    /* owned */
	size_t size, seen;	    /* of the body; of all that came */
	bool too_big;
	fetch_done_fn *done;
	void *data;
	char error[CURL_ERROR_SIZE];
};

static size_t count_bytes(struct fetch_call *c, size_t n)
{
	c->seen += n;
	c->too_big = c->seen > INFER_BODY_MAX;
	return c->too_big ? 0 : n;
}

static size_t on_header(char *data, size_t one, size_t n, void *call)
{
	(void) data;
	return count_bytes(call, one * n);
}

static size_t on_body(char *data, size_t one, size_t n, void *call)
{
	struct fetch_call *c = call;
	char *more;

	n *= one;
	if (count_bytes(c, n) != n)
		return 0;
	more = realloc(c->body, c->size + n + 1);
	if (!more)
		return 0;

	memcpy(more + c->size, data, n);
	c->body = more;
	c->size += n;
	c->body[c->size] = '\0';
	return n;
}

/* Out of the list and of the multi handle; the easy handle goes back to the spares. */
static void fetch_call_detach(struct fetch_call *c)
{
	struct fetch *h = c->fetch;

	if (c->back) {
		*c->back = c->next;
		if (c->next)
			c->next->back = c->back;
		c->back = NULL;
	}
	if (!c->easy)
		return;
	(void) curl_multi_remove_handle(h->multi, c->easy);
	if (h->n_spare < FETCH_SPARE_MAX) {
		curl_easy_reset(c->easy);
		h->spare[h->n_spare++] = c->easy;
	} else
		curl_easy_cleanup(c->easy);
	c->easy = NULL;
}

static struct fetch_call *fetch_call_free(struct fetch_call *c)
{
	if (!c)
		return NULL;

	fetch_call_detach(c);
	for (struct curl_slist *s = c->headers; s; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(c->headers);
	free(c->request);
	free(c->body);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct fetch_call *, fetch_call_free);

/* The only place that knows libcurl's error codes. */
static void result_of_code(struct fetch_result *res, const struct fetch_call *c, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return;
	case CURLE_OPERATION_TIMEDOUT:
		res->error = -ETIMEDOUT;
		break;
	case CURLE_COULDNT_CONNECT:
		res->error = -ECONNREFUSED;
		res->may_pass = true;
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		res->error = -EHOSTUNREACH;
		res->may_pass = true;
		break;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		res->error = -ECONNRESET;
		res->may_pass = true;
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		res->error = -EPROTO;
		break;
	case CURLE_OUT_OF_MEMORY:
		res->error = -ENOMEM;
		break;
	default:
		res->error = c->too_big ? -EMSGSIZE : -EIO;
	}
	if (c->too_big)
		snprintf(res->why, sizeof(res->why), "the answer is larger than %u KiB",
			 INFER_BODY_MAX >> 10);
	else
		snprintf(res->why, sizeof(res->why), "%s",
			 *c->error ? c->error : curl_easy_strerror(code));
}

static void fetch_call_complete(struct fetch_call *c, CURLcode code)
{
	struct fetch_result res = { .body = c->body ? c->body : "", .size = c->size };
	curl_off_t after = 0;

	(void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &res.status);
	(void) curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	res.retry_after_us = after > 0 ? (uint64_t) MIN_OF(after, 86400) * US_PER_S : 0;
	result_of_code(&res, c, code);
	fetch_call_detach(c);
	c->done(c->data, &res);
	(void) fetch_call_free(c);
}

/* Tell of the calls that are over.  A callback may start others, never re-enter. */
static void settle(struct fetch *h)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct fetch_call *c = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		if (c)
			fetch_call_complete(c, code);
	}
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *fetch)
{
	struct fetch *h = fetch;
	int running, what = 0;

	(void) s;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		what |= CURL_CSELECT_IN;
	if (events & (EPOLLOUT | EPOLLERR))
		what |= CURL_CSELECT_OUT;
	(void) curl_multi_socket_action(h->multi, fd, what, &running);
	settle(h);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *fetch)
{
	struct fetch *h = fetch;
	int running;

	(void) s, (void) usec;
	(void) curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	settle(h);
	return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *fetch, void *source)
{
	static const uint32_t events[] = {
		[CURL_POLL_NONE] = 0,
		[CURL_POLL_IN] = EPOLLIN,
		[CURL_POLL_OUT] = EPOLLOUT,
		[CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT,
	};
	struct fetch *h = fetch;
	sd_event_source *s = source;

	(void) easy;
	if (what == CURL_POLL_REMOVE) {
		(void) curl_multi_assign(h->multi, fd, NULL);
		(void) sd_event_source_disable_unref(s);
		return 0;
	}
	if (s)
		return sd_event_source_set_io_events(s, events[what]) < 0 ? -1 : 0;
	if (sd_event_add_io(h->loop, &s, fd, events[what], on_io, h) < 0)
		return -1;

	(void) sd_event_source_set_description(s, "infer-socket");
	(void) curl_multi_assign(h->multi, fd, s);
	return 0;
}

static int on_timer_change(CURLM *multi, long ms, void *fetch)
{
	struct fetch *h = fetch;

	(void) multi;
	if (ms < 0)
		return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(h->timer, (uint64_t) ms * US_PER_MS) < 0)
		return -1;
	return sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

struct fetch *fetch_free(struct fetch *h)
{
	if (!h)
		return NULL;

	while (h->calls)
		(void) fetch_call_free(h->calls);
	for (unsigned i = 0; i < h->n_spare; i++)
		curl_easy_cleanup(h->spare[i]);
	if (h->multi)
		(void) curl_multi_cleanup(h->multi);
	(void) sd_event_source_disable_unref(h->timer);
	sd_event_unref(h->loop);
	curl_global_cleanup();
	free(h);
	return NULL;
}

int fetch_open(sd_event *loop, struct fetch **ret)
{
	_cleanup_(fetch_freep) struct fetch *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us; OpenSSL writes with write(2). */
	(void) signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(TAKE(h));
		return -ENOMEM;
	}

	h->loop = sd_event_ref(loop);
	h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	r = sd_event_add_time_relative(loop, &h->timer, CLOCK_MONOTONIC, 0, 1, on_timer, h);
	if (r < 0)
		return r;

	(void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
	(void) sd_event_source_set_description(h->timer, "infer-curl");
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	*ret = TAKE(h);
	return 0;
}

static int fetch_call_add_header(struct fetch_call *c, const char *text)
{
	struct curl_slist *list = curl_slist_append(c->headers, text);

	if (!list)
		return -ENOMEM;
	c->headers = list;
	return 0;
}

static void fetch_call_set_options(struct fetch_call *c, const struct fetch_request *req)
{
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "anod/" ANOD_VERSION);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long) FETCH_BUFFER);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long) FETCH_CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) ((req->timeout_us + 999) / US_PER_MS));
	curl_easy_setopt(e, CURLOPT_URL, req->url);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long) strlen(req->body));
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
}

int fetch_start(struct fetch *h, const struct fetch_request *req, fetch_done_fn *done, void *data,
		struct fetch_call **ret)
{
	_cleanup_(fetch_call_freep) struct fetch_call *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;

	c->fetch = h;
	c->done = done;
	c->data = data;
	c->easy = h->n_spare > 0 ? h->spare[--h->n_spare] : curl_easy_init();
	if (!c->easy)
		return -ENOMEM;
	/* "Expect:" would cost a round trip where the body is over 1 MiB; ours never is. */
	if (fetch_call_add_header(c, "Content-Type: application/json") < 0 ||
	    fetch_call_add_header(c, "Accept: application/json") < 0 ||
	    (req->header && fetch_call_add_header(c, req->header) < 0))
		return -ENOMEM;

	fetch_call_set_options(c, req);
	if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
		return -ENOMEM;

	c->request = req->body;
	c->next = h->calls;
	c->back = &h->calls;
	if (c->next)
		c->next->back = &c->next;
	h->calls = c;
	*ret = TAKE(c);
	return 0;
}

struct fetch_call *fetch_cancel(struct fetch_call *c)
{
	return fetch_call_free(c);
}
