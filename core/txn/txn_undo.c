/*
 * txn_undo - the way back, and every ending of a transaction that has an INTENT.
 *
 * Design.  An undo is compare-and-undo (R4), so it may be asked for twice, by us and by the
 * guardian, in any order.  The guardian stays armed until the terminal record is written: it
 * reads the journal before it fires, so it can be let go afterwards without a hurry.  When the
 * journal has failed we go on from memory (C15).
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

static enum journal_type end_record(enum txn_state end)
{
	switch (end) {
	case TXN_DONE:
		return JOURNAL_DONE;
	case TXN_SUPERSEDED:
		return JOURNAL_SUPERSEDED;
	case TXN_STUCK:
		return JOURNAL_STUCK;
	case TXN_ABORTED:
	case TXN_FAILED:
		return JOURNAL_ABORTED;
	case TXN_CLOSED_BY_REBOOT:
		return JOURNAL_CLOSED_BY_REBOOT;
	default: /* the others have no INTENT, or are no ends */
		return JOURNAL_ROLLED_BACK;
	}
}

/* A terminal record need not be synced: when it is lost, the next start writes it again. */
static void close_record(struct txns *e, struct entry *x, enum txn_state end, const char *why)
{
	if (x->closed)
		return;
	x->closed = true;
	(void) entry_record(e, x, end_record(end), 0, why, false);
}

void undo_end(struct txns *e, struct entry *x, enum txn_state end, const char *why)
{
	char text[EXEC_WHY_SIZE];

	(void) copy_text(text, sizeof(text), why);
	close_record(e, x, end, text);
	if (!x->armed && !x->watched) {
		entry_enter(e, x, end, US_INFINITY, "%s", text);
		return;
	}
	msg_disarm(e, x);
	x->end = end;
	entry_enter(e, x, TXN_DISARMING, txns_now(e) + TXN_DISARM_US, "%s", text);
}

void undo_disarmed(struct txns *e, struct entry *x)
{
	if (x->t.state != TXN_DISARMING) { /* in COMMIT until "undo after" */
		x->watched = x->watched && x->armed;
		if (x->armed)
			reflex_watch(e, x);
		x->armed = false;
		return;
	}
	x->armed = x->watched = false;

	close_record(e, x, x->end, x->t.why);
	entry_enter(e, x, x->end, US_INFINITY, "%s", x->t.why);
}

void undo_begin(struct txns *e, struct entry *x, const char *why)
{
	uint64_t until = txns_now(e) + TXN_UNDO_US;
	char text[EXEC_WHY_SIZE];

	(void) copy_text(text, sizeof(text), why);
	x->leaving = x->unread = x->look_first = false;
	/* Without a guardian a crash now is repaired at the next start: INTENT alone says so. */
	(void) entry_record(e, x, JOURNAL_ROLLBACK, 0, text, true);
	if (x->armed && x->guard_us < US_INFINITY - TXN_MARGIN_US)
		until = MAX_OF(until, x->guard_us + TXN_MARGIN_US);
	entry_enter(e, x, TXN_ROLLBACK, US_INFINITY, "%s", text);
	entry_enter(e, x, TXN_UNDOING, until, "%s", text);
	undo_send(e, x);
}

void undo_send(struct txns *e, struct entry *x)
{
	x->n_undo++;
	x->next_undo_us = US_INFINITY;
	msg_undo(e, x);
}

enum txn_state undo_outcome(const struct entry *x, const uint32_t *state, unsigned n)
{
	bool other = false, undone = false;

	for (unsigned i = 0; i < n; i++) {
		if (state[i] != STEP_PRE && state[i] != STEP_UNDONE && state[i] != STEP_OTHER)
			return 0;
		other |= state[i] == STEP_OTHER;
		undone |= state[i] == STEP_UNDONE && x->t.step[i].undo_len > 0;
	}
	if (other)
		return TXN_SUPERSEDED;

	return undone || !x->untouched ? TXN_ROLLED_BACK : x->untouched;
}

void undo_done(struct txns *e, struct entry *x, const struct exec_result *m)
{
	enum txn_state end = undo_outcome(x, m->state, x->t.n_steps);
	char why[EXEC_WHY_SIZE + 64];

	if (end == TXN_SUPERSEDED) {
		(void) snprintf(why, sizeof(why), "%s; somebody else's change was left alone",
				x->t.why);
		undo_end(e, x, end, why);
	} else if (end == TXN_ABORTED && entry_ready(x)) {
		(void) snprintf(why, sizeof(why), "%s; nothing had been changed", x->t.why);
		undo_end(e, x, end, why);
	} else if (end) {
		undo_end(e, x, end, x->t.why);
	} else if (x->n_undo < TXN_UNDO_TRIES) {
		x->next_undo_us = txns_now(e) + TXN_UNDO_RETRY_US;
	} else {
		(void) snprintf(why, sizeof(why), "could not be undone: %s",
				m->why[0] ? m->why : "the kernel refused");
		undo_end(e, x, TXN_STUCK, why);
	}
}

/* Was all that the executor was sent done before the guardian's deadline? */
static bool exec_was_quick(const struct entry *x)
{
	return x->recovered || entry_ready(x) || (x->applied_us && x->applied_us < x->guard_us);
}

/*
 * The guardian has undone what it found.  When all of us were frozen for a while (a suspended
 * machine), the executor may have gone on with an APPLY behind its back; then the executor has the
 * last word, for its undo comes behind everything that it was sent.
 */
void undo_fired(struct txns *e, struct entry *x, const struct exec_result *m)
{
	static const char why[] = "the guardian undid it at its deadline";
	enum txn_state end = undo_outcome(x, m->state, x->t.n_steps);

	x->armed = false;
	if (x->closed) { /* it came too late to find anything */
		if (x->t.state == TXN_DISARMING)
			undo_disarmed(e, x);
		return;
	}

	x->t.by_guardian = true;
	x->fired_as = end;
	if (end && end != TXN_SUPERSEDED)
		x->untouched = 0;
	if (end && exec_was_quick(x))
		undo_end(e, x, end, why);
	else if (x->t.state != TXN_UNDOING)
		undo_begin(e, x, end ? why : "the guardian could not undo all of it");
	else if (!end)
		undo_send(e, x);
}

int txns_rollback(struct txns *e, uint64_t id, const char *why)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (x->t.state == TXN_ARMED) {
		reflex_disarm(e, x, why);
		return 0;
	}
	if (x->t.state != TXN_VERIFYING && x->t.state != TXN_SOAK && x->t.state != TXN_COMMIT)
		return -EINVAL;

	undo_begin(e, x, why);
	return 0;
}
