/*
 * call - connect, ask, read the first line, close.
 *
 * Design.  One socket for each call, non-blocking; its steps are told apart by 'asked'.  The answer
 * is dated by SO_TIMESTAMPNS, the wall clock of the packet's arrival: when that does not lie
 * between sending and reading (the clock was set), the time at which we read it is what is left.
 * The connection is reset at the end: a probe leaves no TIME_WAIT behind.
 */
#include <anod/call.h>

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 256 /* "HTTP/1.1 200 OK" stands in the first bytes */

struct anod_call {
	struct anod_ctx *ctx;
	struct anod_call_spec spec;
	anod_call_fn *fn;
	void *data;
	int fd;
	uint64_t io, timer;
	bool asked;
	int64_t asked_wall_ns; /* CLOCK_REALTIME */
	int64_t asked_ns;      /* CLOCK_MONOTONIC */
	struct anod_call_outcome out;
};

static anod_io_fn on_ready;

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	(void) clock_gettime(clock, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

void anod_call_cancel(struct anod_call *c)
{
	static const struct linger reset = { .l_onoff = 1 };

	if (!c)
		return;
	if (c->io)
		(void) c->ctx->host->cancel(c->ctx, c->io);
	if (c->timer)
		(void) c->ctx->host->cancel(c->ctx, c->timer);
	if (c->fd >= 0) {
		(void) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void) close(c->fd);
	}
	free(c);
}

static void end(struct anod_call *c, int error)
{
	struct anod_call_outcome out = c->out;
	struct anod_ctx *ctx = c->ctx;
	anod_call_fn *fn = c->fn;
	void *data = c->data;

	out.error = error;
	anod_call_cancel(c);
	fn(ctx, &out, data);
}

static void on_timeout(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_call *c = data;

	(void) ctx, (void) id;
	c->timer = 0;
	end(c, -ETIMEDOUT);
}

/* ---- the answer --------------------------------------------------------------------------- */

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

/* RFC 9112, section 4: HTTP-version SP 3DIGIT SP.  0: it is none. */
static unsigned status_of(const char *line, size_t n)
{
	if (n < 13 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
	    !isdigit((unsigned char) line[9]) || !isdigit((unsigned char) line[10]) ||
	    !isdigit((unsigned char) line[11]) || line[9] < '1' || line[9] > '5')
		return 0;
	return (unsigned) ((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
}

static void read_answer(struct anod_call *c)
{
	char line[LINE_SIZE], control[64] __attribute__((aligned(8)));
	struct iovec iov = { line, sizeof(line) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int64_t passed = clock_ns(CLOCK_MONOTONIC) - c->asked_ns, by_stamp;
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(c, -errno);
		return;
	}
	if (n == 0) {
		end(c, -ECONNRESET);
		return;
	}
	by_stamp = stamp_of(&m) - c->asked_wall_ns;
	if (by_stamp > 0 && by_stamp < passed)
		passed = by_stamp;
	c->out.answer_us = (uint64_t) passed / 1000;
	if (c->out.answer_us == 0)
		c->out.answer_us = 1;
	c->out.status = status_of(line, (size_t) n);
	end(c, c->out.status ? 0 : -EPROTO);
}

/* ---- the way there ------------------------------------------------------------------------ */

static void ask(struct anod_call *c)
{
	char text[256];
	int n = snprintf(
		text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: anod\r\nConnection: close\r\n\r\n",
		c->spec.path, c->spec.host);
	int r;

	c->asked = true;
	c->asked_ns = clock_ns(CLOCK_MONOTONIC);
	c->asked_wall_ns = clock_ns(CLOCK_REALTIME);
	if (send(c->fd, text, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
		end(c, errno ? -errno : -EIO); /* a fresh socket has room for it */
		return;
	}
	(void) c->ctx->host->cancel(c->ctx, c->io);
	c->io = 0;
	r = c->ctx->host->io(c->ctx, c->fd, EPOLLIN, on_ready, c, &c->io);
	if (r < 0)
		end(c, r);
}

static void on_connected(struct anod_call *c)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info), len = sizeof(int);
	int error = 0;

	(void) getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		end(c, -error);
		return;
	}
	(void) getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	c->out.connected = true;
	c->out.connect_us = info.tcpi_rtt;
	if (c->spec.ask)
		ask(c);
	else
		end(c, 0);
}

static void on_ready(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct anod_call *c = data;

	(void) ctx, (void) fd, (void) events;
	if (c->asked)
		read_answer(c);
	else
		on_connected(c);
}

static int connect_to(const struct anod_call *c)
{
	const struct anod_prefix *a = &c->spec.address;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(c->spec.port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(c->spec.port) };
	int r;

	memcpy(&v4.sin_addr, a->addr, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->addr, sizeof(v6.sin6_addr));
	r = a->family == AF_INET ? connect(c->fd, (struct sockaddr *) &v4, sizeof(v4))
				 : connect(c->fd, (struct sockaddr *) &v6, sizeof(v6));
	return r < 0 && errno != EINPROGRESS ? -errno : 0;
}

int anod_call(struct anod_ctx *ctx, const struct anod_call_spec *spec, anod_call_fn *fn, void *data,
	      struct anod_call **ret)
{
	struct anod_call *c = calloc(1, sizeof(*c));
	int on = 1, r;

	if (!c)
		return -ENOMEM;

	c->ctx = ctx;
	c->spec = *spec;
	c->fn = fn;
	c->data = data;
	c->fd = socket(spec->address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = c->fd < 0 ? -errno : 0;
	if (r >= 0) {
		(void) setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
		(void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		r = connect_to(c);
	}
	if (r >= 0)
		r = ctx->host->io(ctx, c->fd, EPOLLOUT, on_ready, c, &c->io);
	if (r >= 0)
		r = ctx->host->timer(ctx, spec->timeout_us, 0, on_timeout, c, &c->timer);
	if (r < 0) {
		anod_call_cancel(c);
		return r;
	}
	*ret = c;
	return 0;
}
