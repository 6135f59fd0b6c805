/*
 * pace - what one sensor costs, what it may cost, and how long it therefore waits.
 *
 * A meter counts the CPU time of a sensor's callbacks and the time for which it held others up, in
 * seconds of which the last METER_SLOTS are kept, and as a debt that is paid off at the rate of the
 * sensor's limit.  A reading that has put the sensor into debt is repeated when it is paid off, so
 * a sensor never takes more than its limit in the long run, and what has saved up to METER_SLOTS
 * seconds of its limit may spend that at once.
 *
 * Pure but for the clocks, which a test replaces.  One thread.  No errors.
 */
#ifndef HOST_PACE_H
#define HOST_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define METER_SLOTS  10				/* seconds that a share is taken over */
#define PACE_MAX_US  (UINT64_C(3600) * 1000000) /* the longest that a sensor is made to wait */
#define PACE_LIMIT   0.01			/* of one core, for all sensors: the default */
#define PACE_LEAST   0.0001			/* what every sensor may have, of one core */
#define PACE_RESERVE 0.5			/* of the budget, that unpaced sensors leave */
#define PACE_GRACE   15 /* seconds at first that cost nothing: everything is opened and read */
/* A wait is longer than this only where the reading alone would take all of the budget for so long:
 * what others need may be less soon. */
#define PACE_STEP_US (UINT64_C(60) * 1000000)

struct meter {
	uint64_t cpu_ns[METER_SLOTS], held_ns[METER_SLOTS]; /* a ring of seconds */
	unsigned slot;					    /* the present one */
	unsigned n_slots;				    /* that were, up to METER_SLOTS */
	unsigned n_beats;				    /* since the start, up to PACE_GRACE */
	double limit, budget;				    /* of one core: its own, of all */
	double reading_ns;				    /* since the last pace() */
	double debt_ns;					    /* negative: saved */
	uint64_t debt_us;				    /* when that was so; 0: never */
	bool paced;					    /* has called pace() */
	bool free;					    /* is needed: not slowed down now */
	double slowed;					    /* the largest factor in force */
	uint64_t slowed_until_us, wait_us, wanted_us;	    /* ... and of what */
	/* The callback that runs. */
	bool running;
	uint64_t cpu_at_ns, wall_at_ns, switches_at;
	unsigned watch_blocks; /* callbacks for which it is worth asking whether they blocked */
};

/* CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC, and how often this thread has waited for something
 * (ru_nvcsw). */
struct meter_clocks {
	uint64_t (*cpu_ns)(void);
	uint64_t (*wall_ns)(void);
	uint64_t (*switches)(void);
};
extern struct meter_clocks meter_clocks;

/* 'limit' until the first meters_share(). */
void meter_init(struct meter *m, double limit);

/* Around a callback of the sensor; NULL: nothing is measured.  They do not nest: what is inside of
 * another is a part of it. */
bool meter_begin(struct meter *m);
void meter_end(struct meter *m, bool begun);

/* See anod/plugin.h. */
uint64_t meter_pace(struct meter *m, uint64_t now_us, uint64_t wanted_us, uint64_t held_us);

/* A second has passed. */
void meter_beat(struct meter *m, uint64_t now_us);
/* Of one core, over the last METER_SLOTS seconds: CPU and held; and what it would be if the sensor
 * were not slowed down. */
double meter_share(const struct meter *m);
double meter_need(const struct meter *m);
uint64_t meter_held_us(const struct meter *m);
/* The largest factor by which a reading is put off now; 1: none is. */
double meter_slowed(const struct meter *m);

/* Divides 'budget' between the n (METERS_MAX at most) meters: who needs less than an equal part
 * leaves the rest to the others (max-min fairness).  The limit of each is what it could have if it
 * wanted everything while the others take what they need.  What sensors that are not paced take
 * is taken off first, up to all but PACE_RESERVE of it. */
#define METERS_MAX 128
void meters_share(struct meter *const *m, unsigned n, double budget);

#endif
