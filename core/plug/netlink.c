/*
 * netlink - the queue of requests of a socket, and its answers.
 *
 * Design.  One request at a time, because the kernel allows one dump for each socket and because
 * answers then need no sorting: a message with our port and another number is of a request that
 * was given up.  A request that timed out, or an overrun, leaves the socket in a state that nobody
 * knows, so it is replaced by a fresh one.  A callback may close the socket; it is freed when the
 * last callback has returned.
 */
#include "netlink_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#define BUF_SIZE     (64u << 10) /* a dump's datagram is 32 KiB at most */
#define EVENT_BUFFER (4 << 20)
#define RETRY_US     UINT64_C(1000000)

static void start_next(struct anod_nl *nl);
static void on_readable(struct anod_ctx *ctx, int fd, uint32_t events, void *data);
static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data);

static uint64_t now(const struct anod_nl *nl)
{
	return nl->ctx->host->now_us(nl->ctx);
}

static void tell_health(struct anod_nl *nl, enum anod_health what)
{
	if (ANOD_HOST_HAS(nl->ctx, health))
		(void) nl->ctx->host->health(nl->ctx, what, 1);
}

/* ---- socket ------------------------------------------------------------------------------- */

static void set_option(int fd, int level, int option, int value)
{
	/* Any of these may be older than the kernel, or not ours to set. */
	(void) setsockopt(fd, level, option, &value, sizeof(value));
}

static int connect_socket(struct anod_nl *nl, int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK }, own = { 0 };
	socklen_t size = sizeof(own);

	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	if (!(nl->flags & ANOD_NL_LENIENT))
		set_option(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	if (nl->group) {
		set_option(fd, SOL_SOCKET, SO_RCVBUF, EVENT_BUFFER);
		set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, EVENT_BUFFER);
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->group,
			       sizeof(nl->group)) < 0)
			return -errno;
	}
	if (connect(fd, (struct sockaddr *) &kernel, sizeof(kernel)) < 0 ||
	    getsockname(fd, (struct sockaddr *) &own, &size) < 0)
		return -errno;
	nl->port = own.nl_pid;
	return 0;
}

static int open_socket(struct anod_nl *nl)
{
	bool raised = nl->flags & ANOD_NL_ADMIN && nl_admin_raise();
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, nl->protocol), r;

	r = -errno;
	nl_admin_lower(raised);
	if (fd < 0)
		return r;
	r = connect_socket(nl, fd);
	if (r >= 0)
		r = nl->ctx->host->io(nl->ctx, fd, EPOLLIN, on_readable, nl, &nl->io);
	if (r < 0) {
		(void) close(fd);
		return r;
	}
	nl->fd = fd;
	return 0;
}

static void close_socket(struct anod_nl *nl)
{
	if (nl->fd < 0)
		return;
	(void) nl->ctx->host->cancel(nl->ctx, nl->io);
	(void) close(nl->fd);
	nl->fd = -1;
	nl->io = 0;
}

static int replace_socket(struct anod_nl *nl)
{
	int r;

	close_socket(nl);
	r = open_socket(nl);
	if (r < 0)
		nl->ctx->host->log(nl->ctx, LOG_ERR,
				   "cannot open a netlink socket: %s; tried again", strerror(-r));
	return r;
}

int anod_nl_open(struct anod_ctx *ctx, int protocol, uint32_t flags, struct anod_nl **ret)
{
	struct anod_nl *nl;
	int r;

	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;

	nl->ctx = ctx;
	nl->protocol = protocol;
	nl->flags = flags;
	nl->fd = -1;
	nl->last = &nl->first;
	r = open_socket(nl);
	if (r >= 0 && flags & ANOD_NL_SLOW)
		r = nl_sender_new(nl, &nl->sender);
	if (r < 0) {
		anod_nl_close(nl);
		return r;
	}
	*ret = nl;
	return 0;
}

static void free_all(struct anod_nl *nl)
{
	for (struct nl_request *q = nl->first, *next; q; q = next) {
		next = q->next;
		free(q);
	}
	free(nl);
}

void anod_nl_close(struct anod_nl *nl)
{
	if (!nl || nl->closed)
		return;

	nl->closed = true;
	nl_sender_free(nl->sender);
	nl->sender = NULL;
	if (nl->timer)
		(void) nl->ctx->host->cancel(nl->ctx, nl->timer);
	nl->timer = 0;
	close_socket(nl);
	if (!nl->busy)
		free_all(nl);
}

/* Around all that the loop calls: inside, a callback may close the socket. */
static void enter(struct anod_nl *nl)
{
	nl->busy++;
}

static void leave(struct anod_nl *nl)
{
	if (--nl->busy == 0 && nl->closed)
		free_all(nl);
}

/* ---- requests ----------------------------------------------------------------------------- */

static const struct nlmsghdr *message_of(const struct nl_request *q)
{
	return (const struct nlmsghdr *) q->msg;
}

static void arm_timer(struct anod_nl *nl, uint64_t us)
{
	if (nl->timer)
		return;
	if (nl->ctx->host->timer(nl->ctx, us, 0, on_timer, nl, &nl->timer) < 0)
		nl->timer = 0;
}

/* End the request under way and begin the next one.  False: the socket was closed. */
static bool finish(struct anod_nl *nl, int error, const char *why)
{
	struct nl_request *q = nl->first;

	nl->first = q->next;
	if (!nl->first)
		nl->last = &nl->first;
	nl->n_waiting--;
	nl->started = NULL;
	if (q->done)
		q->done(nl->ctx, error, why, q->held_us, q->data);
	free(q);
	if (nl->closed)
		return false;
	start_next(nl); /* unless done() has asked, and so begun it */
	return true;
}

/* The kernel has ended it and, where a thread sends, the thread is back. */
static bool finish_when_over(struct anod_nl *nl)
{
	struct nl_request *q = nl->first;
	char why[NL_WHY_SIZE];

	if (!q->ended || !q->sent)
		return true;
	memcpy(why, q->why, sizeof(why));
	return finish(nl, q->error, why);
}

static void start_next(struct anod_nl *nl)
{
	struct nl_request *q = nl->first;
	struct nlmsghdr *h;

	/* What done() asked for on an empty queue is under way already. */
	if (!q || q == nl->started)
		return;

	h = (struct nlmsghdr *) q->msg;
	h->nlmsg_seq = ++nl->seq ? nl->seq : ++nl->seq;
	nl->heard_us = now(nl);
	if (nl->fd < 0) { /* on_timer() tries again */
		arm_timer(nl, RETRY_US);
		return;
	}
	nl->started = q;
	if (nl->sender) {
		nl_sender_send(nl->sender, nl->fd, h, h->nlmsg_len);
	} else {
		bool raised = nl->flags & ANOD_NL_ADMIN && nl_admin_raise();

		q->error = send_timed(nl->fd, h, h->nlmsg_len, &q->held_us);
		nl_admin_lower(raised);
		q->sent = true;
		q->ended = q->error < 0;
	}
	/* No callback from here: what could not be sent ends in the next turn. */
	arm_timer(nl, q->ended ? 0 : ANOD_NL_WAIT_US);
}

void nl_on_sent(struct anod_nl *nl, int error, uint64_t held_us)
{
	struct nl_request *q = nl->first;

	if (!q || q->sent)
		return;
	q->sent = true;
	q->held_us = held_us;
	if (error < 0 && !q->ended) {
		q->error = error;
		q->ended = true;
	}
	enter(nl);
	(void) finish_when_over(nl);
	leave(nl);
}

int anod_nl_ask(struct anod_nl *nl, const void *msg, anod_nl_msg_fn *each, anod_nl_done_fn *done,
		void *data)
{
	const struct nlmsghdr *h = msg;
	struct nl_request *q;
	struct nlmsghdr *own;

	if (!h)
		return -EMSGSIZE;
	if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > ANOD_NL_MSG_MAX)
		return -EMSGSIZE;
	if (nl->flags & ANOD_NL_ADMIN && !nl_admin_may(nl, h))
		return -EPERM;
	if (nl->n_waiting >= ANOD_NL_QUEUE_MAX)
		return -EBUSY;

	q = calloc(1, sizeof(*q) + h->nlmsg_len);
	if (!q)
		return -ENOMEM;
	memcpy(q->msg, msg, h->nlmsg_len);
	own = (struct nlmsghdr *) q->msg;
	own->nlmsg_seq = 0; /* it has not begun */
	q->dump = (own->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!q->dump)
		own->nlmsg_flags |= NLM_F_ACK;
	q->each = each;
	q->done = done;
	q->data = data;
	*nl->last = q;
	nl->last = &q->next;
	if (nl->n_waiting++ == 0)
		start_next(nl);
	return 0;
}

unsigned anod_nl_waiting(const struct anod_nl *nl)
{
	return nl->n_waiting;
}

/* Nothing was heard for too long, sending failed, or there is no socket. */
static void look(struct anod_nl *nl)
{
	struct nl_request *q = nl->first;
	uint64_t silent;

	if (nl->fd < 0) {
		if (replace_socket(nl) < 0)
			arm_timer(nl, RETRY_US);
		else
			start_next(nl);
		return;
	}
	if (!q)
		return;
	if (q->ended) {
		(void) finish_when_over(nl);
		return;
	}
	silent = now(nl) - nl->heard_us;
	if (silent < ANOD_NL_WAIT_US) {
		arm_timer(nl, ANOD_NL_WAIT_US - silent);
		return;
	}
	if (!q->sent) { /* the kernel is still at it, inside the thread's send() */
		arm_timer(nl, ANOD_NL_WAIT_US);
		return;
	}
	tell_health(nl, ANOD_HEALTH_GAP);
	(void) replace_socket(nl);
	(void) finish(nl, -ETIMEDOUT, "");
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_nl *nl = data;

	(void) ctx, (void) id;
	nl->timer = 0;
	enter(nl);
	look(nl);
	leave(nl);
}

/* ---- answers ------------------------------------------------------------------------------ */

static bool give_event(struct anod_nl *nl, const struct nlmsghdr *h)
{
	if (nl->event)
		nl->event(nl->ctx, h, nl->event_data);
	return !nl->closed;
}

static bool take_end(struct anod_nl *nl, const struct nlmsghdr *h)
{
	struct nl_request *q = nl->first;
	size_t need = h->nlmsg_type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(int);
	int error = 0;

	if (h->nlmsg_len >= NLMSG_HDRLEN + need)
		memcpy(&error, (const uint8_t *) h + NLMSG_HDRLEN, sizeof(error));
	else if (h->nlmsg_type == NLMSG_ERROR)
		error = -EBADMSG;
	if (h->nlmsg_type == NLMSG_ERROR && error == 0 && q->dump)
		return true; /* an acknowledgement before the dump */
	if (error > 0)
		error = -EBADMSG;
	if (error < 0) {
		q->error = error;
		nl_ack_text(h, q->why, sizeof(q->why));
	}
	q->ended = true;
	return finish_when_over(nl);
}

/* False: the socket was closed. */
static bool take(struct anod_nl *nl, const struct nlmsghdr *h)
{
	struct nl_request *q = nl->first;
	bool ours = h->nlmsg_pid == nl->port && q && h->nlmsg_seq == message_of(q)->nlmsg_seq;

	if (!ours || q->ended)
		return h->nlmsg_pid == nl->port && !nl->group ? true : give_event(nl, h);

	nl->heard_us = now(nl);
	if (h->nlmsg_flags & NLM_F_DUMP_INTR && !q->error) {
		q->error = -EINTR;
		tell_health(nl, ANOD_HEALTH_INTERRUPTED);
	}
	if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
		return take_end(nl, h);
	if (h->nlmsg_type < NLMSG_MIN_TYPE || !q->each)
		return true;
	q->each(nl->ctx, h, q->data);
	return !nl->closed;
}

/* Events were lost, or answers that did not fit. */
static bool overrun(struct anod_nl *nl)
{
	tell_health(nl, ANOD_HEALTH_OVERRUN);
	if (nl->group && !nl->first)
		return give_event(nl, NULL);
	(void) replace_socket(nl);
	if (nl->group && !give_event(nl, NULL))
		return false;
	return nl->first ? finish(nl, -ENOBUFS, "") : true;
}

static bool take_datagram(struct anod_nl *nl, uint8_t *buf, size_t len)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *) buf;
	int fd = nl->fd;

	for (; len >= NLMSG_HDRLEN && h->nlmsg_len >= NLMSG_HDRLEN && h->nlmsg_len <= len;) {
		size_t step = NLMSG_ALIGN(h->nlmsg_len);

		if (!take(nl, h))
			return false;
		if (nl->fd != fd || step >= len) /* replaced: the rest is of the old one */
			break;
		len -= step;
		h = (const struct nlmsghdr *) ((const uint8_t *) h + step);
	}
	return true;
}

static void on_readable(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct anod_nl *nl = data;
	/* For the time of a turn: all sensors use the same piece of the heap. */
	uint8_t *buf = malloc(BUF_SIZE);
	size_t total = 0;

	(void) ctx, (void) events;
	enter(nl);
	while (buf && total < ANOD_NL_TURN) {
		ssize_t n = recv(fd, buf, BUF_SIZE, MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			if (!overrun(nl) || nl->fd != fd)
				break;
			continue;
		}
		if (n <= 0)
			break;
		total += (size_t) n;
		if ((size_t) n > BUF_SIZE) {
			(void) overrun(nl); /* cut: what was left out is lost */
			break;
		}
		if (!take_datagram(nl, buf, (size_t) n) || nl->fd != fd)
			break;
	}
	free(buf);
	leave(nl);
}

int anod_nl_listen(struct anod_nl *nl, unsigned group, anod_nl_event_fn *fn, void *data)
{
	if (nl->fd < 0)
		return -EBADF;
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	set_option(nl->fd, SOL_SOCKET, SO_RCVBUF, EVENT_BUFFER);
	set_option(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, EVENT_BUFFER);
	nl->group = group;
	nl->event = fn;
	nl->event_data = data;
	return 0;
}
