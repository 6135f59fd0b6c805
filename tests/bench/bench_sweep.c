/*
 * bench_sweep - CPU time of one reading of the counters of all links of this namespace.
 *
 * Design.  The contenders take turns in one process: "limit" is a bare RTM_GETSTATS dump whose
 * counters are only added up; getlink the same by RTM_GETLINK; libnl fills a cache of links; proc
 * reads and parses /proc/net/dev; anod is the plugin as it ships, with the real store, table of
 * the host and loop, and nothing else of the daemon.  Then what reading a few links costs, one
 * request each in one send() against a dump, which is where the plugin's FEW_PART comes from.
 *
 * With "every", the limit alone, with the pause between, until it is killed: sweep.py compares its
 * CPU time with that of daemons which run at the same time.
 *
 * usage: ip netns exec NS bench_sweep CASE ROUNDS
 *        ip netns exec NS bench_sweep every MILLISECONDS
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_host.h"

#define BUF_SIZE   (32u << 10)
#define ROUNDS_MAX 1000
#define FEW	   64
#define PERIOD_US  100000 /* between two sweeps */

static uint8_t buf[BUF_SIZE] __attribute__((aligned(8)));
static int fd;
static unsigned n_links;
static uint64_t sum; /* of bytes, so that no reader can leave the counters unread */

/* ---- bare netlink --------------------------------------------------------------------------- */

static void add_up(struct nlmsghdr *m, size_t head, unsigned short wanted)
{
	int left = (int) (m->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(head)));
	struct rtattr *a = (void *) ((uint8_t *) m + NLMSG_LENGTH(NLMSG_ALIGN(head)));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const struct rtnl_link_stats64 *s = RTA_DATA(a);

		if (a->rta_type != wanted)
			continue;
		sum += s->rx_bytes + s->tx_bytes;
		n_links++;
		return;
	}
}

static void dump(const void *q, size_t size, size_t head, unsigned short wanted)
{
	if (send(fd, q, size, 0) < 0)
		must(-errno, "send");
	for (n_links = 0;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		unsigned left = (unsigned) n;

		must(n < 0 ? -errno : 0, "recv");
		for (struct nlmsghdr *m = (void *) buf; NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
				return;
			add_up(m, head, wanted);
		}
	}
}

struct stats_request {
	struct nlmsghdr h;
	struct if_stats_msg s;
};

static struct stats_request stats_request(uint32_t ifindex)
{
	return (struct stats_request){
		.h = { .nlmsg_len = sizeof(struct stats_request),
		       .nlmsg_type = RTM_GETSTATS,
		       .nlmsg_flags = ifindex ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_DUMP },
		.s = { .ifindex = ifindex,
		       .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) },
	};
}

static void limit(void)
{
	struct stats_request q = stats_request(0);

	dump(&q, sizeof(q), sizeof(struct if_stats_msg), IFLA_STATS_LINK_64);
}

static void getlink(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	dump(&q, sizeof(q), sizeof(struct ifinfomsg), IFLA_STATS64);
}

/* ---- others --------------------------------------------------------------------------------- */

static struct nl_sock *sock;

static void libnl(void)
{
	static struct nl_cache *cache;

	if (!cache)
		must(rtnl_link_alloc_cache(sock, AF_UNSPEC, &cache) < 0 ? -EIO : 0, "libnl");
	else
		must(nl_cache_refill(sock, cache) < 0 ? -EIO : 0, "libnl");
	n_links = 0;
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_link *l = (struct rtnl_link *) o;

		sum += rtnl_link_get_stat(l, RTNL_LINK_RX_BYTES) +
		       rtnl_link_get_stat(l, RTNL_LINK_TX_BYTES);
		n_links++;
	}
}

/* "  eth0: 1 2 3 ... 16 numbers" */
static void proc(void)
{
	static char text[4u << 20];
	size_t n = 0;
	ssize_t got;
	char *p;
	int f = open("/proc/net/dev", O_RDONLY | O_CLOEXEC);

	while (f >= 0 && (got = read(f, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t) got;
	(void) close(f);
	text[n] = '\0';
	n_links = 0;
	for (p = text; (p = strchr(p, ':')); n_links++) {
		uint64_t v[16];

		p++;
		for (unsigned i = 0; i < 16; i++)
			v[i] = strtoull(p, &p, 10);
		sum += v[0] + v[8];
	}
}

/* ---- anod ----------------------------------------------------------------------------------- */

static struct host *host;
static unsigned n_facts; /* in one put() */

/* Sweeps so far; every link is one put(). */
static double sweeps(void)
{
	struct store_stats s;

	store_get_stats(host->store, &s);
	return (double) s.published;
}

/* CPU time of one sweep, of 'n' that the timer asks for. */
static double anod(unsigned n)
{
	double begin, before, after, one = (double) n_links * n_facts;

	before = sweeps();
	begin = cpu_us();
	do {
		must(sd_event_run(host->loop, 1000000), "loop");
		after = sweeps();
	} while (after - before < one * n);
	return (cpu_us() - begin) / ((after - before) / one);
}

static void open_anod(void)
{
	static const char *const names[] = { "rtnl", "counters", NULL };
	const struct schema_attr *first, *util;

	host = bench_host(names, "sensor counters { period 100ms  idle-period 100ms }\n");
	bench_settle(host, n_links);
	/* A link without a capacity has no utilisation, which is the last attribute. */
	first = schema_attr(host->schema, "link", "rx_bytes");
	util = schema_attr(host->schema, "link", "util");
	n_facts = util->slot - first->slot;
	(void) anod(10); /* until every link is known by its name */
}

/* ---- few links ------------------------------------------------------------------------------ */

static unsigned some_links(uint32_t *ifindex, unsigned max)
{
	struct stats_request q = stats_request(0);
	unsigned n = 0;

	must(send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0, "send");
	for (;;) {
		unsigned left = (unsigned) recv(fd, buf, sizeof(buf), 0);

		for (struct nlmsghdr *m = (void *) buf; NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left)) {
			const struct if_stats_msg *s = NLMSG_DATA(m);

			if (m->nlmsg_type == NLMSG_DONE)
				return n;
			if (n < max)
				ifindex[n++] = s->ifindex;
		}
	}
}

static void few(const uint32_t *ifindex, unsigned n)
{
	struct stats_request q[FEW];
	struct mmsghdr answer[32] = { 0 };
	struct iovec iov[32];

	for (unsigned i = 0; i < n; i++)
		q[i] = stats_request(ifindex[i]);
	for (unsigned i = 0; i < 32; i++) {
		iov[i] = (struct iovec){ buf + 1024 * i, 1024 };
		answer[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	must(send(fd, q, n * sizeof(q[0]), 0) < 0 ? -errno : 0, "send");
	for (unsigned got = 0; got < n;) {
		int k = recvmmsg(fd, answer, 32, MSG_DONTWAIT, NULL);

		must(k < 0 ? -errno : 0, "recvmmsg");
		for (int i = 0; i < k; i++)
			add_up((void *) (buf + 1024 * i), sizeof(struct if_stats_msg),
			       IFLA_STATS_LINK_64);
		got += (unsigned) k;
	}
}

/* The other way to ask for one link. */
static void getlink_one(uint32_t ifindex)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST },
		.i = { .ifi_index = (int) ifindex } };

	must(send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0, "send");
	must(recv(fd, buf, sizeof(buf), 0) < 0 ? -errno : 0, "recv");
	add_up((void *) buf, sizeof(struct ifinfomsg), IFLA_STATS64);
}

static void measure_few(const char *name, unsigned rounds)
{
	double one[ROUNDS_MAX], eight[ROUNDS_MAX], many[ROUNDS_MAX], dump_one[ROUNDS_MAX],
		link[ROUNDS_MAX];
	uint32_t ifindex[FEW];
	unsigned n = some_links(ifindex, FEW);
	char few_name[64];

	(void) snprintf(few_name, sizeof(few_name), "%s-few", name);

	for (unsigned i = 0; i < rounds && n == FEW; i++) {
		double t0 = cpu_us(), t1, t2;

		few(ifindex, 1);
		t1 = cpu_us();
		few(ifindex, 8);
		t2 = cpu_us();
		few(ifindex, FEW);
		one[i] = t1 - t0;
		eight[i] = (t2 - t1) / 8;
		many[i] = (cpu_us() - t2) / FEW;
		t2 = cpu_us();
		limit();
		dump_one[i] = (cpu_us() - t2) / n_links;
		t2 = cpu_us();
		getlink_one(ifindex[0]);
		link[i] = cpu_us() - t2;
	}
	if (n < FEW)
		return;
	bench_row("sweep", few_name, "limit", "us a link", dump_one, rounds);
	bench_row("sweep", few_name, "getlink-of-1", "us a link", link, rounds);
	bench_row("sweep", few_name, "request-of-1", "us a link", one, rounds);
	bench_row("sweep", few_name, "request-of-8", "us a link", eight, rounds);
	bench_row("sweep", few_name, "request-of-64", "us a link", many, rounds);
}

/* ---- all in turn ---------------------------------------------------------------------------- */

static const struct {
	const char *who;
	void (*run)(void);
	unsigned part; /* rounds are divided by it: some are slow */
} contenders[] = {
	{ "limit", limit, 1 }, { "getlink", getlink, 4 }, { "libnl", libnl, 8 }, { "proc", proc, 4 }
};
#define N_CONTENDERS ARRAY_SIZE(contenders)

/* Who reads once a second finds the caches full of others' affairs, so each of these is measured
 * with the pause before it: waking up is part of the work. */
static void measure_all(const char *name, unsigned rounds)
{
	static double us[N_CONTENDERS + 1][ROUNDS_MAX];
	unsigned n[N_CONTENDERS + 1] = { 0 };

	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < N_CONTENDERS; k++) {
			double begin;

			if (i % contenders[k].part)
				continue;
			begin = cpu_us();
			(void) nanosleep(&(struct timespec){ .tv_nsec = PERIOD_US * 1000 }, NULL);
			contenders[k].run();
			us[k][n[k]++] = cpu_us() - begin;
		}
		(void) anod(1); /* that was late, because of the others */
		us[N_CONTENDERS][n[N_CONTENDERS]++] = anod(1);
	}
	for (unsigned k = 0; k < N_CONTENDERS; k++)
		bench_row("sweep", name, contenders[k].who, "us", us[k], n[k]);
	bench_row("sweep", name, "anod-direct", "us", us[N_CONTENDERS], n[N_CONTENDERS]);
}

/* Anywhere in each period, so that it does not always find the caches just left by a daemon. */
static void every(unsigned ms)
{
	uint64_t begin = clock_boot_us(), due;
	struct timespec t;

	for (uint64_t k = 0;; k++) {
		due = begin + (k * ms + (uint64_t) random() % ms) * 1000;
		t.tv_sec = (time_t) (due / 1000000);
		t.tv_nsec = (long) (due % 1000000) * 1000;
		(void) clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
		limit();
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc == 3 ? (unsigned) atoi(argv[2]) : 0;
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };

	if (!rounds || rounds > ROUNDS_MAX) {
		(void) fprintf(stderr, "usage: bench_sweep CASE ROUNDS (at most %u)\n", ROUNDS_MAX);
		return 2;
	}
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	must(fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 ? -errno : 0, "netlink");
	if (strcmp(argv[1], "every") == 0)
		every(rounds);
	sock = nl_socket_alloc();
	must(!sock || nl_connect(sock, NETLINK_ROUTE) < 0 ? -EIO : 0, "libnl");
	limit();
	open_anod();
	measure_all(argv[1], rounds);
	measure_few(argv[1], rounds);
	return sum == 1; /* never */
}
