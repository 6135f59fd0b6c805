/*
 * The sensor of the router's own TCP connections: its pure part on what 6.18 said
 * (tests/fuzz/corpus/tcpinfo, recorded behind a hop with a small MTU that tells nobody), and the
 * sensor against the kernel.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#include "plugins/tcpinfo/diag.c"
#include "plugins/tcpinfo/groups.c"
#include "plugins/tcpinfo/socks.c"
#include "plugins/tcpinfo/way.c"

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(tcpinfo, .fini = stop, .timeout = 60);

/* ---- recorded ----------------------------------------------------------------------------- */

static size_t load(const char *name, uint8_t *buf, size_t size)
{
	char path[512];
	size_t n;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/tcpinfo/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	n = fread(buf, 1, size, f);
	(void) fclose(f);
	return n;
}

/* Sockets of a recording; returns how many. */
static unsigned samples(const char *name, struct sample *ret, unsigned max)
{
	static uint8_t buf[8192] __attribute__((aligned(8)));
	size_t left = load(name, buf, sizeof(buf));
	unsigned n = 0;

	for (struct nlmsghdr *h = (void *) buf; NLMSG_OK(h, left) && n < max;
	     h = NLMSG_NEXT(h, left))
		n += diag_parse(h, &ret[n]);
	return n;
}

static void dump(struct socks *t, const char *name, uint64_t now_us)
{
	struct sample s[8];
	unsigned n = samples(name, s, 8);

	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(socks_take(t, &s[i], now_us), 0);
}

Test(tcpinfo, decoder_reads_what_the_kernel_said)
{
	struct sample s[8];

	cr_assert_eq(samples("v4-stuck", s, 8), 1);
	cr_expect_eq(s[0].dport, 7001);
	cr_expect_eq(s[0].dst.family, AF_INET);
	cr_expect_eq(s[0].dst.addr[0], 10);
	cr_expect_eq(s[0].dst.addr[1], 2);
	cr_expect_eq(s[0].snd_mss, 1448);
	cr_expect_eq(s[0].pmtu, 1500);
	cr_expect_eq(s[0].backoff, 3);
	cr_expect_eq(s[0].retrans, 3);
	cr_expect_eq(s[0].bytes_retrans, 3 * 1448);
	cr_expect_eq(s[0].bytes_acked, 1, "the SYN");
	cr_expect_gt(s[0].unacked, 0);
	cr_expect(s[0].cookie && s[0].has_bytes);

	cr_assert_eq(samples("v6-stuck", s, 8), 2);
	for (unsigned i = 0; i < 2; i++) /* one of the two speaks IPv4 */
		cr_expect_eq(s[i].dst.family, s[i].dport == 7003 ? AF_INET : AF_INET6);

	cr_assert_eq(samples("older-kernel", s, 8), 1, "tcp_info of Linux 4.18");
	cr_expect(!s[0].has_bytes);
	cr_expect_eq(s[0].segs_out, 14);
	cr_expect_eq(samples("cut", s, 8), 0);
	cr_expect_eq(samples("long-attr", s, 8), 0);
}

Test(tcpinfo, black_hole_is_told_by_retransmissions_of_full_segments_alone)
{
	struct socks t;

	socks_init(&t, 100);
	socks_begin(&t);
	dump(&t, "v4-before", 1000000);
	socks_sweep(&t);
	cr_assert_eq(t.n, 1);
	cr_expect(!sock_stuck(&t.row[0]));

	socks_begin(&t);
	dump(&t, "v4-stuck", 4000000);
	socks_sweep(&t);
	cr_expect(sock_stuck(&t.row[0]));
	cr_expect(!sock_peer_alive(&t, &t.row[0]), "nothing was heard: it may have gone away");

	socks_begin(&t);
	dump(&t, "v4-stuck2", 8000000);
	dump(&t, "v6-stuck", 8000000);
	socks_sweep(&t);
	cr_assert_eq(t.n, 3);
	cr_expect(sock_stuck(&t.row[0]));
	cr_expect(sock_peer_alive(&t, &t.row[0]), "another connection to it opened meanwhile");

	/* What differs in one point is something else. */
	struct sock is = t.row[0], s = is;
	s.now.bytes_acked++;
	cr_expect(!sock_stuck(&s), "plain loss: something arrives");
	s = is;
	s.now.backoff = 1;
	cr_expect(!sock_stuck(&s), "a single timeout");
	s = is;
	s.now.bytes_retrans -= 1448;
	cr_expect(!sock_stuck(&s), "small segments do not get through either");
	s = is;
	s.now.snd_mss = 536;
	cr_expect(!sock_stuck(&s), "no path refuses so little");
	s = is;
	s.now.unacked = 0;
	cr_expect(!sock_stuck(&s));
	s = is;
	s.now.has_bytes = false;
	cr_expect(!sock_stuck(&s), "unknown");
	socks_free(&t);
}

Test(tcpinfo, counters_neither_jump_nor_go_back)
{
	struct sample a = { .cookie = 1, .segs_out = UINT32_MAX - 5, .bytes_sent = 1000000 }, b = a;
	struct counts d;
	struct socks t;

	b.cookie = 2;
	socks_init(&t, SOCKS_MIN + 1);
	socks_begin(&t);
	cr_assert_eq(socks_take(&t, &a, 1), 0);
	cr_assert_eq(socks_take(&t, &b, 1), 0);
	d = sock_settle(&t.row[0]);
	cr_expect(d.segs == 0 && d.bytes == 0, "a new socket counts from here");

	a.segs_out += 10;
	a.bytes_sent += 7;
	socks_begin(&t);
	cr_assert_eq(socks_take(&t, &a, 2), 0);
	a.segs_out += 1; /* the same dump names it again */
	cr_assert_eq(socks_take(&t, &a, 2), 0);
	socks_sweep(&t);
	cr_assert_eq(t.n, 1, "the other has closed");
	d = sock_settle(&t.row[0]);
	cr_expect_eq(d.segs, 10, "over the wrap");
	cr_expect_eq(d.bytes, 7);
	d = sock_settle(&t.row[0]);
	cr_expect_eq(d.segs, 0);

	a.segs_out -= 100;
	socks_begin(&t);
	cr_assert_eq(socks_take(&t, &a, 3), 0);
	cr_expect_eq(sock_settle(&t.row[0]).segs, 0);

	for (uint64_t i = 0; i < 2 * SOCKS_MIN; i++) {
		struct sample c = { .cookie = 100 + i };

		cr_expect_eq(socks_take(&t, &c, 3), i < SOCKS_MIN ? 0 : -ENOSPC);
	}
	cr_expect_eq(t.left_out, SOCKS_MIN);
	cr_expect_eq(find(&t, 100 + SOCKS_MIN / 2)->now.cookie, 100 + SOCKS_MIN / 2);
	socks_free(&t);
}

Test(tcpinfo, blocks_with_most_traffic_keep_their_places)
{
	struct group at[2] = { 0 };
	struct groups g = { at, 2 };
	struct anod_prefix p[3] = { netlab_address("192.0.2.0/24"),
				    netlab_address("198.51.100.0/24"),
				    netlab_address("203.0.113.0/24") };
	struct anod_prefix address = netlab_address("203.0.113.77"), six;
	struct counts d = { .segs = 10, .bytes = 10000 };
	uint32_t hint = UINT32_MAX, old;
	struct sock s = { .now = { .has_bytes = true, .rtt = 100, .min_rtt = 10 }, .active = true };
	struct group *x;

	six = block_of(&address, 24);
	cr_expect_eq(memcmp(&six, &p[2], sizeof(six)), 0);
	six = netlab_address("2001:db8:1:2::1");
	six = block_of(&six, 45);
	cr_expect_eq(six.addr[5] & 7, 0);
	cr_expect_eq(six.addr[3], 0xb8);

	groups_begin(&g);
	for (unsigned i = 0; i < 2; i++) {
		x = groups_get(&g, 1, &p[i], d.bytes, &hint, &old);
		cr_assert(x && x->fresh);
		x->entity = i + 1;
		group_add(x, &s, &d, false, false);
	}
	cr_expect_eq(groups_get(&g, 1, &p[1], 0, &hint, &old), &at[1]);
	cr_expect_null(groups_get(&g, 1, &p[2], UINT64_C(1) << 40, &hint, &old),
		       "both have connections now");
	groups_begin(&g);
	cr_expect_null(groups_get(&g, 1, &p[2], 12000, &hint, &old), "alike");
	x = groups_get(&g, 1, &p[2], 1000000, &hint, &old);
	cr_assert_not_null(x);
	cr_expect_eq(old, 1);
	cr_expect_eq(x->segs, 0, "it begins at nothing");
	group_add(x, &s, &d, false, false);
	cr_expect_eq(groups_get(&g, 2, &p[2], GROUP_STUCK, &hint, &old), &at[1],
		     "where a socket is stuck counts more than all traffic");
}

Test(tcpinfo, median_and_least_are_of_this_reading)
{
	struct group g = { 0 };
	struct counts none = { 0 };
	struct sock s = { .now = { .has_bytes = true, .pmtu = 1500 }, .active = true };

	for (uint32_t i = 1; i <= 3 * GROUP_SAMPLES; i++) {
		s.now.rtt = i;
		s.now.min_rtt = 1;
		group_add(&g, &s, &none, false, false);
	}
	cr_expect_geq(group_median(g.rtt, g.n_seen), 2 * GROUP_SAMPLES);
	s.active = false;
	s.now.pmtu = 1400;
	group_add(&g, &s, &none, false, false);
	cr_expect_eq(g.n_seen, 3 * GROUP_SAMPLES);
	cr_expect_eq(g.pmtu, 1400);
	cr_expect_eq(group_median(g.rtt, 0), 0);
}

/* ---- the sensor against the kernel -------------------------------------------------------- */

/* A server in a namespace of its own, whose process is its name. */
static pid_t serve(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7001) };
	int ready[2], fd, k;
	pid_t child;
	char c = 0;

	cr_assert_eq(pipe(ready), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child) {
		cr_assert_eq(read(ready[0], &c, 1), 1);
		return child;
	}
	alarm(30);
	netlab_enter();
	cr_assert_eq(write(ready[1], "n", 1), 1);
	while (system("ip addr add 10.9.0.1/24 dev peer0 2>/dev/null && ip link set peer0 up") != 0)
		usleep(20000);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 5) < 0)
		_exit(1);
	k = accept(fd, NULL, NULL);
	while (read(k, &c, 1) > 0)
		;
	(void) pause(); /* the namespace, and with it the link, lives as long as we do */
	_exit(0);
}

static bool counted(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "tcp", "tcp0", data);

	return v && v->type == ANOD_INT && v->u.i > 0;
}

static bool no_sockets(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "tcp", "tcp0", "sockets");

	(void) data;
	return v && v->type == ANOD_INT && v->u.i == 0;
}

static int connect_to(const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7001) };
	int fd = -1;

	inet_pton(AF_INET, address, &a.sin_addr);
	for (unsigned i = 0; i < 500; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *) &a, sizeof(a)) == 0)
			return fd;
		close(fd);
		usleep(20000);
	}
	cr_assert_fail("cannot connect");
	return -1;
}

Test(tcpinfo, connection_is_counted_at_the_link_by_which_it_leaves)
{
	const struct anod_value *v;
	pid_t child;
	int fd;

	netlab_enter();
	child = serve();
	netlab_run("ip link add name tcp0 type veth peer name peer0 netns %d && ip addr add "
		   "10.9.0.2/24 dev tcp0 && "
		   "ip link set tcp0 up",
		   (int) child);
	fd = connect_to("10.9.0.1");
	host = fake_host_new("tcpinfo");
	fake_host_set_int(host, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "idle-period", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, counted, (char[]){ "sockets" }, 5000));
	v = fake_host_fact(host, "tcp", "tcp0", "segs");
	cr_expect_eq(v->u.i, 0, "what was before counts not");
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert(fake_host_wait(host, counted, (char[]){ "segs" }, 5000));
	cr_expect_eq(fake_host_fact(host, "tcp", "tcp0", "segs")->u.i, 1);
	cr_expect_eq(fake_host_fact(host, "tcp", "tcp0", "bytes")->u.i, 5);
	cr_expect_eq(fake_host_fact(host, "tcp", "tcp0", "pmtu")->u.i, 1500);
	cr_expect_eq(fake_host_fact(host, "tcp_prefix", "tcp0/10.9.0.0/24", "segs")->u.i, 1);
	cr_expect_str_eq(fake_host_fact(host, "tcp_prefix", "tcp0/10.9.0.0/24", "dev")->u.text,
			 "tcp0");
	close(fd);
	cr_assert(fake_host_wait(host, no_sockets, NULL, 5000));
	cr_expect_eq(fake_host_fact(host, "tcp", "tcp0", "segs")->u.i, 1, "closed, not forgotten");
	(void) kill(child, SIGKILL);
}
