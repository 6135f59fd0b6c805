/*
 * attrs - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  What the kernel counts has the name and the meaning of struct rtnl_link_stats64
 * (uapi/linux/if_link.h, RFC 2863 and 3635).  Left out is what the kernel sums up in another
 * (tx_fifo, tx_aborted, tx_window, tx_heartbeat are in tx_errors; rx_over_errors is, on today's
 * drivers, rx_missed or rx_fifo) or what tells of no fault (compressed, nohandler).
 */
#include "counters.h"

/* A value lives through three sweeps of the longest period; a sensor that falls behind its period
 * says so earlier (ANOD_SYNC_LOST). */
#define MAX_AGE_MS 100000

#define COUNTER(n, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text     \
	}
#define PACKETS(n, text) COUNTER(n, ANOD_UNIT_PACKETS, text)

static const struct anod_attr link_counters[FACTS + 1] = {
	[RX_BYTES] = COUNTER("rx_bytes", ANOD_UNIT_BYTES, "received (rtnl_link_stats64)"),
	[TX_BYTES] = COUNTER("tx_bytes", ANOD_UNIT_BYTES, "sent"),
	[RX_PACKETS] = PACKETS("rx_packets", "received"),
	[TX_PACKETS] = PACKETS("tx_packets", "sent"),
	[RX_ERRORS] = PACKETS("rx_errors", "bad packets received, of every kind"),
	[TX_ERRORS] = PACKETS("tx_errors", "packets that could not be sent, for every reason"),
	[RX_DROPPED] = PACKETS("rx_dropped", "received and not processed: no memory, no protocol"),
	[TX_DROPPED] = PACKETS("tx_dropped", "dropped on the way out: a full queue"),
	[RX_CRC_ERRORS] = PACKETS("rx_crc_errors", "received with a wrong checksum: cable, optics"),
	[RX_MISSED] =
		PACKETS("rx_missed_errors", "lost because the host did not empty the ring in time"),
	[RX_FIFO_ERRORS] = PACKETS("rx_fifo_errors", "lost in a full buffer of the device"),
	[RX_FRAME_ERRORS] = PACKETS("rx_frame_errors", "received with a wrong alignment: duplex"),
	[RX_LENGTH_ERRORS] =
		PACKETS("rx_length_errors", "received with an impossible length: MTU mismatch"),
	[TX_CARRIER_ERRORS] = PACKETS("tx_carrier_errors", "not sent because the carrier was gone"),
	[MULTICAST] = PACKETS("multicast", "multicast packets received"),
	[COLLISIONS] = PACKETS("collisions", "on a link that is full duplex: a duplex mismatch"),
	[RX_BPS] = COUNTER("rx_bps", ANOD_UNIT_BPS, "receive rate between the last two readings"),
	[TX_BPS] = COUNTER("tx_bps", ANOD_UNIT_BPS, "send rate between the last two readings"),
	[RX_PPS] = COUNTER("rx_pps", ANOD_UNIT_PPS, "receive rate between the last two readings"),
	[TX_PPS] = COUNTER("tx_pps", ANOD_UNIT_PPS, "send rate between the last two readings"),
	[UTIL] = { .name = "util",
		   .type = ANOD_REAL,
		   .unit = ANOD_UNIT_RATIO,
		   .max_age_ms = MAX_AGE_MS,
		   .help = "the busier direction's share of link.capacity" },
};

const struct anod_kind counters_kinds[] = {
	{ "link", "a network interface", link_counters },
	{ 0 },
};
