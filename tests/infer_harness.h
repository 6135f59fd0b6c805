/*
 * infer_harness - the inference module, a host's end and an HTTP server on one loop.
 *
 * The server acts by the first word of the path ("http://127.0.0.1:PORT/WORD"): see serve().
 */
#ifndef TESTS_INFER_HARNESS_H
#define TESTS_INFER_HARNESS_H

#include <dlfcn.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/clock.h"
#include "http_server.h"
#include "infer/infer.h"
#include "infer_actions.h"

#define HARNESS_PATIENCE_US (60 * US_PER_S) /* a condition that is not met by then never is */

struct harness {
	sd_event *loop;
	struct server server;
	struct infer *infer;
	struct chan *chan;	    /* the host's end; NULL: closed */
	unsigned n_answers, n_busy; /* busy: with the error -EBUSY */
	struct infer_answer last;
	char seen[70000]; /* the last request, head and body */
	unsigned n_bad;	  /* answers that were bad on purpose */
};

static struct harness h;

static inline const struct anod_dialect *load_dialect(const char *so)
{
	void *lib = dlopen(so, RTLD_NOW | RTLD_LOCAL);
	const struct anod_plugin *p = lib ? dlsym(lib, "anod_plugin_v1") : NULL;

	cr_assert(eq(int, p != NULL, 1), "%s", lib ? so : dlerror());
	return p->dialect;
}

static const char harness_good[] =
	"{\"choices\":[{\"message\":{\"content\":\"{\\\"cause\\\":\\\"dirty-fibre\\\","
	"\\\"summary\\\":"
	"\\\"The fibre is dirty.\\\",\\\"action\\\":{\\\"kind\\\":\\\"link.set\\\",\\\"args\\\":{"
	"\\\"dev\\\":\\\"wan1\\\",\\\"admin\\\":\\\"down\\\"}}}\"},\"finish_reason\":\"stop\"}],"
	"\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20}}";
static const char harness_lie[] =
	"{\"choices\":[{\"message\":{\"content\":\"Sure, I shut wan0 for you!\"}}]}";
/* The same words with the probability 0.1 for each token. */
static const char harness_unsure[] =
	"{\"choices\":[{\"message\":{\"content\":\"{\\\"cause\\\":\\\"guess\\\",\\\"summary\\\":"
	"\\\"s"
	"\\\",\\\"action\\\":null}\"},\"logprobs\":{\"content\":[{\"token\":\"{\\\"cause\\\":"
	"\\\"\","
	"\"logprob\":-9},{\"token\":\"guess\",\"logprob\":-2.302585},{\"token\":\"\\\",\\\"summary"
	"\\\":\\\"\",\"logprob\":-7},{\"token\":\"s\",\"logprob\":-2.302585},{\"token\":\"\\\",\\\""
	"action\\\":\",\"logprob\":-5},{\"token\":\"null\",\"logprob\":-2.302585},{\"token\":\"}\","
	"\"logprob\":0}]}}]}";

static inline void serve(struct server *s, struct peer *p, const char *head, const char *body)
{
	char word[32] = "";

	(void) s;
	(void) sscanf(head, "POST /%31[a-z0-9]", word);
	snprintf(h.seen, sizeof(h.seen), "%s\n%s", head, body);
	if (strcmp(word, "good") == 0)
		server_reply(p, 200, "", harness_good);
	else if (strcmp(word, "lie") == 0)
		server_reply(p, 200, "", harness_lie);
	else if (strcmp(word, "lieonce") == 0)
		server_reply(p, 200, "", h.n_bad++ ? harness_good : harness_lie);
	else if (strcmp(word, "unsure") == 0)
		server_reply(p, 200, "", harness_unsure);
	else if (strcmp(word, "busyonce") == 0 && h.n_bad++ == 0)
		server_reply(p, 429, "Retry-After: 1\r\n",
			     "{\"error\":{\"message\":\"slow down\"}}");
	else if (strcmp(word, "busyonce") == 0)
		server_reply(p, 200, "", harness_good);
	else if (strcmp(word, "later") == 0)
		server_reply(p, 503, "Retry-After: 3600\r\n", "{\"error\":\"loading model\"}");
	else if (strcmp(word, "html") == 0)
		server_reply(p, 200, "", "<html>It works!</html>");
	else if (strcmp(word, "empty") == 0)
		server_reply(p, 200, "", "");
	else if (strcmp(word, "redirect") == 0)
		server_reply(p, 302, "Location: http://127.0.0.1:1/good\r\n", "");
	else if (strcmp(word, "closed") == 0)
		server_reply(p, 401, "", "{\"error\":{\"message\":\"bad\\u001b[31m key\"}}");
	else if (strcmp(word, "huge") == 0)
		server_flood(p);
	else if (strcmp(word, "drip") == 0)
		server_drip(p);
	else if (strcmp(word, "hangup") == 0)
		server_hang_up(p);
	/* "hang": nothing, ever */
}

static inline int harness_message(void *data, const struct chan_head *msg)
{
	(void) data;
	cr_assert(eq(u32, msg->type, INFER_ANSWER));
	cr_assert(eq(u32, msg->size, sizeof(h.last)));
	memcpy(&h.last, msg, sizeof(h.last));
	h.n_answers++;
	h.n_busy += h.last.error == -EBUSY;
	return 0;
}

static inline void harness_closed(void *data, int error)
{
	(void) data, (void) error;
	h.chan = chan_free(h.chan);
}

static inline void harness_open(void)
{
	static const struct anod_dialect *dialects[2];
	int fd[2];

	dialects[0] = load_dialect(BUILD_DIR "/plugins/openai.so");
	cr_assert(ge(int, sd_event_new(&h.loop), 0));
	server_open(&h.server, h.loop, serve, NULL);
	cr_assert(eq(int, chan_pair(fd), 0));
	cr_assert(eq(int, infer_open(h.loop, fd[1], dialects, test_actions, &h.infer), 0));
	cr_assert(
		eq(int,
		   chan_open(h.loop, fd[0], "test", harness_message, harness_closed, NULL, &h.chan),
		   0));
}

static inline void harness_close(void)
{
	h.infer = infer_free(h.infer);
	h.chan = chan_free(h.chan);
	server_close(&h.server);
	h.loop = sd_event_unref(h.loop);
}

static inline void harness_send(uint32_t type, uint64_t id, const char *body)
{
	struct chan_head head = { .type = type, .id = id };

	cr_assert(ge(int, chan_send2(h.chan, &head, sizeof(head), body, strlen(body)), 0));
}

/* "good hang" becomes two endpoints; 'more' is appended to each, 'rest' to the question. */
static inline void harness_ask(uint64_t id, const char *words, const char *more, const char *rest)
{
	char text[4096], *list = strdup(words), *save = NULL;
	int n = snprintf(text, sizeof(text), "{\"endpoints\":[");

	for (char *w = strtok_r(list, " ", &save); w; w = strtok_r(NULL, " ", &save))
		n += snprintf(text + n, sizeof(text) - (size_t) n,
			      "%s{\"name\":\"%s\",\"provider\":\"openai\",\"model\":\"m\",\"url\":"
			      "\"http://127.0.0.1:%u/%s\"%s}",
			      text[n - 1] == '[' ? "" : ",", w, h.server.port, w, more);
	n += snprintf(text + n, sizeof(text) - (size_t) n,
		      "],\"user\":\"{\\\"link\\\":\\\"wan1\\\"}\",\"actions\":[\"link.set\"],"
		      "\"links\":[\"wan0\",\"wan1\"],\"max_tokens\":100%s}",
		      rest);
	cr_assert(lt(int, n, (int) sizeof(text)));
	free(list);
	harness_send(INFER_ASK, id, text);
}

/* Run the loop until 'n' answers came or the channel closed. */
static inline void harness_wait(unsigned n)
{
	uint64_t until = clock_boot_us() + HARNESS_PATIENCE_US;

	while (h.n_answers < n && h.chan && clock_boot_us() < until)
		cr_assert(ge(int, sd_event_run(h.loop, 1000000), 0));
	cr_assert(eq(int, h.n_answers >= n || !h.chan, 1), "%u of %u answers", h.n_answers, n);
}

static inline const struct infer_answer *harness_answer(const char *words, const char *more,
							const char *rest)
{
	static uint64_t id = 1000;

	harness_ask(++id, words, more, rest);
	harness_wait(h.n_answers + 1);
	cr_assert(eq(u64, h.last.head.id, id));
	return &h.last;
}

#endif
