/*
 * tunnel - keeps a WireGuard tunnel going when its peer has moved.
 *
 * Design.  WireGuard follows a peer that speaks from a new address by itself.  What it cannot know is
 * where a silent one went: a server behind a new address, a NAT that has forgotten us.  Such a tunnel
 * sends and hears nothing, and after three minutes its keys are void.  A tunnel without traffic looks
 * the same but for one thing: it sends nothing, and is left alone.
 *
 * The addresses to try are a list: those that the peer's name stands for.  They are tried in turn,
 * beginning behind the one that failed; an attempt after which nothing is received is rolled back by its
 * verification, and the next one follows.  When all have been tried, it rests.
 *
 * rx_bytes and tx_bytes count handshakes too, so a peer that answers only those is not silent.
 *
 * WireGuard itself sends when nobody else does: an empty packet ten seconds after something was heard,
 * and one more if that was not all.  Those want no answer.  Times cannot tell them from traffic (readings
 * are rare on a busy router), bytes can: they are 32 each, and a handshake that wants one is 148.
 */
#include <anod/plugin.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define ENDPOINTS_MAX 8
#define TICK_US	      UINT64_C(1000000)
#define REST_US	      UINT64_C(60000000) /* when all have been tried; doubles */
#define SENT_MIN      3
#define EMPTY_BYTES   (3 * INT64_C(32)) /* what needs no answer, and one more for a key's first use */
#define REST_MAX      6

struct agent {
	struct anod_ctx *ctx;
	char dev[ANOD_IFNAME_SIZE], key[ANOD_TEXT_SIZE], entity[ANOD_NAME_SIZE];
	struct anod_prefix endpoint[ENDPOINTS_MAX];
	unsigned n_endpoints;
	int64_t port; /* 0: the one that it has */
	int64_t stale_us;
	uint64_t silent_us; /* for so long nothing is heard while something is sent */

	int64_t rx, tx;	   /* when it was heard last; tx: by now */
	int64_t heard_tx;  /* tx when it was heard last, or when it began to be idle */
	uint64_t heard_us; /* 0: nothing is known yet */
	bool known;
	unsigned n_sent;  /* times that something was sent since it was heard last */
	uint64_t sent_us; /* the last of them */
	unsigned tried;	  /* endpoints since the tunnel was well */
	int last;	  /* the one that was tried last; -1: none */
	unsigned rests;
	uint64_t not_before_us, finding, proposal;
};

static bool get(struct agent *a, const char *attr, uint8_t type, struct anod_value *ret)
{
	return a->ctx->host->get(a->ctx, "wg_peer", a->entity, attr, ret, NULL) == 0 &&
	       ret->type == type;
}

/* ---- proposals ---------------------------------------------------------------------------- */

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct agent *a = data;

	(void) error;
	if (id != a->proposal || v < ANOD_DENIED)
		return;
	a->proposal = 0;
	if (v == ANOD_COMMITTED)
		return;
	ctx->host->log(ctx, LOG_NOTICE, "%s: the endpoint was not changed: %s", a->entity,
		       why ? why : "no reason");
	if (v == ANOD_ROLLED_BACK && a->tried < a->n_endpoints)
		return; /* no handshake there: the next one */
	a->not_before_us = ctx->host->now_us(ctx) + (REST_US << a->rests);
	a->tried = 0;
	if (a->rests < REST_MAX)
		a->rests++;
}

static struct anod_arg *add_arg(struct anod_action *act, const char *name, uint8_t type)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = type;
	return arg;
}

/* The next of the list that is not the present one; -1: there is none. */
static int next_endpoint(struct agent *a)
{
	struct anod_value now;
	bool has = get(a, "endpoint", ANOD_PREFIX, &now);
	unsigned begin = (unsigned) (a->last + 1);

	if (a->last < 0 && has)
		for (unsigned i = 0; i < a->n_endpoints; i++)
			if (memcmp(&a->endpoint[i], &now.u.prefix, sizeof(now.u.prefix)) == 0)
				begin = i + 1;
	for (unsigned i = 0; i < a->n_endpoints; i++) {
		unsigned k = (begin + i) % a->n_endpoints;

		if (!has || memcmp(&a->endpoint[k], &now.u.prefix, sizeof(now.u.prefix)) != 0)
			return (int) k;
	}
	return -1;
}

static void propose(struct agent *a)
{
	struct anod_proposal p = {
		.size = sizeof(p), .n_actions = 1, .finding = a->finding, .confidence = 0.8
	};
	struct anod_action *act = &p.action[0];
	int k = next_endpoint(a), r;

	if (k < 0)
		return;
	act->size = sizeof(*act);
	(void) snprintf(act->kind, sizeof(act->kind), "wg.endpoint");
	(void) snprintf(add_arg(act, "dev", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s", a->dev);
	(void) snprintf(add_arg(act, "peer", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s",
			a->key);
	add_arg(act, "endpoint", ANOD_PREFIX)->value.u.prefix = a->endpoint[k];
	if (a->port)
		add_arg(act, "port", ANOD_INT)->value.u.i = a->port;
	(void) snprintf(p.reason, sizeof(p.reason),
			"the peer on %s is not heard at its address any more, and has another one",
			a->dev);
	(void) snprintf(
		p.expect, sizeof(p.expect),
		"something is received from there, by a new handshake if the keys are void");
	/* What is received is authenticated, and keys that are void need a handshake first: so this is
	 * the peer, and it hears us.  A rate would need two readings within its window. */
	(void) snprintf(p.verify, sizeof(p.verify), "wg_peer.\"%s\".rx_bytes > %lldB", a->entity,
			(long long) a->rx);
	a->last = k;
	a->tried++;
	r = a->ctx->host->propose(a->ctx, &p, on_verdict, a, &a->proposal);
	if (r < 0) {
		a->proposal = 0;
		a->not_before_us = a->ctx->host->now_us(a->ctx) + REST_US;
		a->ctx->host->log(a->ctx, LOG_WARNING, "a proposal was refused: %s", strerror(-r));
	}
}

/* ---- findings ----------------------------------------------------------------------------- */

static void tell(struct agent *a, int64_t age_us)
{
	static const char *const attrs[] = { "handshake_age", "rx_bytes", "tx_bytes", "endpoint" };
	struct anod_finding f = { .size = sizeof(f),
				  .code = "tunnel-stale",
				  .kind = "wg_peer",
				  .confidence = 0.9,
				  .n_refs = 4,
				  .n_rivals = 2,
				  .rival = { { "peer-down", 0.3 }, { "path-down", 0.2 } } };

	(void) snprintf(f.entity, sizeof(f.entity), "%s", a->entity);
	(void) snprintf(f.summary, sizeof(f.summary),
			"the tunnel on %s sends and hears nothing: its last handshake was %lld s "
			"ago",
			a->dev, (long long) (age_us / 1000000));
	for (unsigned i = 0; i < f.n_refs; i++) {
		(void) snprintf(f.ref[i].kind, ANOD_KIND_SIZE, "wg_peer");
		(void) snprintf(f.ref[i].entity, ANOD_NAME_SIZE, "%s", a->entity);
		(void) snprintf(f.ref[i].attr, ANOD_KIND_SIZE, "%s", attrs[i]);
	}
	f.no_cure = next_endpoint(a) < 0;
	(void) a->ctx->host->find(a->ctx, &f, &a->finding);
}

static void heard(struct agent *a, int64_t rx, int64_t tx, uint64_t now)
{
	a->rx = rx;
	a->tx = a->heard_tx = tx;
	a->heard_us = a->sent_us = now;
	a->known = true;
	a->n_sent = 0;
	if (a->proposal) /* its verification judges */
		return;
	a->tried = a->rests = 0;
	a->last = -1;
	if (a->finding)
		(void) a->ctx->host->clear(a->ctx, a->finding, "the peer is heard again");
	a->finding = 0;
}

static void on_tick(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;
	uint64_t now = ctx->host->now_us(ctx);
	struct anod_value rx, tx, age;

	(void) id;
	if (!get(a, "rx_bytes", ANOD_INT, &rx) || !get(a, "tx_bytes", ANOD_INT, &tx)) {
		a->known = false; /* silence begins anew when it is known again */
		return;
	}
	if (!a->known || rx.u.i != a->rx || tx.u.i < a->tx) {
		heard(a, rx.u.i, tx.u.i, now);
		return;
	}
	if (tx.u.i > a->tx) {
		a->tx = tx.u.i;
		a->sent_us = now;
		a->n_sent++;
	} else if (now - a->sent_us > a->silent_us) {
		a->heard_us = a->sent_us = now; /* idle: there is nothing to be answered */
		a->n_sent = 0;
		a->heard_tx = a->tx;
		return;
	}
	if (a->n_sent < SENT_MIN || a->tx - a->heard_tx <= EMPTY_BYTES ||
	    now - a->heard_us < a->silent_us)
		return;
	/* One that has never shaken hands was given a wrong address by a person: not ours to mend. */
	if (!get(a, "handshake_age", ANOD_INT, &age) || age.u.i <= a->stale_us)
		return;
	if (!a->finding)
		tell(a, age.u.i);
	if (!a->proposal && now >= a->not_before_us)
		propose(a);
}

/* ---- life --------------------------------------------------------------------------------- */

static int64_t opt_int(struct anod_ctx *ctx, const char *name)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 ? v.u.i : 0;
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));
	struct anod_value v;

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	a->last = -1;
	a->stale_us = opt_int(ctx, "stale");
	a->silent_us = (uint64_t) opt_int(ctx, "silent");
	a->port = opt_int(ctx, "port");
	if (ctx->host->opt(ctx, "dev", 0, &v) == 0)
		(void) snprintf(a->dev, sizeof(a->dev), "%.15s", v.u.text);
	if (ctx->host->opt(ctx, "peer", 0, &v) == 0)
		(void) snprintf(a->key, sizeof(a->key), "%s", v.u.text);
	if (strlen(a->key) != 44) {
		ctx->host->log(ctx, LOG_ERR, "peer is no public key as wg(8) shows it");
		return -EINVAL;
	}
	(void) snprintf(a->entity, sizeof(a->entity), "%s/%s", a->dev, a->key);
	for (unsigned n = 0; ctx->host->opt(ctx, "endpoints", n, &v) == 0; n++) {
		if (v.u.prefix.len != (v.u.prefix.family == AF_INET6 ? 128 : 32)) {
			ctx->host->log(ctx, LOG_ERR, "endpoint %u is a network: give an address",
				       n + 1);
			return -EINVAL;
		}
		if (a->n_endpoints == ENDPOINTS_MAX) {
			ctx->host->log(ctx, LOG_ERR, "more than %d endpoints", ENDPOINTS_MAX);
			return -E2BIG;
		}
		a->endpoint[a->n_endpoints++] = v.u.prefix;
	}
	return 0;
}

/* The tick looks; but what nobody watches is read now and then only. */
static void on_sent(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri sent,
		    void *data)
{
	(void) ctx, (void) id, (void) entity, (void) sent, (void) data;
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	char expr[ANOD_NAME_SIZE + 64];
	uint64_t id;
	int r;

	(void) snprintf(expr, sizeof(expr), "wg_peer.\"%s\".tx_bytes > 0B", a->entity);
	r = ctx->host->watch(ctx, expr, on_sent, a, &id);
	if (r < 0)
		return r;
	return ctx->host->timer(ctx, TICK_US, TICK_US, on_tick, ctx->state, &id);
}

static const struct anod_opt opts[] = {
	{ "dev", ANOD_TEXT, .required = 1, .help = "the WireGuard interface" },
	{ "peer", ANOD_TEXT, .required = 1, .help = "public key of the peer, as wg(8) shows it" },
	{ "endpoints", ANOD_PREFIX, .many = 1, .help = "addresses that the peer may have" },
	{ "port", ANOD_INT, .min = 1, .max = 65535,
	  .help = "UDP port there; none: the one it has" },
	{ "silent", ANOD_INT, ANOD_UNIT_TIME, .dflt = "30s", .min = 5e6, .max = 3600e6,
	  .help = "for so long nothing is heard although something is sent" },
	{ "stale", ANOD_INT, ANOD_UNIT_TIME, .dflt = "180s", .min = 0, .max = 86400e6,
	  .help = "and the last handshake is older; WireGuard voids keys after 180s" },
	{ NULL },
};

static const char *const reads[] = { "wg_peer.*", NULL };
static const char *const proposes[] = { "wg.endpoint", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "tunnel",
	.version = "1",
	.summary =
		"finds WireGuard tunnels that hear nothing, and tries the peer's other addresses",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.init = on_init,
	.start = on_start,
	.source = "facts wg_peer (wireguard)",
	.example =
		"agent tunnel { dev wg0  peer \"PUBLIC-KEY\"  endpoints 192.0.2.1, 198.51.100.1 }",
};
