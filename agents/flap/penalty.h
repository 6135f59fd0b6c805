/*
 * penalty - route-flap damping for a link, in the form of RFC 2439.
 *
 * A flap adds a penalty, which decays by half in every half-life.  Above 'suppress' the link is
 * suppressed, until the penalty has decayed below 'reuse'.  The penalty has a ceiling such that
 * no link stays suppressed for longer than 'max_us' after its last flap.
 *
 * Pure; decay is computed when somebody looks, so nothing ticks.
 */
#ifndef FLAP_PENALTY_H
#define FLAP_PENALTY_H

#include <stdbool.h>
#include <stdint.h>

struct penalty_params {
	double flap, suppress, reuse; /* reuse < suppress */
	uint64_t half_life_us, max_us;
};

struct penalty {
	double value; /* at 'at_us' */
	uint64_t at_us;
	bool suppressed;
};

/* 0, or -EINVAL: they contradict each other; *ret_why says how. */
int penalty_check(const struct penalty_params *p, const char **ret_why);

double penalty_now(const struct penalty *x, const struct penalty_params *p, uint64_t now_us);
/* Charge 'n' flaps.  True: the link is suppressed by it. */
bool penalty_charge(struct penalty *x, const struct penalty_params *p, unsigned n, uint64_t now_us);
/* True: the link was suppressed and may be used again. */
bool penalty_release(struct penalty *x, const struct penalty_params *p, uint64_t now_us);
/* When it may be used again if nothing more happens; UINT64_MAX: it is not suppressed. */
uint64_t penalty_reuse_us(const struct penalty *x, const struct penalty_params *p);

#endif
