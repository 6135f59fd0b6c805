/*
 * lane - one ICMP socket for all probes of a link and address family.
 *
 * Design.  A ping socket (SOCK_DGRAM) where the kernel allows one: it needs no privilege and
 * gets its own replies only.  Else a raw socket with a filter, which gets a copy of every echo
 * reply of the link, hence one for all probes rather than one each.  SO_BINDTODEVICE keeps an
 * interface index, not a name, so the index is compared before each send and the socket is
 * opened again when the link was made anew.
 */
#include "probe.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "icmp.h"

#define DRAIN_MAX 512 /* packets read at one go; the rest keeps the descriptor ready */

#ifndef ICMPV6_FILTER
#define ICMPV6_FILTER 1 /* uapi/linux/icmpv6.h; not in every libc's path */
#endif

static void lane_close(struct lane *l)
{
	if (l->fd < 0)
		return;
	if (l->io)
		(void) l->s->ctx->host->cancel(l->s->ctx, l->io);
	l->io = 0;
	(void) close(l->fd);
	l->fd = -1;
}

/* Let echo replies pass only. */
static int set_filter(int fd, uint8_t family)
{
	uint32_t v4 = ~(1u << ICMP_ECHOREPLY), v6[8];

	if (family == AF_INET)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4));
	memset(v6, 0xff, sizeof(v6));
	v6[ICMPV6_ECHO_REPLY >> 5] &= ~(1u << (ICMPV6_ECHO_REPLY & 31));
	return setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, v6, sizeof(v6));
}

static int open_socket(uint8_t family, bool *ret_raw)
{
	int proto = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	*ret_raw = fd < 0;
	if (fd < 0)
		fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	return fd < 0 ? -errno : fd;
}

/* Never fragmented, and whatever path MTU the kernel believes in, also one that a route was given:
 * what is asked is whether the path carries it. */
static int forbid_fragments(int fd, uint8_t family)
{
	int probe = family == AF_INET ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE, on = 1;

	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	(void) setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
}

static void on_readable(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	(void) ctx;
	(void) fd;
	(void) events;
	lane_drain(data);
}

static int lane_open(struct lane *l)
{
	int on = 1, r;

	l->fd = open_socket(l->family, &l->raw);
	if (l->fd < 0) {
		r = l->fd;
		l->fd = -1;
		return r;
	}
	if ((l->dev[0] && setsockopt(l->fd, SOL_SOCKET, SO_BINDTODEVICE, l->dev,
				     (socklen_t) strlen(l->dev)) < 0) ||
	    setsockopt(l->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) < 0 ||
	    (l->raw && set_filter(l->fd, l->family) < 0) ||
	    (l->whole && forbid_fragments(l->fd, l->family) < 0) ||
	    getrandom(&l->ident, sizeof(l->ident), 0) < 0) {
		r = -errno;
		lane_close(l);
		return r;
	}
	l->ifindex = l->dev[0] ? if_nametoindex(l->dev) : 0;
	l->drops = 0;

	r = l->s->ctx->host->io(l->s->ctx, l->fd, EPOLLIN, on_readable, l, &l->io);
	if (r < 0)
		lane_close(l);
	return r;
}

/* The link's index now; 0: there is none. */
static unsigned index_now(const struct lane *l)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, l->dev, sizeof(l->dev));
	if (!l->dev[0])
		return 0;
	return ioctl(l->fd, SIOCGIFINDEX, &ifr) < 0 ? 0 : (unsigned) ifr.ifr_ifindex;
}

/* Bytes of the ICMP message in an IP packet of the size that is asked for. */
static size_t message_size(const struct spec *s)
{
	size_t head = s->target.family == AF_INET ? 20 : 40;

	return s->size > head + ICMP_REQUEST_SIZE ? s->size - head : ICMP_REQUEST_SIZE;
}

int lane_send(struct lane *l, struct probe *p, struct flight *f)
{
	/* Behind the request it stays zero, which is nothing to its checksum. */
	static uint8_t buf[PROBE_SIZE_MAX];
	struct sockaddr_storage to;
	unsigned size;
	int r;

	if (l->fd >= 0 && index_now(l) != l->ifindex)
		lane_close(l);
	if (l->fd < 0) {
		r = lane_open(l);
		if (r < 0)
			return r;
	}

	size = target_address(&p->spec, l->ifindex, &to);
	icmp_request(buf, l->family == AF_INET6, l->ident, p->cookie, f->number);
	flight_stamp(f);
	if (sendto(l->fd, buf, message_size(&p->spec), 0, (struct sockaddr *) &to, size) < 0)
		return -errno;
	return 0;
}

/* Probes of a lane are few; the cookie is random, so foreign replies stop here. */
static struct probe *by_cookie(const struct lane *l, uint64_t cookie)
{
	for (struct probe *p = l->s->probes; p; p = p->next)
		if (p->lane == l && p->cookie == cookie)
			return p;
	return NULL;
}

static void lost_packets(const struct lane *l)
{
	for (struct probe *p = l->s->probes; p; p = p->next)
		if (p->lane == l)
			flights_doubt(&p->flights);
}

static void read_control(struct lane *l, struct msghdr *m, struct arrival *a)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			a->stamp_wall = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			if (drops != l->drops)
				lost_packets(l);
			l->drops = drops;
		}
	}
}

void lane_drain(struct lane *l)
{
	uint8_t buf[256];
	char control[128] __attribute__((aligned(8)));

	for (unsigned n = 0; l->fd >= 0 && n < DRAIN_MAX; n++) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t size = recvmsg(l->fd, &m, MSG_DONTWAIT);
		struct arrival a = { 0 };
		uint64_t cookie, number;
		struct probe *p;
		struct flight *f;

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size < 0)
			continue; /* an error of the past; reading clears it */

		read_control(l, &m, &a);
		if (!icmp_reply(buf, (size_t) size,
				l->raw && l->family == AF_INET ? ICMP_BEHIND_IPV4 : ICMP_BARE,
				l->family == AF_INET6, l->raw, l->ident, &cookie, &number))
			continue;
		p = by_cookie(l, cookie);
		f = p ? flights_find(&p->flights, number) : NULL;
		if (!f)
			continue;
		a.read_us = boot_us();
		a.read_wall_offset = wall_offset_ns();
		probe_answer(p, f, &a);
	}
}

int lane_get(struct sensor *s, const struct spec *spec, struct lane **ret)
{
	struct lane *l;

	for (l = s->lanes; l; l = l->next)
		if (l->family == spec->target.family && l->whole == (spec->size > 0) &&
		    !strcmp(l->dev, spec->dev)) {
			l->refs++;
			*ret = l;
			return 0;
		}
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct lane){
		.next = s->lanes,
		.s = s,
		.family = spec->target.family,
		.whole = spec->size > 0,
		.refs = 1,
		.fd = -1,
	};
	memcpy(l->dev, spec->dev, sizeof(l->dev));
	s->lanes = l; /* opened by the first send: the link may not be there yet */
	*ret = l;
	return 0;
}

void lane_put(struct lane *l)
{
	struct lane **at;

	if (!l || --l->refs)
		return;
	for (at = &l->s->lanes; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	lane_close(l);
	free(l);
}
