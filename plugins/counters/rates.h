/*
 * rates - from two readings of a link's counters to rates.
 *
 * Pure.  Threads: any.  Memory: the caller's.
 */
#ifndef COUNTERS_RATES_H
#define COUNTERS_RATES_H

#include <stdbool.h>
#include <stdint.h>

/* What a rate is made of; all of it must belong to one moment. */
struct reading {
	uint64_t time_us; /* 0: none */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;
};

struct rates {
	int64_t rx_bps, tx_bps, rx_pps, tx_pps;
};

/* False where the readings say nothing: no earlier one, no time between them, or a counter that
 * went back, because the driver was loaded anew or the number names another link now. */
bool rates_between(const struct reading *was, const struct reading *is, struct rates *ret);

/* The busier direction's share of 'capacity' (bits per second, > 0).  May exceed 1 a little:
 * counters include what the capacity does not. */
double rates_util(const struct rates *r, int64_t capacity);

#endif
