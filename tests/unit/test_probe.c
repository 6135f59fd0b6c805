/* The sensor against the real kernel: a veth pair in two namespaces made here. */
#include "fake_agent_host.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define S 1000000ULL

static int near_ns, far_ns;

/* Run a command line in this process's namespace; false when it fails. */
static bool sh(const char *line)
{
	return system(line) == 0;
}

static void enter(int ns)
{
	cr_assert(eq(int, setns(ns, CLONE_NEWNET), 0));
}

/* wan0 (192.0.2.1, 2001:db8::1) here, far0 (192.0.2.2, 2001:db8::2) there. */
static void make_lab(void)
{
	char line[128];

	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("needs root for a network namespace");
	far_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert(eq(int, unshare(CLONE_NEWNET), 0));
	near_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	(void) snprintf(
		line, sizeof(line),
		"ip link add wan0 type veth peer name far0 netns /proc/%d/fd/%d 2>/dev/null",
		(int) getpid(), far_ns);
	if (!sh(line))
		cr_skip_test("no ip(8) or no veth");
	cr_assert(
		sh("ip link set wan0 up && ip link set lo up && ip addr add 192.0.2.1/24 dev wan0 "
		   "&& ip addr add 2001:db8::1/64 dev wan0 nodad"));
	enter(far_ns);
	cr_assert(
		sh("ip link set far0 up && ip link set lo up && ip addr add 192.0.2.2/24 dev far0 "
		   "&& ip addr add 2001:db8::2/64 dev far0 nodad"));
	/* No limit on ICMP errors: they are answers here. */
	cr_assert(sh("echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; "
		     "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit; "
		     "echo 100000 > /proc/sys/net/ipv4/icmp_msgs_per_sec 2>/dev/null; true"));
	enter(near_ns);
}

static struct fake *new_sensor(void)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/probe.so");

	f->real_time = true;
	cr_assert(eq(int, fake_start(f), 0));
	return f;
}

static struct anod_action request(const char *target, const char *proto, int port, int every_ms,
				  int timeout_ms)
{
	struct anod_action a = { .size = sizeof(a), .kind = "probe" };
	unsigned n = 0;

	strcpy(a.arg[n].name, "dev");
	a.arg[n].value.type = ANOD_TEXT;
	strcpy(a.arg[n++].value.u.text, "wan0");
	strcpy(a.arg[n].name, "target");
	a.arg[n++].value = fake_address(target);
	strcpy(a.arg[n].name, "proto");
	a.arg[n].value.type = ANOD_TEXT;
	strcpy(a.arg[n++].value.u.text, proto);
	if (port) {
		strcpy(a.arg[n].name, "port");
		a.arg[n++].value = (struct anod_value){ .type = ANOD_INT, .u.i = port };
	}
	strcpy(a.arg[n].name, "every");
	a.arg[n++].value = (struct anod_value){ .type = ANOD_INT, .u.i = every_ms * 1000 };
	strcpy(a.arg[n].name, "timeout");
	a.arg[n++].value = (struct anod_value){ .type = ANOD_INT, .u.i = timeout_ms * 1000 };
	a.n_args = n;
	return a;
}

static const char *watched;
static int64_t wanted;

static int64_t counter(struct fake *f, const char *entity, const char *attr)
{
	return fake_get(f, "probe", entity, attr).u.i;
}

static bool has_sent(struct fake *f)
{
	return counter(f, watched, "sent") >= wanted;
}

static bool has_overdue(struct fake *f)
{
	return counter(f, watched, "overdue") >= wanted;
}

static bool has_answered(struct fake *f)
{
	return counter(f, watched, "sent") - counter(f, watched, "lost") -
		       counter(f, watched, "void") >=
	       wanted;
}

static bool wait_for(struct fake *f, bool (*done)(struct fake *), const char *entity, int64_t n)
{
	watched = entity;
	wanted = n;
	return fake_run(f, done, 20 * S);
}

static void expect_all_answered(struct fake *f, const char *entity)
{
	struct anod_value rtt = fake_get(f, "probe", entity, "rtt");

	cr_expect(eq(i64, counter(f, entity, "lost"), 0), "%s", entity);
	cr_expect(eq(i64, counter(f, entity, "void"), 0), "%s", entity);
	cr_expect(eq(i64, fake_get(f, "probe", entity, "up").u.i, 1), "%s", entity);
	cr_expect(eq(dbl, fake_get(f, "probe", entity, "loss").u.r, 0), "%s", entity);
	cr_expect(rtt.type == ANOD_INT && rtt.u.i >= 0 && rtt.u.i < 100000, "%s: %lld us", entity,
		  (long long) rtt.u.i);
}

static void answers_of_every_protocol(const char *what)
{
	struct anod_action a[] = {
		request("192.0.2.2", "icmp", 0, 50, 1000),
		request("2001:db8::2", "icmp", 0, 50, 1000),
		request("192.0.2.2", "tcp", 7, 50, 1000),   /* nobody listens: a reset */
		request("2001:db8::2", "tcp", 7, 50, 1000), /* the same */
		request("192.0.2.2", "udp", 7, 50, 1000),   /* port unreachable */
		request("2001:db8::2", "udp", 7, 50, 1000),
	};
	static const char *const names[] = { "wan0/192.0.2.2",	     "wan0/2001:db8::2",
					     "wan0/192.0.2.2/tcp/7", "wan0/2001:db8::2/tcp/7",
					     "wan0/192.0.2.2/udp/7", "wan0/2001:db8::2/udp/7" };
	struct fake *f = new_sensor();

	for (int i = 0; i < 6; i++)
		cr_assert(eq(int, fake_ask_sensor(f, &a[i], true), 0), "%s", what);
	for (int i = 0; i < 6; i++) {
		cr_assert(wait_for(f, has_sent, names[i], 5), "%s %s", what, names[i]);
		expect_all_answered(f, names[i]);
	}
	cr_expect(eq(i64, fake_get(f, "path", "wan0", "targets").u.i, 6));
	cr_expect(eq(i64, fake_get(f, "path", "wan0", "targets_up").u.i, 6));
	cr_expect(eq(dbl, fake_get(f, "path", "wan0", "loss").u.r, 0));
	fake_free(f);
}

Test(probe, is_answered_over_every_protocol_and_family)
{
	make_lab();
	answers_of_every_protocol("raw socket");
	cr_assert(sh("echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range"));
	answers_of_every_protocol("ping socket");
}

Test(probe, a_listening_port_answers_too)
{
	struct anod_action a = request("192.0.2.2", "tcp", 4711, 50, 1000);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(4711) };
	struct fake *f;
	int fd;

	make_lab();
	enter(far_ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(eq(int, bind(fd, (struct sockaddr *) &at, sizeof(at)), 0));
	cr_assert(eq(int, listen(fd, 64), 0));
	enter(near_ns);
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2/tcp/4711", 10));
	expect_all_answered(f, "wan0/192.0.2.2/tcp/4711");
	fake_free(f);
	(void) close(fd);
}

Test(probe, injected_loss_is_counted)
{
	struct anod_action a = request("192.0.2.2", "icmp", 0, 50, 60);
	struct fake *f;
	int64_t lost;

	make_lab();
	enter(far_ns);
	/* Every fourth request, so that the test's own chance is not tested. */
	if (!sh("nft 'table ip t { chain c { type filter hook input priority 0; icmp type "
		"echo-request numgen inc mod 4 == 3 drop; }; }' 2>/dev/null"))
		cr_skip_test("nft cannot make a dropping rule");
	enter(near_ns);
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", 60));
	lost = counter(f, "wan0/192.0.2.2", "lost") + counter(f, "wan0/192.0.2.2", "void");
	cr_expect(ge(i64, lost, 14));
	cr_expect(le(i64, lost, 16));
	cr_expect(epsilon_eq(dbl, fake_get(f, "probe", "wan0/192.0.2.2", "loss").u.r, 0.25, 0.06));
	cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2", "up").u.i, 1), "lossy, not down");
	fake_free(f);
}

Test(probe, a_dead_path_is_down_and_a_late_answer_overdue)
{
	struct anod_action a = request("192.0.2.2", "icmp", 0, 50, 20);
	struct anod_action u = request("192.0.2.2", "udp", 9, 50, 20);
	struct fake *f;

	make_lab();
	enter(far_ns);
	if (!sh("nft 'table ip t { chain c { type filter hook input priority 0; icmp type "
		"echo-request drop; udp dport 9 drop; }; }' 2>/dev/null"))
		cr_skip_test("nft cannot make a dropping rule");
	enter(near_ns);
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(eq(int, fake_ask_sensor(f, &u, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", 12));
	cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2", "up").u.i, 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2/udp/9", 12));
	cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2/udp/9", "up").u.i, 0));
	cr_expect(eq(i64, fake_get(f, "path", "wan0", "targets_up").u.i, 0));

	/* Now the far side answers, but later than the timeout. */
	enter(far_ns);
	cr_assert(sh("nft flush ruleset"));
	if (!sh("tc qdisc add dev far0 root netem delay 60ms 2>/dev/null")) {
		enter(near_ns);
		cr_assert(wait_for(f, has_answered, "wan0/192.0.2.2", 3));
	} else {
		enter(near_ns);
		cr_assert(wait_for(f, has_overdue, "wan0/192.0.2.2", 3));
		cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2", "up").u.i, 0));
	}
	fake_free(f);
}

/* Promise 9: while we sleep, answers wait in the socket and what has none cannot be judged. */
Test(probe, own_lateness_is_never_a_loss)
{
	struct anod_action a = request("192.0.2.2", "icmp", 0, 50, 200);
	struct anod_action dead = request("192.0.2.77", "icmp", 0, 50, 200);
	struct fake *f;

	make_lab();
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(eq(int, fake_ask_sensor(f, &dead, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", 4));
	for (int64_t i = 1; i <= 4; i++) {
		int64_t lost = counter(f, "wan0/192.0.2.77", "lost");

		(void) usleep(600000); /* the loop hangs */
		cr_assert(wait_for(f, has_sent, "wan0/192.0.2.77",
				   counter(f, "wan0/192.0.2.77", "sent") + 1));
		cr_expect(eq(i64, counter(f, "wan0/192.0.2.77", "lost"), lost),
			  "not judged by a sleeper");
		cr_expect(ge(i64, counter(f, "wan0/192.0.2.77", "void"), i));
	}
	cr_expect(eq(i64, counter(f, "wan0/192.0.2.2", "lost"), 0));
	cr_expect(lt(i64, fake_get(f, "probe", "wan0/192.0.2.2", "rtt").u.i, 100000));
	cr_expect(gt(i64, fake_get(f, "probe", "wan0/192.0.2.2", "late").u.i, 300000),
		  "and the lateness is told");
	fake_free(f);
}

Test(probe, a_link_that_is_made_anew_is_probed_again)
{
	struct anod_action a = request("192.0.2.2", "icmp", 0, 50, 100);
	char line[128];
	struct fake *f;
	int64_t sent;

	make_lab();
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(wait_for(f, has_answered, "wan0/192.0.2.2", 3));
	cr_assert(sh("ip link del wan0"));
	sent = counter(f, "wan0/192.0.2.2", "sent");
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", sent + 5));
	cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2", "up").u.i, 0),
		  "no link is a loss, not our failure");
	cr_expect(eq(i64, counter(f, "wan0/192.0.2.2", "void"), 0));

	(void) snprintf(line, sizeof(line),
			"ip link add wan0 type veth peer name far0 netns /proc/%d/fd/%d",
			(int) getpid(), far_ns);
	cr_assert(sh(line) && sh("ip link set wan0 up && ip addr add 192.0.2.1/24 dev wan0"));
	enter(far_ns);
	cr_assert(sh("ip link set far0 up && ip addr add 192.0.2.2/24 dev far0"));
	enter(near_ns);
	cr_assert(wait_for(f, has_answered, "wan0/192.0.2.2",
			   counter(f, "wan0/192.0.2.2", "sent") -
				   counter(f, "wan0/192.0.2.2", "lost") + 3));
	cr_expect(eq(i64, fake_get(f, "probe", "wan0/192.0.2.2", "up").u.i, 1));
	fake_free(f);
}

Test(probe, a_local_refusal_is_void_and_logged_once)
{
	struct anod_action a = request("192.0.2.2", "icmp", 0, 50, 100);
	struct fake *f;

	make_lab();
	if (!sh("nft 'table ip t { chain c { type filter hook output priority 0; icmp type "
		"echo-request drop; }; }' 2>/dev/null"))
		cr_skip_test("nft cannot make a dropping rule");
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &a, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", 5));
	cr_expect(eq(i64, counter(f, "wan0/192.0.2.2", "lost"), 0));
	cr_expect(ge(i64, counter(f, "wan0/192.0.2.2", "void"), 5));
	cr_expect(strstr(f->log, "cannot send") != NULL);
	cr_expect(strstr(strstr(f->log, "cannot send") + 1, "cannot send") == NULL);
	cr_expect(eq(int, fake_get(f, "probe", "wan0/192.0.2.2", "up").type, ANOD_UNKNOWN),
		  "nobody knows");
	fake_free(f);
}

Test(probe, the_same_probe_asked_twice_is_one)
{
	struct anod_action slow = request("192.0.2.2", "icmp", 0, 10000, 1000);
	struct anod_action fast = request("192.0.2.2", "icmp", 0, 50, 1000);
	struct fake *f;

	make_lab();
	f = new_sensor();
	cr_assert(eq(int, fake_ask_sensor(f, &slow, true), 0));
	cr_assert(wait_for(f, has_sent, "wan0/192.0.2.2", 1));
	cr_assert(eq(int, fake_ask_sensor(f, &fast, true), 0));
	cr_expect(wait_for(f, has_sent, "wan0/192.0.2.2", 5), "the fastest sets the pace");
	cr_expect(eq(i64, fake_get(f, "path", "wan0", "targets").u.i, 1));
	cr_expect(eq(int, fake_ask_sensor(f, &slow, false), 0));
	cr_expect(wait_for(f, has_sent, "wan0/192.0.2.2", 8));
	cr_expect(eq(int, fake_ask_sensor(f, &fast, false), 0));
	cr_expect(eq(int, fake_get(f, "probe", "wan0/192.0.2.2", "sent").type, ANOD_UNKNOWN));
	cr_expect(eq(int, fake_get(f, "path", "wan0", "targets").type, ANOD_UNKNOWN));
	cr_expect(lt(int, fake_ask_sensor(f, &fast, false), 0), "more goodbyes than hellos");
	fake_free(f);
}

Test(probe, a_bad_request_is_refused_with_its_reason)
{
	struct fake *f = new_sensor();
	struct anod_action a;
	static const struct {
		const char *target, *proto;
		int port, every, timeout;
		const char *says;
	} c[] = {
		{ "192.0.2.0/24", "icmp", 0, 200, 1000, "target is not an address" },
		{ "192.0.2.2", "sctp", 0, 200, 1000, "proto is none" },
		{ "192.0.2.2", "icmp", 7, 200, 1000, "port goes with" },
		{ "192.0.2.2", "tcp", 0, 200, 1000, "port goes with" },
		{ "192.0.2.2", "tcp", 70000, 200, 1000, "port is not in" },
		{ "192.0.2.2", "icmp", 0, 49, 1000, "every is not in" },
		{ "192.0.2.2", "icmp", 0, 200, 20000, "timeout is not in" },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		a = request(c[i].target, c[i].proto, c[i].port, c[i].every, c[i].timeout);
		cr_expect(lt(int, fake_ask_sensor(f, &a, true), 0), "case %zu", i);
		cr_expect(strstr(f->log, c[i].says) != NULL, "case %zu: %s", i, f->log);
		f->log[0] = 0;
	}
	a = request("192.0.2.2", "icmp", 0, 200, 1000);
	strcpy(a.arg[0].value.u.text, "../../etc");
	cr_expect(lt(int, fake_ask_sensor(f, &a, true), 0));
	strcpy(a.arg[0].value.u.text, "a-name-that-is-too-long");
	cr_expect(lt(int, fake_ask_sensor(f, &a, true), 0));
	a.n_args = 1000;
	cr_expect(lt(int, fake_ask_sensor(f, &a, true), 0));
	fake_free(f);
}
