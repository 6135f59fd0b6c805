/*
 * plugin - the sensor of the settings of IP that are for all links, and for those to come.
 *
 * Design.  Those of one link are facts of the link (sensor rtnl); here are "all", which the kernel
 * joins with a link's own (the greater rp_filter counts), and "default", which a new link gets.
 * Four requests, one answer each: nothing is dumped, however many links there are.  A change is an
 * event, after which they are asked again, so nothing is lost when an event is.
 */
#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include <anod/netlink.h>
#include <anod/poll.h>

#include "decode.h"

#define MAX_AGE_MS    100000 /* three readings of the longest period */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint8_t family;
	int32_t ifindex;
	const char *name;
} asked[] = {
	{ AF_INET, NETCONFA_IFINDEX_ALL, "inet/all" },
	{ AF_INET, NETCONFA_IFINDEX_DEFAULT, "inet/default" },
	{ AF_INET6, NETCONFA_IFINDEX_ALL, "inet6/all" },
	{ AF_INET6, NETCONFA_IFINDEX_DEFAULT, "inet6/default" },
};

static const int groups[] = { RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF };

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *events[ARRAY_SIZE(groups)];
	struct anod_poll *poll;
	struct anod_rows *rows;
	unsigned n_open; /* requests that have not ended */
	int error;
};

#define FACT(n, t, text)                                                                           \
	{                                                                                          \
		.name = n, .type = t, .max_age_ms = MAX_AGE_MS, .help = text                       \
	}

static const struct anod_attr attrs[CONFS + 1] = {
	[CONF_FORWARDING] = FACT("forwarding", ANOD_BOOL, "packets are routed on"),
	[CONF_MC_FORWARDING] = FACT("mc_forwarding", ANOD_BOOL, "multicast is, by a daemon"),
	[CONF_PROXY_NEIGH] = FACT("proxy_neigh", ANOD_BOOL, "ARP or ND is answered for others"),
	[CONF_IGNORE_LINKDOWN] = FACT("ignore_linkdown", ANOD_BOOL,
				      "routes over links without carrier are passed over"),
	[CONF_RP_FILTER] =
		FACT("rp_filter", ANOD_INT, "0 off, 1 strict, 2 loose (RFC 3704); inet only"),
};

static const struct anod_kind kinds[] = {
	{ "netconf",
	  "settings of IP: inet/all, inet/default, inet6/all, inet6/default (net.ipvN.conf)",
	  attrs },
	{ 0 },
};

/* ---- a reading ---------------------------------------------------------------------------- */

static void on_netconf(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	int64_t raw[CONFS];
	struct anod_row *row;
	struct netconf c;

	(void) data;
	if (decode_netconf(msg, &c) <= 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
		if (asked[i].family != c.family || asked[i].ifindex != c.ifindex)
			continue;
		row = anod_rows_take(s->rows, i, asked[i].name);
		if (!row)
			return;
		for (unsigned k = 0; k < CONFS; k++)
			raw[k] = k == CONF_RP_FILTER ? c.value[k] : c.value[k] != 0;
		anod_rows_put(s->rows, row, raw, c.known);
	}
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct sensor *s = ctx->state;

	(void) data, (void) held_us;
	/* A family that is off has no settings. */
	if (error < 0 && error != -EINVAL && error != -EOPNOTSUPP && error != -EAFNOSUPPORT &&
	    !s->error)
		s->error = error;
	if (--s->n_open > 0)
		return;
	if (!s->error)
		anod_rows_end(s->rows);
	anod_poll_end(s->poll, s->error, why, 0);
}

static void read_all(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = 0;

	s->n_open = 0;
	s->error = 0;
	anod_rows_begin(s->rows);
	for (unsigned i = 0; i < ARRAY_SIZE(asked) && r >= 0; i++) {
		struct anod_nl_put p;
		uint8_t *family = anod_nl_begin(&p, RTM_GETNETCONF, 0,
						NLMSG_ALIGN(sizeof(struct netconfmsg)));

		*family = asked[i].family;
		anod_nl_u32(&p, NETCONFA_IFINDEX, (uint32_t) asked[i].ifindex);
		r = anod_nl_ask(s->nl, anod_nl_end(&p), on_netconf, on_done, NULL);
		s->n_open += r >= 0;
	}
	if (r < 0)
		s->error = r;
	if (!s->n_open)
		anod_poll_end(s->poll, r, NULL, 0);
}

static void on_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct netconf c;

	(void) data;
	if (s->poll && (!msg || (decode_netconf(msg, &c) > 0 && c.ifindex < 0)))
		anod_poll_soon(s->poll);
}

/* ---- life --------------------------------------------------------------------------------- */

static int netconf_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return 0;
}

static int netconf_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = anod_rows_new(ctx, &kinds[0], 0, &s->rows);

	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->nl);
	for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(groups); i++) {
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->events[i]);
		if (r >= 0)
			r = anod_nl_listen(s->events[i], (unsigned) groups[i], on_event, NULL);
	}
	if (r >= 0)
		r = anod_poll_start(ctx, kinds, "settings of IP", read_all, &s->poll);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "cannot start: %s", strerror(-r));
	return r;
}

static int netconf_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	return anod_poll_need(((struct sensor *) ctx->state)->poll, kind, entity, every_us);
}

static void netconf_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	anod_poll_stop(s->poll);
	anod_nl_close(s->nl);
	s->nl = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
		anod_nl_close(s->events[i]);
		s->events[i] = NULL;
	}
}

static void netconf_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	netconf_stop(ctx); /* a failed start leaves some open */
	s->rows = anod_rows_free(s->rows);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "5s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values; changes are events" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "netconf",
	.version = "1",
	.summary =
		"settings of IP for all links: forwarding, rp_filter, ignore_routes_with_linkdown",
	.opts = opts,
	.kinds = kinds,
	.init = netconf_init,
	.start = netconf_start,
	.stop = netconf_stop,
	.fini = netconf_fini,
	.need = netconf_need,
	.source =
		"RTM_GETNETCONF, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF (uapi/linux/netconf.h)",
	.cost = "four requests with one answer each, whatever the number of links",
	.example = "watch netconf.\"inet/all\".forwarding == false",
};
