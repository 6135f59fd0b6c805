/*
 * net - netlink for the twin.
 *
 * Design.  Requests are made by the project's codec and sent many at a time; so are answers read
 * back through it.  What the codec cannot make (links) is left to ip(8).
 */
#include "twin.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define QUEUE_SIZE (48u << 10)

static int fd = -1;
static uint8_t queue[QUEUE_SIZE] __attribute__((aligned(8)));
static size_t queued;
static unsigned n_queued, n_refused;
static uint8_t in[256u << 10] __attribute__((aligned(8)));

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) fprintf(stderr, "twin: ");
	(void) vfprintf(stderr, fmt, ap);
	(void) fprintf(stderr, "\n");
	va_end(ap);
	exit(2);
}

void net_open(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = 20 };
	int on = 1, size = 4 << 20;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		die("no netlink socket: %s", strerror(errno));
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	on = 1;
	(void) setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

static size_t receive(void)
{
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n < (ssize_t) NLMSG_HDRLEN)
		die("no answer from the kernel: %s", strerror(errno));
	return (size_t) n;
}

static int error_of(const struct nlmsghdr *m)
{
	return ((const struct nlmsgerr *) NLMSG_DATA(m))->error;
}

unsigned net_flush(void)
{
	unsigned refused = n_refused;

	if (queued && send(fd, queue, queued, 0) != (ssize_t) queued)
		die("cannot send: %s", strerror(errno));
	while (n_queued) {
		size_t left = receive();

		for (struct nlmsghdr *m = (struct nlmsghdr *) in; NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type != NLMSG_ERROR)
				die("an answer of type %u to a request", m->nlmsg_type);
			refused += error_of(m) != 0;
			n_queued--;
		}
	}
	queued = 0;
	n_refused = 0;
	return refused;
}

void net_queue(enum anod_rtnl_verb verb, const struct anod_object *o,
	       const struct anod_object *from)
{
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	int len = anod_rtnl_encode(verb, o, from, buf);
	char text[200];

	if (len < 0)
		die("cannot encode %s: %s", anod_object_text(o, text, sizeof(text)),
		    strerror(-len));
	if (queued + NLMSG_ALIGN((size_t) len) > QUEUE_SIZE)
		n_refused = net_flush();
	memcpy(queue + queued, buf, (size_t) len);
	queued += NLMSG_ALIGN((size_t) len);
	n_queued++;
}

int net_do(enum anod_rtnl_verb verb, const struct anod_object *o, const struct anod_object *from)
{
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	int len = anod_rtnl_encode(verb, o, from, buf);

	if (len < 0)
		return len;
	if (send(fd, buf, (size_t) len, 0) != len)
		die("cannot send: %s", strerror(errno));
	(void) receive();
	return error_of((struct nlmsghdr *) in);
}

/* ---- reading ---------------------------------------------------------------------------- */

struct list {
	struct anod_object *at;
	unsigned n, max;
};

static void take(struct list *l, const struct nlmsghdr *m)
{
	struct anod_object o;
	bool gone;
	int r = anod_rtnl_decode(m, &o, &gone);

	if (r < 0)
		die("a message of type %u cannot be decoded", m->nlmsg_type);
	if (r == 0 || anod_object_is_noise(&o))
		return;
	if (o.type == ANOD_OBJ_ROUTE && l->n && anod_object_same_key(&l->at[l->n - 1], &o)) {
		anod_object_merge_twin(&l->at[l->n - 1], &o);
		return;
	}
	if (l->n == l->max)
		die("more than %u objects", l->max);
	l->at[l->n++] = o;
}

static bool dump_once(enum anod_obj_type type, struct list *l)
{
	static const struct {
		uint16_t msg, head;
	} requests[ANOD_OBJ_TYPES] = {
		[ANOD_OBJ_LINK] = { RTM_GETLINK, sizeof(struct ifinfomsg) },
		[ANOD_OBJ_ADDR] = { RTM_GETADDR, sizeof(struct ifaddrmsg) },
		[ANOD_OBJ_ROUTE] = { RTM_GETROUTE, sizeof(struct rtmsg) },
		[ANOD_OBJ_RULE] = { RTM_GETRULE, sizeof(struct fib_rule_hdr) },
		[ANOD_OBJ_NEXTHOP] = { RTM_GETNEXTHOP, sizeof(struct nhmsg) },
		[ANOD_OBJ_NEIGH] = { RTM_GETNEIGH, sizeof(struct ndmsg) },
	};
	struct {
		struct nlmsghdr h;
		uint8_t head[16];
	} q = { 0 };
	bool whole = true;

	q.h.nlmsg_len = NLMSG_HDRLEN + requests[type].head;
	q.h.nlmsg_type = requests[type].msg;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (send(fd, &q, q.h.nlmsg_len, 0) != (ssize_t) q.h.nlmsg_len)
		die("cannot send: %s", strerror(errno));
	for (;;) {
		size_t left = receive();

		for (struct nlmsghdr *m = (struct nlmsghdr *) in; NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left)) {
			whole = whole && !(m->nlmsg_flags & NLM_F_DUMP_INTR);
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
				return whole;
			take(l, m);
		}
	}
}

unsigned net_dump(enum anod_obj_type type, struct anod_object *ret, unsigned max)
{
	struct list l = { ret, 0, max };

	while (!dump_once(type, &l))
		l.n = 0;
	return l.n;
}

struct model *net_model(void)
{
	static struct anod_object dump[OBJECTS_MAX];
	struct model *m = model_new();

	if (!m)
		die("no memory");
	/* What is behind neighbours takes no part in forwarding. */
	for (uint32_t t = ANOD_OBJ_LINK; t <= ANOD_OBJ_NEIGH; t++) {
		unsigned n = net_dump((enum anod_obj_type) t, dump, OBJECTS_MAX);

		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_BEGIN);
		for (unsigned i = 0; i < n; i++)
			if (model_put(m, &dump[i]) < 0)
				die("the model refuses an object");
		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_DONE);
	}
	return m;
}

/* Asking for one link runs what waits for it since Linux 6.8 (linkwatch_sync_dev()); before, the
 * state says whether it has been done. */
static bool is_settled(const char *name)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK };
	const struct anod_link *l = &o.u.link;
	bool gone;

	o.u.link.ifindex = world_ifindex(name);
	(void) net_do(ANOD_RTNL_GET, &o, NULL);
	if (anod_rtnl_decode((struct nlmsghdr *) in, &o, &gone) != 1)
		die("no link %s", name);
	if (!(l->flags & IFF_UP))
		return true;
	return (l->operstate == IF_OPER_UP || l->operstate == IF_OPER_UNKNOWN) == !!l->carrier;
}

void net_settle(void)
{
	static const char *const names[] = { "e1", "e2", "e3", "e4", "e5", "br0", "t0" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned tries = 0; !is_settled(names[i]); tries++) {
			if (tries > 5000)
				die("%s does not settle", names[i]);
			(void) usleep(1000);
		}
}

/* ---- where a packet goes ---------------------------------------------------------------- */

static void add(struct nlmsghdr *h, uint16_t type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *) ((uint8_t *) h + NLMSG_ALIGN(h->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t) RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + (uint32_t) RTA_ALIGN(a->rta_len);
}

static void add_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	add(h, type, &v, sizeof(v));
}

static void add_port(struct nlmsghdr *h, uint16_t type, uint16_t port)
{
	uint16_t v = __builtin_bswap16(port);

	if (port)
		add(h, type, &v, sizeof(v));
}

static struct answer ask(const struct flow_key *k, bool match)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		uint8_t attrs[256];
	} q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = k->dst.family,
		       .rtm_dst_len = k->dst.len,
		       .rtm_src_len = k->src.family ? k->src.len : 0,
		       .rtm_tos = k->tos,
		       /* IPv6 says the table without being asked, and refuses to be. */
		       .rtm_flags = (match ? RTM_F_FIB_MATCH : 0) |
				    (k->dst.family == AF_INET ? RTM_F_LOOKUP_TABLE : 0) } };
	size_t size = k->dst.family == AF_INET ? 4 : 16;
	struct nlmsghdr *m = (struct nlmsghdr *) in;
	struct answer a = { 0 };
	bool gone;

	add(&q.h, RTA_DST, k->dst.addr, size);
	if (k->src.family)
		add(&q.h, RTA_SRC, k->src.addr, size);
	if (k->iif[0])
		add_u32(&q.h, RTA_IIF, world_ifindex(k->iif));
	if (k->oif[0])
		add_u32(&q.h, RTA_OIF, world_ifindex(k->oif));
	if (k->mark)
		add_u32(&q.h, RTA_MARK, k->mark);
	/* What comes in is root's; RTM_GETROUTE says "nobody" for IPv6 unless told. */
	if (k->user || (k->iif[0] && k->dst.family == AF_INET6))
		add_u32(&q.h, RTA_UID, k->user ? k->user - 1 : 0);
	if (k->ipproto)
		add(&q.h, RTA_IP_PROTO, &k->ipproto, 1);
	add_port(&q.h, RTA_SPORT, k->sport);
	add_port(&q.h, RTA_DPORT, k->dport);
	if (send(fd, &q, q.h.nlmsg_len, 0) != (ssize_t) q.h.nlmsg_len)
		die("cannot send: %s", strerror(errno));
	(void) receive();
	if (m->nlmsg_type == NLMSG_ERROR) {
		a.error = error_of(m);
		return a;
	}
	((struct rtmsg *) NLMSG_DATA(m))->rtm_flags &= ~(unsigned) RTM_F_CLONED;
	if (anod_rtnl_decode(m, &a.route, &gone) != 1)
		die("an answer that is no route");
	return a;
}

struct answer net_route(const struct flow_key *k)
{
	return ask(k, true);
}

struct answer net_way(const struct flow_key *k)
{
	return ask(k, false);
}

/* A new route gives the tables a new number, which what is kept does not have. */
void net_forget_ways(void)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };

	o.u.route.dst = world_address("3fff::1/128");
	o.u.route.table = 999;
	o.u.route.metric = 1;
	o.u.route.type = RTN_BLACKHOLE;
	o.u.route.protocol = RTPROT_STATIC;
	if (net_do(ANOD_RTNL_SET, &o, NULL) < 0 || net_do(ANOD_RTNL_DEL, &o, NULL) < 0)
		die("no route in a table of its own");
}
