/*
 * peer_net - routers and a network between them that loses, repeats and delays datagrams.
 *
 * Each router has its own struct peers; all of them share a clock.  What a router has written to its
 * disk survives its death.
 */
#ifndef TESTS_UNIT_PEER_NET_H
#define TESTS_UNIT_PEER_NET_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "txn/peers.h"

#define NET_ROUTERS 4
#define NET_FLYING  512

struct router {
	unsigned number, n_peers;
	struct peers *peers;
	unsigned limit; /* 0: no grant statement */
	const char *no; /* what its guard says; NULL: yes */
	unsigned budget, n_given, n_over;
	bool leftover, disk_fails;
	struct peer_given disk[PEER_GIVEN_MAX];
	unsigned n_news[PEER_RELEASES + 1];
	char last_why[PEER_WHY_SIZE];
};

struct flying {
	unsigned from, to;
	uint64_t at_us;
	uint8_t data[PEER_MSG_SIZE];
};

static struct net {
	uint64_t now_us;
	unsigned n;
	struct router router[NET_ROUTERS];
	unsigned n_flying;
	struct flying flying[NET_FLYING];
	/* Of each datagram: in a thousand. */
	unsigned lose, repeat;
	uint64_t delay_us;
	uint64_t seed;
	bool (*catch)(struct flying *f); /* true: it does not arrive */
	unsigned n_sent;
} net;

static inline uint64_t net_random(uint64_t below)
{
	net.seed ^= net.seed << 13;
	net.seed ^= net.seed >> 7;
	net.seed ^= net.seed << 17;
	return below ? net.seed % below : 0;
}

/* Of the peers of router r, number p is this router. */
static inline unsigned net_peer(unsigned r, unsigned p)
{
	return p < r ? p : p + 1;
}

static inline unsigned net_number(unsigned r, unsigned other)
{
	return other < r ? other : other - 1;
}

static inline void net_fly(unsigned from, unsigned to, const uint8_t *data)
{
	struct flying f = { .from = from, .to = to };

	memcpy(f.data, data, sizeof(f.data));
	net.n_sent++;
	if (net.catch && net.catch(&f))
		return;
	for (unsigned copies = net_random(1000) < net.repeat ? 2 : 1; copies; copies--) {
		if (net_random(1000) < net.lose || net.n_flying == NET_FLYING)
			continue;
		f.at_us = net.now_us + 100 + net_random(net.delay_us + 1);
		net.flying[net.n_flying++] = f;
	}
}

static void net_send(void *data, unsigned peer, const uint8_t datagram[PEER_MSG_SIZE])
{
	const struct router *r = data;

	net_fly(r->number, net_peer(r->number, peer), datagram);
}

static unsigned net_limit(void *data, const char *grant)
{
	return strcmp(grant, "drain") == 0 ? ((struct router *) data)->limit : 0;
}

static bool net_may(void *data, const char *grant, const char *peer, char *why, size_t size)
{
	const struct router *r = data;

	(void) grant, (void) peer;
	if (r->no || r->budget == 0)
		(void) copy_text(why, size, r->no ? r->no : "the budget is used up");
	return !r->no && r->budget;
}

static int net_give(void *data, unsigned place, const struct peer_given *g)
{
	struct router *r = data;

	if (r->disk_fails)
		return -EIO;
	r->disk[place] = *g;
	r->budget--;
	r->n_given++;
	return 0;
}

static void net_over(void *data, unsigned place)
{
	struct router *r = data;

	memset(&r->disk[place], 0, sizeof(r->disk[place]));
	r->n_over++;
}

static bool net_leftover(void *data, const char *grant)
{
	(void) grant;
	return ((struct router *) data)->leftover;
}

static void net_tell(void *data, const struct peer_news *n)
{
	struct router *r = data;

	r->n_news[n->what]++;
	(void) copy_text(r->last_why, sizeof(r->last_why), n->why);
}

/* The key of two routers; 'wrong': another one. */
static inline void net_key(unsigned a, unsigned b, bool wrong, struct ocra_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = 32;
	memset(ret->byte, (int) (1 + 16 * MIN_OF(a, b) + MAX_OF(a, b)), 32);
	ret->byte[31] ^= wrong;
}

static inline void net_configure(unsigned number, bool wrong_key)
{
	static const char *const names[] = { "pe0", "pe1", "pe2", "pe3" };
	struct router *r = &net.router[number];
	struct ocra_key key[NET_ROUTERS];
	struct peer_def def[NET_ROUTERS];

	for (unsigned i = 0; i + 1 < net.n; i++) {
		net_key(number, net_peer(number, i), wrong_key, &key[i]);
		def[i] = (struct peer_def){ names[net_peer(number, i)], &key[i] };
	}
	peers_configure(r->peers, def, net.n - 1, net.now_us);
}

/* (Again) from what is on its disk. */
static inline void net_start(unsigned number)
{
	static const struct peers_ops ops = {
		.send = net_send,
		.limit = net_limit,
		.may = net_may,
		.give = net_give,
		.over = net_over,
		.leftover = net_leftover,
		.tell = net_tell,
	};
	struct router *r = &net.router[number];

	peers_free(r->peers);
	r->number = number;
	r->peers = peers_new(&ops, r);
	cr_assert_not_null(r->peers);
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++)
		peers_restore(r->peers, i, &r->disk[i]);
	net_configure(number, false);
}

static inline void net_open(unsigned n)
{
	memset(&net, 0, sizeof(net));
	net.n = n;
	net.now_us = 1000 * US_PER_S;
	net.seed = 88172645463325252u;
	for (unsigned i = 0; i < n; i++) {
		net.router[i].limit = 1;
		net.router[i].budget = 1000000;
		net_start(i);
	}
}

static inline void net_close(void)
{
	for (unsigned i = 0; i < net.n; i++)
		net.router[i].peers = peers_free(net.router[i].peers);
}

/* Deliver what is due at this time, in any order. */
static inline void net_deliver(void)
{
	for (unsigned i = 0; i < net.n_flying;) {
		struct flying f = net.flying[i];

		if (f.at_us > net.now_us) {
			i++;
			continue;
		}
		net.flying[i] = net.flying[--net.n_flying];
		if (net.router[f.to].peers)
			peers_receive(net.router[f.to].peers, net_number(f.to, f.from), f.data,
				      sizeof(f.data), net.now_us);
	}
}

static inline void net_pass(uint64_t us)
{
	for (uint64_t end = net.now_us + us; net.now_us < end; net.now_us += 1000) {
		net_deliver();
		for (unsigned i = 0; i < net.n; i++)
			if (net.router[i].peers)
				(void) peers_run(net.router[i].peers, net.now_us);
	}
}

/* Router r asks so many of its peers (bits of routers) for transaction tx. */
static inline enum txn_grants net_ask(unsigned r, uint64_t tx, unsigned who, unsigned needed,
				      uint64_t hold_us, bool ask, char *why)
{
	static char name[NET_ROUTERS][4] = { "pe0", "pe1", "pe2", "pe3" }, grant[] = "drain";
	char *peer[NET_ROUTERS], text[256];
	struct policy_quorum q = {
		.n = needed, .peer = peer, .grant = grant, .within_us = 2 * US_PER_S
	};
	uint8_t plan[APPROVAL_HASH] = { 0 };
	struct quorum_in in = { .tx = tx, .plan = plan, .quorum = &q, .hold_us = hold_us };

	memcpy(plan, &tx, sizeof(tx));
	for (unsigned i = 0; i < net.n; i++)
		if (who >> i & 1)
			peer[q.n_peers++] = name[i];
	return peers_quorum(net.router[r].peers, &in, ask, net.now_us, why ? why : text,
			    sizeof(text));
}

#endif
