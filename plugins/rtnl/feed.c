/*
 * feed - sockets on which the kernel speaks of changes.
 *
 * Design.  One socket for each kind of event, so that a storm of routes cannot push a link event
 * out of a buffer.  A full buffer shows as ENOBUFS; nothing says what was lost, so the table is
 * read again.  While a table is dumped its feeds are not read: the socket's buffer holds the
 * events, and they are applied after the dump.  That gives the latest state in the end, because
 * the last event of an object is newer than, or as new as, what the dump said of it.  What came
 * before the dump is read first: IPv4 routes vanish without an event, and an old "new route"
 * applied after the dump would raise the dead.
 *
 * A full buffer is reported once, and not again before it has been empty (NETLINK_S_CONGESTED,
 * net/netlink/af_netlink.c).  So after a loss the buffer is emptied unread before the dump:
 * what is in it has gaps, and what would be lost next would not be heard of.
 *
 * Datagrams are read with recvfrom() into one buffer and not through libnl's receive functions,
 * which allocate for each and turn ENOBUFS into "out of memory".
 */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define BATCH	64     /* datagrams in one turn of the loop: well under a millisecond */
#define DRAIN	4096   /* before and after a dump */
#define DISCARD 100000 /* after a loss, unread: at most some 50 ms */

static const struct {
	enum anod_obj_type type;
	int group[3];
	bool big; /* routes come in hundreds of thousands, the rest in thousands */
} feeds[FEEDS] = {
	/* Settings of a link are part of it, and a change of them is no event of the link. */
	[FEED_LINK] = { ANOD_OBJ_LINK,
			{ RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF } },
	[FEED_ADDR] = { ANOD_OBJ_ADDR, { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR } },
	[FEED_ROUTE4] = { ANOD_OBJ_ROUTE, { RTNLGRP_IPV4_ROUTE }, true },
	[FEED_ROUTE6] = { ANOD_OBJ_ROUTE, { RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE }, true },
	[FEED_RULE] = { ANOD_OBJ_RULE, { RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE } },
	[FEED_NEXTHOP] = { ANOD_OBJ_NEXTHOP, { RTNLGRP_NEXTHOP } },
	[FEED_NEIGH] = { ANOD_OBJ_NEIGH, { RTNLGRP_NEIGH } },
	[FEED_QDISC] = { ANOD_OBJ_QDISC, { RTNLGRP_TC } },
};

int feed_receive(struct rtnl *r, const struct feed *f)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_size = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(f->fd, r->buf, BUF_SIZE, MSG_DONTWAIT | MSG_TRUNC,
			     (struct sockaddr *) &from, &from_size);
		if (n < 0)
			return -errno;
	} while (from.nl_pid != 0); /* only the kernel is believed */

	return n > BUF_SIZE ? -EMSGSIZE : (int) n;
}

static void take_event(struct rtnl *r, const struct nlmsghdr *m)
{
	struct anod_object o;
	bool gone;
	int e;

	if (m->nlmsg_type == RTM_NEWNETCONF) {
		dump_want(r, ANOD_OBJ_LINK, SOON);
		return;
	}
	r->msg = m;
	e = anod_rtnl_decode(m, &o, &gone);
	if (e < 0)
		r->ctx->host->log(r->ctx, LOG_WARNING,
				  "a kernel message of type %u and %u bytes cannot be read",
				  m->nlmsg_type, m->nlmsg_len);
	if (e <= 0)
		return;

	switch ((enum anod_obj_type) o.type) {
	case ANOD_OBJ_LINK:
		link_take(r, &o, m, gone);
		break;
	case ANOD_OBJ_ROUTE:
		route_event(r, &o, m, gone);
		break;
	case ANOD_OBJ_NEXTHOP:
		publish(r, &o, gone);
		dump_removed(r);
		break;
	case ANOD_OBJ_RULE:
		publish(r, &o, gone);
		dump_want(r, ANOD_OBJ_RULE, SOON); /* its neighbours have new names now */
		break;
	case ANOD_OBJ_ADDR:
	case ANOD_OBJ_NEIGH:
		publish(r, &o, gone);
		break;
	case ANOD_OBJ_QDISC:
		qdisc_take(r, &o, gone);
		break;
	case ANOD_OBJ_SYSCTL: /* no message of the kernel is one */
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
}

/* A datagram in r->buf; -errno: what became of it. */
static void take_datagram(struct rtnl *r, enum anod_obj_type type, int n)
{
	const struct table *t = &r->table[type];
	struct nlmsghdr *m = (struct nlmsghdr *) r->buf;

	if (n == -ENOBUFS || n == -EMSGSIZE) {
		health(r, ANOD_HEALTH_OVERRUN, 1);
		dump_lost(r, type,
			  n == -ENOBUFS ? "the socket's buffer was full"
					: "an event was longer than 32 KiB");
		return;
	}
	/* Since a loss everything is read again: what comes before that is of no use. */
	if (t->lost && !t->running)
		return;
	for (int left = n; nlmsg_ok(m, left); m = nlmsg_next(m, &left))
		take_event(r, m);
}

/* At most 'max' datagrams.  True: nothing is left. */
static bool read_events(struct rtnl *r, struct feed *f, enum anod_obj_type type, unsigned max)
{
	for (unsigned i = 0; i < max; i++) {
		int n = feed_receive(r, f);

		if (n == -EAGAIN || n == -EWOULDBLOCK)
			return true;
		if (n == -EINTR)
			continue;
		if (n < 0 && n != -ENOBUFS && n != -EMSGSIZE) {
			health(r, ANOD_HEALTH_ERROR, 1);
			dump_lost(r, type, strerror(-n));
			return true;
		}
		take_datagram(r, type, n);
	}
	return false;
}

static void feed_io(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct rtnl *r = ctx->state;
	struct feed *f = data;

	(void) fd;
	(void) events;
	(void) read_events(r, f, feeds[f - r->feed].type, BATCH);
}

static int feed_start(struct rtnl *r, struct feed *f, anod_io_fn *fn)
{
	return f->io ? 0 : r->ctx->host->io(r->ctx, f->fd, EPOLLIN, fn, f, &f->io);
}

void feed_stop(struct rtnl *r, struct feed *f)
{
	if (f->io)
		(void) r->ctx->host->cancel(r->ctx, f->io);
	f->io = 0;
}

bool feed_pause(struct rtnl *r, enum anod_obj_type type)
{
	for (unsigned i = 0; i < FEEDS; i++) {
		unsigned max = r->table[type].lost ? DISCARD : DRAIN;

		if (feeds[i].type == type && !read_events(r, &r->feed[i], type, max))
			return false;
	}
	for (unsigned i = 0; i < FEEDS; i++)
		if (feeds[i].type == type)
			feed_stop(r, &r->feed[i]);
	return true;
}

bool feed_catch_up(struct rtnl *r, enum anod_obj_type type)
{
	uint64_t n_lost = r->table[type].n_lost;

	/* An overrun is the first thing that a socket tells, however much waits in it. */
	for (unsigned i = 0; i < FEEDS; i++)
		if (feeds[i].type == type)
			(void) read_events(r, &r->feed[i], type, DRAIN);
	return r->table[type].n_lost == n_lost;
}

void feed_resume(struct rtnl *r, enum anod_obj_type type)
{
	for (unsigned i = 0; i < FEEDS; i++)
		if (feeds[i].type == type && feed_start(r, &r->feed[i], feed_io) < 0)
			dump_lost(r, type, "the loop takes no more sources");
}

/* libnl's codes hide the cause; errno is still what the system call left. */
static int sock_open(struct feed *f)
{
	f->sock = nl_socket_alloc();
	if (!f->sock)
		return -ENOMEM;

	errno = EIO;
	if (nl_connect(f->sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(f->sock) < 0)
		return -errno;

	f->fd = nl_socket_get_fd(f->sock);
	return 0;
}

/* More than the system's limit needs CAP_NET_ADMIN; less is not an error but means more dumps. */
static void set_buffer(struct rtnl *r, unsigned i, size_t size)
{
	int fd = r->feed[i].fd, want = (int) (feeds[i].big ? size : size / 4), got = 0;
	socklen_t got_size = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) < 0)
		(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
	if (i == FEED_ROUTE4 && getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &got_size) == 0 &&
	    got / 2 < want)
		r->ctx->host->log(r->ctx, LOG_NOTICE,
				  "event buffer of %d bytes instead of %d: raise net.core.rmem_max",
				  got / 2, want);
}

int feed_open_all(struct rtnl *r, size_t buffer_size)
{
	for (unsigned i = 0; i < FEEDS; i++) {
		struct feed *f = &r->feed[i];
		int e = sock_open(f);

		if (e < 0)
			return e;
		set_buffer(r, i, buffer_size);
		for (unsigned g = 0; g < ARRAY_SIZE(feeds[i].group) && feeds[i].group[g]; g++) {
			errno = EIO;
			if (nl_socket_add_membership(f->sock, feeds[i].group[g]) < 0)
				return -errno;
		}
		e = feed_start(r, f, feed_io);
		if (e < 0)
			return e;
	}
	return 0;
}

int feed_open_dump(struct rtnl *r)
{
	int on = 1, e = sock_open(&r->dump);

	if (e < 0)
		return e;
	if (setsockopt(r->dump.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	return feed_start(r, &r->dump, dump_io);
}

void feed_close_all(struct rtnl *r)
{
	for (unsigned i = 0; i < FEEDS; i++) {
		nl_socket_free(r->feed[i].sock);
		r->feed[i].sock = NULL;
	}
	nl_socket_free(r->dump.sock);
	r->dump.sock = NULL;
}
