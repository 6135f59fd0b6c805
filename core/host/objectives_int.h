/*
 * objectives_int - what the files of objectives share; private to them.
 */
#ifndef HOST_OBJECTIVES_INT_H
#define HOST_OBJECTIVES_INT_H

#include "base/clock.h"
#include "host/objectives.h"
#include "policy/objective_plan.h"

#define OBJECTIVE_EVERY_US (500 * US_PER_MS) /* between two evaluations, at most */
#define OBJECTIVE_GAP_US   (3 * US_PER_S)    /* longer between two: nobody was looking */
#define OBJECTIVE_CLEAR_US (10 * US_PER_S)   /* fulfilled for so long: the incident is over */
#define OBJECTIVE_SAVE_US  (60 * US_PER_S)
#define OBJECTIVE_READS	   16 /* facts of a requirement that are told */
#define VIOLATIONS_KEPT	   32 /* of one objective, newest first when shown */

struct violation {			   /* a time in which it was not fulfilled */
	uint64_t from_wall_us, to_wall_us; /* to 0: it goes on */
	uint64_t bad_us;
	uint64_t incident; /* 0: none */
};

struct objective {
	uint32_t id;			       /* never used again */
	const struct policy_objective *policy; /* borrowed from the configuration */
	char *name;
	char *key; /* what is required, sets written out: another key is another objective */
	struct account *account;
	enum anod_tri state; /* since 'since_wall_us' */
	uint64_t since_wall_us;
	uint64_t good_us;	    /* fulfilled since; 0: it is not */
	uint64_t finding, incident; /* open ones; 0: none */
	bool burning;		    /* it has been told that the budget is spent fast */
	struct violation violation[VIOLATIONS_KEPT]; /* a ring, by its number */
	unsigned n_violations;
	/* So that one which comes and goes each second does not fill the disk. */
	unsigned tokens, n_untold;
	uint64_t token_us;
};

#define LOSS_PARTS 31 /* of a second each: the last 30 whole ones */

struct member { /* one probe, as the host follows it */
	struct flow_probe probe;
	uint64_t request;
	char name[ANOD_NAME_SIZE]; /* of the probe's entity */
	bool based, refused, changed;
	int64_t sent, lost, voided; /* counters when last looked at */
	struct {
		uint64_t second;
		uint32_t known, lost;
	} part[LOSS_PARTS];
	int64_t rtt_us;	    /* of the last outcome: a lost one counts as its timeout */
	uint64_t rtt_at_us; /* 0: none */
};

struct objectives {
	unsigned n;
	struct objective **item;
	uint32_t last_id;
	uint64_t eval_us, next_us, saved_us, next_measure_us, measure_every_us;
	bool unsaved;
	struct flow_plan plan;
	unsigned n_members;
	struct member *member; /* in the order of plan.probe */
	uint64_t last_request;
};

/* objectives.c */
struct objective *objective_find(const struct objectives *s, const char *name);
struct objective *objective_free(struct objective *o);
void objective_env(struct host *h, struct expr_env *ret);
enum anod_tri objective_truth(struct host *h, const struct objective *o, uint64_t now_us);
const char *objective_state_name(const struct objective *o); /* static */

/* objectives_flows.c */
/* Ask for what the policy needs and end what it does not. */
void flows_apply(struct host *h, bool sensors_anew);
void flows_done(struct host *h);
/* Does the objective read this set? */
bool objective_reads_set(const struct objective *o, const char *set);
/* Has flows_apply() changed a probe that the objective needs? */
bool objective_renewed(const struct objectives *s, const struct objective *o);

/* An INT of an entity; false: it is unknown. */
bool objective_int(struct host *h, uint32_t e, const char *kind, const char *attr, uint64_t now_us,
		   int64_t *ret);
/* Publish; 'v' NULL: unknown. */
void objective_put(struct host *h, const char *kind, uint32_t e, const char *attr,
		   const struct anod_value *v, uint64_t now_us);

/* objectives_traffic.c */
void traffic_publish(struct host *h, uint64_t now_us);

/* objectives_tell.c */
void objective_publish(struct host *h, struct objective *o, uint64_t now_us);
void objective_unpublish(struct host *h, const char *name);
/* Its state has changed from 'was'. */
void objective_changed(struct host *h, struct objective *o, enum anod_tri was, uint64_t now_us);
void objective_clear(struct host *h, struct objective *o, const char *why);
void objective_burns(struct host *h, struct objective *o);
/* "began", "changed", "removed", "renewed": what the daemon does because of it. */
void objective_note(struct host *h, struct objective *o, const char *did);
struct cJSON *objective_requirements(struct host *h, const struct objective *o);
struct cJSON *objective_probes(struct host *h, const struct objective *o);

/* objectives_file.c */
void objectives_save(struct host *h);
/* Into the objectives that are there; what they were while nobody ran is unknown. */
void objectives_restore(struct host *h);

#endif
