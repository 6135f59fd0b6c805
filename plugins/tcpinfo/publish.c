/*
 * publish - sums the sockets of a reading up, and tells.
 *
 * Design.  A socket whose way is not known waits: what it has counted is not lost, it is accounted
 * for when the way is known.  One whose way has changed since starts anew, because nobody knows
 * which of its segments went which way.
 */
#include "tcpinfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Three readings of the longest period. */
#define MAX_AGE_MS 100000

#define ATTR(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}
#define COUNT(n, u, text) ATTR(n, ANOD_INT, u, text)

#define FACTS_OF_BOTH                                                                              \
	[FACT_SEGS] = COUNT("segs", ANOD_UNIT_PACKETS,                                             \
			    "segments with data sent by the router's own connections "             \
			    "(RFC 4898 DataSegsOut), since the start"),                            \
	[FACT_RETRANS] = COUNT("retrans", ANOD_UNIT_PACKETS,                                       \
			       "of these, sent again (RFC 4898 SegsRetrans)"),                     \
	[FACT_SPURIOUS] = COUNT("spurious", ANOD_UNIT_PACKETS,                                     \
				"sent again without need, by the peer's DSACK (RFC 2883)"),        \
	[FACT_BYTES] = COUNT("bytes", ANOD_UNIT_BYTES, "of data sent, also again"),                \
	[FACT_BYTES_RETRANS] = COUNT("bytes_retrans", ANOD_UNIT_BYTES, "of data sent again"),      \
	[FACT_SOCKETS] = COUNT("sockets", ANOD_UNIT_NONE, "connections open now"),                 \
	[FACT_LOST] = COUNT("lost", ANOD_UNIT_PACKETS,                                             \
			    "retrans without spurious: segments that were lost"),                  \
	[FACT_RTT] = COUNT("rtt", ANOD_UNIT_TIME,                                                  \
			   "smoothed round-trip time, median of connections with traffic"),        \
	[FACT_MIN_RTT] = COUNT("min_rtt", ANOD_UNIT_TIME,                                          \
			       "least round-trip time of late, median of the same"),               \
	[FACT_RATE] = COUNT("delivery_rate", ANOD_UNIT_BPS,                                        \
			    "best rate at which the path of one connection has delivered"),        \
	[FACT_PMTU] = COUNT("pmtu", ANOD_UNIT_BYTES, "least path MTU that a connection goes by"),  \
	[FACT_STUCK] = COUNT("stuck", ANOD_UNIT_NONE,                                              \
			     "connections that send full segments again and again, and nothing "   \
			     "of it is acknowledged"),                                             \
	[FACT_STUCK_ALIVE] =                                                                       \
		COUNT("stuck_alive", ANOD_UNIT_NONE,                                               \
		      "of these, whose peer has shown life meanwhile: an MTU black hole"),         \
	[FACT_STUCK_SIZE] = COUNT("stuck_size", ANOD_UNIT_BYTES,                                   \
				  "the path MTU that a stuck connection believes in")

static const struct anod_attr tcp_attrs[] = {
	FACTS_OF_BOTH,
	{ 0 },
};
static const struct anod_attr prefix_attrs[] = {
	FACTS_OF_BOTH,
	[FACTS] = ATTR("dev", ANOD_TEXT, ANOD_UNIT_NONE, "link by which it is reached"),
	ATTR("prefix", ANOD_PREFIX, ANOD_UNIT_NONE, "the block of destinations"),
	ATTR("stuck_host", ANOD_PREFIX, ANOD_UNIT_NONE, "destination of a stuck connection"),
	ATTR("gateway", ANOD_PREFIX, ANOD_UNIT_NONE,
	     "next hop of its connections, by the kernel's own word; unknown: on link"),
	{ 0 },
};

const struct anod_kind tcpinfo_kinds[] = {
	{ "tcp", "the router's own TCP connections over a link", tcp_attrs },
	{ "tcp_prefix", "the same to a block of destinations", prefix_attrs },
	{ 0 },
};

int publish_init(struct sensor *s)
{
	const struct anod_host *h = s->ctx->host;

	s->first_tcp = h->fact_id(s->ctx, "tcp.segs");
	s->first_prefix = h->fact_id(s->ctx, "tcp_prefix.segs");
	s->fact_dev = h->fact_id(s->ctx, "tcp_prefix.dev");
	s->fact_block = h->fact_id(s->ctx, "tcp_prefix.prefix");
	s->fact_stuck_host = h->fact_id(s->ctx, "tcp_prefix.stuck_host");
	s->fact_gateway = h->fact_id(s->ctx, "tcp_prefix.gateway");
	return s->fact_gateway > 0 && s->first_tcp > 0 && s->first_prefix > 0 && s->fact_dev > 0 &&
			       s->fact_block > 0 && s->fact_stuck_host > 0
		       ? 0
		       : -ENOENT;
}

/* ---- summing up --------------------------------------------------------------------------- */

static void forget(struct sensor *s, uint32_t entity)
{
	if (entity)
		(void) s->ctx->host->entity_gone(s->ctx, entity);
}

static void account(struct sensor *s, struct sock *k)
{
	static const struct anod_prefix all;
	struct anod_prefix block;
	struct counts d;
	bool stuck, alive;
	struct group *g;
	uint32_t old;

	if (k->way_gen != s->gen)
		return;
	d = sock_settle(k);
	if (k->moved)
		d = (struct counts){ 0 };
	k->moved = false;
	if (!k->dev)
		return;
	stuck = sock_stuck(k);
	alive = stuck && sock_peer_alive(&s->socks, k);

	g = groups_get(&s->uplinks, k->dev, &all, d.bytes, &k->uplink, &old);
	forget(s, old);
	if (g)
		group_add(g, k, &d, stuck, alive);
	block = block_of(&k->now.dst, k->now.dst.family == AF_INET ? s->len4 : s->len6);
	g = groups_get(&s->prefixes, k->dev, &block, stuck ? GROUP_STUCK : d.bytes, &k->prefix,
		       &old);
	forget(s, old);
	if (g)
		group_add(g, k, &d, stuck, alive);
}

/* ---- telling ------------------------------------------------------------------------------ */

static int name_group(struct group *g, const char *dev)
{
	char text[INET6_ADDRSTRLEN];
	int n;

	if (!g->prefix.family)
		n = snprintf(g->name, sizeof(g->name), "%s", dev);
	else if (!inet_ntop(g->prefix.family, g->prefix.addr, text, sizeof(text)))
		return -errno;
	else
		n = snprintf(g->name, sizeof(g->name), "%s/%s/%u", dev, text, g->prefix.len);
	return n < (int) sizeof(g->name) ? 0 : -ENAMETOOLONG;
}

static void tell_prefix(struct sensor *s, uint32_t entity, int fact, const struct anod_prefix *p)
{
	struct anod_value v = { .type = ANOD_PREFIX, .u.prefix = *p };

	(void) s->ctx->host->publish(s->ctx, entity, fact, p->family ? &v : NULL);
}

static bool begin_group(struct sensor *s, struct group *g, const char *dev)
{
	const char *kind = g->prefix.family ? "tcp_prefix" : "tcp";

	if (name_group(g, dev) < 0 || s->ctx->host->entity(s->ctx, kind, g->name, &g->entity) < 0)
		return false;
	g->fresh = false;
	return true;
}

static uint64_t known_facts(const struct group *g)
{
	uint64_t known = (UINT64_C(1) << FACTS) - 1;

	if (!g->has_bytes)
		known &= ~(1ull << FACT_BYTES | 1ull << FACT_BYTES_RETRANS | 1ull << FACT_STUCK |
			   1ull << FACT_STUCK_ALIVE);
	if (!g->n_seen)
		known &= ~(1ull << FACT_RTT | 1ull << FACT_MIN_RTT);
	if (!g->rate)
		known &= ~(1ull << FACT_RATE);
	if (!g->pmtu)
		known &= ~(1ull << FACT_PMTU);
	if (!g->stuck_size)
		known &= ~(1ull << FACT_STUCK_SIZE);
	return known;
}

/* What is no number.  Published again each time, so that it does not grow too old. */
static void tell_static(struct sensor *s, const struct group *g)
{
	struct anod_value v = { .type = ANOD_TEXT };

	memcpy(v.u.text, g->name, strcspn(g->name, "/"));
	(void) s->ctx->host->publish(s->ctx, g->entity, s->fact_dev, &v);
	tell_prefix(s, g->entity, s->fact_block, &g->prefix);
	tell_prefix(s, g->entity, s->fact_stuck_host, &g->stuck_host);
	tell_prefix(s, g->entity, s->fact_gateway, &g->gateway);
}

static void tell_group(struct sensor *s, struct group *g)
{
	int64_t v[FACTS] = {
		[FACT_SEGS] = g->segs,
		[FACT_RETRANS] = g->retrans,
		[FACT_SPURIOUS] = g->dsacks,
		[FACT_BYTES] = g->bytes,
		[FACT_BYTES_RETRANS] = g->bytes_retrans,
		[FACT_SOCKETS] = g->n_socks,
		[FACT_LOST] = g->lost,
		[FACT_RTT] = group_median(g->rtt, g->n_seen),
		[FACT_MIN_RTT] = group_median(g->min_rtt, g->n_seen),
		[FACT_RATE] = g->rate > INT64_MAX / 8 ? INT64_MAX : (int64_t) (g->rate * 8),
		[FACT_PMTU] = g->pmtu,
		[FACT_STUCK] = g->n_stuck,
		[FACT_STUCK_ALIVE] = g->n_alive,
		[FACT_STUCK_SIZE] = g->stuck_size,
	};

	(void) s->ctx->host->put(s->ctx, g->entity,
				 g->prefix.family ? s->first_prefix : s->first_tcp, FACTS, v,
				 known_facts(g));
	if (g->prefix.family)
		tell_static(s, g);
}

static void tell_groups(struct sensor *s, struct groups *all)
{
	for (uint32_t i = 0; i < all->size; i++) {
		struct group *g = &all->at[i];
		char dev[IFNAMSIZ];
		size_t len;

		if (!g->ifindex)
			continue;
		/* A link that went, or has another name now, is another one. */
		if (!if_indextoname(g->ifindex, dev))
			dev[0] = '\0';
		len = strlen(dev);
		if (!len || (!g->fresh && (strncmp(g->name, dev, len) != 0 ||
					   (g->name[len] && g->name[len] != '/')))) {
			forget(s, g->entity);
			*g = (struct group){ 0 };
			continue;
		}
		if (!g->fresh || begin_group(s, g, dev))
			tell_group(s, g);
	}
}

void publish_reading(struct sensor *s)
{
	groups_begin(&s->uplinks);
	groups_begin(&s->prefixes);
	for (uint32_t i = 0; i < s->socks.n; i++)
		account(s, &s->socks.row[i]);
	tell_groups(s, &s->uplinks);
	tell_groups(s, &s->prefixes);
}
