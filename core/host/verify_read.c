/*
 * verify_read - all that the kernel knows, into a model of its own.
 *
 * Design.  Runs in a process of its own (verify.c), so it may block.  The messages go through the
 * codec of the sensor rtnl, and what that leaves out is left out here: the two pictures are
 * comparable byte for byte.  A dump that was not consistent is read again.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <anod/rtnl.h>

#include "host/host.h"

#define DUMP_TRIES 5

static const struct {
	uint16_t msg, head;
} types[ANOD_OBJ_TYPES] = {
	[ANOD_OBJ_LINK] = { RTM_GETLINK, sizeof(struct ifinfomsg) },
	[ANOD_OBJ_ADDR] = { RTM_GETADDR, sizeof(struct ifaddrmsg) },
	[ANOD_OBJ_ROUTE] = { RTM_GETROUTE, sizeof(struct rtmsg) },
	[ANOD_OBJ_NEXTHOP] = { RTM_GETNEXTHOP, sizeof(struct nhmsg) },
	[ANOD_OBJ_RULE] = { RTM_GETRULE, sizeof(struct fib_rule_hdr) },
};

struct reading {
	struct model *model;
	struct anod_object pending; /* a route whose twins may follow; type 0: none */
	bool interrupted;
};

static int keep(struct reading *r, const struct anod_object *o)
{
	int e = 0;

	if (r->pending.type && o && anod_object_same_key(&r->pending, o)) {
		anod_object_merge_twin(&r->pending, o);
		return 0;
	}
	if (r->pending.type)
		e = model_put(r->model, &r->pending);
	r->pending.type = 0;
	if (o && o->type == ANOD_OBJ_ROUTE)
		r->pending = *o;
	else if (o)
		e = model_put(r->model, o);
	return e;
}

/* 1: the dump is complete, 0: more follows, -errno. */
static int take_datagram(struct reading *r, void *buf, size_t left)
{
	struct nlmsghdr *m = buf;
	int32_t error = 0;

	for (; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		struct anod_object o;
		bool gone;

		if (m->nlmsg_flags & NLM_F_DUMP_INTR)
			r->interrupted = true;
		if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
			if (m->nlmsg_len >= NLMSG_HDRLEN + sizeof(error))
				memcpy(&error, NLMSG_DATA(m), sizeof(error));
			error = error == -EOPNOTSUPP ? 0 : error; /* no next-hop objects */
			return error < 0 ? error : keep(r, NULL) < 0 ? -ENOMEM : 1;
		}
		if (anod_rtnl_decode(m, &o, &gone) > 0 && !gone && !anod_object_is_noise(&o) &&
		    keep(r, &o) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_type(int fd, struct reading *r, uint32_t type)
{
	static uint8_t buf[64u << 10] __attribute__((aligned(8)));
	struct {
		struct nlmsghdr h;
		uint8_t rest[32];
	} q = { .h = { .nlmsg_type = types[type].msg,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		       .nlmsg_len = NLMSG_LENGTH(types[type].head) } };
	int e = 0;

	if (send(fd, &q, q.h.nlmsg_len, 0) < 0)
		return -errno;
	while (e == 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		e = take_datagram(r, buf, (size_t) n);
	}
	return e < 0 ? e : 0;
}

int verify_read(struct model *m)
{
	struct reading r = { .model = m };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1, e = 0;

	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	for (uint32_t t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES && e >= 0; t++) {
		for (unsigned k = 0; types[t].msg && k < DUMP_TRIES; k++) {
			r.interrupted = false;
			(void) model_sync(m, t, ANOD_SYNC_BEGIN);
			e = read_type(fd, &r, t);
			if (e >= 0)
				(void) model_sync(m, t, ANOD_SYNC_DONE);
			if (e < 0 || !r.interrupted)
				break;
		}
	}
	(void) close(fd);
	return e;
}
