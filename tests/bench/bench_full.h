/*
 * bench_full - what a full table is made of: prefixes as the Internet has them, drawn at random;
 * and clocks.
 *
 * Ends the program when something fails; a benchmark has nobody to report to.
 */
#ifndef BENCH_BENCH_FULL_H
#define BENCH_BENCH_FULL_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/rtab.h"

static uint64_t dice; /* the seed, and then what it has become */

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void) fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(EXIT_FAILURE);
}

static inline double now_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* CPU time of this thread. */
static inline double cpu_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static inline uint32_t roll(uint32_t n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) ((dice >> 33) * n >> 31);
}

/* 'host' in host byte order. */
static inline struct anod_prefix address(uint32_t host, uint8_t len)
{
	struct anod_prefix p = { .family = AF_INET, .len = len };

	host = htonl(host);
	memcpy(p.addr, &host, sizeof(host));
	return p;
}

/* Shares of the lengths 8..24 in 1/100000, about as the Internet's table has them. */
static inline uint8_t any_length(void)
{
	static const uint32_t share[17] = { 2,	 1,    4,    10,   30,	 60,	120,   200,  1370,
					    840, 1420, 2550, 4500, 5300, 11200, 10200, 62193 };
	uint32_t n = roll(100000);
	unsigned i = 0;

	while (i < 16 && n >= share[i])
		n -= share[i++];
	return (uint8_t) (8 + i);
}

static inline struct anod_prefix any_address(void)
{
	return address(0x01000000u + roll(0xdf000000u), 32);
}

static inline struct anod_prefix any_prefix(void)
{
	struct anod_prefix p = any_address();

	return prefix_cut(&p, any_length());
}

#endif
