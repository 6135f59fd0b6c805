/*
 * txn_flow - from PREPARED over INTENT to COMMIT.
 *
 * Design.  The order is the whole point (policy.md 5.1): INTENT is durable before the guardian
 * holds the undo before the first effect, and COMMIT is durable before the guardian lets go.
 * What the kernel took is believed only when it has been read back.  The engine's deadlines end
 * TXN_MARGIN_US before the guardian's, and nothing is committed within TXN_COMMIT_GAP of it:
 * the guardian might be undoing it already (C18).
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

/* The decision still stands for what is true now, on the terms that it was prepared on. */
static bool still_allowed(struct txns *e, struct entry *x)
{
	bool foreign = x->terms.foreign;

	if (e->ops->generation && e->ops->generation(e->data) == x->t.decision->generation &&
	    lease_flights(e, x) == x->flights)
		return true;
	if (ask_decide(e, x) < 0 || x->terms.foreign != foreign)
		return false;

	return x->t.decision->level == LEVEL_AUTO ||
	       (x->t.decision->level == LEVEL_APPROVE &&
		x->t.n_approvals >= MAX_OF(x->terms.approvals, 1u));
}

bool flow_intend(struct txns *e, struct entry *x, txn_pay *pay, uint64_t guard_us)
{
	const char *why = NULL;
	int r;

	if (pay && pay(e->data, &x->t, &why) < 0) {
		entry_enter(e, x, TXN_DENIED, US_INFINITY, "denied: %s",
			    why ? why : "the budget is used up");
		return false;
	}
	r = entry_record(e, x, JOURNAL_INTENT, guard_us, x->t.proposal.reason, true);
	if (r < 0) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY,
			    "the journal could not take it (%s); nothing was changed",
			    strerror(-r));
		return false;
	}
	return true;
}

static void intend(struct txns *e, struct entry *x)
{
	uint64_t span = x->terms.verify_us + x->terms.confirm_us;
	uint64_t guard_us = txns_now(e) + span + TXN_MARGIN_US;

	if (entry_ready(x)) {
		reflex_intend(e, x);
		return;
	}
	if (span > TXN_GUARD_MAX_US) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY,
			    "permit \"%s\": verify and confirm together may take a day at most",
			    x->terms.rule);
		return;
	}
	if (!flow_intend(e, x, e->ops->charge, guard_us))
		return;

	if (x->t.reflex.kind == REFLEX_NONE) /* else when it fires */
		brake_take(&e->brake, txns_now(e));
	x->guard_us = guard_us;
	entry_enter(e, x, TXN_INTENT, US_INFINITY, "INTENT is durable");
	e->ops->snapshot_before(e->data, &x->t);
	x->armed = true;
	entry_enter(e, x, TXN_ARMING, txns_now(e) + TXN_ARM_US, "the guardian takes the undo");
	msg_arm(e, x);
}

static int take_steps(struct entry *x, const struct exec_steps *m)
{
	struct exec_step *step = calloc(MAX_OF(m->n_steps, 1u), sizeof(*step));

	if (!step)
		return -ENOMEM;

	memcpy(step, m->step, m->n_steps * sizeof(*step));
	free(x->t.step);
	x->t.step = step;
	x->t.n_steps = m->n_steps;
	return 0;
}

void flow_prepared(struct txns *e, struct entry *x, const struct exec_steps *m)
{
	char buf[EXEC_WHY_SIZE];

	if (m->error < 0) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY, "%s",
			    m->why[0] ? m->why : strerror(-m->error));
		return;
	}
	if (m->n_steps == 0) {
		entry_enter(e, x, TXN_DONE, US_INFINITY,
			    "nothing to change: the router is as proposed");
		return;
	}
	if (take_steps(x, m) < 0) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY, "no memory");
		return;
	}
	/* Pause, death of the guardian or another decision may have come since PREPARE. */
	if (e->capped || !still_allowed(e, x) || ask_hindrance(e, x, buf, sizeof(buf)) ||
	    !quorum_stands(e, x)) {
		ask_again(e, x);
		return;
	}
	if (!sign_same_effect(x)) {
		entry_enter(e, x, TXN_FAILED, US_INFINITY,
			    "the router is not as it was when this was signed; nothing was "
			    "changed");
		return;
	}
	if (reflex_clear(e, x)) {
		ask_wait(e, x, false, ask_hindrance(e, x, buf, sizeof(buf)));
		return;
	}
	intend(e, x);
}

void flow_armed(struct txns *e, struct entry *x, uint32_t crc)
{
	if (crc != x->arm_crc) {
		if (x->t.state == TXN_ARMING)
			undo_end(e, x, TXN_ABORTED,
				 "the guardian holds something else than was sent; nothing was "
				 "changed");
		else
			undo_begin(e, x, "the guardian could not be armed again");
		return;
	}
	if (x->t.state != TXN_ARMING)
		return;

	entry_enter(e, x, TXN_APPLYING, txns_now(e) + TXN_APPLY_US, "the guardian holds the undo");
	msg_apply(e, x);
}

bool flow_all_in(const uint32_t *state, unsigned n, enum step_state s)
{
	for (unsigned i = 0; i < n; i++)
		if (state[i] != s)
			return false;

	return true;
}

/* The journal failed after the first effect (C15): back, from memory. */
bool flow_note(struct txns *e, struct entry *x, enum journal_type type, const char *why)
{
	if (entry_record(e, x, type, x->guard_us, why, false) != -EIO)
		return true;

	undo_begin(e, x, "the journal failed");
	return false;
}

void flow_applied(struct txns *e, struct entry *x, const struct exec_result *m)
{
	unsigned n = x->t.n_steps;
	uint64_t until;

	x->applied_us = txns_now(e);
	if (m->error < 0 || m->n_done < n) {
		x->untouched = TXN_FAILED;
		(void) copy_text(x->t.why, sizeof(x->t.why),
				 m->why[0] ? m->why : strerror(m->error < 0 ? -m->error : EIO));
		if (flow_all_in(m->state, n, STEP_PRE))
			undo_end(e, x, TXN_FAILED, x->t.why);
		else
			undo_begin(e, x, x->t.why);
		return;
	}
	if (x->doomed) {
		undo_begin(e, x, x->t.why);
		return;
	}
	if (!flow_note(e, x, JOURNAL_APPLIED, "the kernel took all steps"))
		return;
	if (!flow_all_in(m->state, n, STEP_POST)) {
		undo_begin(e, x, "the kernel took it but shows something else");
		return;
	}

	until = MIN_OF(txns_now(e) + x->terms.verify_us, x->guard_us - TXN_MARGIN_US);
	entry_enter(e, x, TXN_VERIFYING, until, "the kernel shows it");
	flow_run(e, x, txns_now(e));
}

static void commit_fenced(struct txns *e, struct entry *x)
{
	uint64_t now = txns_now(e);
	uint64_t undo_us = x->terms.undo_after_us ? now + x->terms.undo_after_us : 0;
	int r;

	if (x->t.reflex.kind == REFLEX_KERNEL)
		undo_us = US_INFINITY; /* until it has fired or is disarmed */
	if (now + TXN_COMMIT_GAP >= x->guard_us) {
		undo_begin(e, x, "it took so long that the guardian is about to undo it");
		return;
	}
	r = entry_record(e, x, JOURNAL_COMMIT, undo_us, "verified", true);
	if (r < 0) {
		undo_begin(e, x, "COMMIT could not be made durable");
		return;
	}

	/* The last run began it: its reflex has to adopt it, or it goes back. */
	x->orphan = x->taken && x->t.reflex.kind == REFLEX_KERNEL;
	if (x->orphan)
		undo_us = now + TXN_ADOPT_US;
	entry_enter(e, x, TXN_COMMIT, undo_us ? undo_us : US_INFINITY, "verified");
	msg_disarm(e, x);
	if (undo_us)
		return;
	x->end = TXN_DONE;
	entry_enter(e, x, TXN_DISARMING, txns_now(e) + TXN_DISARM_US, "verified");
}

static void commit(struct txns *e, struct entry *x)
{
	uint64_t tx = x->t.id;

	if (e->ops->fence && e->ops->fence(e->data, tx, true) == -EAGAIN)
		return; /* C18: the guardian has begun to undo it and will say so */
	commit_fenced(e, x);
	if (e->ops->fence)
		(void) e->ops->fence(e->data, tx, false);
}

void flow_renew(struct txns *e, struct entry *x)
{
	uint64_t undo_us;

	/* Its grants end with the time that they were asked for. */
	if (x->terms.quorum || ask_decide(e, x) < 0 || x->t.decision->level < LEVEL_AUTO ||
	    x->terms.quorum || !x->terms.undo_after_us)
		return;

	undo_us = txns_now(e) + x->terms.undo_after_us;
	if (entry_record(e, x, JOURNAL_COMMIT, undo_us, "renewed", true) >= 0)
		entry_enter(e, x, TXN_COMMIT, undo_us, "renewed");
}

/* ---- verify and soak ---------------------------------------------------------------------- */

static void soak(struct txns *e, struct entry *x, uint64_t now)
{
	if (!flow_note(e, x, JOURNAL_VERIFIED, "verified"))
		return;

	x->next_check_us = now + TXN_CHECK_EVERY_US;
	entry_enter(e, x, TXN_SOAK, now + x->terms.confirm_us + reflex_stand_us(x),
		    x->terms.by_hand ? "verified; waits for the operator's confirm" : "verified");
	flow_run(e, x, now);
}

static void check(struct txns *e, struct entry *x, uint64_t now, bool finishing)
{
	x->finishing = finishing;
	if (x->check_sent_us)
		return; /* its answer will do */

	x->check_sent_us = now;
	msg_check(e, x);
}

void flow_checked(struct txns *e, struct entry *x, const struct exec_result *m)
{
	unsigned n = x->t.n_steps, gone = 0;

	x->check_sent_us = 0;
	x->next_check_us = txns_now(e) + TXN_CHECK_EVERY_US;
	for (unsigned i = 0; i < n; i++)
		gone += m->state[i] == STEP_OTHER || m->state[i] == STEP_PRE;

	if (gone == n)
		undo_end(e, x, TXN_SUPERSEDED, "somebody else changed it meanwhile; left alone");
	else if (gone > 0)
		undo_begin(e, x, "somebody else changed a part of it meanwhile");
	else if (x->finishing && flow_all_in(m->state, n, STEP_POST))
		commit(e, x);
	else if (x->finishing)
		undo_begin(e, x, "it could not be read back");
}

static void unverified(struct txns *e, struct entry *x, const char *what)
{
	const char *why = e->ops->verify_why ? e->ops->verify_why(e->data, &x->t) : NULL;
	char text[256];

	(void) snprintf(text, sizeof(text), "%s%s%s", what, why ? ": " : "", why ? why : "");
	undo_begin(e, x, text);
}

static void run_soak(struct txns *e, struct entry *x, uint64_t now)
{
	/* One found after a crash has no decision to verify by; the operator verifies. */
	enum txn_verify v = x->recovered ? TXN_VERIFY_YES : e->ops->verify(e->data, &x->t);
	bool late = now >= x->t.deadline_us;
	bool end = x->terms.by_hand ? x->confirmed : late;

	if (v == TXN_VERIFY_NO && blame_other(e, x, now))
		return;
	if (x->t.reflex.kind == REFLEX_BRIDGE && late) {
		x->t.undo_was_due = true;
		undo_begin(e, x, "the time of the bridge is over");
	} else if (v == TXN_VERIFY_NO)
		unverified(e, x, "it was verified and is so no longer");
	else if (x->terms.by_hand && late && !x->confirmed)
		undo_begin(e, x, "nobody confirmed it in time");
	else if (end && v != TXN_VERIFY_YES)
		unverified(e, x, "its verification is unknown at the end");
	else if (x->check_sent_us && now >= x->check_sent_us + TXN_CHECK_US)
		undo_begin(e, x, "it could not be read back");
	else if (end || now >= x->next_check_us)
		check(e, x, now, end);
}

void flow_run(struct txns *e, struct entry *x, uint64_t now)
{
	enum txn_verify v;

	if (x->t.state == TXN_SOAK) {
		run_soak(e, x, now);
		return;
	}
	if (x->unread) {
		reflex_read_back(e, x, now);
		return;
	}

	v = e->ops->verify(e->data, &x->t);
	if (v == TXN_VERIFY_YES)
		soak(e, x, now);
	else if (now >= x->t.deadline_us)
		unverified(e, x,
			   v == TXN_VERIFY_NO ? "not verified in time"
					      : "not verified in time: facts are unknown");
}

int txns_confirm(struct txns *e, uint64_t id, const char *user)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (x->t.state != TXN_SOAK || !x->terms.by_hand)
		return -EINVAL;

	(void) snprintf(x->t.why, sizeof(x->t.why), "confirmed by %s", user);
	x->confirmed = true;
	flow_run(e, x, txns_now(e));
	ask_wake(e);
	return 0;
}
