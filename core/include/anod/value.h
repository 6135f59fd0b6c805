/*
 * anod/value.h - a typed value with a unit, and three-valued truth.
 *
 * A value is 64 bytes, holds no pointer and may lie in shared memory, in a message or in the
 * journal.  ANOD_UNKNOWN is a value like any other: it says that nobody knows, which is never
 * the same as "fine" and never the same as zero.
 *
 * Threads: plain data.  Errors: none.  Memory: the caller's.
 */
#ifndef ANOD_VALUE_H
#define ANOD_VALUE_H

#include <stdint.h>

#define ANOD_TEXT_SIZE 56 /* bytes with the final NUL; longer text is cut at a UTF-8 border */

enum anod_type {
	ANOD_UNKNOWN = 0, /* nobody knows */
	ANOD_BOOL = 1,	  /* u.i is 0 or 1 */
	ANOD_INT = 2,	  /* u.i */
	ANOD_REAL = 3,	  /* u.r, always finite */
	ANOD_TEXT = 4,	  /* u.text, NUL-ended UTF-8 */
	ANOD_PREFIX = 5,  /* u.prefix; an address is a prefix of full length */
};

/* The base unit in which u.i or u.r counts.  Text forms (30ms, 5%, 400Gbps) are converted when
 * they are read, so two values of one unit always compare as they stand. */
enum anod_unit {
	ANOD_UNIT_NONE = 0,    /* a count, an index, a state */
	ANOD_UNIT_RATIO = 1,   /* 1.0 is 100 %; REAL */
	ANOD_UNIT_TIME = 2,    /* microseconds; INT */
	ANOD_UNIT_BYTES = 3,   /* bytes */
	ANOD_UNIT_PACKETS = 4, /* packets */
	ANOD_UNIT_BPS = 5,     /* bits per second */
	ANOD_UNIT_PPS = 6,     /* packets per second */
};

enum {
	/* Text that somebody outside the router controls (an interface alias, an LLDP name): shown
	 * and quoted as data, never compared with a name of the configuration, never an argument. */
	ANOD_VALUE_OUTSIDE = 1,
};

/* Bytes of 'addr' behind the family's length, and bits behind 'len', are zero. */
struct anod_prefix {
	uint8_t family; /* AF_INET, AF_INET6; 0: none */
	uint8_t len;	/* bits, 0..32 or 0..128 */
	uint8_t pad[2];
	uint8_t addr[16]; /* network byte order */
};

struct anod_value {
	uint8_t type;  /* enum anod_type */
	uint8_t unit;  /* enum anod_unit */
	uint8_t flags; /* ANOD_VALUE_* */
	uint8_t pad[5];
	union {
		int64_t i;
		double r;
		char text[ANOD_TEXT_SIZE];
		struct anod_prefix prefix;
	} u;
};

/* Kleene's three truth values, ordered so that "and" is the minimum and "or" the maximum. */
enum anod_tri {
	ANOD_FALSE = 0,
	ANOD_DOUBT = 1, /* unknown */
	ANOD_TRUE = 2,
};

#endif /* ANOD_VALUE_H */
