/*
 * wireguard - sensor: the peers of WireGuard interfaces.
 *
 * Design.  A reading asks WG_CMD_GET_DEVICE of each link of that kind (link.kind, by the sensor rtnl).
 * The kernel answers CAP_NET_ADMIN only, because secret keys are among what it sends: the socket has
 * that capability for the moment of asking (ANOD_NL_ADMIN), and the keys are overwritten as soon as
 * a message has been read.  The alternative, asking by way of the executor, would bring the same
 * keys into one process more.
 *
 * Peers go to the model as objects too, so that an action on one can be judged and undone.
 */
#include <anod/netlink.h>
#include <anod/poll.h>
#include <anod/rtnl.h>

#include <errno.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "peers.h"

#define DEVICES_MAX 64
#define MAX_AGE_MS  100000

enum fact {
	FACT_HANDSHAKE,
	FACT_RX,
	FACT_TX,
	FACT_PORT,
	FACT_KEEPALIVE,
	NUMBERS,
	FACT_DEV = NUMBERS,
	FACT_KEY,
	FACT_ENDPOINT,
	FACTS
};

struct device {
	char name[ANOD_IFNAME_SIZE];
	uint32_t ifindex;
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl;
	struct anod_nl_family family; /* id 0: not known */
	struct anod_poll *poll;
	struct anod_rows *rows;
	int fact_endpoint;
	struct device device[DEVICES_MAX]; /* of this reading */
	unsigned n_devices, at;		   /* which is asked */
	int error;
	char why[ANOD_REASON_SIZE];
	struct peer peer[PEERS_MESSAGE_MAX];
};

static const struct anod_kind kinds[];

/* ---- a peer ------------------------------------------------------------------------------- */

static uint64_t key_of(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t) *name) * UINT64_C(0x100000001b3);
	return h;
}

/* Since its last handshake, us; the wall clock may have been set meanwhile. */
static int64_t age_us(const struct peer *p)
{
	struct timespec now;
	int64_t age;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	age = (int64_t) now.tv_sec - p->handshake_s;
	return age > 0 ? age * 1000000 : 0;
}

static void tell(struct sensor *s, const struct device *d, const struct peer *p)
{
	const struct anod_wgpeer *w = &p->object.u.wgpeer;
	int64_t raw[NUMBERS] = {
		[FACT_HANDSHAKE] = age_us(p),
		[FACT_RX] = p->rx_bytes,
		[FACT_TX] = p->tx_bytes,
		[FACT_PORT] = w->port,
		[FACT_KEEPALIVE] = (int64_t) w->keepalive_s * 1000000,
	};
	uint64_t known = (1u << NUMBERS) - 1;
	struct anod_value endpoint = { .type = ANOD_PREFIX, .u.prefix = w->endpoint };
	char key[ANOD_WGKEY_TEXT], name[ANOD_NAME_SIZE];
	struct anod_row *row;

	(void) anod_wgkey_text(w->public_key, key);
	(void) snprintf(name, sizeof(name), "%s/%s", d->name, key);
	row = anod_rows_take(s->rows, key_of(name), name);
	if (!row)
		return;
	if (!p->handshake_s)
		known &= ~(1u << FACT_HANDSHAKE);
	if (!w->endpoint.family)
		known &= ~(1u << FACT_PORT);
	anod_rows_put(s->rows, row, raw, known);
	anod_rows_text(s->rows, row, FACT_DEV, d->name);
	anod_rows_text(s->rows, row, FACT_KEY, key);
	(void) s->ctx->host->publish(s->ctx, row->entity, s->fact_endpoint,
				     w->endpoint.family ? &endpoint : NULL);
	if (ANOD_HOST_HAS(s->ctx, object))
		(void) s->ctx->host->object(s->ctx, &p->object, 0);
}

/* ---- a reading ---------------------------------------------------------------------------- */

static void ask_next(struct sensor *s);

static void on_device(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;
	const struct device *d = &s->device[s->at];
	uint32_t ifindex = d->ifindex;
	int n = peers_parse(msg, &ifindex, s->peer);

	(void) ctx;
	peers_wipe(msg);
	for (int i = 0; i < n; i++)
		tell(s, d, &s->peer[i]);
	if (n < 0)
		s->error = n;
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct sensor *s = data;

	(void) ctx, (void) held_us;
	/* A link that went meanwhile, or is called so and is none, has no peers. */
	if (error < 0 && error != -ENODEV && error != -EOPNOTSUPP && !s->error) {
		s->error = error;
		(void) snprintf(s->why, sizeof(s->why), "%s", why);
	}
	s->at++;
	ask_next(s);
}

static void end(struct sensor *s)
{
	if (!s->error) {
		anod_rows_end(s->rows);
		(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_WGPEER, ANOD_SYNC_DONE);
	}
	if (s->error == -EPERM)
		(void) snprintf(s->why, sizeof(s->why), "start anod with CAP_NET_ADMIN");
	anod_poll_end(s->poll, s->error, s->why, 0);
}

static void ask_next(struct sensor *s)
{
	struct anod_nl_put put;

	while (s->at < s->n_devices) {
		anod_nl_begin_genl(&put, &s->family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
		anod_nl_u32(&put, WGDEVICE_A_IFINDEX, s->device[s->at].ifindex);
		if (anod_nl_ask(s->nl, anod_nl_end(&put), on_device, on_done, s) >= 0)
			return;
		s->error = -ENOBUFS;
		s->at++;
	}
	end(s);
}

/* Links that are called WireGuard's. */
static void list_devices(struct sensor *s)
{
	const struct anod_host *h = s->ctx->host;
	struct anod_value kind, ifindex;
	const char *name;

	s->n_devices = s->at = 0;
	for (unsigned n = 0; (name = h->each(s->ctx, "link", n)) && s->n_devices < DEVICES_MAX;
	     n++) {
		struct device *d = &s->device[s->n_devices];

		if (h->get(s->ctx, "link", name, "kind", &kind, NULL) < 0 ||
		    kind.type != ANOD_TEXT || strcmp(kind.u.text, WG_GENL_NAME) != 0 ||
		    h->get(s->ctx, "link", name, "ifindex", &ifindex, NULL) < 0 ||
		    ifindex.type != ANOD_INT)
			continue;
		(void) snprintf(d->name, sizeof(d->name), "%.15s", name);
		d->ifindex = (uint32_t) ifindex.u.i;
		s->n_devices++;
	}
}

static void on_read(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	s->error = 0;
	s->why[0] = '\0';
	list_devices(s);
	/* The family is there with the module, and the module with the first device. */
	if (s->n_devices && !s->family.id && anod_nl_family(s->nl, WG_GENL_NAME, &s->family) < 0) {
		anod_poll_end(s->poll, -ENOENT, NULL, 0);
		return;
	}
	anod_rows_begin(s->rows);
	(void) ctx->host->object_sync(ctx, ANOD_OBJ_WGPEER, ANOD_SYNC_BEGIN);
	ask_next(s);
}

static int on_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	struct sensor *s = ctx->state;

	return anod_poll_need(s->poll, kind, entity, every_us);
}

/* ---- life --------------------------------------------------------------------------------- */

static int on_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return anod_rows_new(ctx, &kinds[0], 0, &s->rows);
}

static int on_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = anod_nl_open(ctx, NETLINK_GENERIC, ANOD_NL_ADMIN, &s->nl);

	if (r < 0)
		return r;
	s->fact_endpoint = ctx->host->fact_id(ctx, "wg_peer.endpoint");
	if (s->fact_endpoint < 0)
		return s->fact_endpoint;
	return anod_poll_start(ctx, kinds, "peers of WireGuard", on_read, &s->poll);
}

static void on_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	anod_poll_stop(s->poll);
	s->poll = NULL;
	anod_nl_close(s->nl);
	s->nl = NULL;
}

static void on_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	on_stop(ctx);
	s->rows = anod_rows_free(s->rows);
}

#define ATTR(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}

static const struct anod_attr attrs[FACTS + 1] = {
	[FACT_HANDSHAKE] =
		ATTR("handshake_age", ANOD_INT, ANOD_UNIT_TIME,
		     "since the last handshake, whole seconds; unknown: never.  With traffic "
		     "there is one every two minutes, and after three the keys are void"),
	[FACT_RX] = ATTR("rx_bytes", ANOD_INT, ANOD_UNIT_BYTES, "received, with handshakes"),
	[FACT_TX] = ATTR("tx_bytes", ANOD_INT, ANOD_UNIT_BYTES, "sent, with handshakes"),
	[FACT_PORT] = ATTR("port", ANOD_INT, ANOD_UNIT_NONE, "UDP port of the endpoint"),
	[FACT_KEEPALIVE] = ATTR("keepalive", ANOD_INT, ANOD_UNIT_TIME,
				"time between two empty packets; 0: none are sent"),
	[FACT_DEV] = ATTR("dev", ANOD_TEXT, ANOD_UNIT_NONE, "its interface"),
	[FACT_KEY] = ATTR("key", ANOD_TEXT, ANOD_UNIT_NONE, "its public key, as wg(8) shows it"),
	[FACT_ENDPOINT] = ATTR("endpoint", ANOD_PREFIX, ANOD_UNIT_NONE,
			       "address that packets to it are sent to; unknown: none yet"),
	{ 0 },
};

static const struct anod_kind kinds[] = {
	{ "wg_peer", "a peer of a WireGuard interface", attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "2s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "15s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "wireguard",
	.version = "1",
	.summary = "peers of WireGuard interfaces: handshakes, bytes, endpoints",
	.opts = opts,
	.kinds = kinds,
	.init = on_init,
	.start = on_start,
	.stop = on_stop,
	.fini = on_fini,
	.need = on_need,
	.source = "WG_CMD_GET_DEVICE (uapi/linux/wireguard.h)",
	.cost = "one dump for each WireGuard interface; none without one",
	.example = "wg_peer.handshake_age > 180s and rate(wg_peer.tx_bytes, 30s) > 0",
};
