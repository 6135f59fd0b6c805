/*
 * uplink_health - what is wrong with one uplink, from its facts and its probes.
 *
 * Pure: facts and time are arguments.  One struct per uplink; the caller owns it.
 *
 *   UNKNOWN --> HEALTHY --> (DOWN | GATEWAY | DEAD | GRAY | ELSEWHERE)
 *   DOWN, GATEWAY, DEAD --> RETURNING --> HEALTHY     after 'clean_us' without a fault
 *   GRAY, ELSEWHERE --> HEALTHY                       after 'clean_us' and proof of health
 *   ELSEWHERE --> GRAY                                when the loss turns out to be its own
 *   any --> UNKNOWN                                   when a fact that it rests on is unknown
 */
#ifndef UPLINK_HEALTH_H
#define UPLINK_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <anod/value.h>

#include "loss_test.h"

#define HEALTH_HISTORY 2048 /* outcomes kept to tell rival causes apart */
#define HEALTH_TARGETS 16

enum health_state {
	HEALTH_UNKNOWN = 0,
	HEALTH_HEALTHY,
	HEALTH_ELSEWHERE, /* loses, but so do the others or one target alone: nothing to steer */
	HEALTH_RETURNING, /* no fault now, but not for long enough */
	HEALTH_GRAY,	  /* loses some probes */
	HEALTH_DEAD,	  /* a quorum of targets does not answer */
	HEALTH_GATEWAY,	  /* the gateway does not answer on the link */
	HEALTH_DOWN,	  /* no carrier, shut, or no such link */
};

struct health_params {
	struct loss_test_params loss;
	uint64_t clean_us;   /* refractory time */
	uint64_t timeout_us; /* of a probe: for so long after a fault its echoes are ignored */
	unsigned quorum;     /* targets that must be dead; 0: more than half */
};

struct health_input {
	enum anod_tri link;	    /* carrier and administratively up */
	enum anod_tri gateway;	    /* TRUE also when it was never asked */
	unsigned targets, up, down; /* the rest is unknown */
};

struct health_outcome {
	uint64_t time_us;
	uint8_t target;
	bool lost;
};

struct health {
	enum health_state state;
	uint64_t since_us; /* of the state */
	uint64_t bad_us;   /* when it was last at fault; 0: never */
	bool stained;	   /* a hard fault, and not healthy since */
	uint64_t deaf_until_us;
	struct loss_test test;
	double loss;  /* ratio found, in GRAY and ELSEWHERE */
	double proof; /* evidence that the loss is over, nats */
	bool last_lost;
	unsigned n_history; /* outcomes ever written */
	struct health_outcome history[HEALTH_HISTORY];
};

/* 0 or -EINVAL: parameters out of range. */
int health_init(struct health *h, const struct health_params *p);

/* Take what the facts say now.  True: the state changed. */
bool health_update(struct health *h, const struct health_params *p, const struct health_input *in,
		   uint64_t now_us);

/* Take one probe's outcome.  True: the loss has risen, *ret_since_us says since when and
 * *ret_loss to what; the caller then decides whose loss it is and says so by health_blame(). */
bool health_probe(struct health *h, const struct health_params *p, unsigned target, bool lost,
		  uint64_t now_us, uint64_t *ret_since_us, double *ret_loss);
void health_blame(struct health *h, double loss, bool own, uint64_t now_us);

/* When time alone may change the state; UINT64_MAX: never. */
uint64_t health_next_us(const struct health *h, const struct health_params *p);

const char *health_state_name(enum health_state s);

#endif
