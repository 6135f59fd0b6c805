/*
 * brakes - the daemon's side of brake and damping: numbers in, news and answers out.
 */
#ifndef HOST_BRAKES_H
#define HOST_BRAKES_H

#include "host/host.h"

/* The policy's numbers; at a start also what was applied before it, by the track. */
void brakes_open(struct host *h);
void brakes_reloaded(struct host *h);
/* Once a second: are too many sick? */
void brakes_beat(struct host *h);
/* A transaction changed its state; behind standing_txn(). */
void brakes_txn(struct host *h, const struct txn *t);

/* Of "status": {"on","rates":[{"count","per_us","left"}],"sick","agents":[...],...} */
struct cJSON *brakes_json(const struct host *h);
/* {"damping":[{"resource","locked","unlock_us","reversals","locks","penalty","text"}],"off"} */
struct cJSON *damping_json(const struct host *h);

#endif
