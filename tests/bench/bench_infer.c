/*
 * bench_infer - what a question to a model costs beside the model.
 *
 * usage: bench_infer [CALLS]
 *
 * The same HTTP server on the same loop answers at once, first to a bare libcurl multi handle
 * (the same options that matter: keep-alive, POST, one answer of 2 KiB), then to the inference
 * module, from the host's channel to the checked action and back.  Both are one process on one
 * core, so the time of the server is in both and the difference is what anod adds: parsing the
 * question, framing, schema, prompt, JSON, checks, and two messages over the channel.
 *
 * "limit" is bare libcurl, "anod-added" the difference, CPU time unless it says wall.  Figures are
 * medians of ROUNDS, lines of JSON.  Memory is the growth of the process's resident memory while 512 calls are open; the server's
 * share is in both.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <curl/curl.h>

#include "base/chan.h"
#include "http_server.h"
#include "infer/fetch.h"
#include "infer/infer.h"
#include "infer_actions.h"

#define OPEN_CALLS INFER_OPEN_MAX
#define ROUNDS	   5

static sd_event *loop;
static struct server server;
static char *reply;
static bool silent; /* the server keeps its answers to itself */
static unsigned n_done, n_failed, n_held;

#define DIE(...) (fprintf(stderr, "bench_infer: " __VA_ARGS__), fputc('\n', stderr), exit(1))

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static double wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static size_t resident_kib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		DIE("cannot read /proc/self/statm");
	fclose(f);
	return pages * (size_t) sysconf(_SC_PAGESIZE) / 1024;
}

static void serve(struct server *s, struct peer *p, const char *head, const char *body)
{
	(void) s, (void) head, (void) body;
	if (silent)
		n_held++;
	else
		server_reply(p, 200, "", reply);
}

/* A body of 2 KiB, as a chat completion with its envelope usually is. */
static void make_reply(void)
{
	char filler[1600];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	if (asprintf(&reply,
		     "{\"id\":\"%s\",\"choices\":[{\"finish_reason\":\"stop\",\"message\":{"
		     "\"content\":\"{\\\"cause\\\":\\\"dirty-fibre\\\",\\\"summary\\\":\\\"The "
		     "fibre is "
		     "dirty.\\\",\\\"action\\\":{\\\"kind\\\":\\\"link.set\\\",\\\"args\\\":{"
		     "\\\"dev\\\":"
		     "\\\"wan1\\\",\\\"admin\\\":\\\"down\\\"}}}\"}}],\"usage\":{\"prompt_tokens\":"
		     "100,"
		     "\"completion_tokens\":20}}",
		     filler) < 0)
		DIE("no memory");
}

static void run_until(unsigned done)
{
	while (n_done < done)
		if (sd_event_run(loop, UINT64_MAX) < 0)
			DIE("the loop failed");
}

/* ---- bare libcurl -------------------------------------------------------------------------- */

struct bare {
	CURLM *multi;
	sd_event_source *timer;
	char url[64];
	const char *body;
	struct curl_slist *headers;
	CURL *spare[OPEN_CALLS]; /* handles are used again, as the module does */
	unsigned n_spare, to_start;
};

static struct bare bare;

static size_t bare_write(char *data, size_t one, size_t n, void *user)
{
	(void) data, (void) user;
	return one * n;
}

static void bare_start(void)
{
	CURL *e = bare.n_spare > 0 ? bare.spare[--bare.n_spare] : NULL;

	if (!e) {
		e = curl_easy_init();
		curl_easy_setopt(e, CURLOPT_URL, bare.url);
		curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, bare_write);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, bare.body);
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, bare.headers);
	}
	bare.to_start--;
	curl_multi_add_handle(bare.multi, e);
}

static void bare_settle(void)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(bare.multi, &left))) {
		CURL *e = m->easy_handle;

		n_failed += m->data.result != CURLE_OK;
		n_done++;
		curl_multi_remove_handle(bare.multi, e);
		bare.spare[bare.n_spare++] = e;
		if (bare.to_start > 0)
			bare_start();
	}
}

static int bare_io(sd_event_source *s, int fd, uint32_t events, void *data)
{
	int running;

	(void) s, (void) data;
	curl_multi_socket_action(bare.multi, fd,
				 (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
					 (events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
				 &running);
	bare_settle();
	return 0;
}

static int bare_timer(sd_event_source *s, uint64_t usec, void *data)
{
	int running;

	(void) s, (void) usec, (void) data;
	curl_multi_socket_action(bare.multi, CURL_SOCKET_TIMEOUT, 0, &running);
	bare_settle();
	return 0;
}

static int bare_socket(CURL *e, curl_socket_t fd, int what, void *data, void *source)
{
	sd_event_source *s = source;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	(void) e, (void) data;
	if (what == CURL_POLL_REMOVE)
		sd_event_source_disable_unref(s);
	else if (s)
		sd_event_source_set_io_events(s, events);
	else {
		sd_event_add_io(loop, &s, fd, events, bare_io, NULL);
		curl_multi_assign(bare.multi, fd, s);
	}
	return 0;
}

static int bare_timer_change(CURLM *m, long ms, void *data)
{
	(void) m, (void) data;
	if (ms >= 0)
		sd_event_source_set_time_relative(bare.timer, (uint64_t) ms * 1000);
	sd_event_source_set_enabled(bare.timer, ms < 0 ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	return 0;
}

static void bare_open(void)
{
	static char body[2048];

	memset(body, 'y', sizeof(body) - 1);
	bare = (struct bare){ .multi = curl_multi_init(), .body = body };
	snprintf(bare.url, sizeof(bare.url), "http://127.0.0.1:%u/v1/chat/completions",
		 server.port);
	bare.headers = curl_slist_append(NULL, "Content-Type: application/json");
	sd_event_add_time_relative(loop, &bare.timer, CLOCK_MONOTONIC, 0, 1, bare_timer, NULL);
	sd_event_source_set_enabled(bare.timer, SD_EVENT_OFF);
	curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, bare_socket);
	curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, bare_timer_change);
}

static void bare_run(unsigned calls, unsigned parallel)
{
	n_done = 0;
	bare.to_start = calls;
	for (unsigned i = 0; i < parallel; i++)
		bare_start();
	run_until(calls);
}

static void bare_close(void)
{
	while (bare.n_spare > 0)
		curl_easy_cleanup(bare.spare[--bare.n_spare]);
	curl_multi_cleanup(bare.multi);
	sd_event_source_disable_unref(bare.timer);
	curl_slist_free_all(bare.headers);
}

/* ---- the module ---------------------------------------------------------------------------- */

static struct chan *chan;
static unsigned to_ask;
static char question[4096];

static void ask(void)
{
	static uint64_t id;
	struct chan_head head = { .type = INFER_ASK, .id = ++id };

	to_ask--;
	if (chan_send2(chan, &head, sizeof(head), question, strlen(question)) < 0)
		DIE("the channel failed");
}

static int on_message(void *data, const struct chan_head *msg)
{
	const struct infer_answer *a = (const void *) msg;

	(void) data;
	n_failed += a->error != 0 || !a->has_action;
	n_done++;
	if (to_ask > 0)
		ask();
	return 0;
}

static void on_close(void *data, int error)
{
	(void) data;
	DIE("the channel closed: %s", strerror(-error));
}

static void infer_run(unsigned calls, unsigned parallel)
{
	n_done = 0;
	to_ask = calls;
	for (unsigned i = 0; i < parallel; i++)
		ask();
	run_until(calls);
}

static struct infer *module_open(void)
{
	static const struct anod_dialect *dialects[2];
	void *lib = dlopen(BUILD_DIR "/plugins/openai.so", RTLD_NOW | RTLD_LOCAL);
	const struct anod_plugin *p = lib ? dlsym(lib, "anod_plugin_v1") : NULL;
	struct infer *infer = NULL;
	int fd[2];

	if (!p)
		DIE("%s", dlerror());
	dialects[0] = p->dialect;
	snprintf(question, sizeof(question),
		 "{\"endpoints\":[{\"name\":\"e\",\"provider\":\"openai\",\"model\":\"m\",\"url\":"
		 "\"http://127.0.0.1:%u/"
		 "v1\"}],\"user\":\"{\\\"finding\\\":\\\"crc-errors\\\",\\\"link\\\":"
		 "\\\"wan1\\\",\\\"rx_crc_errors\\\":48211}\",\"actions\":[\"link.set\",\"route."
		 "metric\"],"
		 "\"links\":[\"wan0\",\"wan1\"],\"timeout_ms\":600000,\"max_tokens\":200}",
		 server.port);
	if (chan_pair(fd) < 0 || infer_open(loop, fd[1], dialects, test_actions, &infer) < 0 ||
	    chan_open(loop, fd[0], "bench", on_message, on_close, NULL, &chan) < 0)
		DIE("cannot open the module");
	return infer;
}

/* ---- measures ------------------------------------------------------------------------------ */

typedef void run_fn(unsigned calls, unsigned parallel);

static int by_size(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The median over ROUNDS of CPU (and wall) microseconds for one call. */
static double measure(run_fn *run, unsigned calls, unsigned parallel, double *ret_wall)
{
	double cpu[ROUNDS], wall[ROUNDS];

	run(calls / 10 + parallel, parallel);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double c = cpu_us(), w = wall_us();

		run(calls, parallel);
		cpu[i] = (cpu_us() - c) / calls;
		wall[i] = (wall_us() - w) / calls;
	}
	qsort(cpu, ROUNDS, sizeof(*cpu), by_size);
	qsort(wall, ROUNDS, sizeof(*wall), by_size);
	*ret_wall = wall[ROUNDS / 2];
	return cpu[ROUNDS / 2];
}

static void print_row(const char *name, const char *who, const char *unit, double value)
{
	printf("{\"work\":\"infer\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":1,"
	       "\"p50\":%.1f}\n",
	       name, who, unit, value);
	(void) fflush(stdout);
}

static void print_rows(const char *name, const char *unit, double limit, double anod)
{
	print_row(name, "limit", unit, limit);
	print_row(name, "anod", unit, anod);
	print_row(name, "anod-added", unit, anod - limit);
}

static void compare(unsigned calls, unsigned parallel)
{
	double bare_wall, infer_wall, bare_cpu, infer_cpu;
	char name[32] = "call";

	bare_cpu = measure(bare_run, calls, parallel, &bare_wall);
	infer_cpu = measure(infer_run, calls, parallel, &infer_wall);
	if (parallel > 1)
		snprintf(name, sizeof(name), "call-%u-parallel", parallel);
	print_rows(name, "us CPU a call", bare_cpu, infer_cpu);
	if (parallel == 1)
		print_rows("call-wall", "us a call", bare_wall, infer_wall);
}

/* Resident KiB for each of OPEN_CALLS calls that the server does not answer. */
static double open_kib(void (*start_one)(void))
{
	size_t before = resident_kib();

	silent = true;
	for (unsigned i = 0; i < OPEN_CALLS; i++)
		start_one();
	while (n_held < OPEN_CALLS)
		if (sd_event_run(loop, UINT64_MAX) < 0)
			DIE("the loop failed");
	return (double) (resident_kib() - before) / OPEN_CALLS;
}

static void bare_start_one(void)
{
	bare.to_start = 1;
	bare_start();
}

static void ask_one(void)
{
	to_ask = 1;
	ask();
}

static void setup(void)
{
	if (sd_event_new(&loop) < 0)
		DIE("no loop");
	server_open(&server, loop, serve, NULL);
}

/* In a process of its own, because a heap that has grown hides what an open call costs. */
static double memory_in_child(bool module)
{
	int fd[2];
	double kib = 0;

	if (pipe(fd) < 0)
		DIE("pipe: %s", strerror(errno));
	if (fork() == 0) {
		setup();
		if (module)
			(void) module_open();
		else
			bare_open();
		kib = open_kib(module ? ask_one : bare_start_one);
		_exit(write(fd[1], &kib, sizeof(kib)) != sizeof(kib));
	}
	close(fd[1]);
	if (read(fd[0], &kib, sizeof(kib)) != sizeof(kib))
		DIE("the child failed");
	close(fd[0]);
	return kib;
}

int main(int argc, char **argv)
{
	unsigned calls = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : 4000;
	struct rlimit files = { 8192, 8192 };
	double curl_kib, anod_kib;
	struct infer *infer;

	if (calls == 0)
		DIE("usage: bench_infer [CALLS]");
	(void) setrlimit(RLIMIT_NOFILE, &files);
	make_reply();
	curl_kib = memory_in_child(false);
	anod_kib = memory_in_child(true);
	print_rows("512-parallel", "KiB an open call", curl_kib, anod_kib);

	setup();
	infer = module_open();
	bare_open();
	compare(calls, 1);
	compare(calls, 64);
	compare(calls, OPEN_CALLS);
	bare_close();
	infer_free(infer);
	chan_free(chan);
	server_close(&server);
	sd_event_unref(loop);
	free(reply);
	if (n_failed > 0)
		DIE("%u calls failed", n_failed);
	return 0;
}
