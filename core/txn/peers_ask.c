/*
 * peers_ask - a question to peers on its way: what is sent, what comes back, and when it is clear.
 *
 * Design.  A question is repeated until it is answered or its time is over.  A peer that did not
 * answer in time, or too late, may have granted all the same, so it is told that nothing is needed
 * until it says that it knows or the grant's time is over.
 */
#include <string.h>

#include "facts/value.h"
#include "txn/peers_int.h"

unsigned asks_count(const struct peers *p, const char *grant, uint64_t except_tx)
{
	unsigned n = p->ops->leftover(p->data, grant);

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		const struct ask *a = &p->ask[i];

		n += a->open && a->tx != except_tx && strcmp(a->grant, grant) == 0;
	}
	return n;
}

static unsigned count(const struct ask *a, enum answer what)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n_peers; i++)
		n += a->peer[i].answer == what;
	return n;
}

bool ask_is_releasing(const struct ask *a)
{
	for (unsigned i = 0; i < a->n_peers; i++)
		if (a->peer[i].releasing)
			return true;
	return false;
}

struct ask *ask_find(struct peers *p, uint64_t tx)
{
	struct ask *found = NULL;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (a->tx == tx && tx && (!found || a->order > found->order))
			found = a;
	}
	return found;
}

void ask_release(struct ask_peer *q, uint64_t now_us)
{
	if (q->releasing || q->kept)
		return;
	q->releasing = true;
	q->next_us = now_us;
	q->pause_us = PEER_FIRST_US;
}

enum txn_grants ask_settle(struct peers *p, struct ask *a, uint64_t now_us)
{
	char within[32], none[PEER_WHY_SIZE];
	unsigned yes = count(a, ANSWER_YES), no;

	if (yes < a->needed && now_us >= a->deadline_us) {
		(void) snprintf(none, sizeof(none), "no answer in %s",
				format_duration(a->within_us, within, sizeof(within)));
		for (unsigned i = 0; i < a->n_peers; i++) {
			struct ask_peer *q = &a->peer[i];

			if (q->answer != ANSWER_NONE)
				continue;
			q->answer = ANSWER_NO;
			(void) copy_text(q->why, sizeof(q->why), none);
			peers_tell(p, PEER_HAS_REFUSED, q->name, a->grant, a->tx, a->plan, 0, none);
			ask_release(q, now_us);
		}
	}
	no = count(a, ANSWER_NO);
	if (yes >= a->needed) {
		for (unsigned i = 0; i < a->n_peers; i++)
			if (a->peer[i].answer == ANSWER_NONE) {
				a->peer[i].answer = ANSWER_UNNEEDED;
				ask_release(&a->peer[i], now_us);
			}
		return TXN_GRANTS_GIVEN;
	}
	return a->n_peers - no < a->needed ? TXN_GRANTS_REFUSED : TXN_GRANTS_ASKED;
}

/* ---- what comes in -------------------------------------------------------------------------- */

static struct ask_peer *find_nonce(struct peers *p, const struct link *l, const struct peer_msg *m,
				   struct ask **ret)
{
	for (unsigned i = 0; i < PEER_ASKS_MAX; i++)
		for (unsigned k = 0; k < p->ask[i].n_peers; k++) {
			struct ask_peer *q = &p->ask[i].peer[k];

			if (memcmp(q->nonce, m->nonce, sizeof(q->nonce)) != 0 ||
			    strcmp(q->name, l->name) != 0)
				continue;
			*ret = &p->ask[i];
			return q;
		}
	return NULL;
}

bool asks_hello(struct peers *p, const struct link *l, const struct peer_msg *m, uint64_t now_us)
{
	struct ask *a;
	struct ask_peer *q = find_nonce(p, l, m, &a);

	if (!q || (q->answer != ANSWER_NONE && !q->releasing))
		return false;
	q->next_us = now_us;
	return true;
}

static void granted(struct peers *p, struct ask *a, struct ask_peer *q, const struct peer_msg *m)
{
	q->answer = ANSWER_YES;
	q->until_us = a->began_us + MIN_OF(a->hold_us, m->hold_us);
	q->why[0] = '\0';
	peers_tell(p, PEER_HAS_GRANTED, q->name, a->grant, a->tx, a->plan, m->hold_us, "");
}

void asks_answered(struct peers *p, const struct link *l, const struct peer_msg *m, uint64_t now_us)
{
	struct link *link = peer_find(p, l->name);
	struct ask_peer *q;
	struct ask *a;

	q = find_nonce(p, l, m, &a);
	if (!q || memcmp(m->plan, a->plan, sizeof(a->plan)) != 0 || strcmp(m->grant, a->grant) != 0)
		return;
	link->last_us = now_us;
	link->answers = true;
	if (m->type == PEER_RELEASED) {
		q->releasing = false;
		return;
	}
	/* Late: it is no longer waited for, and the peer is being told. */
	if (q->answer != ANSWER_NONE || !a->open || now_us >= a->deadline_us)
		return;
	if (m->type == PEER_GRANTED) {
		granted(p, a, q, m);
	} else {
		q->answer = ANSWER_NO;
		(void) copy_text(q->why, sizeof(q->why),
				 m->why[0] ? m->why : "it does not say why");
		peers_tell(p, PEER_HAS_REFUSED, q->name, a->grant, a->tx, a->plan, 0, q->why);
		/* An earlier answer to the same question may have been a yes that was lost. */
		ask_release(q, now_us);
	}
	(void) ask_settle(p, a, now_us);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void send_one(struct peers *p, struct ask *a, struct ask_peer *q, uint64_t now_us)
{
	struct peer_msg m = { .type = q->releasing ? PEER_RELEASE : PEER_ASK,
			      .tx = a->tx,
			      .hold_us = a->hold_us };

	memcpy(m.nonce, q->nonce, sizeof(m.nonce));
	memcpy(m.plan, a->plan, sizeof(m.plan));
	memcpy(m.grant, a->grant, sizeof(m.grant));
	(void) peer_request(p, q->name, &m);
	q->next_us = now_us + q->pause_us;
	q->pause_us = MIN_OF(2 * q->pause_us, q->releasing ? PEER_SLOW_US : PEER_AGAIN_US);
}

static uint64_t run_one(struct peers *p, struct ask *a, struct ask_peer *q, uint64_t now_us)
{
	/* A grant that was given last at the deadline is over by then. */
	if (q->releasing && now_us >= a->deadline_us + a->hold_us)
		q->releasing = false;
	if (!q->releasing && (q->answer != ANSWER_NONE || !a->open))
		return US_INFINITY;
	if (now_us >= q->next_us)
		send_one(p, a, q, now_us);
	return q->next_us;
}

uint64_t asks_run(struct peers *p, uint64_t now_us)
{
	uint64_t next = US_INFINITY, t;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (!a->open && !ask_is_releasing(a))
			continue;
		if (a->open && ask_settle(p, a, now_us) == TXN_GRANTS_ASKED)
			next = MIN_OF(next, a->deadline_us);
		for (unsigned k = 0; k < a->n_peers; k++) {
			t = run_one(p, a, &a->peer[k], now_us);
			next = MIN_OF(next, t);
		}
	}
	return next;
}

/* ---- looking -------------------------------------------------------------------------------- */

bool peers_asked(const struct peers *p, uint64_t tx, unsigned n, struct quorum_info *ret)
{
	const struct ask *a = NULL;
	const struct ask_peer *q;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++)
		if (p->ask[i].tx == tx && tx && (!a || p->ask[i].order > a->order))
			a = &p->ask[i];
	if (!a || n >= a->n_peers)
		return false;
	q = &a->peer[n];
	*ret = (struct quorum_info){
		.peer = q->name, .grant = a->grant, .why = q->why, .needed = a->needed
	};
	switch (q->answer) {
	case ANSWER_NONE:
		ret->answer = "asked";
		break;
	case ANSWER_YES:
		ret->answer = a->open ? "granted" : q->kept ? "left to run out" : "given back";
		break;
	case ANSWER_NO:
		ret->answer = "refused";
		break;
	case ANSWER_UNNEEDED:
		ret->answer = "not needed";
		break;
	}
	return true;
}
