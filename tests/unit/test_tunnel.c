/* The agent that follows WireGuard peers, and the decoder of their sensor. */
#include "fake_agent_host.h"

#include <criterion/criterion.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <stdio.h>
#include <string.h>

#include <anod/netlink.h>
#include <anod/rtnl.h>

#include "unit/netlab.h"

#include "plugins/wireguard/peers.c"

#define S    1000000ULL
#define KEY  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PEER "wg0/" KEY

/* ---- messages, built after uapi/linux/wireguard.h ----------------------------------------- */

static const struct anod_nl_family family = { .id = 0x20, .version = 1 };

static void add_peer(struct anod_nl_put *p, uint8_t key, int64_t handshake, uint64_t rx)
{
	uint32_t nest = anod_nl_nest(p, 0);
	uint8_t bytes[32];
	struct __kernel_timespec t = { .tv_sec = handshake };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(51820) };

	memset(bytes, key, sizeof(bytes));
	anod_nl_attr(p, WGPEER_A_PUBLIC_KEY, bytes, sizeof(bytes));
	memset(bytes, 0xee, sizeof(bytes));
	anod_nl_attr(p, WGPEER_A_PRESHARED_KEY, bytes, sizeof(bytes));
	anod_nl_attr(p, WGPEER_A_LAST_HANDSHAKE_TIME, &t, sizeof(t));
	anod_nl_u16(p, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	anod_nl_u64(p, WGPEER_A_RX_BYTES, rx);
	anod_nl_u64(p, WGPEER_A_TX_BYTES, 7);
	to.sin_addr.s_addr = htonl(0xcb007101);
	anod_nl_attr(p, WGPEER_A_ENDPOINT, &to, sizeof(to));
	anod_nl_nest_end(p, nest);
}

static struct nlmsghdr *device(struct anod_nl_put *p)
{
	uint8_t secret[32];
	uint32_t peers, rest;

	memset(secret, 0xee, sizeof(secret));
	anod_nl_begin_genl(p, &family, WG_CMD_GET_DEVICE, 0);
	anod_nl_u32(p, WGDEVICE_A_IFINDEX, 9);
	anod_nl_attr(p, WGDEVICE_A_PRIVATE_KEY, secret, sizeof(secret));
	peers = anod_nl_nest(p, WGDEVICE_A_PEERS);
	add_peer(p, 1, 1000, 123);
	rest = anod_nl_nest(p, 0); /* the rest of the one before: addresses only */
	memset(secret, 1, sizeof(secret));
	anod_nl_attr(p, WGPEER_A_PUBLIC_KEY, secret, sizeof(secret));
	anod_nl_nest_end(p, rest);
	add_peer(p, 2, 0, UINT64_MAX);
	anod_nl_nest_end(p, peers);
	return (struct nlmsghdr *) (uintptr_t) anod_nl_end(p);
}

Test(tunnel, peers_are_read_and_secrets_are_not_kept)
{
	struct peer peer[PEERS_MESSAGE_MAX];
	uint8_t secret[32];
	struct anod_nl_put p;
	struct nlmsghdr *h = device(&p);
	uint32_t ifindex = 0;

	cr_assert_not_null(h);
	cr_assert_eq(peers_parse(h, &ifindex, peer), 2);
	cr_expect_eq(ifindex, 9);
	cr_expect_eq(peer[0].object.u.wgpeer.public_key[0], 1);
	cr_expect_eq(peer[0].object.u.wgpeer.port, 51820);
	cr_expect_eq(peer[0].object.u.wgpeer.keepalive_s, 25);
	cr_expect_eq(peer[0].handshake_s, 1000);
	cr_expect_eq(peer[0].rx_bytes, 123);
	cr_expect_eq(peer[0].tx_bytes, 7);
	cr_expect_eq(peer[1].object.u.wgpeer.public_key[0], 2);
	cr_expect_eq(peer[1].handshake_s, 0, "never");
	cr_expect_eq(peer[1].rx_bytes, INT64_MAX);

	memset(secret, 0xee, sizeof(secret));
	cr_expect_not_null(memmem(h, h->nlmsg_len, secret, sizeof(secret)));
	peers_wipe(h);
	cr_expect_null(memmem(h, h->nlmsg_len, secret, sizeof(secret)));
	cr_expect_eq(peers_parse(h, &ifindex, peer), 2, "and nothing else is");
	h->nlmsg_len = NLMSG_HDRLEN + 2;
	cr_expect_eq(peers_parse(h, &ifindex, peer), -EBADMSG);
	peers_wipe(h);
}

Test(tunnel, decoder_reads_what_the_kernel_said)
{
	static uint8_t buf[4096] __attribute__((aligned(8)));
	struct peer peer[PEERS_MESSAGE_MAX];
	struct anod_prefix four = netlab_address("127.0.0.1"), six = netlab_address("::1");
	uint32_t ifindex = 0;
	FILE *f = fopen(SOURCE_DIR "/tests/fuzz/corpus/wireguard/two-peers", "r");

	cr_assert(f);
	cr_assert_gt(fread(buf, 1, sizeof(buf), f), 500);
	(void) fclose(f);
	cr_assert_eq(peers_parse((void *) buf, &ifindex, peer), 2, "recorded on 6.1");
	cr_expect_gt(ifindex, 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct anod_wgpeer *w = &peer[i].object.u.wgpeer;
		bool is_four = w->endpoint.family == AF_INET;

		cr_expect_eq(memcmp(&w->endpoint, is_four ? &four : &six, sizeof(four)), 0);
		cr_expect_eq(w->port, is_four ? 51821 : 51822);
		cr_expect_eq(w->keepalive_s, is_four ? 25 : 0);
		cr_expect_eq(peer[i].handshake_s, 0);
	}
}

/* ---- the agent ---------------------------------------------------------------------------- */

static int64_t rx, tx, age_s;

static void seconds(struct fake *f, unsigned n, int64_t received, int64_t sent)
{
	while (n--) {
		rx += received;
		tx += sent;
		age_s++;
		fake_int(f, "wg_peer", PEER, "rx_bytes", rx);
		fake_int(f, "wg_peer", PEER, "tx_bytes", tx);
		fake_int(f, "wg_peer", PEER, "handshake_age", age_s * (int64_t) S);
		fake_advance(f, S);
	}
}

static struct fake *new_tunnel(void)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/tunnel.so");

	rx = tx = age_s = 0;
	fake_opt_text(f, "dev", "wg0");
	fake_opt_text(f, "peer", KEY);
	fake_opt_prefix(f, "endpoints", "203.0.113.1");
	fake_opt_prefix(f, "endpoints", "203.0.113.2");
	fake_opt_prefix(f, "endpoints", "203.0.113.3");
	fake_opt_int(f, "silent", 10 * S);
	fake_opt_int(f, "stale", 180 * S);
	fake_prefix(f, "wg_peer", PEER, "endpoint", "203.0.113.1");
	cr_assert_eq(fake_start(f), 0);
	seconds(f, 5, 100, 100);
	return f;
}

static const char *endpoint(struct fake *f, unsigned n)
{
	static const char *const all[] = { "203.0.113.1", "203.0.113.2", "203.0.113.3" };

	cr_assert_eq(f->n_proposals, n);
	for (unsigned i = 0; i < 3; i++)
		if (fake_arg_is(&f->proposal[n - 1].p.action[0], "endpoint", all[i]))
			return all[i];
	return NULL;
}

Test(tunnel, other_addresses_are_tried_in_turn)
{
	struct fake *f = new_tunnel();

	seconds(f, 150, 0, 100);
	cr_expect_eq(fake_n_open(f), 0, "the keys are good for three minutes");
	seconds(f, 40, 0, 100);
	cr_assert_not_null(fake_open(f, "tunnel-stale", PEER));
	cr_expect_str_eq(endpoint(f, 1), "203.0.113.2");
	cr_expect(fake_arg_is(&f->proposal[0].p.action[0], "peer", KEY));
	fake_verdict(f, 0, ANOD_ROLLED_BACK, "no handshake");
	seconds(f, 2, 0, 100);
	cr_expect_str_eq(endpoint(f, 2), "203.0.113.3");
	fake_prefix(f, "wg_peer", PEER, "endpoint", "203.0.113.3");
	age_s = 0;
	seconds(f, 3, 100, 100);
	fake_verdict(f, 1, ANOD_COMMITTED, NULL);
	seconds(f, 2, 100, 100);
	cr_expect_eq(fake_n_open(f), 0);
	fake_free(f);
}

Test(tunnel, idle_tunnel_is_left_alone)
{
	struct fake *f = new_tunnel();

	seconds(f, 1, 100, 0);
	seconds(f, 1, 0, 32); /* the empty packet that says that this was heard */
	seconds(f, 400, 0, 0);
	cr_expect(!fake_n_open(f) && !f->n_proposals);
	fake_unknown(f, "wg_peer", PEER, "rx_bytes");
	fake_advance(f, 400 * S);
	cr_expect(!fake_n_open(f) && !f->n_proposals, "unknown is not silent");
	seconds(f, 1, 100, 0);
	age_s = 200;
	for (unsigned i = 0; i < 3; i++) {
		seconds(f, 1, 0, 32);
		seconds(f, 8, 0, 0);
	}
	cr_expect(!fake_n_open(f) && !f->n_proposals, "empty packets want no answer");
	fake_free(f);
}

Test(tunnel, when_all_have_been_tried_it_rests)
{
	struct fake *f = new_tunnel();

	seconds(f, 200, 0, 100);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(f->n_proposals, i + 1);
		fake_verdict(f, i, ANOD_ROLLED_BACK, "no handshake");
		seconds(f, 2, 0, 100);
	}
	cr_expect_eq(f->n_proposals, 3);
	seconds(f, 50, 0, 100);
	cr_expect_eq(f->n_proposals, 3);
	seconds(f, 20, 0, 100);
	cr_expect_eq(f->n_proposals, 4);
	fake_free(f);
}
