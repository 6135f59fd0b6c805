/*
 * flap - what the files of this agent share: penalty.c, hold.c (one link), flap.c (all of them).
 *
 * Threads: the host's one.  Memory: all of it from host->alloc.
 */
#ifndef FLAP_FLAP_H
#define FLAP_FLAP_H

#include <anod/plugin.h>

#include "penalty.h"

#define LINKS_MAX 256
#define SHADOW_US 5000000 /* after an administrative change */

enum hold { HOLD_NONE = 0, HOLD_ASKED, HOLD_DONE, HOLD_LIFTING };

struct link {
	char name[ANOD_NAME_SIZE];
	struct agent *a;
	struct penalty penalty;
	int64_t count; /* carrier_down as last seen; -1: not yet */
	unsigned uncharged;
	uint64_t flap_us;   /* of the first uncharged one */
	uint64_t shadow_us; /* until then nothing is charged */
	uint64_t finding, proposal, retry_us;
	enum hold hold;
};

struct agent {
	struct anod_ctx *ctx;
	struct penalty_params params;
	bool hold_down;
	unsigned n_links;
	struct link *link[LINKS_MAX];
	bool said_full;
	uint64_t timer, wake_us;
};

/* ---- flap.c ---- */

struct link *flap_find(struct agent *a, const char *name); /* NULL: not known */
/* Judge all links and set the timer. */
void flap_review(struct agent *a);

/* ---- hold.c ---- */

/* Judge one link; returns when to look at it again, UINT64_MAX: when it says something. */
uint64_t hold_review(struct link *l, uint64_t now);

#endif
