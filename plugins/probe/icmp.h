/*
 * icmp - echo requests and replies as bytes (RFC 792, RFC 4443).
 *
 * Pure.  A request carries 16 bytes of ours: a cookie that no one else knows and the number of
 * the probe, so a reply is ours only if it brings both back with our identifier.
 */
#ifndef PROBE_ICMP_H
#define PROBE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICMP_REQUEST_SIZE 24 /* header 8, cookie 8, number 8 */

/* 'ident' and the checksum are the kernel's business on a ping socket and for IPv6; they are
 * right in the request all the same (for IPv6 the checksum is left 0). */
void icmp_request(uint8_t buf[ICMP_REQUEST_SIZE], bool ipv6, uint16_t ident, uint64_t cookie,
		  uint64_t number);

enum icmp_framing {
	ICMP_BARE,	  /* the message begins with the ICMP header */
	ICMP_BEHIND_IPV4, /* a raw IPv4 socket: the IP header comes first */
};

/* True when 'buf' is a whole echo reply with our payload.  'ident' is checked where the kernel
 * has not done so ('check_ident').  The cookie is returned, to be looked up. */
bool icmp_reply(const uint8_t *buf, size_t size, enum icmp_framing framing, bool ipv6,
		bool check_ident, uint16_t ident, uint64_t *ret_cookie, uint64_t *ret_number);

#endif
