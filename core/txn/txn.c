/*
 * txn - the list of transactions and the one function that changes their state.
 *
 * Design.  arrows[] is the whole state machine; entry_enter() asserts on it, because a wrong
 * transition is a bug of ours that no message may cause.  Time and messages are given to the
 * part that the state belongs to.  Ended transactions stay readable in a small ring.
 */
#include "txn/txn.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "txn/txn_int.h"

#define BIT(s) (UINT64_C(1) << (s))
#define BACK   (BIT(TXN_ROLLBACK))
#define ENDS                                                                                       \
	(BIT(TXN_DONE) | BIT(TXN_ROLLED_BACK) | BIT(TXN_SUPERSEDED) | BIT(TXN_STUCK) |             \
	 BIT(TXN_ABORTED) | BIT(TXN_FAILED))

/* From a state (0: new) to those that may follow. */
static const uint64_t arrows[] = {
	/* A recovered one starts where its journal says. */
	[0] = BIT(TXN_DECIDED) | BIT(TXN_UNDOING) | BIT(TXN_DISARMING) | BIT(TXN_COMMIT) |
	      BIT(TXN_SOAK) | BIT(TXN_ARMED) | BIT(TXN_VERIFYING) | ENDS |
	      BIT(TXN_CLOSED_BY_REBOOT),
	[TXN_DECIDED] = BIT(TXN_WAITING) | BIT(TXN_PREPARING) | BIT(TXN_DENIED) | BIT(TXN_FAILED),
	[TXN_WAITING] = BIT(TXN_WAITING) | BIT(TXN_PREPARING) | BIT(TXN_DENIED) | BIT(TXN_EXPIRED) |
			BIT(TXN_FAILED),
	[TXN_PREPARING] = BIT(TXN_PREPARING) | BIT(TXN_INTENT) | BIT(TXN_WAITING) |
			  BIT(TXN_DENIED) | BIT(TXN_FAILED) | BIT(TXN_DONE), /* nothing to change */
	[TXN_INTENT] = BIT(TXN_ARMING),
	/* VERIFYING, BACK: a reflex, whose trigger may come as soon as it is sent. */
	[TXN_ARMING] = BIT(TXN_APPLYING) | BIT(TXN_ARMED) | BIT(TXN_ARMING) | BIT(TXN_VERIFYING) |
		       BIT(TXN_DISARMING) | BACK | ENDS,
	[TXN_ARMED] = BIT(TXN_ARMED) | BIT(TXN_ARMING) | BIT(TXN_VERIFYING) | BIT(TXN_DISARMING) |
		      BACK | ENDS,
	[TXN_APPLYING] = BIT(TXN_VERIFYING) | BIT(TXN_DISARMING) | BACK | ENDS,
	[TXN_VERIFYING] = BIT(TXN_SOAK) | BIT(TXN_DISARMING) | BACK | ENDS,
	[TXN_SOAK] = BIT(TXN_COMMIT) | BIT(TXN_DISARMING) | BACK | ENDS,
	[TXN_COMMIT] = BIT(TXN_COMMIT) | BIT(TXN_DISARMING) | BACK | ENDS,
	[TXN_DISARMING] = BACK | ENDS, /* BACK: the guardian fired first and could not finish */
	[TXN_ROLLBACK] = BIT(TXN_UNDOING),
	[TXN_UNDOING] = BIT(TXN_DISARMING) | ENDS,
};

static struct entry *entry_free(struct txns *e, struct entry *x)
{
	if (!x)
		return NULL;

	if (x->t.before)
		e->ops->drop_before(e->data, &x->t);
	decision_free(x->t.decision);
	free(x->t.step);
	free(x->t.change);
	free(x);
	return NULL;
}

struct entry *entry_new(struct txns *e, uint64_t id)
{
	struct entry *x;

	if (e->n == e->n_alloc) {
		unsigned n = e->n_alloc + TXNS_MAX;
		struct entry **larger = realloc(e->open, n * sizeof(struct entry *));

		if (!larger)
			return NULL;
		e->open = larger;
		e->n_alloc = n;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;

	x->t.id = id;
	x->t.created_us = txns_now(e);
	x->t.created_wall_us = e->ops->wall_us(e->data);
	x->next_undo_us = US_INFINITY;
	e->open[e->n++] = x;
	e->last_id = MAX_OF(e->last_id, id);
	return x;
}

struct entry *entry_find(const struct txns *e, uint64_t id)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->open[i]->t.id == id)
			return e->open[i];

	return NULL;
}

static void keep(struct txns *e, struct entry *x)
{
	for (unsigned i = 0; i < e->n; i++) {
		if (e->open[i] != x)
			continue;
		memmove(&e->open[i], &e->open[i + 1], (e->n - i - 1) * sizeof(struct entry *));
		e->n--;
		break;
	}
	entry_free(e, e->kept[e->kept_at]);
	e->kept[e->kept_at] = x;
	e->kept_at = (e->kept_at + 1) % TXNS_KEPT;
}

void entry_enter(struct txns *e, struct entry *x, enum txn_state s, uint64_t deadline_us,
		 const char *fmt, ...)
{
	enum txn_state old = x->t.state;
	char why[EXEC_WHY_SIZE];
	va_list ap;

	if (txn_state_final(old) || !(arrows[old] & BIT(s)))
		fprintf(stderr, "DBG T%d %s -> %s: %s | %s\n", (int) x->t.id, txn_state_name(old),
			txn_state_name(s), x->t.why, fmt);
	assert(!txn_state_final(old) && (arrows[old] & BIT(s)));

	va_start(ap, fmt);
	(void) vsnprintf(why, sizeof(why), fmt, ap); /* an argument may be t.why itself */
	va_end(ap);
	(void) copy_text(x->t.why, sizeof(x->t.why), why);
	x->t.state = s;
	x->t.changed_us = txns_now(e);
	x->t.deadline_us = deadline_us;

	if (txn_state_final(s)) {
		quorum_end(e, x);
		keep(e, x);
		lock_ended(e, x);
	}
	e->ops->on_change(e->data, &x->t, old);
	if (!txn_state_final(s))
		return;
	if (x->t.before)
		e->ops->drop_before(e->data, &x->t);
	/* It is kept for readers, and may outlive the configuration. */
	if (x->t.decision)
		decision_detach(x->t.decision);
}

int entry_record(struct txns *e, struct entry *x, enum journal_type type, uint64_t deadline_us,
		 const char *why, bool sync)
{
	struct journal_record r = {
		.type = type,
		.tx = x->t.id,
		.boot_us = txns_now(e),
		.wall_us = e->ops->wall_us(e->data),
		.deadline_us = deadline_us,
		.flags = x->terms.hold_on_crash ? GUARD_HOLD_ON_CRASH : 0,
		.reflex = x->t.reflex.kind,
	};
	int n;

	if (entry_ready(x))
		r.flags |= GUARD_REFLEX;

	(void) copy_text(r.boot_id, sizeof(r.boot_id), e->ops->boot_id(e->data));
	(void) copy_text(r.agent, sizeof(r.agent), x->t.agent);
	(void) copy_text(r.rule, sizeof(r.rule), x->terms.rule);
	(void) copy_text(r.resource, sizeof(r.resource), x->resource);
	(void) copy_text(r.why, sizeof(r.why), why);
	if (type == JOURNAL_INTENT) {
		r.n_steps = x->t.n_steps;
		r.step = x->t.step;
	}

	n = e->ops->journal(e->data, &r, sync);
	if (n == -EIO)
		e->capped = true;
	return n;
}

struct txns *txns_new(const struct txn_ops *ops, void *data)
{
	struct txns *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;

	e->ops = ops;
	e->data = data;
	e->exec_there = e->guard_there = true;
	e->brake_us = US_INFINITY;
	return e;
}

struct txns *txns_free(struct txns *e)
{
	if (!e)
		return NULL;

	for (unsigned i = 0; i < e->n; i++)
		entry_free(e, e->open[i]);
	for (unsigned i = 0; i < TXNS_KEPT; i++)
		entry_free(e, e->kept[i]);
	free(e->open);
	free(e);
	return NULL;
}

bool txns_capped(const struct txns *e)
{
	return e->capped;
}

const struct txn *txns_get(const struct txns *e, uint64_t id)
{
	const struct entry *x = entry_find(e, id);

	for (unsigned i = 0; i < TXNS_KEPT && !x; i++)
		if (e->kept[i] && e->kept[i]->t.id == id)
			x = e->kept[i];

	return x ? &x->t : NULL;
}

const struct txn *txns_nth(const struct txns *e, unsigned n)
{
	return n < e->n ? &e->open[n]->t : NULL;
}

const char *txns_resource(const struct txns *e, uint64_t id)
{
	const struct entry *x = entry_find(e, id);

	return x ? x->resource : "";
}

const char *txns_rule(const struct txns *e, uint64_t id)
{
	const struct entry *x = entry_find(e, id);

	return x ? x->terms.rule : "";
}

bool txns_leftover(const struct txns *e, bool (*is)(void *, const char *rule), void *data)
{
	for (unsigned i = 0; i < e->n; i++)
		if ((e->open[i]->recovered || e->open[i]->taken) &&
		    (!is || is(data, e->open[i]->terms.rule)))
			return true;
	return false;
}

unsigned txns_in_flight(const struct txns *e, struct anod_change *ret, uint64_t *ret_tx,
			unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n; i++) {
		const struct entry *x = e->open[i];

		if (x->t.state < TXN_INTENT || entry_held(x))
			continue;
		for (unsigned k = 0; k < x->t.n_steps; k++, n++) {
			if (n >= max)
				continue;
			ret[n] = x->t.step[k].change;
			if (ret_tx)
				ret_tx[n] = x->t.id;
		}
	}
	return n;
}

static int hangs(struct txns *e, bool guardian)
{
	return e->ops->hangs ? e->ops->hangs(e->data, guardian) : -EOPNOTSUPP;
}

/* The guardian has a reflex and does not answer: it might still fire.  It is dead before we look at
 * the kernel; what follows comes with the news of its death. */
static void reflex_hangs(struct txns *e, struct entry *x, uint64_t now, const char *why)
{
	if (!x->ended_guardian && hangs(e, true) == 0) {
		x->ended_guardian = true;
		x->t.deadline_us = now + TXN_ARM_US;
		return;
	}
	reflex_unsure(e, x, why);
}

/* What is due for one transaction. */
static void run_one(struct txns *e, struct entry *x, uint64_t now)
{
	bool late = now >= x->t.deadline_us;

	switch (x->t.state) {
	case TXN_WAITING:
		if (late)
			entry_enter(e, x, TXN_EXPIRED, US_INFINITY, "expired: %s", x->t.why);
		return;
	case TXN_PREPARING:
		if (late) {
			(void) hangs(e, false);
			entry_enter(e, x, TXN_FAILED, US_INFINITY,
				    "the executor did not plan it in time; nothing was changed");
		}
		return;
	case TXN_ARMING:
		if (late && entry_ready(x)) {
			reflex_hangs(e, x, now, "the guardian did not take it");
		} else if (late) {
			undo_end(e, x, TXN_ABORTED,
				 "the guardian did not take the undo; nothing was changed");
			(void) hangs(e, true);
		}
		return;
	case TXN_ARMED:
		if (late)
			reflex_disarm(e, x, "no reflex of the policy asks for it any more");
		else if (e->capped)
			reflex_disarm(e, x, "the journal failed");
		return;
	case TXN_APPLYING:
		if (late) {
			undo_begin(e, x, "the executor did not answer while it applied");
			(void) hangs(e, false);
		}
		return;
	case TXN_VERIFYING:
	case TXN_SOAK:
		flow_run(e, x, now);
		return;
	case TXN_COMMIT:
		x->t.undo_was_due = late;
		if (late)
			undo_begin(e, x,
				   x->orphan ? "no reflex of the policy asks for it any more"
					     : "the time of \"undo after\" is over");
		return;
	case TXN_DISARMING:
		if (late && x->leaving)
			reflex_hangs(e, x, now, x->t.why);
		else if (late)
			undo_disarmed(e, x);
		return;
	case TXN_UNDOING:
		if (late && x->fired_as && !e->exec_there) /* nobody applies anything any more */
			undo_end(e, x, x->fired_as, "the guardian undid it at its deadline");
		else if (late)
			undo_end(e, x, TXN_STUCK,
				 "neither executor nor guardian could undo it; look at the router");
		else if (now >= x->next_undo_us)
			undo_send(e, x);
		return;
	case TXN_DECIDED:
	case TXN_INTENT:
	case TXN_ROLLBACK:
	case TXN_DONE:
	case TXN_ROLLED_BACK:
	case TXN_SUPERSEDED:
	case TXN_STUCK:
	case TXN_ABORTED:
	case TXN_DENIED:
	case TXN_EXPIRED:
	case TXN_FAILED:
	case TXN_CLOSED_BY_REBOOT:
		return; /* passed through within one call, or over */
	}
}

static uint64_t due(const struct txns *e, const struct entry *x, uint64_t now)
{
	uint64_t t = x->t.deadline_us;

	if (x->t.state == TXN_VERIFYING || x->t.state == TXN_SOAK)
		t = MIN_OF(t, now + TXN_POLL_US);
	if (x->t.state == TXN_UNDOING)
		t = MIN_OF(t, x->next_undo_us);
	if (x->t.state == TXN_WAITING && !x->asks)
		t = MIN_OF(t, e->brake_us);
	if (x->t.state == TXN_WAITING && (x->asks || x->polls))
		t = MIN_OF(t, MAX_OF(now, x->asked_us + TXN_ASK_US));
	return t;
}

uint64_t txns_run(struct txns *e)
{
	uint64_t now = txns_now(e), next = US_INFINITY;

	for (unsigned i = 0; i < e->n;) {
		struct entry *x = e->open[i];

		run_one(e, x, now);
		if (i < e->n && e->open[i] == x)
			i++;
	}
	ask_wake(e);

	now = txns_now(e);
	for (unsigned i = 0; i < e->n; i++)
		next = MIN_OF(next, due(e, e->open[i], now));

	return next;
}
