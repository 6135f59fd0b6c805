/*
 * peer_msg - the datagram that neighbour routers exchange.
 *
 * Design.  One layout for all types.  The MAC is looked at before any field is, so who has no key
 * reaches the comparison and no further.  What has a good MAC may still be nonsense of another
 * version of ourselves: a type that is not known and a text without an end are refused.
 */
#include "txn/peer_msg.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"

enum {
	AT_VERSION = 4,
	AT_TYPE = 5,
	AT_FLAGS = 6,
	AT_RUN = 8,
	AT_SESSION = 24,
	AT_SEQ = 40,
	AT_NONCE = 48,
	AT_PLAN = 64,
	AT_TX = 96,
	AT_HOLD = 104,
	AT_GRANT = 112,
	AT_WHY = 176,
	AT_MAC = 320,
};
static const uint8_t magic[AT_VERSION] = { 'A', 'N', 'P', 'G' };

_Static_assert(AT_GRANT + PEER_GRANT_SIZE == AT_WHY && AT_WHY + PEER_WHY_SIZE == AT_MAC &&
		       AT_MAC + crypto_auth_hmacsha512256_BYTES == PEER_MSG_SIZE,
	       "the fields fill the datagram");

bool peer_type_is_answer(enum peer_type t)
{
	return t >= PEER_HELLO;
}

static bool type_known(uint8_t t)
{
	return (t >= PEER_PING && t <= PEER_HEAD) || (t >= PEER_HELLO && t <= PEER_KEPT);
}

static void make_mac(const uint8_t *data, const struct ocra_key *key,
		     uint8_t ret[crypto_auth_hmacsha512256_BYTES])
{
	crypto_auth_hmacsha512256_state s;

	(void) crypto_auth_hmacsha512256_init(&s, key->byte, key->size);
	(void) crypto_auth_hmacsha512256_update(&s, data, AT_MAC);
	(void) crypto_auth_hmacsha512256_final(&s, ret);
	sodium_memzero(&s, sizeof(s));
}

void peer_msg_seal(const struct peer_msg *m, const struct ocra_key *key, uint8_t ret[PEER_MSG_SIZE])
{
	memset(ret, 0, PEER_MSG_SIZE);
	memcpy(ret, magic, sizeof(magic));
	ret[AT_VERSION] = PEER_VERSION;
	ret[AT_TYPE] = (uint8_t) m->type;
	ret[AT_FLAGS] = (uint8_t) (m->flags >> 8);
	ret[AT_FLAGS + 1] = (uint8_t) m->flags;
	memcpy(ret + AT_RUN, m->run, PEER_RANDOM);
	memcpy(ret + AT_SESSION, m->session, PEER_RANDOM);
	put_be64(ret + AT_SEQ, m->seq);
	memcpy(ret + AT_NONCE, m->nonce, PEER_RANDOM);
	memcpy(ret + AT_PLAN, m->plan, APPROVAL_HASH);
	put_be64(ret + AT_TX, m->tx);
	put_be64(ret + AT_HOLD, m->hold_us);
	(void) copy_text((char *) ret + AT_GRANT, PEER_GRANT_SIZE, m->grant);
	(void) copy_text((char *) ret + AT_WHY, PEER_WHY_SIZE, m->why);
	make_mac(ret, key, ret + AT_MAC);
}

/* False: it has no end, or something behind it. */
static bool get_text(char *to, const uint8_t *from, size_t size)
{
	size_t n = strnlen((const char *) from, size);

	if (n == size)
		return false;
	for (size_t i = n; i < size; i++)
		if (from[i])
			return false;
	memcpy(to, from, size);
	clean_text(to);
	return true;
}

int peer_msg_open(const void *data, size_t size, const struct ocra_key *key, struct peer_msg *ret)
{
	uint8_t mac[crypto_auth_hmacsha512256_BYTES];
	const uint8_t *in = data;
	struct peer_msg m = { 0 };
	bool same;

	if (size != PEER_MSG_SIZE || memcmp(in, magic, sizeof(magic)) != 0 ||
	    in[AT_VERSION] != PEER_VERSION || !type_known(in[AT_TYPE]))
		return -EBADMSG;
	make_mac(in, key, mac);
	same = sodium_memcmp(mac, in + AT_MAC, sizeof(mac)) == 0;
	sodium_memzero(mac, sizeof(mac));
	if (!same)
		return -EKEYREJECTED;

	m.type = (enum peer_type) in[AT_TYPE];
	m.flags = (uint16_t) (in[AT_FLAGS] << 8 | in[AT_FLAGS + 1]);
	memcpy(m.run, in + AT_RUN, PEER_RANDOM);
	memcpy(m.session, in + AT_SESSION, PEER_RANDOM);
	m.seq = get_be64(in + AT_SEQ);
	memcpy(m.nonce, in + AT_NONCE, PEER_RANDOM);
	memcpy(m.plan, in + AT_PLAN, APPROVAL_HASH);
	m.tx = get_be64(in + AT_TX);
	m.hold_us = get_be64(in + AT_HOLD);
	if (!get_text(m.grant, in + AT_GRANT, PEER_GRANT_SIZE) ||
	    !get_text(m.why, in + AT_WHY, PEER_WHY_SIZE))
		return -EBADMSG;
	*ret = m;
	return 0;
}
