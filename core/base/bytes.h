/*
 * bytes - numbers in files and datagrams, in network byte order at any address.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_be64(uint8_t *to, uint64_t n)
{
	n = htobe64(n);
	memcpy(to, &n, sizeof(n));
}

static inline uint64_t get_be64(const uint8_t *from)
{
	uint64_t n;

	memcpy(&n, from, sizeof(n));
	return be64toh(n);
}

#endif
