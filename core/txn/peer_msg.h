/*
 * peer_msg - the datagram that neighbour routers exchange.
 *
 * All of them have the same size and the same fields, so there is nothing to parse: bytes at fixed
 * offsets, numbers in network byte order, texts with NULs to their end.
 *
 *   offset  size
 *        0     4  "ANPG"
 *        4     1  version, 1
 *        5     1  type
 *        6     2  flags
 *        8    16  run: random, made by the sender when it started
 *       24    16  session: what the receiver gave the sender for this run
 *       40     8  seq: rises with every request of a run to one peer; an answer repeats it
 *       48    16  nonce: random, of the question; an answer repeats it
 *       64    32  plan: hash of the plan (policy/approval.h) that is asked for
 *       96     8  tx: number of the asking transaction, for the ledger
 *      104     8  hold: how long the grant is wanted or given, in microseconds
 *      112    64  grant: its name
 *      176   144  why: one sentence for people
 *      320    32  HMAC-SHA-512-256 (libsodium crypto_auth) over all bytes before it
 *
 * A checkpoint of a ledger (record/note.h) fits into the same fields: its origin in grant, size in
 * tx, head in plan, wall clock in hold, and in why base64 of the public key and the signature.  The
 * receiver writes the note again from them, and the signature must fit.
 *
 * Times are durations, because clocks of two routers have nothing in common.
 *
 * Pure.  Threads: any.
 */
#ifndef TXN_PEER_MSG_H
#define TXN_PEER_MSG_H

#include "base/ocra.h"
#include "policy/approval.h"

#define PEER_VERSION	1
#define PEER_MSG_SIZE	352
#define PEER_RANDOM	16 /* bytes of run, session and nonce */
#define PEER_GRANT_SIZE 64 /* name and NUL */
#define PEER_WHY_SIZE	144

#define PEER_FRESH   1 /* flag: nothing that an earlier run of the sender began is open */
#define PEER_ROTATES 2 /* flag of PEER_HEAD: the key in it is the next one */

enum peer_type {
	PEER_PING = 1, /* are you there? */
	PEER_ASK,      /* may I have this grant for this plan? */
	PEER_RELEASE,  /* I need it no longer, or no more */
	PEER_HEAD,     /* keep this checkpoint of my ledger (below) */
	/* answers */
	PEER_HELLO = 16, /* to any of them: I do not know this session; take this one */
	PEER_PONG,
	PEER_GRANTED,
	PEER_REFUSED,
	PEER_RELEASED,
	PEER_KEPT, /* tx: size of the checkpoint that is kept; why: of a refusal, else "" */
};
bool peer_type_is_answer(enum peer_type t);

struct peer_msg {
	enum peer_type type;
	uint16_t flags;
	uint8_t run[PEER_RANDOM], session[PEER_RANDOM], nonce[PEER_RANDOM];
	uint64_t seq;
	uint8_t plan[APPROVAL_HASH];
	uint64_t tx, hold_us;
	char grant[PEER_GRANT_SIZE]; /* ends in NUL; of answers too */
	char why[PEER_WHY_SIZE];     /* the same; what a peer wrote is cleaned */
};

/* The key is one of ocra.h: a file of hexadecimal digits. */
void peer_msg_seal(const struct peer_msg *m, const struct ocra_key *key,
		   uint8_t ret[PEER_MSG_SIZE]);
/* -EBADMSG: no datagram of this version; -EKEYREJECTED: its MAC is wrong (compared in constant
 * time); nothing but the first eight bytes is looked at before. */
int peer_msg_open(const void *data, size_t size, const struct ocra_key *key, struct peer_msg *ret);

#endif
