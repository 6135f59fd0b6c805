/*
 * kernel_wg - reads and sets one peer of a WireGuard interface, by generic netlink.
 *
 * Design.  The family's number is asked for each time, because the module may have been loaded
 * again since.  A change is only ever of a peer that is there (WGPEER_F_UPDATE_ONLY) and of the
 * members that differ.  The kernel answers a question for a device with its private key; what was
 * received is wiped at once.
 */
#include "exec/kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "rtnl/wire.h"

#define TRIES 8

static int cannot_open(struct kernel *k, int error)
{
	(void) kernel_fail(k, error, "opening generic netlink");
	return error;
}

static int genl(struct kernel *k, struct kernel **ret)
{
	int r;

	if (!k->genl) {
		struct kernel *g = malloc(sizeof(*g));

		if (!g)
			return cannot_open(k, -ENOMEM);
		r = kernel_open_protocol(g, NETLINK_GENERIC);
		if (r < 0) {
			free(g);
			return cannot_open(k, r);
		}
		k->genl = g;
	}
	*ret = k->genl;
	return 0;
}

/* What went wrong there is what went wrong here. */
static int hand_on(struct kernel *k, const struct kernel *g, int r)
{
	if (r < 0) {
		k->error = g->error;
		memcpy(k->why, g->why, sizeof(k->why));
	}
	return r;
}

static int take_family(void *data, const struct nlmsghdr *m)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	bool more = false;

	if (wire_parse(m, GENL_HDRLEN, tb, CTRL_ATTR_MAX, NULL, 0, &more) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_ID] || nla_len(tb[CTRL_ATTR_FAMILY_ID]) < 2)
		return -EBADMSG;
	*(uint16_t *) data = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

/* The number of WireGuard's family, or -ENOENT: it is not in this kernel. */
static int find_family(struct kernel *k, struct kernel *g)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	uint16_t id = 0;
	struct genlmsghdr *h;
	struct put p;
	int r;

	h = put_begin(&p, msg, GENL_ID_CTRL, 0, sizeof(*h));
	*h = (struct genlmsghdr){ .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	put_name(&p, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	r = put_end(&p);
	if (r >= 0)
		r = kernel_ask(g, msg, (size_t) r, take_family, &id);
	if (r < 0)
		return hand_on(k, g, r);
	return id;
}

/* A message to WireGuard about an interface: the family's number, or -errno. */
static int begin(struct kernel *k, struct kernel **ret_g, struct put *p, void *buf, uint8_t cmd,
		 uint16_t flags, uint32_t ifindex)
{
	struct genlmsghdr *h;
	int r;

	r = genl(k, ret_g);
	if (r >= 0)
		r = find_family(k, *ret_g);
	if (r < 0)
		return r;
	h = put_begin(p, buf, (uint16_t) r, flags, sizeof(*h));
	*h = (struct genlmsghdr){ .cmd = cmd, .version = WG_GENL_VERSION };
	put_u32(p, WGDEVICE_A_IFINDEX, ifindex);
	return 0;
}

static void put_endpoint(struct put *p, const struct anod_wgpeer *w)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(w->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(w->port) };

	if (w->endpoint.family == AF_INET) {
		memcpy(&four.sin_addr, w->endpoint.addr, 4);
		put_attr(p, WGPEER_A_ENDPOINT, &four, sizeof(four));
	} else {
		memcpy(&six.sin6_addr, w->endpoint.addr, 16);
		put_attr(p, WGPEER_A_ENDPOINT, &six, sizeof(six));
	}
}

int kernel_wg_set(struct kernel *k, const struct anod_own_peer *m)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	struct kernel *g = NULL;
	struct put p;
	size_t peers, peer;
	int r;

	r = begin(k, &g, &p, msg, WG_CMD_SET_DEVICE, NLM_F_ACK, m->peer.ifindex);
	if (r < 0)
		return r;
	peers = put_nest(&p, WGDEVICE_A_PEERS);
	peer = put_nest(&p, 0);
	put_attr(&p, WGPEER_A_PUBLIC_KEY, m->peer.public_key, sizeof(m->peer.public_key));
	put_u32(&p, WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY);
	if (m->members & ANOD_WGPEER_ENDPOINT)
		put_endpoint(&p, &m->peer);
	if (m->members & ANOD_WGPEER_KEEPALIVE)
		put_u16(&p, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, m->peer.keepalive_s);
	put_nest_end(&p, peer);
	put_nest_end(&p, peers);
	r = put_end(&p);
	return r < 0 ? r : hand_on(k, g, kernel_send(g, msg, (size_t) r));
}

struct wanted {
	const struct anod_wgpeer *key;
	struct anod_object *obj;
	uint32_t ifindex;
	bool found;
};

static void take_peer(void *data, const struct anod_object *o)
{
	struct wanted *w = data;

	if (o->u.wgpeer.ifindex != w->key->ifindex ||
	    memcmp(o->u.wgpeer.public_key, w->key->public_key, 32) != 0)
		return;
	*w->obj = *o;
	w->found = true;
}

static int take_device(void *data, const struct nlmsghdr *m)
{
	const size_t head = NLMSG_HDRLEN + GENL_HDRLEN;
	struct wanted *w = data;

	if (m->nlmsg_len < head)
		return -EBADMSG;
	return anod_wgpeer_decode((const uint8_t *) m + head, m->nlmsg_len - head, &w->ifindex,
				  take_peer, w);
}

int kernel_wg_get(struct kernel *k, const struct anod_wgpeer *key, struct anod_object *ret)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	struct kernel *g = NULL;
	struct put p;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		struct wanted w = { .key = key, .obj = ret, .ifindex = key->ifindex };

		r = begin(k, &g, &p, msg, WG_CMD_GET_DEVICE, NLM_F_DUMP, key->ifindex);
		if (r >= 0)
			r = put_end(&p);
		if (r < 0)
			break;
		r = hand_on(k, g, kernel_ask(g, msg, (size_t) r, take_device, &w));
		if (r >= 0 && !w.found)
			r = -ENOENT;
	}
	if (g && g->buf)
		explicit_bzero(g->buf, KERNEL_BUF_SIZE);
	/* No such interface, or one that is no tunnel of WireGuard. */
	return r == -ENODEV || r == -EOPNOTSUPP ? -ENOENT : r;
}
