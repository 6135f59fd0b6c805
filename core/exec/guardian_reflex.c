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
 * The same question is asked when the queue of events has run over.
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

ssize_t reflex_receive(struct reflexes *x, int fd)
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
	while ((n = reflex_receive(x, x->ask)) > 0)
		link_news_each(x->in, (size_t) n, take_news, &r);
	x->n_asks += size / LINK_REQUEST;
	x->ask_ns += boot_ns() - start;
}

static void read_events(struct guardian *g)
{
	struct reflexes *x = &g->reflex;
	struct reading r = { g, GUARD_CAUSE_EVENT };

	for (unsigned i = 0; i < EVENTS_A_TURN; i++) {
		ssize_t n = reflex_receive(x, x->events);

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

	while ((n = reflex_receive(x, x->send)) > 0) {
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
	else if (a->n_steps == 0)
		log_about(LOG_NOTICE, a->tx, 0, "link %s is lost (%s): the kernel is armed",
			  a->trigger.link, cause_text(a->cause));
	else
		log_about(LOG_NOTICE, a->tx, 0,
			  "reflex on link %s fired (%s): %u change%s sent in %" PRIu64 " us",
			  a->trigger.link, cause_text(a->cause), a->n_steps,
			  a->n_steps == 1 ? "" : "s", (a->sent_ns - a->seen_ns) / 1000);
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
