/*
 * chan - messages between the processes of anod.
 *
 * Design.  One receive buffer serves every channel, because callbacks run one after the other
 * and a message is valid only during its callback; the pages that small messages never touch
 * cost nothing.  The kernel holds about ten datagrams per socket (net.unix.max_dgram_qlen)
 * whatever the buffer size, so the queue here is the usual case under load.
 *
 * A send that finds the peer gone does not close the channel: the peer's last messages may
 * still lie in the socket, and the reader comes to the end of them by itself.  Everything else
 * that ends a channel goes through chan_fail(), which only arms a deferred source, so that
 * on_close never runs inside chan_send().
 */
#include "base/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SOCKET_BUFFER	 (1 << 20)
#define MESSAGES_PER_RUN 32 /* then other sources have their turn */

struct queued {
	struct queued *next;
	size_t size;
	uint64_t bytes[]; /* 8-aligned like every message */
};

struct chan {
	int fd;
	sd_event_source *io, *close;
	chan_message_fn *on_message;
	chan_close_fn *on_close;
	void *data;
	struct queued *first, **last; /* not yet taken by the socket */
	size_t queued_size;
	bool *freed; /* set while a callback runs: lets it free the channel */
	bool failed;
	int error; /* for on_close */
};

static _Alignas(8) uint8_t chan_buffer[CHAN_MSG_MAX];

static int set_buffer(int fd, int force, int usual)
{
	int size = SOCKET_BUFFER;

	/* Without CAP_NET_ADMIN the kernel cuts it to net.core.wmem_max, which is enough for one
	 * message of the largest size wherever nobody lowered it. */
	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, usual, &size, sizeof(size)) < 0)
		return -errno;
	return 0;
}

int chan_pair(int ret_fd[2])
{
	_cleanup_(closep) int a = -1, b = -1;
	int fd[2], r = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	a = fd[0];
	b = fd[1];

	for (int i = 0; i < 2 && r >= 0; i++) {
		r = set_buffer(fd[i], SO_SNDBUFFORCE, SO_SNDBUF);
		if (r >= 0)
			r = set_buffer(fd[i], SO_RCVBUFFORCE, SO_RCVBUF);
	}
	if (r < 0)
		return r;

	ret_fd[0] = TAKE_FD(a);
	ret_fd[1] = TAKE_FD(b);
	return 0;
}

static void queue_clear(struct chan *c)
{
	while (c->first) {
		struct queued *q = c->first;

		c->first = q->next;
		free(q);
	}
	c->last = &c->first;
	c->queued_size = 0;
}

/* Ends the channel: nothing more is read or sent, and on_close follows from the loop. */
static int chan_fail(struct chan *c, int error)
{
	if (c->failed)
		return error;

	c->failed = true;
	c->error = error;
	queue_clear(c);
	c->io = sd_event_source_disable_unref(c->io);
	(void) sd_event_source_set_enabled(c->close, SD_EVENT_ONESHOT);
	return error;
}

static int on_deferred_close(sd_event_source *source, void *data)
{
	struct chan *c = data;

	(void) source;
	c->on_close(c->data, c->error);
	return 0;
}

/* 0: sent.  -EAGAIN: the socket is full.  Another error: it never will be. */
static int send_now(struct chan *c, struct iovec *part, size_t n_parts)
{
	struct msghdr msg = { .msg_iov = part, .msg_iovlen = n_parts };
	ssize_t n;

	do
		n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* ENOBUFS is the kernel's memory, not the peer's fault; later may be better. */
	if (n < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	return 0;
}

static void want_output(struct chan *c, bool output)
{
	(void) sd_event_source_set_io_events(c->io, EPOLLIN | (output ? EPOLLOUT : 0u));
}

/* Give the socket what it takes of the queue. */
static void flush_queue(struct chan *c)
{
	while (c->first) {
		struct queued *q = c->first;
		struct iovec part = { .iov_base = q->bytes, .iov_len = q->size };
		int r = send_now(c, &part, 1);

		if (r == -EAGAIN)
			return;
		if (r == -EPIPE || r == -ECONNRESET) {
			queue_clear(c);
			break;
		}
		if (r < 0) {
			(void) chan_fail(c, r);
			return;
		}
		c->queued_size -= q->size;
		c->first = q->next;
		if (!c->first)
			c->last = &c->first;
		free(q);
	}
	want_output(c, false);
}

static int enqueue(struct chan *c, const struct iovec *part, size_t n_parts, size_t size)
{
	struct queued *q;
	uint8_t *end;

	if (c->queued_size + size > CHAN_QUEUE_MAX)
		return chan_fail(c, -ENOBUFS);
	q = malloc(sizeof(*q) + size);
	if (!q)
		return chan_fail(c, -ENOMEM);

	q->next = NULL;
	q->size = size;
	end = (uint8_t *) q->bytes;
	for (size_t i = 0; i < n_parts; i++) {
		memcpy(end, part[i].iov_base, part[i].iov_len);
		end += part[i].iov_len;
	}
	*c->last = q;
	c->last = &q->next;
	c->queued_size += size;
	want_output(c, true);
	return 0;
}

static int send_parts(struct chan *c, struct iovec *part, size_t n_parts, size_t size)
{
	int r;

	if (c->failed)
		return -ENOTCONN;
	if (size < sizeof(struct chan_head) || size > CHAN_MSG_MAX)
		return -EMSGSIZE;
	if (c->first)
		return enqueue(c, part, n_parts, size);

	r = send_now(c, part, n_parts);
	if (r == -EAGAIN)
		return enqueue(c, part, n_parts, size);
	if (r == -EPIPE || r == -ECONNRESET)
		return -ENOTCONN;
	return r < 0 ? chan_fail(c, r) : 0;
}

int chan_send(struct chan *c, const struct chan_head *msg)
{
	struct iovec part = { .iov_base = (void *) (uintptr_t) msg, .iov_len = msg->size };

	return send_parts(c, &part, 1, msg->size);
}

int chan_send2(struct chan *c, struct chan_head *head, size_t head_size, const void *body,
	       size_t body_size)
{
	struct iovec part[2] = { { .iov_base = head, .iov_len = head_size },
				 { .iov_base = (void *) (uintptr_t) body, .iov_len = body_size } };

	if (head_size < sizeof(*head) || head_size > CHAN_MSG_MAX || body_size > CHAN_MSG_MAX)
		return -EMSGSIZE;

	head->size = (uint32_t) (head_size + body_size);
	return send_parts(c, part, body_size > 0 ? 2 : 1, head->size);
}

/* 1: a message lies in chan_buffer.  0: none now.  -ESHUTDOWN: the peer is gone. */
static int receive(struct chan *c)
{
	const struct chan_head *head = (const void *) chan_buffer;
	ssize_t n;

	/* MSG_TRUNC gives the true size of a datagram that is longer than the buffer. */
	do
		n = recv(c->fd, chan_buffer, sizeof(chan_buffer), MSG_DONTWAIT | MSG_TRUNC);
	/* ECONNRESET is said once when the peer left our messages unread; what it had sent
	 * before lies behind it. */
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ESHUTDOWN;
	if ((size_t) n < sizeof(*head) || (size_t) n > sizeof(chan_buffer) ||
	    head->size != (uint32_t) n)
		return -EPROTO;
	return 1;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct chan *c = data;
	bool freed = false;

	(void) source;
	(void) fd;
	if (events & EPOLLOUT)
		flush_queue(c);

	for (int i = 0; i < MESSAGES_PER_RUN && !c->failed; i++) {
		int r = receive(c);

		if (r == 0)
			return 0;
		if (r > 0) {
			c->freed = &freed;
			r = c->on_message(c->data, (const void *) chan_buffer);
			if (freed)
				return 0;
			c->freed = NULL;
		}
		if (r < 0)
			(void) chan_fail(c, r == -ESHUTDOWN ? 0 : r);
	}
	return 0;
}

int chan_open(sd_event *loop, int fd, const char *name, chan_message_fn *on_message,
	      chan_close_fn *on_close, void *data, struct chan **ret)
{
	_cleanup_(chan_freep) struct chan *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		(void) close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->last = &c->first;
	c->on_message = on_message;
	c->on_close = on_close;
	c->data = data;

	r = sd_event_add_io(loop, &c->io, fd, EPOLLIN, on_io, c);
	if (r < 0)
		return r;
	r = sd_event_add_defer(loop, &c->close, on_deferred_close, c);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(c->close, SD_EVENT_OFF);
	if (r < 0)
		return r;

	(void) sd_event_source_set_description(c->io, name);
	(void) sd_event_source_set_description(c->close, name);
	*ret = TAKE(c);
	return 0;
}

struct chan *chan_free(struct chan *c)
{
	if (!c)
		return NULL;

	if (c->freed)
		*c->freed = true;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->close);
	queue_clear(c);
	(void) close(c->fd);
	free(c);
	return NULL;
}

size_t chan_queued(const struct chan *c)
{
	return c->queued_size;
}

int chan_fd(const struct chan *c)
{
	return c->fd;
}
