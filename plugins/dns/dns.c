/*
 * dns - does each resolver answer, how fast, and validated?
 *
 * Design.  Every question has a socket, a port and a random identifier of its own, so its answer
 * can be told from any other; a port unreachable is an answer of the network and ends the wait at
 * once.  Answers are dated by the kernel (SO_TIMESTAMPNS), so our own lateness is not in them; a
 * time stamp that cannot be (the clock was set) is not used.  Resolvers are asked in turn over the
 * period.  An error of the name (NXDOMAIN) is an answer; one of the server (SERVFAIL) is not.
 */
#include "query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <anod/plugin.h>

#define RESOLVERS_MAX 8

enum { UP, RTT, RCODE, AUTHENTIC, ASKED, LOST, FAILED, N_FACTS };

struct dns;

struct resolver {
	struct dns *d;
	struct anod_prefix address;
	uint32_t entity;
	uint64_t timer, wait, io;
	int fd; /* -1: nothing is under way */
	int64_t asked_ns, asked_wall_ns;
	int64_t asked, lost, failed;
	size_t len;
	uint8_t question[QUERY_SIZE];
};

struct dns {
	struct anod_ctx *ctx;
	int fact; /* of the first */
	uint64_t timeout_us;
	uint16_t port;
	char name[ANOD_TEXT_SIZE];
	unsigned n;
	struct resolver resolver[RESOLVERS_MAX];
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	(void) clock_gettime(clock, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

static void publish(struct resolver *r, int which, uint8_t type, uint8_t unit, int64_t n)
{
	struct anod_value v = { .type = type, .unit = unit, .u.i = n };

	(void) r->d->ctx->host->publish(r->d->ctx, r->entity, r->d->fact + which,
					n < 0 ? NULL : &v);
}

static void stop_asking(struct resolver *r)
{
	struct anod_ctx *ctx = r->d->ctx;

	if (r->io)
		(void) ctx->host->cancel(ctx, r->io);
	if (r->wait)
		(void) ctx->host->cancel(ctx, r->wait);
	if (r->fd >= 0)
		(void) close(r->fd);
	r->io = r->wait = 0;
	r->fd = -1;
}

/* 'a' NULL: no answer came. */
static void tell(struct resolver *r, const struct query_answer *a, int64_t rtt_us)
{
	struct anod_value text = { .type = ANOD_TEXT };
	bool good = a && (a->rcode == 0 || a->rcode == 3);
	char number[16];

	stop_asking(r);
	r->asked++;
	r->lost += !a;
	r->failed += a && !good;
	publish(r, UP, ANOD_BOOL, 0, good);
	publish(r, RTT, ANOD_INT, ANOD_UNIT_TIME, a ? rtt_us : -1);
	publish(r, AUTHENTIC, ANOD_BOOL, 0, a ? a->authentic : -1);
	publish(r, LOST, ANOD_INT, ANOD_UNIT_PACKETS, r->lost);
	publish(r, FAILED, ANOD_INT, 0, r->failed);
	publish(r, ASKED, ANOD_INT, ANOD_UNIT_PACKETS, r->asked);
	if (a)
		(void) snprintf(text.u.text, sizeof(text.u.text), "%s",
				query_rcode(a->rcode, number));
	(void) r->d->ctx->host->publish(r->d->ctx, r->entity, r->d->fact + RCODE, a ? &text : NULL);
}

static int64_t stamp_of(struct msghdr *m)
{
	for (struct cmsghdr *k = CMSG_FIRSTHDR(m); k; k = CMSG_NXTHDR(m, k))
		if (k->cmsg_level == SOL_SOCKET && k->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(k), sizeof(t));
			return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
		}
	return 0;
}

static void on_answer(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct resolver *r = data;
	uint8_t buf[QUERY_SIZE], control[64] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int64_t passed = clock_ns(CLOCK_MONOTONIC) - r->asked_ns, by_stamp;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct query_answer a;

	(void) ctx, (void) events;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			tell(r, NULL, 0); /* refused, unreachable */
		return;
	}
	if (!query_read(r->question, r->len, buf, (size_t) n, &a))
		return; /* not to us: go on waiting */
	by_stamp = stamp_of(&m) - r->asked_wall_ns;
	if (by_stamp > 0 && by_stamp < passed)
		passed = by_stamp;
	tell(r, &a, passed / 1000);
}

static void on_silence(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct resolver *r = data;

	(void) ctx, (void) id;
	r->wait = 0;
	tell(r, NULL, 0);
}

static int connect_to(int fd, const struct anod_prefix *a, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int r;

	memcpy(&v4.sin_addr, a->addr, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->addr, sizeof(v6.sin6_addr));
	r = a->family == AF_INET ? connect(fd, (struct sockaddr *) &v4, sizeof(v4))
				 : connect(fd, (struct sockaddr *) &v6, sizeof(v6));
	return r < 0 ? -errno : 0;
}

static int ask(struct resolver *r)
{
	struct anod_ctx *ctx = r->d->ctx;
	uint16_t id;
	int on = 1, n, e;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id))
		id = (uint16_t) clock_ns(CLOCK_MONOTONIC); /* the port is random all the same */
	n = query_make(r->d->name, 1, id, r->question);
	if (n < 0)
		return n;
	r->len = (size_t) n;
	r->fd = socket(r->address.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return -errno;
	(void) setsockopt(r->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	e = connect_to(r->fd, &r->address, r->d->port);
	if (e < 0)
		return e;
	r->asked_ns = clock_ns(CLOCK_MONOTONIC);
	r->asked_wall_ns = clock_ns(CLOCK_REALTIME);
	if (send(r->fd, r->question, r->len, MSG_NOSIGNAL) < 0)
		return -errno;
	e = ctx->host->io(ctx, r->fd, EPOLLIN, on_answer, r, &r->io);
	return e < 0 ? e : ctx->host->timer(ctx, r->d->timeout_us, 0, on_silence, r, &r->wait);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct resolver *r = data;

	(void) ctx, (void) id;
	if (r->fd >= 0)
		return; /* the time-out is shorter than the period, so this is our own lateness */
	if (ask(r) < 0)
		tell(r, NULL, 0); /* no way there */
}

/* ---- life --------------------------------------------------------------------------------- */

static int add(struct dns *d, const struct anod_prefix *address)
{
	struct resolver *r = &d->resolver[d->n];
	char name[INET6_ADDRSTRLEN];
	int e;

	if (d->n == RESOLVERS_MAX) {
		d->ctx->host->log(d->ctx, LOG_ERR, "more than %d resolvers: the rest is left out",
				  RESOLVERS_MAX);
		return 0;
	}
	r->d = d;
	r->fd = -1;
	r->address = *address;
	(void) inet_ntop(address->family, address->addr, name, sizeof(name));
	e = d->ctx->host->entity(d->ctx, "resolver", name, &r->entity);
	if (e >= 0)
		d->n++;
	return e;
}

static int get_options(struct dns *d, int64_t *ret_every)
{
	struct anod_value v, timeout, port, name;
	struct anod_ctx *ctx = d->ctx;
	uint8_t probe[QUERY_SIZE];
	int r;

	if (ctx->host->opt(ctx, "every", 0, &v) < 0 ||
	    ctx->host->opt(ctx, "timeout", 0, &timeout) < 0 ||
	    ctx->host->opt(ctx, "port", 0, &port) < 0 || ctx->host->opt(ctx, "name", 0, &name) < 0)
		return -EINVAL;
	*ret_every = v.u.i;
	d->timeout_us = (uint64_t) (timeout.u.i < v.u.i ? timeout.u.i : v.u.i);
	d->port = (uint16_t) port.u.i;
	(void) snprintf(d->name, sizeof(d->name), "%s", name.u.text);
	if (query_make(d->name, 1, 0, probe) < 0) {
		ctx->host->log(ctx, LOG_ERR,
			       "name \"%s\" cannot be asked for: no resolver is asked", d->name);
		return 0;
	}
	for (unsigned n = 0; ctx->host->opt(ctx, "resolver", n, &v) >= 0; n++) {
		r = add(d, &v.u.prefix);
		if (r < 0)
			return r;
	}
	return 0;
}

static int on_start(struct anod_ctx *ctx)
{
	struct dns *d;
	int64_t every;
	int r;

	d = ctx->host->alloc(ctx, sizeof(*d));
	if (!d)
		return -ENOMEM;
	ctx->state = d;
	d->ctx = ctx;
	d->fact = ctx->host->fact_id(ctx, "resolver.up");
	if (d->fact < 0)
		return d->fact;
	r = get_options(d, &every);
	for (unsigned i = 0; r >= 0 && i < d->n; i++)
		r = ctx->host->timer(ctx, 1 + (uint64_t) every * i / d->n, (uint64_t) every,
				     on_timer, &d->resolver[i], &d->resolver[i].timer);
	return r;
}

static void on_stop(struct anod_ctx *ctx)
{
	struct dns *d = ctx->state;

	for (unsigned i = 0; d && i < d->n; i++)
		stop_asking(&d->resolver[i]);
}

static const struct anod_opt opts[] = {
	{ "resolver", ANOD_PREFIX, .many = 1, .help = "addresses of the resolvers to ask" },
	{ "name", ANOD_TEXT, .dflt = "example.com",
	  .help = "the name whose A records are asked for" },
	{ "port", ANOD_INT, .dflt = "53", .min = 1, .max = 65535, .help = "their UDP port" },
	{ "every", ANOD_INT, ANOD_UNIT_TIME, .dflt = "5s", .min = 1e5, .max = 2e7,
	  .help = "time between two questions to one resolver" },
	{ "timeout", ANOD_INT, ANOD_UNIT_TIME, .dflt = "2s", .min = 1e4, .max = 2e7,
	  .help = "without an answer for so long a question is lost; at most 'every'" },
	{ NULL },
};

/* Three of the longest periods, ms. */
#define MAX_AGE 60000

static const struct anod_attr attrs[] = {
	[UP] = { "up", ANOD_BOOL, 0, 0, MAX_AGE,
		 "answered with NOERROR or NXDOMAIN (RFC 1035, 4.1.1)" },
	[RTT] = { "rtt", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE,
		  "from the question to its answer, by the kernel's time stamp" },
	[RCODE] = { "rcode", ANOD_TEXT, 0, 0, MAX_AGE,
		    "response code of the last answer: NOERROR, SERVFAIL, NXDOMAIN, REFUSED ..." },
	[AUTHENTIC] = { "authentic", ANOD_BOOL, 0, 0, MAX_AGE,
			"the resolver validated the answer by DNSSEC (AD, RFC 4035, 3.2.3)" },
	[ASKED] = { "asked", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE, "questions since the start" },
	[LOST] = { "lost", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE,
		   "of them without an answer in time, refused or without a way there" },
	[FAILED] = { "failed", ANOD_INT, 0, 0, MAX_AGE, "of them answered with a server's error" },
	[N_FACTS] = { NULL },
};

static const struct anod_kind kinds[] = {
	{ "resolver", "a DNS resolver that is asked, by its address", attrs },
	{ NULL },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "dns",
	.version = "1",
	.summary = "asks DNS resolvers and times their answers",
	.opts = opts,
	.kinds = kinds,
	.start = on_start,
	.stop = on_stop,
	.source = "one question over UDP for each resolver and period (RFC 1035)",
	.example =
		"sensor dns { resolver 192.0.2.53, 198.51.100.53  name \"example.com\"  every 5s }",
};
