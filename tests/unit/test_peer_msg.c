/* The datagram of peers: its bytes, its MAC, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "txn/peer_msg.h"

static const struct ocra_key key = { .size = 32, .byte = { 1, 2, 3 } };

static struct peer_msg example(void)
{
	struct peer_msg m = { .type = PEER_ASK,
			      .flags = PEER_FRESH,
			      .seq = 0x0102030405060708,
			      .tx = 12,
			      .hold_us = 34 };

	memset(m.run, 0x11, sizeof(m.run));
	memset(m.session, 0x22, sizeof(m.session));
	memset(m.nonce, 0x33, sizeof(m.nonce));
	memset(m.plan, 0x44, sizeof(m.plan));
	(void) copy_text(m.grant, sizeof(m.grant), "edge-drain");
	(void) copy_text(m.why, sizeof(m.why), "because");
	return m;
}

/* The MAC over whatever is in it now. */
static void seal_again(uint8_t *data)
{
	crypto_auth_hmacsha512256_state s;

	(void) crypto_auth_hmacsha512256_init(&s, key.byte, key.size);
	(void) crypto_auth_hmacsha512256_update(&s, data, PEER_MSG_SIZE - 32);
	(void) crypto_auth_hmacsha512256_final(&s, data + PEER_MSG_SIZE - 32);
}

Test(peer_msg, what_is_sealed_opens_as_it_was)
{
	struct peer_msg m = example(), n;
	uint8_t data[PEER_MSG_SIZE];

	memset(&n, 0, sizeof(n));
	peer_msg_seal(&m, &key, data);
	cr_assert_eq(memcmp(data, "ANPG\x01\x02\x00\x01", 8), 0);
	cr_assert_eq(memcmp(data + 40, "\x01\x02\x03\x04\x05\x06\x07\x08", 8), 0, "big-endian");
	cr_assert_eq(peer_msg_open(data, sizeof(data), &key, &n), 0);
	cr_assert_eq(n.type, m.type);
	cr_assert_eq(n.flags, m.flags);
	cr_assert_eq(n.seq, m.seq);
	cr_assert_eq(n.tx, m.tx);
	cr_assert_eq(n.hold_us, m.hold_us);
	cr_assert_eq(memcmp(n.run, m.run, sizeof(n.run)), 0);
	cr_assert_eq(memcmp(n.session, m.session, sizeof(n.session)), 0);
	cr_assert_eq(memcmp(n.nonce, m.nonce, sizeof(n.nonce)), 0);
	cr_assert_eq(memcmp(n.plan, m.plan, sizeof(n.plan)), 0);
	cr_assert_str_eq(n.grant, "edge-drain");
	cr_assert_str_eq(n.why, "because");
}

Test(peer_msg, every_flipped_bit_and_every_other_key_is_refused)
{
	struct ocra_key other = key, longer = key;
	struct peer_msg m = example(), n;
	uint8_t data[PEER_MSG_SIZE];

	peer_msg_seal(&m, &key, data);
	for (unsigned bit = 0; bit < 8 * PEER_MSG_SIZE; bit++) {
		data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		cr_assert_lt(peer_msg_open(data, sizeof(data), &key, &n), 0, "bit %u", bit);
		data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	other.byte[31] ^= 1;
	longer.size = 33;
	longer.byte[32] = 1;
	cr_assert_eq(peer_msg_open(data, sizeof(data), &other, &n), -EKEYREJECTED);
	cr_assert_eq(peer_msg_open(data, sizeof(data), &longer, &n), -EKEYREJECTED);
	cr_assert_eq(peer_msg_open(data, sizeof(data), &key, &n), 0);
}

Test(peer_msg, other_sizes_versions_types_and_endless_texts_are_refused)
{
	struct peer_msg m = example(), n;
	uint8_t data[PEER_MSG_SIZE + 1] = { 0 };

	peer_msg_seal(&m, &key, data);
	for (size_t size = 0; size <= sizeof(data); size++)
		cr_assert_eq(peer_msg_open(data, size, &key, &n),
			     size == PEER_MSG_SIZE ? 0 : -EBADMSG);
	data[4] = 2;
	seal_again(data);
	cr_assert_eq(peer_msg_open(data, PEER_MSG_SIZE, &key, &n), -EBADMSG, "version");
	data[4] = 1;
	for (unsigned type = 0; type < 256; type++) {
		data[5] = (uint8_t) type;
		seal_again(data);
		cr_assert_eq(peer_msg_open(data, PEER_MSG_SIZE, &key, &n),
			     (type >= 1 && type <= 4) || (type >= 16 && type <= 21) ? 0 : -EBADMSG);
	}
	data[5] = PEER_ASK;
	data[112 + 20] = 'x'; /* behind the end of the text */
	seal_again(data);
	cr_assert_eq(peer_msg_open(data, PEER_MSG_SIZE, &key, &n), -EBADMSG);
	memset(data + 112, 'x', 64); /* no end */
	seal_again(data);
	cr_assert_eq(peer_msg_open(data, PEER_MSG_SIZE, &key, &n), -EBADMSG);
	memset(data + 112, 0, 64);
	memcpy(data + 176, "\x1b[2Jfoo\xff", 8); /* outside data */
	seal_again(data);
	cr_assert_eq(peer_msg_open(data, PEER_MSG_SIZE, &key, &n), 0);
	cr_assert_null(strchr(n.why, '\x1b'));
}
