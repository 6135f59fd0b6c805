/*
 * bench_events - CPU time of route events, of losing some, and of reading the whole table again.
 *
 * Design.  Each measurement is a process of its own in a network namespace of its own, so that no
 * contender reads along with another; contenders take turns.  100,000 host routes are added by a
 * bare socket, 200 in one send(), as fast as the kernel takes them.
 *
 *   drain    they wait in the socket's buffer and are then read
 *   live     they are read while they come, with 16 MiB of buffer
 *   lost     the same with 208 KiB: how many routes the reader's picture has wrong afterwards
 *   resync   the whole table is read again after a loss
 *
 * "limit" receives and walks over the attributes; libnl makes objects, for 'lost' and 'resync' a
 * cache; anod is the sensor rtnl as it ships with the real model, store and loop.
 *
 * usage: bench_events ROUNDS [CASE]
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_host.h"

#define ROUTES	   100000u
#define PER_SEND   200u
#define ROUNDS_MAX 64
#define QUIET_MS   300 /* nothing for so long: the storm is over */
#define BIG	   (1u << 30)
#define USUAL	   (16u << 20)
#define SMALL	   106496u /* net.core.rmem_default is twice that, as the kernel counts */

static uint64_t sum; /* of what was read, so that it has to be */

/* ---- routes --------------------------------------------------------------------------------- */

struct route_message {
	struct nlmsghdr h;
	struct rtmsg r;
	struct rtattr dst_head;
	uint32_t dst;
	struct rtattr oif_head;
	uint32_t oif;
};

static struct route_message route_message(uint32_t n, bool add, uint32_t oif)
{
	return (struct route_message){
		.h = { .nlmsg_len = sizeof(struct route_message),
		       .nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE,
		       .nlmsg_flags = (uint16_t) (NLM_F_REQUEST |
						  (add ? NLM_F_CREATE | NLM_F_REPLACE : 0)) },
		.r = { .rtm_family = AF_INET,
		       .rtm_dst_len = 32,
		       .rtm_table = RT_TABLE_MAIN,
		       .rtm_protocol = add ? RTPROT_STATIC : 0,
		       .rtm_scope = add ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE,
		       .rtm_type = add ? RTN_UNICAST : 0 },
		.dst_head = { RTA_LENGTH(4), RTA_DST },
		.dst = htonl(0x14000000u + n),
		.oif_head = { RTA_LENGTH(4), RTA_OIF },
		.oif = oif,
	};
}

static int route_socket(uint32_t groups, unsigned buffer)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 8 << 20;

	must(fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 ? -errno : 0, "netlink");
	(void) setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &on, sizeof(on));
	if (buffer)
		(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	return fd;
}

static void set_routes(unsigned n, bool add)
{
	static struct route_message q[PER_SEND];
	uint32_t oif = if_nametoindex("e0");
	int fd = route_socket(0, 0);
	char answer[8192];

	for (uint32_t i = 0; i < n;) {
		unsigned k = 0;

		for (; k < PER_SEND && i < n; k++, i++)
			q[k] = route_message(i, add, oif);
		must(send(fd, q, k * sizeof(q[0]), 0) < 0 ? -errno : 0, "routes");
		if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
			must(-EPROTO, "the kernel refuses a route");
	}
	(void) close(fd);
}

/* In a process beside: the storm. */
static pid_t storm(void)
{
	pid_t pid = fork();

	must(pid, "fork");
	if (pid)
		return pid;
	set_routes(ROUTES, true);
	_exit(0);
}

static void open_namespace(void)
{
	must(unshare(CLONE_NEWNET) < 0 ? -errno : 0, "a network namespace");
	if (system("ip link set lo up && ip link add e0 type veth peer name e1 && "
		   "ip link set e0 up && ip link set e1 up && ip addr add 10.9.0.1/16 dev e0"))
		must(-EIO, "ip");
}

/* ---- limit ---------------------------------------------------------------------------------- */

static unsigned walk(const uint8_t *buf, ssize_t n)
{
	const struct nlmsghdr *m = (const void *) buf;
	int left = (int) n;
	unsigned count = 0;

	for (; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		const struct rtmsg *r = NLMSG_DATA(m);
		const struct rtattr *a = RTM_RTA(r);
		int rest = (int) RTM_PAYLOAD(m);

		if (m->nlmsg_type == NLMSG_DONE)
			return count | 1u << 31;
		if (m->nlmsg_type != RTM_NEWROUTE)
			continue;
		for (; RTA_OK(a, rest); a = RTA_NEXT(a, rest))
			if (a->rta_type == RTA_DST || a->rta_type == RTA_OIF ||
			    a->rta_type == RTA_GATEWAY || a->rta_type == RTA_PRIORITY ||
			    a->rta_type == RTA_TABLE)
				sum += *(const uint32_t *) RTA_DATA(a);
		count++;
	}
	return count;
}

static bool quiet(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, QUIET_MS) == 0;
}

/* Microseconds of CPU for an event. */
static double limit_events(bool live)
{
	static uint8_t buf[32768] __attribute__((aligned(8)));
	int fd = route_socket(RTMGRP_IPV4_ROUTE, live ? USUAL : BIG);
	double begin, us = 0;
	unsigned n = 0;

	if (!live)
		set_routes(ROUTES, true);
	begin = cpu_us();
	if (live)
		(void) storm();
	while (n < ROUTES && !quiet(fd)) {
		for (;;) {
			ssize_t got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

			if (got < 0 && errno == ENOBUFS)
				continue;
			if (got < 0)
				break;
			n += walk(buf, got);
		}
		us = cpu_us() - begin;
	}
	return us / n;
}

static double limit_resync(void)
{
	static uint8_t buf[32768] __attribute__((aligned(8)));
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	int fd = route_socket(0, 0);
	unsigned n = 0, got = 0;
	double begin;

	set_routes(ROUTES, true);
	begin = cpu_us();
	must(send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0, "send");
	while (!(got & 1u << 31)) {
		got = walk(buf, recv(fd, buf, sizeof(buf), 0));
		n += got & ~(1u << 31);
	}
	return n >= ROUTES ? (cpu_us() - begin) / n : -1;
}

/* ---- libnl ---------------------------------------------------------------------------------- */

static unsigned n_objects;

static void on_object(struct nl_object *o, void *data)
{
	(void) data;
	sum += rtnl_route_get_priority((struct rtnl_route *) o);
	n_objects++;
}

static int on_message(struct nl_msg *m, void *data)
{
	(void) nl_msg_parse(m, on_object, data);
	return NL_OK;
}

static double libnl_events(bool live)
{
	struct nl_sock *s = nl_socket_alloc();
	unsigned size = live ? USUAL : BIG;
	double begin, us = 0;

	nl_socket_disable_seq_check(s);
	must(nl_connect(s, NETLINK_ROUTE) < 0 ? -EIO : 0, "libnl");
	(void) nl_socket_add_memberships(s, RTNLGRP_IPV4_ROUTE, 0);
	(void) nl_socket_set_nonblocking(s);
	(void) nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_message, NULL);
	(void) setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!live)
		set_routes(ROUTES, true);
	begin = cpu_us();
	if (live)
		(void) storm();
	while (n_objects < ROUTES && !quiet(nl_socket_get_fd(s))) {
		int r;

		do
			r = nl_recvmsgs_default(s);
		while (r >= 0 || r == -NLE_NOMEM);
		us = cpu_us() - begin;
	}
	return us / n_objects;
}

static double libnl_resync(void)
{
	struct nl_sock *s = nl_socket_alloc();
	struct nl_cache *c;
	double begin;

	set_routes(ROUTES, true);
	must(nl_connect(s, NETLINK_ROUTE) < 0 ? -EIO : 0, "libnl");
	begin = cpu_us();
	must(rtnl_route_alloc_cache(s, AF_INET, 0, &c) < 0 ? -EIO : 0, "libnl");
	return (cpu_us() - begin) / nl_cache_nitems(c);
}

/* A cache that is kept current, as the manual shows it. */
static double libnl_lost(void)
{
	struct nl_cache_mngr *mngr;
	struct nl_cache *c;
	unsigned size = SMALL;
	int before, fd;

	if (nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, NL_AUTO_PROVIDE, &mngr) < 0 ||
	    nl_cache_mngr_add(mngr, "route/route", NULL, NULL, &c) < 0)
		must(-EIO, "libnl");
	fd = nl_cache_mngr_get_fd(mngr);
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	before = nl_cache_nitems(c);
	(void) storm();
	while (!quiet(fd))
		(void) nl_cache_mngr_data_ready(mngr);
	return (double) ROUTES - (nl_cache_nitems(c) - before);
}

/* ---- anod ----------------------------------------------------------------------------------- */

static struct host *open_rtnl(unsigned buffer)
{
	static const char *const names[] = { "rtnl", NULL };
	char options[64];
	struct host *h;

	(void) snprintf(options, sizeof(options), "sensor rtnl { event-buffer %u }\n", buffer);
	h = bench_host(names, options);
	bench_settle(h, 3);
	return h;
}

/* Run until all routes are there, or nothing happens any more. */
static double run_until(struct host *h, unsigned routes)
{
	double us = cpu_us();

	for (;;) {
		int r = sd_event_run(h->loop, QUIET_MS * 1000);

		must(r, "loop");
		if (r == 0 && model_in_sync(h->model))
			break;
		us = cpu_us();
		if (model_count(h->model, ANOD_OBJ_ROUTE) >= routes && model_in_sync(h->model))
			break;
	}
	return us;
}

static double anod_events(bool live)
{
	struct host *h = open_rtnl(live ? USUAL : BIG);
	unsigned before = model_count(h->model, ANOD_OBJ_ROUTE);
	double begin, end;

	if (!live)
		set_routes(ROUTES, true);
	begin = cpu_us();
	if (live)
		(void) storm();
	end = run_until(h, before + ROUTES);
	return (end - begin) / (model_count(h->model, ANOD_OBJ_ROUTE) - before);
}

/* The buffer is as small as can be, and what comes is not read. */
static double anod_resync(void)
{
	struct host *h;
	double begin, end;

	set_routes(ROUTES, true);
	h = open_rtnl(2048);
	set_routes(1000, false);
	set_routes(1000, true);
	begin = cpu_us();
	for (unsigned i = 0; i < 10 && model_in_sync(h->model); i++)
		must(sd_event_run(h->loop, QUIET_MS * 1000), "loop");
	must(model_in_sync(h->model) ? -EPROTO : 0, "losing events");
	end = run_until(h, ROUTES);
	must(model_in_sync(h->model) ? 0 : -ETIME, "resync");
	return (end - begin) / model_count(h->model, ANOD_OBJ_ROUTE);
}

static int count_route(const struct anod_object *o, void *data)
{
	*(unsigned *) data += o->u.route.dst.family == AF_INET && o->u.route.dst.addr[0] == 0x14;
	return 0;
}

static double anod_lost(unsigned buffer)
{
	struct host *h = open_rtnl(buffer);
	unsigned n = 0;

	(void) storm();
	(void) run_until(h, UINT32_MAX);
	(void) model_each(h->model, ANOD_OBJ_ROUTE, count_route, &n);
	return (double) ROUTES - n;
}

/* ---- all in turn ---------------------------------------------------------------------------- */

static double drain_limit(void)
{
	return limit_events(false);
}
static double drain_libnl(void)
{
	return libnl_events(false);
}
static double drain_anod(void)
{
	return anod_events(false);
}
static double live_limit(void)
{
	return limit_events(true);
}
static double live_libnl(void)
{
	return libnl_events(true);
}
static double live_anod(void)
{
	return anod_events(true);
}
static double lost_anod(void)
{
	return anod_lost(SMALL);
}
static double lost_anod_tiny(void)
{
	return anod_lost(2048);
}

static const struct contender {
	const char *name, *who, *unit, *work;
	double (*run)(void);
	unsigned part; /* rounds are divided by it: some are slow */
} contenders[] = {
	{ "drain-100k", "limit", "us an event", "events", drain_limit, 1 },
	{ "drain-100k", "libnl", "us an event", "events", drain_libnl, 1 },
	{ "drain-100k", "anod-direct", "us an event", "events", drain_anod, 1 },
	{ "live-100k", "limit", "us an event", "events", live_limit, 1 },
	{ "live-100k", "libnl", "us an event", "events", live_libnl, 1 },
	{ "live-100k", "anod-direct", "us an event", "events", live_anod, 1 },
	{ "lost", "libnl-cache", "routes wrong", "events", libnl_lost, 4 },
	{ "lost", "anod-direct", "routes wrong", "events", lost_anod, 1 },
	{ "lost-2KiB", "anod-direct", "routes wrong", "events", lost_anod_tiny, 1 },
	{ "resync-100k", "limit", "us a route", "resync", limit_resync, 1 },
	{ "resync-100k", "libnl-cache", "us a route", "resync", libnl_resync, 4 },
	{ "resync-100k", "anod-direct", "us a route", "resync", anod_resync, 1 },
};

static double measure(const struct contender *c)
{
	int fd[2];
	double us = 0;
	pid_t pid;

	must(pipe(fd) < 0 ? -errno : 0, "pipe");
	pid = fork();
	must(pid, "fork");
	if (!pid) {
		(void) alarm(30);
		open_namespace();
		us = c->run();
		_exit(write(fd[1], &us, sizeof(us)) == sizeof(us) ? 0 : 1);
	}
	(void) close(fd[1]);
	must(read(fd[0], &us, sizeof(us)) == sizeof(us) ? 0 : -EIO, c->name);
	(void) close(fd[0]);
	(void) waitpid(pid, NULL, 0);
	return us;
}

int main(int argc, char **argv)
{
	static double us[ARRAY_SIZE(contenders)][ROUNDS_MAX];
	unsigned n[ARRAY_SIZE(contenders)] = { 0 };
	unsigned rounds = argc >= 2 ? (unsigned) atoi(argv[1]) : 0;

	if (!rounds || rounds > ROUNDS_MAX) {
		(void) fprintf(stderr, "usage: bench_events ROUNDS [CASE or WORK]\n");
		return 2;
	}
	(void) signal(SIGCHLD, SIG_DFL);
	for (unsigned i = 0; i < rounds; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(contenders); k++) {
			const struct contender *c = &contenders[k];

			if (i % c->part || (argc > 2 && strcmp(argv[2], c->name) != 0 &&
					    strcmp(argv[2], c->work) != 0))
				continue;
			us[k][n[k]++] = measure(c);
		}
	}
	for (size_t k = 0; k < ARRAY_SIZE(contenders); k++)
		bench_row(contenders[k].work, contenders[k].name, contenders[k].who,
			  contenders[k].unit, us[k], n[k]);
	return sum == 1; /* never */
}
