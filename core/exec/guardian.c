/*
 * guardian - holds the undo of every open transaction and fires it when the daemon cannot.
 *
 * Design.  All descriptors are in one epoll, which the program waits for and which says that
 * guardian_run() has work.  Reflexes come first in each turn; when nothing but a link event or a
 * tick of the sentinel has come, the turn ends there.  Messages that the host sent before it died
 * are read before its death counts, so a DISARM is never overtaken.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/log.h"
#include "exec/guardian_int.h"
#include "txn/fence.h"

static bool any_armed(const struct guardian *g)
{
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i])
			return true;

	return false;
}

/* Its deadline; but while the host is ending it, a little later. */
static uint64_t wakes_us(const struct armed *a)
{
	return a->busy_us ? a->busy_us : a->deadline_us;
}

static int set_timer(struct guardian *g)
{
	struct itimerspec at = { 0 };
	uint64_t next = US_INFINITY;

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i])
			next = MIN_OF(next, wakes_us(g->armed[i]));
	if (g->hand.until_us)
		next = MIN_OF(next, g->hand.until_us);

	/* Zero would switch the timer off. */
	if (next != US_INFINITY) {
		at.it_value.tv_sec = (time_t) MIN_OF(next / US_PER_S, (uint64_t) INT32_MAX);
		at.it_value.tv_nsec = (long) (MAX_OF(next, UINT64_C(1)) % US_PER_S * 1000);
	}
	return timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0 ? -errno : 0;
}

/* ---- life -------------------------------------------------------------------------------- */

static bool goes_on(const struct guardian *g)
{
	/* Nothing is held for a host that may come: it can have a guardian of its own. */
	if (g->host_dead || g->hand.until_us)
		return any_armed(g);

	return true;
}

/* The host's process first, then what it said: its last words were sent before. */
static void hear_host(struct guardian *g)
{
	struct pollfd p = { .fd = g->pidfd, .events = POLLIN };
	bool ended = g->pidfd >= 0 && poll(&p, 1, 0) == 1;
	unsigned n_hosts = g->hand.n_hosts;

	if (ended)
		close_fd(&g->pidfd);
	guardian_read_messages(g);
	if (ended && !g->hand.until_us && n_hosts == g->hand.n_hosts)
		g->host_dead = true;
}

int guardian_run(struct guardian *g)
{
	struct epoll_event event;
	uint64_t expired;
	int n, r = 0;

	reflexes_run(g);
	n = epoll_wait(g->epoll, &event, 1, 0);
	if (n < 0 && errno != EINTR)
		return -errno;
	if (n == 0 && !g->changed)
		return goes_on(g);

	hear_host(g);
	hand_run(g);
	/* What is due is told by the clock; the timer may have come before its time. */
	if (read(g->timer, &expired, sizeof(expired)) == sizeof(expired))
		g->changed = true;

	guardian_undo_due(g);
	if (g->host_dead)
		close_fd(&g->sock);
	if (g->changed)
		r = set_timer(g);
	g->changed = false;
	return r < 0 ? r : goes_on(g);
}

bool guardian_needed(const struct guardian *g)
{
	return !g->host_dead && any_armed(g);
}

int guardian_fd(const struct guardian *g)
{
	return g->epoll;
}

int guardian_watch(struct guardian *g, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0)
		return 0;

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_all(struct guardian *g, const char *state_dir)
{
	int r;

	g->state_dir = strdup(state_dir);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (!g->state_dir)
		return -ENOMEM;
	if (g->epoll < 0 || g->timer < 0)
		return -errno;

	r = guardian_watch(g, g->sock);
	if (r >= 0)
		r = guardian_watch(g, g->pidfd);
	if (r >= 0)
		r = guardian_watch(g, g->timer);
	if (r >= 0)
		r = guardian_trim(state_dir);
	g->fence = fence_open(state_dir); /* none on a broken disk; deadlines count all the same */
	if (r >= 0)
		r = kernel_open(&g->kernel);
	if (r >= 0)
		r = reflexes_open_sockets(g);
	return r;
}

int guardian_open(int fd, int pidfd, const char *state_dir, struct guardian **ret)
{
	struct guardian *g = calloc(1, sizeof(*g));
	int r;

	if (!g) {
		closep(&fd);
		closep(&pidfd);
		return -ENOMEM;
	}
	g->epoll = g->timer = g->fence = g->kernel.fd = g->kernel.proc = -1;
	g->reflex.send = g->reflex.ask = g->reflex.events = g->reflex.tick = -1;
	g->hand.listen = g->hand.guest = -1;
	g->sock = fd;
	g->pidfd = pidfd;

	r = open_all(g, state_dir);
	if (r < 0) {
		(void) guardian_free(g);
		return r;
	}

	*ret = g;
	return 0;
}

struct guardian *guardian_free(struct guardian *g)
{
	if (!g)
		return NULL;

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++) {
		if (g->armed[i])
			free(g->armed[i]->ready);
		free(g->armed[i]);
	}
	hand_close(g);
	reflexes_close_sockets(g);
	kernel_close(&g->kernel);
	closep(&g->sock);
	closep(&g->pidfd);
	closep(&g->timer);
	closep(&g->epoll);
	closep(&g->fence);
	free(g->state_dir);
	free(g);
	return NULL;
}
