/*
 * conn - TCP and UDP probes: one socket for each probe on its way.
 *
 * Design.  A socket of its own has a port of its own, so whatever it hears is the answer to its
 * one probe.  TCP: a handshake and a reset are both answers; the kernel's own measurement of
 * the handshake is the round trip, so our lateness is not in it.  The kernel sends a lost SYN
 * again after a second, which would hide the loss: a retransmitted one counts as lost.  UDP: an
 * answer is a datagram or a port unreachable, read from the error queue with its time stamp.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

unsigned target_address(const struct spec *s, unsigned ifindex, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret;

	memset(ret, 0, sizeof(*ret));
	if (s->target.family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(s->port);
		memcpy(&v4->sin_addr, s->target.addr, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(s->port);
	memcpy(&v6->sin6_addr, s->target.addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
		v6->sin6_scope_id = ifindex;
	return sizeof(*v6);
}

void conn_close(struct probe *p, struct flight *f)
{
	if (f->io)
		(void) p->s->ctx->host->cancel(p->s->ctx, f->io);
	f->io = 0;
	if (f->fd >= 0)
		(void) close(f->fd);
	f->fd = -1;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void answered(struct probe *p, struct flight *f, struct arrival *a)
{
	a->read_us = boot_us();
	a->read_wall_offset = wall_offset_ns();
	probe_answer(p, f, a);
}

static void check_tcp(struct probe *p, struct flight *f)
{
	struct pollfd pfd = { .fd = f->fd, .events = POLLOUT };
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	struct arrival a = { 0 };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&pfd, 1, 0) <= 0)
		return;
	(void) getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	(void) getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (info.tcpi_total_retrans > 0 ||
	    (error && error != ECONNREFUSED && error != ECONNRESET)) {
		probe_settle(p, f, FLIGHT_LOST, 0);
		return;
	}
	if (!error)
		a.rtt_us = info.tcpi_rtt;
	answered(p, f, &a);
}

static void read_stamp(struct msghdr *m, struct arrival *a)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			a->stamp_wall = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
		}
}

/* The errno of the network's error in the queue: > 0, or 0: there is none. */
static int read_error(struct probe *p, struct msghdr *m)
{
	bool v6 = p->spec.target.family == AF_INET6;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;

		if (c->cmsg_level != (v6 ? SOL_IPV6 : SOL_IP) ||
		    c->cmsg_type != (v6 ? IPV6_RECVERR : IP_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return (int) e.ee_errno;
	}
	return 0;
}

static void check_udp(struct probe *p, struct flight *f)
{
	char buf[64], control[512] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct arrival a = { 0 };
	int error;

	if (recvmsg(f->fd, &m, MSG_DONTWAIT | MSG_ERRQUEUE) >= 0) {
		error = read_error(p, &m);
		read_stamp(&m, &a);
		if (error == ECONNREFUSED)
			answered(p, f, &a);
		else
			probe_settle(p, f, FLIGHT_LOST, 0);
		return;
	}
	m.msg_controllen = sizeof(control);
	if (recvmsg(f->fd, &m, MSG_DONTWAIT) < 0)
		return;
	read_stamp(&m, &a);
	answered(p, f, &a);
}

void conn_check(struct probe *p, struct flight *f)
{
	if (f->fd < 0)
		return;
	if (p->spec.proto == PROTO_TCP)
		check_tcp(p, f);
	else
		check_udp(p, f);
}

static void on_ready(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct probe *p = data;

	(void) ctx;
	(void) events;
	for (unsigned i = 0; i < FLIGHTS_MAX; i++)
		if (p->flights.f[i].state == FLIGHT_UP && p->flights.f[i].fd == fd) {
			conn_check(p, &p->flights.f[i]);
			return;
		}
}

/* ---- sending ---------------------------------------------------------------------------- */

static int prepare(const struct probe *p, int fd)
{
	static const struct linger reset = { .l_onoff = 1 }; /* no TIME_WAIT, no FIN exchange */
	int on = 1;

	if (p->spec.dev[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p->spec.dev,
					 (socklen_t) strlen(p->spec.dev)) < 0)
		return -errno;
	if (p->spec.proto == PROTO_TCP)
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ? -errno
											: 0;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		return -errno;
	if (p->spec.target.family == AF_INET6)
		return setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on)) < 0 ? -errno : 0;
	return setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof(on)) < 0 ? -errno : 0;
}

int conn_send(struct probe *p, struct flight *f)
{
	bool tcp = p->spec.proto == PROTO_TCP;
	uint64_t payload[2] = { p->cookie, f->number };
	struct sockaddr_storage to;
	unsigned size = target_address(&p->spec, if_nametoindex(p->spec.dev), &to);
	int r;

	f->fd = socket(p->spec.target.family,
		       (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	r = prepare(p, f->fd);
	if (r < 0)
		return r;

	flight_stamp(f);
	/* A target on this very machine may refuse at once: that is an answer. */
	if (connect(f->fd, (struct sockaddr *) &to, size) < 0 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		return -errno;
	if (!tcp && send(f->fd, payload, sizeof(payload), MSG_NOSIGNAL) < 0)
		return -errno;
	return p->s->ctx->host->io(p->s->ctx, f->fd, tcp ? EPOLLOUT : EPOLLIN, on_ready, p, &f->io);
}
