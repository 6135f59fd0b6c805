/*
 * prefix - addresses and prefixes as text, and how they lie to one another.
 *
 * Design.  Part of value.h in a file of its own.  inet_pton() is taken from libc because it
 * alone knows every form of IPv6; it opens no socket.
 */
#include "facts/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static uint8_t full_length(uint8_t family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* Clear the bits behind the length; true when one was set. */
static bool clear_host_bits(struct anod_prefix *p)
{
	bool set = false;

	for (unsigned bit = p->len; bit < full_length(p->family); bit++) {
		uint8_t mask = (uint8_t) (0x80u >> bit % 8);

		set |= p->addr[bit / 8] & mask;
		p->addr[bit / 8] &= (uint8_t) ~mask;
	}
	return set;
}

/* Decimal, no sign, no leading zero, at most 'max'; or -EINVAL. */
static int parse_length(const char *text, uint8_t max, uint8_t *ret)
{
	unsigned len = 0, n = 0;

	while (text[n] >= '0' && text[n] <= '9' && n < 4)
		len = len * 10 + (unsigned) (text[n++] - '0');
	if (n == 0 || text[n] != '\0' || len > max || (n > 1 && text[0] == '0'))
		return -EINVAL;

	*ret = (uint8_t) len;
	return 0;
}

int prefix_parse(const char *text, struct anod_prefix *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t) (slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	struct anod_prefix p = { 0 };

	*ret = p;
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';

	p.family = memchr(address, ':', len) ? AF_INET6 : AF_INET;
	p.len = full_length(p.family);
	if (inet_pton(p.family, address, p.addr) != 1)
		return -EINVAL;
	if (slash && parse_length(slash + 1, p.len, &p.len) < 0)
		return -EINVAL;

	len = clear_host_bits(&p);
	*ret = p;
	return len > 0 ? -EINVAL : 0;
}

const char *prefix_format(const struct anod_prefix *p, char *buf, size_t size)
{
	char address[INET6_ADDRSTRLEN];

	if ((p->family != AF_INET && p->family != AF_INET6) ||
	    !inet_ntop(p->family, p->addr, address, sizeof(address)))
		(void) snprintf(buf, size, "none");
	else if (p->len == full_length(p->family))
		(void) snprintf(buf, size, "%s", address);
	else
		(void) snprintf(buf, size, "%s/%u", address, p->len);
	return buf;
}

bool prefix_contains(const struct anod_prefix *outer, const struct anod_prefix *inner)
{
	unsigned bytes = outer->len / 8, bits = outer->len % 8;

	if (outer->family == 0 || outer->family != inner->family || outer->len > inner->len ||
	    outer->len > full_length(outer->family))
		return false;
	if (memcmp(outer->addr, inner->addr, bytes) != 0)
		return false;
	return bits == 0 || (outer->addr[bytes] ^ inner->addr[bytes]) >> (8 - bits) == 0;
}

bool prefix_overlaps(const struct anod_prefix *a, const struct anod_prefix *b)
{
	return prefix_contains(a, b) || prefix_contains(b, a);
}
