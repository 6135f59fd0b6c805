/*
 * socks - the sockets that were seen, each with what it had counted when it was last accounted for.
 *
 * Pure: no I/O, time is an argument.  Memory: the table is malloc()ed, grows up to its limit and is
 * freed by socks_free().  Rows move in socks_sweep() only.
 */
#ifndef TCPINFO_SOCKS_H
#define TCPINFO_SOCKS_H

#include "diag.h"

#define SOCKS_MIN 64

/* What a black hole for large packets looks like in one socket; see socks.c. */
#define STUCK_BACKOFF 2	   /* timeouts in a row, each twice as long */
#define STUCK_MSS     1100 /* a segment below needs no path MTU to speak of (RFC 8200: 1280) */
#define STUCK_FULL    0.9  /* of mss: mean size of a retransmission */

struct counts { /* of one socket; they wrap */
	uint32_t segs, retrans, dsacks;
	uint64_t bytes, bytes_retrans;
};

struct sock {
	struct sample now;
	struct counts base; /* up to here it has been counted */
	struct {	    /* when its data stopped to be acknowledged */
		uint64_t since_us, bytes_acked, bytes_retrans;
		uint32_t retrans, segs_in;
	} stall;
	uint64_t heard_us;	    /* a segment of the peer came, as far as two dumps tell */
	bool active;		    /* sent or heard since the dump before */
	bool moved;		    /* its way has changed since 'base' */
	uint32_t round;		    /* dump that named it last */
	uint32_t next;		    /* of the same bucket, + 1 */
	uint32_t way_gen;	    /* state of the routes that 'dev' holds for; 0: never asked */
	uint32_t dev;		    /* ifindex; 0: no way, or to the host itself */
	struct anod_prefix gateway; /* family 0: on link */
	uint32_t uplink, prefix;    /* where it was accounted for last */
};

struct socks {
	struct sock *row;
	uint32_t *bucket; /* row + 1; 0: empty */
	uint32_t n, size, max;
	uint32_t round;
	uint64_t left_out; /* sockets of this dump that had no room */
};

void socks_init(struct socks *t, uint32_t max);
void socks_free(struct socks *t);
/* A dump begins. */
void socks_begin(struct socks *t);
/* A socket of it.  0, -ENOSPC: the table is full; -ENOMEM. */
int socks_take(struct socks *t, const struct sample *s, uint64_t now_us);
/* It is complete: forget whom it did not name. */
void socks_sweep(struct socks *t);

/* What the socket has counted since it was accounted for last, and account for it. */
struct counts sock_settle(struct sock *s);
/* Are its full-sized segments, and nothing else, sent again and again without being acknowledged? */
bool sock_stuck(const struct sock *s);
/* Has its peer shown life since: to this socket or to another one? */
bool sock_peer_alive(const struct socks *t, const struct sock *s);

#endif
