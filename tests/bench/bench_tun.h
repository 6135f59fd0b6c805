/*
 * bench_tun - a tun device whose carrier the benchmark takes, and the packets that come out of it.
 *
 * Unlike veth, a tun is a link as most NICs are: the kernel tells changes of its carrier at most
 * once a second.
 */
#ifndef BENCH_BENCH_TUN_H
#define BENCH_BENCH_TUN_H

#include "bench.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

enum { TUN_IP_HEAD = 20, TUN_UDP_HEAD = 28 };

/* Attach to a device of that name, or make it; its carrier is up then. */
static inline int tun_open(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	(void) snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		DIE("tun %s", name);
	return fd;
}

static inline void tun_carrier(int fd, bool up)
{
	int on = up;

	if (ioctl(fd, TUNSETCARRIER, &on) < 0)
		DIE("the carrier of a tun");
}

/* Is it an IPv4 packet without options, UDP to 'port', with 'size' bytes of payload? */
static inline bool tun_is_udp(const uint8_t *packet, size_t n, uint16_t port, size_t size)
{
	return n == TUN_UDP_HEAD + size && packet[0] == 0x45 && packet[9] == IPPROTO_UDP &&
	       (packet[TUN_IP_HEAD + 2] << 8 | packet[TUN_IP_HEAD + 3]) == port;
}

#endif
