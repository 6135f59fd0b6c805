/*
 * peers - neighbour routers: who there is, sessions with them, and what comes in.
 *
 * Design.  A session is a number that only we can make: a MAC over the peer's name, its run and how
 * many sessions there were so far, under a secret of this run.  So nothing is remembered for who has only
 * said hello, and a recorded hello, of an earlier run or an earlier session, leads nowhere: the one
 * who recorded it cannot send a request with the new number.  Inside a session numbers only rise; a
 * datagram that was overtaken is lost, and the question is repeated anyway.
 *
 * What has a wrong MAC is counted and gets no answer.  Answers are as large as questions, so nobody
 * is multiplied by us.
 */
#include "txn/peers.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "txn/peers_int.h"

const char *peer_what_text(enum peer_what w)
{
	switch (w) {
	case PEER_IS_ASKED:
		return "was asked";
	case PEER_HAS_GRANTED:
		return "granted";
	case PEER_HAS_REFUSED:
		return "refused";
	case PEER_IS_RELEASED:
		return "was given back";
	case PEER_ASKS:
		return "asks us";
	case PEER_WAS_GRANTED:
		return "has our grant";
	case PEER_WAS_REFUSED:
		return "was refused our grant";
	case PEER_RELEASES:
		return "has our grant no longer";
	}
	return "";
}

void peers_tell(struct peers *p, enum peer_what what, const char *peer, const char *grant,
		uint64_t tx, const uint8_t *plan, uint64_t hold_us, const char *why)
{
	struct peer_news n = { .what = what,
			       .peer = peer,
			       .grant = grant,
			       .why = why,
			       .tx = tx,
			       .plan = plan,
			       .hold_us = hold_us };

	p->ops->tell(p->data, &n);
}

struct link *peer_find(struct peers *p, const char *name)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->link[i].name, name) == 0)
			return &p->link[i];
	return NULL;
}

static unsigned number(const struct peers *p, const struct link *l)
{
	return (unsigned) (l - p->link);
}

static void seal(struct peers *p, const struct link *l, const struct peer_msg *m)
{
	uint8_t out[PEER_MSG_SIZE];

	peer_msg_seal(m, &p->key[number(p, l)], out);
	p->ops->send(p->data, number(p, l), out);
}

bool peer_request(struct peers *p, const char *name, struct peer_msg *m)
{
	struct link *l = peer_find(p, name);

	if (!l || !l->has_key)
		return false;
	memcpy(m->run, p->run, sizeof(m->run));
	memcpy(m->session, l->ours, sizeof(m->session));
	m->seq = ++p->seq;
	m->flags &= PEER_ROTATES;
	m->flags |= p->ops->leftover(p->data, NULL) ? 0 : PEER_FRESH;
	seal(p, l, m);
	return true;
}

bool peers_head(struct peers *p, const char *peer, struct peer_msg *m)
{
	m->type = PEER_HEAD;
	return peer_request(p, peer, m);
}

/* ---- requests that come in ------------------------------------------------------------------ */

/* What this run of the peer has to show in the session that comes next. */
static void make_session(const struct peers *p, const struct link *l,
			 const uint8_t run[PEER_RANDOM], uint8_t ret[PEER_RANDOM])
{
	uint8_t mac[crypto_auth_hmacsha512256_BYTES];
	crypto_auth_hmacsha512256_state s;

	(void) crypto_auth_hmacsha512256_init(&s, p->secret, sizeof(p->secret));
	(void) crypto_auth_hmacsha512256_update(&s, (const uint8_t *) l->name, sizeof(l->name));
	(void) crypto_auth_hmacsha512256_update(&s, run, PEER_RANDOM);
	(void) crypto_auth_hmacsha512256_update(&s, (const uint8_t *) &p->generation,
						sizeof(p->generation));
	(void) crypto_auth_hmacsha512256_final(&s, mac);
	memcpy(ret, mac, PEER_RANDOM);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return sodium_memcmp(a, b, PEER_RANDOM) == 0;
}

enum entrance { ENTER, ENTER_NOT, ENTER_HELLO };

static enum entrance enter(struct peers *p, struct link *l, const struct peer_msg *m,
			   uint8_t ret_session[PEER_RANDOM])
{
	bool known = l->in_session && same(m->run, l->run);

	if (known && same(m->session, l->session)) {
		if (m->seq <= l->seq_in) {
			l->n_replayed++;
			return ENTER_NOT;
		}
		l->seq_in = m->seq;
		return ENTER;
	}
	/* Our own word, sent back to us. */
	if (same(m->run, p->run)) {
		l->n_replayed++;
		return ENTER_NOT;
	}
	if (known)
		memcpy(ret_session, l->session, PEER_RANDOM);
	else
		make_session(p, l, m->run, ret_session);
	if (known || !same(m->session, ret_session))
		return ENTER_HELLO;

	memcpy(l->run, m->run, PEER_RANDOM);
	memcpy(l->session, ret_session, PEER_RANDOM);
	l->in_session = true;
	p->generation++;
	l->seq_in = m->seq;
	return ENTER;
}

/* A bucket of time: each request takes a tenth of a second of it. */
static bool too_many(struct link *l, uint64_t now_us)
{
	const uint64_t one = US_PER_S / PEER_REQUESTS_PER_S;

	if (now_us > l->tokens_at_us)
		l->tokens_us = MIN_OF(l->tokens_us + now_us - l->tokens_at_us, 2 * US_PER_S);
	l->tokens_at_us = now_us;
	if (l->tokens_us < one) {
		l->n_limited++;
		return true;
	}
	l->tokens_us -= one;
	return false;
}

static void take_head(struct peers *p, const struct link *l, const struct peer_msg *m,
		      struct peer_msg *a)
{
	a->type = PEER_KEPT;
	a->tx = 0;
	if (p->ops->head)
		p->ops->head(p->data, l->name, m, a);
	else
		(void) copy_text(a->why, sizeof(a->why), "nothing is kept here");
}

static void on_request(struct peers *p, struct link *l, const struct peer_msg *m, uint64_t now_us)
{
	struct peer_msg a = { .seq = m->seq, .tx = m->tx };
	enum entrance e;

	if (too_many(l, now_us))
		return;
	memcpy(a.nonce, m->nonce, sizeof(a.nonce));
	memcpy(a.plan, m->plan, sizeof(a.plan));
	memcpy(a.grant, m->grant, sizeof(a.grant));
	memcpy(a.run, p->run, sizeof(a.run));
	e = enter(p, l, m, a.session);
	if (e == ENTER_NOT)
		return;
	/* Who speaks is there: no need to wait for the next ping. */
	if (!l->answers)
		l->ping_due_us = MIN_OF(l->ping_due_us, l->pinged_us + US_PER_S);
	if (e == ENTER && m->flags & PEER_FRESH)
		given_fresh(p, l);
	if (e == ENTER_HELLO)
		a.type = PEER_HELLO;
	else if (m->type == PEER_PING)
		a.type = PEER_PONG;
	else if (m->type == PEER_HEAD)
		take_head(p, l, m, &a);
	else if (m->type == PEER_ASK)
		given_asked(p, l, m, &a, now_us);
	else
		given_released(p, l, m, &a);
	seal(p, l, &a);
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool is_ping(const struct link *l, const struct peer_msg *m)
{
	return l->ping_sent_us && same(m->nonce, l->ping);
}

static void on_answer(struct peers *p, struct link *l, const struct peer_msg *m, uint64_t now_us)
{
	bool ping = is_ping(l, m);

	if (m->type == PEER_HELLO) {
		/* Once a second is enough, whatever the peer does. */
		if (l->hello_us && now_us - l->hello_us < US_PER_S && same(l->ours, m->session))
			return;
		if (!asks_hello(p, l, m, now_us) && !ping)
			return;
		memcpy(l->ours, m->session, sizeof(l->ours));
		l->hello_us = now_us;
		if (ping) {
			l->ping_sent_us = 0;
			l->ping_due_us = now_us;
		}
		return;
	}
	if (ping && m->type == PEER_PONG) {
		l->rtt_us = now_us - l->ping_sent_us;
		l->ping_sent_us = 0;
		l->answers = true;
		l->last_us = now_us;
		return;
	}
	if (m->type == PEER_KEPT && p->ops->kept)
		p->ops->kept(p->data, l->name, m);
	else if (m->type != PEER_PONG && m->type != PEER_KEPT)
		asks_answered(p, l, m, now_us);
}

void peers_receive(struct peers *p, unsigned peer, const void *data, size_t size, uint64_t now_us)
{
	struct peer_msg m;
	struct link *l;
	int r;

	if (peer >= p->n || !p->link[peer].has_key)
		return;
	l = &p->link[peer];
	r = peer_msg_open(data, size, &p->key[peer], &m);
	if (r == -EKEYREJECTED)
		l->n_wrong_mac++;
	else if (r < 0)
		l->n_malformed++;
	else if (peer_type_is_answer(m.type))
		on_answer(p, l, &m, now_us);
	else
		on_request(p, l, &m, now_us);
}

/* ---- time ----------------------------------------------------------------------------------- */

static uint64_t ping(struct peers *p, struct link *l, uint64_t now_us)
{
	struct peer_msg m = { .type = PEER_PING };

	if (!l->has_key)
		return US_INFINITY;
	if (now_us < l->ping_due_us)
		return l->ping_due_us;
	if (l->ping_sent_us)
		l->answers = false;
	randombytes_buf(l->ping, sizeof(l->ping));
	memcpy(m.nonce, l->ping, sizeof(m.nonce));
	l->ping_sent_us = l->pinged_us = now_us;
	l->ping_due_us = now_us + PEER_PING_US;
	(void) peer_request(p, l->name, &m);
	return l->ping_due_us;
}

uint64_t peers_run(struct peers *p, uint64_t now_us)
{
	uint64_t next = given_run(p, now_us), t;
	bool fresh = !p->ops->leftover(p->data, NULL);

	t = asks_run(p, now_us);
	next = MIN_OF(next, t);
	for (unsigned i = 0; i < p->n; i++) {
		/* What an earlier run began is over: its grants can be freed. */
		if (fresh && !p->fresh)
			p->link[i].ping_due_us = now_us;
		t = ping(p, &p->link[i], now_us);
		next = MIN_OF(next, t);
	}
	p->fresh = fresh;
	return next;
}

/* ---- who there is --------------------------------------------------------------------------- */

struct peers *peers_new(const struct peers_ops *ops, void *data)
{
	struct peers *p = sodium_init() < 0 ? NULL : calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->ops = ops;
	p->data = data;
	p->key = sodium_allocarray(2 * PEERS_MAX, sizeof(*p->key));
	if (!p->key)
		return peers_free(p);
	sodium_memzero(p->key, 2 * PEERS_MAX * sizeof(*p->key));
	randombytes_buf(p->run, sizeof(p->run));
	randombytes_buf(p->secret, sizeof(p->secret));
	return p;
}

struct peers *peers_free(struct peers *p)
{
	if (!p)
		return NULL;

	sodium_free(p->key);
	sodium_memzero(p->secret, sizeof(p->secret));
	free(p);
	return NULL;
}

static const struct link *find_old(const struct link *old, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(old[i].name, name) == 0)
			return &old[i];
	return NULL;
}

void peers_configure(struct peers *p, const struct peer_def *def, unsigned n, uint64_t now_us)
{
	struct ocra_key *old_key = p->key + PEERS_MAX;
	struct link old[PEERS_MAX];
	unsigned n_old = p->n;

	memcpy(old, p->link, sizeof(old));
	memcpy(old_key, p->key, PEERS_MAX * sizeof(*old_key));
	sodium_memzero(p->key, PEERS_MAX * sizeof(*p->key));
	p->n = MIN_OF(n, (unsigned) PEERS_MAX);
	for (unsigned i = 0; i < p->n; i++) {
		const struct link *was = find_old(old, n_old, def[i].name);
		struct link *l = &p->link[i];

		if (def[i].key)
			p->key[i] = *def[i].key;
		if (was && was->has_key == !!def[i].key &&
		    sodium_memcmp(&p->key[i], &old_key[was - old], sizeof(*old_key)) == 0) {
			*l = *was;
			continue;
		}
		*l = (struct link){ .has_key = def[i].key,
				    .ping_due_us = now_us,
				    .tokens_us = 2 * US_PER_S,
				    .tokens_at_us = now_us };
		(void) copy_text(l->name, sizeof(l->name), def[i].name);
	}
	sodium_memzero(old_key, PEERS_MAX * sizeof(*old_key));
}

bool peers_nth(const struct peers *p, unsigned n, struct peer_info *ret)
{
	const struct link *l;

	if (n >= p->n)
		return false;
	l = &p->link[n];
	*ret = (struct peer_info){ .name = l->name,
				   .has_key = l->has_key,
				   .answers = l->answers,
				   .last_us = l->last_us,
				   .rtt_us = l->rtt_us,
				   .n_wrong_mac = l->n_wrong_mac,
				   .n_malformed = l->n_malformed,
				   .n_replayed = l->n_replayed,
				   .n_limited = l->n_limited };
	return true;
}
