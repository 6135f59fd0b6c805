/*
 * netlink_sender - a thread that stays in send() so that the loop need not.
 *
 * Design.  The kernel carries most requests out inside send(), in the context of who sends.  The
 * thread does nothing else: it is handed one message, sends it, and says by an eventfd that it is
 * back and how long it was away.  Answers arrive on the socket, which the loop reads.  It
 * raises CAP_NET_ADMIN, where that is asked for, for itself alone.
 */
#include "netlink_int.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (512u << 10) /* of addresses; static TLS is in it, memory is what is touched */

struct nl_sender {
	struct anod_nl *nl;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int back; /* eventfd */
	uint64_t io;
	/* Under the lock. */
	const void *msg; /* NULL: nothing to do */
	size_t len;
	int fd, error;
	uint64_t held_us;
	bool quit;
};

static uint64_t now_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

int send_timed(int fd, const void *msg, size_t len, uint64_t *ret_us)
{
	uint64_t begin = now_us();
	ssize_t n = send(fd, msg, len, MSG_DONTWAIT);
	int r = n < 0 ? -errno : (size_t) n == len ? 0 : -EIO;

	*ret_us = now_us() - begin;
	return r;
}

static void *run(void *data)
{
	struct nl_sender *s = data;

	(void) pthread_mutex_lock(&s->lock);
	while (!s->quit) {
		const void *msg = s->msg;
		size_t len = s->len;
		uint64_t held, one = 1;
		bool admin = s->nl->flags & ANOD_NL_ADMIN;
		int fd = s->fd, error;

		if (!msg) {
			(void) pthread_cond_wait(&s->wake, &s->lock);
			continue;
		}
		(void) pthread_mutex_unlock(&s->lock);
		admin = admin && nl_admin_raise(); /* of this thread alone */
		error = send_timed(fd, msg, len, &held);
		nl_admin_lower(admin);
		(void) pthread_mutex_lock(&s->lock);
		s->msg = NULL;
		s->error = error;
		s->held_us = held;
		(void) !write(s->back, &one, sizeof(one)); /* a counter of 64 bits has room */
	}
	(void) pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void on_back(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct nl_sender *s = data;
	uint64_t n, held;
	int error;

	(void) ctx, (void) events;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	(void) pthread_mutex_lock(&s->lock);
	error = s->error;
	held = s->held_us;
	(void) pthread_mutex_unlock(&s->lock);
	nl_on_sent(s->nl, error, held);
}

/* Signals are for the loop. */
static int start_thread(struct nl_sender *s)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	(void) sigfillset(&all);
	(void) pthread_attr_init(&attr);
	(void) pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&s->thread, &attr, run, s);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void) pthread_attr_destroy(&attr);
	return -r;
}

int nl_sender_new(struct anod_nl *nl, struct nl_sender **ret)
{
	struct nl_sender *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;

	s->nl = nl;
	(void) pthread_mutex_init(&s->lock, NULL);
	(void) pthread_cond_init(&s->wake, NULL);
	s->back = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = s->back < 0 ? -errno : nl->ctx->host->io(nl->ctx, s->back, EPOLLIN, on_back, s, &s->io);
	if (r >= 0)
		r = start_thread(s);
	if (r < 0) {
		if (s->io)
			(void) nl->ctx->host->cancel(nl->ctx, s->io);
		if (s->back >= 0)
			(void) close(s->back);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void nl_sender_send(struct nl_sender *s, int fd, const void *msg, size_t len)
{
	(void) pthread_mutex_lock(&s->lock);
	s->fd = fd;
	s->msg = msg;
	s->len = len;
	(void) pthread_cond_signal(&s->wake);
	(void) pthread_mutex_unlock(&s->lock);
}

void nl_sender_free(struct nl_sender *s)
{
	if (!s)
		return;

	(void) pthread_mutex_lock(&s->lock);
	s->quit = true;
	(void) pthread_cond_signal(&s->wake);
	(void) pthread_mutex_unlock(&s->lock);
	(void) pthread_join(s->thread, NULL);
	(void) s->nl->ctx->host->cancel(s->nl->ctx, s->io);
	(void) close(s->back);
	(void) pthread_cond_destroy(&s->wake);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
}
