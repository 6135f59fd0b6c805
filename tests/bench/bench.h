/*
 * bench - clocks, namespaces and bare rtnetlink for the benchmark programs.
 *
 * Nothing of anod is used here on purpose: the driver and the contenders that stand for the
 * kernel's own limit must not share code with what they measure.  Every function ends the
 * program with a message when the kernel refuses; a benchmark has nobody to report to.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEER_METRIC 5	     /* of the route that a contender sets, as agents/uplink does */
#define LOWER_UP     0x10000 /* IFF_LOWER_UP; linux/if.h and net/if.h cannot be had together */

#define DIE(...)                                                                                   \
	(fprintf(stderr, "%s: ", program_invocation_short_name), fprintf(stderr, __VA_ARGS__),     \
	 fprintf(stderr, ": %s\n", strerror(errno)), exit(EXIT_FAILURE))

/* A request under construction. */
union nl_request {
	struct nlmsghdr head;
	uint8_t room[256];
};

static inline int64_t now_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void sleep_us(int64_t us)
{
	(void) nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

/* The calling thread moves into the namespace; its sockets stay there for ever. */
static inline void enter_netns(const char *name)
{
	char path[128];
	int fd;

	(void) snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		DIE("namespace %s", name);
	(void) close(fd);
}

static inline int nl_open(uint32_t groups)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int size = 8 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
		DIE("rtnetlink");
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static inline void nl_put(union nl_request *q, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *) (q->room + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short) RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	q->head.nlmsg_len = NLMSG_ALIGN(q->head.nlmsg_len) + (uint32_t) RTA_ALIGN(a->rta_len);
}

/* "ip route replace|del default via GATEWAY dev OIF metric STEER_METRIC" */
static inline void nl_steer(union nl_request *q, bool set, const char *gateway, int oif)
{
	struct rtmsg *r = NLMSG_DATA(&q->head);
	uint32_t metric = STEER_METRIC;
	struct in_addr via;

	memset(q, 0, sizeof(*q));
	q->head = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(sizeof(*r)),
		.nlmsg_type = set ? RTM_NEWROUTE : RTM_DELROUTE,
		.nlmsg_flags =
			(uint16_t) (NLM_F_REQUEST | (set ? NLM_F_CREATE | NLM_F_REPLACE : 0)),
	};
	*r = (struct rtmsg){ .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN };
	if (set) {
		r->rtm_protocol = RTPROT_STATIC;
		r->rtm_type = RTN_UNICAST;
		if (inet_pton(AF_INET, gateway, &via) != 1)
			DIE("%s is no address", gateway);
		nl_put(q, RTA_GATEWAY, &via, sizeof(via));
		nl_put(q, RTA_OIF, &oif, sizeof(oif));
	} else {
		r->rtm_scope = RT_SCOPE_NOWHERE;
	}
	nl_put(q, RTA_PRIORITY, &metric, sizeof(metric));
}

/* Send and wait for the answer: 0 or -errno. */
static inline int nl_talk(int fd, union nl_request *q)
{
	union {
		struct nlmsghdr head;
		uint8_t room[8192];
	} in;

	q->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		if (recv(fd, &in, sizeof(in), 0) < 0)
			return -errno;
		if (in.head.nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *) NLMSG_DATA(&in.head))->error;
	}
}

static inline int nl_set_link(int fd, int ifindex, bool up)
{
	union nl_request q = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					 .nlmsg_type = RTM_NEWLINK,
					 .nlmsg_flags = NLM_F_REQUEST } };
	struct ifinfomsg *i = NLMSG_DATA(&q.head);

	i->ifi_index = ifindex;
	i->ifi_flags = up;  /* IFF_UP */
	i->ifi_change = 1u; /* IFF_UP */
	return nl_talk(fd, &q);
}

/* Ask for a link, which makes the kernel look at its carrier; the answer's flags. */
static inline unsigned nl_flags(int fd, int ifindex)
{
	union nl_request q = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					 .nlmsg_type = RTM_GETLINK,
					 .nlmsg_flags = NLM_F_REQUEST } };
	union {
		struct nlmsghdr head;
		uint8_t room[16384];
	} in;

	((struct ifinfomsg *) NLMSG_DATA(&q.head))->ifi_index = ifindex;
	if (send(fd, &q, q.head.nlmsg_len, 0) < 0 || recv(fd, &in, sizeof(in), 0) < 0 ||
	    in.head.nlmsg_type != RTM_NEWLINK)
		DIE("asking for link %d", ifindex);
	return ((struct ifinfomsg *) NLMSG_DATA(&in.head))->ifi_flags;
}

/* The interface that a packet to 'dst' would leave by now; -errno without one. */
static inline int nl_way(int fd, const char *dst)
{
	union nl_request q = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					 .nlmsg_type = RTM_GETROUTE,
					 .nlmsg_flags = NLM_F_REQUEST } };
	struct rtmsg *r = NLMSG_DATA(&q.head);
	union {
		struct nlmsghdr head;
		uint8_t room[8192];
	} in;
	struct in_addr a;
	ssize_t n;
	int left;

	*r = (struct rtmsg){ .rtm_family = AF_INET, .rtm_dst_len = 32 };
	if (inet_pton(AF_INET, dst, &a) != 1)
		DIE("%s is no address", dst);
	nl_put(&q, RTA_DST, &a, sizeof(a));
	n = send(fd, &q, q.head.nlmsg_len, 0);
	if (n >= 0)
		n = recv(fd, &in, sizeof(in), 0);
	if (n < 0)
		return -errno;
	if (in.head.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *) NLMSG_DATA(&in.head))->error;

	r = NLMSG_DATA(&in.head);
	left = (int) RTM_PAYLOAD(&in.head);
	for (struct rtattr *t = RTM_RTA(r); RTA_OK(t, left); t = RTA_NEXT(t, left))
		if (t->rta_type == RTA_OIF)
			return *(int *) RTA_DATA(t);
	return -ENODEV;
}

#endif
