/*
 * query - one question to a resolver, and what its answer says.
 *
 * Design.  The question is made by the C library.  An answer has to repeat the question byte for
 * byte: a stray or forged datagram must guess the identifier, the port and that.
 */
#include "query.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#define AD 0x20 /* in the fourth byte */
#define TC 0x02 /* in the third */
#define QR 0x80

int query_make(const char *name, uint16_t type, uint16_t id, uint8_t *buf)
{
	int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, buf, QUERY_SIZE);

	if (n < NS_HFIXEDSZ)
		return -EINVAL;
	buf[0] = (uint8_t) (id >> 8);
	buf[1] = (uint8_t) id;
	buf[2] |= 1; /* RD */
	buf[3] |= AD;
	return n;
}

bool query_read(const uint8_t *question, size_t question_len, const uint8_t *buf, size_t len,
		struct query_answer *ret)
{
	if (question_len < NS_HFIXEDSZ || len < question_len || memcmp(buf, question, 2) != 0 ||
	    !(buf[2] & QR) || (buf[2] & 0x78) != 0 || memcmp(buf + 4, question + 4, 2) != 0 ||
	    memcmp(buf + NS_HFIXEDSZ, question + NS_HFIXEDSZ, question_len - NS_HFIXEDSZ) != 0)
		return false;

	ret->rcode = buf[3] & 0x0f;
	ret->answers = (unsigned) (buf[6] << 8 | buf[7]);
	ret->authentic = buf[3] & AD;
	ret->cut = buf[2] & TC;
	return true;
}

const char *query_rcode(unsigned rcode, char *buf)
{
	static const char *const names[] = { "NOERROR",	 "FORMERR", "SERVFAIL",
					     "NXDOMAIN", "NOTIMP",  "REFUSED" };

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	(void) snprintf(buf, 16, "%u", rcode & 0xfff);
	return buf;
}
