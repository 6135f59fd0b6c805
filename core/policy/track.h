/*
 * track - what was done before and how it ended: earned autonomy, "formerly", "reversals".
 *
 * Every transaction that was carried out leaves one outcome: who, which kind of action, on which
 * class of resource, when, and whether it was verified and kept, rolled back, superseded or stuck.
 * From them the policy answers three questions:
 *
 *   promote    has this agent, with this permit, earned a higher level on this class of resource?
 *   formerly   was an action of this kind applied (here) within so long?
 *   reversals  how often has the direction of change of a resource turned round lately?
 *
 * A promotion is lost at the first rollback: outcomes before it count no more.  Only outcomes
 * that were judged by measurement count (verified, then committed); approval by a person or the
 * word of an agent or model never does.
 *
 * Pure: no I/O, times are given.  Serialised as ages, so that it survives a reboot.  Threads: one.
 */
#ifndef POLICY_TRACK_H
#define POLICY_TRACK_H

#include "policy/policy.h"

struct cJSON;
struct track;

#define TRACK_MAX                                                                                  \
	4096 /* outcomes remembered; the oldest goes first, and never a failure before a success */

enum outcome { OUTCOME_VERIFIED = 1, OUTCOME_ROLLED_BACK, OUTCOME_SUPERSEDED, OUTCOME_STUCK };

struct track_entry {
	char agent[ANOD_NAME_SIZE], permit[ANOD_NAME_SIZE], action[ANOD_KIND_SIZE];
	char resource[ANOD_NAME_SIZE]; /* "link wan0" */
	char role[ANOD_NAME_SIZE];     /* class of the resource: role of its link, else its kind */
	enum outcome outcome;
	uint64_t tx, at_us; /* boot time of its end */
};

struct track *track_new(void);
struct track *track_free(struct track *t);
DEFINE_CLEANUP(struct track *, track_free);
int track_add(struct track *t, const struct track_entry *e);

/* What promotion says of a permit now. */
struct track_standing {
	unsigned verified, failed; /* since the last failure; failures within the window */
	bool promoted;
	uint64_t lost_us; /* when the last failure was; 0: none */
};
void track_standing(const struct track *t, const struct policy_rule *permit, const char *agent,
		    const char *action, const char *role, uint64_t now_us,
		    struct track_standing *ret);

#endif
