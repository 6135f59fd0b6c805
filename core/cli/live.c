/*
 * live - a screen that asks the daemon again and again.
 *
 * Design.  One poll() over keys, signals and the socket.  A question goes out when the period is
 * over and the one before is answered, so a slow daemon is asked less often, never more.  What
 * came is drawn once per turn, however much it was.
 */
#include "cli/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

static void lose(struct live *l, const char *why)
{
	if (l->fd >= 0)
		(void) close(l->fd);
	l->fd = -1;
	l->n_in = 0;
	l->id = 0;
	(void) snprintf(l->notice, sizeof(l->notice), "%s; trying again every second", why);
}

static bool find_daemon(struct live *l)
{
	uint64_t now = clock_boot_us();
	char why[160];

	if (l->fd >= 0)
		return true;
	if (l->tried_us && now - l->tried_us < LIVE_RETRY_US)
		return false;
	l->tried_us = now;
	l->fd = cli_connect(l->cli->socket, why, sizeof(why));
	if (l->fd < 0)
		lose(l, "the daemon is gone");
	else
		l->ask_now = true;
	return l->fd >= 0;
}

static void ask(struct live *l, const struct live_screen *s, void *data)
{
	cJSON *args = NULL, *request;
	const char *command = s->question(data, l, &args);
	char *text;

	request = cJSON_CreateObject();
	cJSON_AddNumberToObject(request, "id", ++l->cli->last_id);
	cJSON_AddStringToObject(request, "command", command);
	if (args)
		cJSON_AddItemToObject(request, "args", args);
	text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	l->asked_us = clock_boot_us();
	l->ask_now = false;
	l->id = l->cli->last_id;
	/* A question is small: what a fresh socket does not take at once it never will. */
	if (!text || send(l->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t) strlen(text) ||
	    send(l->fd, "\n", 1, MSG_NOSIGNAL) != 1)
		lose(l, "the daemon is gone");
	free(text);
}

static void take_line(struct live *l, const struct live_screen *s, void *data, const char *line)
{
	cJSON *o = cJSON_Parse(line);

	if (!cJSON_IsObject(o)) {
		lose(l, "what answers there is no anod");
	} else if (get_number(o, "id") == l->id && l->id > 0 && !get(o, "event")) {
		l->id = 0;
		l->answered_us = clock_boot_us();
		if (get_bool(o, "ok")) {
			l->notice[0] = '\0';
			s->answer(data, l, cJSON_DetachItemFromObjectCaseSensitive(o, "data"));
		} else {
			(void) snprintf(l->notice, sizeof(l->notice), "%s", get_text(o, "error"));
		}
	}
	cJSON_Delete(o);
}

static void receive(struct live *l, const struct live_screen *s, void *data)
{
	char *end;
	ssize_t n;

	if (l->n_in + 65536 + 1 > l->in_size) {
		char *larger = realloc(l->in, l->in_size + 65536 * 4);

		if (!larger || l->in_size > LIVE_LINE_MAX) {
			l->in = larger ? larger : l->in;
			lose(l, "the answer has no end");
			return;
		}
		l->in = larger;
		l->in_size += 65536 * 4;
	}
	n = recv(l->fd, l->in + l->n_in, 65536, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lose(l, "the daemon is gone");
		return;
	}
	l->n_in += (size_t) n;
	while (l->fd >= 0 && (end = memchr(l->in, '\n', l->n_in))) {
		size_t used = (size_t) (end - l->in) + 1;

		*end = '\0';
		take_line(l, s, data, l->in);
		if (l->n_in >= used)
			memmove(l->in, l->in + used, l->n_in -= used);
	}
}

static void read_keys(struct live *l, const struct live_screen *s, void *data, bool *leave)
{
	char in[256];
	ssize_t n = read(STDIN_FILENO, in, sizeof(in));
	size_t at = 0, len;
	int key;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		l->over = true; /* the terminal is gone */
		l->status = EXIT_NO;
		return;
	}
	while (!*leave && !l->over && n > 0 && (len = key_parse(in + at, (size_t) n - at, &key))) {
		at += len;
		*leave = !s->key(data, l, key);
	}
}

static void draw(struct live *l, const struct live_screen *s, void *data)
{
	if (l->id > 0 && clock_boot_us() - l->asked_us > LIVE_PATIENCE_US && !l->notice[0])
		(void) snprintf(l->notice, sizeof(l->notice), "the daemon takes its time");
	page_begin(&l->page, l->term.cols, l->term.rows, l->cli->color);
	s->draw(data, l, &l->page);
	page_end(&l->page);
	if (term_write(l->page.text, l->page.n) < 0)
		l->over = true;
}

static void on_signal(struct live *l)
{
	switch (term_signal(&l->term)) {
	case TERM_QUIT:
		l->over = true;
		break;
	case TERM_KILLED:
		l->over = true;
		l->status = 128 + SIGTERM;
		break;
	case TERM_RESIZED:
		l->ask_now = true;
		break;
	case TERM_NOTHING:
		break;
	}
}

/* Milliseconds until there is something to do without being woken. */
static int pause_ms(const struct live *l)
{
	uint64_t now = clock_boot_us(), due = now + US_PER_S; /* ages move */

	if (l->fd < 0)
		due = l->tried_us + LIVE_RETRY_US;
	else if (l->id == 0 && !l->paused)
		due = MIN_OF(due, l->asked_us + l->every_us);
	return due > now ? (int) ((due - now) / 1000 + 1) : 0;
}

void live_show(struct live *l, const struct live_screen *s, void *data)
{
	bool leave = false;

	l->ask_now = true;
	l->id = 0; /* what was asked for another screen is not for this one */
	while (!leave && !l->over) {
		struct pollfd p[3] = { { .fd = STDIN_FILENO, .events = POLLIN },
				       { .fd = l->term.signals, .events = POLLIN } };

		if (find_daemon(l) && l->id == 0 &&
		    (l->ask_now || (!l->paused && clock_boot_us() - l->asked_us >= l->every_us)))
			ask(l, s, data);
		draw(l, s, data);
		p[2] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
		if (l->over || (poll(p, 3, pause_ms(l)) < 0 && errno != EINTR))
			break;
		if (p[1].revents)
			on_signal(l);
		if (p[2].revents)
			receive(l, s, data);
		if (p[0].revents)
			read_keys(l, s, data, &leave);
	}
	l->ask_now = true;
	l->id = 0;
}

int live_open(struct live *l, struct cli *c, uint64_t every_us)
{
	char why[160];

	*l = (struct live){ .cli = c, .fd = -1, .every_us = every_us };
	l->fd = cli_connect(c->socket, why, sizeof(why));
	if (l->fd < 0) {
		(void) fprintf(stderr, "anodctl: %s: %s\n", c->socket, why);
		return EXIT_UNREACHABLE;
	}
	if (term_open(&l->term) < 0) {
		(void) fprintf(stderr, "anodctl: input and output must be a terminal here\n");
		(void) close(l->fd);
		return EXIT_USE;
	}
	return EXIT_GOOD;
}

int live_close(struct live *l)
{
	term_close(&l->term);
	page_done(&l->page);
	if (l->fd >= 0)
		(void) close(l->fd);
	free(l->in);
	return l->status;
}

const char *live_age(const struct live *l, char *buf, size_t size)
{
	uint64_t age = l->answered_us ? clock_boot_us() - l->answered_us : 0;

	buf[0] = '\0';
	if (age > l->every_us + 2 * US_PER_S)
		(void) format_duration(age / US_PER_S * US_PER_S, buf, size);
	return buf;
}
