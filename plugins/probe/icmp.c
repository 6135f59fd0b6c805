/*
 * icmp - encode echo requests, decode echo replies.
 *
 * Design.  Everything in a reply comes from outside: lengths are checked before any byte is
 * read, and bytes are put together one by one, so alignment and byte order do not matter.
 */
#include "icmp.h"

#include <string.h>

#define ECHO_REPLY_V4	0
#define ECHO_REQUEST_V4 8
#define ECHO_REQUEST_V6 128
#define ECHO_REPLY_V6	129

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t) (v >> (56 - 8 * i));
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t) (p[0] << 8 | p[1]);
}

/* RFC 1071. */
static uint16_t checksum(const uint8_t *p, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += get16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

void icmp_request(uint8_t buf[ICMP_REQUEST_SIZE], bool ipv6, uint16_t ident, uint64_t cookie,
		  uint64_t number)
{
	uint16_t sum;

	memset(buf, 0, ICMP_REQUEST_SIZE);
	buf[0] = ipv6 ? ECHO_REQUEST_V6 : ECHO_REQUEST_V4;
	buf[4] = (uint8_t) (ident >> 8);
	buf[5] = (uint8_t) ident;
	buf[6] = (uint8_t) (number >> 8);
	buf[7] = (uint8_t) number;
	put64(buf + 8, cookie);
	put64(buf + 16, number);
	if (ipv6)
		return;
	sum = checksum(buf, ICMP_REQUEST_SIZE);
	buf[2] = (uint8_t) (sum >> 8);
	buf[3] = (uint8_t) sum;
}

bool icmp_reply(const uint8_t *buf, size_t size, enum icmp_framing framing, bool ipv6,
		bool check_ident, uint16_t ident, uint64_t *ret_cookie, uint64_t *ret_number)
{
	uint64_t number;

	if (framing == ICMP_BEHIND_IPV4) {
		size_t header;

		if (size < 20 || buf[0] >> 4 != 4)
			return false;
		header = (size_t) (buf[0] & 15) * 4;
		if (header < 20 || header > size)
			return false;
		buf += header;
		size -= header;
	}
	if (size < ICMP_REQUEST_SIZE)
		return false;
	if (buf[0] != (ipv6 ? ECHO_REPLY_V6 : ECHO_REPLY_V4) || buf[1] != 0)
		return false;
	if (check_ident && get16(buf + 4) != ident)
		return false;
	number = get64(buf + 16);
	if (get16(buf + 6) != (uint16_t) number)
		return false;

	*ret_cookie = get64(buf + 8);
	*ret_number = number;
	return true;
}
