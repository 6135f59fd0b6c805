/*
 * bridge - a shadow (model/shadow.h) and its table in the kernel, kept the same by the executor.
 *
 * Opened when the reflex was allowed; filled; then "ready" as long as all that the prediction says
 * is in the kernel, or was said less than BRIDGE_BEHIND_US ago.  Only then may the rule be armed.
 * Writes are batches of TABLE_OPS, one under way at a time, so that a storm of routes costs the
 * executor no more than it can take.
 *
 * When the rule is in force the table stands still, until nothing needs it any more ("converged"):
 *   no destination has a route over the lost link, the table leads on wherever the shadow does, and
 *   no route has changed for BRIDGE_QUIET_US, or for BRIDGE_NOISY_US it was so among changes; or
 *   nothing has changed for BRIDGE_SETTLED_US, though some destinations are gone for good; or
 *   BRIDGE_MAX_US have passed.
 *
 * Errors: negative errno.  Threads: the host's loop.
 */
#ifndef HOST_BRIDGE_H
#define HOST_BRIDGE_H

#include "base/clock.h"
#include "host/host.h"
#include "model/shadow.h"

#define BRIDGE_QUIET_US	  (200 * US_PER_MS)
#define BRIDGE_BEHIND_US  (100 * US_PER_MS)
#define BRIDGE_NOISY_US	  (2 * US_PER_S)
#define BRIDGE_SETTLED_US (5 * US_PER_S)
#define BRIDGE_MAX_US	  (60 * US_PER_S)

enum bridge_state {
	BRIDGE_FILLING = 1, /* the kernel's table is behind the prediction */
	BRIDGE_READY,
	BRIDGE_DOUBT,	  /* the prediction is not certain: bridge_why() */
	BRIDGE_STANDING,  /* the rule is in force */
	BRIDGE_CONVERGED, /* nothing needs it any more */
	BRIDGE_FAILED,	  /* the executor could not write: bridge_why() */
};

struct bridge_stats {
	unsigned entries, behind, unwritten;
	uint64_t writes, errors; /* routes written, refused by the kernel */
	size_t memory;		 /* bytes, of the host */
	uint64_t lag_us;	 /* longest time that a change waited for the kernel, last minute */
	uint64_t behind_us;	 /* since when something waits for the kernel; 0: nothing does */
};

struct bridge;
/* 'table' in TABLE_FIRST..TABLE_LAST, 'tx' names it to the executor. */
int bridge_new(struct host *h, const struct shadow_in *in, uint32_t table, uint64_t tx,
	       struct bridge **ret);
/* Empties the table, too. */
struct bridge *bridge_free(struct bridge *b);

void bridge_object(struct bridge *b, const struct anod_object *o, bool gone);
void bridge_sync(struct bridge *b);
/* Work on: writes, convergence.  When to come again goes to 'ret_next'. */
enum bridge_state bridge_run(struct bridge *b, uint64_t now_us, uint64_t *ret_next);
/* The rule is in force now; it is no more. */
void bridge_stand(struct bridge *b, uint64_t now_us);
void bridge_rest(struct bridge *b);
/* The answer to a TABLE of this bridge; the executor is a new one: write all again. */
int bridge_tabled(struct bridge *b, const struct exec_tabled *m);
void bridge_exec_restarted(struct bridge *b);
const char *bridge_why(const struct bridge *b);
void bridge_stats(const struct bridge *b, struct bridge_stats *ret);

#endif
