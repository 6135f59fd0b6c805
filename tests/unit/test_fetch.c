#include "infer/fetch.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "http_server.h"

static sd_event *loop;
static struct server server;
static struct fetch *fetch;
static unsigned n_done;
static int error;
static long status;
static char body[64], why[256];

static void serve(struct server *s, struct peer *p, const char *head, const char *text)
{
	(void) s;
	if (strstr(head, "/echo"))
		server_reply(p, 200, "", text);
}

static void open_all(void)
{
	cr_assert(ge(int, sd_event_new(&loop), 0));
	server_open(&server, loop, serve, NULL);
	cr_assert(eq(int, fetch_open(loop, &fetch), 0));
}

static void close_all(void)
{
	fetch = fetch_free(fetch);
	server_close(&server);
	loop = sd_event_unref(loop);
}

TestSuite(fetch, .init = open_all, .fini = close_all);

static void on_done(void *data, const struct fetch_result *res)
{
	struct fetch_call **c = data;

	*c = NULL;
	n_done++;
	error = res->error;
	status = res->status;
	snprintf(body, sizeof(body), "%s", res->body);
	snprintf(why, sizeof(why), "%s", res->why);
}

static void start(const char *url, const char *text, uint64_t timeout_us, struct fetch_call **ret)
{
	struct fetch_request req = { .url = url, .body = strdup(text), .timeout_us = timeout_us };

	cr_assert(eq(int, fetch_start(fetch, &req, on_done, ret, ret), 0));
}

static void wait_done(unsigned n)
{
	uint64_t until = clock_boot_us() + 60 * US_PER_S;

	while (n_done < n && clock_boot_us() < until)
		cr_assert(ge(int, sd_event_run(loop, 1000000), 0));
	cr_assert(eq(uint, n_done, n));
}

Test(fetch, posts_and_reads)
{
	struct fetch_call *call[20];
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/echo", server.port);
	start(url, "hello", 0, &call[0]);
	cr_expect(eq(uint, n_done, 0), "never inside fetch_start()");
	wait_done(1);
	cr_expect(eq(int, error, 0), "%s", why);
	cr_expect(eq(int, (int) status, 200));
	cr_expect(eq(str, body, "hello"));

	for (unsigned i = 0; i < 20; i++)
		start(url, "again", 0, &call[i]);
	wait_done(21);
	cr_expect(eq(str, body, "again"));
}

Test(fetch, cancels_and_times_out)
{
	struct fetch_call *a, *b, *c;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hang", server.port);
	start(url, "x", 0, &a);
	start(url, "x", 50000, &b);
	cr_assert(ge(int, sd_event_run(loop, 1000000), 0));
	fetch_cancel(a);
	wait_done(1);
	cr_expect(eq(int, error, -ETIMEDOUT));
	start(url, "x", 0, &c); /* left to fetch_free() */
}

Test(fetch, tells_what_cannot_be_reached)
{
	struct fetch_call *c;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
	server_close(&server);
	start(url, "x", 0, &c);
	wait_done(1);
	cr_expect(eq(int, error, -ECONNREFUSED), "%s", why);
	server_open(&server, loop, serve, NULL);

	start("file:///etc/passwd", "x", 0, &c);
	wait_done(2);
	cr_expect(eq(int, error, -EIO), "%s", why);
	cr_expect(eq(str, body, ""));
}

/* A server of openssl(1) with a certificate that nobody signed; its port, or 0. */
static unsigned tls_server(const char *dir, pid_t *ret_pid, FILE **ret_out)
{
	char command[512], line[256];
	unsigned port = 0;
	int fd[2];

	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey rsa:2048 -nodes -keyout %s/k -out %s/c -days 2 -subj "
		 "/CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
		 dir, dir);
	if (system(command) != 0 || pipe(fd) < 0)
		return 0;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		char key[128], cert[128];

		snprintf(key, sizeof(key), "%s/k", dir);
		snprintf(cert, sizeof(cert), "%s/c", dir);
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key,
		       "-cert", cert, "-www", (char *) NULL);
		_exit(127);
	}
	close(fd[1]);
	*ret_out = fdopen(fd[0], "r");
	while (port == 0 && fgets(line, sizeof(line), *ret_out))
		(void) sscanf(line, "ACCEPT 127.0.0.1:%u", &port);
	return port;
}

Test(fetch, refuses_a_certificate_that_nobody_signed)
{
	char dir[] = "/tmp/anod-tls-XXXXXX", command[128], url[64];
	struct fetch_call *c;
	FILE *out = NULL;
	pid_t pid = 0;
	unsigned port;

	cr_assert(eq(int, mkdtemp(dir) != NULL, 1));
	port = tls_server(dir, &pid, &out);
	if (port > 0) {
		snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
		start(url, "x", 0, &c);
		wait_done(1);
		cr_expect(eq(int, error, -EPROTO), "%s", why);
		cr_expect(eq(int, strstr(why, "certificate") != NULL, 1), "%s", why);
	}
	if (pid > 0) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, 0);
		(void) fclose(out);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void) !system(command);
	if (port == 0)
		cr_skip_test("needs openssl(1) for a TLS server");
}
