/*
 * sweep - which sizes of packets pass?
 *
 * Pure: what the probes of each size have said goes in, a verdict comes out.
 */
#ifndef BLACKHOLE_SWEEP_H
#define BLACKHOLE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#define SIZES_MAX 16

enum verdict {
	SWEEP_OPEN,	 /* some have not said enough */
	SWEEP_HOLE,	 /* small ones pass, large ones do not */
	SWEEP_PASSES,	 /* the largest passes */
	SWEEP_NO_ANSWER, /* not even a small one does: nothing can be said of sizes */
	SWEEP_MIXED,	 /* a larger one passes where a smaller one does not: loss, not size */
};

struct rung {
	uint32_t size;	    /* bytes of the IP packet; 0: a small one that may be fragmented */
	int64_t sent, lost; /* outcomes since the sweep began */
};

/* Sizes to try below 'full', descending, then 0; returns how many.  They are what links and tunnels
 * leave: PPPoE, GRE, IPsec, VXLAN, WireGuard, and what IPv4 and IPv6 ask for at least. */
unsigned sweep_sizes(uint32_t full, bool ipv6, struct rung ret[SIZES_MAX]);

/* '*ret_mtu': the largest size that passes, of SWEEP_HOLE. */
enum verdict sweep_judge(const struct rung *r, unsigned n, uint32_t *ret_mtu);

#endif
