/*
 * reflexes_txn - what the transactions of reflexes tell.
 *
 * Design.  The engine must not be called from inside its own reports, so these only set the state,
 * and the next turn acts.  A transaction tells of itself before the caller has its number, so whose
 * is being made is remembered.
 */
#include <string.h>

#include "base/clock.h"
#include "host/reflexes_int.h"

static struct reflex *of_tx(struct reflexes *s, uint64_t id)
{
	for (unsigned i = 0; s && i < s->n; i++)
		if (s->item[i]->tx == id || s->item[i]->back_tx == id)
			return s->item[i];
	return NULL;
}

static void armed(struct reflex *x)
{
	x->armed_us = host_now(x->h);
	x->armed_wall_us = clock_wall_us();
	x->backoff_us = x->lost_us = x->unread_us = 0;
	rfx_enter(x, REFLEX_ARMED, "%s", "");
	rfx_record(x, "armed", x->choice.why);
	reflexes_save(x->h->reflexes);
}

static void back_off(struct reflex *x)
{
	x->backoff_us = x->backoff_us ? MIN_OF(x->backoff_us * 2, REFLEX_BACKOFF_US) : US_PER_S;
	x->next_us = host_now(x->h) + x->backoff_us;
}

/* How the transaction of what has fired ended. */
static void end_fired(struct reflex *x, const struct txn *t)
{
	if (t->state == TXN_DONE || t->undo_was_due)
		rfx_settle(x, FIRING_VERIFIED, t->why);
	else
		rfx_settle(x, t->state == TXN_ROLLED_BACK ? FIRING_UNDONE : FIRING_UNSURE, t->why);
	/* What was taken back needs no way back. */
	if (t->state == TXN_ROLLED_BACK)
		x->n_back = 0;
	x->quiet_us = 0;
	rfx_enter(x, REFLEX_REFRACTORY, "%s", "");
}

static void ended(struct reflex *x, const struct txn *t)
{
	enum reflex_phase was = x->phase;

	if (x->bridge && was != REFLEX_WAITING)
		bridge_rest(x->bridge);
	if (was == REFLEX_FIRED) {
		end_fired(x, t);
	} else if (was == REFLEX_ARMED) {
		rfx_record(x, "disarmed", x->leaving ? x->why : t->why);
		rfx_enter(x, REFLEX_WAITING, "%s", x->leaving ? x->why : t->why);
	} else if (was == REFLEX_ARMING) {
		rfx_enter(x, REFLEX_WAITING, "%s", x->leaving ? x->why : t->why);
		if (!x->leaving)
			back_off(x);
	} else if (was == REFLEX_REFRACTORY) {
		rfx_enter(x, REFLEX_WAITING, "it is armed again");
	}
	x->tx = 0;
	x->leaving = false;
	x->kind = REFLEX_NONE;
	x->routes = x->facts = true;
	reflexes_save(x->h->reflexes);
}

void reflexes_txn(struct host *h, const struct txn *t, enum txn_state old)
{
	struct reflexes *s = h->reflexes;
	struct reflex *x = of_tx(s, t->id);

	if (!x && s && s->asking && old == 0) {
		x = s->asking;
		if (s->returning)
			x->back_tx = t->id;
		else
			x->tx = t->id;
	}
	if (!x)
		return;
	if (x->back_tx == t->id) {
		rfx_returned(x, t);
		return;
	}
	/* A run that takes over finds it by this, however far it has come. */
	if (x->phase == REFLEX_ARMING && t->state == TXN_INTENT)
		reflexes_save(s);
	if (txn_state_final(t->state))
		ended(x, t);
	else if (x->phase == REFLEX_ARMING && t->state == TXN_WAITING)
		(void) copy_text(x->why, sizeof(x->why), t->why);
	else if (x->phase == REFLEX_ARMING &&
		 (t->state == TXN_ARMED || (t->state == TXN_COMMIT && x->kind == REFLEX_KERNEL)))
		armed(x);
}

void reflexes_fired(struct host *h, const struct txn *t)
{
	struct reflex *x = of_tx(h->reflexes, t->id);

	if (x && x->tx == t->id)
		rfx_has_fired(x, t);
}

void reflexes_judged(struct host *h, const struct txn *t, const struct whatif *w)
{
	struct reflex *x = of_tx(h->reflexes, t->id);

	if (!x && h->reflexes && !h->reflexes->returning)
		x = h->reflexes->asking;
	if (x && w)
		rfx_effect(x, w);
}
