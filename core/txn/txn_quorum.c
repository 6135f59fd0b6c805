/*
 * txn_quorum - a transaction whose permit wants grants of neighbours.
 *
 * Design.  Grants are short-lived, so they are asked for last: when the policy allows it, people
 * have signed and nothing stands in the way.  They are for the hash of one plan; the decision
 * before INTENT may find another one, and then they do not count.  How peers are asked is not known
 * here (txn/peers.h): it is looked at again whenever the loop has turned.
 */
#include "txn/txn_int.h"

/* From INTENT until it has surely ended, whatever goes wrong: behind the guardian's deadline come
 * its undo and ours. */
static uint64_t span(const struct entry *x)
{
	return TXN_ARM_US + TXN_APPLY_US + x->terms.verify_us + x->terms.confirm_us +
	       x->terms.undo_after_us + TXN_CHECK_US + TXN_MARGIN_US + TXN_UNDO_US + TXN_DISARM_US;
}

void quorum_end(struct txns *e, struct entry *x)
{
	if (!x->has_asked)
		return;
	x->has_asked = false;
	/* One that is stuck may not be undone: nobody else should begin the same. */
	if (e->ops->grants_end)
		e->ops->grants_end(e->data, &x->t, x->t.state == TXN_STUCK);
}

static enum txn_grants look(struct txns *e, struct entry *x, uint64_t hold_us, bool ask, char *why,
			    size_t size)
{
	if (e->ops->grants && plan_is_set(&x->t.plan))
		return e->ops->grants(e->data, &x->t, hold_us, ask, why, size);
	(void) copy_text(why, size, "there are no peers to ask");
	return TXN_GRANTS_REFUSED;
}

bool quorum_ask(struct txns *e, struct entry *x)
{
	char why[EXEC_WHY_SIZE];

	if (!x->terms.quorum) {
		quorum_end(e, x);
		return true;
	}
	if (x->t.reflex.kind) {
		entry_enter(e, x, TXN_DENIED, US_INFINITY,
			    "denied: grants of neighbours are short-lived and a reflex waits");
		return false;
	}
	x->has_asked = true;
	switch (look(e, x, span(x) + TXN_PREPARE_US, true, why, sizeof(why))) {
	case TXN_GRANTS_GIVEN:
		return true;
	case TXN_GRANTS_BUSY:
	case TXN_GRANTS_ASKED:
		ask_wait(e, x, false, why);
		x->asked_us = txns_now(e);
		x->polls = true;
		return false;
	case TXN_GRANTS_REFUSED:
		break;
	}
	entry_enter(e, x, TXN_DENIED, US_INFINITY, "denied: %s", why);
	return false;
}

bool quorum_stands(struct txns *e, struct entry *x)
{
	char why[EXEC_WHY_SIZE];

	return !x->terms.quorum || look(e, x, span(x), false, why, sizeof(why)) == TXN_GRANTS_GIVEN;
}

bool quorum_wakes(struct txns *e, struct entry *x)
{
	char why[EXEC_WHY_SIZE];
	enum txn_grants g;

	if (!x->polls || e->capped || txns_now(e) - x->asked_us >= TXN_ASK_US)
		return true;
	g = look(e, x, span(x), false, why, sizeof(why));
	return g == TXN_GRANTS_GIVEN || g == TXN_GRANTS_REFUSED;
}
