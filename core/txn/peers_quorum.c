/*
 * peers_quorum - asking neighbours for their grants, for one transaction at a time.
 *
 * Design.  All peers are asked at once; when enough of them have granted, the others are told that
 * nothing is needed.  A peer that did not answer may have granted all the same, so it is told as
 * well, until it says that it knows or the grant's time is over.  A question of another plan is
 * another question, with a nonce of its own.
 */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "facts/value.h"
#include "txn/peers_int.h"

/* Between the last grant and the moment that it is looked at. */
#define HOLD_SPARE_US US_PER_S

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

static bool is_releasing(const struct ask *a)
{
	for (unsigned i = 0; i < a->n_peers; i++)
		if (a->peer[i].releasing)
			return true;
	return false;
}

/* The newest of this transaction; const or not, as the peers are. */
static struct ask *find_ask(struct peers *p, uint64_t tx)
{
	struct ask *found = NULL;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (a->tx == tx && tx && (!found || a->order > found->order))
			found = a;
	}
	return found;
}

static void release(struct ask_peer *q, uint64_t now_us)
{
	if (q->releasing || q->kept)
		return;
	q->releasing = true;
	q->next_us = now_us;
	q->pause_us = PEER_FIRST_US;
}

/* ---- asking --------------------------------------------------------------------------------- */

static struct ask *new_ask(struct peers *p)
{
	struct ask *found = NULL;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (!a->open && !is_releasing(a) && (!found || a->order < found->order))
			found = a;
	}
	if (!found)
		return NULL;
	memset(found, 0, sizeof(*found));
	found->order = ++p->n_asks;
	return found;
}

static enum txn_grants begin(struct peers *p, const struct quorum_in *in, uint64_t now_us,
			     char *why, size_t size)
{
	const struct policy_quorum *q = in->quorum;
	unsigned limit = MAX_OF(p->ops->limit(p->data, q->grant), 1u);
	unsigned own = asks_count(p, q->grant, in->tx);
	struct ask *a = NULL;
	const struct peer_given *out = given_find(p, q->grant, now_us);

	if (own + given_count(p, q->grant, NULL, now_us) < limit)
		a = new_ask(p);
	if (!a) {
		/* The same words as long as it is so: each change of them is on record. */
		(void) snprintf(why, size, "waits for the grant \"%s\": %s%s", q->grant,
				out ? out->peer : "",
				out   ? " has it"
				: own ? "another transaction here uses it"
				      : "too many questions to peers are open");
		return TXN_GRANTS_BUSY;
	}

	a->tx = in->tx;
	a->open = true;
	memcpy(a->plan, in->plan, sizeof(a->plan));
	(void) copy_text(a->grant, sizeof(a->grant), q->grant);
	a->needed = q->n;
	a->n_peers = MIN_OF(q->n_peers, (unsigned) PEERS_MAX);
	a->within_us = q->within_us;
	a->began_us = now_us;
	a->deadline_us = now_us + q->within_us;
	a->hold_us = in->hold_us + q->within_us + HOLD_SPARE_US;
	for (unsigned i = 0; i < a->n_peers; i++) {
		struct ask_peer *y = &a->peer[i];

		(void) copy_text(y->name, sizeof(y->name), q->peer[i]);
		randombytes_buf(y->nonce, sizeof(y->nonce));
		y->next_us = now_us;
		y->pause_us = PEER_FIRST_US;
		peers_tell(p, PEER_IS_ASKED, y->name, a->grant, a->tx, a->plan, a->hold_us, "");
	}
	(void) asks_run(p, now_us);
	return TXN_GRANTS_ASKED;
}

/* Is it clear by now? */
static enum txn_grants settle(struct peers *p, struct ask *a, uint64_t now_us)
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
			release(q, now_us);
		}
	}
	no = count(a, ANSWER_NO);
	if (yes >= a->needed) {
		for (unsigned i = 0; i < a->n_peers; i++)
			if (a->peer[i].answer == ANSWER_NONE) {
				a->peer[i].answer = ANSWER_UNNEEDED;
				release(&a->peer[i], now_us);
			}
		return TXN_GRANTS_GIVEN;
	}
	return a->n_peers - no < a->needed ? TXN_GRANTS_REFUSED : TXN_GRANTS_ASKED;
}

static void say_asked(const struct ask *a, char *why, size_t size)
{
	size_t n =
		(size_t) snprintf(why, size, "waits for %u of %u peers to grant \"%s\":", a->needed,
				  a->n_peers, a->grant);

	for (unsigned i = 0; i < a->n_peers && n < size; i++)
		n += (size_t) snprintf(why + n, size - n, "%s %s", i ? "," : "", a->peer[i].name);
}

/* "pe2: no: link.wan0.carrier false; pe3: no answer in 5s" */
static void say_refused(const struct ask *a, char *why, size_t size)
{
	size_t n = 0;

	why[0] = '\0';
	for (unsigned i = 0; i < a->n_peers && n < size; i++) {
		const struct ask_peer *q = &a->peer[i];
		bool silent = strncmp(q->why, "no answer", 9) == 0;

		if (q->answer == ANSWER_NO)
			n += (size_t) snprintf(why + n, size - n, "%s%s: %s%s", n ? "; " : "",
					       q->name, silent ? "" : "no: ", q->why);
	}
}

/* The grants last until the first of them, so far as they are needed, is over. */
static bool last_long(const struct ask *a, uint64_t until_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n_peers; i++)
		n += a->peer[i].answer == ANSWER_YES && a->peer[i].until_us >= until_us;
	return n >= a->needed;
}

static bool same_question(const struct ask *a, const struct quorum_in *in)
{
	return a->open && memcmp(a->plan, in->plan, sizeof(a->plan)) == 0 &&
	       strcmp(a->grant, in->quorum->grant) == 0 && a->needed == in->quorum->n;
}

enum txn_grants peers_quorum(struct peers *p, const struct quorum_in *in, bool ask, uint64_t now_us,
			     char *why, size_t why_size)
{
	struct ask *a = find_ask(p, in->tx);
	enum txn_grants g = TXN_GRANTS_BUSY;

	why[0] = '\0';
	if (a && same_question(a, in)) {
		g = settle(p, a, now_us);
		if (g == TXN_GRANTS_ASKED)
			say_asked(a, why, why_size);
		if (g == TXN_GRANTS_REFUSED)
			say_refused(a, why, why_size);
		if (g != TXN_GRANTS_GIVEN || last_long(a, now_us + in->hold_us))
			return g;
		(void) snprintf(why, why_size, "the grants of its peers are too old by now");
		g = TXN_GRANTS_BUSY;
	}
	if (!ask)
		return g;
	peers_end(p, in->tx, false, now_us);
	g = begin(p, in, now_us, why, why_size);
	if (g != TXN_GRANTS_ASKED)
		return g;
	say_asked(find_ask(p, in->tx), why, why_size);
	return g;
}

void peers_end(struct peers *p, uint64_t tx, bool keep, uint64_t now_us)
{
	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (!a->open || a->tx != tx)
			continue;
		a->open = false;
		for (unsigned k = 0; k < a->n_peers; k++) {
			struct ask_peer *q = &a->peer[k];

			if (q->answer == ANSWER_NO)
				continue; /* or it is being told */
			q->kept = keep && q->answer == ANSWER_YES;
			if (q->answer == ANSWER_YES)
				peers_tell(p, PEER_IS_RELEASED, q->name, a->grant, a->tx, a->plan,
					   0, keep ? "left to run out" : "");
			if (q->answer == ANSWER_NONE)
				q->answer = ANSWER_UNNEEDED;
			release(q, now_us);
		}
	}
	(void) asks_run(p, now_us);
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
		release(q, now_us);
	}
	(void) settle(p, a, now_us);
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

		if (!a->open && !is_releasing(a))
			continue;
		if (a->open && settle(p, a, now_us) == TXN_GRANTS_ASKED)
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
