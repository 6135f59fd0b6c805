/*
 * txn_reflex - transactions that are ready before their trigger, and what follows it.
 *
 * Design.  The guardian holds the messages and fires alone, so between its send() and our reading
 * REFLEXED nobody here knows.  Hence no ending of an armed one is believed before the guardian has
 * answered the DISARM - its answers come in order - and when it cannot answer any more, the kernel
 * is read back (compare-and-undo, with "aborted" when nothing had to be undone).  What has fired
 * goes on like any transaction, only that its effects are read back before they are verified.
 * One that is armed holds no lease: whoever wants to change the same has it disarmed first, for
 * its before-image would not fit any more.
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

uint64_t reflex_stand_us(const struct entry *x)
{
	if (x->t.reflex.kind != REFLEX_BRIDGE)
		return 0;

	return x->terms.undo_after_us ? x->terms.undo_after_us : TXN_BRIDGE_US;
}

uint64_t reflex_hold_us(const struct entry *x)
{
	return x->terms.verify_us + x->terms.confirm_us + reflex_stand_us(x) + TXN_MARGIN_US;
}

/* ---- arming ------------------------------------------------------------------------------- */

void reflex_intend(struct txns *e, struct entry *x)
{
	if (reflex_hold_us(x) > TXN_GUARD_MAX_US) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY,
			    "permit \"%s\": verify, confirm and undo together may take a day at "
			    "most for a reflex",
			    x->terms.rule);
		return;
	}
	if (!flow_intend(e, x, e->ops->room, US_INFINITY))
		return;

	entry_enter(e, x, TXN_INTENT, US_INFINITY, "INTENT is durable");
	x->armed = true;
	entry_enter(e, x, TXN_ARMING, txns_now(e) + TXN_ARM_US, "the guardian gets it ready");
	msg_arm(e, x);
}

void reflex_armed(struct txns *e, struct entry *x, uint32_t crc)
{
	if (x->t.state != TXN_ARMING || x->look_first)
		return;
	if (crc != x->arm_crc) {
		reflex_disarm(e, x, "the guardian holds something else than was sent");
		return;
	}

	entry_enter(e, x, TXN_ARMED, US_INFINITY, "armed");
	if (e->paused)
		reflex_disarm(e, x, "the operator has paused all changes");
}

void reflex_disarm(struct txns *e, struct entry *x, const char *why)
{
	x->leaving = true;
	x->end = TXN_ABORTED;
	msg_disarm(e, x);
	entry_enter(e, x, TXN_DISARMING, txns_now(e) + TXN_DISARM_US, "disarmed: %s", why);
}

void reflex_disarm_all(struct txns *e, const char *why)
{
	for (unsigned i = 0; i < e->n; i++) /* none of them ends before its answer */
		if (e->open[i]->t.state == TXN_ARMED)
			reflex_disarm(e, e->open[i], why);
}

void reflex_unsure(struct txns *e, struct entry *x, const char *why)
{
	x->armed = false;
	x->untouched = TXN_ABORTED;
	undo_begin(e, x, why);
}

/* ---- others that want the same ------------------------------------------------------------ */

static bool same_object(const struct anod_change *a, const struct anod_change *b)
{
	return anod_object_same_key(a->has_post ? &a->post : &a->pre,
				    b->has_post ? &b->post : &b->pre);
}

static bool overlap(const struct entry *a, const struct entry *b)
{
	for (unsigned i = 0; i < a->t.n_steps; i++)
		for (unsigned k = 0; k < b->t.n_steps; k++)
			if (same_object(&a->t.step[i].change, &b->t.step[k].change))
				return true;

	return false;
}

bool reflex_clear(struct txns *e, struct entry *x)
{
	char why[64];
	bool any = false;

	(void) snprintf(why, sizeof(why), "T%llu is about to change the same",
			(unsigned long long) x->t.id);
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *o = e->open[i];

		if (o == x || o->t.state != TXN_ARMED ||
		    (!overlap(o, x) && (!x->resource[0] || strcmp(o->resource, x->resource) != 0)))
			continue;
		reflex_disarm(e, o, why);
		any = true;
	}
	return any;
}

/* ---- it has fired ------------------------------------------------------------------------- */

/* What a CHECK under way will say is about the time before. */
static void late_answer(struct entry *x)
{
	x->n_late += x->check_sent_us != 0;
	x->check_sent_us = 0;
}

/* Tell, remember "before", charge.  False: it goes back. */
static bool account(struct txns *e, struct entry *x)
{
	const char *why = NULL;

	x->fired = true;
	brake_take(&e->brake, txns_now(e));
	late_answer(x);
	x->comparing = false;
	if (e->ops->on_reflex)
		e->ops->on_reflex(e->data, &x->t);
	if (x->t.decision)
		e->ops->snapshot_before(e->data, &x->t);
	if (e->ops->charge(e->data, &x->t, &why) >= 0)
		return true;

	undo_begin(e, x, why ? why : "it fired, and the budget is used up");
	return false;
}

static void go_on(struct txns *e, struct entry *x)
{
	uint64_t now = txns_now(e);

	/* Not synced: the effect is there already, and a reboot takes both. */
	if (!flow_note(e, x, JOURNAL_APPLIED, "it has fired"))
		return;
	x->applied_us = now;
	x->unread = true;
	x->applied_us = now;
	entry_enter(e, x, TXN_VERIFYING,
		    MIN_OF(now + x->terms.verify_us, x->guard_us - TXN_MARGIN_US), "it has fired");
	flow_run(e, x, now);
}

static void take_times(struct entry *x, const struct guard_reflexed *m)
{
	x->t.reflex.seen_ns = m->seen_ns;
	x->t.reflex.sent_ns = m->sent_ns;
	x->t.reflex.cause = m->cause;
}

void reflex_fired(struct txns *e, struct entry *x, const struct guard_reflexed *m)
{
	enum txn_state s = x->t.state;

	if (x->t.reflex.kind == REFLEX_KERNEL && s == TXN_COMMIT) {
		take_times(x, m);
		x->fired = true;
		brake_take(&e->brake, txns_now(e));
		x->watched = false; /* it has done its work */
		if (e->ops->on_reflex)
			e->ops->on_reflex(e->data, &x->t);
		return;
	}
	if (!entry_ready(x) || x->fired || (s != TXN_ARMED && s != TXN_ARMING && !x->leaving))
		return; /* late */

	take_times(x, m);
	x->armed = m->deadline_us != 0;
	x->guard_us = m->deadline_us ? m->deadline_us : txns_now(e) + reflex_hold_us(x);
	x->untouched = TXN_FAILED;
	if (!account(e, x))
		return;
	if (x->leaving) { /* the DISARM does not take the undo of one that has fired */
		undo_begin(e, x, "it fired while it was being disarmed");
		return;
	}
	if (m->error < 0 || !x->armed) {
		char why[EXEC_WHY_SIZE];

		(void) snprintf(why, sizeof(why), "it fired, and the kernel refused: %s",
				strerror(m->error < 0 ? -m->error : EIO));
		undo_begin(e, x, why);
		return;
	}
	go_on(e, x);
}

/* ---- reading back ------------------------------------------------------------------------- */

void reflex_look(struct txns *e, struct entry *x)
{
	if (x->check_sent_us)
		return; /* its answer will do */

	x->check_sent_us = txns_now(e);
	msg_check(e, x);
}

void reflex_read_back(struct txns *e, struct entry *x, uint64_t now)
{
	if (!x->check_sent_us)
		reflex_look(e, x);
	else if (now >= x->check_sent_us + TXN_CHECK_US)
		undo_begin(e, x, "what had fired could not be read back");
}

/* The guardian that held it is gone; what it has sent is not. */
static void looked_first(struct txns *e, struct entry *x, const struct exec_result *m)
{
	unsigned n = x->t.n_steps;

	x->look_first = false;
	if (flow_all_in(m->state, n, STEP_PRE)) {
		x->armed = true;
		entry_enter(e, x, TXN_ARMING, txns_now(e) + TXN_ARM_US,
			    "the new guardian gets it ready");
		msg_arm(e, x);
		return;
	}
	x->t.reflex.seen_ns = x->t.reflex.sent_ns = txns_now(e) * 1000;
	x->guard_us = txns_now(e) + reflex_hold_us(x);
	x->untouched = TXN_ABORTED;
	if (!account(e, x))
		return;
	if (!flow_all_in(m->state, n, STEP_POST)) {
		undo_begin(e, x, "its guardian died, and the kernel shows a part of it");
		return;
	}
	x->armed = true;
	msg_arm(e, x);
	go_on(e, x);
}

static void looked_armed(struct txns *e, struct entry *x, const struct exec_result *m)
{
	unsigned n = x->t.n_steps;

	if (flow_all_in(m->state, n, STEP_PRE)) {
		x->odd = false;
	} else if (flow_all_in(m->state, n, STEP_POST) && !x->odd) {
		x->odd = true;
		reflex_look(e, x);
	} else {
		reflex_disarm(e, x, "somebody else has changed what it would change");
	}
}

void reflex_checked(struct txns *e, struct entry *x, const struct exec_result *m)
{
	x->check_sent_us = 0;
	if (x->t.state == TXN_ARMING && x->look_first) {
		looked_first(e, x, m);
	} else if (x->t.state == TXN_ARMED) {
		looked_armed(e, x, m);
	} else if (x->t.state == TXN_VERIFYING && x->unread) {
		x->unread = false;
		if (flow_all_in(m->state, x->t.n_steps, STEP_POST))
			flow_run(e, x, txns_now(e));
		else
			undo_begin(e, x, "it fired, and the kernel shows something else");
	}
}

/* ---- death of others ---------------------------------------------------------------------- */

void reflex_new_guardian(struct txns *e, struct entry *x)
{
	x->armed = false;
	x->look_first = true;
	late_answer(x);
	entry_enter(e, x, TXN_ARMING, txns_now(e) + TXN_CHECK_US,
		    "its guardian died; it is looked at before a new one gets it");
	reflex_look(e, x);
}

void reflex_new_exec(struct txns *e, struct entry *x)
{
	bool looks = x->check_sent_us && (x->look_first || x->t.state == TXN_ARMED);

	x->n_late = 0;
	x->comparing = false;
	if (x->t.state != TXN_ARMED && x->t.state != TXN_ARMING && x->t.state != TXN_VERIFYING)
		return;
	x->check_sent_us = 0;
	if (e->exec_there && (looks || x->look_first || x->unread))
		reflex_look(e, x);
}

/* ---- what the kernel itself is armed with ------------------------------------------------- */

void reflex_watch(struct txns *e, struct entry *x)
{
	if (x->t.reflex.kind != REFLEX_KERNEL || !x->t.reflex.trigger.ifindex || x->fired ||
	    !e->guard_there)
		return;

	x->watched = true;
	msg_watch(e, x);
}
