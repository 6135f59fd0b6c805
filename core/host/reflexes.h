/*
 * reflexes - what is ready before its trigger: armed from the policy, judged again, accounted.
 *
 * For every permit with a "reflex" clause the daemon chooses how to be ready (docs/reflexes.md):
 *
 *   kernel   the routes hang on next hops that may be changed: a group of primary and standby, or
 *            two metrics and ignore_routes_with_linkdown; the kernel switches by itself
 *   bridge   the routes are somebody else's: a shadow table and one rule (bridge.h)
 *   ready    anything else, and "do": netlink messages in the guardian
 *
 * Life of one: waiting (with the reason) -> arming -> armed -> fired -> verified | undone ->
 * refractory -> arming ...  What is armed was decided like any proposal, by the agent "reflex", on
 * the state after its trigger, and has its own record in the ledger.  It is judged again when a
 * fact that it depends on has changed: facts in the same turn, routes within REFLEX_JUDGE_US; and
 * disarmed when the answer is not "auto" any more, or unknown.
 *
 * Everything here is called from the host's loop.  Errors: negative errno.
 */
#ifndef HOST_REFLEXES_H
#define HOST_REFLEXES_H

#include "host/host.h"

#define REFLEX_AGENT	"reflex" /* name of the proposer in policy, ledger and track */
#define REFLEX_JUDGE_US (100 * US_PER_MS)
#define REFLEXES_MAX	32

struct reflexes; /* h->reflexes */

int reflexes_open(struct host *h);
void reflexes_close(struct host *h);
/* The policy is another one (also the first): what it does not ask for any more is disarmed. */
void reflexes_configure(struct host *h);
/* An object of the model has changed or is gone; after the model has taken it.  Cheap. */
void reflexes_object(struct host *h, const struct anod_object *o, bool gone);
void reflexes_sync(struct host *h); /* the model was out of sync */
/* At the end of a turn; when to come again. */
uint64_t reflexes_turn(struct host *h);
/* Of transactions: every transition, and the firing (struct txn_ops). */
void reflexes_txn(struct host *h, const struct txn *t, enum txn_state old);
void reflexes_fired(struct host *h, const struct txn *t);
/* A TABLED message of the executor; and: a new executor knows nothing of what was written. */
/* What its decision said of it, while 'w' is there. */
struct whatif;
void reflexes_judged(struct host *h, const struct txn *t, const struct whatif *w);
int reflexes_on_exec(struct host *h, const struct chan_head *msg);
void reflexes_exec_restarted(struct host *h);
/* For "anodctl reflexes": all, or the one of this name; docs/control.md names the members.
 * NULL: there is none of that name, or no memory. */
struct cJSON *reflexes_json(struct host *h, const char *name);
/* For "anodctl status": {"all","armed"}. */
struct cJSON *reflexes_summary(const struct host *h);

#endif
