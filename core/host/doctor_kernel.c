/*
 * doctor_kernel - what this kernel lacks, and which of its files cannot be read.
 *
 * Design.  A feature is there when the kernel answers a harmless request that uses it, whatever
 * its version says: distributions port features back.  Each line says what goes unseen without
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "host/doctor.h"

#define RMEM_WANTED (16u << 20) /* plugins/rtnl, event-buffer */

static int open_rtnetlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* 0 when the kernel takes the request, or its -errno; the first datagram is enough. */
static int ask(int fd, const void *q, size_t size)
{
	union {
		struct nlmsghdr h;
		uint8_t room[32u << 10];
	} in;
	const struct nlmsgerr *e = NLMSG_DATA(&in.h);
	ssize_t n;

	if (send(fd, q, size, MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(fd, &in, sizeof(in), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t) NLMSG_LENGTH(sizeof(int)))
		return -EBADMSG;
	/* DONE carries a number like ERROR. */
	return in.h.nlmsg_type == NLMSG_ERROR || in.h.nlmsg_type == NLMSG_DONE ? e->error : 0;
}

static void check_stats(cJSON *list, int fd)
{
	struct {
		struct nlmsghdr h;
		struct if_stats_msg s;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETSTATS,
		       .nlmsg_flags = NLM_F_REQUEST },
		.s = { .ifindex = 1, .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) } };
	int r = ask(fd, &q, sizeof(q));

	if (r == 0)
		doctor_add(list, "getstats", GOOD, NULL,
			   "link counters are read without the rest of the links (RTM_GETSTATS)");
	else
		doctor_add(list, "getstats", BAD, "a kernel since 4.7",
			   "no RTM_GETSTATS: counters and rates of links stay unknown (%s)",
			   strerror(-r));
}

static void check_nexthops(cJSON *list, int fd)
{
	struct {
		struct nlmsghdr h;
		struct nhmsg n;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETNEXTHOP,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	int r = ask(fd, &q, sizeof(q));

	if (r == -EOPNOTSUPP)
		doctor_add(list, "nexthops", BAD, "a kernel since 5.3",
			   "no next-hop objects: many routes can only be moved one by one");
	else
		doctor_add(list, "nexthops", r == 0 ? GOOD : NOT_KNOWN, NULL,
			   r == 0 ? "next-hop objects are there" : "next-hop objects: %s",
			   strerror(-r));
}

static void check_strict(cJSON *list, int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) == 0)
		doctor_add(list, "strict", GOOD, NULL,
			   "the kernel checks requests and filters dumps");
	else
		doctor_add(list, "strict", BAD, "a kernel since 4.20",
			   "no strict checking of dumps: sensors rtnl and counters cannot start");
}

static void check_netlink(cJSON *list)
{
	_cleanup_(closep) int fd = open_rtnetlink();

	if (fd < 0) {
		doctor_add(list, "rtnetlink", BAD, "allow AF_NETLINK sockets (unit, container)",
			   "no netlink socket: %s; nothing is seen", strerror(-fd));
		return;
	}
	check_strict(list, fd);
	check_stats(list, fd);
	check_nexthops(list, fd);
}

/* The first 'size' - 1 bytes of a file, or -errno. */
static int read_file(const char *path, char *buf, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

static void check_proc(cJSON *list)
{
	static const struct {
		const char *path, *blind, *cure;
	} files[] = {
		{ "/proc/pressure/cpu",
		  "host.psi_cpu is unknown: overload of the machine is not seen",
		  "a kernel with CONFIG_PSI, booted without psi=0" },
		{ "/proc/pressure/memory", "host.psi_memory is unknown",
		  "a kernel with CONFIG_PSI, booted without psi=0" },
		{ "/proc/pressure/io", "host.psi_io is unknown",
		  "a kernel with CONFIG_PSI, booted without psi=0" },
		{ "/proc/self/schedstat",
		  "host.sched_delay is unknown: our own lateness is seen only by the loop",
		  "a kernel with CONFIG_SCHED_INFO, /proc mounted" },
	};
	unsigned bad = 0;
	char buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r = read_file(files[i].path, buf, sizeof(buf));

		if (r >= 0)
			continue;
		bad++;
		doctor_add(list, "files", BAD, files[i].cure, "%s: %s; %s", files[i].path,
			   strerror(-r), files[i].blind);
	}
	if (!bad)
		doctor_add(list, "files", GOOD, NULL,
			   "pressure and scheduling delay can be read in /proc");
}

/* A large buffer needs the right or the limit. */
static void check_buffer(cJSON *list)
{
	cap_flag_value_t admin = CAP_CLEAR;
	cap_t c = cap_get_proc();
	unsigned long max = 0;
	char buf[64];

	if (c)
		(void) cap_get_flag(c, CAP_NET_ADMIN, CAP_PERMITTED, &admin);
	(void) cap_free(c);
	if (read_file("/proc/sys/net/core/rmem_max", buf, sizeof(buf)) == 0)
		max = strtoul(buf, NULL, 10);
	if (admin == CAP_SET || max >= RMEM_WANTED)
		doctor_add(list, "buffer", GOOD, NULL, "a storm of 20,000 events is held");
	else
		doctor_add(list, "buffer", max ? BAD : NOT_KNOWN,
			   "CAP_NET_ADMIN, or sysctl net.core.rmem_max=16777216",
			   "event buffers of at most %lu bytes: a storm of more than %lu route "
			   "events costs a resync",
			   max, max / 832);
}

void doctor_kernel(cJSON *list)
{
	check_netlink(list);
	check_buffer(list);
	check_proc(list);
}
