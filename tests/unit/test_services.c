/*
 * services - the sensors http, compute and dns against small servers of this test (stubs: real
 * ones are asked in tests/lab/test_services.py).
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <anod/call.h>

#include "plugins/dns/query.c"
#include "unit/fake_host.h"

static int listen_on(int type, uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *) &a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 8), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *) &a, &size), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* What it answers stands in the path. */
static void serve_http(int fd)
{
	for (;;) {
		int c = accept(fd, NULL, NULL);
		char in[1024] = "";
		const char *out = "HTTP/1.1 200 OK\r\n\r\n";

		if (read(c, in, sizeof(in) - 1) < 0)
			continue;
		if (strstr(in, "GET /silent"))
			continue; /* kept open */
		if (strstr(in, "GET /error"))
			out = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
		if (strstr(in, "GET /garbage"))
			out = "\x01\x02 what is this?";
		if (!strstr(in, "GET /close") && write(c, out, strlen(out)) < 0)
			continue;
		(void) close(c);
	}
}

/* The question back as the answer; its name says what is wrong with it. */
static void serve_dns(int fd)
{
	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint8_t b[512];
		ssize_t n = recvfrom(fd, b, sizeof(b), 0, (struct sockaddr *) &from, &size);

		if (n < 20)
			continue;
		b[2] |= 0x80;
		b[3] = memcmp(b + 13, "fail", 4) == 0 ? 2 : 0x20;
		if (memcmp(b + 13, "fals", 4) == 0)
			b[0] ^= 0xff;
		if (memcmp(b + 13, "mute", 4) != 0)
			(void) sendto(fd, b, (size_t) n, 0, (struct sockaddr *) &from, size);
	}
}

static pid_t serve(void (*run)(int), int type, uint16_t *ret_port)
{
	int fd = listen_on(type, ret_port);
	pid_t pid = fork();

	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(fd);
		_exit(0);
	}
	(void) close(fd);
	return pid;
}

struct want {
	const char *kind, *name, *attr;
	int64_t n;
};

static bool is(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, w->kind, w->name, w->attr);

	return v && v->type != ANOD_UNKNOWN && v->u.i >= w->n;
}

static void wait_for(struct fake_host *h, const char *kind, const char *name, const char *attr,
		     int64_t n)
{
	struct want w = { kind, name, attr, n };

	cr_assert(fake_host_wait(h, is, &w, 5000), "%s/%s.%s", kind, name, attr);
}

static int64_t number(struct fake_host *h, const char *kind, const char *name, const char *attr)
{
	const struct anod_value *v = fake_host_fact(h, kind, name, attr);

	return !v || v->type == ANOD_UNKNOWN ? -1 : v->u.i;
}

Test(services, urls_are_read_or_refused_with_the_cure)
{
	static const char *const bad[] = {
		"192.0.2.1",
		"ftp://192.0.2.1/",
		"http://example.com/",
		"http://192.0.2.1:0/",
		"http://192.0.2.1:65536/",
		"http://192.0.2.1:-1/",
		"http://192.0.2.1:x/",
		"http://[2001:db8::1/",
		"http://192.0.2.1/a b",
		"http://192.0.2.1x/",
		"http://",
		"http://192.0.2.1/#a",
		"http://[192.0.2.1]/",
		"http://192.0.2.1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct anod_call_spec s;
	char why[ANOD_REASON_SIZE];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		cr_assert_eq(anod_call_url(bad[i], &s, why), -EINVAL, "%s", bad[i]);
		cr_assert(why[0], "%s", bad[i]);
	}
	cr_assert_eq(anod_call_url("http://192.0.2.1:8080/health?a=1", &s, why), 0);
	cr_assert_eq(s.port, 8080);
	cr_assert_str_eq(s.path, "/health?a=1");
	cr_assert_str_eq(s.host, "192.0.2.1:8080");
	cr_assert_eq(anod_call_url("https://[2001:db8::1]", &s, why), 0);
	cr_assert(s.port == 443 && !s.ask && s.address.family == AF_INET6);
}

Test(services, a_service_is_up_when_it_answers_and_unknown_in_what_it_did_not_say)
{
	static const char *const paths[] = { "ok", "error", "garbage", "close", "silent" };
	struct fake_host *h = fake_host_new("http");
	char url[64], name[8][64];
	uint16_t port, closed;
	pid_t server = serve(serve_http, SOCK_STREAM, &port);
	int fd = listen_on(SOCK_STREAM, &closed);

	(void) close(fd); /* nobody listens there any more */
	for (unsigned i = 0; i < 5; i++) {
		(void) snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s", port, paths[i]);
		(void) snprintf(name[i], sizeof(name[i]), "%.56s", url + 7);
		fake_host_set_text(h, "url", url);
	}
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%u", closed);
	(void) snprintf(name[5], sizeof(name[5]), "%.56s", url + 7);
	fake_host_set_text(h, "url", url);
	fake_host_set_text(h, "url", "http://not.an.address/");
	fake_host_set_int(h, "every", 200000, ANOD_UNIT_TIME);
	fake_host_set_int(h, "timeout", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(h), 0);
	cr_assert(strstr(fake_host_log(h), "not a name"), "%s", fake_host_log(h));

	for (unsigned i = 0; i < 6; i++)
		wait_for(h, "http", name[i], "calls", 2);
	cr_assert_eq(fake_host_entities(h, "http"), 6);
	cr_assert_eq(number(h, "http", name[0], "up"), 1);
	cr_assert_eq(number(h, "http", name[0], "status"), 200);
	cr_assert_gt(number(h, "http", name[0], "answer"), 0);
	cr_assert_gt(number(h, "http", name[0], "connect"), 0);
	cr_assert_eq(number(h, "http", name[0], "failed"), 0);
	cr_assert_eq(number(h, "http", name[1], "up"), 0);
	cr_assert_eq(number(h, "http", name[1], "status"), 503);
	for (unsigned i = 2; i < 6; i++) {
		cr_assert_eq(number(h, "http", name[i], "up"), 0, "%s", name[i]);
		cr_assert_eq(number(h, "http", name[i], "status"), -1, "%s", name[i]);
		cr_assert_geq(number(h, "http", name[i], "failed"), 2, "%s", name[i]);
		cr_assert(fake_host_fact(h, "http", name[i], "error")->u.text[0]);
	}
	cr_assert_eq(number(h, "http", name[5], "connect"), -1);
	fake_host_free(h);
	(void) kill(server, SIGKILL);
}

Test(services, the_share_of_fast_calls_counts_those_that_failed)
{
	struct fake_host *h = fake_host_new("compute");
	char url[64], good[64], bad[64];
	uint16_t port, closed;
	pid_t server = serve(serve_http, SOCK_STREAM, &port);
	int fd = listen_on(SOCK_STREAM, &closed);

	(void) close(fd);
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%u/health", port);
	(void) snprintf(good, sizeof(good), "127.0.0.1:%u", port);
	fake_host_set_text(h, "endpoint", url);
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%u/health", closed);
	(void) snprintf(bad, sizeof(bad), "127.0.0.1:%u", closed);
	fake_host_set_text(h, "endpoint", url);
	fake_host_set_int(h, "every", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(h, "target", 1000000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(h), 0);
	wait_for(h, "compute", good, "calls", 3);
	wait_for(h, "compute", bad, "calls", 3);

	cr_assert_eq(number(h, "compute", good, "up"), 1);
	cr_assert_eq(number(h, "compute", bad, "up"), 0);
	cr_assert_float_eq(fake_host_fact(h, "compute", good, "fast_share")->u.r, 1, 1e-9);
	cr_assert_float_eq(fake_host_fact(h, "compute", bad, "fast_share")->u.r, 0, 1e-9);
	cr_assert_eq(number(h, "computing", "all", "endpoints"), 2);
	cr_assert_eq(number(h, "computing", "all", "endpoints_up"), 1);
	cr_assert_float_eq(fake_host_fact(h, "computing", "all", "endpoint_share")->u.r, 0.5, 1e-9);
	cr_assert_float_eq(fake_host_fact(h, "computing", "all", "call_share")->u.r, 0.5, 0.15);
	fake_host_free(h);
	(void) kill(server, SIGKILL);
}

static struct fake_host *ask_resolver(uint16_t port, const char *name)
{
	struct anod_value v = { .type = ANOD_PREFIX,
				.u.prefix = { AF_INET, 32, { 0 }, { 127, 0, 0, 1 } } };
	struct fake_host *h = fake_host_new("dns");

	fake_host_set(h, "resolver", &v);
	fake_host_set_text(h, "name", name);
	fake_host_set_int(h, "port", port, 0);
	fake_host_set_int(h, "every", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(h, "timeout", 50000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(h), 0);
	wait_for(h, "resolver", "127.0.0.1", "asked", 2);
	return h;
}

Test(services, a_resolver_is_up_when_it_answers_our_question)
{
	uint16_t port, closed;
	pid_t server = serve(serve_dns, SOCK_DGRAM, &port);
	struct fake_host *h = ask_resolver(port, "good.example");
	int fd;

	cr_assert_eq(number(h, "resolver", "127.0.0.1", "up"), 1);
	cr_assert_gt(number(h, "resolver", "127.0.0.1", "rtt"), 0);
	cr_assert_eq(number(h, "resolver", "127.0.0.1", "authentic"), 1);
	cr_assert_str_eq(fake_host_fact(h, "resolver", "127.0.0.1", "rcode")->u.text, "NOERROR");
	cr_assert_eq(number(h, "resolver", "127.0.0.1", "lost"), 0);
	fake_host_free(h);

	h = ask_resolver(port, "fail.example");
	cr_assert_eq(number(h, "resolver", "127.0.0.1", "up"), 0);
	cr_assert_geq(number(h, "resolver", "127.0.0.1", "failed"), 2);
	cr_assert_str_eq(fake_host_fact(h, "resolver", "127.0.0.1", "rcode")->u.text, "SERVFAIL");
	fake_host_free(h);

	/* Silent, or with somebody else's identifier, which is the same. */
	for (int i = 0; i < 2; i++) {
		h = ask_resolver(port, i ? "false.example" : "mute.example");
		cr_assert_eq(number(h, "resolver", "127.0.0.1", "up"), 0);
		cr_assert_eq(number(h, "resolver", "127.0.0.1", "rtt"), -1);
		cr_assert_geq(number(h, "resolver", "127.0.0.1", "lost"), 2);
		fake_host_free(h);
	}
	fd = listen_on(SOCK_DGRAM, &closed);
	(void) close(fd);
	h = ask_resolver(closed, "good.example");
	cr_assert_geq(number(h, "resolver", "127.0.0.1", "lost"), 2);
	fake_host_free(h);
	(void) kill(server, SIGKILL);
}

Test(services, a_name_that_is_none_asks_nobody)
{
	struct fake_host *h = fake_host_new("dns");

	fake_host_set_text(h, "name", "..");
	cr_assert_eq(fake_host_start(h), 0);
	cr_assert(strstr(fake_host_log(h), "cannot be asked for"));
	cr_assert_eq(fake_host_entities(h, "resolver"), 0);
	fake_host_free(h);
}
