/*
 * override - an invariant lifted by people, for a while.
 *
 * "override by 2 of noc for 30m" in an invariant says who may.  Each of them says so on the
 * control socket, with a reason; when enough different people of the groups have, the override is
 * in force, for the shortest time that they asked for, and it is in the ledger before it counts.
 * It ends by itself, can be ended early, and never outlives a change of the invariant's text.
 *
 * A request has a code like that of a plan (policy/approval.h), made from the invariant's text and
 * the time asked for; a request that stays alone lapses after OVERRIDE_ASK_US.  Requests are
 * not saved, overrides in force are: with their end in boot time, so a wall clock that jumps moves
 * nothing.  After a reboot they are gone, because nobody can say then how long that took.
 *
 * Pure; times are given.  Threads: one.
 */
#ifndef POLICY_OVERRIDE_H
#define POLICY_OVERRIDE_H

#include "policy/approval.h"
#include "policy/policy.h"

#define OVERRIDE_MAX_US	  (UINT64_C(24) * 3600 * 1000000) /* of "for" in a policy */
#define OVERRIDE_ASK_US	  (UINT64_C(600) * 1000000)	  /* a request waits so long for others */
#define OVERRIDE_WHO	  (APPROVERS_MAX * ANOD_NAME_SIZE)
#define OVERRIDE_LIST_MAX 64 /* invariants with requests or an override at once */

struct cJSON;
struct config;
struct overrides;

/* 'nonce': random and secret, new for each run of the daemon. */
struct overrides *overrides_new(const uint8_t nonce[APPROVAL_NONCE]);
struct overrides *overrides_free(struct overrides *o);
DEFINE_CLEANUP(struct overrides *, overrides_free);

/* Is the invariant lifted now?  *ret_until_us and *ret_who ("alice, bob", borrowed until the next
 * change) may be NULL. */
bool override_in_force(const struct overrides *o, const struct policy_invariant *inv,
		       uint64_t now_us, uint64_t *ret_until_us, const char **ret_who);

/* What a person agrees to when he asks for so long: the challenge of his code. */
void override_hash(const struct overrides *o, const struct policy_invariant *inv, uint64_t for_us,
		   uint8_t ret[APPROVAL_HASH]);
/* The code of a person without a key for that. */
void override_code(const struct overrides *o, const uint8_t hash[APPROVAL_HASH], const char *user,
		   char ret[APPROVAL_CODE_SIZE]);

/* May he ask now?  0; -EPERM: nobody may override it, or he is in none of the groups; -ERANGE: 'for_us'
 * is 0 or longer than the policy allows; -EALREADY: he has asked, or it is in force; -EACCES: too
 * many wrong codes, until OVERRIDE_ASK_US have passed. */
int override_may_ask(const struct overrides *o, const struct config *c,
		     const struct policy_invariant *inv, const char *user, uint64_t for_us,
		     uint64_t now_us);
/* He gave a wrong code: how many more he may try; 0: none for a while. */
unsigned override_wrong_code(struct overrides *o, const char *user, uint64_t now_us);
/* He asks.  How many more people have to (0: call override_begin()); -ENOSPC, -ENOMEM, or as
 * override_may_ask(). */
int override_ask(struct overrides *o, const struct config *c, const struct policy_invariant *inv,
		 const char *user, uint64_t for_us, uint64_t now_us);
/* Enough have asked and it is on record: from now on it is in force.  Its end, or 0: not enough. */
uint64_t override_begin(struct overrides *o, const struct policy_invariant *inv, uint64_t now_us);
/* End it, or drop its requests.  -ENOENT. */
int override_end(struct overrides *o, const char *invariant);

/* Drop what is over: its time has come, its invariant is gone or reads differently, or one of its
 * people is in none of its groups any more.  'fn' (or NULL) hears of each that was in force; returns
 * when to come again (US_INFINITY: never). */
typedef void override_over_fn(void *data, const char *invariant, const char *who, const char *why);
uint64_t overrides_sweep(struct overrides *o, const struct config *c, uint64_t now_us,
			 override_over_fn *fn, void *data);

struct override_info {
	const char *invariant;
	char who[OVERRIDE_WHO]; /* "alice, bob" */
	unsigned n_people;
	bool in_force;
	uint64_t until_us; /* in force: its end; else when the first request lapses */
	uint64_t for_us;   /* asked for */
};
/* Oldest first; false: there are no more. */
bool override_nth(const struct overrides *o, unsigned n, uint64_t now_us,
		  struct override_info *ret);

/* Those in force, for the state folder.  NULL: no memory. */
struct cJSON *overrides_json(const struct overrides *o, uint64_t now_us);
/* What was saved in the same boot.  -EBADMSG: nothing was taken. */
int overrides_load(struct overrides *o, const struct cJSON *list, uint64_t now_us);

#endif
