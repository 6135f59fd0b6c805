/*
 * reflexes_int - what the files of the reflexes share.
 *
 *   reflexes.c        life: configuration, turns
 *   reflexes_txn.c    what their transactions tell
 *   reflexes_arm.c    choice, judgement beforehand, arming, judging again
 *   reflexes_bridge.c the table of a bridge
 *   reflexes_fire.c   firing, verification, account, refractory time, putting back
 *   reflexes_adopt.c  what an earlier run left armed
 *   reflexes_file.c   what outlives a restart
 *   reflexes_watch.c  facts that the answer depends on
 *   reflexes_json.c   for "anodctl reflexes"
 */
#ifndef HOST_REFLEXES_INT_H
#define HOST_REFLEXES_INT_H

#include "host/bridge.h"
#include "host/reflexes.h"
#include "policy/reflex_choice.h"

#define FIRINGS_KEPT	  16
#define REFLEX_BEAT_US	  US_PER_S	  /* judged at least so often */
#define REFLEX_BACKOFF_US (60 * US_PER_S) /* at most, between two failures to arm */
#define REFLEX_LINGER_US  (3 * US_PER_S)  /* a lost link without a word of the guardian */
#define REFLEX_READ_US	  (3 * US_PER_S)  /* what the kernel has may be read again meanwhile */
#define REFLEX_WATCHES	  64

enum reflex_phase {
	REFLEX_WAITING = 1, /* not armed: why */
	REFLEX_ARMING,	    /* its transaction is on the way, perhaps to a person */
	REFLEX_ARMED,
	REFLEX_FIRED,	   /* being verified, or a bridge that stands */
	REFLEX_REFRACTORY, /* until the link has been up for long enough */
	REFLEX_RETURNING,  /* the primary is being put back */
};

enum firing_end { FIRING_OPEN = 0, FIRING_VERIFIED, FIRING_UNDONE, FIRING_UNSURE };

struct firing {
	uint64_t tx, wall_us, boot_us;
	uint32_t cause;	  /* enum guard_cause; 0: not known */
	uint64_t took_ns; /* from the event to the kernel's answer; 0: the kernel did it itself */
	enum firing_end end;
	uint64_t settled_us; /* from the firing to the end */
	char why[160];
};

struct effect { /* as predicted when it was last decided */
	bool known;
	unsigned moved, mended, lost, all;
	double bps;
	bool bps_known;
};

struct reflex {
	struct host *h;
	char name[ANOD_NAME_SIZE]; /* of its permit */
	char *key;		   /* the clause as text: another one is another reflex; owned */
	const struct policy_rule *permit; /* borrowed from h->config; NULL: it is gone */
	unsigned slot;
	enum reflex_phase phase;
	uint64_t since_us; /* of the phase */
	char why[512];	   /* not armed, or what it waits for */
	struct reflex_choice choice;
	struct effect effect;

	uint64_t tx, back_tx; /* open transactions; 0: none */
	enum reflex_kind kind;
	bool leaving; /* disarmed by us: 'why' says why */
	bool ours;    /* of this run, or adopted */
	uint64_t armed_us, armed_wall_us;

	uint64_t watch[REFLEX_WATCHES];
	unsigned n_watches;
	uint64_t trigger_watch;
	enum anod_tri condition; /* of "trigger when" */
	bool facts;		 /* have changed: judge in this turn */
	bool routes;		 /* of the link, or next hops: choose again, too */
	uint64_t judged_us, took_us, generation;
	uint64_t next_us, backoff_us; /* when to try again */

	uint64_t quiet_us;  /* since when the link is up, or the condition false; 0: it is not */
	uint64_t unread_us; /* since when the model is not in sync; 0: it is */
	uint64_t lost_us;   /* since when the link is lost while armed; 0: it is not */
	uint64_t verify_us; /* deadline of what the kernel did by itself */
	uint64_t tell_us;   /* until then: no incident tells of the firing yet; 0: all is told */
	unsigned n_back;    /* what puts the primary back */
	struct anod_action back[ANOD_ACTIONS_MAX];

	uint32_t sentinel_us;
	char sentinel_why[96]; /* none, because */

	struct bridge *bridge;
	bool filling;	  /* its table, for the first time */
	unsigned n_scope; /* of the bridge: a copy; owned */
	struct anod_prefix *scope;
	uint64_t n_fired, n_verified, n_undone;
	unsigned n_firings; /* newest last */
	struct firing firing[FIRINGS_KEPT];
};

struct reflexes {
	struct host *h;
	unsigned n;
	struct reflex *item[REFLEXES_MAX];
	struct reflex *asking; /* whose transaction is being made */
	bool returning;	       /* and it puts the primary back */
	char too_many[96];     /* permits beyond REFLEXES_MAX; "": none */
};

/* reflexes.c */
struct reflex *rfx_free(struct reflex *x);
void rfx_enter(struct reflex *x, enum reflex_phase phase, const char *fmt, ...) _printf_(3, 4);
const char *rfx_phase_name(enum reflex_phase phase);
/* A record of the ledger: "armed", "disarmed", "fired", "verified", "undone", "put back". */
void rfx_record(struct reflex *x, const char *did, const char *why);
bool rfx_link_up(const struct reflex *x);

/* reflexes_arm.c; each returns when to come again */
uint64_t rfx_try(struct reflex *x, uint64_t now);
uint64_t rfx_judge(struct reflex *x, uint64_t now);
void rfx_disarm(struct reflex *x, const char *why);
void rfx_proposal(const struct reflex *x, const struct anod_action *a, unsigned n,
		  const char *reason, struct anod_proposal *ret);
void rfx_trigger(const struct reflex *x, struct guard_trigger *ret);
void rfx_effect(struct reflex *x, const struct whatif *w);

void rfx_sentinel(struct reflex *x);

/* reflexes_bridge.c; false: not (any more), x->why says why */
bool rfx_bridge_ready(struct reflex *x, uint64_t now, uint64_t *ret_next);
/* Fill on, between two questions: is it time for the next one? */
bool rfx_bridge_filled(struct reflex *x, uint64_t now, uint64_t *ret_next);
bool rfx_bridge_stands(struct reflex *x, uint64_t now, uint64_t *ret_next);

/* reflexes_fire.c */
void rfx_has_fired(struct reflex *x, const struct txn *t);
void rfx_missed(struct reflex *x, uint64_t now); /* nobody told us, but it has */
void rfx_settle(struct reflex *x, enum firing_end end, const char *why);
uint64_t rfx_run_fired(struct reflex *x, uint64_t now);
uint64_t rfx_run_refractory(struct reflex *x, uint64_t now);
void rfx_returned(struct reflex *x, const struct txn *t);

/* reflexes_adopt.c: true when there was one and it is done with */
/* What the last run began for it is neither over nor to be adopted yet. */
bool rfx_adopt_later(const struct reflex *x);
bool rfx_adopt(struct reflex *x, uint64_t now);

/* reflexes_watch.c */
void rfx_watch(struct reflex *x);
void rfx_unwatch(struct reflex *x);
char *rfx_key(const struct config *c, const struct policy_rule *r);

/* reflexes_file.c */
void reflexes_load(struct reflexes *s);
void reflexes_save(struct reflexes *s);

#endif
