/*
 * txn_msg - messages to and from the executor and the guardian.
 *
 * Design.  Sends cannot fail for the engine: a process that is gone answers nothing, the state's
 * deadline or the report of its death does the rest.  What comes in is checked for size and
 * counts before anything looks at it, because the sender may be compromised; an answer that fits
 * no longer is late, not wrong.
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

#define STEPS_SIZE(type, n) (offsetof(struct type, step) + (n) * sizeof(struct exec_step))

static void to_exec(struct txns *e, void *msg, size_t size)
{
	(void) e->ops->exec(e->data, msg, size);
}

static void to_guard(struct txns *e, void *msg, size_t size)
{
	(void) e->ops->guard(e->data, msg, size);
}

void msg_prepare(struct txns *e, struct entry *x)
{
	struct exec_prepare m = {
		.head = { .type = EXEC_PREPARE, .size = sizeof(m), .id = x->t.id },
		.n_actions = x->t.proposal.n_actions,
		.foreign = x->terms.foreign,
	};

	memcpy(m.action, x->t.proposal.action, sizeof(m.action));
	to_exec(e, &m, sizeof(m));
}

void msg_apply(struct txns *e, struct entry *x)
{
	struct exec_apply m = {
		.head = { .type = EXEC_APPLY, .size = sizeof(m), .id = x->t.id },
	};

	to_exec(e, &m, sizeof(m));
}

static void send_steps(struct txns *e, struct entry *x, enum exec_type type)
{
	size_t size = STEPS_SIZE(exec_steps, x->t.n_steps);
	_cleanup_(freep) struct exec_steps *m = calloc(1, size);

	if (!m)
		return;
	m->head = (struct chan_head){ .type = type, .size = (uint32_t) size, .id = x->t.id };
	m->n_steps = x->t.n_steps;
	memcpy(m->step, x->t.step, x->t.n_steps * sizeof(m->step[0]));
	to_exec(e, m, size);
}

void msg_check(struct txns *e, struct entry *x)
{
	send_steps(e, x, EXEC_CHECK);
}

void msg_undo(struct txns *e, struct entry *x)
{
	send_steps(e, x, EXEC_UNDO);
}

/* The undo of what is applied; or, of a reflex that has not fired, what it applies, too; or, without
 * steps, a watch.  malloc()ed. */
static struct guard_arm *make_arm(const struct entry *x, uint32_t n_steps)
{
	size_t size = STEPS_SIZE(guard_arm, n_steps);
	struct guard_arm *m = calloc(1, size);

	if (!m)
		return NULL;
	m->head = (struct chan_head){ .type = GUARD_ARM, .size = (uint32_t) size, .id = x->t.id };
	m->deadline_us = x->guard_us;
	m->flags = x->terms.hold_on_crash ? GUARD_HOLD_ON_CRASH : 0;
	m->n_steps = n_steps;
	if (n_steps == 0 || (entry_ready(x) && !x->fired)) {
		m->deadline_us = US_INFINITY;
		m->flags |= GUARD_REFLEX;
		m->trigger = x->t.reflex.trigger;
		m->trigger.hold_us = n_steps ? reflex_hold_us(x) : 0;
	}
	memcpy(m->step, x->t.step, n_steps * sizeof(m->step[0]));
	return m;
}

static void send_arm(struct txns *e, struct entry *x, uint32_t n_steps)
{
	_cleanup_(freep) struct guard_arm *m = make_arm(x, n_steps);

	if (!m)
		return;
	x->arm_crc = crc32c(0, m, m->head.size);
	to_guard(e, m, m->head.size);
}

void msg_arm(struct txns *e, struct entry *x)
{
	send_arm(e, x, x->t.n_steps);
}

void msg_watch(struct txns *e, struct entry *x)
{
	send_arm(e, x, 0);
}

uint32_t msg_arm_crc(const struct entry *x, uint32_t n_steps)
{
	_cleanup_(freep) struct guard_arm *m = make_arm(x, n_steps);

	return m ? crc32c(0, m, m->head.size) : 0;
}

static void send_ack(struct txns *e, uint64_t tx, enum exec_type type, uint32_t flags)
{
	struct guard_ack m = { .head = { .type = type, .size = sizeof(m), .id = tx },
			       .flags = flags };

	to_guard(e, &m, sizeof(m));
}

void msg_trigger(struct txns *e, struct entry *x)
{
	send_ack(e, x->t.id, GUARD_TRIGGER, 0);
}

void msg_disarm(struct txns *e, struct entry *x)
{
	send_ack(e, x->t.id, GUARD_DISARM, x->leaving ? GUARD_UNFIRED : 0);
}

void msg_let_go(struct txns *e, uint64_t tx)
{
	send_ack(e, tx, GUARD_DISARM, 0);
}

/* ---- what comes in ------------------------------------------------------------------------ */

static bool result_valid(const struct entry *x, const struct chan_head *h)
{
	const struct exec_result *m = (const void *) h;

	/* An executor that knows no such transaction answers without steps. */
	return h->size == sizeof(*m) && m->n_done <= m->n_steps &&
	       (m->n_steps == x->t.n_steps || (m->n_steps == 0 && m->error < 0)) &&
	       memchr(m->why, 0, sizeof(m->why));
}

static bool steps_valid(const struct chan_head *h)
{
	const struct exec_steps *m = (const void *) h;

	if (h->size < offsetof(struct exec_steps, step) || m->n_steps > STEPS_MAX ||
	    h->size != STEPS_SIZE(exec_steps, m->n_steps) || !memchr(m->why, 0, sizeof(m->why)))
		return false;
	for (uint32_t i = 0; i < m->n_steps; i++)
		if (m->step[i].get_len > ANOD_NLMSG_MAX || m->step[i].undo_len > ANOD_NLMSG_MAX)
			return false;

	return true;
}

/* An id that was never given out is an error; one that has ended is late. */
static int find_target(const struct txns *e, const struct chan_head *h, struct entry **ret)
{
	*ret = entry_find(e, h->id);
	if (*ret)
		return 1;

	return h->id == 0 || h->id > e->last_id ? -EPROTO : 0;
}

int txns_on_exec(struct txns *e, const struct chan_head *h)
{
	const struct exec_result *result = (const void *) h;
	enum txn_state s;
	struct entry *x;
	int r;

	r = find_target(e, h, &x);
	if (r <= 0)
		return r;
	if (h->type == EXEC_PREPARED ? !steps_valid(h) : !result_valid(x, h))
		return -EPROTO;

	s = x->t.state;
	if (h->type == EXEC_PREPARED && s == TXN_PREPARING)
		flow_prepared(e, x, (const struct exec_steps *) h);
	else if (h->type == EXEC_APPLIED && s == TXN_APPLYING)
		flow_applied(e, x, result);
	else if (h->type == EXEC_PREPARED && x->comparing)
		take_compared(e, x, (const struct exec_steps *) h);
	else if (h->type == EXEC_CHECKED && x->n_late)
		x->n_late--;
	else if (h->type == EXEC_CHECKED && s == TXN_SOAK && x->check_sent_us)
		flow_checked(e, x, result);
	else if (h->type == EXEC_CHECKED && x->check_sent_us)
		reflex_checked(e, x, result);
	else if (h->type == EXEC_UNDONE && s == TXN_UNDOING)
		undo_done(e, x, result);
	else if (h->type != EXEC_PREPARED && h->type != EXEC_APPLIED && h->type != EXEC_CHECKED &&
		 h->type != EXEC_UNDONE)
		return -EPROTO;

	ask_wake(e);
	return 0;
}

/* An answer to DISARM, or instead of ARMED: the guardian refused the undo. */
static void disarmed(struct txns *e, struct entry *x)
{
	switch (x->t.state) {
	case TXN_DISARMING:
	case TXN_COMMIT:
		undo_disarmed(e, x);
		return;
	case TXN_ARMING:
		x->armed = false;
		undo_end(e, x, TXN_ABORTED, "the guardian refused the undo; nothing was changed");
		return;
	case TXN_ARMED:
		x->armed = false;
		undo_end(e, x, TXN_ABORTED, "the guardian let go of it; nothing was changed");
		return;
	case TXN_VERIFYING:
	case TXN_SOAK:
		x->armed = false;
		undo_begin(e, x, "the guardian refused to hold the undo again");
		return;
	default:
		return;
	}
}

int txns_on_guard(struct txns *e, const struct chan_head *h)
{
	const struct guard_ack *ack = (const void *) h;
	struct entry *x;
	int r;

	r = find_target(e, h, &x);
	if (r <= 0)
		return r;

	if (h->type == GUARD_ARMED && h->size == sizeof(*ack)) {
		if (entry_ready(x) && !x->fired)
			reflex_armed(e, x, ack->crc);
		else if (x->armed && x->t.state >= TXN_ARMING && x->t.state <= TXN_SOAK)
			flow_armed(e, x, ack->crc);
	} else if (h->type == GUARD_DISARMED && h->size == sizeof(*ack)) {
		disarmed(e, x);
	} else if (h->type == GUARD_REFLEXED && h->size == sizeof(struct guard_reflexed)) {
		reflex_fired(e, x, (const struct guard_reflexed *) h);
	} else if (h->type == GUARD_FIRED && result_valid(x, h)) {
		if (x->t.state >= TXN_ARMING)
			undo_fired(e, x, (const struct exec_result *) h);
	} else {
		return -EPROTO;
	}

	ask_wake(e);
	return 0;
}
