/*
 * bench_contender - bare answers to carrier loss, to measure others against.
 *
 * usage, in the router's namespace:
 *   bench_contender limit DEV STANDBY GATEWAY [FILE]
 *   bench_contender libnl DEV STANDBY GATEWAY
 *   bench_contender sentinel DEV STANDBY GATEWAY PERIOD_US
 *   bench_contender watch DEV PERIOD_US
 *   bench_contender rule DEV TABLE
 *   bench_contender nexthop DEV STANDBY GATEWAY ID
 *   bench_contender each DEV STANDBY GATEWAY FIRST N
 *
 * Design.  All hear that DEV has lost its carrier, or was shut.  "limit", "libnl" and "sentinel"
 * put a default route over STANDBY in front of all others; "rule" a rule that looks into TABLE
 * first; "nexthop" makes ID another next hop; "each" moves N routes to /32, one by one.
 *
 * "limit", "rule" and "nexthop" are the least that the kernel allows: a blocking recv and one
 * message that was built before, no acknowledgement.  With FILE, "limit" first makes a record of
 * RECORD_SIZE durable there, in a file that was filled and synced before: the least that "no
 * effect without a durable intent" allows on this disk.  "sentinel" does not wait to be told: it
 * asks for the link every PERIOD_US.  "watch" asks as well and does nothing else: the kernel, which
 * was armed by hand, looks at the carrier when it is asked.  "libnl" is what a plain daemon does:
 * sd-event, libnl's receive and parse, a message built on the spot and its acknowledgement awaited.
 *
 * None asks whether it may, remembers what it did, or looks whether it helped.  The caller takes
 * away again what they set.
 */
#include "bench.h"

#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <systemd/sd-event.h>

#define RECORD_SIZE 2560 /* of an INTENT with one step */
#define FILE_SIZE   (4 << 20)

static int dev, standby;
static const char *gateway;

static bool about(struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	return h->nlmsg_type == RTM_NEWLINK && i->ifi_index == dev;
}

static bool lost(struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	return about(h) && !(i->ifi_flags & LOWER_UP);
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

/* Send the message whenever DEV is lost; 'edge': not again before it was back. */
static int be_limit(union nl_request *q, bool edge, const char *file)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	int events = nl_open(RTMGRP_LINK), act = nl_open(0);
	int record = file ? open_record(file) : -1;
	bool gone = false;

	for (;;) {
		int n = (int) recv(events, &in, sizeof(in), 0);

		for (struct nlmsghdr *h = &in.head; n > 0 && NLMSG_OK(h, (unsigned) n);
		     h = NLMSG_NEXT(h, n)) {
			bool was = gone;

			if (!about(h))
				continue;
			gone = lost(h);
			if (!gone || (edge && was))
				continue;
			if (record >= 0)
				write_record(record);
			if (send(act, q, q->head.nlmsg_len, 0) < 0)
				DIE("send");
			break;
		}
		/* Refusals of earlier messages; there is nothing to do about them. */
		while (recv(act, &in, sizeof(in), MSG_DONTWAIT) > 0)
			continue;
	}
}

/* Ask for DEV every 'period_us', and send the message when it is lost; or only ask. */
static int be_sentinel(union nl_request *q, int period_us)
{
	int ask = nl_open(0), act = nl_open(0);
	bool gone = false;
	int64_t next = now_ns();
	uint8_t in[8192];

	for (;;) {
		bool was = gone;
		struct timespec t;

		gone = !(nl_flags(ask, dev) & LOWER_UP);
		if (q && gone && !was && send(act, q, q->head.nlmsg_len, 0) < 0)
			DIE("send");
		while (recv(act, in, sizeof(in), MSG_DONTWAIT) > 0)
			continue;
		next = now_ns() > next + period_us * INT64_C(1000)
			       ? now_ns()
			       : next + period_us * INT64_C(1000);
		t = (struct timespec){ next / 1000000000, next % 1000000000 };
		(void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}

/* "ip rule add pref 100 table TABLE" */
static void make_rule(union nl_request *q, uint32_t table)
{
	struct fib_rule_hdr *r = NLMSG_DATA(&q->head);
	uint32_t pref = 100;

	*q = (union nl_request){ .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(*r)),
					   .nlmsg_type = RTM_NEWRULE,
					   .nlmsg_flags =
						   NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL } };
	*r = (struct fib_rule_hdr){ .family = AF_INET, .action = FR_ACT_TO_TBL };
	nl_put(q, FRA_PRIORITY, &pref, sizeof(pref));
	nl_put(q, FRA_TABLE, &table, sizeof(table));
}

/* "ip nexthop replace id ID via GATEWAY dev STANDBY" */
static void make_nexthop(union nl_request *q, uint32_t id)
{
	struct nhmsg *h = NLMSG_DATA(&q->head);
	struct in_addr via;

	*q = (union nl_request){ .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(*h)),
					   .nlmsg_type = RTM_NEWNEXTHOP,
					   .nlmsg_flags =
						   NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE } };
	*h = (struct nhmsg){ .nh_family = AF_INET, .nh_protocol = RTPROT_STATIC };
	if (inet_pton(AF_INET, gateway, &via) != 1)
		DIE("%s is no address", gateway);
	nl_put(q, NHA_ID, &id, sizeof(id));
	nl_put(q, NHA_OIF, &standby, sizeof(standby));
	nl_put(q, NHA_GATEWAY, &via, sizeof(via));
}

/* ---- one by one ---------------------------------------------------------------------------- */

#define EACH_BATCH 200 /* messages of a send() */

/* "ip route replace DST via GATEWAY dev STANDBY" */
static void make_route(union nl_request *q, uint32_t dst)
{
	struct rtmsg *r = NLMSG_DATA(&q->head);
	uint32_t net = htonl(dst);
	struct in_addr via;

	*q = (union nl_request){ .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(*r)),
					   .nlmsg_type = RTM_NEWROUTE,
					   .nlmsg_flags =
						   NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE } };
	*r = (struct rtmsg){ .rtm_family = AF_INET,
			     .rtm_dst_len = 32,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_type = RTN_UNICAST };
	(void) inet_pton(AF_INET, gateway, &via);
	nl_put(q, RTA_DST, &net, sizeof(net));
	nl_put(q, RTA_GATEWAY, &via, sizeof(via));
	nl_put(q, RTA_OIF, &standby, sizeof(standby));
}

static void move_each(int act, const uint8_t *bytes, size_t message, unsigned n)
{
	for (unsigned i = 0; i < n; i += EACH_BATCH) {
		unsigned now = n - i < EACH_BATCH ? n - i : EACH_BATCH;

		if (send(act, bytes + i * message, now * message, 0) < 0)
			DIE("send");
	}
}

static int be_each(const char *first, unsigned n)
{
	union {
		struct nlmsghdr head;
		uint8_t room[32768];
	} in;
	int events = nl_open(RTMGRP_LINK), act = nl_open(0);
	union nl_request q;
	uint8_t *bytes = NULL;
	size_t message = 0;
	bool gone = false;

	for (unsigned i = 0; i < n; i++) {
		make_route(&q, ntohl(inet_addr(first)) + i);
		message = NLMSG_ALIGN(q.head.nlmsg_len);
		if (!bytes)
			bytes = calloc(n, message);
		if (!bytes)
			DIE("%u messages", n);
		memcpy(bytes + i * message, &q, message);
	}
	for (;;) {
		int left = (int) recv(events, &in, sizeof(in), 0);

		for (struct nlmsghdr *h = &in.head; left > 0 && NLMSG_OK(h, (unsigned) left);
		     h = NLMSG_NEXT(h, left)) {
			if (!about(h))
				continue;
			if (lost(h) && !gone)
				move_each(act, bytes, message, n);
			gone = lost(h);
		}
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

/* The words behind the mode, and how many may be missing. */
static const struct mode {
	const char *name;
	int words, optional;
	bool standby;
} modes[] = {
	{ "limit", 4, 1, true },  { "libnl", 3, 0, true }, { "sentinel", 4, 0, true },
	{ "watch", 2, 0, false }, { "rule", 2, 0, false }, { "nexthop", 4, 0, true },
	{ "each", 5, 0, true },
};

static int run_mode(const char *name, char **word)
{
	union nl_request q;

	if (strcmp(name, "libnl") == 0)
		return be_libnl();
	if (strcmp(name, "watch") == 0)
		return be_sentinel(NULL, atoi(word[1]));
	if (strcmp(name, "rule") == 0) {
		make_rule(&q, (uint32_t) atoi(word[1]));
		return be_limit(&q, true, NULL);
	}
	if (strcmp(name, "nexthop") == 0) {
		make_nexthop(&q, (uint32_t) atoi(word[3]));
		return be_limit(&q, true, NULL);
	}
	if (strcmp(name, "each") == 0)
		return be_each(word[3], (unsigned) atoi(word[4]));
	nl_steer(&q, true, gateway, standby);
	if (strcmp(name, "sentinel") == 0)
		return be_sentinel(&q, atoi(word[3]));
	return be_limit(&q, false, word[3]);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		const struct mode *m = &modes[i];

		if (strcmp(argv[1], m->name) != 0 || argc - 2 > m->words ||
		    argc - 2 < m->words - m->optional)
			continue;
		dev = (int) if_nametoindex(argv[2]);
		standby = m->standby ? (int) if_nametoindex(argv[3]) : 0;
		gateway = m->standby ? argv[4] : NULL;
		if (!dev || (m->standby && !standby))
			DIE("no link %s", dev ? argv[3] : argv[2]);
		return run_mode(argv[1], argv + 2);
	}
	fprintf(stderr, "usage: bench_contender limit|libnl|sentinel|watch|rule|nexthop|each ... "
			"(see the source)\n");
	return 2;
}
