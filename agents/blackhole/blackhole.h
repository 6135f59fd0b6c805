/*
 * blackhole - what the files of the agent share.
 *
 * blackhole.c is life and the way of one hole, probe.c asks, cure.c finds and proposes, sweep.c judges.
 *
 * Thread: the cell's.  Memory: from host->alloc, bounded by the numbers below.
 */
#ifndef BLACKHOLE_BLACKHOLE_H
#define BLACKHOLE_BLACKHOLE_H

#include <anod/plugin.h>

#include "sweep.h"

#define HOLES_MAX 4
#define EVERY_US  250000	     /* between two probes of a size */
#define SLOW_US	  2000000	     /* the same while the cure is in force */
#define AGAIN_US  UINT64_C(60000000) /* until the same block is swept again; doubles */
#define AGAIN_MAX 6

enum state { FREE, SWEEPING, FOUND, CURING, CURED, LIFTING, RESTING };

struct hole {
	struct agent *a;
	enum state state;
	char entity[ANOD_NAME_SIZE]; /* of tcp_prefix */
	char dev[ANOD_IFNAME_SIZE];
	struct anod_prefix host, block, gateway;
	struct rung rung[SIZES_MAX];
	struct rung base[SIZES_MAX]; /* counters when the sweep began; sent < 0: not known */
	char probe[SIZES_MAX][ANOD_NAME_SIZE];
	uint64_t ask[SIZES_MAX];
	unsigned n;
	uint32_t mtu;
	uint64_t since_us, again_us;
	unsigned tries;
	int64_t whole_sent, whole_lost; /* of the full size, when it was lost last */
	uint64_t finding, proposal;
};

struct agent {
	struct anod_ctx *ctx;
	uint64_t clean_us;
	struct hole hole[HOLES_MAX];
};

/* ---- blackhole.c ---- */

uint64_t hole_now(const struct hole *h);
/* A fact of this type; false: it is not known. */
bool hole_get(struct agent *a, const char *kind, const char *entity, const char *attr, uint8_t type,
	      struct anod_value *ret);
/* The path is whole again: clear, and forget it. */
void hole_over(struct hole *h, const char *why);
/* After a refusal: when to ask again. */
void hole_wait(struct hole *h);

/* ---- probe.c ---- */

struct anod_arg *arg_add(struct anod_action *act, const char *name, uint8_t type);
void arg_int(struct anod_action *act, const char *name, enum anod_unit unit, int64_t i);
/* Ask for the probe of the i-th size. */
void probe_ask(struct hole *h, unsigned i, int64_t every_us);
void probe_hush(struct hole *h);
/* What each size has said since it was asked. */
void probe_read(struct hole *h);

/* ---- cure.c ---- */

void cure_tell(struct hole *h);
/* Propose the route with the MTU that passes, or to take it away. */
void cure_propose(struct hole *h, bool lift);

#endif
