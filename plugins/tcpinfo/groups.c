/*
 * groups - sums over sockets: of an uplink, and of a block of destinations behind an uplink.
 *
 * Design.  The number of blocks is fixed, so that a router that talks to the whole world costs no
 * more than one that does not.  A new block takes the place of the one with the least traffic of
 * late when it has twice of that, so two that are alike do not push each other out in turns; one in
 * which a socket is stuck has hardly any traffic and matters most, so it weighs the most.
 */
#include "groups.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct anod_prefix block_of(const struct anod_prefix *address, uint8_t len)
{
	struct anod_prefix p = *address;

	if (len >= p.len)
		return p;
	p.len = len;
	for (unsigned i = 0; i < sizeof(p.addr); i++) {
		unsigned keep = len > 8 * i ? len - 8 * i : 0;

		if (keep < 8)
			p.addr[i] &= (uint8_t) (0xff00u >> keep);
	}
	return p;
}

void groups_begin(struct groups *g)
{
	for (uint32_t i = 0; i < g->size; i++) {
		struct group *x = &g->at[i];

		x->weight -= x->weight / 8;
		x->n_socks = x->n_stuck = x->n_alive = x->n_seen = x->pmtu = 0;
		x->rate = 0;
		x->stuck_size = 0;
		x->stuck_host = (struct anod_prefix){ 0 };
		x->has_bytes = true;
	}
}

static bool is(const struct group *x, uint32_t ifindex, const struct anod_prefix *prefix)
{
	return x->ifindex == ifindex && memcmp(&x->prefix, prefix, sizeof(*prefix)) == 0;
}

struct group *groups_get(struct groups *g, uint32_t ifindex, const struct anod_prefix *prefix,
			 uint64_t weight, uint32_t *hint, uint32_t *ret_old)
{
	struct group *least = NULL;

	*ret_old = 0;
	if (*hint < g->size && is(&g->at[*hint], ifindex, prefix))
		return &g->at[*hint];
	for (uint32_t i = 0; i < g->size; i++) {
		struct group *x = &g->at[i];

		if (is(x, ifindex, prefix)) {
			*hint = i;
			return x;
		}
		if (!least || (least->ifindex && (!x->ifindex || x->weight < least->weight)))
			least = x;
	}
	/* One that has sockets in this reading would come back at once. */
	if (!least || (least->ifindex && (least->n_socks || least->weight * 2 >= weight)))
		return NULL;
	*ret_old = least->entity;
	*least = (struct group){
		.ifindex = ifindex, .prefix = *prefix, .fresh = true, .has_bytes = true
	};
	*hint = (uint32_t) (least - g->at);
	return least;
}

static void add_stuck(struct group *g, const struct sample *s, bool alive)
{
	g->n_stuck++;
	g->n_alive += alive;
	/* Shown is one whose host is alive, where there is one. */
	if (!g->stuck_host.family || (alive && g->n_alive == 1)) {
		g->stuck_host = s->dst;
		g->stuck_size = s->pmtu;
	}
	g->weight = GROUP_STUCK;
}

void group_add(struct group *g, const struct sock *s, const struct counts *d, bool stuck,
	       bool alive)
{
	const struct sample *n = &s->now;

	g->segs += d->segs;
	g->retrans += d->retrans;
	g->dsacks += d->dsacks;
	/* A DSACK comes a round trip after what it speaks of; a counter never goes back, so what was
	 * told too early is made up for by the next loss. */
	if (g->retrans - g->dsacks > g->lost)
		g->lost = g->retrans - g->dsacks;
	g->bytes += (int64_t) d->bytes;
	g->bytes_retrans += (int64_t) d->bytes_retrans;
	g->weight += d->bytes;
	g->has_bytes = g->has_bytes && n->has_bytes;

	g->n_socks++;
	g->gateway = s->gateway;
	if (n->pmtu && (!g->pmtu || n->pmtu < g->pmtu))
		g->pmtu = n->pmtu;
	if (stuck)
		add_stuck(g, n, alive);
	if (!s->active)
		return;
	if (n->rtt && n->min_rtt != UINT32_MAX) {
		/* Beyond what has room, each new one takes the place of one in turn. */
		uint32_t at = g->n_seen++ % GROUP_SAMPLES;

		g->rtt[at] = n->rtt;
		g->min_rtt[at] = n->min_rtt;
	}
	if (n->delivery_rate > g->rate)
		g->rate = n->delivery_rate;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

uint32_t group_median(const uint32_t *v, uint32_t n)
{
	uint32_t copy[GROUP_SAMPLES];

	if (n > GROUP_SAMPLES)
		n = GROUP_SAMPLES;
	if (!n)
		return 0;
	memcpy(copy, v, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), by_size);
	return copy[n / 2];
}
