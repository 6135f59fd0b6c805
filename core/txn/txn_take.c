/*
 * txn_take - what the last run has left in a guardian that was handed over, and goes on.
 *
 * Design.  The journal says where a transaction was and the guardian that it still holds it; what
 * is missing is who had asked for it and on what terms.  The terms are those of the permit of the
 * same name now; without one it goes back.  A reflex waits for the host to adopt it, which knows
 * trigger and proposal; the guardian's CRC and a new plan of the executor tell whether it is the
 * same.  "before" of a verification is lost with the old process: what names it stays unknown.
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

bool take_recall(struct txns *e, struct entry *x)
{
	char resource[ANOD_NAME_SIZE], rule[ANOD_NAME_SIZE];

	(void) copy_text(resource, sizeof(resource), x->resource);
	(void) copy_text(rule, sizeof(rule), x->terms.rule);
	if (!rule[0] || !e->ops->recall || e->ops->recall(e->data, &x->t, rule, resource) < 0 ||
	    !x->t.decision)
		return false;

	ask_terms(x);
	(void) copy_text(x->resource, sizeof(x->resource), resource);
	return true;
}

/* It goes on as one of ours. */
static void enlist(struct entry *x)
{
	x->recovered = false;
	x->taken = true;
}

static void take_armed(struct txns *e, struct entry *x, const struct guard_held *h)
{
	struct guard_reflexed m = {
		.head = { .type = GUARD_REFLEXED, .size = sizeof(m), .id = x->t.id },
		.seen_ns = h->seen_ns,
		.sent_ns = h->sent_ns,
		.deadline_us = h->deadline_us,
		.cause = h->cause,
		.error = h->error,
	};

	enlist(x);
	x->orphan = true;
	x->held_crc = h->crc;
	entry_enter(e, x, TXN_ARMED, txns_now(e) + TXN_ADOPT_US,
		    "armed by the last run; waits for its reflex");
	if (h->seen_ns)
		reflex_fired(e, x, &m);
}

static bool take_applied(struct txns *e, struct entry *x, enum journal_type last,
			 const struct guard_held *h)
{
	uint64_t now = txns_now(e), until;

	if (entry_ready(x))
		x->guard_us = h->deadline_us;
	else if (msg_arm_crc(x, x->t.n_steps) != h->crc)
		return false;
	if (x->guard_us <= now + TXN_MARGIN_US || !take_recall(e, x))
		return false;

	enlist(x);
	x->applied_us = now;
	until = x->guard_us - TXN_MARGIN_US;
	if (last == JOURNAL_APPLIED) {
		x->unread = true;
		entry_enter(e, x, TXN_VERIFYING, MIN_OF(now + x->terms.verify_us, until),
			    "applied by the last run");
	} else {
		x->next_check_us = now;
		entry_enter(e, x, TXN_SOAK,
			    MIN_OF(now + x->terms.confirm_us + reflex_stand_us(x), until),
			    "verified by the last run");
	}
	return true;
}

bool take_on(struct txns *e, struct entry *x, enum journal_type last, const struct guard_held *h)
{
	if (h->n_steps != x->t.n_steps || h->n_steps == 0)
		return false;
	if (last == JOURNAL_APPLIED || last == JOURNAL_VERIFIED)
		return take_applied(e, x, last, h);
	if (last != JOURNAL_INTENT || !entry_ready(x) || !(h->flags & GUARD_REFLEX) ||
	    !take_recall(e, x))
		return false;

	take_armed(e, x, h);
	return true;
}

void take_watch(struct txns *e, struct entry *x, const struct guard_held *h)
{
	x->held_crc = h->crc;
	if (!h->seen_ns)
		return;

	x->fired = true;
	x->t.reflex.seen_ns = h->seen_ns;
	x->t.reflex.sent_ns = h->sent_ns;
	x->t.reflex.cause = h->cause;
	if (e->ops->on_reflex)
		e->ops->on_reflex(e->data, &x->t);
}

/* ---- adoption ----------------------------------------------------------------------------- */

static bool same_effect(const struct entry *x, const struct exec_steps *m)
{
	struct anod_change want[STEPS_MAX], held[STEPS_MAX];
	unsigned n_want = 0, n_held = 0;

	for (uint32_t i = 0; i < m->n_steps; i++)
		if (!(m->step[i].flags & STEP_SIDE))
			want[n_want++] = m->step[i].change;
	for (unsigned i = 0; i < x->t.n_steps; i++)
		if (!(x->t.step[i].flags & STEP_SIDE))
			held[n_held++] = x->t.step[i].change;
	return plan_same_effect(held, n_held, want, n_want);
}

void take_compared(struct txns *e, struct entry *x, const struct exec_steps *m)
{
	static const char why[] = "the reflex of the policy would do something else now";

	x->comparing = false;
	if (x->t.state == TXN_ARMED && (m->error < 0 || !same_effect(x, m))) {
		reflex_disarm(e, x, why);
	} else if (entry_kernel(x) && (m->error < 0 || m->n_steps > 0)) {
		x->t.undo_was_due = true;
		undo_begin(e, x, why);
	}
}

int txns_adopt(struct txns *e, uint64_t id, const struct guard_trigger *trigger,
	       const struct anod_proposal *p)
{
	struct entry *x = entry_find(e, id);
	bool same;

	if (!x)
		return -ENOENT;
	if (!x->orphan || x->fired || (x->t.state != TXN_ARMED && !entry_kernel(x)))
		return -EINVAL;

	x->orphan = false;
	enlist(x);
	x->t.reflex.trigger = *trigger;
	same = msg_arm_crc(x, entry_ready(x) ? x->t.n_steps : 0) == x->held_crc;
	if (x->t.state == TXN_ARMED && !same) {
		reflex_disarm(e, x, "it was armed for another trigger, or on other terms");
		return 0;
	}
	if (entry_kernel(x) && (!x->watched || !same))
		reflex_watch(e, x);
	entry_enter(e, x, x->t.state, US_INFINITY, "adopted from the last run");
	if (!p)
		return 0;
	x->t.proposal = *p;
	x->comparing = true;
	msg_prepare(e, x);
	return 0;
}
