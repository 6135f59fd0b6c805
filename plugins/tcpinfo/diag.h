/*
 * diag - sock_diag's messages about TCP sockets, taken apart and made.
 *
 * Pure: no I/O.  Members have the names and meanings of struct tcp_info (uapi/linux/tcp.h) and
 * struct inet_diag_msg (uapi/linux/inet_diag.h); RFC 4898 defines most of the counters.
 */
#ifndef TCPINFO_DIAG_H
#define TCPINFO_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include <anod/netlink.h>

/* One socket at one moment. */
struct sample {
	uint64_t cookie;  /* names the socket as long as the kernel runs; never used again */
	uint32_t ifindex; /* SO_BINDTODEVICE; 0: none */
	uint32_t uid;
	struct anod_prefix src, dst; /* whole addresses; IPv4 also where the socket is IPv6 */
	uint16_t sport, dport;	     /* host order */
	uint8_t state, ca_state, retransmits, backoff;
	bool app_limited; /* 'delivery_rate' says what the program wanted, not what the path can */
	bool has_bytes;	  /* 'bytes_sent' and 'bytes_retrans' are there (since Linux 4.19) */
	uint32_t snd_mss, pmtu;		     /* bytes */
	uint32_t unacked, sacked, lost;	     /* segments on their way now */
	uint32_t rtt, min_rtt;		     /* us */
	uint32_t retrans, segs_in, segs_out; /* since the begin; segs_out: with data, wraps */
	uint32_t dsacks;		     /* retransmissions that the peer did not need */
	uint64_t bytes_acked, bytes_sent, bytes_retrans;
	uint64_t delivery_rate; /* bytes per second */
};

/* False: no TCP socket of this shape, or a kernel before 4.9 that counts no data segments. */
bool diag_parse(const struct nlmsghdr *msg, struct sample *ret);

/* Ask for all sockets of a family (AF_INET, AF_INET6) that may have sent data, but for those to the
 * host itself by a loopback address, which the kernel leaves out at once. */
const void *diag_request(struct anod_nl_put *p, uint8_t family);

#endif
