/*
 * sweep - reading the counters of all links, or of some.
 *
 * Design.  All: one RTM_GETSTATS dump that asks for nothing but the 64-bit counters, a tenth of
 * RTM_GETLINK's cost.  Some: a request for each, many in one send(), and the answers by
 * recvmmsg(); cheaper than a dump while they are at most a quarter of all (docs/bench.md).
 * The kernel answers inside send() and recv(), so both are read at once and the loop is only
 * gone back to when a dump is very long.
 *
 * A link was read when the kernel filled the buffer, which is during the call before the one that
 * hands it over.  That is taken from the clock and not from the loop's time, which is that of
 * the whole turn: a rate over the wrong time is a wrong rate.
 */
#include "counters.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define TURN_US	    4000 /* then the loop has its turn again */
#define RETRIES_MAX 3	 /* of a dump that was not consistent */

struct request {
	struct nlmsghdr h;
	struct if_stats_msg s;
};

static uint64_t clock_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static struct request request_for(struct counters *c, uint32_t ifindex)
{
	struct request q = {
		.h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETSTATS,
		       .nlmsg_flags = ifindex ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_DUMP,
		       .nlmsg_seq = ++c->seq },
		.s = { .ifindex = ifindex,
		       .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) },
	};

	return q;
}

/* ---- all ---------------------------------------------------------------------------------- */

static void end(struct counters *c, int error)
{
	c->sweeping = false;
	if (error == 0 && c->interrupted) {
		(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_INTERRUPTED, 1);
		if (++c->n_retries <= RETRIES_MAX) {
			sweep_all(c);
			return;
		}
	}
	c->n_retries = 0;
	if (error == 0 && !c->interrupted)
		rows_end(c);
	swept(c, error);
}

/* The number behind the header of NLMSG_DONE and NLMSG_ERROR. */
static int result_of(const struct nlmsghdr *m)
{
	int32_t error = 0;

	if (m->nlmsg_len >= NLMSG_HDRLEN + sizeof(error))
		memcpy(&error, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(error));
	return error;
}

/* True: it was the last one. */
static bool take_datagram(struct counters *c, int left)
{
	struct nlmsghdr *m = (struct nlmsghdr *) c->buf;
	struct stats s;

	for (; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		if (m->nlmsg_seq != c->seq)
			continue; /* of a dump that was given up */
		if (m->nlmsg_flags & NLM_F_DUMP_INTR)
			c->interrupted = true;
		if (stats_parse(m, &s)) {
			row_take(c, &s, c->sent_us);
		} else if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
			end(c, result_of(m));
			return true;
		}
	}
	return false;
}

static void read_on(struct counters *c)
{
	uint64_t begun_us = clock_us(), now_us = begun_us;

	while (c->sweeping && now_us - begun_us < TURN_US) {
		ssize_t n = recv(c->fd, c->buf, sizeof(c->buf), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 || n > (ssize_t) sizeof(c->buf)) {
			if (n >= 0 || errno == ENOBUFS)
				(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_OVERRUN, 1);
			end(c, n < 0 ? -errno : -EMSGSIZE);
			return;
		}
		if (take_datagram(c, (int) n))
			return;
		c->sent_us = now_us;
		now_us = clock_us();
	}
}

void sweep_all(struct counters *c)
{
	struct request q = request_for(c, 0);

	rows_begin(c);
	c->interrupted = false;
	c->sweeping = true;
	c->sent_us = clock_us();
	if (send(c->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		end(c, -errno);
	else
		read_on(c);
}

void sweep_io(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct counters *c = ctx->state;

	(void) fd, (void) events, (void) data;
	if (c->sweeping)
		read_on(c);
	else /* an answer to what was given up */
		(void) recv(c->fd, c->buf, sizeof(c->buf), MSG_DONTWAIT);
}

/* ---- some --------------------------------------------------------------------------------- */

/* Which of the answers this is, and whether those before it are missing. */
static void count_answer(struct counters *c, const struct nlmsghdr *m)
{
	uint32_t k = m->nlmsg_seq - c->expected;

	if (k >= c->n_expected)
		return;
	c->n_unexpected += k;
	c->expected += k + 1;
	c->n_expected -= k + 1;
}

static void take_answer(struct counters *c, const struct mmsghdr *a)
{
	struct nlmsghdr *m = a->msg_hdr.msg_iov->iov_base;
	int left = (int) a->msg_len;
	struct stats s;

	if (a->msg_hdr.msg_flags & MSG_TRUNC)
		return; /* counted as missing */
	for (; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		count_answer(c, m);
		if (stats_parse(m, &s))
			row_take_one(c, &s, c->sent_us);
	}
}

static int read_answers(struct counters *c)
{
	while (c->n_expected) {
		int n = recvmmsg(c->fd, c->answer, SLICES, MSG_DONTWAIT, NULL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (int i = 0; i < n; i++)
			take_answer(c, &c->answer[i]);
	}
	return 0;
}

void sweep_wanted(struct counters *c)
{
	struct request q[WANTED_MAX];
	unsigned n = 0;
	int r = 0;

	for (unsigned i = 0; i < c->n_wanted; i++) {
		uint32_t ifindex = row_wanted(c, &c->wanted[i]);

		if (ifindex)
			q[n++] = request_for(c, ifindex);
	}
	if (!n)
		return;

	c->expected = q[0].h.nlmsg_seq;
	c->n_expected = n;
	c->n_unexpected = 0;
	c->sent_us = clock_us();
	if (send(c->fd, q, n * sizeof(q[0]), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		r = -errno;
	else
		r = read_answers(c);
	if (r == -ENOBUFS)
		(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_OVERRUN, 1);
	if (c->n_unexpected + c->n_expected)
		(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_GAP,
					    c->n_unexpected + c->n_expected);
	if (r < 0)
		swept(c, r);
}

/* ---- the socket --------------------------------------------------------------------------- */

/* libnl's codes hide the cause; errno is still what the system call left. */
int sweep_open(struct counters *c)
{
	int on = 1;

	for (unsigned i = 0; i < SLICES; i++) {
		c->slice[i] = (struct iovec){ c->buf + i * SLICE_SIZE, SLICE_SIZE };
		c->answer[i].msg_hdr = (struct msghdr){ .msg_iov = &c->slice[i], .msg_iovlen = 1 };
	}
	c->sock = nl_socket_alloc();
	if (!c->sock)
		return -ENOMEM;
	errno = EIO;
	if (nl_connect(c->sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(c->sock) < 0)
		return -errno;
	c->fd = nl_socket_get_fd(c->sock);
	if (setsockopt(c->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

void sweep_close(struct counters *c)
{
	nl_socket_free(c->sock);
	c->sock = NULL;
}
