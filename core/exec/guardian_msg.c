/*
 * guardian_msg - what the host says to the guardian.
 *
 * Design.  Every message is answered, once, by what the guardian holds of that transaction now:
 * ARMED, DISARMED, or REFLEXED where the host does not know yet that it has fired.  The host may
 * have been taken over, so nothing is used before it has been checked.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "exec/guardian_int.h"

void guardian_answer(struct guardian *g, struct chan_head *head, size_t size)
{
	head->size = (uint32_t) size;
	if (g->hand.until_us)
		return; /* the next host learns all by HELD */
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

void armed_drop(struct guardian *g, struct armed **a)
{
	if (!*a)
		return;

	reflex_forget(g, *a);
	free(*a);
	*a = NULL;
	g->changed = true;
}

static int check_arm(const struct guard_arm *m, size_t size)
{
	size_t head = offsetof(struct guard_arm, step);

	if (size < head || size != steps_size(head, m->n_steps) ||
	    m->flags & ~(uint32_t) (GUARD_HOLD_ON_CRASH | GUARD_REFLEX) || !reflex_check(m))
		return -EPROTO;

	for (uint32_t i = 0; i < m->n_steps; i++)
		if (!step_check(&m->step[i]))
			return -EPROTO;

	return 0;
}

static int arm(struct guardian *g, const struct guard_arm *m, size_t size)
{
	struct armed *a, **place;

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
		.crc = crc32c(0, m, size),
		.trigger = m->trigger,
	};
	memcpy(a->step, m->step, m->n_steps * sizeof(a->step[0]));

	armed_drop(g, place);
	*place = a;
	g->changed = true;
	return m->flags & GUARD_REFLEX ? reflex_arm(g, a) : 0;
}

static void answer_ack(struct guardian *g, uint32_t type, uint64_t tx, uint32_t crc)
{
	struct guard_ack ack = { .head = { .type = type, .id = tx }, .crc = crc };

	guardian_answer(g, &ack.head, sizeof(ack));
}

static void disarm(struct guardian *g, uint64_t tx)
{
	struct armed **a = armed_find(g, tx);

	if (a)
		armed_drop(g, a);
	answer_ack(g, GUARD_DISARMED, tx, 0);
}

/* An entry of which the host may not know yet that it has fired, or NULL. */
static const struct armed *fired(struct guardian *g, uint64_t tx)
{
	struct armed **a = armed_find(g, tx);

	return a && (*a)->state == ARMED_UNDO && (*a)->sent_ns ? *a : NULL;
}

static int on_arm(struct guardian *g, size_t size)
{
	const struct guard_arm *m = &g->in.arm;
	int r = check_arm(m, size);

	if (r < 0)
		return r;
	if (m->flags & GUARD_REFLEX && fired(g, m->head.id)) {
		reflex_tell(g, fired(g, m->head.id));
		return 0;
	}

	r = arm(g, m, size);
	if (r == 0)
		answer_ack(g, GUARD_ARMED, m->head.id, crc32c(0, m, size));
	return r;
}

static int on_disarm(struct guardian *g, const struct guard_ack *m)
{
	if (m->flags & ~(uint32_t) GUARD_UNFIRED)
		return -EPROTO;

	if (m->flags & GUARD_UNFIRED && fired(g, m->head.id))
		reflex_tell(g, fired(g, m->head.id));
	else
		disarm(g, m->head.id);
	return 0;
}

static int on_trigger(struct guardian *g, uint64_t tx)
{
	struct armed **a = armed_find(g, tx);

	if (a && (*a)->state == ARMED_WAITS)
		reflex_trigger(g, *a);
	else if (fired(g, tx))
		reflex_tell(g, fired(g, tx));
	else if (!a)
		answer_ack(g, GUARD_DISARMED, tx, 0);
	else
		return -EPROTO; /* an undo, no reflex */
	return 0;
}

static void on_status(struct guardian *g, uint64_t id)
{
	struct guard_state m = {
		.head = { .type = GUARD_STATE, .id = id },
		.realtime = sched_getscheduler(0) == SCHED_FIFO,
		.n_links = (uint32_t) (g->reflex.tick_size / LINK_REQUEST),
		.n_asks = g->reflex.n_asks,
		.ask_ns = g->reflex.ask_ns,
	};

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++) {
		m.n_waiting += g->armed[i] && g->armed[i]->state == ARMED_WAITS;
		m.n_undos += g->armed[i] && g->armed[i]->state == ARMED_UNDO;
	}
	guardian_answer(g, &m.head, sizeof(m));
}

/* A message whose size is right for its head.  0, or why it is refused. */
static int take_message(struct guardian *g, size_t size)
{
	const struct chan_head *h = &g->in.head;

	switch (h->type) {
	case GUARD_ARM:
		return on_arm(g, size);
	case GUARD_DISARM:
		return size == sizeof(g->in.ack) ? on_disarm(g, &g->in.ack) : -EPROTO;
	case GUARD_TRIGGER:
		return size == sizeof(g->in.ack) ? on_trigger(g, h->id) : -EPROTO;
	case GUARD_STATUS:
		if (size != sizeof(g->in.ack))
			return -EPROTO;
		on_status(g, h->id);
		return 0;
	case GUARD_HANDOVER:
		if (size != sizeof(g->in.handover) || h->id != 0)
			return -EPROTO;
		return hand_over(g, &g->in.handover);
	}
	return -EPROTO;
}

static void on_message(struct guardian *g, size_t size)
{
	const struct chan_head *h = &g->in.head;
	int r;

	if (size < sizeof(*h) || size > sizeof(g->in) || h->size != size) {
		log_error("a torn message of %zu bytes from the host is ignored", size);
		return;
	}

	if (g->hand.until_us) {
		if (h->type == GUARD_HELLO && size == sizeof(g->in.hello))
			hand_hello(g, &g->in.hello);
		return;
	}

	r = take_message(g, size);
	if (r == 0)
		return;

	if (r == -ENETDOWN)
		log_about(LOG_NOTICE, h->id, 0, "not made ready: its link is lost already");
	else
		log_about(LOG_ERR, h->id, 0, "message %u from the host refused: %s", h->type,
			  strerror(-r));
	disarm(g, h->id);
}

void guardian_read_messages(struct guardian *g)
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
		if (!hand_expects_end(g))
			g->host_dead = true;
	}
}
