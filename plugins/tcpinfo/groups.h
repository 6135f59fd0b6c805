/*
 * groups - sums over sockets: of an uplink, and of a block of destinations behind an uplink.
 *
 * Pure.  Counters only grow as long as a group lives.  Memory: 'struct groups' is the caller's, with
 * an array of 'size' groups.
 */
#ifndef TCPINFO_GROUPS_H
#define TCPINFO_GROUPS_H

#include "socks.h"

#define GROUP_SAMPLES 32 /* round-trip times of one reading, for their median */

struct group {
	uint32_t ifindex;	   /* 0: free */
	struct anod_prefix prefix; /* family 0: all of the uplink */
	uint32_t entity;	   /* handle; the caller's */
	char name[ANOD_NAME_SIZE]; /* the caller's */
	bool fresh;		   /* nobody was told of it yet */
	uint64_t weight;	   /* bytes of late, halved every few readings */

	int64_t segs, retrans, dsacks, bytes, bytes_retrans;
	int64_t lost; /* retrans - dsacks at its highest */

	/* of this reading */
	bool has_bytes;
	uint32_t n_socks, n_stuck, n_alive;
	uint32_t pmtu;	 /* least; 0: none */
	uint64_t rate;	 /* best delivery rate, bytes per second */
	uint32_t n_seen; /* sockets with traffic */
	uint32_t rtt[GROUP_SAMPLES], min_rtt[GROUP_SAMPLES];
	uint32_t stuck_size;	       /* bytes of the packets that do not pass */
	struct anod_prefix stuck_host; /* one of their destinations */
	struct anod_prefix gateway;    /* of the last connection; family 0: on link */
};

struct groups {
	struct group *at;
	uint32_t size;
};

/* The block of 'len' bits that holds an address. */
struct anod_prefix block_of(const struct anod_prefix *address, uint8_t len);

void groups_begin(struct groups *g);
/* The weight of a block in which a socket is stuck. */
#define GROUP_STUCK (UINT64_C(1) << 60)

/* The group of an uplink and block, a free one, or the one that weighs least and less than half of
 * 'weight', which then is made anew: *ret_old is its entity, else 0.  NULL: no room.  'hint' is
 * where it was before; *hint where it is. */
struct group *groups_get(struct groups *g, uint32_t ifindex, const struct anod_prefix *prefix,
			 uint64_t weight, uint32_t *hint, uint32_t *ret_old);
/* A socket counts here; 'd' is what it has counted since. */
void group_add(struct group *g, const struct sock *s, const struct counts *d, bool stuck,
	       bool alive);
/* The median of the n first, in any order. */
uint32_t group_median(const uint32_t *v, uint32_t n);

#endif
