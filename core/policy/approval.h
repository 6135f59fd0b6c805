/*
 * approval - what a person signs, and how he says so.
 *
 * A signature is for one plan: this transaction of this agent with these actions, changing these
 * objects from this state to that, allowed by this permit of this policy.  Its *hash* is SHA-256
 * over all of it and a random nonce.  A person who has looked at the plan has its *code*, made
 * from the hash and his name, so the code of another plan or person does not fit.  Who has a key
 * (group NAME { alice key file "..." }) answers the hash itself by OCRA instead (base/ocra.h).
 *
 * The objects are hashed in the form of anod_object_canon(), so that a counter that ticks is no
 * other plan and a before-image that differs is one.
 *
 * Pure.  Threads: any.
 */
#ifndef POLICY_APPROVAL_H
#define POLICY_APPROVAL_H

#include <anod/plugin.h>

#include "base/util.h"

#define APPROVERS_MAX	    16 /* people that one rule may ask for */
#define APPROVAL_TRIES	    5  /* wrong codes of one person before he is locked out */
#define APPROVAL_HASH	    32
#define APPROVAL_NONCE	    32
#define APPROVAL_CODE_SIZE  10 /* "7KQ2-91XF" and NUL: 40 bits in Crockford's base32 */
#define APPROVAL_TYPED_SIZE 24 /* as much of a typed code as is looked at */

struct plan_in {
	uint64_t tx;
	const char *agent;
	const struct anod_proposal *proposal;
	const struct anod_change *change; /* of the what-if, in order */
	unsigned n_changes;
	const uint8_t *policy; /* APPROVAL_HASH bytes: of all its texts */
	const char *permit;
};

struct plan {
	uint8_t content[APPROVAL_HASH]; /* over all of plan_in; zero: there is no plan */
	uint8_t hash[APPROVAL_HASH];	/* over content, nonce and round: what is signed */
	/* Parts of it, to say what has changed. */
	uint8_t effect[APPROVAL_HASH], policy[APPROVAL_HASH], permit[APPROVAL_HASH];
};

/* All but the hash, which is zero. */
void plan_digest(const struct plan_in *in, struct plan *ret);
/* The hash.  'round' counts how often signatures were dropped: with it no code fits twice, also
 * when a plan becomes again what it was. */
void plan_seal(struct plan *p, const uint8_t nonce[APPROVAL_NONCE], uint32_t round);
bool plan_is_set(const struct plan *p);
/* What differs between two plans of one transaction, for "the plan has changed: ...".  Static. */
const char *plan_difference(const struct plan *then, const struct plan *now);

/* Do two lists change the same objects in the same way?  Entries that change nothing do not count. */
bool plan_same_effect(const struct anod_change *a, unsigned n_a, const struct anod_change *b,
		      unsigned n_b);

/* Over agent, finding and actions: is it the same proposal again? */
void proposal_digest(const char *agent, const struct anod_proposal *p, uint8_t ret[APPROVAL_HASH]);

/* The code of a person for a hash.  The nonce is secret, so nobody can tell it from the hash. */
void approval_code(const uint8_t nonce[APPROVAL_NONCE], const uint8_t hash[APPROVAL_HASH],
		   const char *user, char ret[APPROVAL_CODE_SIZE]);
/* Is what was typed this code?  Case and hyphens mean nothing, O is 0, I and L are 1.  In time
 * that does not depend on where they differ.  For response codes, too. */
bool approval_code_is(const char *typed, const char *code);

#endif
