/*
 * fuzz_peers - datagrams of neighbours.
 *
 * Design.  The input is cut into pieces of a datagram's size.  Each is given to a router as it is,
 * which almost never has a good MAC, and then again under the right key, with the session that the
 * router has made for the sender where the input asks for that; so what lies behind the MAC is
 * reached as well.  However they come, no more grants are out than the limit allows, and what is
 * answered is a datagram that opens.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "txn/peers.h"

#define LIMIT 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ocra_key key = { .size = 32, .byte = { 1, 2, 3 } };
static uint8_t session[PEER_RANDOM];

static void must(bool good)
{
	if (!good)
		abort();
}

static void on_send(void *data, unsigned peer, const uint8_t datagram[PEER_MSG_SIZE])
{
	struct peer_msg m;

	(void) data;
	must(peer == 0 && peer_msg_open(datagram, PEER_MSG_SIZE, &key, &m) == 0);
	if (m.type == PEER_HELLO)
		memcpy(session, m.session, sizeof(session));
}

static unsigned limit(void *data, const char *grant)
{
	(void) data;
	return grant[0] == 'x' ? 0 : LIMIT;
}

static bool may(void *data, const char *grant, const char *peer, char *why, size_t size)
{
	(void) data, (void) peer;
	(void) copy_text(why, size, "no");
	return grant[0] != 'y';
}

static int give(void *data, unsigned place, const struct peer_given *g)
{
	(void) data;
	must(place < PEER_GIVEN_MAX && g->grant[0] && strcmp(g->peer, "pe1") == 0);
	return 0;
}

static void over(void *data, unsigned place)
{
	(void) data;
	must(place < PEER_GIVEN_MAX);
}

static bool leftover(void *data, const char *grant)
{
	(void) data, (void) grant;
	return false;
}

static void tell(void *data, const struct peer_news *n)
{
	(void) data;
	must(peer_what_text(n->what)[0] && strlen(n->why) < PEER_WHY_SIZE);
}

static void check(const struct peers *p)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		const struct peer_given *g = peers_given(p, i);
		unsigned n = 0;

		for (unsigned k = 0; g && k < PEER_GIVEN_MAX; k++)
			n += peers_given(p, k) && strcmp(peers_given(p, k)->grant, g->grant) == 0;
		must(n <= LIMIT);
	}
}

/* The same under the right key. */
static void seal(const uint8_t *in, uint8_t out[PEER_MSG_SIZE])
{
	crypto_auth_hmacsha512256_state s;

	memcpy(out, in, PEER_MSG_SIZE);
	memcpy(out, "ANPG\x01", 5);
	if (out[6] & 1)
		memcpy(out + 24, session, sizeof(session));
	(void) crypto_auth_hmacsha512256_init(&s, key.byte, key.size);
	(void) crypto_auth_hmacsha512256_update(&s, out, PEER_MSG_SIZE - 32);
	(void) crypto_auth_hmacsha512256_final(&s, out + PEER_MSG_SIZE - 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct peers_ops ops = {
		.send = on_send,
		.limit = limit,
		.may = may,
		.give = give,
		.over = over,
		.leftover = leftover,
		.tell = tell,
	};
	static const struct peer_def def = { "pe1", &key };
	_cleanup_(peers_freep) struct peers *p = peers_new(&ops, NULL);
	uint64_t now = 1000000000;

	must(p);
	memset(session, 0, sizeof(session));
	peers_configure(p, &def, 1, now);
	for (size_t at = 0; at < size; at += PEER_MSG_SIZE) {
		uint8_t in[PEER_MSG_SIZE] = { 0 }, good[PEER_MSG_SIZE];
		size_t n = size - at < sizeof(in) ? size - at : sizeof(in);

		memcpy(in, data + at, n);
		peers_receive(p, 0, data + at, n, now);
		seal(in, good);
		peers_receive(p, 0, good, sizeof(good), now);
		now += (uint64_t) in[7] * 10000;
		(void) peers_run(p, now);
		check(p);
	}
	return 0;
}
