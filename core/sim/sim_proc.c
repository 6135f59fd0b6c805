/*
 * sim_proc - the simulated executor and guardian.
 *
 * Design.  They do what the real ones promise and no more.  Each step is an operation before
 * which anything may die; a process that has died in the middle of a message does nothing
 * further with it.
 */
#include <errno.h>
#include <string.h>

#include "sim/sim.h"

#define STEPS_SIZE(n) (offsetof(struct exec_steps, step) + (n) * sizeof(struct exec_step))

/* A step is about to be carried out. */
static void step_op(struct sim *s, const struct exec_step *step)
{
	sim_op(s);
	if (s->crash_cell < 0 || s->crash_cell != (int) sim_cell(step))
		return;

	s->crash_cell = -1;
	sim_crash_now(s, s->crash);
}

/* ---- executor ----------------------------------------------------------------------------- */

static struct exec_steps **prepared(struct sim *s, uint64_t tx)
{
	for (unsigned i = 0; i < TXNS_MAX; i++)
		if (s->prepared[i] && s->prepared[i]->head.id == tx)
			return &s->prepared[i];

	return NULL;
}

void sim_exec_forget(struct sim *s)
{
	for (unsigned i = 0; i < TXNS_MAX; i++) {
		free(s->prepared[i]);
		s->prepared[i] = NULL;
	}
	sim_clear(&s->to_exec);
}

static void answer(struct sim *s, struct exec_result *m, uint32_t type, uint64_t tx)
{
	sim_op(s);
	if (!s->exec_alive)
		return;

	m->head = (struct chan_head){ .type = type, .size = sizeof(*m), .id = tx };
	sim_send(&s->to_host, &m->head, sizeof(*m));
}

static void prepare(struct sim *s, const struct exec_prepare *p)
{
	struct exec_steps *m = calloc(1, sizeof(*m)), **slot = prepared(s, p->head.id);

	if (!m)
		abort();
	sim_plan(s, p, m);
	m->head = (struct chan_head){
		.type = EXEC_PREPARED,
		.size = (uint32_t) STEPS_SIZE(m->n_steps),
		.id = p->head.id,
	};
	for (unsigned i = 0; i < TXNS_MAX && !slot; i++)
		if (!s->prepared[i])
			slot = &s->prepared[i];
	if (!slot)
		slot = &s->prepared[0]; /* the oldest will never be applied */
	free(*slot);
	*slot = m;
	sim_send(&s->to_host, &m->head, m->head.size);
}

static void apply(struct sim *s, uint64_t tx)
{
	struct exec_steps **p = prepared(s, tx);
	struct exec_result m = { .error = -ENOENT };

	for (uint32_t i = 0; p && i < (*p)->n_steps; i++) {
		step_op(s, &(*p)->step[i]);
		if (!s->exec_alive)
			return;
		m.error = sim_apply(s, &(*p)->step[i]);
		if (m.error < 0)
			break;
		m.n_done++;
	}
	m.n_steps = p ? (*p)->n_steps : 0;
	for (uint32_t i = 0; i < m.n_steps; i++)
		m.state[i] = sim_look(s, &(*p)->step[i]);
	if (m.error < 0)
		(void) copy_text(m.why, sizeof(m.why), "the kernel says: Network is unreachable");
	answer(s, &m, EXEC_APPLIED, tx);
}

static void check_or_undo(struct sim *s, const struct exec_steps *in)
{
	bool undo = in->head.type == EXEC_UNDO;
	struct exec_result m = { .n_steps = in->n_steps };

	for (uint32_t i = in->n_steps; i-- > 0;) {
		if (undo)
			step_op(s, &in->step[i]);
		if (!s->exec_alive)
			return;
		m.state[i] = undo ? sim_undo(s, &in->step[i]) : sim_look(s, &in->step[i]);
	}
	answer(s, &m, undo ? EXEC_UNDONE : EXEC_CHECKED, in->head.id);
}

void sim_exec_message(struct sim *s, const struct chan_head *h)
{
	sim_op(s);
	if (!s->exec_alive || s->exec_is_deaf)
		return;

	if (h->type == EXEC_PREPARE)
		prepare(s, (const struct exec_prepare *) h);
	else if (h->type == EXEC_APPLY)
		apply(s, h->id);
	else
		check_or_undo(s, (const struct exec_steps *) h);
}

/* ---- guardian ----------------------------------------------------------------------------- */

static void drop_armed(struct sim *s, unsigned i)
{
	free(s->armed[i].step);
	memmove(&s->armed[i], &s->armed[i + 1], (s->n_armed - i - 1) * sizeof(s->armed[0]));
	s->n_armed--;
}

void sim_guard_forget(struct sim *s)
{
	while (s->n_armed > 0)
		drop_armed(s, s->n_armed - 1);
	sim_clear(&s->to_guard);
}

static void drop_tx(struct sim *s, uint64_t tx)
{
	for (unsigned i = s->n_armed; i-- > 0;)
		if (s->armed[i].tx == tx && !s->armed[i].orphan)
			drop_armed(s, i);
}

static void arm(struct sim *s, const struct guard_arm *m)
{
	struct sim_armed *a;

	drop_tx(s, m->head.id);
	if (s->n_armed >= ARRAY_SIZE(s->armed))
		abort();
	a = &s->armed[s->n_armed++];
	*a = (struct sim_armed){
		.tx = m->head.id,
		.deadline_us = m->deadline_us,
		.flags = m->flags,
		.n_steps = m->n_steps,
		.trigger = m->trigger,
		.crc = crc32c(0, m, m->head.size),
	};
	a->step = malloc(MAX_OF(m->n_steps, 1u) * sizeof(*a->step));
	if (!a->step)
		abort();
	memcpy(a->step, m->step, m->n_steps * sizeof(*a->step));
}

static void tell(struct sim *s, const struct sim_armed *a)
{
	struct guard_reflexed m = {
		.head = { .type = GUARD_REFLEXED, .size = sizeof(m), .id = a->tx },
		.seen_ns = a->seen_ns,
		.sent_ns = a->seen_ns,
		.deadline_us = a->n_steps ? a->deadline_us : 0,
		.cause = a->cause,
		.error = a->error,
	};

	if (s->guard_alive && s->host_alive && !a->orphan)
		sim_send(&s->to_host, &m.head, sizeof(m));
}

/* All steps with one send(); what the kernel does with it nobody can interrupt. */
static void trigger(struct sim *s, struct sim_armed *a, enum guard_cause cause)
{
	sim_op(s);
	if (!s->guard_alive)
		return;
	for (uint32_t i = 0; i < a->n_steps; i++) {
		int r = sim_apply(s, &a->step[i]);

		a->error = a->error ? a->error : r;
	}
	a->fired = true;
	a->seen_ns = s->now_us * 1000;
	a->cause = cause;
	if (a->n_steps)
		a->deadline_us = s->now_us + a->trigger.hold_us;
	sim_op(s);
	tell(s, a);
	if (a->n_steps == 0)
		drop_tx(s, a->tx);
}

/* A reflex is judged for a link that is up. */
static bool refuses(const struct sim *s, const struct guard_arm *m)
{
	return (m->flags & GUARD_REFLEX) && m->trigger.ifindex && s->link_down;
}

/* DISARM does not take the undo of one of which the host does not know that it has fired. */
static bool tell_fired(struct sim *s, const struct guard_ack *m)
{
	for (unsigned i = 0; i < s->n_armed && (m->flags & GUARD_UNFIRED); i++)
		if (s->armed[i].tx == m->head.id && !s->armed[i].orphan && s->armed[i].fired) {
			sim_op(s);
			tell(s, &s->armed[i]);
			return true;
		}
	return false;
}

static bool waits(const struct sim_armed *a)
{
	return (a->flags & GUARD_REFLEX) && !a->fired && !a->orphan;
}

static void trigger_tx(struct sim *s, uint64_t tx)
{
	for (unsigned i = 0; i < s->n_armed; i++)
		if (s->armed[i].tx == tx && waits(&s->armed[i])) {
			trigger(s, &s->armed[i], GUARD_CAUSE_HOST);
			return;
		}
}

void sim_link(struct sim *s, bool down)
{
	s->link_down = down;
}

static int triggered(const struct sim *s)
{
	for (unsigned i = 0; i < s->n_armed && s->link_down; i++)
		if (waits(&s->armed[i]) && s->armed[i].trigger.ifindex)
			return (int) i;

	return -1;
}

bool sim_guard_triggered(const struct sim *s)
{
	return triggered(s) >= 0;
}

void sim_guard_trigger(struct sim *s)
{
	trigger(s, &s->armed[triggered(s)], GUARD_CAUSE_EVENT);
}

unsigned sim_guard_held(const struct sim *s, struct guard_held *ret, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_armed && n < max; i++) {
		const struct sim_armed *a = &s->armed[i];

		if (a->orphan)
			continue;
		ret[n++] = (struct guard_held){
			.head = { .type = GUARD_HELD, .size = sizeof(*ret), .id = a->tx },
			.deadline_us = a->deadline_us,
			.seen_ns = a->seen_ns,
			.sent_ns = a->seen_ns,
			.flags = a->flags,
			.n_steps = a->n_steps,
			.crc = a->crc,
			.error = a->error,
			.cause = a->cause,
		};
	}
	return n;
}

void sim_guard_message(struct sim *s, const struct chan_head *h)
{
	struct guard_ack ack = { .head = { .size = sizeof(ack), .id = h->id } };

	sim_op(s);
	if (!s->guard_alive || s->guard_is_deaf)
		return;

	if (h->type == GUARD_TRIGGER) {
		trigger_tx(s, h->id);
		return;
	}
	if (h->type == GUARD_ARM && refuses(s, (const struct guard_arm *) h)) {
		drop_tx(s, h->id);
		ack.head.type = GUARD_DISARMED;
	} else if (h->type == GUARD_DISARM && tell_fired(s, (const struct guard_ack *) h)) {
		return;
	} else if (h->type == GUARD_ARM) {
		arm(s, (const struct guard_arm *) h);
		ack.head.type = GUARD_ARMED;
		ack.crc = crc32c(0, h, h->size);
	} else {
		drop_tx(s, h->id);
		ack.head.type = GUARD_DISARMED;
	}
	sim_op(s);
	if (s->guard_alive)
		sim_send(&s->to_host, &ack.head, sizeof(ack));
}

uint64_t sim_guard_due(const struct sim *s)
{
	uint64_t due = US_INFINITY;

	for (unsigned i = 0; i < s->n_armed; i++)
		due = MIN_OF(due, s->armed[i].deadline_us);

	return due;
}

/* Compare-and-undo, then say so to the file and to the host; false: died on the way. */
static bool fire(struct sim *s, const struct sim_armed *a, uint32_t cause)
{
	struct exec_result m = {
		.head = { .type = GUARD_FIRED, .size = sizeof(m), .id = a->tx },
		.n_steps = a->n_steps,
	};
	struct guardian_entry f = {
		.tx = a->tx,
		.when_us = s->now_us,
		.cause = cause,
		.n_steps = a->n_steps,
	};

	for (uint32_t i = a->n_steps; i-- > 0;) {
		step_op(s, &a->step[i]);
		if (!s->guard_alive)
			return false;
		f.state[i] = m.state[i] = sim_undo(s, &a->step[i]);
	}
	sim_op(s);
	if (!s->guard_alive)
		return false;
	(void) copy_text(f.boot_id, sizeof(f.boot_id), s->boot_id);
	s->fired[s->n_fired++ % ARRAY_SIZE(s->fired)] = f;
	if (s->host_alive && !a->orphan)
		sim_send(&s->to_host, &m.head, sizeof(m));
	return true;
}

void sim_guard_fire(struct sim *s, bool host_died)
{
	for (unsigned i = 0; i < s->n_armed && s->guard_alive;) {
		struct sim_armed *a = &s->armed[i];
		/* Nothing is applied, or it only watches. */
		bool idle = (a->flags & GUARD_REFLEX) && (!a->fired || a->n_steps == 0);
		bool due = s->now_us >= a->deadline_us ||
			   (host_died && (idle || !(a->flags & GUARD_HOLD_ON_CRASH)));
		int last;

		a->orphan |= host_died;
		if (!due) {
			i++;
			continue;
		}
		if (idle) {
			drop_armed(s, i);
			continue;
		}
		last = journal_last_type(s->dir, a->tx);
		if (last != JOURNAL_COMMIT && !journal_type_terminal((enum journal_type) last) &&
		    !fire(s, a, host_died ? 2 : 1))
			return;
		drop_armed(s, i);
	}
}
