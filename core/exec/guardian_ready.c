/*
 * guardian_ready - makes a reflex ready, and watches the links of all that are.
 *
 * Design.  Everything that firing needs is done here, when there is time: the messages of all
 * steps in one buffer, requests for all links in another, the socket of events open as long as
 * any link is watched.  A link is asked for when its events come in already: whoever is told
 * "armed" may rely on the link having been up then, and on hearing of all that follows.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/log.h"
#include "exec/guardian_int.h"

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
	while ((n = reflex_receive(x, x->ask)) > 0)
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
	if (anod_own_is(&h)) /* nothing that one send() could do */
		return -EOPNOTSUPP;
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
	reflexes_run(g);
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
