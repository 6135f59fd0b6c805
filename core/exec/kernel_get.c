/*
 * kernel_get - read one object by its key.
 *
 * Design.  The kernel has no request for a route of given table, prefix and metric.  A look-up of
 * an address in the prefix gives the route that would carry it (RTM_F_FIB_MATCH), which nearly
 * always is the one wanted and costs microseconds whatever the size of the table.  When it is
 * another one, only a dump can tell, and there messages are passed over by their prefix before
 * they are decoded: of 100,000 routes one or two are.
 */
#include "exec/kernel.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netlink/attr.h>

#include "base/util.h"

struct wanted {
	const struct anod_object *key;
	struct anod_object *obj;
	bool found;
};

static int want(void *data, const struct anod_object *obj)
{
	struct wanted *w = data;

	if (!obj) {
		w->found = false;
		memset(w->obj, 0, sizeof(*w->obj));
	} else if (!anod_object_same_key(obj, w->key)) {
		return 0;
	} else if (obj->flags & ANOD_OBJ_BELOW) {
		anod_object_merge_below(w->obj, obj);
		w->found = true;
	} else if (!w->found) {
		*w->obj = *obj;
		w->found = true;
	}

	return 0;
}

static unsigned address_size(const struct anod_prefix *p)
{
	return p->family == AF_INET6 ? 16 : 4;
}

/* False only when it is certainly a route to another prefix. */
static bool may_be_route(void *data, const struct nlmsghdr *msg)
{
	const struct wanted *w = data;
	const struct anod_prefix *dst = &w->key->u.route.dst;
	const struct rtmsg *r = (const void *) ((const uint8_t *) msg + NLMSG_HDRLEN);
	const struct nlattr *a;

	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*r)))
		return true; /* for the decoder to refuse */
	if (r->rtm_dst_len != dst->len)
		return false;

	a = nla_find((const struct nlattr *) (r + 1),
		     (int) (msg->nlmsg_len - NLMSG_LENGTH(sizeof(*r))), RTA_DST);
	return !a || nla_len(a) < (int) address_size(dst) ||
	       memcmp(nla_data(a), dst->addr, address_size(dst)) == 0;
}

static bool may_be_qdisc(void *data, const struct nlmsghdr *msg)
{
	const struct wanted *w = data;
	const struct tcmsg *t = (const void *) ((const uint8_t *) msg + NLMSG_HDRLEN);

	return msg->nlmsg_len < NLMSG_LENGTH(sizeof(*t)) ||
	       (uint32_t) t->tcm_ifindex == w->key->u.qdisc.ifindex;
}

/* The words that the kernel has for "there is none". */
static bool means_none(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -ENODEV;
}

/* An address that the route to 'dst' would carry, unless a longer prefix does. */
static void address_in(const struct anod_prefix *dst, uint8_t ret[16])
{
	memcpy(ret, dst->addr, 16);
	/* The unspecified address means something else; these two are reserved, so that only a
	 * default route leads there. */
	if (dst->len == 0)
		ret[0] = dst->family == AF_INET6 ? 0x40 : 240;
	if (dst->len == 0)
		ret[address_size(dst) - 1] = 1;
}

/* True: found.  False says nothing. */
static bool route_by_lookup(struct kernel *k, struct wanted *w)
{
	const struct anod_prefix *dst = &w->key->u.route.dst;
	unsigned n = address_size(dst);
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		struct rtattr a;
		uint8_t addr[16];
	} msg = {
		.h = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = dst->family,
		       .rtm_dst_len = (uint8_t) (n * 8),
		       .rtm_flags = RTM_F_FIB_MATCH },
		.a = { .rta_type = RTA_DST, .rta_len = (uint16_t) RTA_LENGTH(n) },
	};

	address_in(dst, msg.addr);
	msg.h.nlmsg_len = (uint32_t) (offsetof(__typeof__(msg), addr) + n);
	return kernel_dump(k, &msg, msg.h.nlmsg_len, want, NULL, w) == 0 && w->found;
}

static int on_filter(void *data, const struct nlmsghdr *msg)
{
	if (msg->nlmsg_type == RTM_NEWTFILTER)
		*(bool *) data = true;
	return 0;
}

/* Filters go with the qdisc that they hang on, and no object holds them. */
static int look_for_filters(struct kernel *k, struct anod_object *o)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
	} msg = {
		.h = { .nlmsg_type = RTM_GETTFILTER,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		       .nlmsg_len = sizeof(msg) },
		.t = { .tcm_ifindex = (int) o->u.qdisc.ifindex, .tcm_parent = o->u.qdisc.handle },
	};
	bool found = false;
	int r = kernel_ask(k, &msg, sizeof(msg), on_filter, &found);

	if (found)
		o->flags |= ANOD_OBJ_LOSSY;
	return r == -EOPNOTSUPP ? 0 : r; /* a kernel without filters */
}

int kernel_get_ready(struct kernel *k, const void *msg, size_t len, const struct anod_object *key,
		     struct anod_object *ret)
{
	struct anod_object obj = { 0 };
	struct wanted w = { .key = key, .obj = &obj };
	bool route = key->type == ANOD_OBJ_ROUTE;
	struct nlmsghdr h = { 0 };
	int r = 0;

	memcpy(&h, msg, MIN_OF(len, sizeof(h)));
	if (anod_own_is(&h))
		return kernel_own_get(k, msg, len, key, ret);
	if (!route || !route_by_lookup(k, &w))
		r = kernel_dump(k, msg, len, want,
				route			      ? may_be_route
				: key->type == ANOD_OBJ_QDISC ? may_be_qdisc
							      : NULL,
				&w);
	if (r < 0 && !means_none(r))
		return r;
	if (r < 0 || !w.found)
		return -ENOENT;

	r = obj.type == ANOD_OBJ_QDISC ? look_for_filters(k, &obj) : 0;
	if (r < 0)
		return r;
	*ret = obj;
	return 0;
}

int kernel_get(struct kernel *k, const struct anod_object *key, struct anod_object *ret)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	int n = anod_rtnl_encode(ANOD_RTNL_GET, key, NULL, msg);

	if (n < 0)
		return kernel_fail(k, n, "there is no request for this object");

	return kernel_get_ready(k, msg, (size_t) n, key, ret);
}

static struct kernel *of_view(const struct anod_view *v)
{
	return (struct kernel *) ((uintptr_t) v - offsetof(struct kernel, view));
}

static int view_get(const struct anod_view *v, const struct anod_object *key,
		    struct anod_object *ret)
{
	return kernel_get(of_view(v), key, ret);
}

static int view_ifindex(const struct anod_view *v, const char *name)
{
	struct kernel *k = of_view(v);
	struct ifreq request = { 0 };

	if (k->fd < 0)
		return -EBADF;
	if (!copy_text(request.ifr_name, sizeof(request.ifr_name), name))
		return -ENODEV;
	if (ioctl(k->fd, SIOCGIFINDEX, &request) < 0)
		return -errno;

	return request.ifr_ifindex;
}

void kernel_view_init(struct anod_view *v)
{
	*v = (struct anod_view){ .get = view_get, .ifindex = view_ifindex };
}
