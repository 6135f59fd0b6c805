/*
 * own - requests for what rtnetlink does not know, in the form of its messages.
 *
 * Design.  A step holds two requests as bytes, is journaled with them and sent by whoever is left to
 * undo.  A sysctl, a peer of WireGuard and a unit get the same form, with types of their own and the
 * object as payload, so that nothing but the last yard (core/exec/kernel_own.c) has to know them.
 * The payload has one length for each type and every byte of it is checked, because these bytes come
 * back from a file.
 */
#include "rtnl/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "rtnl/sysctl.h"

bool anod_own_is(const struct nlmsghdr *msg)
{
	return msg->nlmsg_type >= ANOD_OWN_FIRST && msg->nlmsg_type <= ANOD_OWN_LAST;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Nobody gives us a message of these: sensors hand over objects. */
int codec_own_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	(void) m;
	(void) ret;
	return 0;
}

static void put_own(struct put *p, void *buf, uint16_t type, bool get, const void *data,
		    size_t size)
{
	memcpy(put_begin(p, buf, type, get ? 0 : NLM_F_ACK, size), data, size);
}

int codec_sysctl_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
			const struct anod_object *from, void *buf, struct put *p)
{
	bool get = verb == ANOD_RTNL_GET;
	struct anod_sysctl s = o->u.sysctl;

	(void) from;
	if (verb == ANOD_RTNL_DEL || !anod_sysctl_find(s.name))
		return -EOPNOTSUPP;
	if (get)
		s.value = 0;
	put_own(p, buf, get ? ANOD_OWN_SYSCTL_GET : ANOD_OWN_SYSCTL_SET, get, &s, sizeof(s));
	return 0;
}

static bool same_endpoint(const struct anod_wgpeer *a, const struct anod_wgpeer *b)
{
	return memcmp(&a->endpoint, &b->endpoint, sizeof(a->endpoint)) == 0 && a->port == b->port;
}

int codec_wgpeer_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
			const struct anod_object *from, void *buf, struct put *p)
{
	struct anod_own_peer m = { .peer = o->u.wgpeer };
	const struct anod_wgpeer *w = &m.peer, *was = from ? &from->u.wgpeer : NULL;
	bool get = verb == ANOD_RTNL_GET;

	/* A peer is never made or deleted: its other half is a secret of others. */
	if (verb == ANOD_RTNL_DEL)
		return -EOPNOTSUPP;
	if (get) {
		m.peer = (struct anod_wgpeer){ .ifindex = w->ifindex };
		memcpy(m.peer.public_key, o->u.wgpeer.public_key, sizeof(m.peer.public_key));
	} else {
		if (!was || !same_endpoint(w, was))
			m.members |= ANOD_WGPEER_ENDPOINT;
		if (!was || w->keepalive_s != was->keepalive_s)
			m.members |= ANOD_WGPEER_KEEPALIVE;
		/* An endpoint can be changed, but not be taken away. */
		if (m.members & ANOD_WGPEER_ENDPOINT && !w->endpoint.family)
			return -EOPNOTSUPP;
	}
	put_own(p, buf, get ? ANOD_OWN_WGPEER_GET : ANOD_OWN_WGPEER_SET, get, &m, sizeof(m));
	return 0;
}

int codec_unit_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		      const struct anod_object *from, void *buf, struct put *p)
{
	bool get = verb == ANOD_RTNL_GET;
	struct anod_sdunit u = o->u.unit;

	(void) from;
	if (verb == ANOD_RTNL_DEL || !anod_unit_valid(u.name))
		return -EOPNOTSUPP;
	if (get) {
		u.starts = 0;
		u.active = 0;
	}
	put_own(p, buf, get ? ANOD_OWN_UNIT_GET : ANOD_OWN_UNIT_START, get, &u, sizeof(u));
	return 0;
}

/* ---- checking ------------------------------------------------------------------------------ */

static bool sysctl_sound(const void *data, bool get)
{
	struct anod_sysctl s;
	char why[8];

	memcpy(&s, data, sizeof(s));
	if (!get)
		return anod_sysctl_check(&s, why, sizeof(why)) == 0;
	return text_whole(s.name, sizeof(s.name)) && anod_sysctl_find(s.name) && s.value == 0;
}

static bool host_sound(const struct anod_prefix *p)
{
	unsigned bits = family_bits(p->family);

	if (!p->family)
		return true;
	if (!bits || p->len != bits)
		return false;
	for (unsigned i = bits / 8; i < sizeof(p->addr); i++)
		if (p->addr[i])
			return false;
	return true;
}

static bool peer_sound(const void *data, bool get)
{
	const uint32_t known = ANOD_WGPEER_ENDPOINT | ANOD_WGPEER_KEEPALIVE;
	struct anod_own_peer m;

	memcpy(&m, data, sizeof(m));
	if (m.peer.ifindex == 0 || m.peer.ifindex > INT32_MAX || m.pad || m.members & ~known ||
	    (m.members == 0) != get || !host_sound(&m.peer.endpoint))
		return false;
	return !(m.members & ANOD_WGPEER_ENDPOINT) || (m.peer.endpoint.family && m.peer.port);
}

static bool unit_sound(const void *data)
{
	struct anod_sdunit u;

	memcpy(&u, data, sizeof(u));
	return text_whole(u.name, sizeof(u.name)) && anod_unit_valid(u.name);
}

bool anod_own_sound(const void *msg, size_t len, bool get)
{
	const uint8_t *data = (const uint8_t *) msg + NLMSG_HDRLEN;
	struct nlmsghdr h;
	size_t size;

	if (len < NLMSG_HDRLEN)
		return false;
	memcpy(&h, msg, sizeof(h));
	size = len - NLMSG_HDRLEN;
	if (h.nlmsg_len != len)
		return false;

	switch (h.nlmsg_type) {
	case ANOD_OWN_SYSCTL_SET:
	case ANOD_OWN_SYSCTL_GET:
		return get == (h.nlmsg_type == ANOD_OWN_SYSCTL_GET) &&
		       size == sizeof(struct anod_sysctl) && sysctl_sound(data, get);
	case ANOD_OWN_WGPEER_SET:
	case ANOD_OWN_WGPEER_GET:
		return get == (h.nlmsg_type == ANOD_OWN_WGPEER_GET) &&
		       size == sizeof(struct anod_own_peer) && peer_sound(data, get);
	case ANOD_OWN_UNIT_START:
	case ANOD_OWN_UNIT_GET:
		return get == (h.nlmsg_type == ANOD_OWN_UNIT_GET) &&
		       size == sizeof(struct anod_sdunit) && unit_sound(data);
	}
	return false;
}

/* ---- units --------------------------------------------------------------------------------- */

bool anod_unit_valid(const char *name)
{
	static const char *const never[] = { "anod", "dbus", "systemd-", "user@", "init." };
	static const char ends[] = ".service";
	size_t n = strnlen(name, ANOD_UNIT_SIZE);

	if (n >= ANOD_UNIT_SIZE || n < sizeof(ends) || strcmp(name + n - strlen(ends), ends) != 0)
		return false;
	/* systemd.unit(5) has more characters, of which nobody starts a name. */
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.@-\\") !=
	    n)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (strncmp(name, never[i], strlen(never[i])) == 0)
			return false;
	return true;
}
