/*
 * peers_quorum - asking neighbours for their grants, for one transaction at a time.
 *
 * Design.  All peers are asked at once; when enough of them have granted, the others are told that
 * nothing is needed (peers_ask.c).  A question of another plan is another question, with a nonce of
 * its own.
 */
#include <sodium.h>
#include <string.h>

#include "txn/peers_int.h"

/* Between the last grant and the moment that it is looked at. */
#define HOLD_SPARE_US US_PER_S

/* ---- asking --------------------------------------------------------------------------------- */

static struct ask *new_ask(struct peers *p)
{
	struct ask *found = NULL;

	for (unsigned i = 0; i < PEER_ASKS_MAX; i++) {
		struct ask *a = &p->ask[i];

		if (!a->open && !ask_is_releasing(a) && (!found || a->order < found->order))
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
	struct ask *a = ask_find(p, in->tx);
	enum txn_grants g = TXN_GRANTS_BUSY;

	why[0] = '\0';
	if (a && same_question(a, in)) {
		g = ask_settle(p, a, now_us);
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
	say_asked(ask_find(p, in->tx), why, why_size);
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
			ask_release(q, now_us);
		}
	}
	(void) asks_run(p, now_us);
}
