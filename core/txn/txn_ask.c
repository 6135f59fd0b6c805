/*
 * txn_ask - from a proposal to PREPARE: decisions, signatures, leases.
 *
 * Design.  A decision is about a moment.  So whenever a proposal has waited - for a person, for
 * the lease of its resource, for the end of a pause - it is decided again before it goes on, and
 * once more at INTENT when the model has moved (txn_flow.c).  Signatures are for a plan and count
 * across decisions only as long as that stays the same (txn_sign.c).
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

void ask_terms(struct entry *x)
{
	const struct decision *d = x->t.decision;
	const struct policy_rule *p = d->permit;
	struct terms *m = &x->terms;

	*m = (struct terms){ .wait_us = TXN_WAIT_US, .verify_us = TXN_VERIFY_DEFAULT_US };
	(void) copy_text(x->resource, sizeof(x->resource), d->resource);
	if (!p)
		return;

	(void) copy_text(m->rule, sizeof(m->rule), p->name);
	m->approvals = p->approvals;
	if (p->approve_within_us)
		m->wait_us = p->approve_within_us;
	if (p->verify_within_us)
		m->verify_us = p->verify_within_us;
	m->confirm_us = p->confirm_us;
	m->by_hand = p->confirm_by_hand;
	m->undo_after_us = p->undo_after_us;
	m->unless_renewed = p->undo_unless_renewed;
	m->hold_on_crash = p->hold_on_crash;
	m->foreign = p->touch_foreign;
	m->quorum = p->quorum.n;
	m->priority = p->priority;
}

int ask_decide(struct txns *e, struct entry *x)
{
	struct plan before = x->t.plan;
	int r = e->ops->decide(e->data, &x->t);

	if (r < 0)
		return r;
	if (!x->t.decision)
		return -EINVAL;

	ask_terms(x);
	lease_decided(e, x);
	sign_decided(e, x, &before);
	return 0;
}

const char *ask_hindrance(struct txns *e, struct entry *x, char *buf, size_t size)
{
	const char *why;

	if (e->paused)
		return "the operator has paused all changes";
	if (txns_recovering(e))
		return "transactions of before the restart are being undone";
	if (!e->guard_there)
		return "there is no guardian to hold the undo";
	if (!e->exec_there)
		return "there is no executor";
	why = lease_hindrance(e, x, buf, size);
	return why ? why : brake_hindrance(e, x, buf, size);
}

static unsigned needs(const struct entry *x)
{
	if (x->t.decision->level != LEVEL_APPROVE)
		return 0;

	return MAX_OF(x->terms.approvals, 1u);
}

/* WAITING, or the same with another reason; the deadline runs from the first time. */
void ask_wait(struct txns *e, struct entry *x, bool asks, const char *why)
{
	x->asks = asks;
	x->polls = false;
	if (x->t.state == TXN_WAITING && strcmp(x->t.why, why) == 0)
		return;

	x->asked_us = txns_now(e);
	if (!x->wait_until_us)
		x->wait_until_us = txns_now(e) + x->terms.wait_us;
	entry_enter(e, x, TXN_WAITING, x->wait_until_us, "%s", why);
}

static void refuse(struct txns *e, struct entry *x)
{
	const struct decision *d = x->t.decision;
	const char *reason = d->reason ? d->reason : "no permit";

	switch (d->level) {
	case LEVEL_DENY:
		entry_enter(e, x, TXN_DENIED, US_INFINITY, "denied: %s", reason);
		return;
	case LEVEL_OBSERVE:
		entry_enter(e, x, TXN_DENIED, US_INFINITY, "only observed: %s", reason);
		return;
	case LEVEL_PROPOSE:
		entry_enter(e, x, TXN_DENIED, US_INFINITY,
			    "only proposed, a person may carry it out: %s", reason);
		return;
	case LEVEL_APPROVE:
	case LEVEL_AUTO:
		return;
	}
}

void ask_begin(struct txns *e, struct entry *x)
{
	char buf[EXEC_WHY_SIZE];
	const char *why;
	unsigned n = needs(x);

	x->dropped = false;
	brake_decided(e, x);
	if (x->t.decision->level < LEVEL_APPROVE) {
		refuse(e, x);
		return;
	}
	why = brake_sickness(e, x);
	if (why) {
		entry_enter(e, x, TXN_DENIED, US_INFINITY, "only observed: %s", why);
		return;
	}
	if (e->capped) {
		entry_enter(e, x, TXN_DENIED, US_INFINITY,
			    "only observed: the journal failed, nothing is applied until the "
			    "daemon is restarted on a good disk");
		return;
	}
	if (lock_says_no(e, x, buf, sizeof(buf))) {
		entry_enter(e, x, TXN_DENIED, US_INFINITY, "only observed: %s", buf);
		return;
	}
	if (x->t.n_approvals < n) {
		quorum_end(e, x); /* they are short-lived, people are not */
		(void) snprintf(buf, sizeof(buf), "waits for %u of %u approvals: %s",
				n - x->t.n_approvals, n,
				x->t.decision->reason ? x->t.decision->reason : "");
		ask_wait(e, x, true, buf);
		return;
	}
	why = ask_hindrance(e, x, buf, sizeof(buf));
	if (why) {
		quorum_end(e, x);
		ask_wait(e, x, false, why);
		return;
	}

	if (!quorum_ask(e, x))
		return;
	if (reflex_clear(e, x)) {
		ask_wait(e, x, false, ask_hindrance(e, x, buf, sizeof(buf)));
		return;
	}

	x->asks = x->polls = false;
	x->t.n_steps = 0; /* of an earlier plan, and so are the objects in it */
	entry_enter(e, x, TXN_PREPARING, txns_now(e) + TXN_PREPARE_US, "the executor plans it");
	msg_prepare(e, x);
}

void ask_again(struct txns *e, struct entry *x)
{
	int r = ask_decide(e, x);

	if (r < 0)
		entry_enter(e, x, TXN_FAILED, US_INFINITY, "could not be decided: %s",
			    strerror(-r));
	else
		ask_begin(e, x);
}

/*
 * While it waits for signatures the world goes on: a permit that needs none may have become true
 * (a window opened, the fault grew).  It is decided again once in TXN_ASK_US; an answer that only
 * fell leaves it waiting, because the decision before INTENT has the last word anyway.
 */
static bool ask_overtaken(struct txns *e, struct entry *x)
{
	uint64_t now = txns_now(e);

	if (now - x->asked_us < TXN_ASK_US)
		return false;

	x->asked_us = now;
	return ask_decide(e, x) >= 0 && (x->t.decision->level == LEVEL_AUTO || x->dropped);
}

void ask_wake(struct txns *e)
{
	char buf[EXEC_WHY_SIZE];

	e->brake_us = US_INFINITY;
	for (unsigned i = 0; i < e->n;) {
		struct entry *x = e->open[i];
		const char *why = NULL;

		if (x->t.state == TXN_WAITING && !x->asks && quorum_wakes(e, x) &&
		    (x->polls || e->capped || !(why = ask_hindrance(e, x, buf, sizeof(buf)))))
			ask_again(e, x);
		else if (x->t.state == TXN_WAITING && x->asks && ask_overtaken(e, x))
			ask_begin(e, x);
		else if (why)
			ask_wait(e, x, false, why); /* for somebody else by now */
		if (i < e->n && e->open[i] == x)
			i++;
	}
}

/* ---- what the world says ------------------------------------------------------------------ */

static bool same_action(const struct anod_action *a, const struct anod_action *b)
{
	return a->n_args == b->n_args && memcmp(a->kind, b->kind, sizeof(a->kind)) == 0 &&
	       memcmp(a->arg, b->arg, a->n_args * sizeof(a->arg[0])) == 0;
}

static bool same_proposal(const struct anod_proposal *a, const struct anod_proposal *b)
{
	if (a->n_actions != b->n_actions)
		return false;
	for (uint32_t i = 0; i < a->n_actions; i++)
		if (!same_action(&a->action[i], &b->action[i]))
			return false;

	return true;
}

static struct entry *find_same(const struct txns *e, const char *agent,
			       const struct anod_proposal *p)
{
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *x = e->open[i];

		if (!x->recovered && strcmp(x->t.agent, agent) == 0 &&
		    same_proposal(&x->t.proposal, p))
			return x;
	}
	return NULL;
}

static bool proposal_valid(const struct anod_proposal *p)
{
	if (p->n_actions == 0 || p->n_actions > ANOD_ACTIONS_MAX)
		return false;
	for (uint32_t i = 0; i < p->n_actions; i++)
		if (p->action[i].n_args > ANOD_ARGS_MAX)
			return false;

	return true;
}

static int propose(struct txns *e, const char *agent, uint64_t agent_ref, uint64_t incident,
		   const struct txn_reflex *reflex, const struct anod_proposal *p, uint64_t *ret_id)
{
	const struct person_no *no;
	struct entry *x;
	uint64_t id;
	int r;

	if (!proposal_valid(p))
		return -EINVAL;

	x = find_same(e, agent, p);
	if (x) {
		*ret_id = x->t.id;
		if (x->t.state == TXN_COMMIT && x->terms.unless_renewed && !x->t.reflex.kind)
			flow_renew(e, x);
		return -EALREADY;
	}
	if (e->n >= TXNS_MAX)
		return -EBUSY;
	r = reflex ? 0 : brake_hear(e, agent, p);
	if (r < 0)
		return r;

	id = e->ops->next_tx(e->data);
	if (!id)
		return -EIO;
	x = entry_new(e, id);
	if (!x)
		return -ENOMEM;

	(void) copy_text(x->t.agent, sizeof(x->t.agent), agent);
	x->t.agent_ref = agent_ref;
	x->t.incident = incident;
	x->t.finding = p->finding;
	x->t.proposal = *p;
	if (reflex) {
		x->t.reflex.kind = reflex->kind;
		x->t.reflex.trigger = reflex->trigger;
	}
	*ret_id = id;

	no = sign_refused(e, x);
	if (no) {
		entry_enter(e, x, TXN_DECIDED, US_INFINITY, "%s", p->reason);
		entry_enter(e, x, TXN_DENIED, US_INFINITY,
			    "denied: %s has said no to the same in T%llu", no->user,
			    (unsigned long long) no->tx);
		return 0;
	}
	r = ask_decide(e, x);
	entry_enter(e, x, TXN_DECIDED, US_INFINITY, "%s",
		    r >= 0 && x->t.decision->reason ? x->t.decision->reason : p->reason);
	if (r < 0)
		entry_enter(e, x, TXN_FAILED, US_INFINITY, "could not be decided: %s",
			    strerror(-r));
	else
		ask_begin(e, x);
	return 0;
}

int txns_propose(struct txns *e, const char *agent, uint64_t agent_ref, uint64_t incident,
		 const struct anod_proposal *p, uint64_t *ret_id)
{
	return propose(e, agent, agent_ref, incident, NULL, p, ret_id);
}

int txns_arm(struct txns *e, const char *agent, const struct txn_reflex *r,
	     const struct anod_proposal *p, uint64_t *ret_id)
{
	const struct guard_trigger *g = &r->trigger;
	bool named = g->link[0] && memchr(g->link, 0, sizeof(g->link));

	if (!reflex_kind_name(r->kind) || (g->ifindex ? !named : g->link[0] || g->sentinel_us))
		return -EINVAL;

	return propose(e, agent, 0, 0, r, p, ret_id);
}

int txns_withdraw(struct txns *e, uint64_t id, const char *why)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (x->t.state != TXN_WAITING)
		return -EINVAL;

	entry_enter(e, x, TXN_EXPIRED, US_INFINITY, "%s", why);
	return 0;
}

void txns_pause(struct txns *e, bool paused)
{
	e->paused = paused;
	if (paused)
		reflex_disarm_all(e, "the operator has paused all changes");
	else
		sign_forget(e);
	ask_wake(e);
}

void txns_policy_changed(struct txns *e)
{
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *x = e->open[i];

		if (x->t.state >= TXN_INTENT || !x->t.decision)
			continue;
		x->t.decision->generation = UINT64_MAX; /* of no model: decided again at INTENT */
		x->asked_us = 0;
	}
	brake_forgive(&e->brake);
	ask_wake(e);
}
