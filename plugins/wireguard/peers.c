/*
 * peers - one message of WG_CMD_GET_DEVICE, taken apart.
 *
 * Design.  What makes a peer an object is decoded where the executor decodes it (anod/rtnl.h), the
 * statistics beside it are read in a second pass over the same peers.  The kernel sends the private
 * key of the device and the preshared keys of the peers along, whether asked or not.
 */
#include "peers.h"

#include <anod/rtnl.h>

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <string.h>

struct found {
	struct peer *peer;
	unsigned n;
};

static void take(void *data, const struct anod_object *o)
{
	struct found *f = data;

	if (f->n < PEERS_MESSAGE_MAX)
		f->peer[f->n++] = (struct peer){ .object = *o };
}

static struct nlattr *attrs_of(const struct nlmsghdr *msg, size_t *ret_size)
{
	if (msg->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return NULL;
	*ret_size = msg->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	return (struct nlattr *) ((uint8_t *) (uintptr_t) msg + NLMSG_HDRLEN + GENL_HDRLEN);
}

static int64_t number(const struct nlattr *a)
{
	uint64_t v;

	if (!a || nla_len(a) < (int) sizeof(v))
		return 0;
	memcpy(&v, nla_data(a), sizeof(v));
	return v > INT64_MAX ? INT64_MAX : (int64_t) v;
}

static void take_statistics(struct nlattr *const *tb, struct peer *p)
{
	const struct nlattr *a = tb[WGPEER_A_LAST_HANDSHAKE_TIME];
	struct __kernel_timespec t = { 0 };

	if (a && nla_len(a) >= (int) sizeof(t))
		memcpy(&t, nla_data(a), sizeof(t));
	p->handshake_s = t.tv_sec > 0 ? t.tv_sec : 0;
	p->rx_bytes = number(tb[WGPEER_A_RX_BYTES]);
	p->tx_bytes = number(tb[WGPEER_A_TX_BYTES]);
}

int peers_parse(const struct nlmsghdr *msg, uint32_t *ifindex, struct peer ret[PEERS_MESSAGE_MAX])
{
	struct nlattr *tb[WGDEVICE_A_MAX + 1] = { 0 }, *of[WGPEER_A_MAX + 1], *nest;
	struct found f = { .peer = ret };
	size_t size;
	struct nlattr *attrs = attrs_of(msg, &size);
	unsigned n = 0;
	int rest;

	if (!attrs || anod_wgpeer_decode(attrs, size, ifindex, take, &f) < 0 ||
	    nla_parse(tb, WGDEVICE_A_MAX, attrs, (int) size, NULL) < 0)
		return -EBADMSG;
	if (!tb[WGDEVICE_A_PEERS])
		return 0;
	nla_for_each_nested(nest, tb[WGDEVICE_A_PEERS], rest)
	{
		if (n == f.n ||
		    nla_parse(of, WGPEER_A_MAX, nla_data(nest), nla_len(nest), NULL) < 0)
			break;
		/* The rest of a peer that was told already has none of this. */
		if (!of[WGPEER_A_PUBLIC_KEY] || nla_len(of[WGPEER_A_PUBLIC_KEY]) < WG_KEY_LEN ||
		    memcmp(nla_data(of[WGPEER_A_PUBLIC_KEY]), ret[n].object.u.wgpeer.public_key,
			   WG_KEY_LEN) != 0 ||
		    !of[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
			continue;
		take_statistics(of, &ret[n++]);
	}
	return (int) n;
}

static void wipe(struct nlattr *a)
{
	if (a)
		explicit_bzero(nla_data(a), (size_t) nla_len(a));
}

void peers_wipe(const struct nlmsghdr *msg)
{
	struct nlattr *tb[WGDEVICE_A_MAX + 1] = { 0 }, *of[WGPEER_A_MAX + 1], *nest;
	size_t size;
	struct nlattr *attrs = attrs_of(msg, &size);
	int rest;

	if (!attrs || nla_parse(tb, WGDEVICE_A_MAX, attrs, (int) size, NULL) < 0)
		return;
	wipe(tb[WGDEVICE_A_PRIVATE_KEY]);
	if (!tb[WGDEVICE_A_PEERS])
		return;
	nla_for_each_nested(nest, tb[WGDEVICE_A_PEERS],
			    rest) if (nla_parse(of, WGPEER_A_MAX, nla_data(nest), nla_len(nest),
						NULL) >= 0) wipe(of[WGPEER_A_PRESHARED_KEY]);
}
