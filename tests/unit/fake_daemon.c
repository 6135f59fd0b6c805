/*
 * fake_daemon - a daemon on a unix socket, as good or bad as a test wants.
 *
 * Design.  One thread: accept, then question and answer until either side ends.  Everything that
 * the test changes is under one lock; sockets are shut down to wake the thread.
 */
#include "unit/fake_daemon.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWERS_MAX 16

struct fake_daemon {
	pthread_t thread;
	pthread_mutex_t lock;
	char path[108];
	char *greeting;
	char end;
	int listener, conn;
	bool stop;
	unsigned asked;
	enum fake_daemon_mode mode;
	struct {
		char *words, *answer;
		size_t size;
	} say[ANSWERS_MAX];
	unsigned n_says;
};

static bool send_all(int fd, const char *p, size_t size, size_t piece)
{
	while (size > 0) {
		ssize_t n = send(fd, p, size < piece ? size : piece, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		size -= (size_t) n;
	}
	return true;
}

static bool flood(int fd)
{
	static char junk[65536];

	memset(junk, ' ', sizeof(junk));
	while (send_all(fd, junk, sizeof(junk), sizeof(junk)))
		;
	return false;
}

/* False: the connection has ended. */
static bool answer(struct fake_daemon *d, int fd, const char *question)
{
	char *text = NULL;
	size_t size = 0;
	enum fake_daemon_mode mode;
	bool ok = true;

	pthread_mutex_lock(&d->lock);
	d->asked++;
	mode = d->mode;
	for (unsigned i = 0; i < d->n_says; i++) {
		if (strncmp(question, d->say[i].words, strlen(d->say[i].words)) != 0)
			continue;
		free(text);
		size = d->say[i].size;
		text = malloc(size + 1);
		memcpy(text, d->say[i].answer, size);
	}
	pthread_mutex_unlock(&d->lock);

	switch (mode) {
	case FAKE_DAEMON_GOOD:
		ok = send_all(fd, text, size, size ? size : 1);
		break;
	case FAKE_DAEMON_DRIP:
		ok = send_all(fd, text, size, 7);
		break;
	case FAKE_DAEMON_MUTE:
		break;
	case FAKE_DAEMON_GARBAGE:
		ok = send_all(fd, "\xff\n\0\xfe{]\n\0\1\2\3\4", 13, 13);
		break;
	case FAKE_DAEMON_HUGE:
		ok = flood(fd);
		break;
	case FAKE_DAEMON_CUT:
		(void) send_all(fd, text, size / 2, size);
		ok = false;
		break;
	}
	free(text);
	return ok;
}

static void serve(struct fake_daemon *d, int fd)
{
	char question[512];
	size_t n = 0;

	if (d->greeting && !send_all(fd, d->greeting, strlen(d->greeting), 64))
		return;
	while (n < sizeof(question) - 1 && recv(fd, question + n, 1, 0) == 1) {
		if (question[n++] != d->end)
			continue;
		question[n - 1] = '\0';
		n = 0;
		if (!answer(d, fd, question))
			return;
	}
}

static void *run(void *data)
{
	struct fake_daemon *d = data;

	for (;;) {
		int fd = accept(d->listener, NULL, NULL);

		pthread_mutex_lock(&d->lock);
		if (d->stop || fd < 0) {
			pthread_mutex_unlock(&d->lock);
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		d->conn = fd;
		pthread_mutex_unlock(&d->lock);
		serve(d, fd);
		pthread_mutex_lock(&d->lock);
		d->conn = -1;
		pthread_mutex_unlock(&d->lock);
		close(fd);
	}
}

struct fake_daemon *fake_daemon_new(const char *path, const char *greeting, char end)
{
	struct fake_daemon *d = calloc(1, sizeof(*d));
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void) snprintf(d->path, sizeof(d->path), "%s", path);
	(void) snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	(void) unlink(path);
	d->greeting = greeting ? strdup(greeting) : NULL;
	d->end = end;
	d->conn = -1;
	pthread_mutex_init(&d->lock, NULL);
	d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(d->listener, (struct sockaddr *) &a, sizeof(a)), 0);
	cr_assert_eq(listen(d->listener, 4), 0);
	fake_daemon_say(d, "", "", 0);
	cr_assert_eq(pthread_create(&d->thread, NULL, run, d), 0);
	return d;
}

void fake_daemon_say(struct fake_daemon *d, const char *words, const void *text, size_t size)
{
	pthread_mutex_lock(&d->lock);
	cr_assert_lt(d->n_says, ANSWERS_MAX);
	d->say[d->n_says].words = strdup(words);
	d->say[d->n_says].answer = malloc(size + 1);
	memcpy(d->say[d->n_says].answer, text, size);
	d->say[d->n_says++].size = size;
	pthread_mutex_unlock(&d->lock);
}

void fake_daemon_mode(struct fake_daemon *d, enum fake_daemon_mode mode)
{
	pthread_mutex_lock(&d->lock);
	d->mode = mode;
	pthread_mutex_unlock(&d->lock);
}

void fake_daemon_drop(struct fake_daemon *d)
{
	pthread_mutex_lock(&d->lock);
	if (d->conn >= 0)
		(void) shutdown(d->conn, SHUT_RDWR);
	pthread_mutex_unlock(&d->lock);
}

unsigned fake_daemon_asked(struct fake_daemon *d)
{
	unsigned n;

	pthread_mutex_lock(&d->lock);
	n = d->asked;
	pthread_mutex_unlock(&d->lock);
	return n;
}

struct fake_daemon *fake_daemon_free(struct fake_daemon *d)
{
	if (!d)
		return NULL;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_mutex_unlock(&d->lock);
	fake_daemon_drop(d);
	(void) shutdown(d->listener, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	close(d->listener);
	(void) unlink(d->path);
	for (unsigned i = 0; i < d->n_says; i++) {
		free(d->say[i].words);
		free(d->say[i].answer);
	}
	free(d->greeting);
	free(d);
	return NULL;
}

char *fake_daemon_file(const char *path, size_t *ret_size)
{
	char full[512], *text;
	FILE *f;
	long size;

	(void) snprintf(full, sizeof(full), "%s/%s", SOURCE_DIR, path);
	f = fopen(full, "re");
	cr_assert(f, "%s is not there", full);
	cr_assert_eq(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t) size + 1);
	cr_assert_eq(fread(text, 1, (size_t) size, f), (size_t) size);
	(void) fclose(f);
	*ret_size = (size_t) size;
	return text;
}
