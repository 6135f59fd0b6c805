/*
 * objectives - intents at work: probes, facts, accounts, incidents and verification of them.
 *
 * From the text of the policy alone: flows that path.rtt(SET) or path.loss(SET) name are probed
 * (objectives_flows.c), requirements are evaluated twice a second and the time accounted
 * (objectives.c), changes are told to ledger, incidents and facts (objectives_tell.c), accounts
 * survive in "objectives.json" of the state folder (objectives_file.c), and the control socket
 * shows them (objectives_json.c).  A reload brings all of it to the new text.
 *
 * All functions go with a host that has none (NULL): unit tests of other parts.
 */
#ifndef HOST_OBJECTIVES_H
#define HOST_OBJECTIVES_H

#include "host/host.h"
#include "policy/objective.h"

struct cJSON;

/* Those that were fulfilled when a transaction began. */
struct objectives_mark {
	unsigned n;
	uint32_t id[OBJECTIVES_MAX];
};

int objectives_open(struct host *h);   /* when sensors run */
void objectives_close(struct host *h); /* saves */
/* The configuration has changed; 'sensors_anew': sensors have forgotten what they were asked. */
void objectives_apply(struct host *h, bool sensors_anew);

/* In each turn: before the statistics, and behind the watches.  When to come again. */
uint64_t objectives_measure(struct host *h, uint64_t now_us);
uint64_t objectives_turn(struct host *h, uint64_t now_us);

void objectives_mark(struct host *h, struct objectives_mark *ret);
/* Are all of them still fulfilled, by what is measured now?  An objective that was changed or
 * removed meanwhile does not count.  '*ret_name': the first that is not, borrowed. */
enum anod_tri objectives_kept(struct host *h, const struct objectives_mark *m,
			      const char **ret_name);

/* The forms of docs/control.md; 'name' NULL: all of them, without their past.  NULL: no such. */
struct cJSON *objectives_json(struct host *h, const char *name);
struct cJSON *objectives_summary(const struct host *h); /* of "status" */

#endif
