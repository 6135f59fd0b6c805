/*
 * bufferbloat - what the files of the agent share.
 *
 * estimate.c knows how fast the far box is, bufferbloat.c when its queue is too long, act.c what is
 * proposed and what became of it.
 *
 * Thread: the cell's loop.  Memory: the cell's, until fini().
 */
#ifndef BUFFERBLOAT_H
#define BUFFERBLOAT_H

#include <anod/object.h>
#include <anod/plugin.h>

#include "estimate.h"

#define UPLINKS_MAX 16

struct agent;

struct uplink {
	struct agent *a;
	char dev[ANOD_IFNAME_SIZE];
	char probe[ANOD_NAME_SIZE]; /* DEV/ADDRESS */
	uint64_t rtt_us;	    /* of the last answer; 0: none */
	uint64_t bloated_us;	    /* since when; 0: it is not */
	uint64_t quiet_us;	    /* since when the load is over; 0: it is not */
	struct estimate estimate;   /* of the bloat */
	uint64_t finding, proposal; /* 0: none */
	bool shaped;		    /* by us: what is there is to be taken away */
	bool lifting;		    /* the proposal is to do that */
	unsigned n_tries;	    /* that failed, in a row */
	uint64_t again_us;	    /* not before */
};

struct agent {
	struct anod_ctx *ctx;
	struct uplink uplink[UPLINKS_MAX];
	unsigned n_uplinks;
	uint64_t target_us, hold_us, after_us;
	double busy, share;
	char discipline[ANOD_TEXT_SIZE];
};

/* A number of a fact; false: unknown. */
bool fact_number(struct agent *a, const char *kind, const char *entity, const char *attr,
		 int64_t *ret);
/* Tell of it, anew or for the first time. */
void act_report(struct uplink *u, int64_t sent_bps);
/* Shape to what the estimate says; nothing while something is under way or it is too early. */
void act_shape(struct uplink *u);
/* The load is over: take our discipline away, and clear. */
void act_lift(struct uplink *u);

#endif
