/*
 * rates - from two readings of a link's counters to rates.
 *
 * Design.  Nothing is guessed: where two readings cannot be compared there is no rate, and the
 * fact is unknown until the next sweep.  Counters are 64 bits wide and do not wrap in practice,
 * so a smaller value means a restart.  One division serves all four.
 */
#include "rates.h"

/* Of what is never negative; rounded. */
static int64_t per_second(uint64_t was, uint64_t is, double factor)
{
	return (int64_t) ((double) (int64_t) (is - was) * factor + 0.5);
}

bool rates_between(const struct reading *was, const struct reading *is, struct rates *ret)
{
	double factor;

	if (!was->time_us || is->time_us <= was->time_us || is->rx_bytes < was->rx_bytes ||
	    is->tx_bytes < was->tx_bytes || is->rx_packets < was->rx_packets ||
	    is->tx_packets < was->tx_packets)
		return false;

	factor = 1e6 / (double) (is->time_us - was->time_us);
	ret->rx_bps = per_second(was->rx_bytes, is->rx_bytes, 8 * factor);
	ret->tx_bps = per_second(was->tx_bytes, is->tx_bytes, 8 * factor);
	ret->rx_pps = per_second(was->rx_packets, is->rx_packets, factor);
	ret->tx_pps = per_second(was->tx_packets, is->tx_packets, factor);
	return true;
}

double rates_util(const struct rates *r, int64_t capacity)
{
	int64_t busier = r->rx_bps > r->tx_bps ? r->rx_bps : r->tx_bps;

	return (double) busier / (double) capacity;
}
