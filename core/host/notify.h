/*
 * notify - tells the people whom a permit names.
 *
 * The daemon runs no programs and opens no connections, so it tells in the ways that are there:
 * the log, with the fields SEVERITY= and ANOD_NOTIFY= (one for each group and person) and the
 * syslog severity of RFC 5674; a line of kind "notify" in the ledger; a monitor event of that
 * kind; and a line in "notify.jsonl" in the run folder, which a site's own program follows or
 * which is its fifo.  docs/control.md has the members.
 *
 * What waits for people is told again at half of its deadline.  A line that nobody could take (a
 * fifo without a reader, a full disk) waits in memory, up to NOTIFY_WAITING_MAX of them.
 */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

#include "host/host.h"

#define NOTIFY_WAITING_MAX 64
#define NOTIFY_SIZE	   (1u << 20) /* then the file becomes notify.jsonl.old */

struct notify;

/* It was decided (and the answer is new); it changed its state. */
void notify_decision(struct host *h, const struct txn *t);
void notify_txn(struct host *h, const struct txn *t, enum txn_state old);
/* Something about the permit itself. */
void notify_permit(struct host *h, const struct policy_rule *permit, const char *event,
		   const char *agent, const char *text);
/* Once a second: what waits for people, and lines that wait. */
void notify_beat(struct host *h);
void notify_done(struct host *h);

#endif
