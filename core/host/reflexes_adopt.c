/*
 * reflexes_adopt - what an earlier run left armed.
 *
 * Design.  The file says which transaction was whose.  It goes on when the same would be chosen now
 * and the guardian holds it with the same trigger, which the engine compares; else it is disarmed.
 * One whose link is lost has just fired, or is about to: it goes on as it is.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/reflexes_int.h"

static void adopted(struct reflex *x, const struct txn *t)
{
	x->ours = true;
	x->kind = t->reflex.kind;
	if (t->reflex.seen_ns && x->phase != REFLEX_FIRED) {
		rfx_enter(x, REFLEX_ARMED, "%s", "");
		rfx_has_fired(x, t);
		return;
	}
	x->armed_us = host_now(x->h);
	x->armed_wall_us = clock_wall_us();
	rfx_enter(x, REFLEX_ARMED, "%s", "");
	rfx_record(x, "adopted", "armed by the run before");
}

/* Still in a state that can be adopted? */
static bool is_armed(const struct txn *t)
{
	return t->state == TXN_ARMED || (t->state == TXN_COMMIT && t->reflex.kind == REFLEX_KERNEL);
}

static bool take(struct reflex *x, const struct txn *t)
{
	struct reflex_ask ask = {
		.model = x->h->model, .config = x->h->config, .permit = x->permit, .slot = x->slot
	};
	struct guard_trigger trigger;
	struct anod_proposal p;
	bool lost;

	reflex_choose(&ask, &x->choice);
	x->kind = t->reflex.kind;
	lost = x->permit->reflex.link && !rfx_link_up(x);
	rfx_sentinel(x);
	rfx_trigger(x, &trigger);
	rfx_proposal(x, x->choice.action, x->choice.n_actions, x->choice.why, &p);
	/* The shadow of the last run is gone with it: the table is filled anew. */
	if (x->kind == REFLEX_BRIDGE || (!x->choice.n_actions && !lost))
		return false;
	return txns_adopt(x->h->txns, t->id, &trigger, lost ? NULL : &p) >= 0;
}

bool rfx_adopt_later(const struct reflex *x)
{
	const struct txn *t = x->tx && !x->ours ? txns_get(x->h->txns, x->tx) : NULL;

	return t && x->phase == REFLEX_WAITING && !txn_state_final(t->state) && !is_armed(t) &&
	       !t->reflex.seen_ns;
}

bool rfx_adopt(struct reflex *x, uint64_t now)
{
	const struct txn *t = x->tx && !x->ours ? txns_get(x->h->txns, x->tx) : NULL;

	(void) now;
	if (!x->tx || x->ours || x->phase != REFLEX_WAITING)
		return false;
	if (!t || txn_state_final(t->state)) {
		x->tx = 0;
		return false;
	}
	if (txns_recovering(x->h->txns) || !model_in_sync(x->h->model))
		return false;
	if (!is_armed(t)) {
		if (t->reflex.seen_ns)
			adopted(x, t);
		return t->reflex.seen_ns != 0;
	}
	if (!t->reflex.seen_ns && !take(x, t)) {
		x->ours = true;
		rfx_enter(x, REFLEX_ARMED, "%s", "");
		rfx_disarm(x, "armed by the run before for what is not so any more");
		return true;
	}
	adopted(x, t);
	return true;
}
