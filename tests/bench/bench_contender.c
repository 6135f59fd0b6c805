/*
 * bench_contender - bare answers to carrier loss, to measure others against.
 *
 * usage: bench_contender limit|libnl DEV STANDBY GATEWAY      (in the router's namespace)
 *        bench_contender limit DEV STANDBY GATEWAY FILE
 *
 * Design.  Both hear that DEV has lost its carrier and put a default route over STANDBY in front
 * of all others.  "limit" is the least that the kernel allows: a blocking recv and one message
 * that was built before, no acknowledgement.  With FILE it first makes a record of RECORD_SIZE
 * durable there, in a file that was filled and synced before: the least that "no effect without a
 * durable intent" allows on this disk.  "libnl" is what a plain daemon does: sd-event,
 * libnl's receive and parse, a message built on the spot and its acknowledgement awaited.
 * Neither asks whether it may, remembers what it did, or looks whether it helped.  The trial
 * driver (bench_failover) takes the route away again.
 */
#include "bench.h"

#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <systemd/sd-event.h>

#define RECORD_SIZE 2560 /* of an INTENT with one step */
#define FILE_SIZE   (4 << 20)

static int dev, standby;
static const char *gateway;

static bool lost(struct nlmsghdr *h)
{
	struct ifinfomsg *i = NLMSG_DATA(h);

	return h->nlmsg_type == RTM_NEWLINK && i->ifi_index == dev && !(i->ifi_flags & LOWER_UP);
}

static int open_record(const char *path)
{
	static uint8_t zero[FILE_SIZE];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, FILE_SIZE) != 0 ||
	    pwrite(fd, zero, FILE_SIZE, 0) != FILE_SIZE || fsync(fd) < 0)
		DIE("%s", path);
	return fd;
}

static void write_record(int fd)
{
	static uint8_t record[RECORD_SIZE];
	static off_t at;

	memset(record, 'x', sizeof(record));
	if (pwrite(fd, record, sizeof(record), at) != sizeof(record) || fdatasync(fd) < 0)
		DIE("the record");
	at = (at + RECORD_SIZE) % (FILE_SIZE - RECORD_SIZE);
}

static int be_limit(const char *file)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	union nl_request q;
	int events = nl_open(RTMGRP_LINK), act = nl_open(0);
	int record = file ? open_record(file) : -1;

	nl_steer(&q, true, gateway, standby);
	for (;;) {
		int n = (int) recv(events, &in, sizeof(in), 0);

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			if (!lost(h))
				continue;
			if (record >= 0)
				write_record(record);
			if (send(act, &q, q.head.nlmsg_len, 0) < 0)
				DIE("send");
			break;
		}
		/* Refusals of earlier messages; there is nothing to do about them. */
		while (recv(act, &in, sizeof(in), MSG_DONTWAIT) > 0)
			continue;
	}
}

/* ---- libnl -------------------------------------------------------------------------------- */

static struct nl_sock *acting;

static void steer(void)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg r = { .rtm_family = AF_INET,
			   .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_type = RTN_UNICAST };
	struct in_addr via;
	int e;

	if (!m || inet_pton(AF_INET, gateway, &via) != 1)
		DIE("the message");
	(void) nlmsg_append(m, &r, sizeof(r), NLMSG_ALIGNTO);
	(void) nla_put(m, RTA_GATEWAY, sizeof(via), &via);
	(void) nla_put_u32(m, RTA_OIF, (uint32_t) standby);
	(void) nla_put_u32(m, RTA_PRIORITY, STEER_METRIC);
	e = nl_send_auto(acting, m);
	nlmsg_free(m);
	if (e >= 0)
		e = nl_wait_for_ack(acting);
	if (e < 0)
		fprintf(stderr, "bench_contender: %s\n", nl_geterror(e));
}

static int on_message(struct nl_msg *m, void *data)
{
	struct nlattr *attr[IFLA_MAX + 1];

	(void) data;
	if (nlmsg_parse(nlmsg_hdr(m), sizeof(struct ifinfomsg), attr, IFLA_MAX, NULL) == 0 &&
	    lost(nlmsg_hdr(m)))
		steer();
	return NL_OK;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void) source, (void) fd, (void) events;
	(void) nl_recvmsgs_default(data);
	return 0;
}

static int be_libnl(void)
{
	struct nl_sock *events = nl_socket_alloc();
	sd_event *loop = NULL;

	acting = nl_socket_alloc();
	if (!events || !acting || nl_connect(events, NETLINK_ROUTE) < 0 ||
	    nl_connect(acting, NETLINK_ROUTE) < 0 ||
	    nl_socket_add_memberships(events, RTNLGRP_LINK, 0) < 0)
		DIE("libnl");
	nl_socket_disable_seq_check(events);
	(void) nl_socket_set_nonblocking(events);
	(void) nl_socket_modify_cb(events, NL_CB_VALID, NL_CB_CUSTOM, on_message, NULL);
	if (sd_event_new(&loop) < 0 ||
	    sd_event_add_io(loop, NULL, nl_socket_get_fd(events), EPOLLIN, on_io, events) < 0)
		DIE("sd-event");
	return sd_event_loop(loop);
}

int main(int argc, char **argv)
{
	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: bench_contender limit|libnl DEV STANDBY GATEWAY [FILE]\n");
		return 2;
	}
	dev = (int) if_nametoindex(argv[2]);
	standby = (int) if_nametoindex(argv[3]);
	gateway = argv[4];
	if (!dev || !standby)
		DIE("no link %s or %s here", argv[2], argv[3]);
	return strcmp(argv[1], "limit") == 0 ? be_limit(argv[5]) : be_libnl();
}
