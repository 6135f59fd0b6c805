/*
 * standing - what history earns: feeds the track, tells what changes, answers who is how far.
 */
#ifndef HOST_STANDING_H
#define HOST_STANDING_H

#include "host/host.h"

struct standing;

/* Read the track; before the recovery of transactions. */
int standing_open(struct host *h);
/* After it: what was left open and is not under way any more has ended badly. */
void standing_settle(struct host *h);
void standing_close(struct host *h);

/* A transaction changed its state. */
void standing_txn(struct host *h, const struct txn *t, enum txn_state old);
/* Promotions and losses by time alone, once in a while; 'at_once' after a reload. */
void standing_beat(struct host *h, bool at_once);

/* {"standing":[{"permit":...,"agent":...,"action":...,"class":...,"level":...}]} */
struct cJSON *standing_json(struct host *h);

#endif
