/*
 * uplink - what the files of this agent share.
 *
 *   facts.c     facts of the host -> struct agent
 *   probes.c    probes: asked for, counted, fed to the loss test
 *   report.c    states -> findings
 *   proposal.c  a plan -> struct anod_proposal
 *   steer.c     when to propose, and what became of it
 *   uplink.c    options, events, timers
 *
 * Threads: the host's one.  Memory: all of it from host->alloc.
 */
#ifndef UPLINK_UPLINK_H
#define UPLINK_UPLINK_H

#include <anod/plugin.h>

#include "uplink_health.h"
#include "uplink_plan.h"
#include "uplink_rivals.h"

#define FAMILIES 2 /* 0: IPv4, 1: IPv6 */

struct target { /* one probe of one uplink */
	char entity[ANOD_NAME_SIZE];
	enum anod_tri up;
	uint64_t seen_us; /* when its facts last changed; 0: never */
	/* Counters as they were told, and as far as they were fed to the loss test. */
	int64_t sent, lost, voided;
	int64_t fed_sent, fed_lost, fed_voided;
	bool based; /* 'fed_*' hold a beginning to count from */
};

struct way { /* the default route of somebody else over an uplink */
	bool known;
	struct anod_prefix via; /* family 0: on link */
	int64_t metric;
};

struct uplink {
	char dev[ANOD_IFNAME_SIZE];
	unsigned weight;
	struct health health;
	enum anod_tri link, admin; /* as last read */
	struct way way[FAMILIES];
	struct target target[HEALTH_TARGETS];
	struct rivals rivals;
	/* The open finding: its id (0: none), and what it says. */
	uint64_t finding;
	enum health_state told;
	bool told_no_cure;
	bool retell; /* its numbers have changed */
};

struct family_now {
	struct plan_now now;
	bool stranger;	/* the best default route goes over a link that is none of our uplinks */
	int64_t metric; /* of the best default route of others */
};

struct steering {    /* the proposal under way and the one before */
	uint64_t id; /* 0: none */
	bool waiting;
	uint64_t plan_hash, seen_hash; /* of the plan, and of all that it was made from */
	uint64_t backoff_us, not_before_us;
	struct plan plan[FAMILIES];
};

struct agent {
	struct anod_ctx *ctx;
	struct health_params params;
	unsigned n_uplinks, n_targets;
	struct uplink *uplink[UPLINKS_MAX];
	struct anod_prefix target[HEALTH_TARGETS];
	char proto[8];
	int64_t port;
	uint64_t every_us;
	bool discover; /* no uplinks in the options */
	bool balance;
	int64_t metric, table;
	struct family_now family[FAMILIES];
	bool routes_dirty, routes_unknown, links_unknown;
	bool said_blind, said_full, said_hidden;
	struct steering steering;
	uint64_t settle_timer, wake_timer, wake_us;
};

/* ---- uplink.c: uplinks and when to look again ---- */

/* The uplink of a device, or -1. */
int uplink_index(const struct agent *a, const char *dev);
/* Add one and ask for its probes; its index or a negative errno. */
int uplink_add(struct agent *a, const char *dev, unsigned weight);
/* Read the routes and judge again once what is being published has settled. */
void uplink_settle(struct agent *a);
/* Judge all uplinks, tell, and steer. */
void uplink_judge(struct agent *a);

/* ---- facts.c ---- */

/* ANOD_DOUBT where unknown, ANOD_FALSE where there is no such entity. */
enum anod_tri facts_truth(struct agent *a, const char *kind, const char *entity, const char *attr);
/* Read default routes: ways, natural routes, the own steering route.  While any of them is
 * unknown the former reading is kept and routes_unknown is set. */
void facts_read_routes(struct agent *a);
/* What the facts say of one uplink now. */
void facts_read_uplink(struct agent *a, struct uplink *u, struct health_input *ret);
/* Where the counters of a probe are now, as the beginning to count from. */
void facts_base_target(struct agent *a, struct target *t);

/* ---- probes.c ---- */

/* Ask the sensor for the probes of an uplink; what is refused is logged and stays unknown. */
void probes_ask(struct agent *a, struct uplink *u);
void probes_event(struct agent *a, const struct anod_event *e);

/* ---- report.c ---- */

/* Open, update or clear the finding of an uplink so that it says what its state is. */
void report_uplink(struct agent *a, unsigned i, bool no_cure);

/* ---- proposal.c ---- */

void proposal_make(const struct agent *a, const struct plan plan[FAMILIES],
		   struct anod_proposal *ret);

/* ---- steer.c ---- */

/* Make the plan for all families; propose it when it is new and allowed to be tried. */
void steer(struct agent *a);

#endif
