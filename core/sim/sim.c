/*
 * sim - the loop of the simulated world, and who lives in it.
 *
 * Design.  A crash only marks processes as dead: a dead host's engine runs on to the end of its
 * call, but none of its operations has an effect any more, and the loop then buries it and
 * starts what a supervisor would start.  So a crash can strike inside any call without a jump.
 */
#include "sim/sim.h"

#include <errno.h>
#include <string.h>

struct sim_msg {
	struct sim_msg *next;
	uint64_t room[]; /* the message, 8-aligned */
};

/* ---- queues ------------------------------------------------------------------------------- */

void sim_send(struct sim_queue *q, const struct chan_head *h, size_t size)
{
	struct sim_msg *m = malloc(sizeof(*m) + size);

	if (!m)
		abort();
	m->next = NULL;
	memcpy(m->room, h, size);
	if (q->last)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
}

struct chan_head *sim_take(struct sim_queue *q)
{
	struct sim_msg *m = q->first;
	size_t size;

	if (!m)
		return NULL;
	q->first = m->next;
	if (!q->first)
		q->last = NULL;

	/* The message moves to the front of its block. */
	size = ((const struct chan_head *) m->room)->size;
	memmove(m, m->room, size);
	return (struct chan_head *) m;
}

void sim_clear(struct sim_queue *q)
{
	for (struct chan_head *h = sim_take(q); h; h = sim_take(q))
		free(h);
}

struct anod_proposal sim_proposal(unsigned n, const int64_t cell_value[][2])
{
	struct anod_proposal p = { .size = sizeof(p), .n_actions = n };

	for (unsigned i = 0; i < n && i < ANOD_ACTIONS_MAX; i++) {
		struct anod_action *a = &p.action[i];

		a->size = sizeof(*a);
		a->n_args = 2;
		(void) copy_text(a->kind, sizeof(a->kind), "sim.set");
		for (unsigned k = 0; k < 2; k++) {
			(void) copy_text(a->arg[k].name, ANOD_KIND_SIZE, k ? "value" : "cell");
			a->arg[k].value.type = ANOD_INT;
			a->arg[k].value.u.i = cell_value[i][k];
		}
	}
	(void) copy_text(p.reason, sizeof(p.reason), "a test");
	return p;
}

/* ---- life and death ----------------------------------------------------------------------- */

static void name_boot(struct sim *s)
{
	(void) snprintf(s->boot_id, sizeof(s->boot_id), "00000000-0000-0000-0000-%012u", ++s->boot);
}

void sim_init(struct sim *s, const char *dir)
{
	*s = (struct sim){
		.dir = dir,
		.now_us = 1000 * US_PER_S,
		.wall_us = UINT64_C(1763800000) * US_PER_S,
		.disk_fd = -1,
		.next_run_us = US_INFINITY,
		.level = LEVEL_AUTO,
		.verify = TXN_VERIFY_YES,
		.generation = 1,
		.resource = "link sim0",
	};
	name_boot(s);
	for (unsigned i = 0; i + 1 < SIM_CELLS; i++) {
		s->kernel.has[i] = true;
		s->kernel.value[i] = 100 + i;
	}
	s->kernel.refuse_cell = s->kernel.jam_cell = s->crash_cell = -1;
	s->boot_config = s->kernel;
	(void) copy_text(s->permit_name, sizeof(s->permit_name), "sim");
	s->permit.name = s->permit_name;
}

static void bury_host(struct sim *s)
{
	s->engine = txns_free(s->engine);
	s->journal = journal_close(s->journal); /* a dead host's last write fails */
	sim_clear(&s->to_host);
	s->next_run_us = US_INFINITY;
}

void sim_done(struct sim *s)
{
	s->crash_at = 0;
	bury_host(s);
	sim_exec_forget(s);
	sim_guard_forget(s);
	sim_disk_forget(s);
}

void sim_crash_now(struct sim *s, enum sim_crash kind)
{
	s->n_crashes++;
	/* Killed before it could hand over, or dead and unable to. */
	if (s->host_alive && kind != SIM_CRASH_EXEC && kind != SIM_CRASH_GUARD)
		s->handover = false;
	switch (kind) {
	case SIM_CRASH_HOST:
		s->host_alive = false;
		break;
	case SIM_CRASH_EXEC:
		s->exec_alive = false;
		break;
	case SIM_CRASH_GUARD:
		s->guard_alive = false;
		break;
	case SIM_CRASH_BOTH:
		s->host_alive = s->guard_alive = false;
		break;
	case SIM_CRASH_HOST_EXEC:
		s->host_alive = s->exec_alive = false;
		sim_clear(&s->to_exec);
		break;
	case SIM_CRASH_ALL:
		s->host_alive = s->exec_alive = s->guard_alive = false;
		sim_clear(&s->to_exec);
		break;
	case SIM_CRASH_POWER:
		s->host_alive = s->exec_alive = s->guard_alive = false;
		sim_disk_power_loss(s);
		sim_clear(&s->to_exec);
		s->kernel = s->boot_config;
		s->now_us = US_PER_S;
		name_boot(s);
		break;
	case SIM_CRASH_HANDOVER: /* on purpose, so between two turns of its loop */
		s->handover = s->handover || s->host_alive;
		break;
	}
}

void sim_op(struct sim *s)
{
	s->n_ops++;
	if (s->n_ops == s->fire_at)
		s->link_down = true;
	if (s->n_ops != s->crash_at)
		return;

	sim_crash_now(s, s->crash);
	s->crash_at = s->again_after ? s->n_ops + s->again_after : 0;
	s->crash = s->again;
	s->again_after = 0;
}

static void run_engine(struct sim *s)
{
	if (s->host_alive && s->engine)
		s->next_run_us = txns_run(s->engine);
}

static int recover(struct sim *s)
{
	unsigned n_fired = MIN_OF(s->n_fired, (unsigned) ARRAY_SIZE(s->fired));
	struct guard_held held[2 * GUARDIAN_ARMED_MAX];
	unsigned n_held;

	if (!s->handover)
		return txns_recover(s->engine, s->journal, s->fired, n_fired);

	s->handover = false;
	n_held = sim_guard_held(s, held, ARRAY_SIZE(held));
	return txns_take_over(s->engine, s->journal, s->fired, n_fired, held, n_held);
}

static void adopt(struct sim *s)
{
	const struct txn *t;

	for (unsigned i = 0; (t = txns_nth(s->engine, i)); i++)
		if (t->reflex.kind && t->reflex.trigger.ifindex == 0)
			(void) txns_adopt(s->engine, t->id, &s->adopt_trigger, &s->adopt_proposal);
}

int sim_start_host(struct sim *s)
{
	int r;

	sim_clear(&s->to_host); /* what was said to the old one */
	s->exec_alive = s->guard_alive = s->host_alive = true;
	s->exec_told = s->guard_told = false;
	r = journal_open(s->dir, 0, &s->journal);
	if (r < 0)
		return r;
	journal_set_io(s->journal, &sim_disk, s);
	s->engine = txns_new(&sim_ops, s);
	if (!s->engine)
		return -ENOMEM;

	r = recover(s);
	run_engine(s);
	if (s->adopts && s->host_alive)
		adopt(s);
	return r < 0 ? r : 0;
}

/* The host is dead: what its executor still does, what the guardian does, then a new one. */
static void follow_host(struct sim *s)
{
	struct chan_head *h;

	bury_host(s);
	while (s->exec_alive && s->exec_drains && (h = sim_take(&s->to_exec))) {
		sim_exec_message(s, h);
		free(h);
	}
	sim_clear(&s->to_exec);
	sim_exec_forget(s);

	if (s->guard_alive) {
		struct sim_queue q = s->to_guard;

		/* It reads what was sent before it sees the end of file. */
		s->to_guard = (struct sim_queue){ 0 };
		while ((h = sim_take(&q))) {
			sim_guard_message(s, h);
			free(h);
		}
		if (!s->handover)
			sim_guard_fire(s, true);
	}
	if (!s->guard_alive) {
		sim_guard_forget(s);
		s->handover = false;
	}
	sim_clear(&s->to_guard);
	if (sim_start_host(s) < 0)
		abort();
}

static void follow_exec(struct sim *s)
{
	sim_exec_forget(s);
	s->exec_alive = !s->exec_is_gone;
	s->exec_told = s->exec_is_gone;
	txns_exec_restarted(s->engine, s->exec_alive);
	run_engine(s);
}

static void follow_guard(struct sim *s)
{
	sim_guard_forget(s);
	s->guard_alive = !s->guard_is_gone;
	s->guard_told = s->guard_is_gone;
	txns_guard_restarted(s->engine, s->guard_alive);
	run_engine(s);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void deliver(struct sim *s, struct sim_queue *q)
{
	_cleanup_(freep) struct chan_head *h = sim_take(q);

	if (q == &s->to_exec)
		sim_exec_message(s, h);
	else if (q == &s->to_guard)
		sim_guard_message(s, h);
	else if (h->type < GUARD_ARM)
		(void) txns_on_exec(s->engine, h);
	else
		(void) txns_on_guard(s->engine, h);
	run_engine(s);
}

bool sim_step(struct sim *s)
{
	if (s->handover)
		s->host_alive = false;
	if (!s->host_alive) {
		follow_host(s);
	} else if (!s->exec_alive && !s->exec_told) {
		follow_exec(s);
	} else if (!s->guard_alive && !s->guard_told) {
		follow_guard(s);
	} else if (s->to_exec.first && s->exec_alive) {
		deliver(s, &s->to_exec);
	} else if (s->guard_alive && sim_guard_triggered(s)) {
		sim_guard_trigger(s);
		run_engine(s);
	} else if (s->to_guard.first && s->guard_alive) {
		deliver(s, &s->to_guard);
	} else if (s->to_host.first) {
		deliver(s, &s->to_host);
	} else if (s->guard_alive && sim_guard_due(s) <= s->now_us) {
		sim_guard_fire(s, false);
	} else if (s->next_run_us <= s->now_us) {
		run_engine(s);
	} else {
		return false;
	}
	return true;
}

void sim_quiet(struct sim *s)
{
	run_engine(s); /* the test may have called it */
	while (sim_step(s))
		;
}

static bool advance(struct sim *s, uint64_t limit_us)
{
	uint64_t next = s->next_run_us;

	if (s->guard_alive)
		next = MIN_OF(next, sim_guard_due(s));
	if (next > limit_us)
		return false;
	if (next > s->now_us) {
		s->wall_us += next - s->now_us;
		s->now_us = next;
	}
	return true;
}

void sim_pass(struct sim *s, uint64_t us)
{
	uint64_t until = s->now_us + us;

	do
		sim_quiet(s);
	while (advance(s, until));
	if (s->now_us < until) {
		s->wall_us += until - s->now_us;
		s->now_us = until;
	}
	sim_quiet(s);
}

void sim_settle(struct sim *s, uint64_t limit_us)
{
	uint64_t until = s->now_us + limit_us;

	do
		sim_quiet(s);
	while ((txns_nth(s->engine, 0) || s->n_armed > 0) && advance(s, until));
}
