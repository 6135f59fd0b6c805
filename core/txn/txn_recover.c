/*
 * txn_recover - what follows a death: of the daemon, the executor, the guardian, the machine.
 *
 * Design.  After a restart the journal says what was open and the kernel says where it stands:
 * each is undone by compare-and-undo, also when the guardian's file says that it has done so,
 * because an executor that outlived its host by a moment may have applied something after the
 * guardian looked.  What was committed stays.  Nothing is ever applied again.
 */
#include <errno.h>
#include <string.h>

#include "exec/guardian.h"
#include "txn/txn_int.h"

/* One open transaction, copied before the first append moves the journal's own. */
struct left {
	struct journal_open_tx o;
	struct journal_record intent;
	struct exec_step *step; /* owned */
};

static void left_free(struct left *l, unsigned n)
{
	for (unsigned i = 0; l && i < n; i++)
		free(l[i].step);
	free(l);
}

static int collect(const struct journal *j, struct left **ret, unsigned *ret_n)
{
	unsigned n = journal_open_count(j);
	struct left *l = calloc(MAX_OF(n, 1u), sizeof(*l));

	if (!l)
		return -ENOMEM;

	for (unsigned i = 0; i < n; i++) {
		l[i].o = *journal_open_at(j, i);
		if (!l[i].o.intent)
			continue;
		l[i].intent = *l[i].o.intent;
		l[i].step = calloc(MAX_OF(l[i].intent.n_steps, 1u), sizeof(*l[i].step));
		if (!l[i].step) {
			left_free(l, n);
			return -ENOMEM;
		}
		memcpy(l[i].step, l[i].intent.step, l[i].intent.n_steps * sizeof(*l[i].step));
	}
	*ret = l;
	*ret_n = n;
	return 0;
}

static bool of_earlier_boot(const struct txns *e, const struct journal_record *intent)
{
	return strcmp(intent->boot_id, e->ops->boot_id(e->data)) != 0 ||
	       intent->boot_us > txns_now(e);
}

static bool guardian_fired(const struct left *l, const struct guardian_entry *fired, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fired[i].tx == l->o.tx && strcmp(fired[i].boot_id, l->intent.boot_id) == 0)
			return true;

	return false;
}

static void undo_now(struct txns *e, struct entry *x, enum journal_type last)
{
	const char *why = x->t.by_guardian ? "the daemon died and the guardian undid it"
					   : "the daemon died while it was open";

	if (last == JOURNAL_INTENT && !x->t.by_guardian)
		x->untouched = TXN_ABORTED;
	if (x->untouched && entry_ready(x))
		why = "the daemon died while it was armed";
	entry_enter(e, x, TXN_UNDOING, txns_now(e) + TXN_UNDO_US, "%s", why);
	undo_send(e, x);
}

/* "on crash hold": the operator has until the deadline. */
static void hold(struct txns *e, struct entry *x)
{
	x->terms.by_hand = true;
	x->terms.hold_on_crash = true;
	x->armed = true;
	x->next_check_us = txns_now(e);
	entry_enter(e, x, TXN_SOAK, x->guard_us - TXN_MARGIN_US,
		    "the daemon died while it was open; confirm it or it will be undone");
	msg_arm(e, x);
}

static void restore(struct entry *x, struct left *l, bool fired)
{
	x->recovered = true;
	if (!l->o.intent)
		return;

	(void) copy_text(x->t.agent, sizeof(x->t.agent), l->intent.agent);
	(void) copy_text(x->terms.rule, sizeof(x->terms.rule), l->intent.rule);
	(void) copy_text(x->resource, sizeof(x->resource), l->intent.resource);
	x->t.n_steps = l->intent.n_steps;
	x->t.step = TAKE(l->step);
	x->t.created_us = l->intent.boot_us;
	x->t.created_wall_us = l->intent.wall_us;
	x->guard_us = l->intent.deadline_us;
	x->t.by_guardian = fired;
	x->t.reflex.kind = (enum reflex_kind) l->intent.reflex;
	if (entry_ready(x)) {
		x->fired = l->o.last != JOURNAL_INTENT;
		x->guard_us = x->fired ? l->o.deadline_us : 0; /* known since then */
	}
}

static void stay_committed(struct txns *e, struct entry *x, uint64_t deadline_us)
{
	x->orphan = x->t.reflex.kind == REFLEX_KERNEL;
	if (x->orphan) {
		(void) take_recall(e, x);
		deadline_us = txns_now(e) + TXN_ADOPT_US;
	}
	entry_enter(e, x, TXN_COMMIT, deadline_us, "verified; its undo waits");
	if (x->armed) /* its DISARM may have been lost */
		msg_disarm(e, x);
}

static void recover_one(struct txns *e, struct entry *x, struct left *l, bool fired,
			const struct guard_held *held)
{
	uint64_t now = txns_now(e);
	bool committed = l->o.last == JOURNAL_COMMIT && !fired;

	restore(x, l, fired);
	x->armed = held && held->n_steps > 0;
	x->watched = held && held->n_steps == 0;

	if (l->o.intent && of_earlier_boot(e, &l->intent))
		undo_end(e, x, TXN_CLOSED_BY_REBOOT,
			 "the machine was restarted meanwhile, which undid it");
	else if (committed && l->o.deadline_us && l->o.intent) {
		stay_committed(e, x, l->o.deadline_us);
		if (x->watched)
			take_watch(e, x, held);
	} else if (committed)
		undo_end(e, x, TXN_DONE, "verified; the daemon died right after COMMIT");
	else if (!l->o.intent)
		undo_end(e, x, TXN_STUCK,
			 "its INTENT in the journal cannot be read; look at the router");
	else if (held && !fired && take_on(e, x, l->o.last, held))
		return;
	else if (!fired && (l->intent.flags & GUARD_HOLD_ON_CRASH) &&
		 (l->o.last == JOURNAL_APPLIED || l->o.last == JOURNAL_VERIFIED) &&
		 now + TXN_MARGIN_US < x->guard_us)
		hold(e, x);
	else
		undo_now(e, x, l->o.last);
}

static const struct guard_held *find_held(const struct guard_held *held, unsigned n, uint64_t tx)
{
	for (unsigned i = 0; i < n; i++)
		if (held[i].head.id == tx)
			return &held[i];

	return NULL;
}

int txns_recover(struct txns *e, const struct journal *j, const struct guardian_entry *fired,
		 unsigned n_fired)
{
	return txns_take_over(e, j, fired, n_fired, NULL, 0);
}

int txns_take_over(struct txns *e, const struct journal *j, const struct guardian_entry *fired,
		   unsigned n_fired, const struct guard_held *held, unsigned n_held)
{
	struct left *l;
	unsigned n;
	int r;

	r = lock_recover(e, j);
	if (r >= 0)
		r = collect(j, &l, &n);
	if (r < 0)
		return r;

	for (unsigned i = 0; i < n && r >= 0; i++) {
		struct entry *x = entry_new(e, l[i].o.tx);

		if (!x) {
			r = -ENOMEM;
			break;
		}
		recover_one(e, x, &l[i], guardian_fired(&l[i], fired, n_fired),
			    find_held(held, n_held, l[i].o.tx));
	}
	/* What had ended, and its DISARM came too late. */
	for (unsigned i = 0; i < n_held && r >= 0; i++) {
		if (entry_find(e, held[i].head.id))
			continue;
		e->last_id = MAX_OF(e->last_id, held[i].head.id);
		msg_let_go(e, held[i].head.id);
	}
	left_free(l, n);
	return r < 0 ? r : (int) n;
}

bool txns_recovering(const struct txns *e)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->open[i]->recovered && e->open[i]->t.state == TXN_UNDOING)
			return true;

	return false;
}

/* ---- death of the executor ---------------------------------------------------------------- */

/* What it had prepared died with it; how far an APPLY came is not known. */
static void without_exec(struct txns *e, struct entry *x)
{
	switch (x->t.state) {
	case TXN_PREPARING:
		if (e->exec_there)
			msg_prepare(e, x);
		return;
	case TXN_ARMING:
		if (!entry_ready(x))
			undo_end(e, x, TXN_ABORTED, "the executor died; nothing was changed");
		return;
	case TXN_APPLYING:
		undo_begin(e, x, "the executor died while it applied");
		return;
	case TXN_SOAK:
		x->check_sent_us = 0;
		x->next_check_us = txns_now(e);
		return;
	case TXN_UNDOING:
		if (e->exec_there)
			undo_send(e, x);
		return;
	default:
		return; /* it had no part in this state */
	}
}

void txns_exec_restarted(struct txns *e, bool there)
{
	e->exec_there = there;
	for (unsigned i = 0; i < e->n;) {
		struct entry *x = e->open[i];

		reflex_new_exec(e, x);
		without_exec(e, x);
		if (i < e->n && e->open[i] == x)
			i++;
	}
	ask_wake(e);
}

/* ---- death of the guardian (C10) ---------------------------------------------------------- */

static void arm_again(struct txns *e, struct entry *x)
{
	if (x->armed)
		msg_arm(e, x);
}

static void new_guardian(struct txns *e, struct entry *x)
{
	switch (x->t.state) {
	case TXN_ARMING:
		if (entry_ready(x))
			reflex_new_guardian(e, x);
		else
			arm_again(e, x);
		return;
	case TXN_APPLYING:
	case TXN_VERIFYING:
	case TXN_SOAK:
	case TXN_UNDOING:
		arm_again(e, x);
		return;
	case TXN_ARMED:
		reflex_new_guardian(e, x);
		return;
	case TXN_DISARMING:
		if (x->leaving)
			reflex_unsure(e, x, x->t.why);
		else
			undo_disarmed(e, x); /* the one that held it is gone */
		return;
	case TXN_COMMIT:
		x->armed = false;
		reflex_watch(e, x);
		return;
	default:
		return;
	}
}

static void no_guardian(struct txns *e, struct entry *x)
{
	static const char why[] = "the guardian died and no other could be had";

	x->armed = x->armed && x->t.state == TXN_DISARMING;
	switch (x->t.state) {
	case TXN_ARMING:
		if (entry_ready(x))
			reflex_unsure(e, x, why);
		else
			undo_end(e, x, TXN_ABORTED, why);
		return;
	case TXN_ARMED:
		reflex_unsure(e, x, why);
		return;
	case TXN_COMMIT:
		x->watched = false;
		return;
	case TXN_APPLYING:
		x->doomed = true;
		(void) copy_text(x->t.why, sizeof(x->t.why), why);
		return;
	case TXN_VERIFYING:
	case TXN_SOAK:
		undo_begin(e, x, why);
		return;
	case TXN_DISARMING:
		if (x->leaving)
			reflex_unsure(e, x, x->t.why);
		else
			undo_disarmed(e, x);
		return;
	default:
		return;
	}
}

void txns_guard_restarted(struct txns *e, bool there)
{
	e->guard_there = there;
	for (unsigned i = 0; i < e->n;) {
		struct entry *x = e->open[i];

		if (there)
			new_guardian(e, x);
		else
			no_guardian(e, x);
		if (i < e->n && e->open[i] == x)
			i++;
	}
	ask_wake(e);
}
