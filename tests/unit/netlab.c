/*
 * netlab - a network namespace of the test's own, and a plain rtnetlink socket in it.
 *
 * Design.  Requests go through the codec under test, answers come back through it; strict
 * checking and extended acks are on as in the daemon.  Everything is synchronous: a test may
 * wait for the kernel.
 */
#include "unit/netlab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

typedef void answer_fn(const struct anod_object *o, void *data);

void netlab_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("no network namespaces here: %s", strerror(errno));
	netlab_run("ip link set lo up");
}

void netlab_run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	cr_assert_eq(system(command), 0, "failed: %s", command);
}

static bool is_running(int fd, const char *name)
{
	struct ifreq q = { 0 };

	(void) copy_text(q.ifr_name, sizeof(q.ifr_name), name);
	return ioctl(fd, SIOCGIFFLAGS, &q) == 0 && (q.ifr_flags & IFF_RUNNING);
}

/* Until the kernel has seen the carrier, frames are dropped without a count. */
static void wait_running(const char *name, const char *peer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	for (unsigned i = 0; i < 5000 && !(is_running(fd, name) && is_running(fd, peer)); i++)
		(void) usleep(1000);
	(void) close(fd);
}

void netlab_veth(const char *name, const char *peer)
{
	netlab_run("ip link add %s type veth peer name %s", name, peer);
	netlab_run("ip link set %s up && ip link set %s up", name, peer);
	wait_running(name, peer);
}

uint32_t netlab_ifindex(const char *name)
{
	uint32_t i = if_nametoindex(name);

	cr_assert_neq(i, 0, "no link %s", name);
	return i;
}

static int open_socket(void)
{
	struct timeval limit = { .tv_sec = 10 };
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *) &a, sizeof(a)), 0);
	cr_assert_eq(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

/* One datagram's messages.  1: go on, 0: the end, -errno. */
static int take_answers(struct nlmsghdr *m, size_t left, bool dump, answer_fn *fn, void *data)
{
	for (; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		struct anod_object o;
		bool gone;
		int r;

		if (m->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *) NLMSG_DATA(m))->error;
		if (m->nlmsg_type == NLMSG_DONE)
			return *(const int *) NLMSG_DATA(m);

		r = anod_rtnl_decode(m, &o, &gone);
		cr_assert_geq(r, 0, "cannot decode an answer of type %u", m->nlmsg_type);
		if (r > 0 && !gone && fn)
			fn(&o, data);
		if (!dump)
			return 0;
	}
	return 1;
}

static int talk(const void *msg, int len, answer_fn *fn, void *data)
{
	static char buf[65536] __attribute__((aligned(8)));
	const struct nlmsghdr *m = msg;
	bool dump = (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int fd = open_socket(), r;

	cr_assert_eq(send(fd, msg, (size_t) len, 0), len);
	do {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		cr_assert_gt(n, 0, "no answer: %s", strerror(errno));
		r = take_answers((struct nlmsghdr *) buf, (size_t) n, dump, fn, data);
	} while (r > 0);
	close(fd);
	return r;
}

static int encode_and_talk(enum anod_rtnl_verb verb, const struct anod_object *o,
			   const struct anod_object *from, answer_fn *fn, void *data)
{
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	int len = anod_rtnl_encode(verb, o, from, buf);

	return len < 0 ? len : talk(buf, len, fn, data);
}

int netlab_set(const struct anod_object *o, const struct anod_object *from)
{
	return encode_and_talk(ANOD_RTNL_SET, o, from, NULL, NULL);
}

int netlab_del(const struct anod_object *o)
{
	return encode_and_talk(ANOD_RTNL_DEL, o, NULL, NULL, NULL);
}

struct wanted {
	const struct anod_object *key;
	struct anod_object *ret;
	unsigned n;
};

static void take_wanted(const struct anod_object *o, void *data)
{
	struct wanted *w = data;

	if (anod_object_same_key(o, w->key) && w->n++ == 0)
		*w->ret = *o;
}

int netlab_get(const struct anod_object *key, struct anod_object *ret, unsigned *ret_n)
{
	struct wanted w = { key, ret, 0 };
	int r = encode_and_talk(ANOD_RTNL_GET, key, NULL, take_wanted, &w);

	if (ret_n)
		*ret_n = w.n;
	return r < 0 ? r : w.n ? 0 : -ENOENT;
}

struct list {
	struct anod_object *at;
	unsigned n, max;
};

static void take_all(const struct anod_object *o, void *data)
{
	struct list *l = data;

	cr_assert_lt(l->n, l->max);
	l->at[l->n++] = *o;
}

unsigned netlab_dump(enum anod_obj_type type, struct anod_object *ret, unsigned max)
{
	static const struct {
		uint16_t msg, head;
	} requests[ANOD_OBJ_TYPES] = {
		[ANOD_OBJ_LINK] = { RTM_GETLINK, 16 },	    [ANOD_OBJ_ADDR] = { RTM_GETADDR, 8 },
		[ANOD_OBJ_ROUTE] = { RTM_GETROUTE, 12 },    [ANOD_OBJ_RULE] = { RTM_GETRULE, 12 },
		[ANOD_OBJ_NEXTHOP] = { RTM_GETNEXTHOP, 8 }, [ANOD_OBJ_NEIGH] = { RTM_GETNEIGH, 12 },
		[ANOD_OBJ_QDISC] = { RTM_GETQDISC, 20 },
	};
	struct {
		struct nlmsghdr h;
		uint8_t head[20];
	} q = { 0 };
	struct list l = { ret, 0, max };

	q.h.nlmsg_len = NLMSG_HDRLEN + requests[type].head;
	q.h.nlmsg_type = requests[type].msg;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	cr_assert_eq(talk(&q, (int) q.h.nlmsg_len, take_all, &l), 0);
	return l.n;
}

struct anod_prefix netlab_address(const char *text)
{
	struct anod_prefix p = { 0 };
	char copy[64];
	char *slash;

	(void) snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	p.family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	p.len = slash ? (uint8_t) atoi(slash) : p.family == AF_INET6 ? 128 : 32;
	cr_assert_eq(inet_pton(p.family, copy, p.addr), 1, "not an address: %s", text);
	return p;
}
