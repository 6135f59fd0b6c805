/*
 * http_server - a small HTTP server inside the loop of a test or benchmark.
 *
 * It lives on 127.0.0.1 and a free port, keeps connections alive, and does what the handler
 * says: answer, answer badly, drip, flood, hang up or stay silent.  Included by the one file that
 * needs it; nothing in it is fit for a real network.
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-event.h>

struct server;
struct peer;
/* A whole request: its head (NUL-ended) and body (NUL-ended). */
typedef void server_fn(struct server *s, struct peer *p, const char *head, const char *body);

struct server {
	sd_event *loop;
	sd_event_source *io;
	int fd;
	unsigned port, n_requests, n_peers;
	server_fn *handler;
	void *data;
	struct peer *peers;
};

struct peer {
	struct server *server;
	struct peer *next, **back;
	sd_event_source *io, *drip;
	int fd;
	char *in, *out;
	size_t in_used, in_size, out_used, out_size;
	int flood;
};

static inline void peer_free(struct peer *p)
{
	*p->back = p->next;
	if (p->next)
		p->next->back = p->back;
	sd_event_source_disable_unref(p->io);
	sd_event_source_disable_unref(p->drip);
	close(p->fd);
	free(p->in);
	free(p->out);
	free(p);
}

static inline void peer_flush(struct peer *p)
{
	ssize_t n;

	while (p->out_used > 0 || p->flood) {
		static const char junk[16384] = { [0 ... 16383] = 'x' };

		n = p->out_used > 0 ? send(p->fd, p->out, p->out_used, MSG_NOSIGNAL | MSG_DONTWAIT)
				    : send(p->fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			break;
		if (p->out_used > 0) {
			p->out_used -= (size_t) n;
			memmove(p->out, p->out + n, p->out_used);
		}
	}
	sd_event_source_set_io_events(p->io, EPOLLIN | (p->out_used || p->flood ? EPOLLOUT : 0));
}

static inline void server_send(struct peer *p, const char *text, size_t size)
{
	if (p->out_used + size > p->out_size) {
		p->out_size = (p->out_used + size) * 2;
		p->out = realloc(p->out, p->out_size);
		assert(p->out);
	}
	memcpy(p->out + p->out_used, text, size);
	p->out_used += size;
	peer_flush(p);
}

/* 'headers': more header lines, each with its CRLF, or "". */
static inline void server_reply(struct peer *p, int status, const char *headers, const char *body)
{
	char *text;
	int n = asprintf(&text,
			 "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s"
			 "Content-Length: %zu\r\n\r\n%s",
			 status, headers, strlen(body), body);

	assert(n > 0);
	server_send(p, text, (size_t) n);
	free(text);
}

static inline int peer_drip(sd_event_source *s, uint64_t usec, void *data)
{
	struct peer *p = data;

	server_send(p, "X", 1);
	sd_event_source_set_time(s, usec + 10000);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

/* A header line that never ends, byte by byte. */
static inline void server_drip(struct peer *p)
{
	server_send(p, "HTTP/1.1 200 X\r\nX-Slow: ", 24);
	sd_event_add_time_relative(p->server->loop, &p->drip, CLOCK_BOOTTIME, 0, 1, peer_drip, p);
}

/* A body without end. */
static inline void server_flood(struct peer *p)
{
	static const char head[] = "HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n";

	p->flood = 1;
	server_send(p, head, sizeof(head) - 1);
}

static inline void server_hang_up(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
}

/* Hand out one whole request; 0: there is none yet. */
static inline int peer_request(struct peer *p)
{
	char *end = p->in ? strstr(p->in, "\r\n\r\n") : NULL, *line, *body, kept;
	size_t size, length = 0;

	if (!end)
		return 0;
	line = strcasestr(p->in, "\r\nContent-Length:");
	if (line && line < end)
		length = strtoul(line + 17, NULL, 10);
	size = (size_t) (end - p->in) + 4 + length;
	if (p->in_used < size)
		return 0;

	*end = '\0';
	body = end + 4;
	kept = body[length];
	body[length] = '\0';
	p->server->n_requests++;
	p->server->handler(p->server, p, p->in, body);
	body[length] = kept;
	p->in_used -= size;
	memmove(p->in, p->in + size, p->in_used + 1);
	return 1;
}

static inline int peer_io(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct peer *p = data;
	ssize_t n;

	(void) s;
	if (events & EPOLLOUT)
		peer_flush(p);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	if (p->in_used + 4096 > p->in_size) {
		p->in_size = p->in_size ? p->in_size * 2 : 8192;
		p->in = realloc(p->in, p->in_size + 1);
		assert(p->in);
	}
	n = recv(fd, p->in + p->in_used, p->in_size - p->in_used, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		peer_free(p);
		return 0;
	}
	p->in_used += (size_t) n;
	p->in[p->in_used] = '\0';
	while (peer_request(p))
		;
	return 0;
}

static inline int server_io(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct server *server = data;
	struct peer *p;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void) s, (void) events;
	if (peer < 0)
		return 0;
	p = calloc(1, sizeof(*p));
	assert(p);
	p->server = server;
	p->fd = peer;
	p->next = server->peers;
	p->back = &server->peers;
	if (p->next)
		p->next->back = &p->next;
	server->peers = p;
	server->n_peers++;
	assert(sd_event_add_io(server->loop, &p->io, peer, EPOLLIN, peer_io, p) >= 0);
	return 0;
}

static inline void server_open(struct server *s, sd_event *loop, server_fn *handler, void *data)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int r;

	*s = (struct server){ .loop = sd_event_ref(loop), .handler = handler, .data = data };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert(s->fd >= 0);
	r = bind(s->fd, (struct sockaddr *) &a, sizeof(a));
	assert(r == 0);
	r = listen(s->fd, 1024);
	assert(r == 0);
	r = getsockname(s->fd, (struct sockaddr *) &a, &size);
	assert(r == 0);
	s->port = ntohs(a.sin_port);
	r = sd_event_add_io(loop, &s->io, s->fd, EPOLLIN, server_io, s);
	assert(r >= 0);
	(void) r;
}

static inline void server_close(struct server *s)
{
	while (s->peers)
		peer_free(s->peers);
	sd_event_source_disable_unref(s->io);
	close(s->fd);
	sd_event_unref(s->loop);
}

#endif
