/*
 * guardian - holds the undo of every open transaction and fires it when the daemon cannot.
 *
 * Design.  Three descriptors in one epoll: the host's socket, its pidfd, and one timer for the
 * nearest deadline.  Messages that the host sent before it died are read before its death counts,
 * so a DISARM is never overtaken.  Right before each undo the journal is read again: a committed
 * transaction is left alone, whatever was armed (policy.md 5.1, R3).  A journal that cannot be
 * read stops nothing, because an undo that was not wanted costs less than a router that nobody
 * reaches.  Transactions are undone newest first, as they may build on one another.
 *
 * The lock on the journal keeps a starting host out.  A living host holds it itself, and a
 * process that it has left behind may; neither may stop a deadline, and comparing before undoing
 * makes two undos of one step harmless, so the lock is tried and not waited for.
 */
#include "exec/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "base/log.h"
#include "exec/step.h"
#include "txn/journal.h"

struct armed {
	uint64_t tx;
	uint64_t order; /* grows with every ARM */
	uint64_t deadline_us;
	uint32_t flags;
	uint32_t n_steps;
	struct exec_step step[];
};

struct guardian {
	int epoll, sock, timer, pidfd;
	bool host_dead;
	uint64_t order;
	struct kernel kernel;
	struct armed *armed[GUARDIAN_ARMED_MAX]; /* owned; NULL: free */
	char *state_dir;			 /* owned */
	union {
		struct chan_head head;
		struct guard_arm arm;
	} in;
};

static void answer(struct guardian *g, struct chan_head *head, size_t size)
{
	head->size = (uint32_t) size;
	if (g->sock >= 0 && send(g->sock, head, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_about(LOG_WARNING, head->id, 0, "cannot answer the host: %s", strerror(errno));
}

static struct armed **armed_find(struct guardian *g, uint64_t tx)
{
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i] && g->armed[i]->tx == tx)
			return &g->armed[i];

	return NULL;
}

static struct armed **armed_place(struct guardian *g, uint64_t tx)
{
	struct armed **a = armed_find(g, tx);

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX && !a; i++)
		if (!g->armed[i])
			a = &g->armed[i];

	return a;
}

static void armed_drop(struct armed **a)
{
	free(*a);
	*a = NULL;
}

static bool any_armed(const struct guardian *g)
{
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i])
			return true;

	return false;
}

/* ---- messages ---------------------------------------------------------------------------- */

static int check_arm(const struct guard_arm *m, size_t size)
{
	size_t head = offsetof(struct guard_arm, step);

	if (size < head || size != steps_size(head, m->n_steps) ||
	    m->flags & ~(uint32_t) GUARD_HOLD_ON_CRASH)
		return -EPROTO;

	for (uint32_t i = 0; i < m->n_steps; i++)
		if (!step_check(&m->step[i]))
			return -EPROTO;

	return 0;
}

static int arm(struct guardian *g, const struct guard_arm *m, size_t size)
{
	struct armed *a, **place;
	int r;

	r = check_arm(m, size);
	if (r < 0)
		return r;
	place = armed_place(g, m->head.id);
	if (!place)
		return -ENOSPC;

	a = malloc(sizeof(*a) + m->n_steps * sizeof(a->step[0]));
	if (!a)
		return -ENOMEM;
	*a = (struct armed){
		.tx = m->head.id,
		.order = ++g->order,
		.deadline_us = m->deadline_us,
		.flags = m->flags,
		.n_steps = m->n_steps,
	};
	memcpy(a->step, m->step, m->n_steps * sizeof(a->step[0]));

	armed_drop(place);
	*place = a;
	return 0;
}

static void disarm(struct guardian *g, uint64_t tx)
{
	struct guard_ack ack = { .head = { .type = GUARD_DISARMED, .id = tx } };
	struct armed **a = armed_find(g, tx);

	if (a)
		armed_drop(a);
	answer(g, &ack.head, sizeof(ack));
}

static void on_message(struct guardian *g, size_t size)
{
	const struct chan_head *h = &g->in.head;
	struct guard_ack ack = { .head = { .type = GUARD_ARMED } };
	int r = -EPROTO;

	if (size < sizeof(*h) || size > sizeof(g->in) || h->size != size) {
		log_error("a torn message of %zu bytes from the host is ignored", size);
		return;
	}

	ack.head.id = h->id;
	if (h->type == GUARD_ARM) {
		r = arm(g, &g->in.arm, size);
		ack.crc = crc32c(0, &g->in, size);
		if (r == 0)
			answer(g, &ack.head, sizeof(ack));
	} else if (h->type == GUARD_DISARM && size == sizeof(struct guard_ack)) {
		disarm(g, h->id);
		return;
	}
	if (r == 0)
		return;

	log_about(LOG_ERR, h->id, 0, "message %u from the host refused: %s", h->type, strerror(-r));
	disarm(g, h->id);
}

/* The descriptor itself is -1 afterwards, which also takes it out of the epoll. */
static void close_fd(int *fd)
{
	closep(fd);
	*fd = -1;
}

static void read_messages(struct guardian *g)
{
	while (g->sock >= 0) {
		ssize_t n = recv(g->sock, &g->in, sizeof(g->in), MSG_DONTWAIT | MSG_TRUNC);

		if (n > 0) {
			on_message(g, (size_t) n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;

		/* End of file, or an error that will not pass. */
		close_fd(&g->sock);
		g->host_dead = true;
	}
}

/* ---- firing ------------------------------------------------------------------------------ */

/* An open descriptor that holds the lock, or -1: someone else does, or there is no journal. */
static int lock_journal(const struct guardian *g)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", g->state_dir, JOURNAL_FILE) >= (int) sizeof(path))
		return -1;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) < 0)
		close_fd(&fd);
	return fd;
}

static void record(struct guardian *g, const struct armed *a, const struct exec_result *result,
		   enum guardian_cause cause, uint64_t since_us)
{
	struct guardian_entry e = {
		.tx = a->tx,
		.when_us = since_us,
		.took_us = clock_boot_us() - since_us,
		.cause = cause,
		.n_steps = a->n_steps,
	};
	int r;

	memcpy(e.state, result->state, sizeof(e.state));
	r = guardian_write(g->state_dir, &e);
	if (r < 0)
		log_about(LOG_ERR, a->tx, 0, "cannot write %s/%s: %s", g->state_dir, GUARDIAN_FILE,
			  strerror(-r));
}

/* Undo one transaction, unless the journal says that it has ended well. */
static void fire(struct guardian *g, struct armed *a, enum guardian_cause cause, uint64_t since_us)
{
	const char *why = cause == GUARDIAN_DEADLINE ? "its deadline passed" : "the daemon died";
	struct exec_result result = { .head = { .type = GUARD_FIRED, .id = a->tx },
				      .n_steps = a->n_steps };
	int last;

	last = journal_last_type(g->state_dir, a->tx);
	if (last == JOURNAL_COMMIT ||
	    (last > 0 && journal_type_terminal((enum journal_type) last))) {
		log_about(LOG_INFO, a->tx, 0, "%s; the journal says %s: left alone", why,
			  journal_type_name((enum journal_type) last));
		return;
	}

	result.error = steps_undo(&g->kernel, a->step, a->n_steps, result.state, result.why,
				  sizeof(result.why));
	record(g, a, &result, cause, since_us);
	answer(g, &result.head, sizeof(result));

	if (result.error < 0)
		log_about(LOG_CRIT, a->tx, 0, "%s; undoing it failed: %s", why, result.why);
	else
		log_about(LOG_WARNING, a->tx, 0, "%s; undone in %" PRIu64 " us", why,
			  clock_boot_us() - since_us);
}

static bool is_due(const struct guardian *g, const struct armed *a, uint64_t now_us)
{
	return a->deadline_us <= now_us || (g->host_dead && !(a->flags & GUARD_HOLD_ON_CRASH));
}

/* The newest that is due, or NULL. */
static struct armed **next_due(struct guardian *g, uint64_t now_us)
{
	struct armed **next = NULL;

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i] && is_due(g, g->armed[i], now_us) &&
		    (!next || g->armed[i]->order > (*next)->order))
			next = &g->armed[i];

	return next;
}

static void fire_due(struct guardian *g)
{
	uint64_t now_us = clock_boot_us();
	struct armed **a = next_due(g, now_us);
	int lock;

	if (!a)
		return;

	lock = lock_journal(g);
	for (; a; a = next_due(g, now_us)) {
		bool late = (*a)->deadline_us <= now_us;

		fire(g, *a, late ? GUARDIAN_DEADLINE : GUARDIAN_HOST_DIED,
		     late ? (*a)->deadline_us : now_us);
		armed_drop(a);
	}
	close_fd(&lock);
}

static int set_timer(struct guardian *g)
{
	struct itimerspec at = { 0 };
	uint64_t next = US_INFINITY;

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i])
			next = MIN_OF(next, g->armed[i]->deadline_us);

	/* Zero would switch the timer off. */
	if (next != US_INFINITY) {
		at.it_value.tv_sec = (time_t) MIN_OF(next / US_PER_S, (uint64_t) INT32_MAX);
		at.it_value.tv_nsec = (long) (MAX_OF(next, UINT64_C(1)) % US_PER_S * 1000);
	}
	return timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0 ? -errno : 0;
}

/* ---- life -------------------------------------------------------------------------------- */

int guardian_run(struct guardian *g)
{
	struct epoll_event event[4];
	uint64_t expired;
	int n;

	n = epoll_wait(g->epoll, event, ARRAY_SIZE(event), 0);
	if (n < 0 && errno != EINTR)
		return -errno;

	read_messages(g);
	for (int i = 0; i < n; i++)
		if (g->pidfd >= 0 && event[i].data.fd == g->pidfd) {
			close_fd(&g->pidfd);
			g->host_dead = true;
		}
	/* Only to make it unreadable; what is due is told by the clock. */
	(void) !read(g->timer, &expired, sizeof(expired));

	fire_due(g);
	n = set_timer(g);
	if (n < 0)
		return n;

	return !g->host_dead || any_armed(g);
}

bool guardian_needed(const struct guardian *g)
{
	return !g->host_dead && any_armed(g);
}

int guardian_fd(const struct guardian *g)
{
	return g->epoll;
}

static int watch(struct guardian *g, int fd)
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

	r = watch(g, g->sock);
	if (r >= 0)
		r = watch(g, g->pidfd);
	if (r >= 0)
		r = watch(g, g->timer);
	if (r >= 0)
		r = guardian_trim(state_dir);
	if (r >= 0)
		r = kernel_open(&g->kernel);
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
	g->epoll = g->timer = g->kernel.fd = -1;
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

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		free(g->armed[i]);
	kernel_close(&g->kernel);
	closep(&g->sock);
	closep(&g->pidfd);
	closep(&g->timer);
	closep(&g->epoll);
	free(g->state_dir);
	free(g);
	return NULL;
}
