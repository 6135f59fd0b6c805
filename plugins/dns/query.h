/*
 * query - one question to a resolver, and what its answer says.
 *
 * Pure functions on buffers.  Of an answer only the header and the question are read (RFC 1035,
 * section 4.1): whether it is to our question, and its response code.  Nothing that it contains is
 * believed, kept or shown.
 */
#ifndef DNS_QUERY_H
#define DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_SIZE 512 /* RFC 1035, 2.3.4 */

/* A question for the A records of 'name' (type 1) or its AAAA records (28), with the AD bit set
 * (RFC 6840, 5.7: tell me whether it was validated).  Its length, or -EINVAL: not a name. */
int query_make(const char *name, uint16_t type, uint16_t id, uint8_t *buf);

struct query_answer {
	unsigned rcode; /* RFC 1035, 4.1.1: 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED */
	unsigned answers;
	bool authentic; /* AD, RFC 4035, 3.2.3 */
	bool cut;	/* TC */
};

/* Is it the answer to 'question', which was made by query_make()? */
bool query_read(const uint8_t *question, size_t question_len, const uint8_t *buf, size_t len,
		struct query_answer *ret);

/* "NOERROR", "SERVFAIL"; a number where it has no name.  Static, or in 'buf' of 16 bytes. */
const char *query_rcode(unsigned rcode, char *buf);

#endif
