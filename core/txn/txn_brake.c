/*
 * txn_brake - the brake in the way of a transaction.
 *
 * Design.  A proposal of an agent that is put off or muted never becomes a transaction, so a storm
 * of them leaves no number, no record and no verdict but the refusal.  What is allowed waits for its
 * token, the oldest first.  People go past: what they have signed is not held up, but it is
 * counted.
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

static uint64_t mark_of(const struct anod_proposal *p)
{
	uint64_t hash = p->n_actions;

	for (uint32_t i = 0; i < p->n_actions; i++) {
		const struct anod_action *a = &p->action[i];
		uint32_t low = crc32c(0, a->kind, sizeof(a->kind));

		low = crc32c(low, a->arg, a->n_args * sizeof(a->arg[0]));
		hash = hash * UINT64_C(0x9e3779b97f4a7c15) + low;
	}
	return hash;
}

int brake_hear(struct txns *e, const char *agent, const struct anod_proposal *p)
{
	uint64_t now = txns_now(e), proposal = mark_of(p), mark = 0;
	char *why = e->brake_why;
	enum brake_word w = brake_ask(&e->brake, agent, proposal, now, why, sizeof(e->brake_why));
	enum level level = LEVEL_DENY;

	if (w == BRAKE_LOOK &&
	    (!e->ops->look || e->ops->look(e->data, agent, p, &level, &mark) < 0 ||
	     brake_looked(&e->brake, agent, proposal, mark, level >= LEVEL_APPROVE, now)))
		return 0;
	if (w == BRAKE_LOOK) /* no look is due now: this says why */
		w = brake_ask(&e->brake, agent, proposal, now, why, sizeof(e->brake_why));
	return w == BRAKE_STOP ? -EAGAIN : 0;
}

void brake_decided(struct txns *e, struct entry *x)
{
	enum level level = LEVEL_DENY;
	uint64_t mark = 0;

	/* What is armed is asked for again as often as its facts move. */
	if (!e->brake.on || x->t.reflex.kind != REFLEX_NONE)
		return;
	if (x->t.decision->level >= LEVEL_APPROVE) {
		brake_allow(&e->brake, x->t.agent);
		return;
	}
	if (e->ops->look)
		(void) e->ops->look(e->data, x->t.agent, &x->t.proposal, &level, &mark);
	(void) brake_deny(&e->brake, x->t.agent, mark_of(&x->t.proposal), mark, txns_now(e));
}

/* Nobody has signed it.  Making a reflex ready is no change yet. */
static bool by_itself(const struct entry *x)
{
	return x->t.reflex.kind == REFLEX_NONE && x->t.decision->level == LEVEL_AUTO &&
	       !x->t.n_approvals;
}

const char *brake_sickness(struct txns *e, const struct entry *x)
{
	if (!e->brake.on || !e->brake.sick[0] || !by_itself(x))
		return NULL;
	e->brake.n_sick++;
	return e->brake.sick;
}

const char *brake_hindrance(struct txns *e, const struct entry *x, char *buf, size_t size)
{
	uint64_t until_us;

	if (!by_itself(x) || brake_allows(&e->brake, txns_now(e), &until_us, buf, size))
		return NULL;
	e->brake_us = MIN_OF(e->brake_us, until_us);
	if (x->t.state != TXN_WAITING)
		e->brake.n_waited++;
	return buf;
}

void txns_brake(struct txns *e, const struct policy_brake *p)
{
	brake_set(&e->brake, p, txns_now(e));
	brake_forgive(&e->brake);
	ask_wake(e);
}

void txns_brake_used(struct txns *e, uint64_t at_us)
{
	brake_take(&e->brake, MIN_OF(at_us, txns_now(e)));
}

void txns_sick(struct txns *e, const char *why)
{
	(void) copy_text(e->brake.sick, sizeof(e->brake.sick), why ? why : "");
}

const struct brake *txns_get_brake(const struct txns *e)
{
	return &e->brake;
}

const char *txns_brake_why(const struct txns *e)
{
	return e->brake_why;
}
