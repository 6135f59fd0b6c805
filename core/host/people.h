/*
 * people - what the daemon knows of those who may say something.
 *
 * Who somebody is comes from SO_PEERCRED (control.c); here is what he may sign, and with which code.
 */
#ifndef HOST_PEOPLE_H
#define HOST_PEOPLE_H

#include "base/ocra.h"
#include "host/host.h"

/* Is there such a user in /etc/passwd?  Names from elsewhere are never a peer's (control.c). */
bool people_exist(void *data, const char *user);

/* What people would sign of this decision, into t->plan and t->change.  0 or -ENOMEM. */
int people_plan(const struct host *h, struct txn *t, const struct decision *d,
		const struct whatif *w);

/* May the user sign by the permit of its last decision?  A permit without a group is for
 * everybody who may use the socket. */
bool people_may_sign(const struct host *h, const struct txn *t, const char *user);

/* Who signs: with a key only its response codes count. */
struct signer {
	const char *user;
	bool has_key;
	struct ocra_key key;
};
/* -errno when there is a key that cannot be used, and one sentence. */
int signer_open(const struct host *h, const char *user, struct signer *ret, char *why,
		size_t why_size);
void signer_close(struct signer *s); /* for _cleanup_ */
/* Is what was typed his code for this hash? */
bool signer_agrees(const struct signer *s, const uint8_t nonce[APPROVAL_NONCE],
		   const uint8_t hash[APPROVAL_HASH], const char *typed);

/* "plan" of a transaction that waits for signatures, as this user sees it; NULL: there is none. */
struct cJSON *people_plan_json(const struct host *h, const struct txn *t, const char *user);
/* Members "hash", and "code" or "key" for this user. */
void people_add_code(const struct host *h, struct cJSON *o, const uint8_t nonce[APPROVAL_NONCE],
		     const uint8_t hash[APPROVAL_HASH], const char *user);
/* Lines of the doctor about keys and overrides. */
void people_doctor(struct cJSON *list, const struct host *h);

/* overrides.c */
int overrides_open(struct host *h); /* and what was in force when the daemon ended */
/* In force from now on: on record and saved.  Its end; 0: it could not be, and is not. */
uint64_t overrides_begin(struct host *h, const struct policy_invariant *inv);
/* Ended by a user; -ENOENT. */
int overrides_end(struct host *h, const char *invariant, const char *user);
uint64_t overrides_run(struct host *h, uint64_t now_us); /* what is over; when to come again */
void overrides_warn(const struct host *h, struct cJSON *list);

#endif
