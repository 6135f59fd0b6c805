/*
 * worker - reads files beside the loop.
 *
 * Design.  A chip behind I2C takes milliseconds for a number, and a broken one seconds, so these
 * files are read in a thread.  It has one job at a time: the channels are the thread's from
 * worker_start() until the eventfd is readable.  It touches nothing else.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int fd;
	bool stop;
	struct channel *channel; /* the job; NULL: none */
	unsigned n;
	uint64_t took_us;
	bool busy; /* the loop's view */
};

static uint64_t now_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void read_channel(struct channel *c)
{
	char text[32];
	ssize_t n;

	if (c->fd < 0)
		c->fd = open(c->path, O_RDONLY | O_CLOEXEC);
	n = c->fd >= 0 ? pread(c->fd, text, sizeof(text), 0) : -1;
	c->error = n > 0 ? 0 : n < 0 ? errno : ENODATA;
	if (n < 0 && c->fd >= 0) {
		(void) close(c->fd);
		c->fd = -1;
	}
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	if (!c->error && !anod_word_i64(text, (size_t) n, &c->value))
		c->error = EBADMSG;
}

static void *run(void *data)
{
	struct worker *w = data;
	const uint64_t one = 1;

	(void) pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		struct channel *c = w->channel;
		unsigned n = w->n;
		uint64_t begun;

		if (!c) {
			(void) pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		(void) pthread_mutex_unlock(&w->lock);
		begun = now_us();
		for (unsigned i = 0; i < n; i++)
			read_channel(&c[i]);
		(void) pthread_mutex_lock(&w->lock);
		w->channel = NULL;
		w->took_us = now_us() - begun + 1;
		if (write(w->fd, &one, sizeof(one)) < 0)
			break; /* an eventfd never fails so */
	}
	(void) pthread_mutex_unlock(&w->lock);
	return NULL;
}

int worker_open(struct worker **ret, int *ret_fd)
{
	struct worker *w = calloc(1, sizeof(*w));
	sigset_t all, old;
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		r = -errno;
		free(w);
		return r;
	}
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_cond_init(&w->wake, NULL);
	/* Signals are the loop's. */
	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&w->thread, NULL, run, w);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0) {
		(void) close(w->fd);
		free(w);
		return r;
	}
	*ret = w;
	*ret_fd = w->fd;
	return 0;
}

void worker_start(struct worker *w, struct channel *c, unsigned n)
{
	(void) pthread_mutex_lock(&w->lock);
	w->channel = c;
	w->n = n;
	w->took_us = 0;
	w->busy = true;
	(void) pthread_cond_signal(&w->wake);
	(void) pthread_mutex_unlock(&w->lock);
}

uint64_t worker_done(struct worker *w)
{
	uint64_t took_us, n;

	(void) !read(w->fd, &n, sizeof(n));
	(void) pthread_mutex_lock(&w->lock);
	took_us = w->took_us;
	if (took_us)
		w->busy = false;
	(void) pthread_mutex_unlock(&w->lock);
	return took_us;
}

bool worker_busy(const struct worker *w)
{
	return w->busy;
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	(void) pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void) pthread_cond_signal(&w->wake);
	(void) pthread_mutex_unlock(&w->lock);
	(void) pthread_join(w->thread, NULL);
	(void) pthread_cond_destroy(&w->wake);
	(void) pthread_mutex_destroy(&w->lock);
	(void) close(w->fd);
	free(w);
}
