/*
 * ask - put one question to the inference process, from the command line.
 *
 * usage: ask BUILD-FOLDER < QUESTION.json      the body of INFER_ASK, see core/infer/infer.h
 *
 * Starts the process as the daemon does (anod-infer.so and the providers in plugins/), sends the
 * question and prints the answer as one line of JSON.  Exit status 0: there is an answer, even one
 * that is an error; 1: there is none.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include <cjson/cJSON.h>

#include "base/chan.h"
#include "base/log.h"
#include "infer/infer.h"
#include "infer_actions.h"

typedef int main_fn(int fd, const struct anod_dialect *const *dialects,
		    const struct anod_action_desc *const *actions, int max_priority);

static int answered;

static void print_args(cJSON *o, const struct anod_action *a)
{
	cJSON *args = cJSON_AddObjectToObject(o, "args");

	for (unsigned i = 0; i < a->n_args; i++) {
		const struct anod_value *v = &a->arg[i].value;

		if (v->type == ANOD_TEXT)
			(void) cJSON_AddStringToObject(args, a->arg[i].name, v->u.text);
		else
			(void) cJSON_AddNumberToObject(args, a->arg[i].name,
						       v->type == ANOD_REAL ? v->u.r
									    : (double) v->u.i);
	}
}

static int on_message(void *data, const struct chan_head *msg)
{
	const struct infer_answer *a = (const void *) msg;
	cJSON *o = cJSON_CreateObject();
	char *text;

	if (msg->type != INFER_ANSWER || msg->size != sizeof(*a))
		return -EPROTO;
	(void) cJSON_AddNumberToObject(o, "error", a->error);
	(void) cJSON_AddStringToObject(o, "why", a->why);
	(void) cJSON_AddStringToObject(o, "endpoint", a->endpoint);
	(void) cJSON_AddStringToObject(o, "cause", a->cause);
	(void) cJSON_AddStringToObject(o, "summary", a->summary);
	(void) cJSON_AddNumberToObject(o, "confidence", a->confidence);
	(void) cJSON_AddNumberToObject(o, "tokens_in", a->tokens_in);
	(void) cJSON_AddNumberToObject(o, "tokens_out", a->tokens_out);
	(void) cJSON_AddNumberToObject(o, "tries", a->tries);
	(void) cJSON_AddNumberToObject(o, "cut", a->cut);
	(void) cJSON_AddNumberToObject(o, "took_us", (double) a->took_us);
	if (a->has_action) {
		(void) cJSON_AddStringToObject(o, "kind", a->action.kind);
		print_args(o, &a->action);
	}
	text = cJSON_PrintUnformatted(o);
	printf("%s\n", text ? text : "");
	free(text);
	cJSON_Delete(o);
	answered = 1;
	return sd_event_exit(data, 0);
}

static void on_close(void *data, int error)
{
	fprintf(stderr, "ask: the inference process is gone: %s\n", strerror(-error));
	(void) sd_event_exit(data, 1);
}

static void *symbol(const char *folder, const char *so, const char *name)
{
	char path[4096];
	void *lib, *found;

	snprintf(path, sizeof(path), "%s/%s", folder, so);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	found = lib ? dlsym(lib, name) : NULL;
	if (!found)
		fprintf(stderr, "ask: %s\n", dlerror());
	return found;
}

static int serve(const char *folder, int fd)
{
	main_fn *run = (main_fn *) symbol(folder, "anod-infer.so", "anod_infer_main");
	const struct anod_plugin *openai = symbol(folder, "plugins/openai.so", "anod_plugin_v1");
	const struct anod_dialect *dialects[2] = { NULL };

	if (!run || !openai)
		return 1;
	dialects[0] = openai->dialect;
	return run(fd, dialects, test_actions, LOG_INFO) < 0;
}

static int ask(int fd, const char *text, size_t size)
{
	struct chan_head head = { .type = INFER_ASK, .id = 1 };
	sd_event *loop = NULL;
	struct chan *chan = NULL;
	int r = sd_event_new(&loop);

	if (r >= 0)
		r = chan_open(loop, fd, "infer", on_message, on_close, loop, &chan);
	if (r >= 0)
		r = chan_send2(chan, &head, sizeof(head), text, size);
	if (r >= 0)
		r = sd_event_loop(loop);
	(void) chan_free(chan);
	(void) sd_event_unref(loop);
	return r;
}

int main(int argc, char **argv)
{
	static char text[CHAN_MSG_MAX - sizeof(struct chan_head)];
	size_t size = fread(text, 1, sizeof(text), stdin);
	int fd[2];
	pid_t pid;

	if (argc != 2 || chan_pair(fd) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "usage: ask BUILD-FOLDER < QUESTION.json\n");
		return 2;
	}
	if (pid == 0) {
		close(fd[0]);
		_exit(serve(argv[1], fd[1]));
	}
	close(fd[1]);
	(void) ask(fd[0], text, size);
	(void) waitpid(pid, NULL, 0);
	return !answered;
}
