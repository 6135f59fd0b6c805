/*
 * ocra - response codes of people: OCRA, RFC 6287.
 *
 * Who holds a key answers a challenge with eight digits, on a device of his own or with 'anodctl
 * code'.  The challenge is the hash of what he agrees to (policy/approval.h), so a code is good
 * for that and for nothing else.  Suite "OCRA-1:HOTP-SHA256-8:QH64": HMAC-SHA-256, eight digits,
 * a challenge of 64 hexadecimal digits, neither counter nor PIN nor time: the challenge itself
 * has a random part and is used once.
 *
 * Pure.  Threads: any.
 */
#ifndef BASE_OCRA_H
#define BASE_OCRA_H

#include "base/util.h"

#define OCRA_SUITE     "OCRA-1:HOTP-SHA256-8:QH64"
#define OCRA_CODE_SIZE 9   /* eight digits and NUL */
#define OCRA_CHALLENGE 32  /* bytes of a QH64 challenge */
#define OCRA_QUESTION  128 /* bytes that a question is padded to, RFC 6287 5.1 */
#define OCRA_KEY_MIN   16  /* bytes, RFC 4226 4 R6: at least 128 bits */
#define OCRA_KEY_MAX   64

struct ocra_key {
	size_t size;
	uint8_t byte[OCRA_KEY_MAX];
};
void ocra_key_wipe(struct ocra_key *k); /* for _cleanup_ */

/* The response of any suite of HOTP-SHA256-8; 'input' is the DataInput behind the suite's NUL. */
void ocra_respond(const char *suite, const struct ocra_key *k, const void *input, size_t size,
		  char ret[OCRA_CODE_SIZE]);

/* The response to a challenge by OCRA_SUITE. */
void ocra_code(const struct ocra_key *k, const uint8_t challenge[OCRA_CHALLENGE],
	       char ret[OCRA_CODE_SIZE]);

/* A key as it stands in a file: 32 to 128 hexadecimal digits, blanks around them.  -EBADMSG. */
int ocra_key_parse(const char *text, size_t size, struct ocra_key *ret);

/* Read one.  It must be a regular file of 'owner' (or root) that nobody else may read or write:
 * -EPERM.  Symbolic links are not followed.  'why' gets one sentence with the cure; the key is in
 * no message. */
int ocra_key_read(const char *path, uid_t owner, struct ocra_key *ret, char *why, size_t why_size);

#endif
