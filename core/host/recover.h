/*
 * recover - takes a change back when what it was made for has recovered ("recover when").
 *
 * A change of a permit with "recover when EXPR" stays in COMMIT until "undo after" at the latest.
 * It is taken back, as planned, when EXPR is true; and when the permit has acted again within its
 * probation of an earlier return, only after EXPR was true without a break for the probation, twice
 * as long for each further time (at most RECOVER_MAX_US).  How often that was is read from the
 * track, so it survives a restart; how long EXPR has been true is counted anew.
 *
 * Everything runs on the host's loop.
 */
#ifndef HOST_RECOVER_H
#define HOST_RECOVER_H

#include "base/clock.h"
#include "host/host.h"

#define RECOVER_MAX_US (24 * 3600 * US_PER_S)

struct recover; /* h->recover; NULL: nothing to watch so far */

/* At the end of a turn, behind the watches; when to come again. */
uint64_t recover_turn(struct host *h, uint64_t now_us);
void recover_close(struct host *h);
/* How long EXPR must have been true for this permit and resource now, us; 0: it is enough that it
 * is. */
uint64_t recover_hold(const struct track *t, const struct policy_rule *permit,
		      const char *resource);
/* Object "recovery" of an open transaction, for "anodctl show": or NULL. */
struct cJSON *recover_json(const struct host *h, const struct txn *t);

#endif
