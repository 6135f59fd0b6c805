/*
 * txn_reflex_say - what the host says to a transaction that is armed, or stays committed.
 *
 * Design.  The host knows facts, links and daemons and says when something is not wanted any more,
 * has converged or has to be looked at again; what follows is the engine's (txn_reflex.c).
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

static void back_as_planned(struct txns *e, struct entry *x, const char *why)
{
	x->t.undo_was_due = true;
	undo_begin(e, x, why);
}

static bool same_terms(const struct terms *a, const struct terms *b)
{
	return strcmp(a->rule, b->rule) == 0 && a->verify_us == b->verify_us &&
	       a->confirm_us == b->confirm_us && a->undo_after_us == b->undo_after_us &&
	       a->hold_on_crash == b->hold_on_crash && a->foreign == b->foreign &&
	       a->by_hand == b->by_hand && a->quorum == b->quorum;
}

/* NULL: it would be armed now, on the same terms. */
static const char *judge(struct txns *e, struct entry *x)
{
	struct terms terms = x->terms;
	const struct decision *d;

	if (x->t.proposal.n_actions == 0)
		return "of before the restart: nobody has said what it proposed";
	if (ask_decide(e, x) < 0)
		return "it could not be decided";

	d = x->t.decision;
	if (d->level < LEVEL_APPROVE ||
	    (d->level == LEVEL_APPROVE && x->t.n_approvals < MAX_OF(x->terms.approvals, 1u)))
		return d->reason ? d->reason : "no permit";
	return same_terms(&terms, &x->terms) ? NULL : "the permit has other terms now";
}

int txns_rejudge(struct txns *e, uint64_t id)
{
	struct entry *x = entry_find(e, id);
	const char *why;

	if (!x)
		return -ENOENT;
	if (x->t.state != TXN_ARMED && !entry_kernel(x))
		return -EINVAL;

	why = judge(e, x);
	if (why) {
		(void) copy_text(x->t.why, sizeof(x->t.why), why);
		return -EPERM;
	}
	if (x->t.state == TXN_ARMED)
		reflex_look(e, x);
	return 0;
}

int txns_disarm(struct txns *e, uint64_t id, const char *why)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (entry_kernel(x))
		back_as_planned(e, x, why);
	else if (entry_ready(x) && x->t.state == TXN_ARMING && x->look_first)
		reflex_unsure(e, x, why);
	else if (entry_ready(x) && (x->t.state == TXN_ARMED || x->t.state == TXN_ARMING))
		reflex_disarm(e, x, why);
	else
		return -EINVAL;

	ask_wake(e);
	return 0;
}

int txns_trigger(struct txns *e, uint64_t id)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (x->t.state != TXN_ARMED)
		return -EINVAL;

	msg_trigger(e, x);
	return 0;
}

int txns_finish(struct txns *e, uint64_t id, const char *why)
{
	struct entry *x = entry_find(e, id);
	bool stands;

	if (!x)
		return -ENOENT;
	stands = entry_ready(x) && x->fired &&
		 (x->t.state == TXN_VERIFYING || x->t.state == TXN_SOAK);
	if (x->t.state != TXN_COMMIT && !stands)
		return -EINVAL;

	back_as_planned(e, x, why);
	ask_wake(e);
	return 0;
}

int txns_settle(struct txns *e, uint64_t id, const char *why)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (!entry_kernel(x))
		return -EINVAL;

	undo_end(e, x, TXN_DONE, why);
	ask_wake(e);
	return 0;
}
