/*
 * txn_lock - resources that nobody may change for now.
 *
 * Design.  A transaction that is STUCK (C20) leaves a router that is neither before nor after, and
 * another one would build on that; so its resource is locked until a person has looked, also over
 * a restart: the journal keeps STUCK until it is unlocked.  A reboot ends it, for it undoes what
 * was stuck.  Where somebody else has changed what was ours (SUPERSEDED) two parties work on one
 * thing: it is left to the other one for TXN_LOCK_US.  A locked resource caps everybody to observe,
 * but for the safe profile, which the engineer wrote for this very case.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "txn/txn_int.h"

static bool is_over(const struct txn_lock *l, uint64_t now_us)
{
	return l->until_us <= now_us;
}

/* A free place, or that of the lock that would end first. */
static struct txn_lock *place(struct txns *e)
{
	struct txn_lock *best = &e->lock[0];

	for (unsigned i = 1; i < TXN_LOCKS; i++)
		if (e->lock[i].until_us < best->until_us)
			best = &e->lock[i];

	return best;
}

static void set(struct txns *e, const char *resource, uint64_t tx, uint64_t until_us)
{
	struct txn_lock *l = place(e);

	*l = (struct txn_lock){ .tx = tx, .until_us = until_us };
	(void) copy_text(l->resource, sizeof(l->resource), resource);
}

void lock_ended(struct txns *e, const struct entry *x)
{
	bool stuck = x->t.state == TXN_STUCK;
	char why[EXEC_WHY_SIZE];

	if ((!stuck && x->t.state != TXN_SUPERSEDED) || !x->resource[0])
		return;

	set(e, x->resource, x->t.id, stuck ? US_INFINITY : txns_now(e) + TXN_LOCK_US);
	(void) snprintf(why, sizeof(why), "%s is locked", x->resource);
	for (unsigned i = 0; i < e->n; i++)
		if (e->open[i]->t.state == TXN_ARMED &&
		    strcmp(e->open[i]->resource, x->resource) == 0)
			reflex_disarm(e, e->open[i], why);
}

bool lock_says_no(const struct txns *e, const struct entry *x, char *buf, size_t size)
{
	uint64_t now = txns_now(e);

	if (strcmp(x->t.agent, SAFE_AGENT_NAME) == 0)
		return false; /* what is locked is what it is for */

	for (unsigned i = 0; i < TXN_LOCKS; i++) {
		const struct txn_lock *l = &e->lock[i];

		if (is_over(l, now) || strcmp(l->resource, x->resource) != 0)
			continue;
		if (l->until_us == US_INFINITY)
			(void) snprintf(buf, size,
					"T%llu is stuck and %s is locked until a person has looked "
					"(anodctl unlock %s)",
					(unsigned long long) l->tx, l->resource, l->resource);
		else
			(void) snprintf(buf, size,
					"somebody else has changed what T%" PRIu64 " did to %s, "
					"which is left alone for %" PRIu64 " s more",
					l->tx, l->resource, (l->until_us - now) / US_PER_S + 1);
		return true;
	}
	return false;
}

static int note_unlocked(struct txns *e, const struct txn_lock *l, const char *why, bool sync)
{
	struct journal_record r = {
		.type = JOURNAL_UNLOCKED,
		.tx = l->tx,
		.boot_us = txns_now(e),
		.wall_us = e->ops->wall_us(e->data),
	};

	(void) copy_text(r.boot_id, sizeof(r.boot_id), e->ops->boot_id(e->data));
	(void) copy_text(r.resource, sizeof(r.resource), l->resource);
	(void) copy_text(r.why, sizeof(r.why), why);
	return e->ops->journal(e->data, &r, sync);
}

int lock_recover(struct txns *e, const struct journal *j)
{
	unsigned n = journal_stuck_count(j);
	struct journal_record *stuck = calloc(MAX_OF(n, 1u), sizeof(*stuck));

	if (!stuck)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) /* the list changes below */
		stuck[i] = *journal_stuck_at(j, i);

	for (unsigned i = 0; i < n; i++) {
		struct txn_lock l = { .tx = stuck[i].tx };

		(void) copy_text(l.resource, sizeof(l.resource), stuck[i].resource);
		if (strcmp(stuck[i].boot_id, e->ops->boot_id(e->data)) == 0)
			set(e, l.resource, l.tx, US_INFINITY);
		else
			(void) note_unlocked(e, &l, "the machine was restarted", false);
	}
	free(stuck);
	return 0;
}

int txns_unlock(struct txns *e, const char *resource, const char *user)
{
	uint64_t now = txns_now(e);
	char why[ANOD_REASON_SIZE];
	int r = -ENOENT;

	(void) snprintf(why, sizeof(why), "unlocked by %s", user);
	for (unsigned i = 0; i < TXN_LOCKS; i++) {
		struct txn_lock *l = &e->lock[i];

		if (is_over(l, now) || strcmp(l->resource, resource) != 0)
			continue;
		/* When this is lost it is locked again after the next start: safe. */
		if (l->until_us == US_INFINITY)
			(void) note_unlocked(e, l, why, true);
		l->until_us = 0;
		r = 0;
	}
	return r;
}

const struct txn_lock *txns_lock(const struct txns *e, unsigned n)
{
	uint64_t now = txns_now(e);

	for (unsigned i = 0; i < TXN_LOCKS; i++)
		if (!is_over(&e->lock[i], now) && n-- == 0)
			return &e->lock[i];

	return NULL;
}
