/*
 * txn_sign - what people say to a transaction, and what it counts for.
 *
 * Design.  A signature is for one plan (policy/approval.h).  The host makes the plan with each
 * decision; here it gets its hash, and signatures under another plan are dropped, with a word to
 * the host.  Approval is never inferred: it counts for this hash, by this person, once.  What the
 * executor is about to do is compared with what was signed as well, because it plans on the kernel
 * and the decision was made on a model of it.
 */
#include <errno.h>
#include <string.h>

#include "txn/txn_int.h"

static void keep_plan(struct txn *t, const struct plan *p)
{
	memmove(&t->old_plan[1], &t->old_plan[0], (TXN_PLANS_KEPT - 1) * sizeof(t->old_plan[0]));
	t->old_plan[0] = *p;
	t->n_old_plans = MIN_OF(t->n_old_plans + 1, (unsigned) TXN_PLANS_KEPT);
}

void sign_decided(struct txns *e, struct entry *x, const struct plan *before)
{
	struct txn *t = &x->t;

	if (memcmp(before->content, t->plan.content, sizeof(before->content)) == 0) {
		t->plan = *before;
		return;
	}
	if (plan_is_set(before))
		keep_plan(t, before);
	if (t->n_approvals) {
		t->round++;
		if (e->ops->on_dropped)
			e->ops->on_dropped(e->data, t, plan_difference(before, &t->plan));
		t->n_approvals = 0;
		x->dropped = true;
	}
	plan_seal(&t->plan, t->nonce, t->round);
}

bool sign_same_effect(const struct entry *x)
{
	const struct txn *t = &x->t;
	struct anod_change change[STEPS_MAX];
	unsigned n = 0;

	if ((t->decision->level != LEVEL_APPROVE && !x->terms.quorum) || !plan_is_set(&t->plan))
		return true;

	/* What the kernel does by itself goes with the change and was not asked for. */
	for (unsigned i = 0; i < t->n_steps; i++)
		if (!(t->step[i].flags & STEP_SIDE))
			change[n++] = t->step[i].change;
	return plan_same_effect(t->change, t->n_changes, change, n);
}

/* ---- who has said what -------------------------------------------------------------------- */

static struct txn_tries *find_tries(struct txn *t, const char *user)
{
	for (unsigned i = 0; i < t->n_tries; i++)
		if (strcmp(t->tries[i].user, user) == 0)
			return &t->tries[i];
	return NULL;
}

/* Where so many have guessed that nobody more can be counted, everybody else is out as well. */
static bool locked_out(struct txn *t, const char *user)
{
	const struct txn_tries *y = find_tries(t, user);

	return y ? y->n >= APPROVAL_TRIES : t->n_tries == ARRAY_SIZE(t->tries);
}

static struct entry *asking(const struct txns *e, uint64_t id, int *ret_error)
{
	struct entry *x = entry_find(e, id);

	*ret_error = !x ? -ENOENT : x->t.state != TXN_WAITING || !x->asks ? -EINVAL : 0;
	return *ret_error ? NULL : x;
}

int txns_review(struct txns *e, uint64_t id)
{
	struct entry *x;
	int r;

	x = asking(e, id, &r);
	if (!x)
		return r;
	r = ask_decide(e, x);
	if (r < 0)
		return r;
	x->asked_us = txns_now(e);
	if (x->dropped || x->t.decision->level != LEVEL_APPROVE)
		ask_begin(e, x);
	return x->t.state == TXN_WAITING && x->asks ? 0 : -EINVAL;
}

int txns_may_sign(const struct txns *e, uint64_t id, const char *user, bool in_group)
{
	struct entry *x;
	int r;

	x = asking(e, id, &r);
	if (!x)
		return r;
	if (x->t.decision->level != LEVEL_APPROVE)
		return -EINVAL;
	if (!in_group)
		return -EPERM;
	for (unsigned i = 0; i < x->t.n_approvals; i++)
		if (strcmp(x->t.approver[i], user) == 0)
			return -EALREADY;
	if (locked_out(&x->t, user))
		return -EACCES;
	return x->t.n_approvals < ARRAY_SIZE(x->t.approver) ? 0 : -EINVAL;
}

unsigned txns_wrong_code(struct txns *e, uint64_t id, const char *user)
{
	struct entry *x = entry_find(e, id);
	struct txn_tries *y = x ? find_tries(&x->t, user) : NULL;

	if (!x || locked_out(&x->t, user))
		return 0;
	if (!y) {
		y = &x->t.tries[x->t.n_tries++];
		(void) copy_text(y->user, sizeof(y->user), user);
	}
	y->n++;
	return APPROVAL_TRIES - y->n;
}

int txns_approve(struct txns *e, uint64_t id, const char *user, bool in_group,
		 const uint8_t hash[APPROVAL_HASH])
{
	int r = txns_may_sign(e, id, user, in_group);
	struct entry *x = entry_find(e, id);
	struct txn *t;

	if (r < 0)
		return r;
	t = &x->t;
	if (memcmp(hash, t->plan.hash, sizeof(t->plan.hash)) != 0)
		return -ESTALE;

	(void) copy_text(t->approver[t->n_approvals++], sizeof(t->approver[0]), user);
	ask_again(e, x);
	return 0;
}

int txns_deny(struct txns *e, uint64_t id, const char *user)
{
	struct entry *x = entry_find(e, id);

	if (!x)
		return -ENOENT;
	if (x->t.state != TXN_WAITING)
		return -EINVAL;

	entry_enter(e, x, TXN_DENIED, US_INFINITY, "denied by %s", user);
	return 0;
}

/* ---- a no that holds ---------------------------------------------------------------------- */

void txns_person_no(struct txns *e, uint64_t id, const char *user)
{
	struct person_no *n = &e->no[e->no_at];
	const struct txn *t = txns_get(e, id);

	if (!t || t->proposal.n_actions == 0) /* of before a restart: nobody knows what it was */
		return;
	e->no_at = (e->no_at + 1) % TXN_NOES;
	proposal_digest(t->agent, &t->proposal, n->proposal);
	(void) copy_text(n->user, sizeof(n->user), user);
	n->tx = id;
	n->until_us = txns_now(e) + TXN_NO_US;
}

const struct person_no *sign_refused(const struct txns *e, const struct entry *x)
{
	uint8_t digest[APPROVAL_HASH];
	uint64_t now = txns_now(e);
	bool digested = false;

	for (unsigned i = 0; i < TXN_NOES; i++) {
		if (e->no[i].until_us <= now)
			continue;
		if (!digested)
			proposal_digest(x->t.agent, &x->t.proposal, digest);
		digested = true;
		if (memcmp(e->no[i].proposal, digest, sizeof(digest)) == 0)
			return &e->no[i];
	}
	return NULL;
}

void sign_forget(struct txns *e)
{
	memset(e->no, 0, sizeof(e->no));
}
