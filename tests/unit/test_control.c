/*
 * test_control - the control socket of a daemon without sensors, under --single.
 *
 * The daemon's loop is turned by the test, so nothing here waits.
 */
#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "host/host.h"

static char folder[] = "/tmp/anod-control-XXXXXX";
static char state_dir[64], run_dir[64], plugin_dir[64], config[64];
static struct host *host;

static void start(void)
{
	struct host_options o = {
		.config = config,
		.state_dir = state_dir,
		.run_dir = run_dir,
		.plugin_dir = plugin_dir,
		.single = true,
	};
	FILE *f;

	log_open("test", LOG_EMERG);
	cr_assert(mkdtemp(folder));
	(void) snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
	(void) snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
	(void) snprintf(plugin_dir, sizeof(plugin_dir), "%s/plugins", folder);
	(void) snprintf(config, sizeof(config), "%s/anod.conf", folder);
	cr_assert_eq(mkdir(plugin_dir, 0700), 0);
	f = fopen(config, "we");
	cr_assert(f && fputs("policy \"empty\" revision 0\n", f) >= 0 && fclose(f) == 0);
	if (host_new(&o, &host) < 0)
		cr_skip_test("no daemon here: it needs netlink");
}

static void stop(void)
{
	char command[96];

	host = host_free(host);
	(void) snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

static void turn(void)
{
	while (sd_event_run(host->loop, 0) > 0)
		;
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void) snprintf(a.sun_path, sizeof(a.sun_path), "%s/anod.sock", run_dir);
	cr_assert_eq(connect(fd, (struct sockaddr *) &a, sizeof(a)), 0);
	turn();
	return fd;
}

static void say(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		text += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t) sent : 0;
		turn();
	}
}

/* The next answer; NULL: none is there. */
static cJSON *hear(int fd)
{
	static char line[1 << 20];
	size_t n = 0;

	while (n < sizeof(line) && recv(fd, line + n, 1, 0) == 1)
		if (line[n++] == '\n')
			return cJSON_ParseWithLength(line, n);
	return NULL;
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Say 'text' and compare the answer's errno; NULL: it is good. */
#define CHECK(text, want) check(__LINE__, text, sizeof(text) - 1, want)
static void check(int line, const char *text, size_t n, const char *want)
{
	int fd = dial();
	cJSON *o;
	const char *got;

	say(fd, text, n);
	o = hear(fd);
	cr_assert(o, "line %d: no answer", line);
	got = cJSON_GetStringValue(cJSON_GetObjectItem(o, "errno"));
	cr_assert_eq(cJSON_IsTrue(cJSON_GetObjectItem(o, "ok")), want == NULL, "line %d: %s", line,
		     cJSON_PrintUnformatted(o));
	if (want)
		cr_assert_str_eq(got, want, "line %d: %s", line, cJSON_PrintUnformatted(o));
	cJSON_Delete(o);
	(void) close(fd);
	turn();
}

/* What anod runs itself is no person. */
Test(control, our_own_processes_are_not_heard)
{
	int fd;

	start();
	host->proc[PROC_INFER].pid = getpid();
	fd = dial();
	cr_assert(hung_up(fd));
	(void) close(fd);
	host->proc[PROC_INFER].pid = 0;
	CHECK("{\"command\":\"status\"}\n", NULL);
	CHECK("{\"command\":\"overrides\"}\n", NULL);
	CHECK("{\"command\":\"override\"}\n", "EINVAL");
	CHECK("{\"command\":\"override\",\"args\":{\"invariant\":\"x\"}}\n", "ENOENT");
	CHECK("{\"command\":\"approve\",\"args\":{\"id\":\"T1\",\"code\":\"x\"}}\n", "ENOENT");
	stop();
}

Test(control, a_line_that_is_no_request_is_told_so)
{
	start();
	CHECK("{\"command\":\"status\"}\n", NULL);
	CHECK(" {\"command\" : \"status\"} \r\n", NULL);
	CHECK("\n", "EBADMSG");
	CHECK("status\n", "EBADMSG");
	CHECK("[]\n", "EBADMSG");
	CHECK("{\"command\":7}\n", "EBADMSG");
	CHECK("{\"command\":\"status\"\n", "EBADMSG");
	CHECK("{\"command\":\"status\"} {\"command\":\"pause\"}\n", "EBADMSG");
	CHECK("{\"command\":\"status\"}\0\n", "EBADMSG");
	CHECK("{\"command\":\"sta\0tus\"}\n", "ENOSYS");
	CHECK("{\"command\":\"st\xff\"}\n", "ENOSYS");
	CHECK("{\"command\":\"\"}\n", "ENOSYS");
	stop();
}

Test(control, a_number_that_no_transaction_can_have_is_refused)
{
	start();
	CHECK("{\"command\":\"show\",\"args\":{\"id\":\"T99999999999999999999\"}}\n", "EINVAL");
	CHECK("{\"command\":\"why\",\"args\":{\"id\":\"T18446744073709551615\"}}\n", "ENOENT");
	CHECK("{\"command\":\"deny\",\"args\":{\"id\":\"T-1\"}}\n", "EINVAL");
	CHECK("{\"command\":\"deny\",\"args\":{\"id\":1}}\n", "EINVAL");
	CHECK("{\"command\":\"approve\",\"args\":[\"T1\"]}\n", "EINVAL");
	CHECK("{\"command\":\"show\",\"args\":{\"id\":\"I0\"}}\n", "ENOENT");
	CHECK("{\"command\":\"show\"}\n", "EINVAL");
	stop();
}

Test(control, a_line_without_an_end_is_the_end_of_the_connection)
{
	static char much[80 << 10];
	cJSON *o;
	int fd;

	start();
	memset(much, '{', sizeof(much));
	fd = dial();
	say(fd, much, sizeof(much));
	o = hear(fd);
	cr_assert(o);
	cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(o, "errno")), "EMSGSIZE");
	cr_assert(hung_up(fd));
	cJSON_Delete(o);
	(void) close(fd);

	/* Deep, but ended: no stack is used up. */
	memset(much, '[', 60000);
	much[60000] = '\n';
	fd = dial();
	say(fd, much, 60001);
	o = hear(fd);
	cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(o, "errno")), "EBADMSG");
	cJSON_Delete(o);
	(void) close(fd);
	stop();
}

Test(control, requests_in_pieces_and_in_bunches_are_each_answered)
{
	static const char request[] = "{\"id\":%u,\"command\":\"ledger\"}\n";
	char bunch[16000], one[64];
	size_t n = 0;
	unsigned k, at = 0;
	cJSON *o;
	int fd;

	start();
	fd = dial();
	for (k = 0; n + sizeof(one) < sizeof(bunch); k++)
		n += (size_t) snprintf(bunch + n, sizeof(bunch) - n, request, k);
	say(fd, bunch, n - 3);
	for (unsigned i = 3; i > 0; i--)
		say(fd, bunch + n - i, 1);
	while ((o = hear(fd))) {
		cr_assert_eq(cJSON_GetObjectItem(o, "id")->valuedouble, at++);
		cJSON_Delete(o);
		turn();
	}
	cr_assert_eq(at, k);
	(void) close(fd);
	stop();
}

Test(control, who_does_not_read_is_hung_up_on)
{
	static const char request[] = "{\"command\":\"schema\"}\n";
	char c[4096];
	ssize_t n = 1;
	int fd, other;

	start();
	fd = dial();
	for (unsigned k = 0; k < 20000 && n > 0; k++) {
		n = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
		turn();
	}
	cr_assert(n < 0 && errno == EPIPE, "8 MiB are enough");
	other = dial();
	say(other, request, sizeof(request) - 1);
	cr_assert(recv(other, c, sizeof(c), 0) > 0, "others are served");
	(void) close(fd);
	(void) close(other);
	stop();
}
