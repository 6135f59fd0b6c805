/*
 * client - the connection to the daemon: one line of JSON out, lines of JSON in.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/cli.h"

int cli_connect(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;
	int e;

	if (strlen(path) >= sizeof(a.sun_path)) {
		(void) snprintf(why, why_size, "the path is too long");
		return -ENAMETOOLONG;
	}
	(void) strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *) &a, sizeof(a)) == 0)
		return TAKE_FD(fd);

	e = errno;
	(void) snprintf(why, why_size, "%s%s", strerror(e),
			e == ENOENT || e == ECONNREFUSED
				? ": is the daemon running? (systemctl status anod)"
			: e == EACCES
				? ": be root, or a member of the group of 'anod { group ... }'"
				: "");
	return -e;
}

static int connect_to(struct cli *c)
{
	char why[160];
	_cleanup_(closep) int fd = cli_connect(c->socket, why, sizeof(why));
	int copy;

	if (fd < 0) {
		(void) fprintf(stderr, "anodctl: %s: %s\n", c->socket, why);
		return fd;
	}
	copy = dup(fd);
	c->in = copy < 0 ? NULL : fdopen(copy, "r");
	c->out = fdopen(fd, "w");
	if (c->out)
		TAKE_FD(fd);
	return c->in && c->out ? 0 : -ENOMEM;
}

/* The next line, or NULL; text in it is cleaned when it is to be shown. */
static cJSON *read_line(struct cli *c)
{
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	cJSON *o;

	if (getline(&line, &size, c->in) < 0)
		return NULL;
	o = cJSON_Parse(line);
	if (!c->json)
		clean_json(o);
	return o;
}

/* The answer to a question; events of a stream that stand before it are handed on. */
static cJSON *read_answer(struct cli *c)
{
	cJSON *o;

	while ((o = read_line(c)) && get(o, "event")) {
		if (c->on_event)
			c->on_event(c, get(o, "event"));
		cJSON_Delete(o);
	}
	return o;
}

cJSON *cli_ask(struct cli *c, const char *command, cJSON *args)
{
	_cleanup_(freep) char *text = NULL;
	cJSON *request, *answer;

	if (!c->out && connect_to(c) < 0) {
		cJSON_Delete(args);
		return NULL;
	}
	request = cJSON_CreateObject();
	cJSON_AddNumberToObject(request, "id", ++c->last_id);
	cJSON_AddStringToObject(request, "command", command);
	if (args)
		cJSON_AddItemToObject(request, "args", args);
	text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	if (!text || fprintf(c->out, "%s\n", text) < 0 || fflush(c->out) < 0)
		answer = NULL;
	else
		answer = read_answer(c);
	if (!answer)
		(void) fprintf(stderr, "anodctl: %s: the daemon closed the connection\n",
			       c->socket);
	return answer;
}

int cli_follow(struct cli *c)
{
	cJSON *o;

	while ((o = read_answer(c)))
		cJSON_Delete(o);
	(void) fprintf(stderr, "anodctl: the daemon has ended\n");
	return EXIT_UNREACHABLE;
}

int cli_print(const cJSON *o)
{
	char *text = cJSON_Print(o);

	(void) puts(text ? text : "null");
	free(text);
	return 0;
}

int cli_page(struct cli *c, const char *command, cJSON *args,
	     void (*show)(const struct cli *, const cJSON *))
{
	cJSON *answer = cli_ask(c, command, args), *d;
	int status = EXIT_GOOD;

	if (!answer)
		return EXIT_UNREACHABLE;

	if (!get_bool(answer, "ok")) {
		if (c->json)
			(void) cli_print(answer);
		else
			(void) fprintf(stderr, "anodctl: %s\n", get_text(answer, "error"));
		cJSON_ArrayForEach(d, get(answer, "diagnostics")) if (!c->json)(void)
			fprintf(stderr, "%s\n", item_text(d));
		status = EXIT_NO;
	} else if (c->json) {
		(void) cli_print(get(answer, "data"));
	} else if (show) {
		show(c, get(answer, "data"));
	}
	cJSON_Delete(answer);
	return status;
}

void cli_close(struct cli *c)
{
	fclosep(&c->in);
	fclosep(&c->out);
	c->in = c->out = NULL;
}
