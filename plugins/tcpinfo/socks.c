/*
 * socks - the sockets that were seen, each with what it had counted when it was last accounted for.
 *
 * Design.  Sockets are found by their cookie, which the kernel gives once.  A socket that is new
 * counts from what it is when first seen, and one that went has been counted up to its last dump,
 * so neither makes a sum jump; the price is that connections shorter than the time between two
 * dumps are not seen.
 *
 * The black hole.  Where a router drops packets that are too large and the ICMP that would say so
 * is filtered, a connection opens, small segments pass, and the first full one never arrives.  Seen in
 * tcp_info of the sender (recorded in tests/fuzz/corpus/tcpinfo/v4-stuck):
 *   bytes_acked       stands still, while unacked > 0
 *   backoff           grows: the timer has fired and doubled, again and again (RFC 6298 5.5)
 *   bytes_retrans / retrans
 *                     grow by exactly snd_mss each time: what is sent again is a full segment
 *   pmtu              is still what the link has: nobody has told of less
 * A peer that went away in the middle of a transfer looks the same.  What it cannot do is to talk:
 * so life is looked for - a segment to this socket (a window update, data of the peer, a SACK of a
 * small tail), or to another socket of the same host, also a connection that opened meanwhile.
 * Plain loss looks different: some of the retransmissions arrive, bytes_acked moves, and backoff
 * goes back to 0.  Whether small packets do pass and large ones do not is for probes to prove.
 */
#include "socks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void socks_init(struct socks *t, uint32_t max)
{
	*t = (struct socks){ .max = max };
}

void socks_free(struct socks *t)
{
	free(t->row);
	free(t->bucket);
	*t = (struct socks){ .max = t->max };
}

void socks_begin(struct socks *t)
{
	t->round++;
	t->left_out = 0;
}

/* ---- table -------------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct socks *t, uint64_t cookie)
{
	/* Cookies count up; multiply so that neighbours part. */
	return &t->bucket[(cookie * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->size - 1)];
}

static void link_rows(struct socks *t)
{
	memset(t->bucket, 0, t->size * sizeof(*t->bucket));
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t *b = bucket_of(t, t->row[i].now.cookie);

		t->row[i].next = *b;
		*b = i + 1;
	}
}

static int grow(struct socks *t)
{
	uint32_t size = t->size ? t->size * 2 : SOCKS_MIN;
	struct sock *row;
	uint32_t *bucket;

	if (t->n < t->size)
		return 0;
	row = realloc(t->row, size * sizeof(*row));
	if (!row)
		return -ENOMEM;
	t->row = row;
	bucket = realloc(t->bucket, size * sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	t->bucket = bucket;
	t->size = size;
	link_rows(t);
	return 0;
}

static struct sock *find(const struct socks *t, uint64_t cookie)
{
	for (uint32_t i = t->size ? *bucket_of(t, cookie) : 0; i; i = t->row[i - 1].next)
		if (t->row[i - 1].now.cookie == cookie)
			return &t->row[i - 1];
	return NULL;
}

/* ---- one socket --------------------------------------------------------------------------- */

static struct counts counts_of(const struct sample *s)
{
	return (struct counts){ .segs = s->segs_out,
				.retrans = s->retrans,
				.dsacks = s->dsacks,
				.bytes = s->bytes_sent,
				.bytes_retrans = s->bytes_retrans };
}

static void begin_stall(struct sock *s, uint64_t now_us)
{
	s->stall.since_us = now_us;
	s->stall.bytes_acked = s->now.bytes_acked;
	s->stall.bytes_retrans = s->now.bytes_retrans;
	s->stall.retrans = s->now.retrans;
	s->stall.segs_in = s->now.segs_in;
}

static int add(struct socks *t, const struct sample *s, uint64_t now_us)
{
	struct sock *row;
	uint32_t *b;
	int r;

	if (t->n >= t->max) {
		t->left_out++;
		return -ENOSPC;
	}
	r = grow(t);
	if (r < 0)
		return r;
	row = &t->row[t->n];
	*row = (struct sock){ .now = *s, .base = counts_of(s), .round = t->round };
	/* It opened since the dump before, so its peer answers.  Of the first dump nothing is known. */
	row->heard_us = t->round > 1 ? now_us : 0;
	begin_stall(row, now_us);
	b = bucket_of(t, s->cookie);
	row->next = *b;
	*b = ++t->n;
	return 0;
}

int socks_take(struct socks *t, const struct sample *s, uint64_t now_us)
{
	struct sock *row = find(t, s->cookie);
	const struct sample *was;

	if (!row)
		return add(t, s, now_us);
	if (row->round == t->round)
		return 0; /* a dump goes on by position, and may name a socket twice */

	was = &row->now;
	if (s->segs_in != was->segs_in)
		row->heard_us = now_us;
	row->active = s->segs_out != was->segs_out || s->segs_in != was->segs_in;
	row->round = t->round;
	row->now = *s;
	if (s->bytes_acked != row->stall.bytes_acked || !s->unacked || !s->backoff)
		begin_stall(row, now_us);
	return 0;
}

void socks_sweep(struct socks *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->row[i].round == t->round) {
			if (n != i)
				t->row[n] = t->row[i];
			n++;
		}
	if (n == t->n)
		return;
	t->n = n;
	link_rows(t);
}

/* Of counters that wrap and never go back; what does is another kernel's idea of them. */
static uint32_t grown(uint32_t now, uint32_t was)
{
	uint32_t d = now - was;

	return d > UINT32_MAX / 2 ? 0 : d;
}

static uint64_t grown64(uint64_t now, uint64_t was)
{
	return now > was ? now - was : 0;
}

struct counts sock_settle(struct sock *s)
{
	struct counts now = counts_of(&s->now), d;

	d.segs = grown(now.segs, s->base.segs);
	d.retrans = grown(now.retrans, s->base.retrans);
	d.dsacks = grown(now.dsacks, s->base.dsacks);
	d.bytes = grown64(now.bytes, s->base.bytes);
	d.bytes_retrans = grown64(now.bytes_retrans, s->base.bytes_retrans);
	s->base = now;
	return d;
}

bool sock_stuck(const struct sock *s)
{
	uint32_t n = grown(s->now.retrans, s->stall.retrans);
	uint64_t bytes = grown64(s->now.bytes_retrans, s->stall.bytes_retrans);

	if (!s->now.has_bytes || !s->now.unacked || s->now.backoff < STUCK_BACKOFF ||
	    s->now.snd_mss < STUCK_MSS || s->now.bytes_acked != s->stall.bytes_acked)
		return false;
	if (!n) { /* it was like this when first seen */
		n = s->now.retrans;
		bytes = s->now.bytes_retrans;
	}
	return n && (double) bytes >= STUCK_FULL * (double) s->now.snd_mss * n;
}

bool sock_peer_alive(const struct socks *t, const struct sock *s)
{
	if (s->now.sacked)
		return true;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct sock *o = &t->row[i];

		if (o->heard_us > s->stall.since_us &&
		    memcmp(&o->now.dst, &s->now.dst, sizeof(o->now.dst)) == 0)
			return true;
	}
	return false;
}
