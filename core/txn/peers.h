/*
 * peers - neighbour routers as a brake: asking them for a grant, and giving one.
 *
 * A permit with "quorum 1 of peers { pe2, pe3 } grant "edge-drain" within 5s" goes on only when so
 * many of them have granted exactly its plan.  Each router counts, for every name of a grant, what
 * it has given away and what it wants or uses itself; together that is never more than "at most N"
 * of its own grant statement (1 where there is none).  So two routers that ask each other at the
 * same moment get two noes, or one yes, and never two.
 *
 * A grant is for one question of one run of the asker (its nonce) and ends when it is released, or
 * when the time that was asked for is over.  The asker counts that time from when it first asked,
 * the giver from when it gave, so the asker stops first.  What is given is written down before it
 * is said, and a giver that was killed still knows it.
 *
 * Nobody's word is taken without the MAC of the shared key.  A question is believed only inside a
 * session, that is a random number which the receiver made for this run of the sender, and with a
 * higher number than the one before; so no recorded question is good twice, also after a restart
 * of either side.  An answer repeats the question's nonce.
 *
 * Pure but for random numbers: datagrams, time and the disk are the caller's.  Threads: one.
 * Nothing is allocated after peers_new().
 */
#ifndef TXN_PEERS_H
#define TXN_PEERS_H

#include "policy/policy.h"
#include "txn/peer_msg.h"
#include "txn/txn.h"

#define PEERS_MAX	    16 /* neighbours of one router */
#define PEER_GIVEN_MAX	    64 /* grants given at once */
#define PEER_ASKS_MAX	    (TXNS_MAX + 16)
#define PEER_PING_US	    (UINT64_C(10) * 1000000)
#define PEER_HOLD_MAX_US    (UINT64_C(7) * 86400 * 1000000) /* longest grant that is given */
#define PEER_REQUESTS_PER_S 10				    /* of one peer, twice as many at once */

struct peer_given {		     /* a grant that another router has from us */
	char grant[PEER_GRANT_SIZE]; /* "": the place is free */
	char peer[ANOD_NAME_SIZE];
	uint8_t run[PEER_RANDOM], nonce[PEER_RANDOM], plan[APPROVAL_HASH];
	uint64_t tx, until_us;
};

enum peer_what {
	PEER_IS_ASKED = 1, /* we have asked the peer */
	PEER_HAS_GRANTED,
	PEER_HAS_REFUSED, /* or has not answered in time */
	PEER_IS_RELEASED, /* we need its grant no longer */
	PEER_ASKS,	  /* the peer has asked us */
	PEER_WAS_GRANTED,
	PEER_WAS_REFUSED,
	PEER_RELEASES, /* the peer has given our grant back, or it has run out */
};
const char *peer_what_text(enum peer_what w); /* "pe2 PAST-TENSE-WORDS" for ledger and people */

struct peer_news {
	enum peer_what what;
	const char *peer, *grant, *why; /* why: "" where there is nothing to say */
	uint64_t tx;			/* the asker's */
	const uint8_t *plan;
	uint64_t hold_us;
};

struct peers_ops {
	void (*send)(void *, unsigned peer, const uint8_t datagram[PEER_MSG_SIZE]);
	/* How many of this grant may be out or in use here at once; 0: there is no such statement. */
	unsigned (*limit)(void *, const char *grant);
	/* Guard, window and budget of our grant statement; changes nothing.  False: why not. */
	bool (*may)(void *, const char *grant, const char *peer, char *why, size_t size);
	/* Charge the budget and write the place down, durably; < 0: it could not be and is not given. */
	int (*give)(void *, unsigned place, const struct peer_given *g);
	void (*over)(void *, unsigned place); /* it is free again */
	/* Is a transaction of an earlier run open that uses this grant (NULL: any transaction)? */
	bool (*leftover)(void *, const char *grant);
	void (*tell)(void *, const struct peer_news *n);
	/* A checkpoint of the peer's ledger; tx and why of the answer are what is kept of it. */
	void (*head)(void *, const char *peer, const struct peer_msg *m, struct peer_msg *answer);
	/* What the peer keeps of ours; its nonce is that of peers_head(). */
	void (*kept)(void *, const char *peer, const struct peer_msg *m);
};

struct peer_def {
	const char *name;
	const struct ocra_key *key; /* NULL: it cannot be read; copied */
};

struct peer_info { /* for people */
	const char *name;
	bool has_key, answers; /* answers: the last ping */
	uint64_t last_us;      /* of an answer; 0: never */
	uint64_t rtt_us;       /* 0: not known */
	uint64_t n_wrong_mac, n_malformed, n_replayed, n_limited;
};

struct peers;
struct peers *peers_new(const struct peers_ops *ops, void *data); /* NULL: no memory */
struct peers *peers_free(struct peers *p);
DEFINE_CLEANUP(struct peers *, peers_free);

/* Whom there is, at most PEERS_MAX; who was there before by the same name and key is known still. */
void peers_configure(struct peers *p, const struct peer_def *def, unsigned n, uint64_t now_us);
/* A grant that an earlier run has given, from the disk. */
void peers_restore(struct peers *p, unsigned place, const struct peer_given *g);

/* What came from the n-th peer's address. */
void peers_receive(struct peers *p, unsigned peer, const void *data, size_t size, uint64_t now_us);
/* Send what is due; when to come again. */
uint64_t peers_run(struct peers *p, uint64_t now_us);

/* ---- asking --------------------------------------------------------------------------------- */

struct quorum_in {
	uint64_t tx;
	const uint8_t *plan; /* APPROVAL_HASH */
	const struct policy_quorum *quorum;
	uint64_t hold_us; /* how long the grants have to last from now on */
};
/* How it stands; with 'ask' it begins to ask (again, when the plan is another one).  'why' gets
 * one sentence. */
enum txn_grants peers_quorum(struct peers *p, const struct quorum_in *in, bool ask, uint64_t now_us,
			     char *why, size_t why_size);
/* The transaction needs its grants no longer.  'keep': they are not given back and run out. */
void peers_end(struct peers *p, uint64_t tx, bool keep, uint64_t now_us);

/* Hand a checkpoint to a peer: once; who wants it to arrive asks again.  The caller fills grant, tx,
 * plan, hold_us, why, nonce and PEER_ROTATES.  False: there is no such peer. */
bool peers_head(struct peers *p, const char *peer, struct peer_msg *m);

/* ---- looking -------------------------------------------------------------------------------- */

bool peers_nth(const struct peers *p, unsigned n, struct peer_info *ret);
const struct peer_given *peers_given(const struct peers *p, unsigned place); /* NULL: free */

struct quorum_info {				 /* one peer's part in a transaction */
	const char *peer, *grant, *answer, *why; /* answer: "asked", "granted", ...; static */
	unsigned needed;
};
/* The n-th peer that the transaction has asked, last time that it asked; false: no more. */
bool peers_asked(const struct peers *p, uint64_t tx, unsigned n, struct quorum_info *ret);

#endif
