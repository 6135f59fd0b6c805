/*
 * tcpinfo - sensor: how do the router's own TCP connections fare, over each uplink?
 *
 * Design.  A reading is two dumps of sock_diag (IPv4, IPv6), then the ways of sockets that are
 * new or whose way may have changed, then the sums.  It sends no packet and needs no privilege.
 * What it sees are connections that end on the router: BGP, proxies, tunnels, management; packets
 * that are forwarded have no socket here.  A namespace has its own sockets: those of another one
 * are another anod's.
 *
 * A reading that fails makes its facts unknown until one succeeds.  Without a connection there is
 * nothing to publish, and a reading costs two system calls.
 */
#include "tcpinfo.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data);

static uint64_t wanted_us(const struct sensor *s)
{
	uint64_t us = s->idle_us;

	for (unsigned i = 0; i < 2; i++)
		if (s->need_us[i] && s->need_us[i] < us)
			us = s->need_us[i];
	return us < s->period_us ? s->period_us : us;
}

static void set_timer(struct sensor *s, uint64_t us)
{
	const struct anod_host *h = s->ctx->host;

	if (s->timer)
		(void) h->cancel(s->ctx, s->timer);
	s->timer = 0;
	(void) h->health(s->ctx, ANOD_HEALTH_PERIOD, us);
	if (h->timer(s->ctx, us, 0, on_timer, s, &s->timer) < 0)
		s->timer = 0;
}

/* ---- a reading ---------------------------------------------------------------------------- */

static void say_lost(struct sensor *s, enum anod_sync how)
{
	(void) s->ctx->host->sync(s->ctx, "tcp", how);
	(void) s->ctx->host->sync(s->ctx, "tcp_prefix", how);
}

static void failed(struct sensor *s)
{
	(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
	if (!s->lost)
		say_lost(s, ANOD_SYNC_LOST);
	s->lost = true;
	if (!s->said_error) /* once, until it works again */
		s->ctx->host->log(s->ctx, s->error == -ENOENT ? LOG_INFO : LOG_ERR,
				  "cannot read TCP sockets: %s%s", strerror(-s->error),
				  s->error == -ENOENT
					  ? "; the kernel needs tcp_diag (modprobe tcp_diag)"
					  : "");
	s->said_error = true;
}

static void end_reading(struct sensor *s)
{
	uint64_t us = s->said_error ? s->idle_us : wanted_us(s);

	s->reading = false;
	if (ANOD_HOST_HAS(s->ctx, pace))
		us = s->ctx->host->pace(s->ctx, us, 0);
	set_timer(s, us);
}

static void succeeded(struct sensor *s)
{
	if (s->lost)
		say_lost(s, ANOD_SYNC_BEGIN);
	s->said_error = false;
	publish_reading(s);
	if (s->lost)
		say_lost(s, ANOD_SYNC_DONE);
	s->lost = false;
	if (s->socks.left_out && !s->said_full)
		s->ctx->host->log(s->ctx, LOG_WARNING,
				  "more than %u connections: %llu are not looked at; the option "
				  "'sockets' makes room",
				  s->socks.max, (unsigned long long) s->socks.left_out);
	s->said_full = s->socks.left_out > 0;
	end_reading(s);
}

/* ---- ways --------------------------------------------------------------------------------- */

static void take_way(struct sensor *s, struct sock *k, const struct way *way)
{
	k->moved = k->way_gen && k->dev != way->ifindex;
	k->dev = way->ifindex;
	k->gateway = way->gateway;
	k->way_gen = s->gen;
}

static void on_way(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct way way;

	if (way_parse(msg, &way))
		take_way(s, data, &way);
}

static void on_way_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			void *data)
{
	static const struct way none;
	struct sensor *s = ctx->state;

	(void) why, (void) held_us;
	if (error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES)
		take_way(s, data, &none);
	if (--s->n_asked == 0)
		succeeded(s);
}

/* Rows stay where they are until the next dump. */
static void ask_ways(struct sensor *s)
{
	for (uint32_t i = 0; i < s->socks.n && s->n_asked < LOOKUPS_MAX; i++) {
		struct sock *k = &s->socks.row[i];
		struct anod_nl_put put;

		if (k->way_gen == s->gen)
			continue;
		if (anod_nl_ask(s->route, way_request(&put, &k->now), on_way, on_way_done, k) < 0)
			break;
		s->n_asked++;
	}
	if (!s->n_asked)
		succeeded(s);
}

/* ---- dumps -------------------------------------------------------------------------------- */

static void on_socket(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct sample one;

	(void) data;
	if (diag_parse(msg, &one) && socks_take(&s->socks, &one, ctx->host->now_us(ctx)) == -ENOMEM)
		s->error = -ENOMEM;
}

static void on_dump_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			 void *data)
{
	struct sensor *s = ctx->state;

	(void) why, (void) held_us, (void) data;
	/* Without IPv6 there are no sockets of it. */
	if (error < 0 && error != -EAFNOSUPPORT)
		s->error = error;
	if (--s->n_dumps)
		return;
	if (s->error) {
		failed(s);
		end_reading(s);
		return;
	}
	socks_sweep(&s->socks);
	ask_ways(s);
}

static void read_all(struct sensor *s)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct anod_nl_put put;

	s->reading = true;
	s->error = 0;
	(void) ways_listen(s->ctx, &s->ways);
	s->gen = s->ways.gen;
	socks_begin(&s->socks);
	for (unsigned i = 0; i < 2; i++) {
		int r = anod_nl_ask(s->diag, diag_request(&put, families[i]), on_socket,
				    on_dump_done, NULL);

		if (r < 0)
			s->error = r;
		else
			s->n_dumps++;
	}
	if (!s->n_dumps) {
		failed(s);
		end_reading(s);
	}
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct sensor *s = data;

	(void) ctx, (void) id;
	s->timer = 0;
	if (!s->reading)
		read_all(s);
}

static int tcpinfo_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct sensor *s = ctx->state;
	uint64_t before = wanted_us(s);

	if (entity) /* one dump tells of all */
		return 0;
	s->need_us[strcmp(kind, "tcp") != 0] = every_us;
	if (!s->reading && wanted_us(s) < before)
		set_timer(s, 1000);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static int tcpinfo_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	s->ways.gen = 1;
	ctx->state = s;
	return 0;
}

static int option(struct anod_ctx *ctx, const char *name, int64_t *ret)
{
	struct anod_value v;
	int r = ctx->host->opt(ctx, name, 0, &v);

	if (r >= 0)
		*ret = v.u.i;
	return r;
}

static int read_options(struct sensor *s)
{
	int64_t period, idle, prefixes, sockets, len4, len6;
	int r = option(s->ctx, "period", &period);

	if (r < 0 || (r = option(s->ctx, "idle-period", &idle)) < 0 ||
	    (r = option(s->ctx, "prefixes", &prefixes)) < 0 ||
	    (r = option(s->ctx, "sockets", &sockets)) < 0 ||
	    (r = option(s->ctx, "prefix4", &len4)) < 0 ||
	    (r = option(s->ctx, "prefix6", &len6)) < 0)
		return r;
	s->period_us = (uint64_t) period;
	s->idle_us = (uint64_t) (idle < period ? period : idle);
	s->len4 = (uint8_t) len4;
	s->len6 = (uint8_t) len6;
	socks_init(&s->socks, (uint32_t) sockets);
	s->uplinks.size = UPLINKS_MAX;
	s->prefixes.size = (uint32_t) prefixes;
	s->uplinks.at = calloc(s->uplinks.size, sizeof(struct group));
	s->prefixes.at = calloc(s->prefixes.size, sizeof(struct group));
	return s->uplinks.at && s->prefixes.at ? 0 : -ENOMEM;
}

static int tcpinfo_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = read_options(s);

	if (r >= 0)
		r = publish_init(s);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_SOCK_DIAG, 0, &s->diag);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->route);
	if (r < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot begin: %s", strerror(-r));
		return r;
	}
	set_timer(s, s->period_us / 2);
	return 0;
}

static void tcpinfo_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (s->timer)
		(void) ctx->host->cancel(ctx, s->timer);
	s->timer = 0;
	anod_nl_close(s->diag);
	anod_nl_close(s->route);
	s->diag = s->route = NULL;
	ways_close(&s->ways);
}

static void tcpinfo_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	tcpinfo_stop(ctx); /* a failed start leaves some open */
	socks_free(&s->socks);
	free(s->uplinks.at);
	free(s->prefixes.at);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "10s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "prefix4",
	  .type = ANOD_INT,
	  .dflt = "24",
	  .min = 1,
	  .max = 32,
	  .help = "bits of a block of IPv4 destinations" },
	{ .name = "prefix6",
	  .type = ANOD_INT,
	  .dflt = "48",
	  .min = 1,
	  .max = 128,
	  .help = "bits of a block of IPv6 destinations" },
	{ .name = "prefixes",
	  .type = ANOD_INT,
	  .dflt = "32",
	  .min = 1,
	  .max = 256,
	  .help = "blocks that are told of: those with the most traffic" },
	{ .name = "sockets",
	  .type = ANOD_INT,
	  .dflt = "4096",
	  .min = 64,
	  .max = 65536,
	  .help = "connections that are looked at; 280 bytes of memory each" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "tcpinfo",
	.version = "1",
	.summary = "loss, round-trip time and path MTU of the router's own TCP connections",
	.opts = opts,
	.kinds = tcpinfo_kinds,
	.init = tcpinfo_init,
	.start = tcpinfo_start,
	.stop = tcpinfo_stop,
	.fini = tcpinfo_fini,
	.need = tcpinfo_need,
	.source = "sock_diag: INET_DIAG_INFO (uapi/linux/inet_diag.h, tcp.h); RTM_GETROUTE",
	.cost = "2.1 ms a reading of 1000 connections, 0.2 % of a core at one a second (6.18, fact "
		"sensor.share)",
	.example = "lossy(tcp.wan0.lost, tcp.wan0.segs)",
};
