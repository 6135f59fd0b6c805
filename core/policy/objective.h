/*
 * objective - accounts of objectives: how much of a sliding period they were fulfilled.
 *
 * Time is given as durations, each with the truth that held through it: true (fulfilled), false
 * (not fulfilled), unknown (not measured: it neither fulfils nor violates, and is shown).  The
 * account has a clock of its own, which only these durations move, so a wall clock that jumps
 * changes nothing; it says only which day (UTC) a duration is booked to.
 *
 * The period slides in steps of 1/720 (an hour of 30 days); behind it stand the short windows of
 * the burn rates, in steps of 1/43200 (a minute of 30 days).  What is older than the period by
 * less than a step may have gone already.  Burn rates are those of the Google SRE Workbook,
 * chapter 5, "Multiwindow, Multi-Burn-Rate Alerts", whose windows for 30 days are 1 h with 5 min
 * and 6 h with 30 min: the same shares of any other period.
 *
 * Pure; no allocation but in the JSON.  Threads: none.
 */
#ifndef POLICY_OBJECTIVE_H
#define POLICY_OBJECTIVE_H

#include <anod/value.h>

#include "base/util.h"

#define OBJECTIVES_MAX	      64 /* of one policy */
#define OBJECTIVE_PERIOD_MIN  (UINT64_C(600) * 1000000)
#define OBJECTIVE_PERIOD_MAX  (UINT64_C(366) * 86400 * 1000000)
#define OBJECTIVE_PERIOD_DFLT (UINT64_C(30) * 86400 * 1000000) /* without a budget */

#define ACCOUNT_COARSE 720
#define ACCOUNT_FINE   1440 /* of 1/43200 of the period each: the last thirtieth of it */
#define ACCOUNT_DAYS   40

#define BURN_FAST 14.4 /* 2 % of the budget of 30 days in an hour: look now */
#define BURN_SLOW 6.0  /* 5 % in six hours */

/* Milliseconds. */
struct account_part {
	uint32_t ok, bad, unknown;
};
struct account_sum {
	uint64_t ok, bad, unknown;
};

struct account_ring {
	uint64_t last; /* number of the newest part, from the begin of the account's clock */
	unsigned n;
	struct account_part *part; /* n of them; slot = number % n */
};

struct account_day {
	uint32_t day; /* since 1970; 0: no day */
	struct account_part t;
};

struct account {
	uint64_t period_us, now_us; /* the account's clock: from 0 */
	double target;		    /* share of time; 0: no budget */
	struct account_ring coarse, fine;
	struct account_part coarse_part[ACCOUNT_COARSE], fine_part[ACCOUNT_FINE];
	struct account_day day[ACCOUNT_DAYS]; /* a ring by day % ACCOUNT_DAYS */
};

/* Begin at zero.  'period_us' is from OBJECTIVE_PERIOD_MIN to _MAX.  The account must not be moved
 * in memory afterwards. */
void account_init(struct account *a, double target, uint64_t period_us);

/* 'dur_us' have passed in which 'truth' held; 'wall_us' is the wall clock at their end. */
void account_add(struct account *a, uint64_t dur_us, enum anod_tri truth, uint64_t wall_us);

/* What was in the period, and in the last 'window_us' (at most a thirtieth of the period). */
void account_total(const struct account *a, struct account_sum *ret);
void account_window(const struct account *a, uint64_t window_us, struct account_sum *ret);

/* Share of the error budget that is left, 1 to -infinity; NAN without a budget. */
double account_left(const struct account *a);

/* How many times faster than evenly the budget is spent: 1 spends it in exactly the period.  Of a
 * pair of windows the smaller rate, so that it is high only while it goes on, and soon over.  NAN:
 * no budget, or nothing was measured in one of them. */
struct account_burn {
	double fast, slow;
};
void account_burn(const struct account *a, struct account_burn *ret);
/* The windows of it, for people: period / 720 ... */
uint64_t account_burn_window(const struct account *a, bool slow);

/* How long the budget lasts at such a rate, or UINT64_MAX: for ever.  0: it is spent. */
uint64_t account_lasts_us(const struct account *a, double burn);

/* ---- for the state folder ---- */

struct cJSON;
/* NULL: no memory. */
struct cJSON *account_json(const struct account *a);
/* Into an account of the same period, which is begun anew first.  -EBADMSG: it is not one, or of
 * another period; the account is then empty. */
int account_load(struct account *a, const struct cJSON *o);

#endif
