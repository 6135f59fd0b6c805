/*
 * guardian_reflex - fires what was made ready when its link is lost.
 *
 * Design.  Between the event and the send there is one recv() and a look at flags and name: no
 * allocation, no log, no file.  Accounting (settle()) follows when all reflexes of the event are
 * out.  The messages ask for no acknowledgement; the kernel works through them inside send() and
 * answers only what it refuses, so that reading these answers afterwards costs nothing when all
 * is well.  Each reflex has a number of its own, so a refusal finds its reflex.
 *
 * The sentinel asks for links because a question makes the kernel look at a carrier that it would
 * report up to a second later (architecture.md 10.4).  The kernel answers inside send() as well.
 * The same question is asked when the queue of events has run over, and of a link that a new
 * reflex is to watch: whoever is told "armed" may rely on the link having been up then.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/log.h"
#include "exec/guardian_int.h"

#define EVENTS_A_TURN 256 /* datagrams; messages of the host must get their turn in a storm */

struct reading {
	struct guardian *g;
	enum guard_cause cause;
};

/* ---- firing ---------------------------------------------------------------------------------- */

static void fire(struct guardian *g, struct armed *a, enum guard_cause cause, uint64_t seen_ns)
{
	ssize_t n = 0;

	if (a->ready)
		n = send(g->reflex.send, a->ready, a->ready_size, MSG_NOSIGNAL);
	a->error = n < 0 ? -errno : 0;
	a->sent_ns = a->ready ? boot_ns() : seen_ns;
	a->seen_ns = seen_ns;
	a->cause = cause;
	a->state = ARMED_SENT;
	g->reflex.sent = true;
}

static void take_news(void *data, const struct link_news *news)
{
	const struct reading *r = data;
	struct reflexes *x = &r->g->reflex;
	uint64_t seen_ns = 0;

	for (unsigned i = 0; i < x->n; i++) {
		if (x->waits[i]->state != ARMED_WAITS ||
		    !link_news_lost(news, &x->waits[i]->trigger))
			continue;
		if (!seen_ns)
			seen_ns = boot_ns();
		fire(r->g, x->waits[i], r->cause, seen_ns);
	}
}

/* Of the kernel only: any other sender needs CAP_NET_ADMIN, but a mistake is cheap to exclude. */
static ssize_t receive(struct reflexes *x, int fd)
{
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n;

	do
		n = recvfrom(fd, x->in, sizeof(x->in), MSG_DONTWAIT, (struct sockaddr *) &from,
			     &size);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	return n < 0 ? -errno : n;
}

/* Ask for 'size' bytes of links and act on what the kernel says. */
static void ask(struct guardian *g, size_t size)
{
	struct reflexes *x = &g->reflex;
	struct reading r = { g, GUARD_CAUSE_SENTINEL };
	uint64_t start = boot_ns();
	ssize_t n;

	if (size == 0 || send(x->ask, x->request, size, MSG_NOSIGNAL) < 0)
		return;
	while ((n = receive(x, x->ask)) > 0)
		link_news_each(x->in, (size_t) n, take_news, &r);
	x->n_asks += size / LINK_REQUEST;
	x->ask_ns += boot_ns() - start;
}

static void read_events(struct guardian *g)
{
	struct reflexes *x = &g->reflex;
	struct reading r = { g, GUARD_CAUSE_EVENT };

	for (unsigned i = 0; i < EVENTS_A_TURN; i++) {
		ssize_t n = receive(x, x->events);

		if (n == -ENOBUFS)
			ask(g, x->ask_size);
		else if (n < 0)
			return;
		else
			link_news_each(x->in, (size_t) n, take_news, &r);
	}
}

/* ---- accounting ------------------------------------------------------------------------------ */

static struct armed *find_seq(const struct reflexes *x, uint32_t seq)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->waits[i]->seq == seq)
			return x->waits[i];

	return NULL;
}

/* What the kernel refused is there since send() came back. */
static void read_refusals(struct reflexes *x)
{
	ssize_t n;

	while ((n = receive(x, x->send)) > 0) {
		const struct nlmsghdr *h = (const struct nlmsghdr *) x->in;
		struct nlmsgerr e;
		struct armed *a;

		if ((size_t) n < NLMSG_LENGTH(sizeof(e)) || h->nlmsg_type != NLMSG_ERROR)
			continue;
		memcpy(&e, x->in + NLMSG_HDRLEN, sizeof(e));
		a = find_seq(x, h->nlmsg_seq);
		if (a && a->error == 0)
			a->error = e.error;
	}
}

static const char *cause_text(uint32_t cause)
{
	switch ((enum guard_cause) cause) {
	case GUARD_CAUSE_EVENT:
		return "the kernel told that it was lost";
	case GUARD_CAUSE_SENTINEL:
		return "the sentinel found it lost";
	case GUARD_CAUSE_HOST:
		return "the daemon said so";
	}
	return "?";
}

void reflex_tell(struct guardian *g, const struct armed *a)
{
	struct guard_reflexed m = {
		.head = { .type = GUARD_REFLEXED, .id = a->tx },
		.seen_ns = a->seen_ns,
		.sent_ns = a->sent_ns,
		.deadline_us = a->n_steps ? a->deadline_us : 0,
		.cause = a->cause,
		.error = a->error,
	};

	guardian_answer(g, &m.head, sizeof(m));
}

static void account(struct guardian *g, struct armed *a)
{
	a->state = ARMED_UNDO;
	a->order = ++g->order;
	g->changed = true;
	a->deadline_us = a->sent_ns / 1000;
	a->deadline_us += a->n_steps ? MIN_OF(a->trigger.hold_us, US_INFINITY - a->deadline_us)
				     : US_INFINITY - a->deadline_us;
	reflex_forget(g, a);
	reflex_tell(g, a);

	if (a->error < 0)
		log_about(LOG_ERR, a->tx, 0, "reflex on link %s fired (%s); refused: %s",
			  a->trigger.link, cause_text(a->cause), strerror(-a->error));
	else
		log_about(LOG_NOTICE, a->tx, 0,
			  "reflex on link %s fired (%s): %u changes sent in %" PRIu64 " us",
			  a->trigger.link, cause_text(a->cause), a->n_steps,
			  (a->sent_ns - a->seen_ns) / 1000);
}

/* The oldest that was fired and is not accounted for, or NULL. */
static struct armed *next_sent(const struct reflexes *x)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->waits[i]->state == ARMED_SENT)
			return x->waits[i];

	return NULL;
}

static struct armed **place_of(struct guardian *g, const struct armed *a)
{
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i] == a)
			return &g->armed[i];

	return NULL;
}

static void settle(struct guardian *g)
{
	struct armed *a;

	if (!g->reflex.sent)
		return;

	read_refusals(&g->reflex);
	while ((a = next_sent(&g->reflex))) {
		account(g, a);
		/* One that only watched leaves nothing to undo, only something to tell. */
		if (a->n_steps == 0 && !g->hand.until_us)
			armed_drop(g, place_of(g, a));
	}
	g->reflex.sent = false;
}

void reflex_trigger(struct guardian *g, struct armed *a)
{
	fire(g, a, GUARD_CAUSE_HOST, boot_ns());
	settle(g);
}

void reflexes_run(struct guardian *g)
{
	struct reflexes *x = &g->reflex;
	uint64_t expired;

	if (x->events < 0)
		return;

	read_events(g);
	if (x->tick_size > 0 && read(x->tick, &expired, sizeof(expired)) == sizeof(expired))
		ask(g, x->tick_size);
	settle(g);
}

/* ---- what is watched ------------------------------------------------------------------------- */

static bool asked_for(const struct reflexes *x, size_t size, uint32_t ifindex)
{
	struct nlmsghdr h;

	for (size_t at = 0; at < size; at += LINK_REQUEST) {
		memcpy(&h, x->request + at, sizeof(h));
		if (h.nlmsg_seq == ifindex)
			return true;
	}
	return false;
}

static void add_requests(struct reflexes *x, bool sentinel)
{
	for (unsigned i = 0; i < x->n; i++) {
		const struct guard_trigger *t = &x->waits[i]->trigger;

		if (t->ifindex == 0 || (sentinel && t->sentinel_us == 0) ||
		    asked_for(x, x->ask_size, t->ifindex))
			continue;
		link_request(t->ifindex, x->request + x->ask_size);
		x->ask_size += LINK_REQUEST;
	}
}

/* The sentinel asks for all its links at the shortest of their periods: one send() for all. */
static int set_tick(struct reflexes *x)
{
	struct itimerspec at = { 0 };
	uint32_t period = 0;

	for (unsigned i = 0; i < x->n; i++) {
		uint32_t p = x->waits[i]->trigger.sentinel_us;

		if (p && (!period || p < period))
			period = p;
	}
	at.it_interval.tv_sec = period / US_PER_S;
	at.it_interval.tv_nsec = (long) (period % US_PER_S * 1000);
	at.it_value = at.it_interval;
	return timerfd_settime(x->tick, 0, &at, NULL) < 0 ? -errno : 0;
}

static int watch_links(struct guardian *g)
{
	struct reflexes *x = &g->reflex;
	int r = 0;

	x->ask_size = 0;
	add_requests(x, true);
	x->tick_size = x->ask_size;
	add_requests(x, false);

	if (x->ask_size == 0) {
		close_fd(&x->events);
	} else if (x->events < 0) {
		x->events = r = link_open_events();
		if (r >= 0)
			r = guardian_watch(g, x->events);
	}
	return r < 0 ? r : set_tick(x);
}

static void note_lost(void *data, const struct link_news *news)
{
	struct armed *a = *(struct armed **) data;

	if (news->ifindex == a->trigger.ifindex) {
		a->error = news->gone ? -ENODEV : news->up ? 0 : -ENETDOWN;
		if (a->error == 0 && link_news_lost(news, &a->trigger))
			a->error = -ENODEV; /* another one, by its name */
	}
}

/* Is the link there, up, and the one that is meant?  Asked when its events come in already. */
static int look_at_link(struct guardian *g, struct armed *a)
{
	struct reflexes *x = &g->reflex;
	uint8_t request[LINK_REQUEST] __attribute__((aligned(4)));
	ssize_t n;

	if (a->trigger.ifindex == 0)
		return 0;

	link_request(a->trigger.ifindex, request);
	if (send(x->ask, request, sizeof(request), MSG_NOSIGNAL) < 0)
		return -errno;
	a->error = -ETIMEDOUT;
	while ((n = receive(x, x->ask)) > 0)
		link_news_each(x->in, (size_t) n, note_lost, &a);
	return a->error;
}

/* ---- arming ---------------------------------------------------------------------------------- */

bool reflex_check(const struct guard_arm *m)
{
	static const struct guard_trigger none;
	const struct guard_trigger *t = &m->trigger;
	bool named = t->link[0] && memchr(t->link, '\0', sizeof(t->link));

	if (!(m->flags & GUARD_REFLEX))
		return memcmp(t, &none, sizeof(none)) == 0;
	if (t->ifindex > INT32_MAX || (t->ifindex ? !named : t->link[0] || t->sentinel_us))
		return false;
	if (t->sentinel_us &&
	    (t->sentinel_us < GUARD_SENTINEL_MIN_US || t->sentinel_us > GUARD_SENTINEL_MAX_US))
		return false;

	/* One without steps has only its link; one with steps leaves time to look. */
	return m->n_steps ? t->hold_us > 0 : t->ifindex > 0;
}

/* The message of one step at 'buf'; its length, 0: the kernel makes this change itself. */
static int make_message(const struct exec_step *s, uint32_t seq, uint8_t *buf)
{
	const struct anod_change *c = &s->change;
	struct nlmsghdr h;
	int r;

	if (s->flags & STEP_SIDE)
		return 0;

	r = c->has_post
		    ? anod_rtnl_encode(ANOD_RTNL_SET, &c->post, c->has_pre ? &c->pre : NULL, buf)
		    : anod_rtnl_encode(ANOD_RTNL_DEL, &c->pre, NULL, buf);
	if (r < 0)
		return r;

	memcpy(&h, buf, sizeof(h));
	h.nlmsg_flags = (uint16_t) ((h.nlmsg_flags | NLM_F_REQUEST) & ~NLM_F_ACK);
	h.nlmsg_seq = seq;
	memcpy(buf, &h, sizeof(h));
	return (int) NLMSG_ALIGN((unsigned) r);
}

static int make_ready(struct guardian *g, struct armed *a)
{
	size_t size = 0;

	if (a->n_steps == 0)
		return 0;

	_Static_assert(sizeof(g->reflex.in) >= STEPS_MAX * ANOD_NLMSG_MAX, "room for all steps");
	memset(g->reflex.in, 0, STEPS_MAX * ANOD_NLMSG_MAX);
	a->seq = ++g->reflex.seq;
	for (uint32_t i = 0; i < a->n_steps; i++) {
		int r = make_message(&a->step[i], a->seq, g->reflex.in + size);

		if (r < 0)
			return r;
		size += (size_t) r;
	}
	if (size == 0)
		return -EPROTO; /* nothing but dependants */

	a->ready = malloc(size);
	if (!a->ready)
		return -ENOMEM;
	memcpy(a->ready, g->reflex.in, size);
	a->ready_size = size;
	return 0;
}

int reflex_arm(struct guardian *g, struct armed *a)
{
	struct reflexes *x = &g->reflex;
	int r = make_ready(g, a);

	if (r < 0)
		return r;

	a->state = ARMED_WAITS;
	/* What came before it is not about it. */
	if (x->events >= 0) {
		read_events(g);
		settle(g);
	}
	x->waits[x->n++] = a;
	r = watch_links(g);
	return r < 0 ? r : look_at_link(g, a);
}

void reflex_forget(struct guardian *g, struct armed *a)
{
	struct reflexes *x = &g->reflex;
	unsigned i = 0;
	int r;

	freep(&a->ready);
	a->ready = NULL;
	while (i < x->n && x->waits[i] != a)
		i++;
	if (i == x->n)
		return;

	memmove(x->waits + i, x->waits + i + 1, (--x->n - i) * sizeof(x->waits[0]));
	r = watch_links(g);
	if (r < 0)
		log_error("the timer of the sentinel: %s", strerror(-r));
}

/* ---- life ------------------------------------------------------------------------------------ */

int reflexes_open_sockets(struct guardian *g)
{
	struct reflexes *x = &g->reflex;

	x->send = link_open_requests();
	if (x->send < 0)
		return x->send;
	x->ask = link_open_requests();
	if (x->ask < 0)
		return x->ask;
	x->tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return x->tick < 0 ? -errno : guardian_watch(g, x->tick);
}

void reflexes_close_sockets(struct guardian *g)
{
	closep(&g->reflex.send);
	closep(&g->reflex.ask);
	closep(&g->reflex.events);
	closep(&g->reflex.tick);
}
