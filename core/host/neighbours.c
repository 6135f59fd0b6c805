/*
 * neighbours - sockets and keys of peers, and the loop's part of it.
 *
 * Design.  What is said and decided is in txn/peers.c; here datagrams come and go.  Nothing blocks
 * and nothing waits: a datagram that cannot be sent is one that was lost.  A socket keeps the source
 * address that the kernel chose when it was connected, so one whose peer is silent is opened again
 * from time to time.
 */
#include "host/neighbours.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/vouch.h"

#define TRY_US	 (1 * US_PER_S)	 /* between two attempts to open a socket */
#define STALE_US (30 * US_PER_S) /* a silent one is opened again */
#define AT_ONCE	 32		 /* datagrams, before the loop goes on */
#define LATER	 10		 /* priority: behind the kernel's events */

/* ---- sockets -------------------------------------------------------------------------------- */

static socklen_t address_of(const struct anod_prefix *a, uint16_t port,
			    struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == AF_INET6) {
		struct sockaddr_in6 *s = (struct sockaddr_in6 *) ret;

		s->sin6_family = AF_INET6;
		s->sin6_port = htons(port);
		memcpy(&s->sin6_addr, a->addr, sizeof(s->sin6_addr));
		return sizeof(*s);
	} else {
		struct sockaddr_in *s = (struct sockaddr_in *) ret;

		s->sin_family = AF_INET;
		s->sin_port = htons(port);
		memcpy(&s->sin_addr, a->addr, sizeof(s->sin_addr));
		return sizeof(*s);
	}
}

static int open_socket(const struct config_peer *b)
{
	struct anod_prefix local = b->local;
	struct sockaddr_storage to, from;
	_cleanup_(closep) int fd = -1;
	socklen_t size;
	int one = 1;

	local.family = b->address.family;
	fd = socket(local.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* One socket per peer at the same port; all of them are of this user. */
	(void) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (local.family == AF_INET6)
		(void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	size = address_of(&local, b->port, &from);
	if (bind(fd, (struct sockaddr *) &from, size) < 0)
		return -errno;
	size = address_of(&b->address, b->port, &to);
	if (connect(fd, (struct sockaddr *) &to, size) < 0)
		return -errno;
	/* Of the moment between the two calls: from anybody. */
	for (uint8_t byte; recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ECONNREFUSED;)
		;
	return TAKE_FD(fd);
}

static void close_socket(struct neighbour *y)
{
	y->source = sd_event_source_disable_unref(y->source);
	closep(&y->fd);
	y->fd = -1;
}

static int on_datagram(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct neighbour *y = data;
	uint8_t in[PEER_MSG_SIZE + 1]; /* one more, so that a longer one is seen to be one */
	struct host *h = y->host;

	(void) s, (void) events;
	for (unsigned i = 0; i < AT_ONCE && y->fd == fd; i++) {
		ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);

		if (n < 0 && errno == ECONNREFUSED)
			continue; /* nobody listens there; it was one of ours */
		if (n < 0)
			break;
		peers_receive(h->neighbours->peers, y->number, in, (size_t) n, host_now(h));
	}
	return 0;
}

static void try_open(struct neighbour *y, uint64_t now_us)
{
	int r;

	if (y->tried_us && now_us - y->tried_us < TRY_US)
		return;
	y->tried_us = now_us;
	close_socket(y);
	r = open_socket(y->block);
	if (r >= 0) {
		y->fd = r;
		r = sd_event_add_io(y->host->loop, &y->source, y->fd, EPOLLIN, on_datagram, y);
	}
	if (r >= 0)
		r = sd_event_source_set_priority(y->source, LATER);
	if (r < 0) {
		close_socket(y);
		(void) snprintf(y->why, sizeof(y->why), "no socket: %s", strerror(-r));
		return;
	}
	y->opened_us = now_us;
	y->why[0] = '\0';
}

static void op_send(void *data, unsigned peer, const uint8_t datagram[PEER_MSG_SIZE])
{
	struct neighbours *n = data;
	struct neighbour *y = &n->peer[peer];
	uint64_t now = host_now(n->host);
	struct peer_info i;

	if (y->fd < 0 ||
	    (peers_nth(n->peers, peer, &i) && !i.answers && now - y->opened_us > STALE_US))
		try_open(y, now);
	if (y->fd < 0)
		return;
	/* An error that an earlier datagram has left is told first. */
	if (send(y->fd, datagram, PEER_MSG_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno == ECONNREFUSED)
		(void) send(y->fd, datagram, PEER_MSG_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- what the engine is asked --------------------------------------------------------------- */

static unsigned op_limit(void *data, const char *grant)
{
	const struct neighbours *n = data;
	const struct config_grant *g = config_find_grant(n->host->config, grant);

	return g ? g->at_most : 0;
}

struct leftover {
	const struct policy *policy;
	const char *grant;
};

/* A rule that is gone may have been one of the grant. */
static bool uses_grant(void *data, const char *rule)
{
	const struct leftover *l = data;

	for (unsigned i = 0; i < l->policy->n_rules; i++) {
		const struct policy_rule *r = &l->policy->rule[i];

		if (strcmp(r->name, rule) == 0)
			return r->quorum.n && strcmp(r->quorum.grant, l->grant) == 0;
	}
	return true;
}

static bool op_leftover(void *data, const char *grant)
{
	const struct neighbours *n = data;
	struct leftover l = { n->host->config->policy, grant };

	return txns_recovering(n->host->txns) ||
	       txns_leftover(n->host->txns, grant ? uses_grant : NULL, &l);
}

enum txn_grants neighbours_grants(void *host, const struct txn *t, uint64_t hold_us, bool ask,
				  char *why, size_t why_size)
{
	struct host *h = host;
	const struct policy_rule *permit = t->decision ? t->decision->permit : NULL;
	struct quorum_in in = { .tx = t->id, .plan = t->plan.hash, .hold_us = hold_us };

	if (!h->neighbours || !permit || !permit->quorum.n) {
		(void) copy_text(why, why_size, "there are no peers to ask");
		return TXN_GRANTS_REFUSED;
	}
	in.quorum = &permit->quorum;
	return peers_quorum(h->neighbours->peers, &in, ask, host_now(h), why, why_size);
}

void neighbours_grants_end(void *host, const struct txn *t, bool keep)
{
	struct host *h = host;

	if (h->neighbours)
		peers_end(h->neighbours->peers, t->id, keep, host_now(h));
}

/* ---- configuration -------------------------------------------------------------------------- */

int neighbours_key_usable(void *data, const char *path, char *why, size_t why_size)
{
	struct ocra_key key = { 0 };
	int r = ocra_key_read(path, geteuid(), &key, why, why_size);

	(void) data;
	ocra_key_wipe(&key);
	/* Who may not look cannot say that it is wrong. */
	return r == -EACCES && geteuid() != 0 ? 0 : r;
}

static void configure(struct neighbours *n)
{
	const struct config *c = n->host->config;
	struct peer_def def[PEERS_MAX] = { 0 };
	struct ocra_key key[PEERS_MAX];

	for (unsigned i = 0; i < n->n; i++)
		close_socket(&n->peer[i]);
	n->n = MIN_OF(c->n_peers, (unsigned) PEERS_MAX);
	for (unsigned i = 0; i < n->n; i++) {
		struct neighbour *y = &n->peer[i];
		char why[120];

		*y = (struct neighbour){
			.host = n->host, .number = i, .fd = -1, .block = &c->peer[i]
		};
		def[i].name = c->peer[i].name;
		if (ocra_key_read(c->peer[i].key_file, geteuid(), &key[i], why, sizeof(why)) >= 0)
			def[i].key = &key[i];
		else
			(void) snprintf(y->why, sizeof(y->why), "no key: %s", why);
		if (!def[i].key)
			log_warning("peer %s: %s: %s", c->peer[i].name, c->peer[i].key_file, why);
	}
	peers_configure(n->peers, def, n->n, host_now(n->host));
	for (unsigned i = 0; i < n->n; i++) {
		if (def[i].key)
			try_open(&n->peer[i], host_now(n->host));
		ocra_key_wipe(&key[i]);
	}
}

int neighbours_open(struct host *h)
{
	static const struct peers_ops ops = {
		.send = op_send,
		.limit = op_limit,
		.may = give_may,
		.give = give_note,
		.over = give_over,
		.leftover = op_leftover,
		.tell = neighbours_tell,
		.head = vouch_on_head,
		.kept = vouch_on_kept,
	};
	struct neighbours *n;
	int r;

	if (h->config->n_peers == 0)
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->host = h;
	n->file = -1;
	n->peers = peers_new(&ops, n);
	r = n->peers ? give_open(n) : -ENOMEM;
	if (r < 0) {
		log_error("peers: %s", strerror(-r));
		(void) neighbours_close(n);
		return r;
	}
	h->neighbours = n;
	configure(n);
	return 0;
}

void neighbours_reload(struct host *h)
{
	int r = 0;

	if (h->neighbours)
		configure(h->neighbours);
	else
		r = neighbours_open(h);
	if (r < 0)
		log_error("peers of the new configuration: %s; what needs their grants is denied",
			  strerror(-r));
}

struct neighbours *neighbours_close(struct neighbours *n)
{
	if (!n)
		return NULL;

	for (unsigned i = 0; i < n->n; i++)
		close_socket(&n->peer[i]);
	peers_free(n->peers);
	closep(&n->file);
	free(n);
	return NULL;
}

uint64_t neighbours_run(struct host *h, uint64_t now_us)
{
	return h->neighbours ? peers_run(h->neighbours->peers, now_us) : US_INFINITY;
}
