/*
 * wg - peers of WireGuard, and the text of their keys.
 *
 * Design.  The answers of WG_CMD_GET_DEVICE hold the private key of the device and the preshared
 * ones of its peers; nothing here looks at them.  A device with many peers or addresses goes on in a
 * further message without its index, where the last peer may come again with the rest of its
 * addresses and nothing else, so a peer without its keepalive is the rest of one told already.
 */
#include "rtnl/codec.h"

#include <errno.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

static const struct nla_policy device_policy[WGDEVICE_A_MAX + 1] = {
	[WGDEVICE_A_IFINDEX] = { .type = NLA_U32 },
	[WGDEVICE_A_PEERS] = { .type = NLA_NESTED },
};
static const struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
	[WGPEER_A_PUBLIC_KEY] = { .minlen = 32, .maxlen = 32 },
	[WGPEER_A_ENDPOINT] = { .minlen = sizeof(struct sockaddr_in) },
	[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { .type = NLA_U16 },
};

static void get_endpoint(const struct nlattr *a, struct anod_wgpeer *ret)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (!a)
		return;
	memcpy(&four, nla_data(a), sizeof(four));
	if (four.sin_family == AF_INET) {
		ret->endpoint = (struct anod_prefix){ .family = AF_INET, .len = 32 };
		memcpy(ret->endpoint.addr, &four.sin_addr, 4);
		ret->port = ntohs(four.sin_port);
	} else if (four.sin_family == AF_INET6 && nla_len(a) >= (int) sizeof(six)) {
		memcpy(&six, nla_data(a), sizeof(six));
		ret->endpoint = (struct anod_prefix){ .family = AF_INET6, .len = 128 };
		memcpy(ret->endpoint.addr, &six.sin6_addr, 16);
		ret->port = ntohs(six.sin6_port);
	}
}

static int decode_peer(struct nlattr *nest, uint32_t ifindex, anod_wgpeer_fn *each, void *data)
{
	struct anod_object o = { .type = ANOD_OBJ_WGPEER };
	struct nlattr *tb[WGPEER_A_MAX + 1];

	if (nla_parse(tb, WGPEER_A_MAX, nla_data(nest), nla_len(nest), peer_policy) < 0)
		return -EBADMSG;
	if (!tb[WGPEER_A_PUBLIC_KEY] || !tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
		return 0;

	o.u.wgpeer.ifindex = ifindex;
	memcpy(o.u.wgpeer.public_key, nla_data(tb[WGPEER_A_PUBLIC_KEY]), 32);
	o.u.wgpeer.keepalive_s = nla_get_u16(tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
	get_endpoint(tb[WGPEER_A_ENDPOINT], &o.u.wgpeer);
	each(data, &o);
	return 0;
}

int anod_wgpeer_decode(const void *attrs, size_t size, uint32_t *ifindex, anod_wgpeer_fn *each,
		       void *data)
{
	struct nlattr *tb[WGDEVICE_A_MAX + 1], *peer;
	int rest, r = 0;

	if (size > INT32_MAX || nla_parse(tb, WGDEVICE_A_MAX, (struct nlattr *) (uintptr_t) attrs,
					  (int) size, device_policy) < 0)
		return -EBADMSG;
	*ifindex = wire_get_u32(tb[WGDEVICE_A_IFINDEX], *ifindex);
	if (!tb[WGDEVICE_A_PEERS])
		return 0;
	nla_for_each_nested(peer, tb[WGDEVICE_A_PEERS], rest)
	{
		r = decode_peer(peer, *ifindex, each, data);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- keys as text (RFC 4648, section 4) ---------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *anod_wgkey_text(const uint8_t key[32], char ret[ANOD_WGKEY_TEXT])
{
	char *at = ret;

	for (unsigned i = 0; i < 33; i += 3) {
		uint32_t bits = (uint32_t) key[i] << 16 | (uint32_t) key[i + 1] << 8 |
				(i + 2 < 32 ? key[i + 2] : 0u);

		for (unsigned k = 0; k < 4; k++)
			*at++ = digits[bits >> (18 - 6 * k) & 63];
	}
	ret[43] = '=';
	ret[44] = '\0';
	return ret;
}

int anod_wgkey_parse(const char *text, uint8_t ret[32])
{
	uint8_t key[33] = { 0 };
	char again[ANOD_WGKEY_TEXT];

	if (strnlen(text, ANOD_WGKEY_TEXT) != 44 || text[43] != '=')
		return -EINVAL;
	for (unsigned i = 0; i < 43; i++) {
		const char *digit = strchr(digits, text[i]);
		uint32_t six = digit ? (uint32_t) (digit - digits) : 64;

		if (six > 63)
			return -EINVAL;
		for (unsigned b = 0; b < 6; b++)
			if (six & (32u >> b))
				key[(i * 6 + b) / 8] |= (uint8_t) (0x80u >> (i * 6 + b) % 8);
	}
	/* Two bits of the last digit stand for nothing: one text for each key. */
	if (strcmp(anod_wgkey_text(key, again), text) != 0)
		return -EINVAL;
	memcpy(ret, key, 32);
	return 0;
}
