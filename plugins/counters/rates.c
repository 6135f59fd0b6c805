/*
 * rates - from two readings of a link's counters to rates.
 *
 * Design.  Nothing is guessed: where two readings cannot be compared there is no rate, and the
 * fact is unknown until the next sweep.  Counters are 64 bits wide and do not wrap in practice,
 * so a smaller value means a restart.
 */
#include "rates.h"

static int64_t per_second(uint64_t was, uint64_t is, uint64_t us, unsigned factor)
{
	return (int64_t) ((double) (is - was) * factor * 1e6 / (double) us + 0.5);
}

bool rates_between(const struct reading *was, const struct reading *is, struct rates *ret)
{
	uint64_t us = is->time_us - was->time_us;

	if (!was->time_us || is->time_us <= was->time_us || is->rx_bytes < was->rx_bytes ||
	    is->tx_bytes < was->tx_bytes || is->rx_packets < was->rx_packets ||
	    is->tx_packets < was->tx_packets)
		return false;

	ret->rx_bps = per_second(was->rx_bytes, is->rx_bytes, us, 8);
	ret->tx_bps = per_second(was->tx_bytes, is->tx_bytes, us, 8);
	ret->rx_pps = per_second(was->rx_packets, is->rx_packets, us, 1);
	ret->tx_pps = per_second(was->tx_packets, is->tx_packets, us, 1);
	return true;
}

double rates_util(const struct rates *r, int64_t capacity)
{
	int64_t busier = r->rx_bps > r->tx_bps ? r->rx_bps : r->tx_bps;

	return (double) busier / (double) capacity;
}
