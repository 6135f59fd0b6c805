/*
 * counters - the sensor of link counters and rates.
 *
 * Design.  One RTM_GETSTATS dump for each sweep, asked for nothing but the 64-bit counters: 0.3 to
 * 0.6 us for a link, a tenth of RTM_GETLINK.  Answers are read as the loop finds them; a sweep
 * that is not complete when the next is due is left to finish.  A rate is taken between two
 * readings with the time at which each was read, so a late sweep gives no wrong rate.
 */
#include "counters.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define BATCH 16 /* datagrams in one turn of the loop */

static void take_stats(struct counters *c, struct nlmsghdr *m)
{
	const struct if_stats_msg *h = nlmsg_data(m);
	struct rtnl_link_stats64 s = { 0 };
	const struct nlattr *a;
	struct reading now;

	if (!nlmsg_valid_hdr(m, sizeof(*h)))
		return;
	a = nlmsg_find_attr(m, sizeof(*h), IFLA_STATS_LINK_64);
	if (!a)
		return;

	/* The kernel's struct may be longer or shorter than ours. */
	memcpy(&s, nla_data(a), (size_t) nla_len(a) < sizeof(s) ? (size_t) nla_len(a) : sizeof(s));
	now = (struct reading){
		.time_us = c->ctx->host->now_us(c->ctx),
		.rx_bytes = s.rx_bytes,
		.tx_bytes = s.tx_bytes,
		.rx_packets = s.rx_packets,
		.tx_packets = s.tx_packets,
		.rx_errors = s.rx_errors,
		.tx_errors = s.tx_errors,
		.rx_dropped = s.rx_dropped,
		.tx_dropped = s.tx_dropped,
		.rx_crc_errors = s.rx_crc_errors,
	};
	row_take(c, h->ifindex, &now);
}

/* Once, until it works again. */
static void sweep_end(struct counters *c, int error)
{
	c->sweeping = false;
	if (error < 0 && !c->failing)
		c->ctx->host->log(c->ctx, LOG_ERR, "cannot read link counters: %s",
				  strerror(-error));
	c->failing = error < 0;
	if (error == 0)
		rows_sweep(c);
}

static void take_datagram(struct counters *c, int left)
{
	struct nlmsghdr *m = (struct nlmsghdr *) c->buf;
	int32_t error;

	for (; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		if (m->nlmsg_seq != (uint32_t) c->sweep)
			continue;
		if (m->nlmsg_type == RTM_NEWSTATS) {
			take_stats(c, m);
		} else if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
			error = 0;
			if (nlmsg_valid_hdr(m, sizeof(error)))
				memcpy(&error, nlmsg_data(m), sizeof(error));
			sweep_end(c, error);
		}
	}
}

static void on_readable(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct counters *c = ctx->state;

	(void) events;
	(void) data;
	for (unsigned i = 0; i < BATCH; i++) {
		ssize_t n = recv(fd, c->buf, sizeof(c->buf), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 || n > (ssize_t) sizeof(c->buf)) {
			sweep_end(c, n < 0 ? -errno : -EMSGSIZE);
			return;
		}
		take_datagram(c, (int) n);
	}
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct counters *c = ctx->state;
	struct {
		struct nlmsghdr h;
		struct if_stats_msg s;
	} q = { 0 };

	(void) id;
	(void) data;
	if (c->sweeping)
		return;

	q.h.nlmsg_len = sizeof(q);
	q.h.nlmsg_type = RTM_GETSTATS;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	q.h.nlmsg_seq = (uint32_t) ++c->sweep;
	q.s.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	c->sweeping = true;
	if (send(nl_socket_get_fd(c->sock), &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		sweep_end(c, -errno);
}

/* libnl's codes hide the cause; errno is still what the system call left. */
static int open_socket(struct counters *c)
{
	int on = 1;

	c->sock = nl_socket_alloc();
	if (!c->sock)
		return -ENOMEM;
	errno = EIO;
	if (nl_connect(c->sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(c->sock) < 0 ||
	    setsockopt(nl_socket_get_fd(c->sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		       sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int counters_init(struct anod_ctx *ctx)
{
	struct counters *c = ctx->host->alloc(ctx, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	ctx->state = c;
	return 0;
}

static int counters_start(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;
	struct anod_value period;
	int r;

	for (unsigned i = 0; i < FACTS; i++) {
		char name[2 * ANOD_KIND_SIZE];

		(void) snprintf(name, sizeof(name), "link.%s", link_counters[i].name);
		c->fact[i] = ctx->host->fact_id(ctx, name);
		if (c->fact[i] < 0)
			return c->fact[i];
	}
	r = ctx->host->opt(ctx, "period", 0, &period);
	if (r < 0)
		return r;
	r = open_socket(c);
	if (r < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot open a netlink socket: %s", strerror(-r));
		return r;
	}
	r = ctx->host->io(ctx, nl_socket_get_fd(c->sock), EPOLLIN, on_readable, NULL, &c->io);
	if (r < 0)
		return r;
	/* The first one soon, when the sensor rtnl has named the links. */
	return ctx->host->timer(ctx, (uint64_t) period.u.i / 4, (uint64_t) period.u.i, on_timer,
				NULL, &c->timer);
}

static void counters_stop(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;

	if (c->timer)
		(void) ctx->host->cancel(ctx, c->timer);
	if (c->io)
		(void) ctx->host->cancel(ctx, c->io);
	c->timer = c->io = 0;
}

static void counters_fini(struct anod_ctx *ctx)
{
	struct counters *c = ctx->state;

	if (!c)
		return;
	counters_stop(ctx); /* a failed start leaves some open */
	nl_socket_free(c->sock);
	rows_free(c);
}

/* Until three sweeps of the default period have failed, and some lateness. */
#define MAX_AGE_MS 5000

#define COUNTER(n, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text     \
	}

const struct anod_attr link_counters[] = {
	COUNTER("rx_bytes", ANOD_UNIT_BYTES, "received (rtnl_link_stats64)"),
	COUNTER("tx_bytes", ANOD_UNIT_BYTES, "sent"),
	COUNTER("rx_packets", ANOD_UNIT_PACKETS, "received"),
	COUNTER("tx_packets", ANOD_UNIT_PACKETS, "sent"),
	COUNTER("rx_errors", ANOD_UNIT_PACKETS, "bad packets received"),
	COUNTER("tx_errors", ANOD_UNIT_PACKETS, "packets that could not be sent"),
	COUNTER("rx_dropped", ANOD_UNIT_PACKETS, "received and not processed"),
	COUNTER("tx_dropped", ANOD_UNIT_PACKETS, "dropped on the way out"),
	COUNTER("rx_crc_errors", ANOD_UNIT_PACKETS, "received with a wrong checksum"),
	COUNTER("rx_bps", ANOD_UNIT_BPS, "receive rate between the last two sweeps"),
	COUNTER("tx_bps", ANOD_UNIT_BPS, "send rate between the last two sweeps"),
	COUNTER("rx_pps", ANOD_UNIT_PPS, "receive rate between the last two sweeps"),
	COUNTER("tx_pps", ANOD_UNIT_PPS, "send rate between the last two sweeps"),
	{ .name = "util",
	  .type = ANOD_REAL,
	  .unit = ANOD_UNIT_RATIO,
	  .max_age_ms = MAX_AGE_MS,
	  .help = "the busier direction's share of link.capacity" },
	{ 0 },
};

static const struct anod_kind kinds[] = {
	{ "link", "a network interface", link_counters },
	{ 0 },
};

/* The longest period still leaves two sweeps within the maximum age. */
static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 2e6,
	  .help = "time between two sweeps over all links" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "counters",
	.version = "1",
	.summary = "counters, rates and utilisation of links",
	.opts = opts,
	.kinds = kinds,
	.init = counters_init,
	.start = counters_start,
	.stop = counters_stop,
	.fini = counters_fini,
};
