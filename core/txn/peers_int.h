/*
 * peers_int - what the files of peers share.
 *
 * peers.c: who there is, sessions, what comes in.  peers_grant.c: giving.
 * peers_quorum.c: asking; peers_ask.c: a question on its way.
 */
#ifndef TXN_PEERS_INT_H
#define TXN_PEERS_INT_H

#include "base/clock.h"
#include "txn/peers.h"

#define PEER_FIRST_US (100 * US_PER_MS) /* until a question is repeated; doubled each time */
#define PEER_AGAIN_US (1 * US_PER_S)	/* at most, while it is waited for */
#define PEER_SLOW_US  (10 * US_PER_S)	/* at most, while a grant is given back */

struct link { /* one peer */
	char name[ANOD_NAME_SIZE];
	bool has_key;
	/* as the one who is asked */
	uint8_t run[PEER_RANDOM], session[PEER_RANDOM]; /* of the peer; what we gave it */
	bool in_session;
	uint64_t seq_in;		  /* the highest in this session */
	uint64_t tokens_us, tokens_at_us; /* of its requests, in time */
	/* as the one who asks */
	uint8_t ours[PEER_RANDOM]; /* what it gave us */
	uint8_t ping[PEER_RANDOM];
	uint64_t ping_sent_us, ping_due_us; /* sent 0: answered */
	uint64_t pinged_us;		    /* the last one */
	uint64_t hello_us;		    /* when it last gave us a session */
	bool answers;
	uint64_t last_us, rtt_us;
	uint64_t n_wrong_mac, n_malformed, n_replayed, n_limited;
};

enum answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO, ANSWER_UNNEEDED };

struct ask_peer { /* one peer of a question */
	char name[ANOD_NAME_SIZE];
	enum answer answer;
	bool releasing; /* it may have given a grant that is not needed; told until it says so */
	bool kept;	/* not given back */
	uint8_t nonce[PEER_RANDOM];
	uint64_t next_us, pause_us; /* when the datagram is sent again */
	uint64_t until_us;	    /* the grant is good until then */
	char why[PEER_WHY_SIZE];
};

struct ask {	     /* of one transaction */
	uint64_t tx; /* 0: the place was never used */
	bool open;   /* it counts as ours */
	uint8_t plan[APPROVAL_HASH];
	char grant[PEER_GRANT_SIZE];
	unsigned needed, n_peers;
	uint64_t began_us, deadline_us, within_us, hold_us;
	uint64_t order; /* of all asks */
	struct ask_peer peer[PEERS_MAX];
};

struct peers {
	const struct peers_ops *ops;
	void *data;
	uint8_t run[PEER_RANDOM], secret[32];
	unsigned n;
	struct link link[PEERS_MAX];
	/* PEERS_MAX, and room for as many, in memory that is not dumped. */
	struct ocra_key *key;
	/* Of requests and of sessions, of all peers: so they rise when a peer's state is forgotten. */
	uint64_t seq, generation;
	bool fresh; /* nothing of an earlier run is open, when it was last looked at */
	struct peer_given given[PEER_GIVEN_MAX];
	uint64_t n_asks;
	struct ask ask[PEER_ASKS_MAX];
};

/* peers.c */
struct link *peer_find(struct peers *p, const char *name); /* NULL: none */
/* A request gets session, run, number and freshness here.  False: there is no such peer. */
bool peer_request(struct peers *p, const char *name, struct peer_msg *m);
void peers_tell(struct peers *p, enum peer_what what, const char *peer, const char *grant,
		uint64_t tx, const uint8_t *plan, uint64_t hold_us, const char *why);

/* peers_grant.c */
/* Given to others; those of one question are not counted. */
unsigned given_count(const struct peers *p, const char *grant, const uint8_t *except,
		     uint64_t now_us);
/* An answer to ASK or RELEASE into 'a'. */
void given_asked(struct peers *p, struct link *l, const struct peer_msg *m, struct peer_msg *a,
		 uint64_t now_us);
void given_released(struct peers *p, const struct link *l, const struct peer_msg *m,
		    struct peer_msg *a);
/* The peer has nothing of its earlier runs. */
void given_fresh(struct peers *p, const struct link *l);
uint64_t given_run(struct peers *p, uint64_t now_us);
/* Somebody who has it, or NULL. */
const struct peer_given *given_find(const struct peers *p, const char *grant, uint64_t now_us);

/* peers_ask.c */
/* The newest of this transaction, or NULL. */
struct ask *ask_find(struct peers *p, uint64_t tx);
bool ask_is_releasing(const struct ask *a);
/* Tell this peer that its grant is not needed, until it knows. */
void ask_release(struct ask_peer *q, uint64_t now_us);
/* Is it clear by now? */
enum txn_grants ask_settle(struct peers *p, struct ask *a, uint64_t now_us);
unsigned asks_count(const struct peers *p, const char *grant, uint64_t except_tx);
void asks_answered(struct peers *p, const struct link *l, const struct peer_msg *m,
		   uint64_t now_us);
/* Does this nonce belong to a question to this peer that waits?  It is sent again at once. */
bool asks_hello(struct peers *p, const struct link *l, const struct peer_msg *m, uint64_t now_us);
uint64_t asks_run(struct peers *p, uint64_t now_us);

#endif
